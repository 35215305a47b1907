//! The relay's container, and how it gets into a pod. Admission policy, `acs-operator inject` and the relay's own Deployment all
//! take it from here, so that they cannot differ.

use acs_wire::relay::{ANNOTATION_REVISION, CONTAINER, LABEL, folders, ports};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::kinds::relay::Resources;
use crate::names::{delivery_secret, push_secret, relay_child};

mod document;

pub use document::{Found, Selection, inject_document, label_place};

/// The ServiceAccount plugin mounts a token wherever nothing is mounted at this path. The relay calls no API server.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const MEMORY_LIMIT: &str = "64Mi";
const USER: u32 = 65532;
/// Files of a volume belong to root; the relay is neither root nor, without an `fsGroup`, of their group.
const READABLE: u32 = 0o444;

/// Which program a relay runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayImage {
    /// Image with tag or digest.
    pub image: String,
    /// `Always`, `IfNotPresent` or `Never`.
    pub pull_policy: String,
}

impl Default for RelayImage {
    /// The relay of this version, where it is published.
    fn default() -> Self {
        let image = concat!("ghcr.io/acs-operator/acs-relay:", env!("CARGO_PKG_VERSION")).to_owned();
        Self { image, pull_policy: "IfNotPresent".to_owned() }
    }
}

/// What a pod is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Injection {
    /// Changes with container and volumes, and with nothing else.
    pub revision: String,
    /// The container, as a native sidecar.
    pub container: Value,
    /// The volumes that it mounts.
    pub volumes: Vec<Value>,
}

impl Injection {
    /// What was published, from its parts.
    pub fn new(container: Value, volumes: Vec<Value>) -> Self {
        Self { revision: revision(&container, &volumes), container, volumes }
    }
}

/// What every pod of a relay is given.
pub fn injection(relay: &str, resources: Option<&Resources>, image: &RelayImage) -> Injection {
    let container = json!({
        "name": CONTAINER,
        "image": image.image,
        "imagePullPolicy": image.pull_policy,
        "args": ["run"],
        // An init container that always restarts starts before the app, ends after it, and keeps no Job from completing.
        "restartPolicy": "Always",
        "ports": [
            {"name": "relay-events", "containerPort": ports::EVENTS, "protocol": "TCP"},
            {"name": "relay-ops", "containerPort": ports::OPS, "protocol": "TCP"},
        ],
        // The app starts when this has succeeded: it finds its local API there.
        "startupProbe": probe(1, 60),
        // No readiness probe: it would count for the whole pod, and a relay in trouble would take the app out of service.
        "livenessProbe": probe(10, 3),
        "resources": resource_requirements(resources),
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": USER,
            "runAsGroup": USER,
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": "acs-relay-config", "mountPath": folders::CONFIG, "readOnly": true},
            {"name": "acs-relay-delivery", "mountPath": folders::DELIVERY, "readOnly": true},
            {"name": "acs-relay-push", "mountPath": folders::PUSH, "readOnly": true},
            {"name": "acs-relay-no-token", "mountPath": TOKEN, "readOnly": true},
        ],
    });
    Injection::new(container, volumes(relay))
}

fn volumes(relay: &str) -> Vec<Value> {
    let secret =
        |name: String, optional: bool| json!({"secretName": name, "defaultMode": READABLE, "optional": optional});
    vec![
        json!({"name": "acs-relay-config", "configMap": {"name": relay_child(relay), "defaultMode": READABLE}}),
        json!({"name": "acs-relay-delivery", "secret": secret(delivery_secret(relay), false)}),
        // A relay that does not push has no such Secret. One that begins to push gets it without a new pod.
        json!({"name": "acs-relay-push", "secret": secret(push_secret(relay), true)}),
        // In memory, because a pod with a volume on the node's disk keeps the cluster autoscaler from removing the node.
        json!({"name": "acs-relay-no-token", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}),
    ]
}

fn probe(period: u32, failures: u32) -> Value {
    let get = json!({"path": "/livez", "port": ports::OPS, "scheme": "HTTP"});
    json!({"httpGet": get, "periodSeconds": period, "timeoutSeconds": 2, "failureThreshold": failures})
}

fn resource_requirements(wanted: Option<&Resources>) -> Value {
    let none = Resources::default();
    let wanted = wanted.unwrap_or(&none);
    let mut requests = texts(&wanted.requests);
    let mut limits = texts(&wanted.limits);
    // A request over its limit is refused: a default gives way to what was asked for.
    let lower = |default: &'static str, limit: Option<&Value>| match limit.and_then(Value::as_str) {
        Some(limit) if amount(limit) < amount(default) => limit.to_owned(),
        _ => default.to_owned(),
    };
    for (name, default) in [("cpu", "10m"), ("memory", "16Mi")] {
        requests.entry(name).or_insert_with(|| json!(lower(default, limits.get(name))));
    }
    // No limit of CPU: being throttled would hold up every event.
    let asked = requests.get("memory").and_then(Value::as_str).filter(|asked| amount(asked) > amount(MEMORY_LIMIT));
    let limit = asked.unwrap_or(MEMORY_LIMIT).to_owned();
    limits.entry("memory").or_insert_with(|| json!(limit));
    json!({"requests": requests, "limits": limits})
}

fn texts<T: serde::Serialize>(quantities: &T) -> Map<String, Value> {
    json!(quantities).as_object().cloned().unwrap_or_default()
}

/// A quantity as a number, for comparing. The CRD lets no other suffix in.
fn amount(quantity: &str) -> f64 {
    let digits = quantity.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match quantity.strip_prefix(digits).unwrap_or_default() {
        "m" => 0.001,
        "k" => 1e3,
        "Ki" => 1024.0,
        "M" => 1e6,
        "Mi" => 1024.0 * 1024.0,
        "G" => 1e9,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        _ => 1.0,
    };
    digits.parse::<f64>().unwrap_or_default() * factor
}

fn revision(container: &Value, volumes: &[Value]) -> String {
    let text = json!([container, volumes]).to_string();
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A pod, or a pod template, that went through [`inject`].
#[derive(Clone, Debug, PartialEq)]
pub enum Injected {
    /// It has the relay now.
    Done(Value),
    /// It had a container of the relay's name before, and is as it was. The text is its revision, if it names one.
    Already(Value, Option<String>),
}

/// Why a pod cannot be given the relay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// No pod.
    #[error("it has no `{0}`, or one of another type than Kubernetes expects")]
    Malformed(&'static str),
    /// The label names another relay.
    #[error("its pods are labelled `{LABEL}: {0}`, which names another relay")]
    OtherRelay(String),
    /// A volume of that name would be mounted into the relay.
    #[error("its pods have a volume `{0}` already; that name belongs to the relay: rename the volume")]
    VolumeTaken(String),
}

/// Puts a relay into a pod: its container before all others, its volumes after all others, and what marks it. Does nothing to a
/// pod that has it.
///
/// # Errors
/// When it is no pod, is labelled for another relay, or has a volume of the relay's name.
pub fn inject(mut pod: Value, relay: &str, injection: &Injection) -> Result<Injected, Unfit> {
    let revision = text_in(&pod, "annotations", ANNOTATION_REVISION);
    if has_relay(&pod) {
        return Ok(Injected::Already(pod, revision));
    }
    if let Some(other) = text_in(&pod, "labels", LABEL).filter(|name| name != relay) {
        return Err(Unfit::OtherRelay(other));
    }
    let spec = object(&mut pod, "spec", false)?;
    if !spec.get("containers").is_some_and(Value::is_array) {
        return Err(Unfit::Malformed("spec.containers"));
    }
    let init = list(spec, "initContainers").ok_or(Unfit::Malformed("spec.initContainers"))?;
    init.insert(0, injection.container.clone());
    let there = list(spec, "volumes").ok_or(Unfit::Malformed("spec.volumes"))?;
    for volume in &injection.volumes {
        if let Some(taken) = there.iter().find(|other| other.get("name") == volume.get("name")) {
            return Err(Unfit::VolumeTaken(name_of(taken).to_owned()));
        }
    }
    there.extend(injection.volumes.iter().cloned());
    let metadata = object(&mut pod, "metadata", true)?;
    for (map, key, value) in
        [("labels", LABEL, relay), ("annotations", ANNOTATION_REVISION, injection.revision.as_str())]
    {
        let entries = metadata.entry(map).or_insert(Value::Null);
        if entries.is_null() {
            *entries = json!({});
        }
        let entries = entries.as_object_mut().ok_or(Unfit::Malformed("metadata"))?;
        entries.insert(key.to_owned(), json!(value));
    }
    Ok(Injected::Done(pod))
}

/// True for a pod that has a container of the relay's name, wherever that came from.
pub fn has_relay(pod: &Value) -> bool {
    ["/spec/initContainers", "/spec/containers"].into_iter().any(|path| {
        let containers = pod.pointer(path).and_then(Value::as_array);
        containers.into_iter().flatten().any(|container| name_of(container) == CONTAINER)
    })
}

fn name_of(named: &Value) -> &str {
    named.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn text_in(pod: &Value, map: &str, key: &str) -> Option<String> {
    pod.get("metadata")?.get(map)?.get(key)?.as_str().map(str::to_owned)
}

fn object<'a>(pod: &'a mut Value, name: &'static str, make: bool) -> Result<&'a mut Map<String, Value>, Unfit> {
    let members = pod.as_object_mut().ok_or(Unfit::Malformed(name))?;
    if make && members.get(name).is_none_or(Value::is_null) {
        members.insert(name.to_owned(), json!({}));
    }
    members.get_mut(name).and_then(Value::as_object_mut).ok_or(Unfit::Malformed(name))
}

/// A list that may be absent or null.
fn list<'a>(spec: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Vec<Value>> {
    let entry = spec.entry(name).or_insert(Value::Null);
    if entry.is_null() {
        *entry = json!([]);
    }
    entry.as_array_mut()
}

#[cfg(test)]
mod tests;
