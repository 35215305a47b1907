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
    Lock,
}

/// A resource type in the provider's own spelling.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) kind: Kind,
    pub(crate) namespace: &'static str,
    pub(crate) types: &'static [&'static str],
    /// As the provider's operations list spells it.
    pub(crate) activity: &'static str,
    place: Place,
}

/// Where resources of a type lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a resource group.
    Group,
    /// On a resource, a group or a subscription.
    Anywhere,
}

impl Place {
    fn fits(self, extension: bool) -> bool {
        match self {
            Self::Group => !extension,
            Self::Anywhere => true,
        }
    }
}

impl Type {
    pub(crate) fn lies_in_group(&self) -> bool {
        self.place == Place::Group
    }
}

pub(crate) const COMMUNICATION: &str = "Microsoft.Communication";
pub(crate) const NOTIFICATION_HUBS: &str = "Microsoft.NotificationHubs";
pub(crate) const EVENT_GRID: &str = "Microsoft.EventGrid";
/// ARM's own: locks.
pub(crate) const AUTHORIZATION: &str = "Microsoft.Authorization";
/// ARM's own: groups, tags, lists across providers.
pub(crate) const RESOURCES: &str = "Microsoft.Resources";

const fn of(
    kind: Kind,
    namespace: &'static str,
    types: &'static [&'static str],
    activity: &'static str,
    place: Place,
) -> Type {
    Type { kind, namespace, types, activity, place }
}

static TYPES: [Type; 9] = [
    of(
        Kind::Service,
        COMMUNICATION,
        &["communicationServices"],
        "Microsoft.Communication/CommunicationServices",
        Place::Group,
    ),
    of(Kind::Namespace, NOTIFICATION_HUBS, &["namespaces"], "Microsoft.NotificationHubs/Namespaces", Place::Group),
    of(
        Kind::NamespaceRule,
        NOTIFICATION_HUBS,
        &["namespaces", "authorizationRules"],
        "Microsoft.NotificationHubs/Namespaces/authorizationRules",
        Place::Group,
    ),
    of(
        Kind::Hub,
        NOTIFICATION_HUBS,
        &["namespaces", "notificationHubs"],
        "Microsoft.NotificationHubs/Namespaces/NotificationHubs",
        Place::Group,
    ),
    of(
        Kind::HubRule,
        NOTIFICATION_HUBS,
        &["namespaces", "notificationHubs", "authorizationRules"],
        "Microsoft.NotificationHubs/Namespaces/NotificationHubs/authorizationRules",
        Place::Group,
    ),
    of(Kind::SystemTopic, EVENT_GRID, &["systemTopics"], "Microsoft.EventGrid/systemTopics", Place::Group),
    of(
        Kind::TopicSubscription,
        EVENT_GRID,
        &["systemTopics", "eventSubscriptions"],
        "Microsoft.EventGrid/systemTopics/eventSubscriptions",
        Place::Group,
    ),
    of(
        Kind::ScopeSubscription,
        EVENT_GRID,
        &["eventSubscriptions"],
        "Microsoft.EventGrid/eventSubscriptions",
        Place::Anywhere,
    ),
    of(Kind::Lock, AUTHORIZATION, &["locks"], "Microsoft.Authorization/locks", Place::Anywhere),
];

pub(crate) fn find(namespace: &str, extension: bool, types: &[String]) -> Option<&'static Type> {
    TYPES.iter().find(|t| {
        t.place.fits(extension)
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
    /// Whether a subscription must register it before it can be used.
    pub(crate) registers: bool,
}

/// Versions of Microsoft.Resources that SDKs and command lines send.
pub(crate) const RESOURCES_VERSIONS: &[&str] = &[
    "2016-06-01",
    "2018-05-01",
    "2019-05-01",
    "2019-10-01",
    "2019-11-01",
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

pub(crate) static PROVIDERS: [Provider; 5] = [
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
        types: &["communicationServices", "checkNameAvailability", "operations"],
        registers: true,
    },
    Provider {
        namespace: NOTIFICATION_HUBS,
        versions: &["2017-04-01", "2023-09-01", "2023-10-01-preview"],
        types: &["namespaces", "namespaces/notificationHubs", "checkNamespaceAvailability", "operations"],
        registers: true,
    },
    Provider {
        namespace: EVENT_GRID,
        // The first one is what the Azure command line still sends, and what recordings are of.
        versions: &["2021-10-15-preview", "2022-06-15", "2025-02-15", "2025-07-15-preview"],
        types: &[
            "systemTopics",
            "systemTopics/eventSubscriptions",
            "eventSubscriptions",
            "topicTypes",
            "extensionTopics",
            "operations",
        ],
        registers: true,
    },
    Provider {
        namespace: AUTHORIZATION,
        versions: &["2015-01-01", "2016-09-01", "2017-04-01", "2020-05-01"],
        types: &["locks"],
        registers: false,
    },
    Provider {
        namespace: RESOURCES,
        versions: RESOURCES_VERSIONS,
        types: &["subscriptions", "resourceGroups", "resources", "tags", "providers", "tenants"],
        registers: false,
    },
];

pub(crate) fn provider(namespace: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|p| p.namespace.eq_ignore_ascii_case(namespace))
}

/// How the activity log spells a kind's type.
pub(crate) fn activity(kind: Kind) -> Option<&'static str> {
    TYPES.iter().find(|t| t.kind == kind).map(|t| t.activity)
}

/// The types that a provider's resources have here.
pub(crate) fn types_of(namespace: &str) -> impl Iterator<Item = &'static Type> {
    TYPES.iter().filter(move |t| t.namespace.eq_ignore_ascii_case(namespace))
}

/// The POST actions of a type, as the activity log spells them.
pub(crate) fn actions_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Service => &["ListKeys", "RegenerateKey", "LinkNotificationHub"],
        Kind::Namespace => &["CheckNotificationHubAvailability", "pnsCredentials"],
        Kind::Hub => &["pnsCredentials", "debugSend"],
        Kind::NamespaceRule | Kind::HubRule => &["ListKeys", "RegenerateKeys"],
        Kind::TopicSubscription | Kind::ScopeSubscription => &["getFullUrl", "getDeliveryAttributes"],
        Kind::Group | Kind::SystemTopic | Kind::Lock => &[],
    }
}

/// Spelling of POST actions in the activity log.
pub(crate) const ACTIONS: [&str; 13] = [
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
    "unregister",
    "debugSend",
];
