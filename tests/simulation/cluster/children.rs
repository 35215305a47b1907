//! What the operator makes for relays, as applied objects. No kubelet and no controller: there are no pods, and nobody answers a
//! route. Gateway API is not installed.

use acs_core::relay::child::{ChildFound, ChildKind, ChildView, ChildWrite};
use serde_json::Value;

use super::{Change, Cluster, Wrote};

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    uid: String,
    /// uid of the object that owns it.
    owner_uid: String,
    /// Name of that object.
    owner: String,
    /// As applied.
    pub manifest: Value,
}

/// Kubernetes namespace, kind, name.
pub type ChildKey = (String, ChildKind, String);

impl Cluster {
    /// A child as it is now.
    pub fn child(&self, namespace: &str, kind: ChildKind, name: &str) -> Option<&Child> {
        self.children.get(&(namespace.to_owned(), kind, name.to_owned()))
    }

    /// A child as decisions see it.
    pub fn child_view(&self, namespace: &str, kind: ChildKind, name: &str) -> ChildFound {
        match self.child(namespace, kind, name) {
            _ if kind == ChildKind::HttpRoute => ChildFound::UnknownKind,
            None => ChildFound::Absent,
            Some(child) => ChildFound::Present(Box::new(ChildView {
                owner_uid: Some(child.owner_uid.clone()),
                uid: child.uid.clone(),
                deleting: false,
                body: child.manifest.clone(),
            })),
        }
    }

    /// Server-side apply of a whole manifest.
    pub fn apply_child(&mut self, namespace: &str, child: &ChildWrite) -> Wrote {
        let key = (namespace.to_owned(), child.kind, child.name.clone());
        let before = self.children.get(&key).cloned();
        if before.is_none() && self.is_terminating(namespace) || child.kind == ChildKind::HttpRoute {
            return Wrote::Refused;
        }
        if before.as_ref().is_some_and(|before| before.manifest == child.manifest) {
            return Wrote::Done;
        }
        let owner = |member: &str| {
            let owner = child.manifest.pointer("/metadata/ownerReferences/0").and_then(|owner| owner.get(member));
            owner.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let version = self.next_version();
        let uid = before.map_or_else(|| format!("uid-{version}"), |before| before.uid);
        let made = Child { uid, owner_uid: owner("uid"), owner: owner("name"), manifest: child.manifest.clone() };
        self.changes.push(Change::OfRelay(namespace.to_owned(), made.owner.clone()));
        self.children.insert(key, made);
        Wrote::Done
    }

    /// DELETE, with a uid as precondition.
    pub fn delete_child(&mut self, namespace: &str, kind: ChildKind, name: &str, uid: &str) -> Wrote {
        match self.child(namespace, kind, name) {
            None => Wrote::Done,
            Some(child) if child.uid != uid => Wrote::Conflict,
            Some(_) => {
                self.remove_child(&(namespace.to_owned(), kind, name.to_owned()));
                Wrote::Done
            }
        }
    }

    /// It is gone.
    pub fn remove_child(&mut self, key: &ChildKey) {
        if let Some(child) = self.children.remove(key) {
            self.version += 1;
            self.changes.push(Change::OfRelay(key.0.clone(), child.owner));
        }
    }

    /// Relays that something was made for, by namespace and name.
    pub fn relays_with_children(&self) -> impl Iterator<Item = (&str, &str)> {
        self.children.iter().map(|((namespace, ..), child)| (namespace.as_str(), child.owner.as_str()))
    }

    /// Keys of the children of an owner, or of all in a namespace.
    pub(super) fn child_keys(&self, wanted: impl Fn(&ChildKey, &str) -> bool) -> Vec<ChildKey> {
        self.children.iter().filter(|(key, child)| wanted(key, &child.owner_uid)).map(|(key, _)| key.clone()).collect()
    }
}
