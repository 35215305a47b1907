//! Sources of events: what a topic type is, and of which type a source is.

use acs_wire::event_types;

/// A kind of source.
#[derive(Debug)]
pub(super) struct TopicType {
    pub(super) name: &'static str,
    pub(super) provider: &'static str,
    pub(super) display: &'static str,
    pub(super) description: &'static str,
    /// What a source of it looks like.
    pub(super) format: &'static str,
    pub(super) scopes: &'static [&'static str],
    /// Its event types, all of which a subscription takes that names none (for Microsoft.Resources unverified).
    pub(super) events: &'static [&'static str],
}

/// What ARM tells of every PUT, PATCH, POST and DELETE (documented).
const RESOURCES: [&str; 9] = [
    "Microsoft.Resources.ResourceActionCancel",
    "Microsoft.Resources.ResourceActionFailure",
    "Microsoft.Resources.ResourceActionSuccess",
    "Microsoft.Resources.ResourceDeleteCancel",
    "Microsoft.Resources.ResourceDeleteFailure",
    "Microsoft.Resources.ResourceDeleteSuccess",
    "Microsoft.Resources.ResourceWriteCancel",
    "Microsoft.Resources.ResourceWriteFailure",
    "Microsoft.Resources.ResourceWriteSuccess",
];

/// Those that are simulated, each a global resource. The first is as recorded; names and event types of the others are
/// documented, their descriptions are not.
pub(super) static TOPIC_TYPES: [TopicType; 3] = [
    TopicType {
        name: "Microsoft.Communication.CommunicationServices",
        provider: "Microsoft.Communication",
        display: "Azure Communication Services",
        description: "Microsoft Communication service events.",
        format: "/subscriptions/<id>/resourceGroups/<rg>/providers/Microsoft.Communication/communicationservices/<name>",
        scopes: &["Resource"],
        events: &event_types::COMMUNICATION,
    },
    TopicType {
        name: "Microsoft.Resources.ResourceGroups",
        provider: "Microsoft.Resources",
        display: "Resource Groups",
        description: "Resource management events in a resource group.",
        format: "/subscriptions/<id>/resourceGroups/<rg>",
        scopes: &["ResourceGroup"],
        events: &RESOURCES,
    },
    TopicType {
        name: "Microsoft.Resources.Subscriptions",
        provider: "Microsoft.Resources",
        display: "Azure Subscriptions",
        description: "Resource management events in an Azure subscription.",
        format: "/subscriptions/<id>",
        scopes: &["AzureSubscription"],
        events: &RESOURCES,
    },
];

impl TopicType {
    /// That of a source, in any case; `None` for sources whose events are not simulated.
    pub(super) fn of(source: &str) -> Option<&'static Self> {
        let lower = source.to_ascii_lowercase();
        let parts: Vec<&str> = lower.split('/').skip(1).collect();
        let name = match parts.as_slice() {
            ["subscriptions", _] => "Microsoft.Resources.Subscriptions",
            ["subscriptions", _, "resourcegroups", _] => "Microsoft.Resources.ResourceGroups",
            _ if lower.contains("/providers/microsoft.communication/") => {
                "Microsoft.Communication.CommunicationServices"
            }
            _ => return None,
        };
        Self::named(name)
    }

    /// By its name, in any case.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TOPIC_TYPES.iter().find(|of| of.name.eq_ignore_ascii_case(name))
    }
}
