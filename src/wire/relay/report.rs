//! What a relay says of itself, on its ops port. It holds no secret, no body of an event and no device handle.

use serde::{Deserialize, Serialize};

/// State of one relay process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RelayReport {
    /// Name of the EventRelay.
    pub relay: String,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Version of the program.
    pub version: String,
    /// Revision of the configuration in force.
    pub revision: String,
    /// Fingerprints of the delivery keys that are valid, sorted.
    pub delivery_keys: Vec<String>,
    /// Names of the event subscriptions that are let in.
    pub subscriptions: Vec<String>,
    /// True when it would answer Event Grid with more than 503: configuration and a delivery key are there, and it is not
    /// draining.
    pub accepting: bool,
    /// What keeps it from using the files it was given last; one sentence each.
    pub problems: Vec<String>,
    /// The last handshake, if there was one.
    pub handshake: Option<Handshake>,
}

/// A handshake that Event Grid, or the operator's own probe, made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake {
    /// Name of the event subscription in the path.
    pub subscription: String,
    /// True if it was granted.
    pub granted: bool,
    /// Schema whose handshake it was: `CloudEventSchemaV1_0` or `EventGridSchema`.
    pub schema: String,
    /// Milliseconds since 1970.
    pub at: u64,
}
