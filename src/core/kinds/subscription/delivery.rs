//! How events are delivered, and what becomes of those that nobody takes.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::common::SecretKeyRef;
use crate::kinds::identity::ManagedIdentity;
use crate::kinds::text::{ArmIdText, AttributeName, AttributeValue, ContainerName, EventKey};

/// How long Event Grid tries; whichever ends first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryPolicy {
    /// Most attempts to deliver an event. Default: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 30))]
    pub max_delivery_attempts: Option<i32>,
    /// How long an event is tried, in minutes. Default: 1440, a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1440))]
    pub event_time_to_live_minutes: Option<i32>,
}

/// Kind of store for events that could not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeadLetterType {
    /// A blob container of a storage account.
    StorageBlob,
}

/// Where events go that could not be delivered. `type` names the member that is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.storageBlob) == (self.type == 'StorageBlob')").message("`storageBlob` must be set exactly when `type` is \"StorageBlob\""))]
pub struct DeadLetter {
    /// `StorageBlob`.
    #[serde(rename = "type")]
    pub type_: DeadLetterType,
    /// Set when `type` is `StorageBlob`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_blob: Option<StorageBlob>,
    /// Identity of the system topic that writes there. Default: Event Grid's own access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<ManagedIdentity>,
}

/// A blob container of a storage account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.resourceId.lowerAscii().matches('/providers/microsoft[.]storage/storageaccounts/[^/]+$')").message("`storageBlob.resourceId` must be the id of a storage account: .../Microsoft.Storage/storageAccounts/<account>"))]
pub struct StorageBlob {
    /// ARM id of the storage account (not of the container).
    pub resource_id: ArmIdText,
    /// Name of the container. It must exist.
    pub container_name: ContainerName,
}

/// Where the value of a delivery attribute comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeliveryAttributeType {
    /// The same for every event.
    Static,
    /// From the event.
    Dynamic,
}

/// A header, or a property of the message, that is sent along. `type` names the member that is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.static) == (self.type == 'Static')").message("`static` must be set exactly when `type` is \"Static\""),
    validation = Rule::new("has(self.dynamic) == (self.type == 'Dynamic')").message("`dynamic` must be set exactly when `type` is \"Dynamic\""),
    validation = Rule::new("!self.name.lowerAscii().startsWith('aeg-')").message("`name` may not begin with \"aeg-\": those are Event Grid's own"),
)]
pub struct DeliveryAttribute {
    /// Name of the header or property. Example: `x-tenant`; for an event hub: `PartitionKey`.
    pub name: AttributeName,
    /// `Static` or `Dynamic`.
    #[serde(rename = "type")]
    pub type_: DeliveryAttributeType,
    /// Set when `type` is `Static`.
    #[serde(rename = "static", default, skip_serializing_if = "Option::is_none")]
    pub static_: Option<StaticAttribute>,
    /// Set when `type` is `Dynamic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic: Option<DynamicAttribute>,
}

/// A value that is the same for every event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.value) != has(self.valueSecretRef)").message("exactly one of `value` and `valueSecretRef` must be set"))]
pub struct StaticAttribute {
    /// Value, when it is no secret: Azure shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<AttributeValue>,
    /// Where the value is, when it is a secret: Azure never shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_secret_ref: Option<SecretKeyRef>,
}

/// Time from which on nothing is delivered, in whole seconds. Example: `2027-01-31T00:00:00Z`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExpirationTime(pub String);

impl JsonSchema for ExpirationTime {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ExpirationTime".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        // In UTC, as Azure's name for it says; in whole seconds, for Azure keeps no more than seven digits of a fraction.
        let pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$";
        schemars::json_schema!({"type": "string", "format": "date-time", "maxLength": 20, "pattern": pattern})
    }
}

/// A value from the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DynamicAttribute {
    /// Where in the event it is. Example: `data.from`.
    pub source_field: EventKey,
}
