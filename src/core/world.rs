//! Everything that one pass knows. The engine fills it, the plan reads it; what is missing the plan asks for.

#[cfg(test)]
pub mod ground;

use std::collections::{BTreeMap, BTreeSet};

use acs_wire::relay::report::RelayReport;

use crate::azure::call::{Access, ArmResult, Method};
use crate::azure::error::{AzureError, Fault};
use crate::kinds::subscription::DeliverySchema;
use crate::kinds::{Kind, Object, ObjectRef};
use crate::moment::{Moment, Timings};
use crate::names::Owner;
use crate::relay::child::{ChildFound, ChildKind};
use crate::relay::inject::RelayImage;
use crate::relay::pods::PodView;

/// What the operator's configuration says that decisions need.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Identity of the cluster in owner tags. Default: uid of the namespace kube-system.
    pub cluster_id: String,
    /// ServiceAccount names that accounts may use for workload identity.
    pub service_accounts: Vec<String>,
    /// Names of the configured clouds.
    pub clouds: Vec<String>,
    /// Durations.
    pub timings: Timings,
    /// What relays are made of.
    pub relay: RelaySettings,
}

/// What the operator's configuration says of relays.
#[derive(Clone, Debug, PartialEq)]
pub struct RelaySettings {
    /// Program that they run.
    pub image: RelayImage,
    /// Namespace of the operator: from there, relays are asked how they are.
    pub operator_namespace: String,
    /// Where relays connect for pushes instead of the hub's own host.
    pub push_endpoint: Option<String>,
    /// Further certificate authorities to trust there, as PEM.
    pub ca_bundle: Option<String>,
    /// Clouds, by name, whose hubs are reached in another way than all others.
    pub clouds: BTreeMap<String, PushThrough>,
}

/// How relays reach the hubs of one cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushThrough {
    /// Where they connect, instead of the hub's own host.
    pub endpoint: Option<String>,
    /// Certificate authorities to trust there, as PEM.
    pub ca_bundle: Option<String>,
}

impl RelaySettings {
    /// What holds for relays that push through hubs of `cloud`.
    #[must_use]
    pub fn of_cloud(&self, cloud: Option<&str>) -> Self {
        let Some(through) = cloud.and_then(|cloud| self.clouds.get(cloud)) else { return self.clone() };
        Self { push_endpoint: through.endpoint.clone(), ca_bundle: through.ca_bundle.clone(), ..self.clone() }
    }
}

/// Event Grid's handshake with a relay, made by the operator itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HandshakeWith {
    /// Public URL of one event subscription at the relay.
    pub url: String,
    /// Azure name of that event subscription.
    pub subscription: String,
    /// Schema, which decides the kind of handshake.
    pub schema: DeliverySchema,
}

/// Something that a pass has to know before it can decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    /// An object of ours in the same namespace.
    Object(ObjectRef),
    /// All objects of a kind in the namespace.
    Objects(Kind, String),
    /// A Secret: namespace, name.
    Secret(String, String),
    /// Whether the Kubernetes namespace is going away.
    Terminating(String),
    /// Whether a token can be had. The text is the version of the Secret that the proof is in, so that a new one is tried.
    Token(Access, String),
    /// The federated assertion in use, to be kept for a namespace that is going away.
    Assertion(Access),
    /// A call to ARM that changes nothing: GET, or a POST that lists keys.
    Arm {
        /// On whose behalf.
        access: Access,
        /// `Get` or `Post`.
        method: Method,
        /// Path without query.
        path: String,
        /// Version of the API.
        api_version: &'static str,
    },
    /// All pages of a list, as `{"value": [..]}`.
    ArmList {
        /// On whose behalf.
        access: Access,
        /// Path without query.
        path: String,
        /// Version of the API.
        api_version: &'static str,
    },
    /// Something made for a relay: namespace, kind, name.
    Child(String, ChildKind, String),
    /// Pods labelled for a relay: namespace, name of the relay.
    Pods(String, String),
    /// What relays say of themselves, by the addresses of their pods.
    Relays(Vec<String>),
    /// Handshakes with relays by their public URLs.
    Handshakes(Vec<HandshakeWith>),
    /// What an operation's URL says. It is signed: used to the letter.
    Poll {
        /// On whose behalf.
        access: Access,
        /// URL.
        url: String,
    },
}

/// A Secret as decisions see it. Its Debug shows no content.
#[derive(Clone, PartialEq, Default)]
pub struct SecretView {
    /// uid of the object of ours that owns it, if one does.
    pub owner_uid: Option<String>,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// True if our finalizer is on it.
    pub held: bool,
    /// Content, as text. Values that are not UTF-8 are left out.
    pub content: BTreeMap<String, String>,
}

impl std::fmt::Debug for SecretView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretView").field("keys", &self.content.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

/// Answer to a [`Read`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// To `Object`; `None` if there is none, or none that this build can read.
    Object(Option<Box<Object>>),
    /// To `Objects`.
    Objects(Vec<Object>),
    /// To `Secret`.
    Secret(Option<SecretView>),
    /// To `Terminating`.
    Terminating(bool),
    /// To `Token`.
    Token(Result<(), AzureError>),
    /// To `Assertion`; `None` if there is none at hand.
    Assertion(Option<secrecy::SecretString>),
    /// To `Arm`, `ArmList` and `Poll`.
    Arm(ArmResult),
    /// To `Child`.
    Child(ChildFound),
    /// To `Pods`.
    Pods(Vec<PodView>),
    /// To `Relays`: a report, or why there is none, by address.
    Relays(BTreeMap<String, Result<RelayReport, String>>),
    /// To `Handshakes`, in the order of the question: granted, or why not.
    Handshakes(Vec<Result<(), String>>),
    /// The API server refused or failed.
    Failed(Fault),
}

/// A call that failed and is to be tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// How often in a row.
    pub count: u32,
    /// Not before this, on the monotonic clock.
    pub retry_at: u64,
    /// Fingerprint of what was asked for: another wish is tried at once.
    pub fingerprint: String,
    /// What is in the way.
    pub fault: Fault,
}

/// What an engine remembers of an object between passes. Losing it costs time, never safety.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// When an intent was first seen, on the monotonic clock.
    pub seen: BTreeMap<String, u64>,
    /// What announced calls came to.
    pub replies: BTreeMap<String, ArmResult>,
    /// Failures, by step.
    pub failures: BTreeMap<String, Failure>,
    /// When keys were last compared, by step: time on the monotonic clock, and a fingerprint of where they were put.
    pub checked: BTreeMap<String, (u64, String)>,
    /// Children that were as described, by step: when they were last read, and the fingerprint of what was wanted.
    pub settled: BTreeMap<String, (u64, String)>,
}

impl Memory {
    /// Something outside changed: what only a person could mend is tried again at once, and children are read again.
    pub fn something_changed(&mut self) {
        self.settled.clear();
        self.failures.retain(|_, failure| failure.fault.class != crate::azure::error::Class::Blocked);
    }
}

/// Everything that one pass knows.
#[derive(Clone)]
pub struct World {
    /// The object, as read at the start of the pass.
    pub object: Object,
    /// Configuration.
    pub settings: std::sync::Arc<Settings>,
    /// Both clocks, read once.
    pub now: Moment,
    /// Term of this leader.
    pub epoch: i64,
    /// Unique to this pass: the id of the attempt that it may announce.
    pub nonce: String,
    /// Random, 0..1.
    pub jitter: f64,
    /// 32 random bytes as base64url, unique to this pass: a delivery key that it may bring into use.
    pub fresh_key: secrecy::SecretString,
    /// Children that this pass has applied. One that the API server still shows otherwise is not applied again and again.
    pub applied: BTreeSet<(ChildKind, String)>,
    /// What was read.
    pub answers: BTreeMap<Read, Answer>,
    /// What is remembered.
    pub memory: Memory,
}

impl World {
    /// Owner of everything that this object makes.
    pub fn owner(&self) -> Owner {
        Owner::of(&self.settings.cluster_id, &self.object)
    }

    /// Namespace of the object.
    pub fn namespace(&self) -> &str {
        self.object.meta().namespace.as_deref().unwrap_or_default()
    }

    /// Name of the object.
    pub fn name(&self) -> &str {
        self.object.meta().name.as_deref().unwrap_or_default()
    }
}
