//! Manifests that hold pods: which they are, where the pod is in them, and whether it is meant.

use acs_wire::relay::LABEL;
use serde_json::Value;

use super::{Injected, Injection, Unfit, inject};

/// Which pods are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those labelled for the relay.
    Labelled,
    /// All that are not labelled for another. They get the label.
    All,
}

/// What became of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Its pods get the relay now.
    Injected(Value),
    /// Its pods have it already; with their revision, if they name one.
    Already(Option<String>),
    /// It is of a kind without pods.
    NoPods,
    /// Its pods are not labelled for a relay.
    Unlabelled {
        /// The label stands on the manifest itself, where it does nothing: the usual mistake.
        misplaced: bool,
    },
    /// Its pods are labelled for another relay.
    OtherRelay(String),
}

/// Where a kind has its pod. Only these: a kind of someone else's may look alike and mean something else.
fn pod_path(document: &Value) -> Option<&'static str> {
    let member = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
    match (member("apiVersion"), member("kind")) {
        ("v1", "Pod") => Some(""),
        ("apps/v1", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch/v1", "Job") => {
            Some("/spec/template")
        }
        ("batch/v1", "CronJob") => Some("/spec/jobTemplate/spec/template"),
        _ => None,
    }
}

/// Where the label of a manifest's pods belongs, in words of its kind; none for a kind without pods.
pub fn label_place(document: &Value) -> Option<String> {
    let path = pod_path(document)?.trim_start_matches('/').replace('/', ".");
    Some(if path.is_empty() { "metadata.labels".to_owned() } else { format!("{path}.metadata.labels") })
}

/// Puts a relay into the pods that a manifest makes.
///
/// # Errors
/// When pods that are meant cannot be given it.
pub fn inject_document(
    mut document: Value,
    relay: &str,
    injection: &Injection,
    selection: Selection,
) -> Result<Found, Unfit> {
    let Some(path) = pod_path(&document) else { return Ok(Found::NoPods) };
    let misplaced = !path.is_empty() && label(&document).is_some();
    let pod = document.pointer_mut(path).ok_or(Unfit::Malformed("spec.template"))?;
    match (label(pod), selection) {
        (Some(name), _) if name != relay => return Ok(Found::OtherRelay(name)),
        (None, Selection::Labelled) => return Ok(Found::Unlabelled { misplaced }),
        _ => {}
    }
    Ok(match inject(pod.take(), relay, injection)? {
        Injected::Already(_, revision) => Found::Already(revision),
        Injected::Done(injected) => {
            *pod = injected;
            Found::Injected(document)
        }
    })
}

fn label(object: &Value) -> Option<String> {
    object.get("metadata")?.get("labels")?.get(LABEL)?.as_str().map(str::to_owned)
}
