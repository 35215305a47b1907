//! `NotificationHubNamespace`: the namespace that hubs live in.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonStatus, Lifecycle, Ref, Tags};
use super::text::{HubNamespaceAzureName, Region, ResourceGroupName};

/// A Notification Hubs namespace.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "acs-operator.dev",
    version = "v1alpha1",
    kind = "NotificationHubNamespace",
    namespaced,
    shortname = "nhns",
    category = "acs",
    status = "NotificationHubNamespaceStatus",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Sku", type_ = "string", json_path = ".spec.sku"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1),
    printcolumn(name = "Azure", type_ = "string", json_path = ".status.azureResourceId", priority = 1),
    validation = Rule::new("size(self.metadata.name) <= 41").message("`metadata.name` must be at most 41 characters, so that the Azure name made from it fits into 50")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.location == oldSelf.location").message("`location` may not change: delete and create again, or create another namespace"),
    validation = Rule::new("has(self.azureName) == has(oldSelf.azureName) && (!has(self.azureName) || self.azureName == oldSelf.azureName)").message("`azureName` may not change: delete and create again"),
    validation = Rule::new("has(self.accountRef) == has(oldSelf.accountRef) && (!has(self.accountRef) || self.accountRef.name == oldSelf.accountRef.name)").message("`accountRef` may not change: delete and create again"),
    validation = Rule::new("has(self.resourceGroup) == has(oldSelf.resourceGroup) && (!has(self.resourceGroup) || self.resourceGroup == oldSelf.resourceGroup)").message("`resourceGroup` may not change: delete and create again"),
)]
pub struct NotificationHubNamespaceSpec {
    /// Account to work with. Default: the AzureAccount named `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ref: Option<Ref>,
    /// Resource group. Default: the account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<ResourceGroupName>,
    /// Name in Azure, 6-50 characters, globally unique. Default: made from the object's name and a hash of its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_name: Option<HubNamespaceAzureName>,
    /// Azure region. Example: `westeurope`.
    pub location: Region,
    /// Pricing tier.
    pub sku: Sku,
    /// Tags on the Azure resource. Tags that others set there are left alone.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "super::common::tags_schema")]
    pub tags: Tags,
    /// Deletion, adoption, observation, suspension.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

/// Pricing tier of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Sku {
    /// 500 devices, 1 million pushes a month, no service level agreement.
    Free,
    /// 200,000 devices, 10 million pushes.
    Basic,
    /// 10 million devices, 10 million pushes, telemetry, scheduled pushes.
    Standard,
}

impl Sku {
    /// As ARM spells it.
    pub fn name(self) -> &'static str {
        match self {
            Sku::Free => "Free",
            Sku::Basic => "Basic",
            Sku::Standard => "Standard",
        }
    }
}

/// What was observed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationHubNamespaceStatus {
    /// Conditions, generation, open calls.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Endpoint of the namespace's data plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_bus_endpoint: Option<String>,
}

impl NotificationHubNamespaceStatus {
    /// Without what every kind has.
    pub(super) fn own(&self) -> Self {
        Self { common: CommonStatus::default(), service_bus_endpoint: self.service_bus_endpoint.clone() }
    }
}
