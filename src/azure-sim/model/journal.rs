//! Every request that reached the simulator, named as Azure's activity log names it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// What a request did to Azure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// A resource came to be.
    Create,
    /// A resource changed.
    Update,
    /// A resource went, or began to go.
    Delete,
    /// Something was looked at.
    Read,
    /// A POST action was performed.
    Action,
    /// Nothing happened: refused, unchanged, or already gone.
    None,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Counts up without gaps; ask for what came after it by `since`.
    pub sequence: u64,
    /// Milliseconds since 1970.
    pub time: u64,
    /// GET, PUT …
    pub method: String,
    /// The path without its query: queries carry signatures.
    pub path: String,
    /// For example `Microsoft.Communication/CommunicationServices/write`.
    pub operation: String,
    /// Application id of the caller; empty when the token was not accepted.
    pub principal: String,
    /// HTTP status.
    pub status: u16,
    /// ARM's error code, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it changed.
    pub effect: Effect,
    /// The client's correlation id, or the one invented for it.
    pub correlation_id: String,
    /// The fault that struck, by its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<u64>,
}

/// The newest entries, bounded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    entries: VecDeque<Entry>,
    capacity: usize,
    next: u64,
}

impl Journal {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), capacity, next: 1 }
    }

    pub(crate) fn record(&mut self, mut entry: Entry) {
        entry.sequence = self.next;
        self.next += 1;
        if self.entries.len() >= self.capacity {
            self.entries.pop_front();
        }
        if self.capacity > 0 {
            self.entries.push_back(entry);
        }
    }

    pub(crate) fn entries(&self) -> &VecDeque<Entry> {
        &self.entries
    }
}
