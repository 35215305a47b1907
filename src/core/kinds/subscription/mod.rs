//! `EventSubscription`: which events of a service go where.

mod delivery;
mod destination;
mod filter;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonStatus, Lifecycle, Ref};
use super::identity::ManagedIdentity;
use super::text::{EventType, SubscriptionAzureName};

pub use delivery::{
    DeadLetter, DeadLetterType, DeliveryAttribute, DeliveryAttributeType, DynamicAttribute, ExpirationTime,
    RetryPolicy, StaticAttribute, StorageBlob,
};
pub use destination::{AzureFunction, Batching, Destination, DestinationType, EntraProtection, StorageQueue, WebHook};
pub use filter::{AdvancedFilter, Decimal, FilteringOnArrays, LetterCase, NumberRange, SubjectFilter};

/// An Event Grid event subscription on a CommunicationService.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "acs-operator.dev",
    version = "v1alpha1",
    kind = "EventSubscription",
    namespaced,
    shortname = "acses",
    category = "acs",
    status = "EventSubscriptionStatus",
    derive = "PartialEq",
    selectable = ".spec.source.serviceRef.name",
    selectable = ".spec.destination.type",
    selectable = ".spec.destination.eventRelayRef.name",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Destination", type_ = "string", json_path = ".spec.destination.type"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1),
    printcolumn(name = "Azure", type_ = "string", json_path = ".status.azureResourceId", priority = 1),
    validation = Rule::new("size(self.metadata.name) <= 50").message("`metadata.name` must be at most 50 characters")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.source.serviceRef.name == oldSelf.source.serviceRef.name").message("`source` may not change: delete and create again"),
    validation = Rule::new("has(self.azureName) == has(oldSelf.azureName) && (!has(self.azureName) || self.azureName == oldSelf.azureName)").message("`azureName` may not change: delete and create again"),
    validation = Rule::new("has(self.deliverySchema) == has(oldSelf.deliverySchema) && (!has(self.deliverySchema) || self.deliverySchema == oldSelf.deliverySchema)").message("`deliverySchema` may not change: delete and create again"),
    validation = Rule::new("!has(self.deliveryIdentity) || self.destination.type in ['EventHub', 'ServiceBusQueue', 'ServiceBusTopic', 'StorageQueue']").message("`deliveryIdentity` may be set only when `destination.type` is \"EventHub\", \"ServiceBusQueue\", \"ServiceBusTopic\" or \"StorageQueue\": nothing else takes an identity, and a relay has a key of its own"),
    validation = Rule::new("!has(self.deliveryAttributes) || size(self.deliveryAttributes) == 0 || !(self.destination.type in ['StorageQueue', 'EventRelay'])").message("`deliveryAttributes` may not be set when `destination.type` is \"StorageQueue\" or \"EventRelay\": a queue takes none, and a relay hands over the event alone"),
)]
pub struct EventSubscriptionSpec {
    /// Where events come from.
    pub source: Source,
    /// Name in Azure, 3-64 letters, digits and hyphens. Default: made from the object's name and a hash of its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_name: Option<SubscriptionAzureName>,
    /// Types of events to deliver. Default: Azure's default list for the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub event_types: Vec<EventType>,
    /// Deliver only events with such a subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectFilter>,
    /// Deliver only events for which all of these hold; at most 25, with at most 25 values over all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 25))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.map(f, has(f.strings) ? size(f.strings) : has(f.numbers) ? size(f.numbers) : has(f.ranges) ? size(f.ranges) : 1).sum() <= 25").message("`advancedFilters` must have at most 25 values over all of them; an operator that takes none counts as one"),
    )]
    pub advanced_filters: Vec<AdvancedFilter>,
    /// Whether `advancedFilters` look into arrays: `Enabled` or `Disabled` (default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advanced_filtering_on_arrays: Option<FilteringOnArrays>,
    /// Shape of delivered events. Default: `CloudEventSchemaV1_0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_schema: Option<DeliverySchema>,
    /// Where events go.
    pub destination: Destination,
    /// Identity of the service's system topic, by which Event Grid delivers. It needs a role at the destination. Default: Event
    /// Grid's own access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_identity: Option<ManagedIdentity>,
    /// Headers, or properties of the message, that are sent along; at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new("self.all(a, self.exists_one(b, b.name.lowerAscii() == a.name.lowerAscii()))").message("`deliveryAttributes` must each have a `name` of their own, in whatever letter case"),
    )]
    pub delivery_attributes: Vec<DeliveryAttribute>,
    /// How long Event Grid tries. Default: 30 attempts within a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryPolicy>,
    /// Where events go that could not be delivered. Default: they are dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<DeadLetter>,
    /// Time, in UTC, from which on nothing is delivered; the object then is not Ready. Default: never.
    /// Example: `2027-01-31T00:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<ExpirationTime>,
    /// Deletion, adoption, observation, suspension.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

/// Source of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// A CommunicationService of this namespace.
    pub service_ref: Ref,
}

/// Shape of delivered events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum DeliverySchema {
    /// CloudEvents 1.0.
    #[default]
    #[serde(rename = "CloudEventSchemaV1_0")]
    CloudEvents,
    /// Event Grid's own; always an array.
    #[serde(rename = "EventGridSchema")]
    EventGrid,
}

impl DeliverySchema {
    /// As ARM spells it.
    pub fn name(self) -> &'static str {
        match self {
            DeliverySchema::CloudEvents => "CloudEventSchemaV1_0",
            DeliverySchema::EventGrid => "EventGridSchema",
        }
    }
}

/// What was observed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventSubscriptionStatus {
    /// Conditions, generation, open calls.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Webhook URL without its query, as Azure shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_base_url: Option<String>,
    /// Fingerprint of the destination that Azure took last; Azure never shows a URL's query, nor the value of a secret attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_fingerprint: Option<String>,
    /// Fingerprint of the relay's delivery key that Event Grid sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_key: Option<String>,
}

impl EventSubscriptionStatus {
    /// Without what every kind has.
    pub(super) fn own(&self) -> Self {
        Self {
            common: CommonStatus::default(),
            endpoint_base_url: self.endpoint_base_url.clone(),
            destination_fingerprint: self.destination_fingerprint.clone(),
            delivery_key: self.delivery_key.clone(),
        }
    }
}
