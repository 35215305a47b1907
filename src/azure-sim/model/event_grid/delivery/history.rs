//! Every attempt, and every end without one; the newest are kept.

use serde::{Deserialize, Serialize};

use super::super::super::kept::Log;

/// What became of one event at one attempt. Of the request nothing but its place: headers may be secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) sequence: u64,
    /// Milliseconds since 1970.
    pub(super) time: u64,
    pub(super) event_id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Id of the event subscription.
    pub(super) subscription: String,
    /// From 1; 0 for an event that was never sent.
    pub(super) attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
    pub(super) outcome: Fate,
    /// Why it went no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_attempt: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fate {
    Delivered,
    Retry,
    /// Given up; in the dead-letter store after five minutes.
    GivenUp,
    DeadLettered,
    Dropped,
}

const CAPACITY: usize = 10_000;

#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pub(super) entries: Log<Entry>,
}

impl History {
    pub(super) fn record(&mut self, mut entry: Entry) {
        entry.sequence = self.entries.next();
        self.entries.push(entry, CAPACITY);
    }

    pub(super) fn since(&self, sequence: u64) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |e| e.sequence > sequence)
    }
}
