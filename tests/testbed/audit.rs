//! The API server's audit log: who asked for what, and what the answer was.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// One request that was answered, or a watch that was begun or ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for other paths the method.
    pub verb: String,
    /// Who asked.
    pub user: String,
    /// What the client calls itself.
    pub user_agent: String,
    /// The API group, empty for the core and for other paths.
    pub group: String,
    /// The resource, empty for other paths.
    pub resource: String,
    /// `status`, `token`, …, else empty.
    pub subresource: String,
    /// The namespace, else empty.
    pub namespace: String,
    /// The object's name; empty for lists, and for objects whose name the server makes.
    pub name: String,
    /// The HTTP status of the answer.
    pub code: u16,
    /// When the request came in.
    pub time: Timestamp,
    /// `ResponseComplete`, or `ResponseStarted` for a watch that goes on.
    pub stage: String,
    /// The path with its query.
    pub uri: String,
    /// What was sent, where the policy records it: writes to our own group.
    pub request: Option<Value>,
}

impl Entry {
    /// Whether it changes something.
    pub fn is_write(&self) -> bool {
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
    }
}

/// Which entries are wanted; what is not set matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The exact user.
    pub user: Option<String>,
    /// The exact verb.
    pub verb: Option<String>,
    /// The exact API group.
    pub group: Option<String>,
    /// The exact resource.
    pub resource: Option<String>,
    /// The exact subresource; the empty string for the object itself.
    pub subresource: Option<String>,
    /// The exact namespace.
    pub namespace: Option<String>,
    /// The exact object name.
    pub name: Option<String>,
    /// Only what came in at or after this time.
    pub since: Option<Timestamp>,
    /// Only what changes something.
    pub writes_only: bool,
}

macro_rules! setters {
    ($($field:ident),+) => {$(
        #[doc = concat!("Wants this `", stringify!($field), "`.")]
        pub fn $field(mut self, value: impl Into<String>) -> Self {
            self.$field = Some(value.into());
            self
        }
    )+};
}

impl Filter {
    setters!(user, verb, group, resource, subresource, namespace, name);

    /// Wants the requests of a ServiceAccount.
    pub fn service_account(self, namespace: &str, name: &str) -> Self {
        self.user(format!("system:serviceaccount:{namespace}:{name}"))
    }

    /// Wants what came in at or after `time`.
    pub fn since(mut self, time: Timestamp) -> Self {
        self.since = Some(time);
        self
    }

    /// Wants only what changes something.
    pub fn writes(mut self) -> Self {
        self.writes_only = true;
        self
    }

    /// Whether `entry` is wanted.
    pub fn matches(&self, entry: &Entry) -> bool {
        let equal = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        equal(&self.user, &entry.user)
            && equal(&self.verb, &entry.verb)
            && equal(&self.group, &entry.group)
            && equal(&self.resource, &entry.resource)
            && equal(&self.subresource, &entry.subresource)
            && equal(&self.namespace, &entry.namespace)
            && equal(&self.name, &entry.name)
            && self.since.is_none_or(|since| entry.time >= since)
            && (!self.writes_only || entry.is_write())
    }
}

/// The wanted entries of the log at `path`, in the order of their answers.
///
/// An answer can reach its client a moment before its line reaches the log: who expects an entry should wait for it.
pub fn read(path: &Path, filter: &Filter) -> Result<Vec<Entry>> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mut entries = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        let line = line.with_context(|| format!("reading {}", path.display()))?;
        // The last line may be half written.
        let Ok(event) = serde_json::from_slice::<Event>(&line) else { continue };
        let entry = event.into_entry();
        if filter.matches(&entry) {
            entries.push(entry);
        }
    }
    Ok(entries)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    stage: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: User,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: ResponseStatus,
    request_object: Option<Value>,
    request_received_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ObjectRef {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    api_group: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ResponseStatus {
    code: u16,
}

impl Event {
    fn into_entry(self) -> Entry {
        Entry {
            verb: self.verb,
            user: self.user.username,
            user_agent: self.user_agent,
            group: self.object_ref.api_group,
            resource: self.object_ref.resource,
            subresource: self.object_ref.subresource,
            namespace: self.object_ref.namespace,
            name: self.object_ref.name,
            code: self.response_status.code,
            time: self.request_received_timestamp,
            stage: self.stage,
            uri: self.request_uri,
            request: self.request_object,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"1",
        "stage":"ResponseComplete","requestURI":"/apis/acs-operator.dev/v1alpha1/namespaces/a/azureaccounts","verb":"create",
        "user":{"username":"system:serviceaccount:a:op","groups":["g"]},"userAgent":"op/1",
        "objectRef":{"resource":"azureaccounts","namespace":"a","name":"default","apiGroup":"acs-operator.dev","apiVersion":"v1alpha1"},
        "responseStatus":{"metadata":{},"code":201},"requestObject":{"spec":{}},
        "requestReceivedTimestamp":"2026-11-25T10:00:00.000001Z","stageTimestamp":"2026-11-25T10:00:00.000002Z"}"#;

    fn log() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line = LINE.replace('\n', "");
        std::fs::write(file.path(), format!("{line}\n{}", &line[..80])).unwrap();
        file
    }

    #[test]
    fn an_entry_is_typed_and_a_half_written_line_is_left_out() {
        let log = log();
        let entries = read(log.path(), &Filter::default()).unwrap();
        assert_eq!(entries.len(), 1);
        let entry = &entries[0];
        assert_eq!((entry.verb.as_str(), entry.code, entry.name.as_str()), ("create", 201, "default"));
        assert!(entry.is_write() && entry.request.is_some());
    }

    #[test]
    fn every_set_field_of_a_filter_counts() {
        let log = log();
        let count = |filter: Filter| read(log.path(), &filter).unwrap().len();
        assert_eq!(count(Filter::default().service_account("a", "op").resource("azureaccounts").writes()), 1);
        assert_eq!(count(Filter::default().subresource("")), 1);
        assert_eq!(count(Filter::default().namespace("b")), 0);
        assert_eq!(count(Filter::default().since("2026-11-26T00:00:00Z".parse().unwrap())), 0);
    }
}
