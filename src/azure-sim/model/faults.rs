//! Faults on demand: which request they strike, and what happens to it.

use serde::{Deserialize, Serialize};

/// A fault: where every given condition holds, it strikes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Fault {
    /// Operation as in the journal, in any case; a trailing `*` matches any rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// HTTP method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Part of the path, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Application id of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The first matching request it strikes: 1 is the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// How many requests it strikes; without it, all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What happens.
    pub answer: FaultAnswer,
}

/// What a fault does to a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct FaultAnswer {
    /// Answer this status. Without `performed` the request has no effect. 403 fills in ARM's AuthorizationFailed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// ARM's error code for `status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Seconds in a Retry-After header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The request is performed all the same, and only its answer replaced: a 504 of ARM proves nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub performed: bool,
    /// Hold the answer back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Cut the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop: Option<Cut>,
    /// What becomes of the long-running operation that the request starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lro: Option<LroFault>,
}

/// When a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// Nothing was done.
    Before,
    /// It was done, and nobody is told.
    After,
}

/// What becomes of a long-running operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LroFault {
    /// It ends Failed.
    Fail,
    /// It never ends.
    Endless,
    /// Its record is gone: 404. The resource gets there nevertheless.
    Lost,
}

/// A fault in place.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Placed {
    pub(crate) id: u64,
    /// Requests that matched.
    pub(crate) seen: u64,
    /// Requests that were struck.
    pub(crate) hits: u64,
    #[serde(flatten)]
    pub(crate) fault: Fault,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Faults {
    pub(crate) placed: Vec<Placed>,
    next: u64,
}

/// What a request is matched by.
pub(crate) struct Sight<'a> {
    pub(crate) operation: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) principal: &'a str,
}

impl Faults {
    pub(crate) fn place(&mut self, fault: Fault) -> u64 {
        self.next += 1;
        self.placed.push(Placed { id: self.next, seen: 0, hits: 0, fault });
        self.next
    }

    /// Whether any fault matches.
    pub(crate) fn concerns(&self, sight: &Sight<'_>) -> bool {
        self.placed.iter().any(|placed| placed.fault.matches(sight))
    }

    /// The first fault that strikes, counting every one that matched.
    pub(crate) fn strike(&mut self, sight: &Sight<'_>) -> Option<(u64, FaultAnswer)> {
        let mut struck = None;
        for placed in self.placed.iter_mut().filter(|p| p.fault.matches(sight)) {
            placed.seen += 1;
            let due = placed.seen >= placed.fault.nth.unwrap_or(1);
            let left = placed.fault.times.is_none_or(|times| placed.hits < times);
            if struck.is_none() && due && left {
                placed.hits += 1;
                struck = Some((placed.id, placed.fault.answer.clone()));
            }
        }
        struck
    }
}

impl Fault {
    fn matches(&self, sight: &Sight<'_>) -> bool {
        let operation = self.operation.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(start) => sight.operation.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start)),
            None => wanted.eq_ignore_ascii_case(sight.operation),
        });
        operation
            && self.method.as_deref().is_none_or(|m| m.eq_ignore_ascii_case(sight.method))
            && self.principal.as_deref().is_none_or(|p| p.eq_ignore_ascii_case(sight.principal))
            && self.path.as_deref().is_none_or(|p| sight.path.to_ascii_lowercase().contains(&p.to_ascii_lowercase()))
    }
}
