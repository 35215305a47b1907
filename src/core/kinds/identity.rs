//! Azure resources of others, and the identities of system topics.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::ArmIdText;

/// An Azure resource that someone else made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AzureResource {
    /// ARM id of the resource. It must exist.
    pub resource_id: ArmIdText,
}

/// Kind of identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ManagedIdentityType {
    /// The one that Azure makes for the system topic, and deletes with it.
    SystemAssigned,
    /// One that was made for itself.
    UserAssigned,
}

/// A managed identity of a system topic. `type` names the member that may be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.userAssigned) == (self.type == 'UserAssigned')").message("`userAssigned` must be set exactly when `type` is \"UserAssigned\""),
    validation = Rule::new("!has(self.userAssigned) || self.userAssigned.resourceId.lowerAscii().matches('/providers/microsoft[.]managedidentity/userassignedidentities/[^/]+$')").message("`userAssigned.resourceId` must be the id of an identity: .../Microsoft.ManagedIdentity/userAssignedIdentities/<identity>"),
)]
pub struct ManagedIdentity {
    /// `SystemAssigned` or `UserAssigned`.
    #[serde(rename = "type")]
    pub type_: ManagedIdentityType,
    /// Set when `type` is `UserAssigned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_assigned: Option<AzureResource>,
}

impl ManagedIdentity {
    /// ARM id of the identity that was made for itself.
    pub fn user_assigned_id(&self) -> Option<&str> {
        self.user_assigned.as_ref().map(|resource| resource.resource_id.0.as_str())
    }
}
