//! One pass over one object: what was read, what has been decided so far, and the ways in which a step can stop.

use serde_json::{Map, Value};

use crate::azure::call::{Access, ArmCall, ArmReply, Body, Method};
use crate::azure::descriptor::Descriptor;
use crate::azure::error::{AzureError, Class, Fate, Fault};
use crate::azure::id::ArmId;
use crate::kinds::common::{ManagementPolicy, Operation, Verb};
use crate::kinds::{Kind, Object, ObjectRef};
use crate::names::Owner;
use crate::reason::{ConditionType, Reason};
use crate::step::{SecretWrite, Step};
use crate::world::{Answer, Failure, Memory, Read, SecretView, World};

/// Why a step did not come to its end in this pass.
#[derive(Clone, Debug)]
pub enum Halt {
    /// It has to know something first.
    Need(Vec<Read>),
    /// It has found the one thing to do.
    Act(Box<Step>, Reason, String),
    /// It waits; with the pause before the next look, or `None` where a change will wake it.
    Wait(Reason, String, Option<u64>),
    /// Something is in the way.
    Fault(Fault),
}

/// Result of a step.
pub type Stepped<T> = Result<T, Halt>;

/// State of one condition, as this pass found it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Type.
    pub type_: ConditionType,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// Reason.
    pub reason: Reason,
    /// One sentence.
    pub message: String,
}

/// One pass.
pub struct Pass<'w> {
    /// What is known.
    pub world: &'w World,
    /// Owner of all that the object makes.
    pub owner: Owner,
    /// What to remember.
    pub memory: Memory,
    /// Intents that are still open.
    pub operations: Vec<Operation>,
    /// Conditions found so far.
    pub findings: Vec<Finding>,
    /// Members of status that only this kind has.
    pub outputs: Map<String, Value>,
    /// ARM id of the resource, once known.
    pub resource_id: Option<String>,
    /// True once a stranger's resource was taken over.
    pub adopted: bool,
    /// What also stopped, beside the one thing that the status speaks of.
    pub aside: Vec<Halt>,
}

impl<'w> Pass<'w> {
    /// Starts a pass: what announced calls came to is settled first.
    pub fn new(world: &'w World) -> Self {
        let status = world.object.status();
        let mut pass = Self {
            world,
            owner: world.owner(),
            memory: world.memory.clone(),
            operations: status.map(|status| status.operations.clone()).unwrap_or_default(),
            findings: Vec::new(),
            outputs: Map::new(),
            resource_id: status.and_then(|status| status.azure_resource_id.clone()),
            adopted: status.and_then(|status| status.adopted).unwrap_or_default(),
            aside: Vec::new(),
        };
        pass.settle();
        pass
    }

    /// Keeps an intent open whose outcome is unknown or whose operation runs; closes every other one.
    fn settle(&mut self) {
        let now = self.world.now.mono;
        let open = std::mem::take(&mut self.operations);
        self.memory.seen.retain(|id, _| open.iter().any(|operation| operation.id == *id));
        self.memory.replies.retain(|id, _| open.iter().any(|operation| operation.id == *id));
        for mut operation in open {
            self.memory.seen.entry(operation.id.clone()).or_insert(now);
            match self.memory.replies.get(&operation.id).cloned() {
                Some(Ok(reply)) => {
                    if operation.poll_url.is_none() {
                        operation.poll_url = reply.poll_url;
                    }
                    self.operations.push(operation);
                }
                Some(Err(error)) if error.fate == Fate::NotApplied => {
                    let fault = error.fault(&format!("{} {}", verb_words(operation.verb), operation.resource));
                    self.failed(&operation.step, &operation.fingerprint, fault);
                }
                Some(Err(_)) | None => self.operations.push(operation),
            }
        }
    }

    /// The open intent of a step.
    pub fn open(&self, step: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.step == step)
    }

    /// What the open intent's call came to, as far as this process knows.
    pub fn reply(&self, operation: &Operation) -> Option<&ArmReply> {
        self.memory.replies.get(&operation.id).and_then(|reply| reply.as_ref().ok())
    }

    /// How long ago the intent was first seen, in milliseconds.
    pub fn age(&self, operation: &Operation) -> u64 {
        let seen = self.memory.seen.get(&operation.id).copied().unwrap_or(self.world.now.mono);
        self.world.now.mono.saturating_sub(seen)
    }

    /// Closes an intent.
    pub fn close(&mut self, step: &str) {
        self.operations.retain(|operation| operation.step != step);
    }

    /// An open intent whose outcome nobody knows: waits until its call can no longer land, then closes it.
    ///
    /// # Errors
    /// Halts while it may still land.
    pub fn wait_out(&mut self, step: &str) -> Stepped<()> {
        let Some(operation) = self.open(step) else { return Ok(()) };
        let (age, quarantine) = (self.age(operation), self.world.settings.timings.quarantine());
        if age < quarantine {
            let message = format!(
                "{} {} got no answer; waiting until it can no longer take effect, then it is tried again.",
                verb_words(operation.verb),
                operation.resource
            );
            return Err(Halt::Wait(Reason::OutcomeUnknown, message, Some((quarantine - age).min(self.look_again()))));
        }
        self.close(step);
        Ok(())
    }

    fn look_again(&self) -> u64 {
        self.world.settings.timings.poll
    }

    /// Remembers that a step failed, and when to try again.
    pub fn failed(&mut self, step: &str, fingerprint: &str, fault: Fault) {
        let timings = &self.world.settings.timings;
        let before = self.memory.failures.get(step).filter(|failure| failure.fingerprint == fingerprint);
        let count = before.map_or(1, |failure| failure.count.saturating_add(1));
        let pause = match fault.class {
            Class::Wait(pause) => pause,
            Class::Retry => timings.backoff(count, self.world.jitter),
            Class::Blocked => timings.blocked,
        };
        let retry_at = self.world.now.mono.saturating_add(pause);
        let failure = Failure { count, retry_at, fingerprint: fingerprint.to_owned(), fault };
        self.memory.failures.insert(step.to_owned(), failure);
    }

    /// Halts while an earlier failure of the same wish is not due for another try.
    ///
    /// # Errors
    /// The fault of that failure.
    pub fn not_before_due(&mut self, step: &str, fingerprint: &str) -> Stepped<()> {
        match self.memory.failures.get(step) {
            Some(failure) if failure.fingerprint != fingerprint => {
                self.memory.failures.remove(step);
                Ok(())
            }
            Some(failure) if self.world.now.mono < failure.retry_at => Err(Halt::Fault(failure.fault.clone())),
            _ => Ok(()),
        }
    }

    /// Announces a mutating call.
    pub fn mutate(&self, step: &str, verb: Verb, id: &ArmId, call: ArmCall, fingerprint: &str, words: &str) -> Halt {
        let operation = Operation {
            id: self.world.nonce.clone(),
            step: step.to_owned(),
            verb,
            resource: id.as_str().to_owned(),
            fingerprint: fingerprint.to_owned(),
            poll_url: None,
        };
        let reason = match verb {
            Verb::Put => Reason::Provisioning,
            Verb::Delete => Reason::Deleting,
            Verb::Patch | Verb::Post => Reason::Updating,
        };
        let message = format!("{words} {}.", id.name());
        Halt::Act(Box::new(Step::Mutate { operation, call: Box::new(call) }), reason, message)
    }

    /// A call by this object.
    pub fn call(
        &self,
        access: &Access,
        method: Method,
        path: String,
        api_version: &'static str,
        body: Option<Body>,
    ) -> ArmCall {
        ArmCall { access: access.clone(), method, path, api_version, body, request_id: self.world.nonce.clone() }
    }

    /// True where Azure may be read but not written.
    pub fn observes(&self) -> bool {
        let policy = self.world.object.lifecycle().and_then(|lifecycle| lifecycle.management_policy);
        policy == Some(ManagementPolicy::Observe)
    }

    // What was read. Each asks for it where it is not known yet.

    fn answer(&self, read: Read) -> Stepped<&'w Answer> {
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

    /// True if keys have to be read now: this process never did, or not for a while, or what they were put into (`holder`)
    /// is not what it was. Reading keys is a POST and counts against ARM's budget of writes.
    pub fn keys_due(&self, step: &str, holder: &str) -> bool {
        let period = self.world.settings.timings.child_resync;
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
            Some((at, known))
                if *known == holder && now.saturating_sub(*at) < self.world.settings.timings.child_resync =>
            {
                *at
            }
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

    /// Puts a value into the part of status that only this kind has.
    pub fn output(&mut self, name: &str, value: impl Into<Value>) {
        self.outputs.insert(name.to_owned(), value.into());
    }

    /// The descriptor's resource belongs to the object.
    pub fn is_at(&mut self, descriptor: &Descriptor) {
        self.resource_id = Some(descriptor.id.as_str().to_owned());
    }
}

fn verb_words(verb: Verb) -> &'static str {
    match verb {
        Verb::Put => "creating",
        Verb::Patch => "updating",
        Verb::Delete => "deleting",
        Verb::Post => "calling an action of",
    }
}
