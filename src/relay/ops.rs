//! `/livez`, `/readyz`, `/metrics`, `/v1/report`: on a door of their own, which no sender of events can fill.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use acs_wire::relay::paths;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::state::State;

const TEXT: &str = "text/plain; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers one request.
pub fn serve(state: &Arc<State>, connections: &AtomicUsize, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET is served here\n".to_owned());
    }
    match request.uri().path() {
        "/livez" => answer(StatusCode::OK, TEXT, "ok\n".to_owned()),
        "/readyz" => ready(state),
        "/metrics" => {
            answer(StatusCode::OK, OPENMETRICS, state.metrics.text(state, connections.load(Ordering::Relaxed)))
        }
        paths::REPORT => match serde_json::to_string(&state.report()) {
            Ok(json) => answer(StatusCode::OK, "application/json", json),
            Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
        },
        _ => answer(StatusCode::NOT_FOUND, TEXT, "there are /livez, /readyz, /metrics and /v1/report\n".to_owned()),
    }
}

/// Ready when Event Grid would get more than 503. Problems that leave the old files in force are told, and do not count.
fn ready(state: &State) -> Response<Full<Bytes>> {
    let accepting = state.is_accepting();
    let mut text = String::from(if accepting { "ok\n" } else { "not ready\n" });
    if state.lifecycle.is_leaving() {
        text.push_str("- about to end\n");
    }
    for problem in state.problems() {
        text.push_str(&format!("- {problem}\n"));
    }
    answer(if accepting { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, TEXT, text)
}

fn answer(status: StatusCode, content_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
