//! What watches have seen, and whom each change wakes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{affected, makers, misses_something, own_signature, public_signature, uses_secret};
use crate::kinds::{Kind, Object, ObjectRef};

/// The latest known objects. Every change of them is told here, and the answer is who has to look again.
///
/// A relist is told as its objects, then as [`Dispatch::object_gone`] of each known one that it lacks: what did not change
/// wakes nobody.
#[derive(Clone, Debug, Default)]
pub struct Dispatch {
    known: BTreeMap<ObjectRef, Known>,
}

#[derive(Clone, Debug)]
struct Known {
    object: Arc<Object>,
    own: u64,
    public: u64,
    /// Those that it names were woken because it misses something of theirs; once, until it is Ready again. Every further try
    /// says the same, and a target that cannot mend it would be kept looking for as long as it is tried.
    told: bool,
}

impl Dispatch {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The latest known version of an object.
    pub fn get(&self, object: &ObjectRef) -> Option<&Arc<Object>> {
        self.known.get(object).map(|known| &known.object)
    }

    /// The latest known objects of a kind in a namespace, by name.
    pub fn all<'a>(&'a self, kind: Kind, namespace: &'a str) -> impl Iterator<Item = &'a Arc<Object>> {
        self.known
            .range(ObjectRef::new(kind, namespace, "")..)
            .take_while(move |(object, _)| object.kind == kind && object.namespace == namespace)
            .map(|(_, known)| &known.object)
    }

    /// Every known object's name.
    pub fn names(&self) -> impl Iterator<Item = &ObjectRef> {
        self.known.keys()
    }

    /// An object appeared or changed. Returns whom to wake: itself, those that may decide differently because of it, and
    /// those whose deletion waited for it, though it may name them no longer. Those that made what it misses in Azure are
    /// woken, too.
    pub fn object_changed(&mut self, object: &Arc<Object>) -> Vec<ObjectRef> {
        let target = object.object_ref();
        let (own, public) = (own_signature(object), public_signature(object));
        let told = self.known.get(&target).is_some_and(|known| known.told);
        let misses = misses_something(object);
        let new = Known { object: object.clone(), own, public, told: !object.is_ready() && (told || misses) };
        let old = self.known.insert(target.clone(), new);
        let mut wake = Vec::new();
        if misses && !told {
            wake.extend(makers(object, self.namespace(&target.namespace)));
        }
        if old.as_ref().is_none_or(|old| old.own != own) {
            wake.push(target.clone());
        }
        if old.as_ref().is_none_or(|old| old.public != public) {
            wake.extend(self.others(object));
            wake.extend(old.iter().flat_map(|old| self.others(&old.object)));
        }
        unique(wake)
    }

    /// An object is gone. Returns whom to wake: itself, so that it is forgotten, and those that it named or that name it.
    pub fn object_gone(&mut self, object: &ObjectRef) -> Vec<ObjectRef> {
        let mut wake = vec![object.clone()];
        if let Some(old) = self.known.remove(object) {
            wake.extend(self.others(&old.object));
        }
        unique(wake)
    }

    /// A Secret appeared, changed or went. Returns the objects that read or write it.
    pub fn secret_changed(&self, namespace: &str, name: &str) -> Vec<ObjectRef> {
        self.namespace(namespace).filter(|object| uses_secret(object, name)).map(Object::object_ref).collect()
    }

    /// A pod of a relay, or something made for one, appeared, changed or went. Returns the relay, if there is one of that name.
    pub fn relay_changed(&self, namespace: &str, name: &str) -> Vec<ObjectRef> {
        let relay = ObjectRef::new(Kind::EventRelay, namespace, name);
        if self.known.contains_key(&relay) { vec![relay] } else { Vec::new() }
    }

    fn others(&self, changed: &Object) -> Vec<ObjectRef> {
        affected(changed, self.namespace(changed.meta().namespace.as_deref().unwrap_or_default()))
    }

    fn namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Object> {
        Kind::ALL.into_iter().flat_map(move |kind| self.all(kind, namespace)).map(Arc::as_ref)
    }
}

fn unique(mut objects: Vec<ObjectRef>) -> Vec<ObjectRef> {
    objects.sort_unstable();
    objects.dedup();
    objects
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(version: u32, generation: u32, hub: &str) -> Arc<Object> {
        let json = json!({
            "apiVersion": "acs-operator.dev/v1alpha1", "kind": "CommunicationService",
            "metadata": {"name": "shop", "namespace": "a", "uid": "u1", "resourceVersion": version.to_string(), "generation": generation},
            "spec": {"dataLocation": "Europe", "notificationHub": {"hubRef": {"name": hub}}},
        });
        Arc::new(Object::decode(Kind::CommunicationService, json).unwrap())
    }

    fn hub(name: &str, going: bool) -> Arc<Object> {
        let time = going.then_some("2026-01-01T00:00:00Z");
        let json = json!({
            "apiVersion": "acs-operator.dev/v1alpha1", "kind": "NotificationHub",
            "metadata": {"name": name, "namespace": "a", "uid": name, "resourceVersion": "1", "generation": 1, "deletionTimestamp": time},
            "spec": {"namespaceRef": {"name": "ns"}},
        });
        Arc::new(Object::decode(Kind::NotificationHub, json).unwrap())
    }

    fn names(wake: &[ObjectRef]) -> Vec<&str> {
        wake.iter().map(|object| object.name.as_str()).collect()
    }

    #[test]
    fn a_change_of_reference_wakes_the_old_target_if_that_waits_to_go() {
        let mut dispatch = Dispatch::new();
        for object in [hub("old", true), hub("new", false), service(1, 1, "old")] {
            dispatch.object_changed(&object);
        }
        assert_eq!(names(&dispatch.object_changed(&service(2, 2, "new"))), ["old", "shop"]);
    }

    #[test]
    fn what_did_not_change_wakes_nobody() {
        let mut dispatch = Dispatch::new();
        dispatch.object_changed(&hub("old", false));
        dispatch.object_changed(&service(1, 1, "old"));
        assert_eq!(dispatch.object_changed(&service(2, 1, "old")), []);
        assert_eq!(dispatch.get(&service(1, 1, "old").object_ref()).map(|object| object.resource_version()), Some("2"));
    }

    #[test]
    fn what_is_missing_in_azure_wakes_its_maker_once_until_all_is_well_again() {
        let with = |status: &str, reason: &str, version: u32| {
            let mut object = Arc::unwrap_or_clone(service(version, 1, "h"));
            let Object::CommunicationService(service) = &mut object else { unreachable!() };
            let condition = |type_: &str| {
                json!({"type": type_, "status": status, "reason": reason, "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z"})
            };
            let conditions = json!([condition("Ready"), condition("Linked")]);
            service.status =
                serde_json::from_value(json!({"conditions": conditions, "observedGeneration": 1})).unwrap();
            Arc::new(object)
        };
        let mut dispatch = Dispatch::new();
        dispatch.object_changed(&hub("h", false));
        dispatch.object_changed(&hub("other", false));
        dispatch.object_changed(&with("False", "RetryingAzureError", 1));
        let mut told = |status: &str, reason: &str| {
            names(&dispatch.object_changed(&with(status, reason, 2))).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(told("False", "MissingInAzure"), ["h"]);
        // The next try: its intent first, then the same answer.
        assert!(told("False", "Updating").is_empty() && told("False", "MissingInAzure").is_empty());
        assert!(told("True", "Ready").is_empty());
        assert_eq!(told("False", "MissingInAzure"), ["h"]);
    }

    #[test]
    fn a_departure_wakes_those_that_waited_for_it() {
        let mut dispatch = Dispatch::new();
        dispatch.object_changed(&hub("old", true));
        dispatch.object_changed(&service(1, 1, "old"));
        assert_eq!(names(&dispatch.object_gone(&service(1, 1, "old").object_ref())), ["old", "shop"]);
        assert_eq!(dispatch.all(Kind::CommunicationService, "a").count(), 0);
    }
}
