//! A push that the app asks for: its request, checked; its answer.

use acs_wire::relay::config::Platform;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::answer::Refusal;
use super::hub::{Addressee, Message};
use super::payload::{MAX_PAYLOAD, push_type};

/// Longest device handle.
const MAX_HANDLE: usize = 4096;
/// Longest value of a platform's header.
const MAX_VALUE: usize = 256;
/// Headers that an app may set; `apns-topic` is the hub's own.
pub const HEADERS: [&str; 5] = ["apns-push-type", "apns-priority", "apns-expiration", "apns-collapse-id", "apns-id"];
/// Types of pushes that APNs knows.
pub const PUSH_TYPES: [&str; 9] =
    ["alert", "background", "voip", "complication", "fileprovider", "mdm", "location", "liveactivity", "pushtotalk"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked<'a> {
    platform: Platform,
    device_handle: String,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
}

/// How the app's request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Queued by the hub; not delivered yet.
    Queued,
    /// The request is no such request.
    Invalid,
    /// It came from a browser.
    FromBrowser,
    /// It did not come from this machine.
    NotLocal,
    /// Nothing is served there.
    UnknownPath,
    /// Another method is.
    WrongMethod,
    /// It is no JSON by its content type.
    NoJson,
    /// It is too large.
    TooLarge,
    /// The relay is about to end, or too much is under way.
    Busy,
    /// The body did not come.
    Incomplete,
    /// The hub did not queue it.
    Refused(Refusal),
}

impl Code {
    /// Status of the answer.
    pub fn status(self) -> StatusCode {
        use StatusCode as S;
        match self {
            Code::Queued => S::ACCEPTED,
            Code::Invalid | Code::Refused(Refusal::Malformed) => S::BAD_REQUEST,
            Code::FromBrowser | Code::NotLocal => S::FORBIDDEN,
            Code::UnknownPath => S::NOT_FOUND,
            Code::WrongMethod => S::METHOD_NOT_ALLOWED,
            Code::Incomplete => S::REQUEST_TIMEOUT,
            Code::TooLarge | Code::Refused(Refusal::TooLarge) => S::PAYLOAD_TOO_LARGE,
            Code::NoJson => S::UNSUPPORTED_MEDIA_TYPE,
            Code::Refused(Refusal::Throttled(_)) => S::TOO_MANY_REQUESTS,
            Code::Refused(Refusal::Unauthorized | Refusal::Forbidden | Refusal::Absent) => S::BAD_GATEWAY,
            Code::Refused(Refusal::NoAnswer) => S::GATEWAY_TIMEOUT,
            Code::Busy | Code::Refused(Refusal::NotConfigured | Refusal::Unavailable(_) | Refusal::Unreachable) => {
                S::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The word in the answer.
    pub fn word(self) -> &'static str {
        match self {
            Code::Queued => "Queued",
            Code::Invalid => "Invalid",
            Code::FromBrowser => "FromBrowser",
            Code::NotLocal => "NotLocal",
            Code::UnknownPath => "UnknownPath",
            Code::WrongMethod => "WrongMethod",
            Code::NoJson => "NoJson",
            Code::TooLarge => "TooLarge",
            Code::Busy => "Busy",
            Code::Incomplete => "Incomplete",
            Code::Refused(refusal) => match refusal {
                Refusal::NotConfigured => "HubNotConfigured",
                Refusal::Malformed => "HubFoundItMalformed",
                Refusal::Unauthorized => "HubUnauthorized",
                Refusal::Forbidden => "HubForbidden",
                Refusal::Absent => "HubAbsent",
                Refusal::TooLarge => "HubFoundItTooLarge",
                Refusal::Throttled(_) => "HubThrottled",
                Refusal::Unavailable(_) => "HubUnavailable",
                Refusal::Unreachable => "HubUnreachable",
                Refusal::NoAnswer => "HubNoAnswer",
            },
        }
    }

    /// Every code.
    pub fn all() -> Vec<Code> {
        let refusals = [
            Refusal::NotConfigured,
            Refusal::Malformed,
            Refusal::Unauthorized,
            Refusal::Forbidden,
            Refusal::Absent,
            Refusal::TooLarge,
            Refusal::Throttled(None),
            Refusal::Unavailable(None),
            Refusal::Unreachable,
            Refusal::NoAnswer,
        ];
        let own = [
            Code::Queued,
            Code::Invalid,
            Code::FromBrowser,
            Code::NotLocal,
            Code::UnknownPath,
            Code::WrongMethod,
            Code::NoJson,
            Code::TooLarge,
            Code::Busy,
            Code::Incomplete,
        ];
        own.into_iter().chain(refusals.map(Code::Refused)).collect()
    }
}

/// Body of every answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer<'a> {
    /// [`Code::word`].
    pub code: &'static str,
    /// For people.
    pub message: &'a str,
    /// Name of the send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_id: Option<&'a str>,
}

/// Checks what the app asks for.
///
/// # Errors
/// Says what is wrong, without quoting a handle or a payload.
pub fn message(body: &Bytes) -> Result<Message, String> {
    let asked: Asked<'_> = serde_json::from_slice(body).map_err(|error| match error.classify() {
        // The text of these errors quotes values, which may be a handle.
        serde_json::error::Category::Data => format!(
            "members are platform (apple or fcmv1), deviceHandle, payload and headers; line {}, column {} is none of it",
            error.line(),
            error.column()
        ),
        _ => format!("no JSON: line {}, column {}", error.line(), error.column()),
    })?;
    let payload = asked.payload.get();
    if payload.len() > MAX_PAYLOAD {
        return Err(format!(
            "payload has {} bytes, more than the {MAX_PAYLOAD} that the platform carries",
            payload.len()
        ));
    }
    check_payload(asked.platform, payload)?;
    let headers = platform_headers(asked.platform, &asked.headers)?;
    let repeatable = asked.headers.keys().any(|name| name.eq_ignore_ascii_case("apns-collapse-id"));
    Ok(Message {
        platform: asked.platform,
        addressee: Addressee::Device(device(&asked.device_handle)?),
        payload: body.slice_ref(payload.as_bytes()),
        headers,
        repeatable,
    })
}

fn device(handle: &str) -> Result<HeaderValue, String> {
    if handle.is_empty() || handle.len() > MAX_HANDLE || !handle.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return Err(format!("deviceHandle must be 1 to {MAX_HANDLE} visible ASCII characters"));
    }
    let mut value = HeaderValue::from_str(handle).map_err(|_| "deviceHandle makes no header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn check_payload(platform: Platform, payload: &str) -> Result<(), String> {
    let payload: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(payload).map_err(|_| "payload must be an object".to_owned())?;
    match platform {
        Platform::Apple if !payload.get("aps").is_some_and(serde_json::Value::is_object) => {
            Err("payload must have the object `aps`, if empty; the hub refuses it otherwise".to_owned())
        }
        Platform::Apple => Ok(()),
        Platform::FcmV1 => {
            let message = payload.get("message").and_then(serde_json::Value::as_object);
            let message = message.ok_or("payload must have the object `message`, as FCM v1 has it")?;
            match ["token", "topic", "condition"].into_iter().find(|name| message.contains_key(*name)) {
                Some(name) => Err(format!("payload: message.{name} is the hub's to set; leave it out")),
                None => Ok(()),
            }
        }
    }
}

fn platform_headers(
    platform: Platform,
    asked: &std::collections::BTreeMap<String, String>,
) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let mut headers = Vec::new();
    for (name, text) in asked {
        let Some(name) = HEADERS.into_iter().find(|known| known.eq_ignore_ascii_case(name)) else {
            return Err(format!("headers: only {} may be set", HEADERS.join(", ")));
        };
        if platform != Platform::Apple {
            return Err(format!("headers: {name} is for apple only; FCM has its options in the payload"));
        }
        check_value(name, text)?;
        let value = HeaderValue::from_str(text).map_err(|_| format!("headers: {name} has no valid value"))?;
        match name {
            "apns-push-type" => headers.extend(push_type(&value)),
            _ => headers.push((HeaderName::from_static(name), value)),
        }
    }
    Ok(headers)
}

fn check_value(name: &str, text: &str) -> Result<(), String> {
    let digits = |text: &str| !text.is_empty() && text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let right = match name {
        "apns-push-type" => PUSH_TYPES.contains(&text),
        "apns-priority" => ["1", "5", "10"].contains(&text),
        "apns-expiration" => digits(text),
        "apns-collapse-id" => (1..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)),
        _ => (1..=MAX_VALUE).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, 0x21..=0x7e)),
    };
    if right { Ok(()) } else { Err(format!("headers: {name} has no valid value")) }
}
