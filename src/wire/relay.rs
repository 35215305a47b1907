//! What the operator tells a relay, and what a relay tells the operator. File, port and path names are API: injected pods keep
//! theirs until they are replaced.

pub mod config;
pub mod report;

/// Label on a pod: name of the EventRelay whose relay has to run in it.
pub const LABEL: &str = "acs-operator.dev/relay";
/// Annotation on a pod: revision of the container and volumes that it was given at admission.
pub const ANNOTATION_REVISION: &str = "acs-operator.dev/relay-revision";
/// Name of the relay's container in any pod.
pub const CONTAINER: &str = "acs-relay";

/// Header in which Event Grid sends the delivery key: a secret delivery attribute of the event subscription.
pub const DELIVERY_HEADER: &str = "acs-relay-key";

/// Where a relay listens, unless told otherwise.
pub mod ports {
    /// Events, from Event Grid through whatever is in front.
    pub const EVENTS: u16 = 8470;
    /// The app's door, on loopback only.
    pub const LOCAL: u16 = 8471;
    /// Health, metrics and the report to the operator.
    pub const OPS: u16 = 8472;
}

/// Paths that a relay serves.
pub mod paths {
    /// Below it, one path for each event subscription: `/v1/events/{name in Azure}`.
    pub const EVENTS: &str = "/v1/events";
    /// Direct Send, on the app's door.
    pub const PUSH_DIRECT: &str = "/v1/push/direct";
    /// Description of the app's door.
    pub const OPENAPI: &str = "/openapi.json";
    /// [`super::report::RelayReport`], on the ops port.
    pub const REPORT: &str = "/v1/report";
}

/// Folders that are mounted into a relay. Each is a volume of its own, so that the kubelet swaps its files at once.
pub mod folders {
    /// Holds [`CONFIG_FILE`], from a ConfigMap.
    pub const CONFIG: &str = "/etc/acs-relay/config";
    /// File in [`CONFIG`]: a [`super::config::RelayConfig`] as JSON.
    pub const CONFIG_FILE: &str = "relay.json";
    /// Files `current` and, during a rotation, `next`, from a Secret: the delivery keys that are valid.
    pub const DELIVERY: &str = "/etc/acs-relay/delivery";
    /// Files `connectionString` and `hubName`, from a Secret: the Send-only access policy. Empty without `push`.
    pub const PUSH: &str = "/etc/acs-relay/push";
}

/// What a relay reports of a delivery key, and what the operator compares: 16 hex digits that do not lead back to it. Keys are
/// 32 random bytes, so that a plain digest cannot be guessed.
pub fn delivery_key_fingerprint(key: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::new().chain_update(b"acs-relay delivery key\0").chain_update(key.as_bytes()).finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
