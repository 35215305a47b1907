//! What the kinds share: references, policies, conditions, intents.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{ObjectName, SecretKey, TagValue};

/// Reference to another object of this group in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ref {
    /// Name of the object. Example: `shop`.
    pub name: ObjectName,
}

/// Reference to one key of a Secret in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SecretKeyRef {
    /// Name of the Secret.
    pub name: ObjectName,
    /// Key inside the Secret.
    pub key: SecretKey,
}

/// What happens in Azure when the object is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The resource is deleted, and the object stays until Azure says it is gone.
    Delete,
    /// The resource stays in Azure, untouched.
    Retain,
}

/// Whether a resource that exists and is not ours may be taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionPolicy {
    /// Only a resource that carries this object's owner tag is touched.
    #[default]
    IfOwned,
    /// A resource of that name is taken over and tagged.
    Always,
}

/// Whether the operator changes Azure or only reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ManagementPolicy {
    /// Azure is made to match the object.
    #[default]
    Manage,
    /// Nothing is written to Azure; differences are reported with their field names.
    Observe,
}

/// Settings common to every kind that has a resource in Azure. All optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    /// `Delete` removes the Azure resource with the object, `Retain` leaves it. Default: `Retain` for a CommunicationService
    /// and for everything adopted, because that deletion is final; else `Delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// `IfOwned` (default) refuses a resource that is not tagged as ours; `Always` takes it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption_policy: Option<AdoptionPolicy>,
    /// `Manage` (default) makes Azure match; `Observe` only reports differences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// `true` stops all work on this object, deletion included, until it is `false` again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// Azure tags.
pub type Tags = BTreeMap<String, TagValue>;

/// Schema of [`Tags`]: the count leaves room for the operator's own two.
pub fn tags_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 48,
        "additionalProperties": {"type": "string", "maxLength": 256}
    })
}

/// What kind of call an intent announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Verb {
    /// Create.
    Put,
    /// Change what is there, or repair it; also where Azure takes a PUT for that.
    Patch,
    /// Delete.
    Delete,
    /// An action, such as a link.
    Post,
}

/// A mutating call to Azure that was announced and whose outcome is not yet settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Id of this one attempt; also the client request id that Azure logs.
    pub id: String,
    /// What is being worked on, in the words of the conditions. Example: `Link`.
    pub step: String,
    /// Call.
    pub verb: Verb,
    /// ARM id of the resource.
    pub resource: String,
    /// Fingerprint of what was asked for.
    pub fingerprint: String,
    /// Where Azure reports progress; verbatim, up to 4 KiB and signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_url: Option<String>,
}

/// Status that every kind has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommonStatus {
    /// Ready sums up the rest; one condition per step; Reconciling and Stalled only while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Generation that the conditions speak of; -1 until the first pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// ARM id of the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_resource_id: Option<String>,
    /// Mutating calls that were announced and are not settled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
    /// Term of the leader that wrote last; a leader with a smaller one is deposed and must not write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader_epoch: Option<i64>,
    /// True once a resource made by someone else was taken over; such a resource is retained by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<bool>,
}
