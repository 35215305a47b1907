//! Real Kubernetes grounds for tests, demo, playground and bench.
//!
//! [`Cluster`] is a genuine API server with what belongs to it, started in seconds on loopback, the same with a node
//! that runs real pods, or any cluster given by kubeconfig. [`Process`] runs everything else beside it (operator, simulator) and takes it down again, whatever
//! happens to the program that started it. Nothing here models Kubernetes.

#[cfg(feature = "ground")]
pub mod audit;
#[cfg(feature = "ground")]
pub mod azure_sim;
pub mod binaries;
#[cfg(feature = "ground")]
pub mod cluster;
#[cfg(feature = "ground")]
pub mod forward;
#[cfg(feature = "ground")]
pub mod front;
pub mod ground;
#[cfg(feature = "ground")]
pub mod images;
#[cfg(feature = "ground")]
pub mod operator;
pub mod parts;
#[cfg(feature = "ground")]
pub mod ports;
#[cfg(feature = "ground")]
pub mod process;
#[cfg(feature = "ground")]
pub mod relay_process;
#[cfg(feature = "ground")]
pub mod scratch;
#[cfg(feature = "ground")]
pub mod stack;
#[cfg(feature = "ground")]
pub mod supervise;
pub mod tail;
#[cfg(feature = "ground")]
pub mod wait;

#[cfg(feature = "ground")]
pub use azure_sim::AzureSim;
#[cfg(feature = "ground")]
pub use cluster::{Cluster, TestNamespace};
#[cfg(feature = "ground")]
pub use forward::Forward;
pub use ground::Ground;
#[cfg(feature = "ground")]
pub use images::Image;
#[cfg(feature = "ground")]
pub use operator::Operator;
pub use parts::Part;
#[cfg(feature = "ground")]
pub use process::Process;
#[cfg(feature = "ground")]
pub use relay_process::RelayProcess;
#[cfg(feature = "ground")]
pub use stack::Stack;
#[cfg(feature = "ground")]
pub use wait::{wait_for, wait_for_some};
