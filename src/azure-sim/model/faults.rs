//! Faults on demand: which request they strike, and what happens to it.

mod check;
pub(crate) mod keys;
mod meddling;
mod outward;
mod placed;
mod script;

use serde::{Deserialize, Serialize};

use super::journal::Plane;

pub(crate) use check::MOST;
pub(crate) use keys::KEYS;
pub use meddling::{Deletion, Edit, Meddling};
pub(crate) use outward::{StandIn, leave, sent, stand_in};
pub(crate) use placed::{Faults, Sight};

/// A fault: where every given condition holds, it strikes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Fault {
    /// A name of the user's, to find it by among the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Which part of Azure was asked. Calls that Azure makes itself are struck only where this says `outward`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plane: Option<Plane>,
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
    /// How likely a request that is due is struck: 0 to 1. The world's seed decides which ones are, and nothing else that
    /// the seed gives is shifted by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
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
    /// Milliseconds from the first strike on in which every match is struck, with 429 where `status` names no other, and
    /// with the seconds left as Retry-After where `retryAfter` names no others. Then it is over for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storm_ms: Option<u64>,
    /// Seconds in a Retry-After header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The request is performed all the same, and only its answer replaced: a 504 of ARM proves nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub performed: bool,
    /// Hold the answer back; a call outwards leaves that much later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Cut the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop: Option<Cut>,
    /// What becomes of the long-running operation that the request starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lro: Option<LroFault>,
    /// A GET of ARM, also of a list, is answered as it would have been so many milliseconds ago; at the earliest, as when the
    /// fault was placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_ms: Option<u64>,
    /// What somebody else does after a request that was performed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Meddling>,
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
    /// It ends later than it would, and so does what it does to the resource.
    Late(Lateness),
}

/// How much later an operation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lateness {
    /// It takes so many times as long. With the profile `instant` it takes no time at all, however often.
    Factor(u32),
    /// So many milliseconds more.
    Ms(u64),
}

impl Lateness {
    /// When something ends that began at `started` and was to end at `due`.
    pub(crate) fn of(self, started: u64, due: u64) -> u64 {
        match self {
            Self::Factor(times) => started.saturating_add(due.saturating_sub(started).saturating_mul(times.into())),
            Self::Ms(more) => due.saturating_add(more),
        }
    }
}
