//! Where events go.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::common::{Ref, SecretKeyRef};
use crate::kinds::identity::AzureResource;
use crate::kinds::text::{ArmIdText, EntraApplication, Guid, HttpsUrl, QueueName};

/// Kind of destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DestinationType {
    /// An https endpoint that answers Event Grid's handshake.
    WebHook,
    /// A function of a function app.
    AzureFunction,
    /// An event hub.
    EventHub,
    /// A queue in a Service Bus namespace.
    ServiceBusQueue,
    /// A topic in a Service Bus namespace.
    ServiceBusTopic,
    /// A queue in a storage account.
    StorageQueue,
    /// A hybrid connection in an Azure Relay namespace.
    HybridConnection,
    /// An EventRelay of this namespace.
    EventRelay,
}

/// Destination of events. `type` names the member that is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.webHook) == (self.type == 'WebHook')").message("`webHook` must be set exactly when `type` is \"WebHook\""),
    validation = Rule::new("has(self.azureFunction) == (self.type == 'AzureFunction')").message("`azureFunction` must be set exactly when `type` is \"AzureFunction\""),
    validation = Rule::new("has(self.eventHub) == (self.type == 'EventHub')").message("`eventHub` must be set exactly when `type` is \"EventHub\""),
    validation = Rule::new("has(self.serviceBusQueue) == (self.type == 'ServiceBusQueue')").message("`serviceBusQueue` must be set exactly when `type` is \"ServiceBusQueue\""),
    validation = Rule::new("has(self.serviceBusTopic) == (self.type == 'ServiceBusTopic')").message("`serviceBusTopic` must be set exactly when `type` is \"ServiceBusTopic\""),
    validation = Rule::new("has(self.storageQueue) == (self.type == 'StorageQueue')").message("`storageQueue` must be set exactly when `type` is \"StorageQueue\""),
    validation = Rule::new("has(self.hybridConnection) == (self.type == 'HybridConnection')").message("`hybridConnection` must be set exactly when `type` is \"HybridConnection\""),
    validation = Rule::new("has(self.eventRelayRef) == (self.type == 'EventRelay')").message("`eventRelayRef` must be set exactly when `type` is \"EventRelay\""),
    validation = Rule::new("!has(self.azureFunction) || self.azureFunction.resourceId.lowerAscii().matches('/providers/microsoft[.]web/sites/[^/]+/functions/[^/]+$')").message("`azureFunction.resourceId` must be the id of a function: .../Microsoft.Web/sites/<app>/functions/<function>"),
    validation = Rule::new("!has(self.eventHub) || self.eventHub.resourceId.lowerAscii().matches('/providers/microsoft[.]eventhub/namespaces/[^/]+/eventhubs/[^/]+$')").message("`eventHub.resourceId` must be the id of an event hub: .../Microsoft.EventHub/namespaces/<namespace>/eventhubs/<event hub>"),
    validation = Rule::new("!has(self.serviceBusQueue) || self.serviceBusQueue.resourceId.lowerAscii().matches('/providers/microsoft[.]servicebus/namespaces/[^/]+/queues/[^/]+$')").message("`serviceBusQueue.resourceId` must be the id of a queue: .../Microsoft.ServiceBus/namespaces/<namespace>/queues/<queue>"),
    validation = Rule::new("!has(self.serviceBusTopic) || self.serviceBusTopic.resourceId.lowerAscii().matches('/providers/microsoft[.]servicebus/namespaces/[^/]+/topics/[^/]+$')").message("`serviceBusTopic.resourceId` must be the id of a topic: .../Microsoft.ServiceBus/namespaces/<namespace>/topics/<topic>"),
    validation = Rule::new("!has(self.hybridConnection) || self.hybridConnection.resourceId.lowerAscii().matches('/providers/microsoft[.]relay/namespaces/[^/]+/hybridconnections/[^/]+$')").message("`hybridConnection.resourceId` must be the id of a hybrid connection: .../Microsoft.Relay/namespaces/<namespace>/hybridConnections/<hybrid connection>"),
    validation = Rule::new("!has(self.storageQueue) || self.storageQueue.resourceId.lowerAscii().matches('/providers/microsoft[.]storage/storageaccounts/[^/]+$')").message("`storageQueue.resourceId` must be the id of a storage account: .../Microsoft.Storage/storageAccounts/<account>"),
)]
pub struct Destination {
    /// `WebHook`, `AzureFunction`, `EventHub`, `ServiceBusQueue`, `ServiceBusTopic`, `StorageQueue`, `HybridConnection` or
    /// `EventRelay`.
    #[serde(rename = "type")]
    pub type_: DestinationType,
    /// Set when `type` is `WebHook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_hook: Option<WebHook>,
    /// Set when `type` is `AzureFunction`: a function with an Event Grid trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_function: Option<AzureFunction>,
    /// Set when `type` is `EventHub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_hub: Option<AzureResource>,
    /// Set when `type` is `ServiceBusQueue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_bus_queue: Option<AzureResource>,
    /// Set when `type` is `ServiceBusTopic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_bus_topic: Option<AzureResource>,
    /// Set when `type` is `StorageQueue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_queue: Option<StorageQueue>,
    /// Set when `type` is `HybridConnection`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hybrid_connection: Option<AzureResource>,
    /// Set when `type` is `EventRelay`: the relay. The subscription is made when the relay answers at its public URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_relay_ref: Option<Ref>,
}

/// How many events one request carries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Batching {
    /// Most events in one request. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub max_events_per_batch: Option<i32>,
    /// Size that a request is filled up to, in KiB; one event may be larger. Default: 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub preferred_batch_size_kilobytes: Option<i32>,
}

/// A function of a function app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AzureFunction {
    /// ARM id of the function (not of the app). It must exist.
    pub resource_id: ArmIdText,
    /// How many events one request carries.
    #[serde(flatten)]
    pub batching: Batching,
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
    /// Microsoft Entra ID signs a token for each delivery, which the endpoint can check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entra: Option<EntraProtection>,
    /// How many events one request carries.
    #[serde(flatten)]
    pub batching: Batching,
}

/// For whom Microsoft Entra ID signs the tokens of deliveries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntraProtection {
    /// Tenant that the application is in.
    pub tenant_id: Guid,
    /// Client id, or application id URI, of the application that stands for the endpoint: the token's audience.
    pub application_id_or_uri: EntraApplication,
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
