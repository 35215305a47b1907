//! Real Kubernetes grounds for tests, demo, playground and bench.
//!
//! [`Cluster`] is a genuine API server with what belongs to it, started in seconds on loopback, or any cluster given
//! by kubeconfig. [`Process`] runs everything else beside it (operator, simulator) and takes it down again, whatever
//! happens to the program that started it. Nothing here models Kubernetes.

pub mod audit;
pub mod azure_sim;
pub mod binaries;
pub mod cluster;
pub mod operator;
pub mod parts;
pub mod ports;
pub mod process;
pub mod scratch;
pub mod stack;
pub mod supervise;
pub mod wait;

pub use azure_sim::AzureSim;
pub use cluster::{Cluster, Ground, TestNamespace};
pub use operator::Operator;
pub use parts::Part;
pub use process::Process;
pub use stack::Stack;
pub use wait::{wait_for, wait_for_some};
