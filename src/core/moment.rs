//! Time, as handed in by whoever has a clock; and every duration that behaviour depends on.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

/// One reading of both clocks, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Since an arbitrary start; never goes back. For waiting.
    pub mono: u64,
    /// Since 1970. For people, and for waits that must outlive a restart.
    pub wall: u64,
}

impl Moment {
    /// As Kubernetes writes it, in whole seconds.
    pub fn time(self) -> Time {
        let seconds = i64::try_from(self.wall / 1000).unwrap_or_default();
        Time(Timestamp::from_second(seconds).unwrap_or_default())
    }

    /// RFC 3339, in whole seconds.
    pub fn rfc3339(self) -> String {
        self.time().0.to_string()
    }
}

/// Milliseconds since 1970 of an RFC 3339 text; 0 if it is none.
pub fn wall_of(rfc3339: &str) -> u64 {
    rfc3339.parse::<Timestamp>().ok().and_then(|time| u64::try_from(time.as_millisecond()).ok()).unwrap_or_default()
}

/// Every duration that behaviour depends on, in milliseconds. Tests scale all of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// An announced call may be sent only this long after its intent was written.
    pub issue_window: u64,
    /// A call without an answer is given up after this. ARM cuts provider calls at 60 s.
    pub request_timeout: u64,
    /// What a request may still do at the server after the client gave up.
    pub server_margin: u64,
    /// First retry; doubles up to `retry_max`, with full jitter.
    pub retry_min: u64,
    /// Longest pause between retries.
    pub retry_max: u64,
    /// Pause after an error that a person has to mend.
    pub blocked: u64,
    /// Pause between polls near the expected end of an operation.
    pub poll: u64,
    /// Factor, in thousandths, by which Azure's typical durations are scaled.
    pub typical_permille: u64,
    /// An operation that runs longer is said to be stuck.
    pub operation_timeout: u64,
    /// Pause between polls of a stuck operation.
    pub stuck_poll: u64,
    /// Service and link are compared this often.
    pub resync: u64,
    /// Everything else, and keys, this often.
    pub child_resync: u64,
    /// How long Azure may take until every push uses a newly linked key.
    pub link_propagation: u64,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            issue_window: 5_000,
            request_timeout: 60_000,
            server_margin: 30_000,
            retry_min: 2_000,
            retry_max: 600_000,
            blocked: 1_800_000,
            poll: 2_000,
            typical_permille: 1_000,
            operation_timeout: 1_800_000,
            stuck_poll: 300_000,
            resync: 60_000,
            child_resync: 600_000,
            link_propagation: 600_000,
        }
    }
}

impl Timings {
    /// All durations times `permille / 1000`, none below 20 ms.
    #[must_use]
    pub fn scaled(self, permille: u64) -> Self {
        let scale = |duration: u64| (duration.saturating_mul(permille) / 1000).max(20);
        Self {
            issue_window: scale(self.issue_window).max(1_000),
            request_timeout: scale(self.request_timeout).max(2_000),
            server_margin: scale(self.server_margin),
            retry_min: scale(self.retry_min),
            retry_max: scale(self.retry_max),
            blocked: scale(self.blocked),
            poll: scale(self.poll),
            typical_permille: permille,
            operation_timeout: scale(self.operation_timeout),
            stuck_poll: scale(self.stuck_poll),
            resync: scale(self.resync),
            child_resync: scale(self.child_resync),
            link_propagation: scale(self.link_propagation),
        }
    }

    /// How long a call of unknown outcome may still land, counted from when its intent was first seen.
    pub fn quarantine(&self) -> u64 {
        self.issue_window + self.request_timeout + self.server_margin
    }

    /// Pause before retry number `count` (1 = first). `jitter` is in 0..1; full jitter, but never less than half, so that
    /// a retry is never immediate.
    pub fn backoff(&self, count: u32, jitter: f64) -> u64 {
        let ceiling = self.retry_min.saturating_mul(1 << count.saturating_sub(1).min(20)).min(self.retry_max);
        let half = ceiling / 2;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "0..1 of a duration"
        )]
        let random = (half as f64 * jitter.clamp(0.0, 1.0)) as u64;
        half + random
    }

    /// Pause before the next look at an operation that has run for `elapsed` and typically takes `typical` (unscaled).
    /// One early look, because many are done at once; then none until nearly the expected end; then every `poll`.
    pub fn next_poll(&self, elapsed: u64, typical: u64) -> u64 {
        let expected = typical.saturating_mul(self.typical_permille) / 1000 * 9 / 10;
        let first = (self.poll / 8).max(20);
        if elapsed >= self.operation_timeout {
            self.stuck_poll
        } else if elapsed < first {
            first - elapsed
        } else if elapsed + self.poll < expected {
            expected - elapsed
        } else {
            self.poll
        }
    }
}
