//! Where a push goes: a platform and the handle that it gave an app on a device.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::json;
use super::Platform;

/// Characters of a handle, or of a key of web push.
const LONGEST: usize = 4096;

/// A push channel. Its handle is as good as a secret: it is in no error and in no journal entry.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Channel {
    pub(crate) platform: Platform,
    /// Of a browser its endpoint; of Baidu `{user id}-{channel id}`.
    pub(crate) handle: String,
    /// Of a browser only: what a message must be encrypted for.
    pub(crate) keys: Option<Keys>,
}

/// The keys of a browser's subscription.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Keys {
    pub(crate) p256dh: String,
    pub(crate) auth: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Channel({})", self.platform.word())
    }
}

impl Channel {
    /// A channel as headers and registrations spell it.
    ///
    /// # Errors
    /// What the handle lacks; never the handle.
    pub(crate) fn new(platform: Platform, handle: &str, keys: Option<Keys>) -> Result<Self, &'static str> {
        check_handle(platform, handle)?;
        let fits = |key: &str| (1..=LONGEST).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic());
        match (&keys, platform) {
            (Some(keys), Platform::Browser) if fits(&keys.p256dh) && fits(&keys.auth) => {}
            (_, Platform::Browser) => return Err("a browser's channel needs its endpoint, its p256dh and its auth"),
            _ => {}
        }
        let keys = keys.filter(|_| platform == Platform::Browser);
        Ok(Self { platform, handle: handle.to_owned(), keys })
    }

    /// The `pushChannel` of an installation, or a device of a batch: a text, and of a browser an object, or a text that
    /// holds one (the .NET SDK's way).
    pub(crate) fn read(platform: Platform, value: &Value) -> Result<Self, &'static str> {
        if platform != Platform::Browser {
            return Self::new(platform, value.as_str().ok_or("a device handle must be a text")?, None);
        }
        let inner = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let object = inner.as_ref().unwrap_or(value);
        let member = |name: &str| {
            let members = object.as_object()?.iter();
            members.filter(|(n, _)| n.eq_ignore_ascii_case(name)).find_map(|(_, v)| v.as_str()).map(str::to_owned)
        };
        let keys = member("p256dh").zip(member("auth")).map(|(p256dh, auth)| Keys { p256dh, auth });
        Self::new(platform, &member("endpoint").unwrap_or_default(), keys)
    }

    /// As an installation shows it.
    pub(crate) fn shown(&self) -> Value {
        match &self.keys {
            Some(keys) => json!({"endpoint": self.handle, "p256dh": keys.p256dh, "auth": keys.auth}),
            None => json!(self.handle),
        }
    }

    /// In one text, as a debug send shows it.
    pub(crate) fn text(&self) -> String {
        if self.keys.is_some() { self.shown().to_string() } else { self.handle.clone() }
    }

    /// Whether that is the handle. Device tokens of APNs are hexadecimal, in either case.
    pub(crate) fn has_handle(&self, handle: &str) -> bool {
        same_handle(self.platform, &self.handle, handle)
    }
}

pub(super) fn same_handle(platform: Platform, one: &str, other: &str) -> bool {
    if platform == Platform::Apple { one.eq_ignore_ascii_case(other) } else { one == other }
}

/// Whether a handle can be one of that platform: what the hub checks before it says 201.
pub(crate) fn check_handle(platform: Platform, handle: &str) -> Result<(), &'static str> {
    let visible = (1..=LONGEST).contains(&handle.len()) && handle.chars().all(|c| c.is_ascii_graphic());
    match platform {
        Platform::Apple => {
            let hex = handle.chars().all(|c| c.is_ascii_hexdigit());
            let fits = hex && (64..=200).contains(&handle.len()) && handle.len().is_multiple_of(2);
            if fits { Ok(()) } else { Err("a device token of APNs is 64 to 200 hexadecimal digits") }
        }
        Platform::Windows | Platform::WindowsPhone | Platform::Browser => {
            let url = url::Url::parse(handle).ok().filter(|_| visible);
            let web = url.is_some_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
            if web { Ok(()) } else { Err("a channel of this platform is an absolute URL") }
        }
        Platform::Baidu if visible => {
            let both = handle.split_once('-').is_some_and(|(user, channel)| !user.is_empty() && !channel.is_empty());
            if both { Ok(()) } else { Err("a handle of Baidu is a user id and a channel id, joined by '-'") }
        }
        _ if visible => Ok(()),
        _ => Err("a device handle is 1 to 4096 visible characters"),
    }
}

/// A subset of a JSON object's texts, for push variables and template headers.
pub(crate) fn texts(value: &Value, path: &[&str]) -> Option<std::collections::BTreeMap<String, String>> {
    match json::at(value, path) {
        None => Some(std::collections::BTreeMap::new()),
        Some(map) => serde_json::from_value(map.clone()).ok(),
    }
}
