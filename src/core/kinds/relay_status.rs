//! Status of an `EventRelay`.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::common::CommonStatus;

/// How many pods run the relay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodsStatus {
    /// Relays that answer with the configuration and the keys that are wanted.
    pub ready: i32,
    /// Pods with the relay as it would be made now.
    pub current: i32,
    /// Pods with a relay of an earlier revision: they keep it until they are replaced.
    pub outdated: i32,
    /// Labelled pods without a relay in them.
    pub missing: i32,
}

/// The last handshake that the operator made with the public URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HandshakeStatus {
    /// True if it was granted.
    pub granted: bool,
    /// Schema whose handshake it was.
    pub schema: String,
    /// What was answered, or why nothing was.
    pub message: String,
}

/// Fingerprints of the keys that Event Grid sends with deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryKeyStatus {
    /// The key in use.
    pub current: String,
    /// The key that replaces it, while that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The `keyRotation` that is done.
    #[serde(default)]
    pub rotation: i64,
}

/// What the admission policy puts into a labelled pod. Its expressions can read no other object, so it stands here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InjectionStatus {
    /// Changes with container and volumes.
    pub revision: String,
    /// The container, as a native sidecar.
    #[schemars(schema_with = "any_object")]
    pub container: Value,
    /// The volumes that it mounts.
    #[schemars(schema_with = "any_objects")]
    pub volumes: Vec<Value>,
}

fn any_object(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

fn any_objects(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": 16,
        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}
    })
}

/// What was observed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventRelayStatus {
    /// Conditions, generation, open calls.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Public URL. Event subscriptions deliver to `/v1/events/<name>` below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Pods that run the relay; for `scale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Label selector of those pods; for `scale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// How many pods run the relay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodsStatus>,
    /// The last handshake that the operator made with the public URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshake: Option<HandshakeStatus>,
    /// Azure names of the event subscriptions that every ready relay lets in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscriptions: Vec<String>,
    /// Fingerprints of the delivery keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_key: Option<DeliveryKeyStatus>,
    /// ARM id of the access policy made for pushes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_policy_id: Option<String>,
    /// What is put into labelled pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injection: Option<InjectionStatus>,
}

impl EventRelayStatus {
    /// Without what every kind has.
    pub(super) fn own(&self) -> Self {
        Self { common: CommonStatus::default(), ..self.clone() }
    }
}
