//! ARM's token buckets: per subscription, principal and kind of request (documented since 2024-03).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Cost {
    Read,
    /// PUT, PATCH, and POST: recordings show that actions such as listKeys count as writes.
    Write,
    Delete,
}

impl Cost {
    pub(crate) fn of(method: &str) -> Self {
        match method {
            "GET" | "HEAD" => Self::Read,
            "DELETE" => Self::Delete,
            _ => Self::Write,
        }
    }

    fn capacity(self) -> f64 {
        if self == Self::Read { 250.0 } else { 200.0 }
    }

    fn refill_per_second(self) -> f64 {
        if self == Self::Read { 25.0 } else { 10.0 }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Write => "writes",
            Self::Delete => "deletes",
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Bucket {
    tokens: f64,
    at_ms: u64,
}

/// All principals together have this many times what one has (documented).
const SHARED: f64 = 15.0;
/// No principal: its own bucket is that of everybody.
const EVERYBODY: &str = "*";

/// Tokens left after one was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) own: u64,
    pub(crate) shared: u64,
}

/// All buckets of the world.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Buckets(BTreeMap<(String, String, Cost), Bucket>);

impl Buckets {
    /// Takes one token of the caller's and one that all callers share: what remains of each, or how many seconds to wait.
    pub(crate) fn take(&mut self, scope: &str, principal: &str, cost: Cost, speed: f64, now: u64) -> Result<Left, u64> {
        let shared =
            self.one(scope, EVERYBODY, cost, cost.capacity() * SHARED, cost.refill_per_second() * speed * SHARED, now)?;
        let own = self.one(scope, principal, cost, cost.capacity(), cost.refill_per_second() * speed, now)?;
        Ok(Left { own, shared })
    }

    fn one(
        &mut self,
        scope: &str,
        principal: &str,
        cost: Cost,
        capacity: f64,
        rate: f64,
        now: u64,
    ) -> Result<u64, u64> {
        let bucket = self
            .0
            .entry((scope.to_ascii_lowercase(), principal.into(), cost))
            .or_insert(Bucket { tokens: capacity, at_ms: now });
        let gained = now.saturating_sub(bucket.at_ms) as f64 / 1000.0 * rate;
        bucket.tokens = (bucket.tokens + gained).min(capacity);
        bucket.at_ms = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            Ok(bucket.tokens as u64)
        } else {
            // Who calls too early waits anew (documented).
            bucket.tokens = 0.0;
            Err(((1.0 / rate).ceil() as u64).max(1))
        }
    }
}
