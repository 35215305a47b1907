//! CloudEvents over HTTP, binary and structured. `data` is copied as it came.

use acs_wire::relay::config::Encoding;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::receive::envelope::{self, Event, MAX_ATTRIBUTE, Payload};

/// What the HTTP binding encodes beside what is not ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');
/// Type of data where an event names none.
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Type of a structured event.
const STRUCTURED: HeaderValue = HeaderValue::from_static("application/cloudevents+json; charset=utf-8");
/// How often Event Grid tried before, as it says.
const ATTEMPT: HeaderName = HeaderName::from_static("acs-relay-delivery-count");
const SPECVERSION: HeaderName = HeaderName::from_static("ce-specversion");
const ID: HeaderName = HeaderName::from_static("ce-id");
const SOURCE: HeaderName = HeaderName::from_static("ce-source");
const TYPE: HeaderName = HeaderName::from_static("ce-type");
const SUBJECT: HeaderName = HeaderName::from_static("ce-subject");
const TIME: HeaderName = HeaderName::from_static("ce-time");
const DATASCHEMA: HeaderName = HeaderName::from_static("ce-dataschema");

/// The request for a target.
pub fn request(
    path: &Uri,
    host: &HeaderValue,
    encoding: Encoding,
    event: &Event,
    attempt: Option<&HeaderValue>,
) -> Request<Full<Bytes>> {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(HOST, host.clone());
    if let Some(attempt) = attempt {
        headers.insert(ATTEMPT, attempt.clone());
    }
    let body = match encoding {
        Encoding::Binary => binary(event, &mut headers),
        Encoding::Structured => {
            headers.insert(CONTENT_TYPE, STRUCTURED);
            structured(event)
        }
    };
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.clone();
    *request.headers_mut() = headers;
    request
}

fn binary(event: &Event, headers: &mut HeaderMap) -> Bytes {
    headers.insert(SPECVERSION, HeaderValue::from_static("1.0"));
    let attributes = [
        (ID, Some(&event.id)),
        (SOURCE, Some(&event.source)),
        (TYPE, Some(&event.event_type)),
        (SUBJECT, event.subject.as_ref()),
        (TIME, event.time.as_ref()),
        (DATASCHEMA, event.schema.as_ref()),
    ];
    for (name, text) in attributes {
        if let Some(value) = text.and_then(|text| header_value(text)) {
            headers.insert(name, value);
        }
    }
    for (name, json) in &event.extensions {
        let value = attribute_text(json).and_then(|text| header_value(&text));
        if let (Some(name), Some(value)) = (extension_header(name), value) {
            headers.insert(name, value);
        }
    }
    let content_type = event.content_type.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
    match &event.data {
        Payload::None => Bytes::new(),
        Payload::Json(json) => {
            headers.insert(CONTENT_TYPE, content_type.unwrap_or(JSON));
            json.clone()
        }
        Payload::Base64(text) => {
            let octets = HeaderValue::from_static("application/octet-stream");
            headers.insert(CONTENT_TYPE, content_type.unwrap_or(octets));
            envelope::octets(text).unwrap_or_default()
        }
    }
}

/// A text as the binding wants it in a header.
fn header_value(text: &str) -> Option<HeaderValue> {
    if text.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'"' && byte != b'%') {
        return HeaderValue::from_str(text).ok();
    }
    HeaderValue::try_from(utf8_percent_encode(text, ENCODED).to_string()).ok()
}

/// Only names that CloudEvents allows, and none of its own, make a header.
fn extension_header(name: &str) -> Option<HeaderName> {
    let allowed = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !allowed || name.is_empty() || name.len() > 64 {
        return None;
    }
    HeaderName::from_bytes(format!("ce-{name}").as_bytes()).ok()
}

/// The value of an extension as text: attributes are texts, numbers and booleans. A header that no server takes would make every
/// try of the event fail, so one that is too long stays out; the structured form has it.
fn attribute_text(json: &[u8]) -> Option<String> {
    if json.len() > MAX_ATTRIBUTE {
        return None;
    }
    match serde_json::from_slice(json).ok()? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

fn structured(event: &Event) -> Bytes {
    let size = match &event.data {
        Payload::Json(bytes) | Payload::Base64(bytes) => bytes.len(),
        Payload::None => 0,
    };
    let mut json = Vec::with_capacity(size + 512);
    json.extend_from_slice(b"{\"specversion\":\"1.0\"");
    let attributes = [
        ("id", Some(&event.id)),
        ("source", Some(&event.source)),
        ("type", Some(&event.event_type)),
        ("subject", event.subject.as_ref()),
        ("time", event.time.as_ref()),
        ("datacontenttype", event.content_type.as_ref()),
        ("dataschema", event.schema.as_ref()),
    ];
    for (name, text) in attributes {
        if let Some(text) = text {
            member(&mut json, name, quoted(text).as_bytes());
        }
    }
    for (name, value) in &event.extensions {
        member(&mut json, name, value);
    }
    match &event.data {
        Payload::None => {}
        Payload::Json(data) => member(&mut json, "data", data),
        Payload::Base64(text) => member(&mut json, "data_base64", text),
    }
    json.push(b'}');
    Bytes::from(json)
}

fn member(json: &mut Vec<u8>, name: &str, value: &[u8]) {
    json.push(b',');
    json.extend_from_slice(quoted(name).as_bytes());
    json.push(b':');
    json.extend_from_slice(value);
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
