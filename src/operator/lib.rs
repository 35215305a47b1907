//! The engine that performs what the core decides, and the acs-operator command line.

pub mod cli;
pub mod engine;
