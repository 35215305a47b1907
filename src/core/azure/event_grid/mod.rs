//! Event Grid: system topics and event subscriptions.

mod filter;

use acs_wire::relay::DELIVERY_HEADER;
use serde_json::{Value, json};

use super::EVENT_GRID_API;
use super::call::Access;
use super::descriptor::{Compare, Descriptor, Field, Mark, Unseen, Update};
use super::id::ArmId;
use crate::kinds::subscription::EventSubscriptionSpec;
use crate::names::Owner;

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

/// A system topic.
pub fn topic(access: &Access, id: ArmId, owner: &Owner, source: &ArmId) -> Descriptor {
    Descriptor {
        step: "Topic".to_owned(),
        words: "system topic",
        access: access.clone(),
        id,
        api_version: EVENT_GRID_API,
        base: json!({"location": "global"}),
        fields: vec![
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
        ],
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

/// Where a subscription's events go, with secrets resolved.
#[derive(Clone)]
pub enum Target {
    /// An https endpoint; the query may be secret.
    WebHook {
        /// Whole URL.
        url: String,
        /// Key that is sent along as a secret delivery attribute, for a relay.
        delivery_key: Option<String>,
    },
    /// A storage queue.
    StorageQueue {
        /// ARM id of the storage account.
        account: String,
        /// Queue.
        queue: String,
        /// Seconds that a message waits to be read.
        time_to_live: Option<i64>,
    },
}

/// URL without its query: all that Azure shows of it.
pub fn base_url(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

/// An event subscription; done about 10 s after the PUT (recorded), the handshake included. `applied` is the fingerprint of
/// the URL that Azure took last.
pub fn subscription(
    access: &Access,
    id: ArmId,
    owner: &Owner,
    spec: &EventSubscriptionSpec,
    target: &Target,
    applied: Option<String>,
) -> Descriptor {
    let mut fields = filter::fields(spec);
    let schema = spec.delivery_schema.unwrap_or_default();
    fields.push(field("/properties/eventDeliverySchema", json!(schema.name()), Compare::IgnoreCase, false));
    // That types were listed before and are no longer cannot be seen: Azure shows its default list in either case.
    let types = if spec.event_types.is_empty() { "default types" } else { "listed types" };
    let unseen = match target {
        Target::WebHook { url, delivery_key } => {
            let mut properties = json!({"endpointUrl": url});
            let mut parts = vec!["url", url.as_str(), types];
            if let Some(key) = delivery_key {
                let attribute =
                    json!({"name": DELIVERY_HEADER, "type": "Static", "properties": {"value": key, "isSecret": true}});
                super::descriptor::set(&mut properties, "/deliveryAttributeMappings", json!([attribute]));
                parts.extend(["key", key.as_str()]);
            }
            let destination = json!({"endpointType": "WebHook", "properties": properties});
            fields.push(field("/properties/destination", destination, Compare::Unseen, true));
            Some(Unseen { wanted: crate::names::fingerprint(owner, &parts), applied })
        }
        Target::StorageQueue { account, queue, time_to_live } => {
            let mut properties = json!({"resourceId": account, "queueName": queue});
            if let Some(seconds) = time_to_live {
                super::descriptor::set(&mut properties, "/queueMessageTimeToLiveInSeconds", json!(seconds));
            }
            let destination = json!({"endpointType": "StorageQueue", "properties": properties});
            let wanted = crate::names::fingerprint(owner, &["queue", &destination.to_string(), types]);
            fields.push(field("/properties/destination", destination, Compare::Unseen, true));
            Some(Unseen { wanted, applied })
        }
    };
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

/// Fields that show whether someone else changed the destination: the base of the URL, or the queue.
pub fn destination_differs(target: &Target, observed: &super::call::Body) -> bool {
    let text = |pointer: &str| observed.text(pointer);
    match target {
        Target::WebHook { url, delivery_key } => {
            let there = text("/properties/destination/properties/endpointBaseUrl");
            there.trim_end_matches('/') != base_url(url).trim_end_matches('/')
                || (delivery_key.is_some() && !sends_key(observed))
        }
        Target::StorageQueue { account, queue, time_to_live } => {
            let seconds = observed.at("/properties/destination/properties/queueMessageTimeToLiveInSeconds");
            !text("/properties/destination/properties/resourceId").eq_ignore_ascii_case(account)
                || text("/properties/destination/properties/queueName") != queue
                || (time_to_live.is_some() && seconds.and_then(Value::as_i64) != *time_to_live)
        }
    }
}

/// True if the header of the key is among the delivery attributes. Its value is never shown.
fn sends_key(observed: &super::call::Body) -> bool {
    let attributes =
        observed.at("/properties/destination/properties/deliveryAttributeMappings").and_then(Value::as_array);
    let name = |attribute: &Value| attribute.get("name").and_then(Value::as_str).map(str::to_ascii_lowercase);
    attributes.into_iter().flatten().any(|attribute| name(attribute).as_deref() == Some(DELIVERY_HEADER))
}

fn field(path: &'static str, want: Value, compare: Compare, mutable: bool) -> Field {
    Field { path, want, compare, mutable }
}
