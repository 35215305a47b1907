//! What is counted, under the meanings that Azure Monitor gives the metrics of event subscriptions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Counters of one event subscription, or of all of them together. Each event counts once per subscription.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Metrics {
    /// `MatchedEventCount`.
    pub(super) matched: u64,
    /// Of one subscription: events of its source that its filter held back. Of all together: events that no subscription
    /// took (`UnmatchedEventCount`, which Azure counts on the topic).
    pub(super) unmatched: u64,
    /// `DeliverySuccessCount`.
    pub(super) delivered: u64,
    /// `DeliveryAttemptFailCount`: every event of every attempt that failed.
    pub(super) failed: u64,
    /// `DeadLetteredCount`.
    pub(super) dead_lettered: u64,
    /// `DroppedEventCount`, by reason.
    pub(super) dropped: BTreeMap<String, u64>,
}

impl Metrics {
    pub(super) fn drop_copies(&mut self, reason: &str, count: u64) {
        if count > 0 {
            *self.dropped.entry(reason.to_owned()).or_default() += count;
        }
    }

    pub(super) fn shown(&self) -> Value {
        json!({
            "matched": self.matched, "unmatched": self.unmatched, "delivered": self.delivered, "failed": self.failed,
            "deadLettered": self.dead_lettered, "dropped": self.dropped.values().sum::<u64>(),
            "droppedBecause": self.dropped,
        })
    }
}
