//! Something secret that expires. Pure: the time is handed in.

use std::time::{Duration, SystemTime};

use secrecy::SecretString;

/// A token or an assertion, and its times.
#[derive(Clone, Debug)]
pub struct Held {
    /// The secret.
    pub secret: SecretString,
    expires: SystemTime,
    renew_at: SystemTime,
    margin: Duration,
}

impl Held {
    /// Obtained at `now`, to be renewed when it has `ahead` left to live.
    pub fn new(secret: SecretString, now: SystemTime, expires: SystemTime, ahead: Duration) -> Self {
        let life = expires.duration_since(now).unwrap_or_default();
        let renew_at = now + life.saturating_sub(ahead);
        // A call takes time to arrive, and clocks differ.
        let margin = (life / 10).min(Duration::from_secs(30));
        Self { secret, expires, renew_at, margin }
    }

    /// True while it can be used.
    pub fn is_valid(&self, now: SystemTime) -> bool {
        now + self.margin < self.expires
    }

    /// True when it should be renewed, valid or not.
    pub fn is_due(&self, now: SystemTime) -> bool {
        now >= self.renew_at
    }

    /// Renewal failed: not again before `at`.
    pub fn postpone(&mut self, at: SystemTime) {
        self.renew_at = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_before_it_is_invalid_and_invalid_before_it_expires() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for (life, ahead, due, invalid) in
            [(3600, 600, 3000, 3570), (86_400, 43_200, 43_200, 86_370), (10, 5, 5, 9), (0, 0, 0, 0)]
        {
            let held = Held::new("t".into(), start, at(life), Duration::from_secs(ahead));
            assert!(due == 0 || !held.is_due(at(due - 1)), "{life}");
            assert!(held.is_due(at(due)), "{life}");
            assert!(invalid == 0 || held.is_valid(at(invalid - 1)), "{life}");
            assert!(!held.is_valid(at(invalid)), "{life}");
        }
    }

    #[test]
    fn a_failed_renewal_is_not_repeated_at_once() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let mut held = Held::new("t".into(), start, start + Duration::from_secs(100), Duration::from_secs(50));
        let now = start + Duration::from_secs(60);
        assert!(held.is_due(now));
        held.postpone(now + Duration::from_secs(2));
        assert!(!held.is_due(now) && held.is_valid(now));
        assert!(!format!("{held:?}").contains("\"t\""));
    }
}
