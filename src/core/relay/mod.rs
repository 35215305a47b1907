//! Relays: what runs in their pods.

pub mod inject;
