//! The engine: one pass over one object, the same for every kind, in production and in simulation.

pub mod pass;
pub mod port;

pub use pass::{Cause, Engine, Next, Verdict};
pub use port::{Effect, Effected, Port};
