//! `AzureAccount`: which subscription, and whose identity.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonStatus, SecretKeyRef};
use super::text::{CloudName, Guid, ObjectName, ResourceGroupName};

/// An Azure subscription and the identity that works in it. Owns nothing in Azure. Ready means that a token was really obtained.
/// The account named `default` is used where an object names none.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "acs-operator.dev",
    version = "v1alpha1",
    kind = "AzureAccount",
    namespaced,
    shortname = "acsa",
    category = "acs",
    status = "AzureAccountStatus",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Subscription", type_ = "string", json_path = ".spec.subscriptionId"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1),
    validation = Rule::new("size(self.metadata.name) <= 50").message("`metadata.name` must be at most 50 characters")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.subscriptionId == oldSelf.subscriptionId").message("`subscriptionId` may not change: resources stay where they were made; create another AzureAccount"),
)]
pub struct AzureAccountSpec {
    /// Subscription that resources are made in. Example: `6a1d1d6e-0000-4000-8000-000000000001`.
    pub subscription_id: Guid,
    /// Microsoft Entra tenant of the subscription.
    pub tenant_id: Guid,
    /// Resource group for objects that name none. It must exist: the operator does not make resource groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<ResourceGroupName>,
    /// Cloud, by its name in the operator's configuration. Default: `Public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudName>,
    /// Whose identity.
    pub identity: Identity,
}

/// Kind of identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IdentityType {
    /// An app registration with a client secret kept in a Secret.
    ServicePrincipal,
    /// An app registration or managed identity that trusts a ServiceAccount of this namespace.
    WorkloadIdentity,
}

/// Identity that obtains tokens. `type` names the member that is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.servicePrincipal) == (self.type == 'ServicePrincipal')").message("`servicePrincipal` must be set exactly when `type` is \"ServicePrincipal\""),
    validation = Rule::new("has(self.workloadIdentity) == (self.type == 'WorkloadIdentity')").message("`workloadIdentity` must be set exactly when `type` is \"WorkloadIdentity\""),
)]
pub struct Identity {
    /// `ServicePrincipal` or `WorkloadIdentity`.
    #[serde(rename = "type")]
    pub type_: IdentityType,
    /// Set when `type` is `ServicePrincipal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_principal: Option<ServicePrincipal>,
    /// Set when `type` is `WorkloadIdentity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<WorkloadIdentity>,
}

/// App registration with a client secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServicePrincipal {
    /// Application (client) id.
    pub client_id: Guid,
    /// Where the client secret is.
    pub secret_ref: SecretKeyRef,
}

/// Identity federated with a ServiceAccount of this namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadIdentity {
    /// Application (client) id of the app registration or managed identity.
    pub client_id: Guid,
    /// ServiceAccount of this namespace whose tokens are exchanged; it must be one that the operator's configuration allows.
    /// Default: `acs-operator-azure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<ObjectName>,
}

/// What was observed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AzureAccountStatus {
    /// Conditions, generation, open calls.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Secrets that carry our finalizer for this account: deletion may need what is in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_secrets: Vec<String>,
}

impl AzureAccountStatus {
    /// Without what every kind has.
    pub(super) fn own(&self) -> Self {
        Self { common: CommonStatus::default(), held_secrets: self.held_secrets.clone() }
    }
}
