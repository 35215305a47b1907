//! Secrets of the model.

use std::collections::BTreeMap;

use acs_core::step::SecretWrite;
use acs_core::world::SecretView;

use super::{Change, Cluster, Wrote};

/// A Secret.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Secret {
    version: String,
    owner_uid: Option<String>,
    held: bool,
    deleting: bool,
    /// Content.
    pub content: BTreeMap<String, String>,
}

impl Secret {
    /// `metadata.resourceVersion`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// uid of the object that owns it.
    pub fn owner_uid(&self) -> Option<&str> {
        self.owner_uid.as_deref()
    }
}

impl Cluster {
    fn key(namespace: &str, name: &str) -> (String, String) {
        (namespace.to_owned(), name.to_owned())
    }

    fn put_secret(&mut self, namespace: &str, name: &str, mut secret: Secret) {
        secret.version = self.next_version();
        self.secrets.insert(Self::key(namespace, name), secret);
        self.changes.push(Change::Secret(namespace.to_owned(), name.to_owned()));
    }

    /// A Secret as it is now.
    pub fn secret(&self, namespace: &str, name: &str) -> Option<&Secret> {
        self.secrets.get(&Self::key(namespace, name))
    }

    /// Every Secret, by namespace and name.
    pub fn secrets(&self) -> impl Iterator<Item = (&(String, String), &Secret)> {
        self.secrets.iter()
    }

    /// A Secret as decisions see it.
    pub fn secret_view(&self, namespace: &str, name: &str) -> Option<SecretView> {
        self.secret(namespace, name).map(|secret| SecretView {
            owner_uid: secret.owner_uid.clone(),
            resource_version: secret.version.clone(),
            held: secret.held,
            content: secret.content.clone(),
        })
    }

    /// A user applies a Secret.
    pub fn apply_secret(&mut self, namespace: &str, name: &str, content: &[(&str, &str)]) -> bool {
        let before = self.secret(namespace, name).cloned();
        if before.is_none() && self.is_terminating(namespace) {
            return false;
        }
        let before = before.unwrap_or_default();
        let content = content.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        if before.content == content && !before.version.is_empty() {
            return false;
        }
        self.put_secret(namespace, name, Secret { content, ..before });
        true
    }

    /// Create or replace, as the operator does.
    pub fn write_secret(&mut self, namespace: &str, owner_uid: &str, write: &SecretWrite) -> Wrote {
        let before = self.secret(namespace, &write.name).cloned();
        match (&write.replaces, &before) {
            (None, Some(_)) | (Some(_), None) => return Wrote::Conflict,
            (Some(version), Some(secret)) if *version != secret.version => return Wrote::Conflict,
            (None, None) if self.is_terminating(namespace) => return Wrote::Refused,
            _ => {}
        }
        let before = before.unwrap_or_default();
        // No finalizer may be added to a Secret that is going.
        let held = before.held || (write.hold && !before.deleting);
        let owner_uid = Some(owner_uid.to_owned());
        self.put_secret(namespace, &write.name, Secret { content: write.content.clone(), held, owner_uid, ..before });
        Wrote::Done
    }

    /// DELETE, with a version as precondition if one is given.
    pub fn delete_secret(&mut self, namespace: &str, name: &str, version: Option<&str>) -> Wrote {
        let Some(secret) = self.secret(namespace, name).cloned() else { return Wrote::Done };
        if version.is_some_and(|version| version != secret.version) {
            return Wrote::Conflict;
        }
        if !secret.held {
            self.secrets.remove(&Self::key(namespace, name));
            self.version += 1;
            self.changes.push(Change::Secret(namespace.to_owned(), name.to_owned()));
        } else if !secret.deleting {
            self.put_secret(namespace, name, Secret { deleting: true, ..secret });
        }
        Wrote::Done
    }

    /// Our finalizer, on or off.
    pub fn hold_secret(&mut self, namespace: &str, name: &str, hold: bool) -> Wrote {
        let Some(secret) = self.secret(namespace, name).cloned() else {
            return if hold { Wrote::Refused } else { Wrote::Done };
        };
        if secret.held == hold {
            return Wrote::Done;
        }
        if hold && secret.deleting {
            return Wrote::Refused;
        }
        let going = secret.deleting && !hold;
        self.put_secret(namespace, name, Secret { held: hold, ..secret });
        if going { self.delete_secret(namespace, name, None) } else { Wrote::Done }
    }

    /// What the garbage collector does after an owner is gone.
    pub fn collect(&mut self, owner_uid: &str) {
        let orphans: Vec<(String, String)> = self
            .secrets
            .iter()
            .filter(|(_, secret)| secret.owner_uid.as_deref() == Some(owner_uid))
            .map(|(key, _)| key.clone())
            .collect();
        for (namespace, name) in orphans {
            self.delete_secret(&namespace, &name, None);
        }
        for key in self.child_keys(|_, owner| owner == owner_uid) {
            self.remove_child(&key);
        }
    }
}
