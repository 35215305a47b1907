//! The events port: from a request to one [`Outcome`]. Order: path and method, key, subscription, size, body, events. Nothing of
//! a body is read before the sender has shown that it may send it.

pub mod authenticate;
pub mod body;
pub mod envelope;
pub mod handshake;
pub mod outcome;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use acs_wire::relay::paths;
use acs_wire::relay::report::Handshake;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::deliver;
use crate::state::{InForce, Snapshot, State};
use authenticate::Proof;
pub use outcome::Outcome;

/// Largest body: a batch of the largest preferred size (1 MiB), which a last event of the largest size (1 MB) may overshoot,
/// and some room for envelopes. 413 is final for Event Grid, so this errs on the large side.
pub const MAX_BODY: usize = 2 * 1024 * 1024 + 64 * 1024;
/// Largest body of a handshake, which needs no key.
pub const MAX_HANDSHAKE: usize = 64 * 1024;

/// Value of `Allow` on this port.
const METHODS: HeaderValue = HeaderValue::from_static("POST, OPTIONS");

/// What a request announces itself to be, by the header `aeg-event-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Announced {
    Validation,
    /// The subscription was deleted, or unsubscribed.
    End,
    /// Everything else, known or not.
    Notification,
}

impl Announced {
    fn of(headers: &HeaderMap) -> Self {
        match headers.get("aeg-event-type").map(HeaderValue::as_bytes) {
            Some(word) if word.eq_ignore_ascii_case(b"SubscriptionValidation") => Announced::Validation,
            Some(word) if word.eq_ignore_ascii_case(b"SubscriptionDeletion") => Announced::End,
            Some(word) if word.eq_ignore_ascii_case(b"Unsubscribe") => Announced::End,
            _ => Announced::Notification,
        }
    }
}

/// Answers one request.
pub async fn serve(state: Arc<State>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let start = Instant::now();
    let in_flight = state.in_flight.enter();
    let (outcome, response) = match &in_flight {
        Some(_) => decide(&state, request, start).await,
        None => plain(Outcome::Overloaded),
    };
    drop(in_flight);
    state.metrics.answered(outcome, start.elapsed());
    response
}

async fn decide(state: &Arc<State>, request: Request<Incoming>, start: Instant) -> (Outcome, Response<Full<Bytes>>) {
    let snapshot = state.snapshot();
    let prefix = snapshot.in_force.as_ref().map_or("", |config| config.path_prefix.as_str());
    let Some(name) = subscription(request.uri().path(), prefix).map(str::to_owned) else {
        // Without a configuration the prefix of the public URL is not known either.
        let outcome = match &snapshot.in_force {
            None => Outcome::NotConfigured,
            Some(_) if is_below_another_prefix(request.uri().path()) => Outcome::UnknownPrefix,
            Some(_) => Outcome::UnknownPath,
        };
        return plain(outcome);
    };
    if state.lifecycle.refuses() {
        return plain(Outcome::Draining);
    }
    match *request.method() {
        Method::OPTIONS => options(state, &snapshot, &name, request.headers()),
        Method::POST => match post(state, &snapshot, &name, request, start).await {
            Ok(answer) => answer,
            Err(outcome) => plain(outcome),
        },
        _ => plain(Outcome::WrongMethod),
    }
}

/// The subscription that a path names. A gateway may have stripped the prefix or not.
fn subscription<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let below = |path: &'a str| path.strip_prefix(paths::EVENTS)?.strip_prefix('/');
    let stripped = if prefix.is_empty() { None } else { path.strip_prefix(prefix) };
    let name = stripped.and_then(below).or_else(|| below(path))?;
    let named = !name.is_empty() && name.len() <= 128 && !name.contains('/');
    named.then_some(name)
}

/// Event Grid goes on with the old URL until it is told of the new one.
fn is_below_another_prefix(path: &str) -> bool {
    path.find(paths::EVENTS).and_then(|at| path.get(at..)).is_some_and(|path| subscription(path, "").is_some())
}

/// The configuration, if that subscription is in it.
fn expected<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a Arc<InForce>, Outcome> {
    let config = snapshot.in_force.as_ref().ok_or(Outcome::NotConfigured)?;
    let known = config.subscriptions.iter().any(|known| known.eq_ignore_ascii_case(name));
    if known { Ok(config) } else { Err(Outcome::UnknownSubscription) }
}

fn options(state: &State, snapshot: &Snapshot, name: &str, headers: &HeaderMap) -> (Outcome, Response<Full<Bytes>>) {
    let outcome = match expected(snapshot, name) {
        Err(outcome) => outcome,
        Ok(_) if handshake::grants(headers) => Outcome::Granted,
        Ok(_) => Outcome::OriginRefused,
    };
    note_handshake(state, snapshot, name, outcome == Outcome::Granted, "CloudEventSchemaV1_0");
    if outcome != Outcome::Granted {
        return plain(outcome);
    }
    let mut response = Response::new(Full::default());
    let granted = response.headers_mut();
    granted.insert(ALLOW, METHODS);
    granted.insert(HeaderName::from_static("webhook-allowed-origin"), HeaderValue::from_static(handshake::ORIGIN));
    granted.insert(HeaderName::from_static("webhook-allowed-rate"), HeaderValue::from_static("*"));
    (outcome, response)
}

/// Strangers may try handshakes: only one of an expected subscription is worth a place in the report, and under the name that the
/// configuration gives it, whatever case they wrote it in.
fn note_handshake(state: &State, snapshot: &Snapshot, name: &str, granted: bool, schema: &str) {
    let Ok(config) = expected(snapshot, name) else { return };
    let Some(name) = config.subscriptions.iter().find(|known| known.eq_ignore_ascii_case(name)) else { return };
    let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    state.note_handshake(Handshake {
        subscription: name.clone(),
        granted,
        schema: schema.to_owned(),
        at: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
    });
}

async fn post(
    state: &Arc<State>,
    snapshot: &Snapshot,
    name: &str,
    request: Request<Incoming>,
    start: Instant,
) -> Result<(Outcome, Response<Full<Bytes>>), Outcome> {
    let announced = Announced::of(request.headers());
    let proof = match state.authenticate(snapshot, request.headers()) {
        Ok(Proof::Absent) if announced != Announced::Validation => return Err(Outcome::NoKey),
        Ok(proof) => proof,
        Err(outcome) => return Err(outcome),
    };
    let config = expected(snapshot, name)?;
    if request
        .headers()
        .get("aeg-subscription-name")
        .is_some_and(|n| !n.as_bytes().eq_ignore_ascii_case(name.as_bytes()))
    {
        return Err(Outcome::SubscriptionMismatch);
    }
    let stranger = match proof {
        Proof::Key => None,
        Proof::Absent => Some(state.handshakes.enter().ok_or(Outcome::Overloaded)?),
    };
    let attempt = request.headers().get("aeg-delivery-count").filter(|value| value.len() <= 10).cloned();
    let cap = if proof == Proof::Key && announced != Announced::Validation { MAX_BODY } else { MAX_HANDSHAKE };
    let body = body::read(request.into_body(), cap, &state.bodies, start + state.limits.body).await?;
    drop(stranger);
    match announced {
        Announced::Validation => {
            let answer = handshake::validation_answer(&body.bytes);
            note_handshake(state, snapshot, name, answer.is_ok(), "EventGridSchema");
            let mut response = Response::new(Full::new(answer?));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok((Outcome::Validated, response))
        }
        Announced::End => {
            tracing::info!(subscription = name, "Event Grid says that the subscription has ended");
            Ok(plain(Outcome::SubscriptionEnded))
        }
        Announced::Notification => {
            let events = envelope::parse(&body.bytes).map_err(|_| Outcome::Malformed)?;
            let deadline = start + state.limits.answer;
            Ok(plain(deliver::deliver(state, config, events, attempt, body, deadline).await))
        }
    }
}

/// The answer that needs no more than its row of the table.
fn plain(outcome: Outcome) -> (Outcome, Response<Full<Bytes>>) {
    let status = outcome.status();
    let text = if status.is_success() { Bytes::new() } else { Bytes::from_static(outcome.meaning().as_bytes()) };
    let mut response = Response::new(Full::new(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if !status.is_success() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    if status.as_u16() == 503 {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("30"));
    }
    if status.as_u16() == 405 {
        headers.insert(ALLOW, METHODS);
    }
    (outcome, response)
}
