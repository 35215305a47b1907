//! What each version of an API knows of a resource: one table, read when a body comes in and when one goes out.
//!
//! A resource is kept in its newest form. A version takes and shows those members only that it knows; what it does not
//! know it leaves as it is. Members that no row names are known to every version.

use serde_json::Value;

use super::arm::Call;
use super::json;
use super::message::Response;
use super::registry::{self, Kind};

/// Which requests write a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// A PUT that leaves it out takes it away; a PATCH changes it when it names it.
    Always,
    /// Given when the resource is made, and left alone afterwards.
    Once,
    /// Never by clients in this way: shown, or written by code of its own.
    Elsewhere,
}

/// A member of a body.
pub(crate) struct Member {
    path: &'static [&'static str],
    /// The first version that knows it; none: all do.
    since: Option<&'static str>,
    write: Write,
}

const fn always(path: &'static [&'static str], since: Option<&'static str>) -> Member {
    Member { path, since, write: Write::Always }
}

const fn once(path: &'static [&'static str], since: Option<&'static str>) -> Member {
    Member { path, since, write: Write::Once }
}

const fn elsewhere(path: &'static [&'static str], since: &'static str) -> Member {
    Member { path, since: Some(since), write: Write::Elsewhere }
}

/// Sources: the specifications of 2020-08-20-preview, 2020-08-20, 2023-04-01, 2025-05-01 and 2026-03-18. 2023-03-31 and
/// 2025-09-01 are taken to be as the next older one that is at hand (unverified).
const SERVICE: &[Member] = &[
    always(&["tags"], None),
    always(&["identity"], Some("2023-03-31")),
    always(&["properties", "linkedDomains"], Some("2023-03-31")),
    always(&["properties", "publicNetworkAccess"], Some("2025-05-01")),
    always(&["properties", "disableLocalAuth"], Some("2025-05-01")),
    once(&["properties", "dataLocation"], None),
    elsewhere(&["systemData"], "2020-08-20"),
];

/// Sources: the specifications of 2023-09-01 and 2023-10-01-preview, and recordings of 2017-04-01.
const NAMESPACE: &[Member] = &[
    always(&["tags"], None),
    always(&["properties", "networkAcls"], Some("2023-09-01")),
    always(&["properties", "publicNetworkAccess"], Some("2023-09-01")),
    always(&["properties", "replicationRegion"], Some("2023-09-01")),
    always(&["properties", "namespaceType"], None),
    once(&["properties", "zoneRedundancy"], Some("2023-09-01")),
    once(&["properties", "scaleUnit"], None),
    elsewhere(&["properties", "privateEndpointConnections"], "2023-09-01"),
    elsewhere(&["properties", "pnsCredentials"], "2023-09-01"),
];

const FCM_V1: &str = "2023-10-01-preview";

const HUB: &[Member] = &[
    always(&["tags"], None),
    elsewhere(&["properties", "dailyMaxActiveDevices"], "2023-09-01"),
    elsewhere(&["properties", "browserCredential"], "2023-09-01"),
    elsewhere(&["properties", "xiaomiCredential"], "2023-09-01"),
    elsewhere(&["properties", "fcmV1Credential"], FCM_V1),
];

/// Sources: the specifications of 2022-06-15 and 2025-02-15.
const EVENT_SUBSCRIPTION: &[Member] = &[
    elsewhere(&["properties", "destination", "properties", "minimumTlsVersionAllowed"], TLS),
    elsewhere(
        &["properties", "deliveryWithResourceIdentity", "destination", "properties", "minimumTlsVersionAllowed"],
        TLS,
    ),
];

const TLS: &str = "2025-02-15";

fn members(kind: Kind) -> &'static [Member] {
    match kind {
        Kind::Service => SERVICE,
        Kind::Namespace => NAMESPACE,
        Kind::Hub => HUB,
        Kind::TopicSubscription | Kind::ScopeSubscription => EVENT_SUBSCRIPTION,
        Kind::Group | Kind::NamespaceRule | Kind::HubRule | Kind::SystemTopic | Kind::Lock => &[],
    }
}

fn namespace(kind: Kind) -> &'static str {
    match kind {
        Kind::Service => registry::COMMUNICATION,
        Kind::Namespace | Kind::NamespaceRule | Kind::Hub | Kind::HubRule => registry::NOTIFICATION_HUBS,
        Kind::SystemTopic | Kind::TopicSubscription | Kind::ScopeSubscription => registry::EVENT_GRID,
        Kind::Lock => registry::AUTHORIZATION,
        Kind::Group => registry::RESOURCES,
    }
}

/// Whether `version` of a kind's provider is `since` or newer, by the provider's own list: 2020-08-20-preview came before
/// 2020-08-20.
pub(crate) fn knows(kind: Kind, version: &str, since: &str) -> bool {
    let versions = registry::provider(namespace(kind)).map_or(&[][..], |p| p.versions);
    let rank = |wanted: &str| versions.iter().position(|v| *v == wanted);
    match (rank(version), rank(since)) {
        (Some(version), Some(since)) => version >= since,
        // No version of ours: the newest there is.
        (None, _) => true,
        (Some(_), None) => false,
    }
}

impl Member {
    fn known(&self, kind: Kind, version: &str) -> bool {
        self.since.is_none_or(|since| knows(kind, version, since))
    }
}

/// Whether a version knows a member, by its path.
pub(crate) fn known(kind: Kind, version: &str, path: &[&str]) -> bool {
    members(kind).iter().find(|m| m.path == path).is_none_or(|m| m.known(kind, version))
}

/// What a PUT does to the members that clients write.
pub(crate) fn put(kind: Kind, version: &str, body: &mut Value, sent: &Value) {
    for member in members(kind).iter().filter(|m| m.known(kind, version)) {
        match member.write {
            Write::Always => json::replace(body, sent, member.path),
            Write::Once if json::at(body, member.path).is_none() => json::replace(body, sent, member.path),
            Write::Once | Write::Elsewhere => {}
        }
    }
}

/// What a PATCH does to them.
pub(crate) fn patch(kind: Kind, version: &str, body: &mut Value, sent: &Value) {
    for member in members(kind).iter().filter(|m| m.known(kind, version) && m.write == Write::Always) {
        json::merge(body, sent, member.path);
    }
}

/// Removes what a version does not know.
pub(crate) fn hide(kind: Kind, version: &str, body: &mut Value) {
    for member in members(kind).iter().filter(|m| !m.known(kind, version)) {
        json::remove(body, member.path);
    }
}

/// An answer as its version shows it: one resource, or a list of them.
pub(crate) fn seen(call: &Call<'_>, mut response: Response) -> Response {
    let Some(kind) = call.target.collection().or_else(|| call.target.resource_type()).map(|t| t.kind) else {
        return response;
    };
    let version = call.api_version.as_str();
    if response.status >= 300 || members(kind).iter().all(|m| m.known(kind, version)) {
        return response;
    }
    let mut body = response.value();
    if !body.is_object() {
        return response;
    }
    match body.get_mut("value") {
        Some(Value::Array(list)) => list.iter_mut().for_each(|one| hide(kind, version, one)),
        _ => hide(kind, version, &mut body),
    }
    response.body = serde_json::to_vec(&body).unwrap_or_default();
    response
}
