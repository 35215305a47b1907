//! What ARM's answers say: headers, bodies, errors. Pure.

use acs_core::azure::call::{ArmReply, ArmResult, Body};
use acs_core::azure::error::{AzureError, Fate, one_line};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::azure::budget::CallClass;
use crate::azure::http::Answer;
use crate::azure::scrub::scrub;

/// A longer pause than this is not believed, in milliseconds.
const LONGEST_PAUSE: u64 = 3_600_000;

/// Depth to which details of errors are searched.
const DEPTH: usize = 5;

/// `Retry-After` in milliseconds. ARM sends whole seconds, never a date; anything else is ignored.
pub fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let seconds = text(headers, "retry-after")?.trim();
    if !seconds.bytes().all(|byte| byte.is_ascii_digit()) || seconds.is_empty() {
        return None;
    }
    let pause = seconds.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(1000);
    Some(pause.min(LONGEST_PAUSE))
}

/// Calls that are left, by class, as the headers say.
pub fn remaining(headers: &HeaderMap) -> Vec<(CallClass, u64)> {
    let mut found = Vec::new();
    for class in CallClass::ALL {
        for scope in ["subscription", "subscription-global"] {
            let name = format!("x-ms-ratelimit-remaining-{scope}-{}", class.name());
            if let Some(left) = text(headers, &name).and_then(|value| value.trim().parse().ok()) {
                found.push((class, left));
            }
        }
    }
    found
}

/// The result of a call. `secrets` are what was sent and must not come back in a message.
pub fn read(answer: &Answer, secrets: &[String]) -> ArmResult {
    if !(200..300).contains(&answer.status) {
        return Err(failure(answer, secrets));
    }
    let Some(body) = json(&answer.body) else {
        // Something in between answered in ARM's place: a proxy's page, for example.
        let message = format!("the answer ({}) is not JSON", answer.status);
        return Err(AzureError {
            correlation_id: correlation_id(&answer.headers),
            ..crate::azure::unanswered("UnreadableAnswer", &message, Fate::Unknown)
        });
    };
    Ok(ArmReply {
        status: answer.status,
        body: Body(body),
        poll_url: poll_url(answer.status, &answer.headers),
        retry_after: retry_after(&answer.headers),
    })
}

/// `Location` of a 201 is the resource itself.
fn poll_url(status: u16, headers: &HeaderMap) -> Option<String> {
    let location = || text(headers, "location").filter(|_| status == 202);
    text(headers, "azure-asyncoperation").or_else(location).map(str::to_owned)
}

/// Null for an empty body; `None` if it is no JSON.
fn json(bytes: &[u8]) -> Option<Value> {
    // Some services put a byte order mark first.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Some(Value::Null);
    }
    serde_json::from_slice(bytes).ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

/// Id under which Azure's support finds the call.
pub fn correlation_id(headers: &HeaderMap) -> Option<String> {
    let id = text(headers, "x-ms-correlation-request-id").or_else(|| text(headers, "x-ms-request-id"))?;
    let plain = id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| id.to_owned())
}

/// ARM cuts a provider's call off after 60 s and answers 504: the provider may still have done it.
fn fate(status: u16) -> Fate {
    match status {
        408 => Fate::Unknown,
        400..=499 => Fate::NotApplied,
        _ => Fate::Unknown,
    }
}

fn failure(answer: &Answer, secrets: &[String]) -> AzureError {
    let body = json(&answer.body).unwrap_or_default();
    let outer = body.get("error").filter(|error| error.is_object()).unwrap_or(&body);
    let code = field(outer, "code").or_else(|| field(&body, "error"));
    let code = code.unwrap_or_else(|| canonical(answer.status));
    let said = message(outer).or_else(|| field(&body, "error_description"));
    let said = said.unwrap_or_else(|| if body.is_null() { "no explanation given".to_owned() } else { code.clone() });
    AzureError {
        status: Some(answer.status),
        code: one_line(&scrub(&code, secrets)),
        message: one_line(&scrub(&said, secrets)),
        target: target(outer).map(|target| one_line(&scrub(&target, secrets))),
        correlation_id: correlation_id(&answer.headers),
        retry_after: retry_after(&answer.headers),
        fate: fate(answer.status),
    }
}

/// The outer message, and what the innermost error adds to it.
fn message(outer: &Value) -> Option<String> {
    let said = field(outer, "message");
    let inner = innermost(outer, DEPTH);
    let detail = inner.and_then(|inner| field(inner, "message").map(|message| (field(inner, "code"), message)));
    match (said, detail) {
        (said, None) => said,
        (Some(said), Some((_, message))) if said.contains(&message) => Some(said),
        (None, Some((_, message))) => Some(message),
        (Some(said), Some((code, message))) => {
            let code = code.map(|code| format!("{code}: ")).unwrap_or_default();
            Some(format!("{said} ({code}{message})"))
        }
    }
}

/// The deepest of `details` that says something.
fn innermost(error: &Value, depth: usize) -> Option<&Value> {
    let details = details(error)?;
    details.iter().find_map(|detail| {
        let deeper = if depth == 0 { None } else { innermost(detail, depth - 1) };
        deeper.or_else(|| field(detail, "message").map(|_| detail))
    })
}

fn details(error: &Value) -> Option<&Vec<Value>> {
    error.get("details").or_else(|| error.get("Details"))?.as_array()
}

/// For an unregistered provider only the first detail names it.
fn target(outer: &Value) -> Option<String> {
    field(outer, "target").or_else(|| field(details(outer)?.first()?, "target"))
}

/// A text field, whatever its first letter: some services answer `Message`. Numbers occur as codes.
fn field(value: &Value, name: &str) -> Option<String> {
    let fields = value.as_object()?;
    let found = fields.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null())?.1;
    match found {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `BadGateway` for 502.
fn canonical(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.map_or_else(|| format!("Status{status}"), |reason| reason.replace([' ', '-', '\''], ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use acs_core::reason::Reason;
    use reqwest::header::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn answer(status: u16, pairs: &[(&str, &str)], body: &str) -> Answer {
        Answer { status, headers: headers(pairs), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn retry_after_is_whole_seconds_of_an_hour_at_most() {
        for (value, expected) in [
            ("17", Some(17_000)),
            ("0", Some(0)),
            (" 5 ", Some(5_000)),
            ("3601", Some(3_600_000)),
            ("99999999999999999999999", Some(3_600_000)),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("", None),
            ("Fri, 31 Dec 1999 23:59:59 GMT", None),
        ] {
            assert_eq!(retry_after(&headers(&[("retry-after", value)])), expected, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn progress_is_where_the_right_header_says() {
        let (operation, location) = (("Azure-AsyncOperation", "https://a/op"), ("Location", "https://a/loc"));
        for (status, pairs, expected) in [
            (201, vec![operation, location], Some("https://a/op")),
            (202, vec![operation, location], Some("https://a/op")),
            (202, vec![location], Some("https://a/loc")),
            (201, vec![location], None),
            (200, vec![location], None),
            (200, vec![operation], Some("https://a/op")),
            (204, vec![], None),
        ] {
            let reply = read(&answer(status, &pairs, "null"), &[]).unwrap();
            assert_eq!(reply.poll_url.as_deref(), expected, "{status} {pairs:?}");
        }
    }

    #[test]
    fn bodies_may_be_empty_or_null_but_not_a_page() {
        for body in ["", " \n", "null", "\u{feff}null"] {
            assert_eq!(read(&answer(202, &[], body), &[]).unwrap().body, Body(Value::Null));
        }
        let error = read(&answer(200, &[], "<html>please sign in</html>"), &[]).unwrap_err();
        assert_eq!((error.status, error.code.as_str(), error.fate), (None, "UnreadableAnswer", Fate::Unknown));
    }

    #[test]
    fn errors_of_every_shape_are_read() {
        let nested = r#"{"error":{"code":"Conflict","message":"Failed.","details":[{"code":"A","message":""},{"code":"B","message":"Outer.","details":[{"code":"C","message":"Disk full."}]}]}}"#;
        let unregistered = r#"{"error":{"code":"MissingSubscriptionRegistration","message":"Not registered.","details":[{"code":"MissingSubscriptionRegistration","target":"Microsoft.EventGrid","message":"Not registered."}]}}"#;
        for (status, body, code, message, target) in [
            (
                400,
                r#"{"error":{"code":"Url validation","message":"no\n answer","target":"t"}}"#,
                "Url validation",
                "no answer",
                Some("t"),
            ),
            (404, r#"{"code":"NotFound","message":"gone"}"#, "NotFound", "gone", None),
            (404, r#"{"Code":404,"Message":"gone"}"#, "404", "gone", None),
            (409, nested, "Conflict", "Failed. (C: Disk full.)", None),
            (409, unregistered, "MissingSubscriptionRegistration", "Not registered.", Some("Microsoft.EventGrid")),
            (401, r#"{"error":"invalid_token","error_description":"too old"}"#, "invalid_token", "too old", None),
            (502, "<html>bad gateway</html>", "BadGateway", "no explanation given", None),
            (500, "", "InternalServerError", "no explanation given", None),
            (500, "null", "InternalServerError", "no explanation given", None),
            (404, r#"{"error":null}"#, "NotFound", "NotFound", None),
            (400, r#"[1]"#, "BadRequest", "BadRequest", None),
            (599, "{", "Status599", "no explanation given", None),
        ] {
            let error = read(&answer(status, &[], body), &[]).unwrap_err();
            let read = (error.status, error.code.as_str(), error.message.as_str(), error.target.as_deref());
            assert_eq!(read, (Some(status), code, message, target), "{body}");
        }
        let error = read(&answer(409, &[], unregistered), &[]).unwrap_err();
        assert_eq!(error.classify().0, Reason::ProviderNotRegistered);
    }

    #[test]
    fn only_a_clear_refusal_is_without_effect() {
        for (status, expected) in [
            (400, Fate::NotApplied),
            (404, Fate::NotApplied),
            (408, Fate::Unknown),
            (409, Fate::NotApplied),
            (429, Fate::NotApplied),
            (302, Fate::Unknown),
            (500, Fate::Unknown),
            (503, Fate::Unknown),
            (504, Fate::Unknown),
        ] {
            assert_eq!(read(&answer(status, &[], ""), &[]).unwrap_err().fate, expected, "{status}");
        }
    }

    #[test]
    fn an_error_keeps_its_ids_and_pauses_and_loses_secrets() {
        let canary = "C4N4RYc4n4ryC4N4RY".to_owned();
        let body = format!(
            r#"{{"error":{{"code":"Bad","message":"{canary} is bad","details":[{{"code":"{canary}","message":"x {canary}","target":"{canary}"}}]}}}}"#
        );
        let pairs = [("retry-after", "3"), ("x-ms-correlation-request-id", "c-1"), ("x-ms-request-id", "r-1")];
        let error = read(&answer(429, &pairs, &body), std::slice::from_ref(&canary)).unwrap_err();
        assert_eq!((error.retry_after, error.correlation_id.as_deref()), (Some(3_000), Some("c-1")));
        assert!(!format!("{error:?}").contains(&canary), "{error:?}");
    }

    #[test]
    fn remaining_calls_are_read_by_class() {
        let found = remaining(&headers(&[
            ("x-ms-ratelimit-remaining-subscription-reads", "249"),
            ("x-ms-ratelimit-remaining-subscription-global-reads", "3749"),
            ("x-ms-ratelimit-remaining-subscription-deletes", "199"),
            ("x-ms-ratelimit-remaining-subscription-writes", "many"),
            ("x-ms-ratelimit-remaining-subscription-resource-requests", "1"),
        ]));
        assert_eq!(found, [(CallClass::Reads, 249), (CallClass::Reads, 3749), (CallClass::Deletes, 199)]);
    }
}
