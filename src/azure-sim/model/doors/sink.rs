//! `/_sim/sink`: a webhook that takes everything, for whoever wants an event subscription before there is an app. What came is in
//! `/_sim/deliveries`.

use serde_json::{Value, json};

use crate::model::json;
use crate::model::message::{Request, Response};

const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

/// Answers as a webhook: both handshakes, and 200 to every event.
pub(super) fn take(request: &Request) -> Response {
    match request.method.as_str() {
        "OPTIONS" => {
            let origin = request.header("webhook-request-origin").unwrap_or("*").to_owned();
            Response::empty(200).with("webhook-allowed-origin", origin).with("webhook-allowed-rate", "*")
        }
        "POST" => {
            Response::json(200, &code(&request.body).map_or(json!({}), |code| json!({"validationResponse": code})))
        }
        _ => Response::json(405, &json!({"error": "a webhook takes POST and OPTIONS"})),
    }
}

/// The code of a validation event.
fn code(body: &[u8]) -> Option<String> {
    let sent: Value = serde_json::from_slice(body).ok()?;
    let event = sent.as_array().and_then(|events| events.first()).unwrap_or(&sent);
    let is_validation = json::text(event, &["eventType"]) == Some(VALIDATION);
    is_validation.then(|| json::text(event, &["data", "validationCode"]).map(str::to_owned)).flatten()
}
