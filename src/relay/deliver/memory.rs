//! Memory of what was delivered, so that a retry reaches only those who lack an event, and a duplicate nobody.
//!
//! Limits: the last [`MOST`] deliveries of this process, each for [`FOR`]. What is forgotten is delivered again.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Most deliveries that are remembered: about 4 MiB.
pub const MOST: usize = 65_536;
/// How long: Event Grid retries for a day, and may be late.
pub const FOR: Duration = Duration::from_secs(25 * 3600);

/// Stands for an event and a destination, or for a subject and a destination. Keyed by this process: nobody outside can make
/// two things look the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark(u64, u64);

/// What was delivered.
pub struct Memory {
    hashers: (RandomState, RandomState),
    delivered: Mutex<Delivered>,
}

#[derive(Default)]
struct Delivered {
    marks: HashSet<Mark>,
    order: VecDeque<(Mark, Instant)>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { hashers: (RandomState::new(), RandomState::new()), delivered: Mutex::default() }
    }
}

impl Memory {
    /// The mark of some words.
    pub fn mark(&self, words: (&str, &str, &str)) -> Mark {
        Mark(self.hashers.0.hash_one(words), self.hashers.1.hash_one(words))
    }

    /// True if that was delivered.
    pub fn has(&self, mark: Mark) -> bool {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).marks.contains(&mark)
    }

    /// Remembers a delivery, and forgets what is old or too much.
    pub fn remember(&self, mark: Mark, now: Instant) {
        let mut delivered = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        if delivered.marks.insert(mark) {
            delivered.order.push_back((mark, now));
        }
        while delivered
            .order
            .front()
            .is_some_and(|(_, at)| delivered.order.len() > MOST || now.saturating_duration_since(*at) > FOR)
        {
            if let Some((old, _)) = delivered.order.pop_front() {
                delivered.marks.remove(&old);
            }
        }
    }

    /// How many deliveries are remembered.
    pub fn len(&self) -> usize {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).order.len()
    }

    /// True when none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_in_number_and_time() {
        let memory = Memory::default();
        let now = Instant::now();
        let mark = |n: usize| memory.mark(("source", &n.to_string(), "route"));
        for n in 0..=MOST {
            memory.remember(mark(n), now);
        }
        assert_eq!(memory.len(), MOST);
        assert!(!memory.has(mark(0)) && memory.has(mark(1)) && memory.has(mark(MOST)));
        memory.remember(mark(0), now + FOR + Duration::from_secs(1));
        assert_eq!(memory.len(), 1);
    }

    #[test]
    fn words_do_not_run_into_each_other() {
        let memory = Memory::default();
        assert_ne!(memory.mark(("a", "bc", "d")), memory.mark(("ab", "c", "d")));
    }
}
