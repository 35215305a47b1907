//! The engine that performs what the core decides, and the acs-operator command line.

pub mod azure;
pub mod cli;
pub mod drift;
pub mod engine;
pub mod kubernetes;
pub mod metrics;
pub mod ops;
pub mod options;
pub mod queue;
pub mod relays;
pub mod run;
