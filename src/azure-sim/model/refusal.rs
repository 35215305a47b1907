//! Errors in the words of Azure Resource Manager: `{"error": {"code", "message", …}}`.

use serde_json::{Value, json};

use super::journal::Effect;
use super::json;
use super::message::Response;

/// Why a request was not done.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// The one detail that ARM gives here; boxed, since every answer of the model has room for a refusal.
    pub(crate) detail: Option<Box<Value>>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), detail: None, headers: Vec::new() }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// Event Grid's word for a body it does not take.
    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequest", message)
    }

    pub(crate) fn detail(mut self, code: &str, message: &str, target: &str) -> Self {
        self.detail = Some(Box::new(json!({"code": code, "message": message, "target": target})));
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn response(self) -> Response {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(detail) = self.detail {
            json::put(&mut error, &["details"], json!([*detail]));
        }
        let mut response = Response::json(self.status, &json!({"error": error}));
        response.headers.extend(self.headers);
        response
    }
}

/// A request that was done, and what it changed.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) response: Response,
    pub(crate) effect: Effect,
}

impl Done {
    pub(crate) fn new(effect: Effect, response: Response) -> Self {
        Self { response, effect }
    }

    pub(crate) fn read(body: &Value) -> Self {
        Self::new(Effect::Read, Response::json(200, body))
    }
}

pub(crate) type Answer = Result<Done, Refusal>;
