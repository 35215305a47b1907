//! Stories told by the operator binary on a real API server against the simulator. Each has a namespace, a simulator and
//! an operator of its own; what it claims it looks up twice, in Azure and in Kubernetes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a story that meets what it does not expect has failed, and says where"
)]

mod authority;
mod chart_simulator;
mod create;
mod credentials;
mod delivery;
mod drain;
mod drift;
mod faults;
mod filters;
mod harness;
mod injection;
mod leaders;
mod leaks;
mod ownership;
mod policies;
mod rebuilt;
mod relay;
mod rest;
mod restart;
mod rights;
mod secrets;
mod tools;
mod update;
mod validation;
