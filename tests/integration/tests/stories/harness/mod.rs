//! What every story stands on.

mod hook;
mod journal;
mod objects;
mod story;

pub(crate) use hook::Hook;
pub(crate) use journal::{Entry, creates, writes};
pub(crate) use objects::{QUICKSTART, Quickstart, examples, merge};
pub(crate) use story::{Story, cluster_with_gateways, condition, p8, prepared_cluster as cluster};

use std::time::Duration;

/// Generous: a busy machine must not fail a story that would have come true.
pub(crate) const SOON: Duration = Duration::from_secs(60);
