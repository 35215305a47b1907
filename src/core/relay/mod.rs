//! Relays: what runs in their pods.

pub mod child;
pub mod config;
pub mod inject;
pub mod pods;
pub mod render;
pub mod rules;
