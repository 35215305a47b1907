//! What the tiers allow: devices, and messages a minute.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::json;
use super::super::path;
use super::super::push::Channel;
use super::super::world::World;
use super::answer::Refused;
use super::store::Hub;

/// A namespace's tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    Free,
    Basic,
    Standard,
}

/// Of debug sends a minute (documented).
const DEBUG_SENDS: f64 = 10.0;

impl Tier {
    pub(super) fn of(world: &World, hub: &str) -> Self {
        let namespace = world.resource(path::parent(hub)).unwrap_or(&Value::Null);
        match json::text(namespace, &["sku", "name"]) {
            Some("Standard") => Self::Standard,
            Some("Basic") => Self::Basic,
            _ => Self::Free,
        }
    }

    /// Refuses what only higher tiers have.
    pub(super) fn at_least(self, needed: Self, what: &str) -> Result<(), Refused> {
        if self >= needed {
            return Ok(());
        }
        Err(Refused::new(403, &format!("{what} is not available in the tier {self:?}. Upgrade to {needed:?}.")))
    }

    /// Active devices (documented).
    fn devices(self) -> usize {
        match self {
            Self::Free => 500,
            Self::Basic => 200_000,
            Self::Standard => 10_000_000,
        }
    }

    /// Messages a minute. From a forum's answer, where it is per namespace; here each hub has it. Unverified.
    fn sends(self) -> f64 {
        match self {
            Self::Free => 100.0,
            Self::Basic => 900.0,
            Self::Standard => 11_500.0,
        }
    }
}

/// A token bucket that holds a minute's worth. Empty at first means never used: full.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Bucket {
    used: f64,
    at_ms: u64,
}

impl Bucket {
    /// Takes one, or says how many seconds to wait.
    fn take(&mut self, a_minute: f64, speed: f64, now: u64) -> Result<(), u64> {
        let rate = a_minute / 60.0 * speed;
        let regained = now.saturating_sub(self.at_ms) as f64 / 1000.0 * rate;
        self.used = (self.used - regained).max(0.0);
        self.at_ms = now;
        if self.used + 1.0 <= a_minute {
            self.used += 1.0;
            return Ok(());
        }
        let wait = ((self.used + 1.0 - a_minute) / rate).ceil();
        // A rate of nothing cannot be waited out; an hour says so well enough.
        Err(if wait.is_finite() { (wait as u64).clamp(1, 3600) } else { 3600 })
    }
}

/// Room for registrations of these channels; those that the hub has already count once.
pub(super) fn room(world: &World, hub: &str, channels: &[&Channel]) -> Result<(), Refused> {
    let tier = Tier::of(world, hub);
    let mut devices = world.telephony.hubs.get(hub).map(Hub::devices).unwrap_or_default();
    let before = devices.len();
    devices.extend(channels);
    // Whoever is there already may change, also where a hub has too many since its tier went down.
    if devices.len() > tier.devices().max(before) {
        let message = format!("The quota of {} active devices of the tier {tier:?} is used up.", tier.devices());
        return Err(Refused::new(403, &message));
    }
    if !world.telephony.room_for(channels.len()) {
        return Err(Refused::new(403, "The simulator's quota of registrations is used up."));
    }
    Ok(())
}

/// One more message, or one more debug send. 403 with Retry-After is how the service throttles.
pub(super) fn send(world: &mut World, hub: &str, debug: bool) -> Result<(), Refused> {
    if !world.config().throttle {
        return Ok(());
    }
    let (tier, now, scale) = (Tier::of(world, hub), world.now(), world.config().time_scale);
    let speed = if scale > 0.0 { 1.0 / scale } else { 1.0 };
    let hub = world.telephony.hub(hub);
    let (bucket, a_minute) = if debug { (&mut hub.debug_sends, DEBUG_SENDS) } else { (&mut hub.sends, tier.sends()) };
    bucket.take(a_minute, speed, now).map_err(|seconds| {
        let message = format!("The request is throttled: more than {a_minute} messages a minute were sent.");
        Refused::new(403, &message).retry_after(seconds)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_a_minute_and_refills_by_the_second() {
        let mut bucket = Bucket::default();
        for _ in 0..60 {
            assert_eq!(bucket.take(60.0, 1.0, 1_000_000), Ok(()));
        }
        assert_eq!(bucket.take(60.0, 1.0, 1_000_000), Err(1));
        assert_eq!(bucket.take(60.0, 1.0, 1_001_000), Ok(()));
        assert_eq!(bucket.take(60.0, 2.0, 1_001_500), Ok(()), "time that runs twice as fast");
        assert!(bucket.take(60.0, 0.0, 1_001_500).is_err_and(|wait| wait == 3600));
    }
}
