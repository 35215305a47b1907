//! Both handshakes, as pure decisions.

use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;

use super::Outcome;

/// The one origin whose deliveries are wanted.
pub const ORIGIN: &str = "eventgrid.azure.net";
/// Type of the event that asks for validation.
const VALIDATION_EVENT: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";
/// Longest code that is echoed.
const MAX_CODE: usize = 1024;

/// CloudEvents abuse protection: whether the origin in the request is granted. The sender shows no key with it.
pub fn grants(headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all("webhook-request-origin").iter();
    let origin = origins.next().is_some_and(|origin| origin.as_bytes().eq_ignore_ascii_case(ORIGIN.as_bytes()));
    origin && origins.next().is_none()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValidationEvent {
    event_type: String,
    data: ValidationData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValidationData {
    validation_code: String,
}

/// Event Grid schema: the answer to an array of exactly one validation event.
///
/// # Errors
/// When it is anything else.
pub fn validation_answer(body: &Bytes) -> Result<Bytes, Outcome> {
    let events: Vec<ValidationEvent> = serde_json::from_slice(body).map_err(|_| Outcome::Malformed)?;
    let [event] = events.as_slice() else { return Err(Outcome::Malformed) };
    let code = &event.data.validation_code;
    if !event.event_type.eq_ignore_ascii_case(VALIDATION_EVENT) || code.is_empty() || code.len() > MAX_CODE {
        return Err(Outcome::Malformed);
    }
    Ok(Bytes::from(serde_json::json!({ "validationResponse": code }).to_string()))
}
