//! A message on its way to a platform, and what the platform makes of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::json;
use super::Silence;

/// APNs and FCM take so many bytes.
const LARGEST: usize = 4096;

/// A message as the data plane took it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The format's word, in lower case.
    pub(crate) platform: String,
    pub(crate) payload: Value,
    /// Length of the payload on the wire.
    pub(crate) bytes: usize,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Message {
    /// What the platform itself would refuse, after the hub has said 201.
    pub(super) fn check(&self) -> Result<(), Silence> {
        match self.platform.as_str() {
            "gcm" => return Err(Silence::PlatformRetired),
            "apple" | "fcmv1" => {}
            _ => return Err(Silence::PlatformNotSimulated),
        }
        if self.bytes > LARGEST {
            return Err(Silence::PayloadTooLarge);
        }
        let flat = |path: &[&str]| match json::at(&self.payload, path) {
            None => true,
            Some(Value::Object(map)) => map.values().all(Value::is_string),
            Some(_) => false,
        };
        if self.platform == "fcmv1" && !(flat(&["message", "data"]) && flat(&["message", "android", "data"])) {
            return Err(Silence::RefusedByPlatform);
        }
        Ok(())
    }

    /// Title and text as the phone shows them.
    pub(super) fn shown(&self) -> (Option<String>, Option<String>) {
        let text = |path: &[&str]| json::text(&self.payload, path).map(str::to_owned);
        if self.platform == "apple" {
            let body = text(&["aps", "alert", "body"]).or_else(|| text(&["aps", "alert"]));
            return (text(&["aps", "alert", "title"]), body);
        }
        let either = |name: &str| {
            text(&["message", "notification", name]).or_else(|| text(&["message", "android", "notification", name]))
        };
        (either("title"), either("body"))
    }
}

/// Whether a handle can be one of that platform: what the hub checks before it says 201.
pub(crate) fn check_handle(platform: &str, handle: &str) -> Result<(), &'static str> {
    match platform {
        "apple" => {
            let hex = handle.chars().all(|c| c.is_ascii_hexdigit());
            let fits = hex && (64..=200).contains(&handle.len()) && handle.len().is_multiple_of(2);
            if fits { Ok(()) } else { Err("a device token of APNs is 64 to 200 hexadecimal digits") }
        }
        _ => {
            let fits = (1..=4096).contains(&handle.len()) && handle.chars().all(|c| c.is_ascii_graphic());
            if fits { Ok(()) } else { Err("a device handle is 1 to 4096 visible characters") }
        }
    }
}
