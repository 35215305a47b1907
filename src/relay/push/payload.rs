//! Payloads of pushes that rules make, cut to what a platform carries.

use acs_wire::relay::config::Platform;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::json;

/// Most bytes of a payload, in UTF-8: both platforms have the same bound. Above it the hub may say 201 and the push is lost.
pub const MAX_PAYLOAD: usize = 4096;

/// Longest time, in seconds, that FCM keeps a push; it refuses one that asks for more, as an event from the future does.
const MAX_TTL: i64 = 28 * 24 * 3600;

/// What a rule wants to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Title.
    pub title: Option<String>,
    /// Text.
    pub body: String,
    /// Stands for the event: a phone shows two pushes with the same one as one.
    pub collapse_id: String,
    /// When nobody wants it any more, in seconds since 1970.
    pub expires: i64,
}

/// The payload for a platform.
pub fn payload(alert: &Alert, platform: Platform, now: i64) -> Bytes {
    let build = |title: Option<&str>, body: &str| match platform {
        Platform::Apple => apple(title, body),
        Platform::FcmV1 => fcm_v1(alert, title, body, now),
    };
    let whole = build(alert.title.as_deref(), &alert.body);
    if whole.len() <= MAX_PAYLOAD {
        return whole.into();
    }
    // Half of the room for the title at most; the rest for the text.
    let room = |title: &str| build(Some(title), "").len() <= MAX_PAYLOAD / 2;
    let title = alert.title.as_deref().map(|title| longest(title, &room));
    let body = longest(&alert.body, &|body| build(title.as_deref(), body).len() <= MAX_PAYLOAD);
    build(title.as_deref(), &body).into()
}

/// The longest beginning that fits, cut between characters, with an ellipsis. How long a character is in JSON varies, so it is
/// sought by halves.
fn longest(text: &str, fits: &dyn Fn(&str) -> bool) -> String {
    if fits(text) {
        return text.to_owned();
    }
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let cut = |characters: usize| {
        let end = ends.get(characters).copied().unwrap_or(0);
        format!("{}…", text.get(..end).unwrap_or_default())
    };
    let (mut fitting, mut beyond) = (0, ends.len());
    while fitting + 1 < beyond {
        let middle = usize::midpoint(fitting, beyond);
        if fits(&cut(middle)) { fitting = middle } else { beyond = middle }
    }
    cut(fitting)
}

fn apple(title: Option<&str>, body: &str) -> String {
    let alert = match title {
        Some(title) => json!({ "title": title, "body": body }),
        None => json!({ "body": body }),
    };
    json!({ "aps": { "alert": alert } }).to_string()
}

/// No `token`, `topic` or `condition`: the hub adds whom it is for.
fn fcm_v1(alert: &Alert, title: Option<&str>, body: &str, now: i64) -> String {
    let notification = match title {
        Some(title) => json!({ "title": title, "body": body }),
        None => json!({ "body": body }),
    };
    let ttl = format!("{}s", alert.expires.saturating_sub(now).clamp(0, MAX_TTL));
    let android = json!({
        "priority": "high",
        "ttl": ttl,
        "collapse_key": alert.collapse_id,
        "notification": { "tag": alert.collapse_id },
    });
    json!({ "message": { "notification": notification, "android": android } }).to_string()
}

/// The platform's own headers.
pub fn headers(alert: &Alert, platform: Platform) -> Vec<(HeaderName, HeaderValue)> {
    if platform == Platform::FcmV1 {
        return Vec::new();
    }
    let collapse_id = HeaderValue::from_str(&alert.collapse_id).ok();
    let mut headers = push_type(&HeaderValue::from_static("alert")).to_vec();
    headers.push((HeaderName::from_static("apns-priority"), HeaderValue::from_static("10")));
    headers.push((HeaderName::from_static("apns-expiration"), HeaderValue::from(alert.expires)));
    headers.extend(collapse_id.map(|id| (HeaderName::from_static("apns-collapse-id"), id)));
    headers
}

/// The push type, under both names: the documentation has one, the sample for calls the other.
pub fn push_type(value: &HeaderValue) -> [(HeaderName, HeaderValue); 2] {
    [
        (HeaderName::from_static("apns-push-type"), value.clone()),
        (HeaderName::from_static("servicebusnotification-apns-push-type"), value.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(title: Option<&str>, body: &str) -> Alert {
        Alert {
            title: title.map(str::to_owned),
            body: body.to_owned(),
            collapse_id: "c0ffee".to_owned(),
            expires: 1060,
        }
    }

    #[test]
    fn each_platform_gets_its_own_form() {
        let alert = alert(Some("Zoë"), "Hi");
        let apple: serde_json::Value = serde_json::from_slice(&payload(&alert, Platform::Apple, 1000)).unwrap();
        assert_eq!(apple, json!({"aps": {"alert": {"title": "Zoë", "body": "Hi"}}}));
        let fcm: serde_json::Value = serde_json::from_slice(&payload(&alert, Platform::FcmV1, 1000)).unwrap();
        assert_eq!(fcm["message"]["notification"], json!({"title": "Zoë", "body": "Hi"}));
        assert_eq!(fcm["message"]["android"]["ttl"], "60s");
        assert_eq!(fcm["message"]["android"]["collapse_key"], "c0ffee");
        assert!(fcm["message"].get("token").is_none());
        let future = Alert { expires: i64::MAX, ..alert.clone() };
        let fcm: serde_json::Value = serde_json::from_slice(&payload(&future, Platform::FcmV1, -1)).unwrap();
        assert_eq!(fcm["message"]["android"]["ttl"], "2419200s");
        assert!(headers(&alert, Platform::FcmV1).is_empty());
        assert_eq!(headers(&alert, Platform::Apple).len(), 5);
    }

    #[test]
    fn long_texts_are_cut_between_characters_and_use_the_room_there_is() {
        for text in ["a", "ë", "\"", "\u{1F600}", "\n", "e\u{301}"] {
            for platform in [Platform::Apple, Platform::FcmV1] {
                for title in [None, Some("title".to_owned()), Some(text.repeat(5000))] {
                    let alert = alert(title.as_deref(), &text.repeat(28 * 1024));
                    let bytes = payload(&alert, platform, 0);
                    assert!(bytes.len() <= MAX_PAYLOAD && bytes.len() > MAX_PAYLOAD - 16, "{} {text:?}", bytes.len());
                    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                    let body = match platform {
                        Platform::Apple => &json["aps"]["alert"]["body"],
                        Platform::FcmV1 => &json["message"]["notification"]["body"],
                    };
                    assert!(body.as_str().unwrap().ends_with('…'));
                }
            }
        }
    }
}
