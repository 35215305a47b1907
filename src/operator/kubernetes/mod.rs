//! The Kubernetes side of the engine's port: objects, Secrets, Events, tokens, the lease, and the watches that wake passes.

pub mod api;
pub mod binding;
pub mod children;
pub mod fault;
pub mod lease;
pub mod port;
pub mod proofs;
mod relay_watch;
pub mod secrets;
pub mod watch;
