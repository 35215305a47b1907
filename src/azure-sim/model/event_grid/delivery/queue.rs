//! What waits for one event subscription.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::super::kept::Table;
use super::event::Event;

/// Events that wait for one subscription at most; the bound is the simulator's.
pub(super) const LIMIT: usize = 10_000;
/// Bytes that wait for one subscription at most, about; the bound is the simulator's.
const BYTES: usize = 64 * 1024 * 1024;
/// Requests that are out for one subscription at most; the bound is the simulator's.
pub(super) const AT_ONCE: usize = 32;
/// Failures in a row after which Event Grid holds an endpoint's events back (the documentation's example).
pub(super) const FAILURES: u32 = 10;

/// One event on its way to one subscription.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Copy {
    pub(super) event: Arc<Event>,
    /// Attempts made.
    pub(super) attempts: u32,
    pub(super) last_outcome: Cow<'static, str>,
    pub(super) last_attempt: Option<u64>,
}

impl Copy {
    pub(super) fn new(event: Arc<Event>) -> Self {
        Self { event, attempts: 0, last_outcome: Cow::Borrowed(""), last_attempt: None }
    }
}

/// An event that is given up, on its way to the dead-letter store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Letter {
    pub(super) copy: Copy,
    pub(super) reason: Cow<'static, str>,
    /// When the store was tried first.
    pub(super) since: Option<u64>,
    /// How often it was tried.
    pub(super) tries: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Queue {
    /// Sets this subscription apart from an earlier one of the same id.
    pub(super) life: u64,
    /// By when each is due, then by age.
    #[serde(skip)]
    pub(super) waiting: Table<(u64, u64), Copy>,
    /// No attempt follows: what waits for the dead-letter store. Probation does not hold it up.
    #[serde(skip)]
    pub(super) given_up: Table<(u64, u64), Letter>,
    pub(super) requests_out: usize,
    pub(super) copies_out: usize,
    /// Failures in a row.
    pub(super) failures: u32,
    /// On probation until then.
    pub(super) rests_until: Option<u64>,
    /// Whether the failure that brought it there was the client's: an answer that asks for no other attempt, or for a late one.
    #[serde(default)]
    pub(super) client_error: bool,
    /// How long it rested last, in unscaled milliseconds.
    pub(super) rest: u64,
    /// When the next look at it is due already.
    pub(super) wake: Option<u64>,
}

impl Queue {
    pub(super) fn new(life: u64) -> Self {
        Self {
            life,
            waiting: Table::default(),
            given_up: Table::default(),
            requests_out: 0,
            copies_out: 0,
            failures: 0,
            rests_until: None,
            client_error: false,
            rest: 0,
            wake: None,
        }
    }

    /// Whether one more request may go out. On probation one at a time tries.
    pub(super) fn admits(&self, now: u64) -> bool {
        match self.rests_until {
            Some(until) => now >= until && self.requests_out == 0,
            None => self.requests_out < AT_ONCE,
        }
    }

    /// When the next attempt is due.
    pub(super) fn next_attempt(&self) -> Option<u64> {
        let (due, _) = *self.waiting.first_key_value()?.0;
        Some(due.max(self.rests_until.unwrap_or(0)))
    }

    /// When the next event goes to the dead-letter store.
    pub(super) fn next_letter(&self) -> Option<u64> {
        self.given_up.first_key_value().map(|((due, _), _)| *due)
    }

    /// When the first event that waits is too old.
    pub(super) fn next_too_old(&self, time_to_live: u64) -> Option<u64> {
        self.waiting.values().map(|copy| copy.event.published.saturating_add(time_to_live)).min()
    }

    /// Whether one more event may wait. Small events need no adding up: their number is bound enough.
    pub(super) fn has_room_for(&self, event: &Event) -> bool {
        let waiting = || self.waiting.values().chain(self.given_up.values().map(|letter| &letter.copy));
        let fits = || waiting().map(|copy| copy.event.size).sum::<usize>() + event.size <= BYTES;
        self.pending() < LIMIT && (event.size <= BYTES / LIMIT || fits())
    }

    /// Whether the endpoint is on probation by its own fault.
    pub(super) fn rests_for_client_error(&self, now: u64) -> bool {
        self.client_error && self.rests_until.is_some_and(|until| until > now)
    }

    /// Copies that wait for anything.
    pub(super) fn pending(&self) -> usize {
        self.waiting.len() + self.given_up.len()
    }

    pub(super) fn succeeded(&mut self) {
        (self.failures, self.rest, self.rests_until) = (0, 0, None);
    }
}
