//! Calls that Azure makes: remembered when they leave, written down when they end.

use serde::{Deserialize, Serialize};
use url::Url;

use super::super::message::{Answered, Outbound, OutboundId};
use super::{Effect, Entry, Journal, Micros, Plane};

/// Calls that may be out at a time; each ends by its own patience, so that older ones are long over.
const OUT: usize = 100_000;

/// A call that is out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    time: u64,
    method: String,
    place: String,
    operation: String,
    resource: Option<String>,
    correlation_id: String,
    #[serde(default)]
    fault: Option<u64>,
}

impl Journal {
    /// Remembers a call that leaves for `resource`, an event subscription, and the fault that strikes it.
    pub(crate) fn sent(&mut self, outbound: &Outbound, resource: Option<String>, fault: Option<u64>, now: u64) {
        if self.capacity == 0 {
            return;
        }
        let id = outbound.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-ms-request-id"));
        let (place, operation) = described(outbound);
        let sent = Sent {
            time: now,
            method: outbound.method.clone(),
            place,
            operation: operation.to_owned(),
            fault,
            resource,
            correlation_id: id.map_or_else(|| self.random.guid(), |(_, value)| value.clone()),
        };
        if self.sent.len() >= OUT {
            self.sent.pop_first();
        }
        self.sent.insert(outbound.id, sent);
    }

    /// Writes down how a call ended.
    pub(crate) fn returned(&mut self, id: OutboundId, answer: &Answered, now: u64) {
        let Some(sent) = self.sent.remove(&id) else { return };
        let (status, code) = match answer {
            Answered::Response { status, .. } => (*status, None),
            Answered::Failed(_) => (0, Some("ConnectionFailed".to_owned())),
            Answered::TimedOut(_) => (0, Some("TimedOut".to_owned())),
        };
        let taken = (200..300).contains(&status);
        self.record(Entry {
            sequence: 0,
            time: sent.time,
            plane: Plane::Outward,
            method: sent.method,
            path: sent.place,
            operation: sent.operation,
            principal: "Microsoft.EventGrid".to_owned(),
            status,
            code,
            effect: if taken { Effect::Action } else { Effect::None },
            resource: sent.resource,
            duration: Micros(now.saturating_sub(sent.time).saturating_mul(1000)),
            correlation_id: sent.correlation_id,
            fault: sent.fault,
            out_of_band: false,
        });
    }
}

/// Where a call goes, and what it is, as the journal has it.
pub(crate) fn described(outbound: &Outbound) -> (String, &'static str) {
    (place(&outbound.url), operation(outbound))
}

/// Host, port and path: user and query of a webhook may be secret.
fn place(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return String::new() };
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}{}", url.path()),
        None => format!("{host}{}", url.path()),
    }
}

/// By what Event Grid itself writes on its calls.
fn operation(outbound: &Outbound) -> &'static str {
    let kind = outbound.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("aeg-event-type"));
    match (outbound.method.as_str(), kind.map(|(_, value)| value.as_str())) {
        ("OPTIONS", _) | (_, Some("SubscriptionValidation")) => {
            "Microsoft.EventGrid/eventSubscriptions/validation/action"
        }
        ("PUT", _) => "Microsoft.EventGrid/eventSubscriptions/deadLetter/action",
        (_, Some("SubscriptionDeletion")) => "Microsoft.EventGrid/eventSubscriptions/deletionNotice/action",
        _ => "Microsoft.EventGrid/eventSubscriptions/delivery/action",
    }
}
