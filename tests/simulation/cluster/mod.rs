//! A model of the API server: versions, compare-and-swap, generations, finalizers, Secrets, namespaces that go away.

mod children;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use acs_core::kinds::{Object, ObjectRef};
use acs_core::moment::Moment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

pub use children::{Child, ChildKey};
pub use secrets::Secret;

/// What a write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrote {
    /// Done, or nothing to do.
    Done,
    /// Someone else was first.
    Conflict,
    /// The API server says no.
    Refused,
}

/// Something for watches.
#[derive(Clone, Debug)]
pub enum Change {
    /// An object appeared or changed.
    Object(Arc<Object>),
    /// An object is gone; with its uid.
    Gone(ObjectRef, String),
    /// A Secret appeared, changed or went: namespace, name.
    Secret(String, String),
    /// Something made for a relay appeared, changed or went: namespace, name of the relay.
    OfRelay(String, String),
}

/// All that the API server stores.
#[derive(Debug, Default)]
pub struct Cluster {
    version: u64,
    objects: BTreeMap<ObjectRef, Arc<Object>>,
    secrets: BTreeMap<(String, String), Secret>,
    children: BTreeMap<ChildKey, Child>,
    terminating: BTreeSet<String>,
    ended: BTreeSet<String>,
    changes: Vec<Change>,
}

macro_rules! each {
    ($object:expr, $each:ident => $body:expr) => {
        match $object {
            Object::AzureAccount($each) => $body,
            Object::NotificationHubNamespace($each) => $body,
            Object::NotificationHub($each) => $body,
            Object::CommunicationService($each) => $body,
            Object::EventRelay($each) => $body,
            Object::EventSubscription($each) => $body,
        }
    };
}

fn meta_mut(object: &mut Object) -> &mut ObjectMeta {
    each!(object, each => &mut each.metadata)
}

fn set_status(object: &mut Object, status: &Value) -> bool {
    each!(object, each => match serde_json::from_value(status.clone()) {
        Ok(status) => { each.status = Some(status); true }
        Err(_) => false,
    })
}

/// Puts the status of another version back: users cannot write it.
fn keep_status(object: &mut Object, from: &Object) {
    match (object, from) {
        (Object::AzureAccount(to), Object::AzureAccount(from)) => to.status.clone_from(&from.status),
        (Object::NotificationHubNamespace(to), Object::NotificationHubNamespace(from)) => {
            to.status.clone_from(&from.status)
        }
        (Object::NotificationHub(to), Object::NotificationHub(from)) => to.status.clone_from(&from.status),
        (Object::CommunicationService(to), Object::CommunicationService(from)) => to.status.clone_from(&from.status),
        (Object::EventRelay(to), Object::EventRelay(from)) => to.status.clone_from(&from.status),
        (Object::EventSubscription(to), Object::EventSubscription(from)) => to.status.clone_from(&from.status),
        _ => {}
    }
}

impl Cluster {
    /// What changed since this was last asked.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// An object as it is now.
    pub fn get(&self, object: &ObjectRef) -> Option<&Arc<Object>> {
        self.objects.get(object)
    }

    /// Every object.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values()
    }

    /// True if an object with that uid lives.
    pub fn lives(&self, uid: &str) -> bool {
        self.objects.values().any(|object| object.uid() == uid)
    }

    /// True while the namespace is going away, and after.
    pub fn is_terminating(&self, namespace: &str) -> bool {
        self.terminating.contains(namespace) || self.ended.contains(namespace)
    }

    fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    fn store(&mut self, target: &ObjectRef, mut object: Object) {
        meta_mut(&mut object).resource_version = Some(self.next_version());
        let object = Arc::new(object);
        self.objects.insert(target.clone(), object.clone());
        self.changes.push(Change::Object(object));
    }

    fn remove(&mut self, target: &ObjectRef) {
        if let Some(object) = self.objects.remove(target) {
            self.version += 1;
            self.changes.push(Change::Gone(target.clone(), object.uid().to_owned()));
        }
    }

    /// A user creates an object. False if its namespace is going, or it exists.
    pub fn create(&mut self, mut object: Object) -> bool {
        let target = object.object_ref();
        if self.is_terminating(&target.namespace) || self.objects.contains_key(&target) {
            return false;
        }
        let uid = format!("uid-{}", self.next_version());
        let meta = meta_mut(&mut object);
        meta.uid = Some(uid);
        meta.generation = Some(1);
        self.store(&target, object);
        true
    }

    /// A user edits an object. True if that changed anything.
    pub fn edit(&mut self, target: &ObjectRef, edit: impl FnOnce(&mut Object)) -> bool {
        let Some(before) = self.objects.get(target).cloned() else { return false };
        let mut after = before.as_ref().clone();
        edit(&mut after);
        keep_status(&mut after, &before);
        if after == *before {
            return false;
        }
        if after.meta() == before.meta() {
            meta_mut(&mut after).generation = Some(before.generation() + 1);
        }
        self.store(target, after);
        true
    }

    /// A user deletes an object.
    pub fn delete(&mut self, target: &ObjectRef, now: Moment) {
        let Some(object) = self.objects.get(target).cloned() else { return };
        if object.is_deleting() {
            return;
        }
        if object.meta().finalizers.as_ref().is_none_or(Vec::is_empty) {
            return self.remove(target);
        }
        let mut going = object.as_ref().clone();
        let meta = meta_mut(&mut going);
        meta.deletion_timestamp = Some(now.time());
        meta.generation = Some(object.generation() + 1);
        self.store(target, going);
    }

    /// The object at the version that the writer read, or why not.
    fn at_version(&self, read: &Object, swap: bool) -> Result<Object, Wrote> {
        match self.objects.get(&read.object_ref()) {
            Some(object) if object.uid() != read.uid() => Err(Wrote::Conflict),
            Some(object) if swap && object.resource_version() != read.resource_version() => Err(Wrote::Conflict),
            Some(object) => Ok(object.as_ref().clone()),
            None => Err(Wrote::Conflict),
        }
    }

    /// PUT of the status subresource; `swap` is false only for the seeded bug that writes without looking.
    pub fn write_status(&mut self, read: &Object, status: &Value, swap: bool) -> Wrote {
        let mut object = match self.at_version(read, swap) {
            Ok(object) => object,
            Err(wrote) => return wrote,
        };
        let before = object.clone();
        if !set_status(&mut object, status) {
            return Wrote::Refused;
        }
        if object != before {
            self.store(&read.object_ref(), object);
        }
        Wrote::Done
    }

    /// Finalizer and annotation in one compare-and-swap.
    pub fn claim(&mut self, read: &Object, azure_name: Option<&str>) -> Wrote {
        let mut object = match self.at_version(read, true) {
            Ok(object) => object,
            Err(wrote) => return wrote,
        };
        // No finalizer may be added to an object that is going.
        if object.is_deleting() && !object.is_held() {
            return Wrote::Refused;
        }
        let held = object.is_held();
        let meta = meta_mut(&mut object);
        if !held {
            meta.finalizers.get_or_insert_default().push(acs_wire::FINALIZER.to_owned());
        }
        if let Some(name) = azure_name {
            meta.annotations
                .get_or_insert_default()
                .insert(acs_wire::ANNOTATION_AZURE_NAME.to_owned(), name.to_owned());
        }
        self.store(&read.object_ref(), object);
        Wrote::Done
    }

    /// Takes our finalizer off; the last one of an object that is going ends it.
    pub fn release(&mut self, read: &Object) -> Wrote {
        let target = read.object_ref();
        let mut object = match self.at_version(read, true) {
            Ok(object) => object,
            Err(wrote) => return wrote,
        };
        if let Some(finalizers) = meta_mut(&mut object).finalizers.as_mut() {
            finalizers.retain(|name| name != acs_wire::FINALIZER);
        }
        let free = object.meta().finalizers.as_ref().is_none_or(Vec::is_empty);
        if free && object.is_deleting() {
            self.remove(&target);
        } else {
            self.store(&target, object);
        }
        Wrote::Done
    }

    /// Someone writes a label that means nothing to us: only the version moves.
    pub fn touch(&mut self, target: &ObjectRef) {
        let version = self.version.to_string();
        self.edit(target, |object| {
            meta_mut(object).labels.get_or_insert_default().insert("touched".to_owned(), version);
        });
    }

    /// `kubectl delete namespace`.
    pub fn end_namespace(&mut self, namespace: &str) {
        if !self.ended.contains(namespace) {
            self.terminating.insert(namespace.to_owned());
        }
    }

    /// Namespaces that are going.
    pub fn going(&self) -> Vec<String> {
        self.terminating.iter().cloned().collect()
    }

    /// What the namespace controller does from time to time: deletes what is left; true when nothing is.
    pub fn sweep(&mut self, namespace: &str, now: Moment) -> bool {
        let objects: Vec<ObjectRef> =
            self.objects.keys().filter(|object| object.namespace == namespace).cloned().collect();
        let secrets: Vec<String> =
            self.secrets.keys().filter(|(space, _)| space == namespace).map(|(_, name)| name.clone()).collect();
        for name in &secrets {
            self.delete_secret(namespace, name, None);
        }
        let children = self.child_keys(|key, _| key.0 == namespace);
        children.iter().for_each(|key| self.remove_child(key));
        for object in &objects {
            self.delete(object, now);
        }
        let empty = objects.is_empty() && secrets.is_empty() && children.is_empty();
        if empty {
            self.terminating.remove(namespace);
            self.ended.insert(namespace.to_owned());
        }
        empty
    }
}
