//! Faults in place: counted, and struck by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::journal::Plane;
use super::super::message::OutboundId;
use super::super::random::Random;
use super::outward::Held;
use super::{Fault, FaultAnswer};

/// A fault in place.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Placed {
    pub(crate) id: u64,
    /// Requests that matched.
    pub(crate) seen: u64,
    /// Requests that were struck.
    pub(crate) hits: u64,
    /// When its storm began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    storm_since: Option<u64>,
    #[serde(flatten)]
    pub(crate) fault: Fault,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Faults {
    pub(crate) placed: Vec<Placed>,
    next: u64,
    /// Calls outwards that were struck and are not over.
    #[serde(default)]
    pub(super) outward: BTreeMap<OutboundId, Held>,
}

/// What a request is matched by.
pub(crate) struct Sight<'a> {
    pub(crate) plane: Plane,
    pub(crate) operation: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) principal: &'a str,
}

impl Faults {
    pub(crate) fn place(&mut self, fault: Fault) -> u64 {
        self.next += 1;
        self.placed.push(Placed { id: self.next, seen: 0, hits: 0, storm_since: None, fault });
        self.next
    }

    /// Whether any fault matches.
    pub(crate) fn concerns(&self, sight: &Sight<'_>) -> bool {
        self.placed.iter().any(|placed| placed.fault.matches(sight))
    }

    /// Whether any of them lets somebody else edit or delete.
    pub(crate) fn meddle(&self) -> bool {
        self.placed.iter().any(|placed| placed.fault.answer.after.is_some())
    }

    /// How far back, in milliseconds, a read may have to look.
    pub(crate) fn longest_lag(&self) -> Option<u64> {
        self.placed.iter().filter_map(|placed| placed.fault.answer.stale_ms).max()
    }

    /// The first fault that strikes, counting every one that matched. `seed` is the world's.
    pub(crate) fn strike(&mut self, sight: &Sight<'_>, seed: u64, now: u64) -> Option<(u64, FaultAnswer)> {
        let mut struck = None;
        for placed in self.placed.iter_mut().filter(|p| p.fault.matches(sight)) {
            placed.seen += 1;
            if struck.is_none() && placed.is_due(now) && placed.is_drawn(seed) {
                placed.hits += 1;
                struck = Some((placed.id, placed.answer(now)));
            }
        }
        struck
    }
}

impl Placed {
    fn is_due(&self, now: u64) -> bool {
        let left = self.fault.times.is_none_or(|times| self.hits < times);
        let storms = match (self.storm_since, self.fault.answer.storm_ms) {
            (Some(since), Some(lasts)) => now.saturating_sub(since) < lasts,
            _ => true,
        };
        self.seen >= self.fault.nth.unwrap_or(1) && left && storms
    }

    /// Drawn from the seed, the fault's number and the count of matches alone: neither faults nor anything else of the world
    /// shift what another one draws, and a world that was written down goes on as it would have.
    fn is_drawn(&self, seed: u64) -> bool {
        let Some(probability) = self.fault.probability.filter(|_| self.storm_since.is_none()) else { return true };
        let mut random = Random::new(seed ^ 0x0046_6175_6c74_7321 ^ (self.id << 40) ^ self.seen);
        // 53 bits, all that a fraction between 0 and 1 holds.
        let drawn = (random.next() >> 11) as f64 / (1u64 << 53) as f64;
        drawn < probability
    }

    fn answer(&mut self, now: u64) -> FaultAnswer {
        let mut answer = self.fault.answer.clone();
        if let Some(lasts) = answer.storm_ms {
            let since = *self.storm_since.get_or_insert(now);
            let left = since.saturating_add(lasts).saturating_sub(now);
            answer.status = answer.status.or(Some(429));
            answer.retry_after = answer.retry_after.or(Some(left.div_ceil(1000).max(1)));
        }
        answer
    }
}

impl Fault {
    fn matches(&self, sight: &Sight<'_>) -> bool {
        let operation = self.operation.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(start) => sight.operation.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start)),
            None => wanted.eq_ignore_ascii_case(sight.operation),
        });
        operation
            && self.plane.map_or(sight.plane != Plane::Outward, |plane| plane == sight.plane)
            && self.method.as_deref().is_none_or(|m| m.eq_ignore_ascii_case(sight.method))
            && self.principal.as_deref().is_none_or(|p| p.eq_ignore_ascii_case(sight.principal))
            && self.path.as_deref().is_none_or(|p| sight.path.to_ascii_lowercase().contains(&p.to_ascii_lowercase()))
    }
}
