//! What goes in and out of the model: plain requests and responses.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// On a response that must not arrive: `before` (nothing happened) or `after` (it happened, the answer is lost).
pub const DROP_HEADER: &str = "x-sim-drop";
/// Milliseconds to hold a response back.
pub const DELAY_HEADER: &str = "x-sim-delay-ms";

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// GET, PUT …
    pub method: String,
    /// Path and query as on the wire.
    pub path: String,
    /// Names in any case.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub(crate) fn query(&self) -> &str {
        self.path.split_once('?').map_or("", |(_, q)| q)
    }
}

/// One response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case, except those of Azure that recordings show otherwise.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Response {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        // Serialising a `Value` has no failing case: its keys are strings and its numbers finite.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self { status, headers: vec![("content-type".into(), "application/json; charset=utf-8".into())], body }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The body as JSON; null when there is none.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Names one outbound call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutboundId(pub u64);

/// A call that Azure makes outwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// To be given back with the answer.
    pub id: OutboundId,
    /// POST, OPTIONS or PUT.
    pub method: String,
    /// Where to.
    pub url: String,
    /// Request headers.
    pub headers: Vec<(String, String)>,
    /// Request body.
    pub body: Vec<u8>,
    /// The storage account whose key has to sign the request before it goes: the model holds none.
    #[serde(default)]
    pub storage_account: Option<String>,
    /// When to give up, in real milliseconds: what is called is real.
    pub timeout_ms: u64,
}

/// How an outbound call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Something answered.
    Response {
        /// HTTP status.
        status: u16,
        /// Response headers.
        headers: Vec<(String, String)>,
        /// Response body.
        body: Vec<u8>,
    },
    /// The connection failed; why.
    Failed(String),
    /// No answer came in time.
    TimedOut(String),
}
