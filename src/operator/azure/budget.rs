//! ARM's token buckets, as seen from here: per subscription and client id, for reads, writes and deletes. Pure.
//!
//! The level falls to what Azure reports, because others may call under the same identity; it rises by refill only.

use std::collections::HashMap;

use acs_core::azure::call::Method;

/// Buckets that ARM counts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallClass {
    /// GET.
    Reads,
    /// PUT, PATCH and POST: ARM counts even a POST that only lists keys as a write.
    Writes,
    /// DELETE.
    Deletes,
}

impl CallClass {
    /// All of them.
    pub const ALL: [CallClass; 3] = [CallClass::Reads, CallClass::Writes, CallClass::Deletes];

    /// The class of a method.
    pub fn of(method: Method) -> Self {
        match method {
            Method::Get => CallClass::Reads,
            Method::Put | Method::Patch | Method::Post => CallClass::Writes,
            Method::Delete => CallClass::Deletes,
        }
    }

    /// As in the names of ARM's headers.
    pub fn name(self) -> &'static str {
        match self {
            CallClass::Reads => "reads",
            CallClass::Writes => "writes",
            CallClass::Deletes => "deletes",
        }
    }

    /// Size, and refill per second.
    fn limits(self) -> (i64, i64) {
        match self {
            CallClass::Reads => (250, 25),
            CallClass::Writes | CallClass::Deletes => (200, 10),
        }
    }
}

/// Part of a bucket that is left to others, in percent. More would only make a big roll-out slower.
const RESERVE_PERCENT: i64 = 15;

/// A call waits at most this long for its turn, in milliseconds; then it is refused. It was announced before: it must not
/// start long after.
const LONGEST_PACE: u64 = 2_000;

/// One bucket, in thousandths of a call.
#[derive(Clone, Debug)]
struct Bucket {
    level: i64,
    size: i64,
    /// Calls per second, which is thousandths per millisecond.
    refill: i64,
    at: u64,
    closed_until: u64,
}

impl Bucket {
    fn new(class: CallClass, now: u64) -> Self {
        let (size, refill) = class.limits();
        Self { level: size * 1000, size: size * 1000, refill, at: now, closed_until: 0 }
    }

    fn advance(&mut self, now: u64) {
        let elapsed = i64::try_from(now.saturating_sub(self.at)).unwrap_or(i64::MAX);
        self.level = self.level.saturating_add(elapsed.saturating_mul(self.refill)).min(self.size);
        self.at = self.at.max(now);
    }

    fn take(&mut self, now: u64) -> Result<u64, u64> {
        self.advance(now);
        if self.closed_until > now {
            return Err(self.closed_until - now);
        }
        let lacking = (self.size * RESERVE_PERCENT / 100 + 1000 - self.level).max(0);
        let wait = u64::try_from((lacking + self.refill - 1) / self.refill).unwrap_or_default();
        if wait > LONGEST_PACE {
            return Err(wait);
        }
        self.level -= 1000;
        Ok(wait)
    }
}

/// All buckets.
#[derive(Debug, Default)]
pub struct Budget {
    buckets: HashMap<(String, String, CallClass), Bucket>,
}

impl Budget {
    fn bucket(&mut self, subscription: &str, client: &str, class: CallClass, now: u64) -> &mut Bucket {
        let key = (subscription.to_ascii_lowercase(), client.to_ascii_lowercase(), class);
        self.buckets.entry(key).or_insert_with(|| Bucket::new(class, now))
    }

    /// Takes one call. Returns how long to wait before making it, in milliseconds.
    ///
    /// # Errors
    /// How long to make none, if that is too long to wait in place. Nothing was taken then.
    pub fn take(&mut self, subscription: &str, client: &str, class: CallClass, now: u64) -> Result<u64, u64> {
        self.bucket(subscription, client, class, now).take(now)
    }

    /// How long the class stays closed, in milliseconds; 0 if it is open.
    pub fn closed(&mut self, subscription: &str, client: &str, class: CallClass, now: u64) -> u64 {
        self.bucket(subscription, client, class, now).closed_until.saturating_sub(now)
    }

    /// Azure said how many calls are left.
    pub fn remaining(&mut self, subscription: &str, client: &str, class: CallClass, left: u64, now: u64) {
        let bucket = self.bucket(subscription, client, class, now);
        bucket.advance(now);
        let left = i64::try_from(left).unwrap_or(i64::MAX).saturating_mul(1000);
        bucket.level = bucket.level.min(left);
    }

    /// Azure asked for a pause of so many milliseconds. An earlier call would only start it again.
    pub fn close(&mut self, subscription: &str, client: &str, class: CallClass, pause: u64, now: u64) {
        let bucket = self.bucket(subscription, client, class, now);
        bucket.closed_until = bucket.closed_until.max(now.saturating_add(pause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CallClass::{Deletes, Reads, Writes};

    fn burst(budget: &mut Budget, class: CallClass, now: u64) -> usize {
        (0..1000).take_while(|_| budget.take("s", "c", class, now) == Ok(0)).count()
    }

    #[test]
    fn a_burst_uses_all_but_the_reserve_and_then_the_refill() {
        for (class, at_once, pace) in [(Reads, 213, 20), (Writes, 170, 100), (Deletes, 170, 100)] {
            let mut budget = Budget::default();
            let taken = burst(&mut budget, class, 0);
            assert!((at_once - 1..=at_once).contains(&taken), "{class:?}: {taken}");
            let wait = budget.take("s", "c", class, 0).unwrap();
            assert!(wait > 0 && wait <= 2 * pace + 40, "{class:?}: {wait}");
        }
    }

    #[test]
    fn those_who_wait_get_one_turn_each_and_a_long_queue_is_refused() {
        let mut budget = Budget::default();
        burst(&mut budget, Writes, 0);
        let waits: Vec<_> = (0..40).map(|_| budget.take("s", "c", Writes, 0)).collect();
        let turns: Vec<u64> = waits.iter().filter_map(|wait| wait.ok()).collect();
        assert!(turns.windows(2).all(|pair| pair[1] - pair[0] == 100), "{turns:?}");
        assert!(turns.iter().all(|wait| *wait <= LONGEST_PACE));
        assert!(waits.iter().any(|wait| wait.is_err_and(|wait| wait > LONGEST_PACE)));
    }

    #[test]
    fn the_level_falls_to_what_azure_reports_and_never_rises_to_it() {
        let mut budget = Budget::default();
        budget.remaining("s", "c", Reads, 40, 0);
        assert_eq!(burst(&mut budget, Reads, 0), 2);
        budget.remaining("s", "c", Reads, 11_999, 0);
        assert_ne!(budget.take("s", "c", Reads, 0), Ok(0));
        // Ten seconds refill it whole.
        assert!(burst(&mut budget, Reads, 10_000) > 200);
    }

    #[test]
    fn a_429_closes_its_class_only_and_until_then_only() {
        let mut budget = Budget::default();
        budget.close("s", "c", Reads, 17_000, 1_000);
        budget.close("s", "c", Reads, 1_000, 1_500);
        for (subscription, client, class, now, expected) in [
            ("S", "C", Reads, 1_000, Err(17_000)),
            ("s", "c", Reads, 17_999, Err(1)),
            ("s", "c", Reads, 18_000, Ok(0)),
            ("s", "c", Writes, 1_000, Ok(0)),
            ("other", "c", Reads, 1_000, Ok(0)),
            ("s", "other", Reads, 1_000, Ok(0)),
        ] {
            assert_eq!(
                budget.take(subscription, client, class, now),
                expected,
                "{subscription} {client} {class:?} {now}"
            );
        }
    }

    #[test]
    fn a_clock_that_stands_still_or_jumps_ahead_breaks_nothing() {
        let mut budget = Budget::default();
        assert_eq!(budget.take("s", "c", Reads, u64::MAX), Ok(0));
        assert_eq!(budget.take("s", "c", Reads, 0), Ok(0));
        budget.close("s", "c", Reads, u64::MAX, 5);
        assert!(budget.take("s", "c", Reads, 5).is_err());
    }
}
