//! What happened: a hash of it always, the words only when someone wants to read them.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::Hasher;

use serde_json::Value;

/// A trace.
#[derive(Debug)]
pub struct Trace {
    hash: DefaultHasher,
    lines: Option<Vec<String>>,
    line: String,
}

impl Trace {
    /// An empty trace.
    pub fn new(keep: bool) -> Self {
        Self { hash: DefaultHasher::new(), lines: keep.then(Vec::new), line: String::new() }
    }

    /// Notes something.
    pub fn note(&mut self, now: u64, what: fmt::Arguments<'_>) {
        use fmt::Write;
        self.line.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.line, "{:>9}.{:03} {what}", now / 1000, now % 1000);
        self.hash.write(self.line.as_bytes());
        if let Some(lines) = &mut self.lines {
            lines.push(self.line.clone());
        }
    }

    /// True if words are kept.
    pub fn is_kept(&self) -> bool {
        self.lines.is_some()
    }

    /// Hash of everything noted.
    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }

    /// The words.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}

/// A path from its provider on.
pub fn short(path: &str) -> &str {
    path.split_once("/providers/").map_or(path, |(_, rest)| rest)
}

/// Ready, and what is open, of a status.
pub fn ready_of(status: &Value) -> String {
    let text = |pointer: &str| status.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let open: Vec<String> = status
        .get("operations")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|operation| {
            format!(
                "{}:{}",
                operation.get("step").and_then(Value::as_str).unwrap_or_default(),
                operation.get("id").and_then(Value::as_str).and_then(|id| id.get(30..)).unwrap_or_default()
            )
        })
        .collect();
    format!(
        "{} {} {open:?} {}",
        text("/conditions/0/status"),
        text("/conditions/0/reason"),
        text("/conditions/0/message")
    )
}
