//! What a pass has read. Each question is asked of the engine where its answer is not known yet.

use serde_json::Value;

use super::{Halt, Pass, Stepped};
use crate::azure::call::{Access, ArmReply, Body, Method};
use crate::azure::error::{AzureError, Fault};
use crate::azure::id::ArmId;
use crate::kinds::{Kind, Object, ObjectRef};
use crate::reason::Reason;
use crate::step::{SecretWrite, Step};
use crate::world::{Answer, Read, SecretView};

impl<'w> Pass<'w> {
    pub(super) fn answer(&self, read: Read) -> Stepped<&'w Answer> {
        match self.world.answers.get(&read) {
            Some(Answer::Failed(fault)) => Err(Halt::Fault(fault.clone())),
            Some(answer) => Ok(answer),
            None => Err(Halt::Need(vec![read])),
        }
    }

    /// An object of ours in the same namespace.
    ///
    /// # Errors
    /// Halts until it was read.
    pub fn object(&self, kind: Kind, name: &str) -> Stepped<Option<&'w Object>> {
        match self.answer(Read::Object(ObjectRef::new(kind, self.world.namespace(), name)))? {
            Answer::Object(object) => Ok(object.as_deref()),
            _ => Ok(None),
        }
    }

    /// All objects of a kind in the same namespace.
    ///
    /// # Errors
    /// Halts until they were read.
    pub fn objects(&self, kind: Kind) -> Stepped<&'w [Object]> {
        match self.answer(Read::Objects(kind, self.world.namespace().to_owned()))? {
            Answer::Objects(objects) => Ok(objects),
            _ => Ok(&[]),
        }
    }

    /// Whether the Kubernetes namespace is going away.
    ///
    /// # Errors
    /// Halts until it was read.
    pub fn terminating(&self) -> Stepped<bool> {
        Ok(matches!(self.answer(Read::Terminating(self.world.namespace().to_owned()))?, Answer::Terminating(true)))
    }

    /// A Secret of the same namespace.
    ///
    /// # Errors
    /// Halts until it was read.
    pub fn secret(&self, name: &str) -> Stepped<Option<&'w SecretView>> {
        match self.answer(Read::Secret(self.world.namespace().to_owned(), name.to_owned()))? {
            Answer::Secret(secret) => Ok(secret.as_ref()),
            _ => Ok(None),
        }
    }

    /// One key of a Secret that the spec names.
    ///
    /// # Errors
    /// Halts until it was read; faults when the Secret, the key or its content is missing.
    pub fn secret_key(&self, name: &str, key: &str, purpose: &str) -> Stepped<&'w str> {
        let Some(secret) = self.secret(name)? else {
            let message = format!(
                "Secret \"{name}\" ({purpose}) does not exist in this namespace: create it with key \"{key}\"."
            );
            return Err(Halt::Fault(Fault::blocked(Reason::SecretNotFound, message)));
        };
        match secret.content.get(key).map(String::as_str) {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => {
                let message = format!("Secret \"{name}\" ({purpose}) has no text under key \"{key}\": add it.");
                Err(Halt::Fault(Fault::blocked(Reason::SecretKeyNotFound, message)))
            }
        }
    }

    /// Result of trying to get a token.
    ///
    /// # Errors
    /// Halts until it was tried.
    pub fn token(&self, access: &Access, revision: &str) -> Stepped<Result<(), AzureError>> {
        match self.answer(Read::Token(access.clone(), revision.to_owned()))? {
            Answer::Token(result) => Ok(result.clone()),
            _ => Ok(Ok(())),
        }
    }

    /// The federated assertion at hand.
    ///
    /// # Errors
    /// Halts until it was asked for.
    pub fn assertion(&self, access: &Access) -> Stepped<Option<&'w secrecy::SecretString>> {
        match self.answer(Read::Assertion(access.clone()))? {
            Answer::Assertion(assertion) => Ok(assertion.as_ref()),
            _ => Ok(None),
        }
    }

    fn arm(&self, read: Read) -> Stepped<&'w Result<ArmReply, AzureError>> {
        match self.answer(read)? {
            Answer::Arm(result) => Ok(result),
            _ => Err(Halt::Wait(Reason::Pending, "An answer of another kind came.".to_owned(), None)),
        }
    }

    /// A resource; `None` if Azure says that it does not exist.
    ///
    /// # Errors
    /// Halts until it was read; faults when reading failed.
    pub fn get(&self, access: &Access, id: &ArmId, api_version: &'static str) -> Stepped<Option<&'w Body>> {
        let read = Read::Arm { access: access.clone(), method: Method::Get, path: id.as_str().to_owned(), api_version };
        match self.arm(read)? {
            Ok(reply) => Ok(Some(&reply.body)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(Halt::Fault(error.fault(&format!("reading {id}")))),
        }
    }

    /// All items of a list.
    ///
    /// # Errors
    /// Halts until it was read; faults when reading failed.
    pub fn list(&self, access: &Access, path: String, api_version: &'static str) -> Stepped<Vec<Body>> {
        let read = Read::ArmList { access: access.clone(), path: path.clone(), api_version };
        match self.arm(read)? {
            Ok(reply) => {
                let items = reply.body.at("/value").and_then(Value::as_array);
                Ok(items.into_iter().flatten().cloned().map(Body).collect())
            }
            Err(error) => Err(Halt::Fault(error.fault(&format!("listing {path}")))),
        }
    }

    /// What an action that lists keys answered.
    ///
    /// # Errors
    /// Halts until it was asked; faults when that failed.
    pub fn list_keys(&self, access: &Access, id: &ArmId, api_version: &'static str) -> Stepped<&'w Body> {
        let path = format!("{id}/listKeys");
        match self.arm(Read::Arm { access: access.clone(), method: Method::Post, path, api_version })? {
            Ok(reply) => Ok(&reply.body),
            Err(error) => Err(Halt::Fault(error.fault(&format!("reading the keys of {id}")))),
        }
    }

    /// What an operation's URL says.
    ///
    /// # Errors
    /// Halts until it was asked; faults when that failed, which says nothing about the operation.
    pub fn poll(&self, access: &Access, url: &str) -> Stepped<crate::azure::provisioning::OperationState> {
        let answer = self.arm(Read::Poll { access: access.clone(), url: url.to_owned() })?;
        crate::azure::provisioning::of_operation(answer)
            .map_err(|error| Halt::Fault(error.fault("asking how an Azure operation is getting on")))
    }

    /// Passes come once in `child_resync` or somewhat sooner, being staggered: what is a little younger is due already, or it
    /// would be looked at only every other time.
    pub(super) fn child_period(&self) -> u64 {
        self.world.settings.timings.child_resync / 4 * 3
    }

    /// True if keys have to be read now: this process never did, or not for a while, or what they were put into (`holder`)
    /// is not what it was. Reading keys is a POST and counts against ARM's budget of writes.
    pub fn keys_due(&self, step: &str, holder: &str) -> bool {
        let period = self.child_period();
        match self.memory.checked.get(step) {
            Some((at, known)) => known != holder || self.world.now.mono.saturating_sub(*at) >= period,
            None => true,
        }
    }

    /// Remembers that keys were read and are where they belong.
    pub fn keys_checked(&mut self, step: &str, holder: String) {
        let now = self.world.now.mono;
        let at = match self.memory.checked.get(step) {
            // The period runs from the last reading, not from the last look.
            Some((at, known)) if *known == holder && now.saturating_sub(*at) < self.child_period() => *at,
            _ => now,
        };
        self.memory.checked.insert(step.to_owned(), (at, holder));
    }

    /// Fingerprint of a Secret's content; empty if there is none.
    ///
    /// # Errors
    /// Halts until it was read.
    pub fn holder(&self, secret: &str) -> Stepped<String> {
        let Some(view) = self.secret(secret)? else { return Ok(String::new()) };
        let ours = view.owner_uid.as_deref() == Some(self.world.object.uid());
        let parts: Vec<&str> = view.content.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]).collect();
        Ok(if ours { crate::names::fingerprint(&self.owner, &parts) } else { String::new() })
    }

    /// Makes a Secret of the object's own hold exactly that.
    ///
    /// # Errors
    /// Halts until it does; faults when a Secret of that name is not ours.
    pub fn publish(&self, name: &str, content: impl IntoIterator<Item = (&'static str, String)>) -> Stepped<()> {
        let content = content.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let replaces = match self.secret(name)? {
            None => None,
            Some(secret) if secret.owner_uid.as_deref() != Some(self.world.object.uid()) => {
                let message = format!(
                    "Secret \"{name}\" exists and does not belong to this object; it is left alone: rename one of them."
                );
                return Err(Halt::Fault(Fault::blocked(Reason::SecretConflict, message)));
            }
            Some(secret) if secret.content == content => return Ok(()),
            Some(secret) => Some(secret.resource_version.clone()),
        };
        let write = SecretWrite { name: name.to_owned(), content, replaces, hold: false };
        Err(Halt::Act(Box::new(Step::WriteSecret(write)), Reason::Updating, format!("Writing Secret \"{name}\".")))
    }
}
