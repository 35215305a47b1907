//! A message on its way to a platform, and what the platform makes of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::json;
use super::super::xml::Element;
use super::{Platform, Silence};

/// A message as the hub hands it to a platform: native, or rendered from a template.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) platform: Platform,
    /// The payload on the wire.
    pub(crate) body: String,
    /// Headers that the platform sees, in lower case.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Message {
    /// The payload as JSON, or as the text it is.
    pub(super) fn payload(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| Value::String(self.body.clone()))
    }

    /// What the platform itself would refuse, after the hub has said 201.
    pub(super) fn check(&self, payload: &Value) -> Result<(), Silence> {
        if self.platform.retired() {
            return Err(Silence::PlatformRetired);
        }
        if self.body.len() > self.platform.largest() {
            return Err(Silence::PayloadTooLarge);
        }
        let fits = match self.platform {
            Platform::FcmV1 => flat(payload, &["message", "data"]) && flat(payload, &["message", "android", "data"]),
            Platform::Adm => flat(payload, &["data"]),
            Platform::Windows => self.fits_wns(),
            _ => true,
        };
        if fits { Ok(()) } else { Err(Silence::RefusedByPlatform) }
    }

    /// Toasts, tiles and badges are XML of that root; what is raw is the app's own.
    fn fits_wns(&self) -> bool {
        let kind = self.headers.get("x-wns-type").map_or("", String::as_str).trim_start_matches("wns/");
        let root = Element::parse(&self.body).map(|root| root.name);
        match kind {
            "raw" => true,
            "toast" | "tile" | "badge" => root.is_ok_and(|name| name == kind),
            _ => false,
        }
    }

    /// Title and text as the phone shows them.
    pub(super) fn shown(&self, payload: &Value) -> (Option<String>, Option<String>) {
        let first = |paths: &[&[&str]]| paths.iter().find_map(|path| json::text(payload, path)).map(str::to_owned);
        match self.platform {
            Platform::Apple => {
                let body = first(&[&["aps", "alert", "body"], &["aps", "alert"]]);
                (first(&[&["aps", "alert", "title"]]), body)
            }
            Platform::FcmV1 => {
                let either = |name: &str| {
                    first(&[&["message", "notification", name], &["message", "android", "notification", name]])
                };
                (either("title"), either("body"))
            }
            Platform::Windows | Platform::WindowsPhone => self.texts(),
            Platform::Browser => (first(&[&["title"]]), first(&[&["body"]]).or_else(|| Some(self.body.clone()))),
            Platform::Adm => (first(&[&["data", "title"]]), first(&[&["data", "message"], &["data", "body"]])),
            Platform::Baidu | Platform::Xiaomi => (first(&[&["title"]]), first(&[&["description"]])),
            Platform::Gcm => {
                (first(&[&["notification", "title"]]), first(&[&["notification", "body"], &["data", "message"]]))
            }
        }
    }

    /// The texts of a toast or a tile: with more than one, the first is the title.
    fn texts(&self) -> (Option<String>, Option<String>) {
        let Ok(root) = Element::parse(&self.body) else { return (None, None) };
        let mut texts = root.descendants().into_iter().filter(|e| e.name == "text").map(|e| e.text.clone());
        match (texts.next(), texts.next()) {
            (first, None) => (None, first),
            both => both,
        }
    }
}

/// Whether the object there, if any, has texts only.
fn flat(payload: &Value, path: &[&str]) -> bool {
    match json::at(payload, path) {
        None => true,
        Some(Value::Object(map)) => map.values().all(Value::is_string),
        Some(_) => false,
    }
}
