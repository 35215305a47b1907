//! A notification as it is sent: the format, the payload, and what the platform gets to see beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::json;
use super::super::message::Request;
use super::super::push::Platform;
use super::super::world::World;
use super::super::xml::Element;
use super::answer::Refused;
use super::template::Properties;

/// A notification of more is refused with 413.
pub(super) const LARGEST: usize = 64 * 1024;
/// Headers that a platform gets to see, by their beginning. `Auth` and `P256DH` address a browser, and are not among them.
const PLATFORM_HEADERS: [&str; 5] = ["apns-", "servicebusnotification-apns-", "x-apns-", "x-wns-", "x-mpns-"];

/// Native to one platform, or for the templates of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Format {
    Native(Platform),
    Template,
}

impl Format {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Native(platform) => platform.word(),
            Self::Template => "template",
        }
    }
}

/// A notification that the hub took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notification {
    pub(super) format: Format,
    pub(super) body: String,
    /// In lower case.
    pub(super) headers: BTreeMap<String, String>,
}

/// A notification that waits for its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scheduled {
    pub(super) notification: Notification,
    /// The expression as it was sent; to all, when absent.
    pub(super) tags: Option<String>,
    /// The policy that scheduled it.
    pub(super) rule: String,
}

impl Notification {
    /// Checks what the hub checks before it says 201. `body` is the payload alone, also of a batch.
    pub(super) fn read(world: &World, hub: &str, request: &Request, body: &[u8]) -> Result<Self, Refused> {
        if body.len() > LARGEST {
            return Err(Refused::new(413, "The notification is larger than 64 KB."));
        }
        let format = format(request)?;
        let text = std::str::from_utf8(body).map_err(|_| Refused::bad("The payload is not UTF-8."))?;
        let mut headers = platform_headers(request);
        if let Format::Native(platform) = format {
            let credentials = world.credentials(hub).unwrap_or(&Value::Null);
            let Some(credential) = json::at(credentials, &[platform.credential(), "properties"]) else {
                let word = platform.word();
                return Err(Refused::bad(format!("The notification hub has no credential for the platform '{word}'.")));
            };
            check_payload(platform, text, &headers).map_err(Refused::bad)?;
            if platform == Platform::Apple && json::text(credential, &["token"]).is_none_or(str::is_empty) {
                // Passed on with token credentials only.
                headers.remove("apns-push-type");
            }
        } else {
            Properties::parse(text).map_err(Refused::bad)?;
        }
        Ok(Self { format, body: text.to_owned(), headers })
    }
}

fn format(request: &Request) -> Result<Format, Refused> {
    let word = request.header("ServiceBusNotification-Format");
    let word = word.ok_or_else(|| Refused::bad("The header ServiceBusNotification-Format is missing."))?;
    if word.trim().eq_ignore_ascii_case("template") {
        return Ok(Format::Template);
    }
    let platform = Platform::of_format(word).map(Format::Native);
    platform.ok_or_else(|| Refused::bad("The header ServiceBusNotification-Format names no platform."))
}

fn platform_headers(request: &Request) -> BTreeMap<String, String> {
    let headers = request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    headers.filter(|(name, _)| PLATFORM_HEADERS.iter().any(|start| name.starts_with(start))).collect()
}

fn check_payload(platform: Platform, text: &str, headers: &BTreeMap<String, String>) -> Result<(), String> {
    let value = || serde_json::from_str::<Value>(text).map_err(|_| "The payload is not JSON.".to_owned());
    match platform {
        Platform::Apple if !value()?.get("aps").is_some_and(Value::is_object) => {
            Err("The payload has no object 'aps'.".into())
        }
        Platform::FcmV1 => match value()?.get("message") {
            Some(Value::Object(message)) => {
                // The hub adds the target.
                match ["token", "topic", "condition"].iter().find(|name| message.contains_key(**name)) {
                    Some(name) => Err(format!("The message must not have the member '{name}'.")),
                    None => Ok(()),
                }
            }
            _ => Err("The payload has no object 'message'.".into()),
        },
        // Whether the hub or the platform refuses it is unverified; a client that is right is refused by neither.
        Platform::Windows => match headers.get("x-wns-type").map(String::as_str) {
            Some("wns/raw") => Ok(()),
            Some("wns/toast" | "wns/tile" | "wns/badge") => {
                Element::parse(text).map(drop).map_err(|why| format!("The payload is refused: {why}."))
            }
            _ => Err("The header X-WNS-Type is wns/toast, wns/tile, wns/badge or wns/raw.".into()),
        },
        Platform::Apple | Platform::Gcm | Platform::Adm | Platform::Baidu | Platform::Xiaomi
            if !value()?.is_object() =>
        {
            Err("The payload is not a JSON object.".into())
        }
        _ => Ok(()),
    }
}
