//! How an attempt ended, and what Event Grid makes of it.

use super::super::super::message::Answered;

/// The word for the last outcome, as dead-letter records and probation use it, and whether another attempt follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) word: &'static str,
    pub(super) verdict: Verdict,
    /// The HTTP status, or why there was none.
    pub(super) status: Result<u16, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Delivered,
    /// Never tried again.
    Final,
    /// Not tried again before so many milliseconds.
    Retry(u64),
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// Pauses after the first, second … attempt (documented); then twelve hours each.
const SCHEDULE: [u64; 9] =
    [10 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR];

/// What was asked: Azure's own services are trusted to mend what a webhook is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    WebHook,
    Resource,
}

impl Outcome {
    pub(super) fn of(answer: &Answered, endpoint: Endpoint) -> Self {
        match answer {
            Answered::Response { status, .. } => Self::of_status(*status, endpoint),
            Answered::TimedOut(why) => {
                Self { word: "TimedOut", verdict: Verdict::Retry(10 * SECOND), status: Err(why.clone()) }
            }
            Answered::Failed(why) => {
                let word = if why.contains("dns error") { "ResolutionError" } else { "SocketError" };
                Self { word, verdict: Verdict::Retry(10 * SECOND), status: Err(why.clone()) }
            }
        }
    }

    /// Entra gave Event Grid no token. What follows is in no source: that of an endpoint of Azure's own, whose 401 is tried again.
    pub(super) fn without_token(why: String) -> Self {
        Self { word: "Unauthorized", verdict: Verdict::Retry(5 * MINUTE), status: Err(why) }
    }

    fn of_status(status: u16, endpoint: Endpoint) -> Self {
        let (word, verdict) = match status {
            200..=204 => ("Succeeded", Verdict::Delivered),
            400 => ("BadRequest", Verdict::Final),
            401 if endpoint == Endpoint::Resource => ("Unauthorized", Verdict::Retry(5 * MINUTE)),
            401 => ("Unauthorized", Verdict::Final),
            // The pages of different years disagree; the newer one has no retry.
            403 => ("Forbidden", Verdict::Final),
            404 => ("NotFound", Verdict::Retry(5 * MINUTE)),
            408 => ("TimedOut", Verdict::Retry(2 * MINUTE)),
            413 => ("PayloadTooLarge", Verdict::Final),
            429 => ("Busy", Verdict::Retry(10 * SECOND)),
            503 => ("Busy", Verdict::Retry(30 * SECOND)),
            _ => ("GenericError", Verdict::Retry(10 * SECOND)),
        };
        Self { word, verdict, status: Ok(status) }
    }

    /// Whether the endpoint refused what it was sent.
    pub(super) fn is_client_error(&self) -> bool {
        matches!(self.word, "BadRequest" | "Unauthorized" | "Forbidden" | "NotFound" | "PayloadTooLarge")
    }

    /// How long an endpoint rests on probation after this (documented; unscaled milliseconds).
    pub(super) fn rest(&self) -> u64 {
        match self.word {
            "NotFound" | "ResolutionError" | "Unauthorized" | "Forbidden" => 5 * MINUTE,
            "SocketError" => 30 * SECOND,
            _ => 10 * SECOND,
        }
    }
}

/// The pause after attempt number `attempts` (from 1) that has to last `least`; unscaled milliseconds without jitter.
pub(super) fn pause(attempts: u32, least: u64) -> u64 {
    let step = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    SCHEDULE.get(step).copied().unwrap_or(12 * HOUR).max(least)
}

/// The longest rest on probation.
pub(super) const LONGEST_REST: u64 = HOUR;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_documented_consequence() {
        let of = |status, endpoint| {
            Outcome::of(&Answered::Response { status, headers: vec![], body: vec![] }, endpoint).verdict
        };
        let say = |status| of(status, Endpoint::WebHook);
        for status in [200, 201, 202, 203, 204] {
            assert_eq!(say(status), Verdict::Delivered, "{status}");
        }
        for status in [400, 401, 403, 413] {
            assert_eq!(say(status), Verdict::Final, "{status}");
        }
        let retries = [(404, 300_000), (408, 120_000), (503, 30_000), (429, 10_000), (500, 10_000), (302, 10_000)];
        for (status, least) in retries {
            assert_eq!(say(status), Verdict::Retry(least), "{status}");
        }
        for status in [100, 205, 206, 301, 409, 410, 502] {
            assert_eq!(say(status), Verdict::Retry(10_000), "{status}");
        }
        for (status, verdict) in [
            (201, Verdict::Delivered),
            (400, Verdict::Final),
            (401, Verdict::Retry(300_000)),
            (403, Verdict::Final),
            (404, Verdict::Retry(300_000)),
            (413, Verdict::Final),
            (503, Verdict::Retry(30_000)),
        ] {
            assert_eq!(of(status, Endpoint::Resource), verdict, "{status} of a storage queue");
        }
        let lost = |answer| Outcome::of(&answer, Endpoint::WebHook);
        assert_eq!(lost(Answered::TimedOut("no answer".into())).word, "TimedOut");
        assert_eq!(lost(Answered::Failed("refused".into())).rest(), 30_000);
    }

    #[test]
    fn pauses_follow_the_schedule_unless_the_status_asks_for_more() {
        let pauses: Vec<u64> = (1..=11).map(|attempt| pause(attempt, 10_000) / 1000).collect();
        assert_eq!(pauses, [10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 43_200]);
        assert_eq!(pause(1, 300_000), 300_000);
        assert_eq!(pause(5, 300_000), 600_000);
    }
}
