//! What the hub's answers mean. 201 means queued, never delivered: a dead device handle gives 201 too.

use http::StatusCode;

/// Why a push was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No access policy is mounted, or no push is configured.
    NotConfigured,
    /// The hub finds it malformed, or has no credential for the platform.
    Malformed,
    /// The signature is not accepted, even after the files were read again.
    Unauthorized,
    /// The tier's quota is used up, or the policy lacks the right Send.
    Forbidden,
    /// No such hub or namespace, or not yet.
    Absent,
    /// Too large.
    TooLarge,
    /// Too many; seconds to wait, if it said.
    Throttled(Option<u32>),
    /// It fails at the moment; seconds to wait, if it said.
    Unavailable(Option<u32>),
    /// Nothing was sent.
    Unreachable,
    /// It may have been received.
    NoAnswer,
}

impl Refusal {
    /// Understands a status; none for success.
    pub fn of(status: StatusCode, retry_after: Option<u32>) -> Option<Self> {
        match status.as_u16() {
            200 | 201 => None,
            401 => Some(Refusal::Unauthorized),
            403 if retry_after.is_some() => Some(Refusal::Throttled(retry_after)),
            403 => Some(Refusal::Forbidden),
            404 | 410 => Some(Refusal::Absent),
            408 | 500..=599 => Some(Refusal::Unavailable(retry_after)),
            413 => Some(Refusal::TooLarge),
            429 => Some(Refusal::Throttled(retry_after)),
            _ => Some(Refusal::Malformed),
        }
    }

    /// True where another try may end otherwise, without doing the same push twice unless `repeatable`.
    pub fn is_worth_a_retry(self, repeatable: bool) -> bool {
        match self {
            Refusal::Throttled(_) | Refusal::Unreachable => true,
            // Sends are not idempotent: after a lost answer, or an error behind it, a phone may ring twice.
            Refusal::Unavailable(_) => true,
            Refusal::NoAnswer => repeatable,
            _ => false,
        }
    }

    /// True where the same push may succeed later: an event that makes one is kept by Event Grid until then.
    pub fn passes(self) -> bool {
        !matches!(self, Refusal::Malformed | Refusal::Forbidden | Refusal::Absent | Refusal::TooLarge)
    }

    /// Seconds to wait, if the hub said.
    pub fn retry_after(self) -> Option<u32> {
        match self {
            Refusal::Throttled(seconds) | Refusal::Unavailable(seconds) => seconds,
            _ => None,
        }
    }

    /// Word in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Refusal::NotConfigured => "not_configured",
            Refusal::Malformed => "malformed",
            Refusal::Unauthorized => "unauthorized",
            Refusal::Forbidden => "forbidden",
            Refusal::Absent => "absent",
            Refusal::TooLarge => "too_large",
            Refusal::Throttled(_) => "throttled",
            Refusal::Unavailable(_) => "unavailable",
            Refusal::Unreachable => "unreachable",
            Refusal::NoAnswer => "no_answer",
        }
    }

    /// For people.
    pub fn meaning(self) -> &'static str {
        match self {
            Refusal::NotConfigured => "no hub is configured for this relay, or its access policy is not mounted yet",
            Refusal::Malformed => {
                "the hub finds the request malformed: the device handle has no valid shape, or the hub has no credential for \
                 this platform"
            }
            Refusal::Unauthorized => {
                "the hub does not accept the access policy's key, which was read again without success; a clock that is an hour slow \
                 looks the same"
            }
            Refusal::Forbidden => "the hub's quota is used up, or its access policy lacks the right Send",
            Refusal::Absent => "there is no such hub, or not yet",
            Refusal::TooLarge => "the hub finds the payload too large",
            Refusal::Throttled(_) => "the hub takes no more at the moment",
            Refusal::Unavailable(_) => "the hub fails at the moment",
            Refusal::Unreachable => "the hub cannot be reached; nothing was sent",
            Refusal::NoAnswer => "the hub did not answer; the push may have been sent, so it was not repeated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_answer_has_its_meaning() {
        let table = [
            (200, None, None),
            (201, None, None),
            (400, None, Some(Refusal::Malformed)),
            (401, None, Some(Refusal::Unauthorized)),
            (403, Some(3), Some(Refusal::Throttled(Some(3)))),
            (403, None, Some(Refusal::Forbidden)),
            (404, None, Some(Refusal::Absent)),
            (410, None, Some(Refusal::Absent)),
            (413, None, Some(Refusal::TooLarge)),
            (429, Some(7), Some(Refusal::Throttled(Some(7)))),
            (408, None, Some(Refusal::Unavailable(None))),
            (500, None, Some(Refusal::Unavailable(None))),
            (503, Some(2), Some(Refusal::Unavailable(Some(2)))),
            (504, None, Some(Refusal::Unavailable(None))),
            (302, None, Some(Refusal::Malformed)),
        ];
        for (status, retry_after, wanted) in table {
            assert_eq!(Refusal::of(StatusCode::from_u16(status).unwrap(), retry_after), wanted, "{status}");
        }
    }
}
