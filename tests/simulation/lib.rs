//! Deterministic simulation: the shipped engine over a model of Azure and of the API server, under faults.

pub mod azure;
pub mod bugs;
pub mod cluster;
pub mod faults;
pub mod identity;
pub mod oracle;
pub mod port;
pub mod random;
pub mod report;
pub mod runner;
pub mod scenario;
pub mod schedule;
pub mod sim;
pub mod trace;
pub mod users;
