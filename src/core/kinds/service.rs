//! `CommunicationService`: the resource, its link to a hub, its system topic.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonStatus, Lifecycle, Ref, Tags};
use super::identity::ManagedIdentity;
use super::text::{ObjectName, ResourceGroupName, ServiceAzureName, TopicAzureName};

/// A Communication Services resource, linked to a Notification Hub.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "acs-operator.dev",
    version = "v1alpha1",
    kind = "CommunicationService",
    namespaced,
    shortname = "acsvc",
    category = "acs",
    status = "CommunicationServiceStatus",
    derive = "PartialEq",
    selectable = ".spec.notificationHub.hubRef.name",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Host", type_ = "string", json_path = ".status.hostName"),
    printcolumn(name = "Linked", type_ = "string", json_path = ".status.conditions[?(@.type==\"Linked\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1),
    printcolumn(name = "Azure", type_ = "string", json_path = ".status.azureResourceId", priority = 1),
    validation = Rule::new("size(self.metadata.name) <= 50").message("`metadata.name` must be at most 50 characters")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.dataLocation == oldSelf.dataLocation").message("`dataLocation` may not change: data never moves; create another CommunicationService"),
    validation = Rule::new("has(self.azureName) == has(oldSelf.azureName) && (!has(self.azureName) || self.azureName == oldSelf.azureName)").message("`azureName` may not change: delete and create again"),
    validation = Rule::new("has(self.accountRef) == has(oldSelf.accountRef) && (!has(self.accountRef) || self.accountRef.name == oldSelf.accountRef.name)").message("`accountRef` may not change: delete and create again"),
    validation = Rule::new("has(self.resourceGroup) == has(oldSelf.resourceGroup) && (!has(self.resourceGroup) || self.resourceGroup == oldSelf.resourceGroup)").message("`resourceGroup` may not change: delete and create again"),
)]
pub struct CommunicationServiceSpec {
    /// Account to work with. Default: the AzureAccount named `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ref: Option<Ref>,
    /// Resource group. Default: the account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<ResourceGroupName>,
    /// Name in Azure, part of the host name, globally unique. Default: made from the object's name and a hash of its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_name: Option<ServiceAzureName>,
    /// Where data at rest is kept, for ever. Example: `Europe`, `United States`.
    #[schemars(length(min = 2, max = 40))]
    pub data_location: String,
    /// Tags on the Azure resource. Tags that others set there are left alone.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "super::common::tags_schema")]
    pub tags: Tags,
    /// The hub through which the service wakes phones. Azure has no unlink: removing this leaves the link as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_hub: Option<Link>,
    /// System topic for the service's events. Default: one is made, or the one that exists is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_topic: Option<SystemTopic>,
    /// Secret to write, with keys `connectionString`, `endpoint`, `accessKey`. It must not exist, or be ours. None is written if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_secret_name: Option<ObjectName>,
    /// Deletion, adoption, observation, suspension.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

/// Link to a Notification Hub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The NotificationHub. It must be in the same Azure subscription.
    pub hub_ref: Ref,
    /// Raise it to replace the key that the link uses: the other key is linked first, Azure's propagation (10 minutes) is
    /// waited out, then the old key is made invalid. No push is missed. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub key_rotation: Option<i64>,
}

/// Whether there is a system topic of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SystemTopicType {
    /// One is made; if the service has one already, that one is used and never deleted.
    Managed,
    /// None is made, for those whom policy forbids it: event subscriptions are put on the service itself.
    None,
}

/// System topic settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.type == 'Managed' || (!has(self.azureName) && !has(self.identity))").message("`azureName` and `identity` may be set only when `type` is \"Managed\""))]
pub struct SystemTopic {
    /// `Managed` (default) or `None`.
    #[serde(rename = "type")]
    pub type_: SystemTopicType,
    /// Name in Azure, 3-128 characters. Default: the service's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_name: Option<TopicAzureName>,
    /// Identity that the topic gets, for event subscriptions that deliver or dead-letter by one. Others that it has are left
    /// alone, and one that is taken out of the spec stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<ManagedIdentity>,
}

/// Which of a policy's two keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeySlot {
    /// The first.
    #[default]
    Primary,
    /// The second.
    Secondary,
}

impl KeySlot {
    /// As ARM's `policyKey`.
    pub fn policy_key(self) -> &'static str {
        match self {
            KeySlot::Primary => "PrimaryKey",
            KeySlot::Secondary => "SecondaryKey",
        }
    }

    /// The one that is not this.
    pub fn other(self) -> Self {
        match self {
            KeySlot::Primary => KeySlot::Secondary,
            KeySlot::Secondary => KeySlot::Primary,
        }
    }
}

/// What is linked, as far as it can be known: Azure shows the hub, never the key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkStatus {
    /// ARM id of the linked hub.
    pub hub_id: String,
    /// Access policy whose key is linked.
    pub policy_name: String,
    /// Which of its keys.
    pub key: KeySlot,
    /// Keyed hash of what was linked.
    pub fingerprint: String,
    /// When Azure took the link, as RFC 3339.
    pub time: String,
    /// The `keyRotation` that is done.
    #[serde(default)]
    pub key_rotation: i64,
    /// Key that is replaced once Azure has had time to use the other one everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retiring: Option<KeySlot>,
}

/// What was observed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommunicationServiceStatus {
    /// Conditions, generation, open calls.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Host name that clients connect to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// Id that survives moves of the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable_resource_id: Option<String>,
    /// The link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkStatus>,
    /// ARM id of the system topic in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_topic_id: Option<String>,
}

impl CommunicationServiceStatus {
    /// Without what every kind has.
    pub(super) fn own(&self) -> Self {
        Self {
            common: CommonStatus::default(),
            host_name: self.host_name.clone(),
            immutable_resource_id: self.immutable_resource_id.clone(),
            link: self.link.clone(),
            system_topic_id: self.system_topic_id.clone(),
        }
    }
}
