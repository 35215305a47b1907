//! How a relay gets into pods: the chart's admission policies on the real API server, beside the pure function and the command.

mod command;
mod modes;
pub(crate) mod place;
mod refused;
mod same;
mod workloads;
