//! The resource types there are, their API versions, and the names of their operations in the activity log.

use serde::{Deserialize, Serialize};

/// What a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Group,
    Service,
    Namespace,
    NamespaceRule,
    Hub,
    HubRule,
    SystemTopic,
    TopicSubscription,
    ScopeSubscription,
}

/// A resource type in the provider's own spelling.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) kind: Kind,
    pub(crate) namespace: &'static str,
    pub(crate) types: &'static [&'static str],
    /// As the provider's operations list spells it.
    pub(crate) activity: &'static str,
    /// Whether it lies on another resource instead of in a group.
    extension: bool,
}

pub(crate) const COMMUNICATION: &str = "Microsoft.Communication";
pub(crate) const NOTIFICATION_HUBS: &str = "Microsoft.NotificationHubs";
pub(crate) const EVENT_GRID: &str = "Microsoft.EventGrid";

const fn of(
    kind: Kind,
    namespace: &'static str,
    types: &'static [&'static str],
    activity: &'static str,
    extension: bool,
) -> Type {
    Type { kind, namespace, types, activity, extension }
}

static TYPES: [Type; 8] = [
    of(
        Kind::Service,
        COMMUNICATION,
        &["communicationServices"],
        "Microsoft.Communication/CommunicationServices",
        false,
    ),
    of(Kind::Namespace, NOTIFICATION_HUBS, &["namespaces"], "Microsoft.NotificationHubs/Namespaces", false),
    of(
        Kind::NamespaceRule,
        NOTIFICATION_HUBS,
        &["namespaces", "authorizationRules"],
        "Microsoft.NotificationHubs/Namespaces/authorizationRules",
        false,
    ),
    of(
        Kind::Hub,
        NOTIFICATION_HUBS,
        &["namespaces", "notificationHubs"],
        "Microsoft.NotificationHubs/Namespaces/NotificationHubs",
        false,
    ),
    of(
        Kind::HubRule,
        NOTIFICATION_HUBS,
        &["namespaces", "notificationHubs", "authorizationRules"],
        "Microsoft.NotificationHubs/Namespaces/NotificationHubs/authorizationRules",
        false,
    ),
    of(Kind::SystemTopic, EVENT_GRID, &["systemTopics"], "Microsoft.EventGrid/systemTopics", false),
    of(
        Kind::TopicSubscription,
        EVENT_GRID,
        &["systemTopics", "eventSubscriptions"],
        "Microsoft.EventGrid/systemTopics/eventSubscriptions",
        false,
    ),
    of(Kind::ScopeSubscription, EVENT_GRID, &["eventSubscriptions"], "Microsoft.EventGrid/eventSubscriptions", true),
];

pub(crate) fn find(namespace: &str, extension: bool, types: &[String]) -> Option<&'static Type> {
    TYPES.iter().find(|t| {
        t.extension == extension
            && t.types.len() == types.len()
            && t.namespace.eq_ignore_ascii_case(namespace)
            && t.types.iter().zip(types).all(|(a, b)| a.eq_ignore_ascii_case(b))
    })
}

/// A provider, its versions oldest first (arm-api.md, section 1; 2017-04-01 is what the Python SDK of NotificationHubs
/// still sends).
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) namespace: &'static str,
    pub(crate) versions: &'static [&'static str],
    pub(crate) types: &'static [&'static str],
}

pub(crate) static PROVIDERS: [Provider; 3] = [
    Provider {
        namespace: COMMUNICATION,
        versions: &[
            "2020-08-20-preview",
            "2020-08-20",
            "2023-03-31",
            "2023-04-01",
            "2025-05-01",
            "2025-09-01",
            "2026-03-18",
        ],
        types: &["communicationServices"],
    },
    Provider {
        namespace: NOTIFICATION_HUBS,
        versions: &["2017-04-01", "2023-09-01", "2023-10-01-preview"],
        types: &["namespaces", "namespaces/notificationHubs"],
    },
    Provider {
        namespace: EVENT_GRID,
        versions: &["2022-06-15", "2025-02-15", "2025-07-15-preview"],
        types: &["systemTopics", "systemTopics/eventSubscriptions", "eventSubscriptions", "topicTypes"],
    },
];

pub(crate) fn provider(namespace: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|p| p.namespace.eq_ignore_ascii_case(namespace))
}

/// Versions of Microsoft.Resources that SDKs and command lines send.
pub(crate) const RESOURCES_VERSIONS: &[&str] = &[
    "2016-06-01",
    "2019-05-01",
    "2019-10-01",
    "2020-01-01",
    "2020-06-01",
    "2020-10-01",
    "2021-01-01",
    "2021-04-01",
    "2022-01-01",
    "2022-09-01",
    "2022-12-01",
    "2023-07-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-03-01",
    "2025-04-01",
];

/// Spelling of POST actions in the activity log.
pub(crate) const ACTIONS: [&str; 12] = [
    "ListKeys",
    "RegenerateKey",
    "RegenerateKeys",
    "LinkNotificationHub",
    "CheckNameAvailability",
    "CheckNamespaceAvailability",
    "CheckNotificationHubAvailability",
    "pnsCredentials",
    "getFullUrl",
    "getDeliveryAttributes",
    "register",
    "debugSend",
];
