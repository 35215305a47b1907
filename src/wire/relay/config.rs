//! Configuration of a relay, as the operator writes it into a ConfigMap. It holds no secret.

use serde::{Deserialize, Serialize};

use crate::filter::EventFilter;

/// The one format. A relay refuses any other, and goes on with what it had.
pub const FORMAT: u32 = 1;

/// Everything that a relay has to know beside its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelayConfig {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the EventRelay.
    pub relay: String,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Changes with every other member. Reported back, so that the operator knows which configuration is in force.
    pub revision: String,
    /// Path of the public URL, without a slash at the end; empty if it has none. A gateway may strip it or not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path_prefix: String,
    /// Event subscriptions that deliver here. Nothing else is let in.
    #[serde(default)]
    pub subscriptions: Vec<Subscription>,
    /// Where events go.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// How pushes are sent; none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<Push>,
}

/// An event subscription that is expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subscription {
    /// Name in Azure. Event Grid sends it in any case.
    pub name: String,
}

/// Where some events go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// Name, unique in the relay; in metrics and messages.
    pub name: String,
    /// Which events.
    pub filter: EventFilter,
    /// Where to: `http://127.0.0.1:8080/events`.
    pub url: String,
    /// Form of what is sent.
    pub encoding: Encoding,
    /// Longest wait for the target's answer, 1 to 20 seconds.
    pub timeout_seconds: u32,
}

/// Form in which an event is handed to a target: CloudEvents 1.0 over HTTP, whatever the schema it came in. `data` stays equal
/// to the byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// Attributes in `ce-` headers, `data` as the body.
    #[default]
    Binary,
    /// One `application/cloudevents+json` document.
    Structured,
}

/// How pushes are sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Push {
    /// Where to connect instead of the connection string's host, as `https://host:port`; the header `Host` and the signature
    /// keep that host. For clouds and simulators without its DNS name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Further certificate authorities to trust there, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<String>,
    /// Platforms that the hub has credentials for.
    #[serde(default)]
    pub platforms: Vec<Platform>,
    /// Pushes that events make.
    #[serde(default)]
    pub rules: Vec<PushRule>,
}

/// A platform, by the word of the header `ServiceBusNotification-Format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// APNs.
    Apple,
    /// Firebase Cloud Messaging, HTTP v1.
    FcmV1,
}

impl Platform {
    /// The word on the wire.
    pub fn format(self) -> &'static str {
        match self {
            Platform::Apple => "apple",
            Platform::FcmV1 => "fcmv1",
        }
    }
}

/// A push that an event makes. Expressions are CEL over `event`: `id`, `source`, `type`, `subject`, `time`, `data`; each gives a
/// text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PushRule {
    /// Name, unique in the relay; in metrics and messages.
    pub name: String,
    /// Which events.
    pub filter: EventFilter,
    /// CEL: which installations, by tag.
    pub installation_tag: String,
    /// CEL: title; no title without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// CEL: body.
    pub body: String,
    /// Seconds after the event's time from which on nobody wants the push any more.
    pub expires_after_seconds: u32,
}
