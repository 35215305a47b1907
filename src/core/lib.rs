//! Kinds, names, Azure resource descriptors, and the pure plan and report: no client, no clock, no randomness.
//!
//! The engine reads an object into a [`world::World`] and calls [`plan::decide`]. The answer names what has to be read first,
//! or is decided: at most one thing to do, and the status to write. See [`walk`] for how one Azure resource is handled.

pub mod azure;
pub mod blind;
pub mod kinds;
pub mod moment;
pub mod names;
pub mod pass;
pub mod plan;
pub mod reason;
pub mod relay;
pub mod remove;
pub mod report;
pub mod step;
pub mod wake;
pub mod walk;
pub mod world;
