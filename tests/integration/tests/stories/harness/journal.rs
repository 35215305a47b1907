//! What reached Azure, as the simulator wrote it down.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    /// Milliseconds since 1970.
    pub(crate) time: u64,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) operation: String,
    pub(crate) status: u16,
    pub(crate) effect: String,
    pub(crate) fault: Option<u64>,
}

impl Entry {
    /// Whether it asked for a change: POST is also how keys are read and tokens are had.
    pub(crate) fn is_write(&self) -> bool {
        let operation = self.operation.to_ascii_lowercase();
        let read = ["listkeys/action", "token/action", "getfullurl/action"];
        self.method != "GET" && !read.iter().any(|read| operation.ends_with(read))
    }

    pub(crate) fn is(&self, method: &str, operation: &str) -> bool {
        self.method == method && self.operation.eq_ignore_ascii_case(operation)
    }
}

/// The requests that asked for a change, as `METHOD operation status`.
pub(crate) fn writes(entries: &[Entry]) -> Vec<String> {
    let written = entries.iter().filter(|entry| entry.is_write());
    written.map(|entry| format!("{} {} {}", entry.method, entry.path, entry.status)).collect()
}

/// How often each resource came to be.
pub(crate) fn creates(entries: &[Entry]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.effect == "create") {
        *counts.entry(entry.path.to_ascii_lowercase()).or_default() += 1;
    }
    counts
}
