//! `NotificationHub`: a hub, its push credentials, and the access policies that apps use.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonStatus, Lifecycle, Ref, SecretKeyRef, Tags};
use super::text::{AppleId, BundleId, HubAzureName, ObjectName, PolicyName};

/// A Notification Hub. Account, resource group and region are those of its namespace.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "acs-operator.dev",
    version = "v1alpha1",
    kind = "NotificationHub",
    namespaced,
    shortname = "nhub",
    category = "acs",
    status = "NotificationHubStatus",
    derive = "PartialEq",
    selectable = ".spec.namespaceRef.name",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Namespace", type_ = "string", json_path = ".spec.namespaceRef.name"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1),
    printcolumn(name = "Azure", type_ = "string", json_path = ".status.azureResourceId", priority = 1),
    validation = Rule::new("size(self.metadata.name) <= 50").message("`metadata.name` must be at most 50 characters")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.namespaceRef.name == oldSelf.namespaceRef.name").message("`namespaceRef` may not change: delete and create again"),
    validation = Rule::new("!has(self.accessPolicies) || self.accessPolicies.all(p, self.accessPolicies.exists_one(q, q.secretName == p.secretName))").message("`accessPolicies` must each have a `secretName` of their own"),
    validation = Rule::new("has(self.azureName) == has(oldSelf.azureName) && (!has(self.azureName) || self.azureName == oldSelf.azureName)").message("`azureName` may not change: delete and create again"),
)]
pub struct NotificationHubSpec {
    /// Namespace that the hub lives in.
    pub namespace_ref: Ref,
    /// Name in Azure. Default: made from the object's name and a hash of its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_name: Option<HubAzureName>,
    /// Credentials for the push platforms, from Secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Access policies made for apps, each with a Secret of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub access_policies: Vec<AccessPolicy>,
    /// Tags on the Azure resource. Tags that others set there are left alone.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "super::common::tags_schema")]
    pub tags: Tags,
    /// Deletion, adoption, observation, suspension.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

/// Push credentials. Communication Services wakes phones by APNS (token mode) and FCM v1 only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Apple.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apns: Option<Apns>,
    /// Google, FCM v1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fcm_v1: Option<FcmV1>,
}

/// How Apple is told who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApnsType {
    /// A signing key (.p8).
    Token,
}

/// Apple credentials. `type` names the member that is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.token) == (self.type == 'Token')").message("`token` must be set exactly when `type` is \"Token\""))]
pub struct Apns {
    /// `Token`.
    #[serde(rename = "type")]
    pub type_: ApnsType,
    /// Set when `type` is `Token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ApnsToken>,
}

/// Which of Apple's services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApnsEndpoint {
    /// For apps from the store and TestFlight.
    Production,
    /// For apps built with a development profile.
    Sandbox,
}

/// Apple signing key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApnsToken {
    /// `Production` or `Sandbox`.
    pub endpoint: ApnsEndpoint,
    /// Key id, 10 characters.
    pub key_id: AppleId,
    /// Team id, 10 characters.
    pub team_id: AppleId,
    /// Bundle id of the app. Example: `com.example.shop`.
    pub bundle_id: BundleId,
    /// The .p8 file as Apple gave it, a PEM text.
    pub key_secret_ref: SecretKeyRef,
}

/// Google service account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FcmV1 {
    /// The service account's JSON file as Google gave it.
    pub service_account_secret_ref: SecretKeyRef,
}

/// A right on a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Right {
    /// Register devices.
    Listen,
    /// Send pushes.
    Send,
    /// Everything; Azure wants `Listen` and `Send` beside it.
    Manage,
}

/// An access policy and the Secret that carries its connection string.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!('Manage' in self.rights) || ('Listen' in self.rights && 'Send' in self.rights)").message("`rights` with \"Manage\" must also have \"Listen\" and \"Send\""),
    validation = Rule::new("!self.name.startsWith('Default') && !self.name.startsWith('acs-link-') && !self.name.startsWith('acs-relay-')").message("`name` may not start with \"Default\", \"acs-link-\" or \"acs-relay-\": Azure and the operator make policies of those names"),
)]
pub struct AccessPolicy {
    /// Name of the policy in Azure.
    pub name: PolicyName,
    /// Rights, the least that will do.
    #[schemars(length(min = 1, max = 3))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub rights: Vec<Right>,
    /// Secret to write, with keys `connectionString`, `hubName`, `policyName`. It must not exist, or be ours.
    pub secret_name: ObjectName,
}

/// What was observed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationHubStatus {
    /// Conditions, generation, open calls.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Fingerprint of the credentials that Azure took last; Azure never shows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_fingerprint: Option<String>,
    /// Access policies that were made, so that one taken out of the spec is deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyStatus>,
}

impl NotificationHubStatus {
    /// Without what every kind has.
    pub(super) fn own(&self) -> Self {
        Self {
            common: CommonStatus::default(),
            credentials_fingerprint: self.credentials_fingerprint.clone(),
            policies: self.policies.clone(),
        }
    }
}

/// An access policy that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// Name of the policy in Azure.
    pub name: String,
    /// Secret that was written for it.
    pub secret_name: String,
}
