//! The app's door, on loopback. Whoever can reach it may push: so no other machine, and no web page in a browser on this one.

use std::net::SocketAddr;
use std::sync::Arc;

use acs_wire::relay::config::Platform;
use acs_wire::relay::paths;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, ORIGIN, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::direct::{self, Answer, Code};
use super::hub;
use crate::receive::{Outcome, body};
use crate::state::State;

/// The description that is served: written by hand, kept true by tests.
pub const OPENAPI: &str = include_str!("../../../docs/openapi/relay.json");
/// Largest body: a payload of 4 KiB, written with as many escapes as JSON allows, and the rest.
const MAX_BODY: usize = 64 * 1024;

/// What the app gets.
struct Reply {
    code: Code,
    message: String,
    tracking_id: Option<String>,
    platform: Option<Platform>,
}

impl Reply {
    fn of(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), tracking_id: None, platform: None }
    }
}

/// Answers one request.
pub async fn serve(state: Arc<State>, peer: SocketAddr, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if peer.ip().is_loopback() && request.method() == Method::GET && request.uri().path() == paths::OPENAPI {
        return json(StatusCode::OK, Bytes::from_static(OPENAPI.as_bytes()));
    }
    let reply = decide(&state, peer, request).await;
    if reply.code != Code::UnknownPath {
        let label = match reply.code {
            Code::Queued => "queued",
            Code::Refused(refusal) => refusal.label(),
            _ => "not_sent",
        };
        state.metrics.pushed_directly(reply.platform, label);
    }
    let answer = Answer { code: reply.code.word(), message: &reply.message, tracking_id: reply.tracking_id.as_deref() };
    let mut response = json(reply.code.status(), serde_json::to_vec(&answer).map(Bytes::from).unwrap_or_default());
    let headers = response.headers_mut();
    match reply.code {
        Code::Refused(refusal) => {
            let seconds = refusal.retry_after().or(matches!(reply.code.status().as_u16(), 429 | 503).then_some(5));
            headers.extend(seconds.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
        }
        Code::Busy => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Code::WrongMethod => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        _ => {}
    }
    response
}

fn json(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn decide(state: &State, peer: SocketAddr, request: Request<Incoming>) -> Reply {
    if !peer.ip().is_loopback() {
        return Reply::of(Code::NotLocal, "this door is for the app beside the relay");
    }
    if request.uri().path() != paths::PUSH_DIRECT {
        return Reply::of(Code::UnknownPath, "there are POST /v1/push/direct and GET /openapi.json");
    }
    if request.method() != Method::POST {
        return Reply::of(Code::WrongMethod, "only POST is served here");
    }
    if request.headers().contains_key(ORIGIN) {
        return Reply::of(Code::FromBrowser, "requests of web pages (with the header Origin) are refused");
    }
    if !is_json(request.headers()) {
        return Reply::of(Code::NoJson, "the content type must be application/json");
    }
    let entered = state.local_in_flight.enter();
    if entered.is_none() || state.lifecycle.refuses() {
        return Reply::of(Code::Busy, "too much is under way, or the relay is about to end");
    }
    let start = Instant::now();
    let body = match body::read(request.into_body(), MAX_BODY, &state.bodies, start + state.limits.body).await {
        Ok(body) => body,
        Err(Outcome::TooLarge) => {
            return Reply::of(Code::TooLarge, format!("the body is larger than {MAX_BODY} bytes"));
        }
        Err(Outcome::Overloaded) => return Reply::of(Code::Busy, "too much is under way"),
        Err(_) => return Reply::of(Code::Incomplete, "the body did not come in time, or not whole"),
    };
    let message = match direct::message(&body.bytes) {
        Ok(message) => message,
        Err(why) => return Reply::of(Code::Invalid, why),
    };
    let platform = Some(message.platform);
    match hub::send(state, &message, start + state.limits.answer).await {
        Ok(queued) => Reply {
            code: Code::Queued,
            message: "the hub will send it; whether it reaches the device is not known".to_owned(),
            tracking_id: Some(queued.tracking_id),
            platform,
        },
        Err((refusal, tracking_id)) => Reply {
            code: Code::Refused(refusal),
            message: refusal.meaning().to_owned(),
            tracking_id: Some(tracking_id),
            platform,
        },
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let first = types.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = first.split(';').next().unwrap_or_default().trim();
    types.next().is_none() && essence.eq_ignore_ascii_case("application/json")
}
