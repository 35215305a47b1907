//! Event Grid: system topics and event subscriptions.

mod delivery;
mod destination;
mod filter;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use super::EVENT_GRID_API;
use super::call::{Access, Body};
use super::descriptor::{Compare, Descriptor, Field, Mark, Unseen, Update};
use super::id::ArmId;
use crate::kinds::identity::ManagedIdentity;
use crate::kinds::subscription::EventSubscriptionSpec;
use crate::names::Owner;

pub use destination::{Attribute, AttributeValue, Target};

/// Topic type of Communication Services; a global resource, so its topic's location is `global`.
pub const TOPIC_TYPE: &str = "Microsoft.Communication.CommunicationServices";

/// Id of a system topic.
pub fn topic_id(group: &ArmId, name: &str) -> ArmId {
    group.provider("Microsoft.EventGrid", "systemTopics", name)
}

/// Path that lists the system topics of a subscription.
pub fn topics_path(subscription: &str) -> String {
    format!("/subscriptions/{subscription}/providers/Microsoft.EventGrid/systemTopics")
}

/// A system topic. Identities that others gave it are left alone, and one that is no longer asked for stays.
pub fn topic(
    access: &Access,
    id: ArmId,
    owner: &Owner,
    source: &ArmId,
    identity: Option<&ManagedIdentity>,
) -> Descriptor {
    let identity = identity.map(|identity| field("/identity", own_identity(identity), Compare::Identity, true));
    Descriptor {
        step: "Topic".to_owned(),
        words: "system topic",
        access: access.clone(),
        id,
        api_version: EVENT_GRID_API,
        base: json!({"location": "global"}),
        fields: [
            Field {
                path: "/properties/source",
                want: json!(source.as_str()),
                compare: Compare::IgnoreCase,
                mutable: false,
            },
            Field {
                path: "/properties/topicType",
                want: json!(TOPIC_TYPE),
                compare: Compare::IgnoreCase,
                mutable: false,
            },
        ]
        .into_iter()
        .chain(identity)
        .collect(),
        update: Update::Patch,
        mark: Mark::Tags,
        owner: owner.clone(),
        typical: 10_000,
        unseen: None,
    }
}

/// Id of an event subscription: below the topic, or on the service itself where there is no topic of ours.
pub fn subscription_id(topic: Option<&ArmId>, service: &ArmId, name: &str) -> ArmId {
    match topic {
        Some(topic) => topic.child("eventSubscriptions", name),
        None => service.provider("Microsoft.EventGrid", "eventSubscriptions", name),
    }
}

/// An event subscription; done about 10 s after the PUT (recorded), the handshake included. `applied` is the fingerprint of
/// the destination that Azure took last; it counts for nothing if `observed` visibly goes elsewhere.
pub fn subscription(
    access: &Access,
    id: ArmId,
    owner: &Owner,
    spec: &EventSubscriptionSpec,
    target: &Target,
    observed: Option<&Body>,
    applied: Option<String>,
) -> Descriptor {
    let mut fields = filter::fields(spec);
    let schema = spec.delivery_schema.unwrap_or_default();
    fields.push(field("/properties/eventDeliverySchema", json!(schema.name()), Compare::IgnoreCase, false));
    // That types were listed before and are no longer cannot be seen: Azure shows its default list in either case.
    let types = if spec.event_types.is_empty() { "default types" } else { "listed types" };
    fields.extend(target.fields());
    fields.extend(delivery::fields(spec));
    let parts = ["destination", &target.arm().to_string(), types];
    let shown_otherwise = observed.filter(|observed| target.differs(observed)).map(|_| target.path());
    let applied = applied.filter(|_| shown_otherwise.is_none());
    let unseen = Some(Unseen { wanted: crate::names::fingerprint(owner, &parts), applied, shown_otherwise });
    Descriptor {
        step: "Subscription".to_owned(),
        words: "event subscription",
        access: access.clone(),
        id,
        api_version: EVENT_GRID_API,
        base: json!({"properties": {}}),
        fields,
        update: Update::FlatPatch,
        mark: Mark::Labels,
        owner: owner.clone(),
        typical: 10_000,
        unseen,
    }
}

fn field(path: &'static str, want: Value, compare: Compare, mutable: bool) -> Field {
    Field { path, want, compare, mutable }
}

/// What is not to be there.
fn absent(path: &'static str) -> Field {
    field(path, Value::Null, Compare::Absent, true)
}

/// An identity of the topic, as an event subscription names it.
fn identity(identity: &ManagedIdentity) -> Value {
    match identity.user_assigned_id() {
        Some(id) => json!({"type": "UserAssigned", "userAssignedIdentity": id}),
        None => json!({"type": "SystemAssigned"}),
    }
}

/// An identity, as the topic has it.
fn own_identity(identity: &ManagedIdentity) -> Value {
    match identity.user_assigned_id() {
        Some(id) => json!({"type": "UserAssigned", "userAssignedIdentities": {id: {}}}),
        None => json!({"type": "SystemAssigned"}),
    }
}

/// True if a topic has the identity that is asked for, beside any other.
pub fn has_identity(topic: &Body, wanted: &ManagedIdentity) -> bool {
    topic.at("/identity").is_some_and(|there| super::compare::has_identity(&own_identity(wanted), there))
}
