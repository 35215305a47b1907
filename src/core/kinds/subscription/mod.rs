//! `EventSubscription`: which events of a service go where.

mod filter;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonStatus, Lifecycle, Ref, SecretKeyRef};
use super::text::{ArmIdText, EventType, HttpsUrl, QueueName, SubscriptionAzureName};

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

/// Kind of destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DestinationType {
    /// An https endpoint that answers Event Grid's handshake.
    WebHook,
    /// A queue in a storage account.
    StorageQueue,
    /// An EventRelay of this namespace.
    EventRelay,
}

/// Destination of events. `type` names the member that is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.webHook) == (self.type == 'WebHook')").message("`webHook` must be set exactly when `type` is \"WebHook\""),
    validation = Rule::new("has(self.storageQueue) == (self.type == 'StorageQueue')").message("`storageQueue` must be set exactly when `type` is \"StorageQueue\""),
    validation = Rule::new("has(self.eventRelayRef) == (self.type == 'EventRelay')").message("`eventRelayRef` must be set exactly when `type` is \"EventRelay\""),
)]
pub struct Destination {
    /// `WebHook`, `StorageQueue` or `EventRelay`.
    #[serde(rename = "type")]
    pub type_: DestinationType,
    /// Set when `type` is `WebHook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_hook: Option<WebHook>,
    /// Set when `type` is `StorageQueue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_queue: Option<StorageQueue>,
    /// Set when `type` is `EventRelay`: the relay. The subscription is made when the relay answers at its public URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_relay_ref: Option<Ref>,
}

/// An https endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.url) != has(self.urlSecretRef)").message("exactly one of `url` and `urlSecretRef` must be set"))]
pub struct WebHook {
    /// URL without a secret in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<HttpsUrl>,
    /// Where the URL is, when its query holds a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_secret_ref: Option<SecretKeyRef>,
}

/// A queue in a storage account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageQueue {
    /// ARM id of the storage account (not of the queue).
    pub resource_id: ArmIdText,
    /// Name of the queue. It must exist.
    pub queue_name: QueueName,
    /// How long a message waits to be read, in seconds. Default: Azure's, 7 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub message_time_to_live_seconds: Option<i64>,
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
    /// Fingerprint of the URL that Azure took last; Azure never shows its query.
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
