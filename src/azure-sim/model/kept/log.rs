//! A row of which the newest are kept.

use std::collections::VecDeque;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Write, encode};

/// The newest of a row, oldest first; each has its number.
#[derive(Clone, Debug)]
pub(crate) struct Log<T> {
    entries: VecDeque<T>,
    /// Number of the next one.
    next: u64,
    /// What is written: from here to there.
    written: Option<(u64, u64)>,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), next: 1, written: None }
    }
}

impl<T> Deref for Log<T> {
    type Target = VecDeque<T>;

    fn deref(&self) -> &VecDeque<T> {
        &self.entries
    }
}

impl<T: Serialize + DeserializeOwned> Log<T> {
    /// Number of the next one.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Adds one, and lets the oldest go where there are more than `most`.
    pub(crate) fn push(&mut self, entry: T, most: usize) {
        self.next += 1;
        self.entries.push_back(entry);
        while self.entries.len() > most {
            self.entries.pop_front();
        }
    }

    fn first(&self) -> u64 {
        self.next - self.entries.len() as u64
    }

    pub(crate) fn watch(&mut self, written: bool) {
        self.written = Some((self.first(), if written { self.next } else { self.first() }));
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.written.is_some_and(|(_, until)| until != self.next)
    }

    pub(crate) fn write(&mut self, table: &'static str, write: &mut Write<'_>) {
        let Some((from, until)) = self.written else { return };
        let first = self.first();
        for number in from..first.min(until) {
            write(table, encode(&number), None);
        }
        for (number, entry) in (first..).zip(&self.entries).skip(until.saturating_sub(first) as usize) {
            write(table, encode(&number), Some(encode(entry)));
        }
        self.written = Some((first, self.next));
    }

    /// Puts back what was written down, in any order of the numbers.
    pub(crate) fn restore(&mut self, mut entries: Vec<(u64, T)>) {
        entries.sort_unstable_by_key(|(number, _)| *number);
        self.next = entries.last().map_or(1, |(number, _)| number + 1);
        self.entries = entries.into_iter().map(|(_, entry)| entry).collect();
        self.written = Some((self.first(), self.next));
    }
}
