//! One pass over one object: what was read, what has been decided so far, and the ways in which a step can stop.

mod reads;
mod relays;

use serde_json::{Map, Value};

use crate::azure::call::{Access, ArmCall, ArmReply, Body, Method};
use crate::azure::descriptor::Descriptor;
use crate::azure::error::{Class, Fate, Fault};
use crate::azure::id::ArmId;
use crate::kinds::common::{ManagementPolicy, Operation, Verb};
use crate::names::Owner;
use crate::reason::{ConditionType, Reason};
use crate::step::Step;
use crate::world::{Failure, Memory, Read, World};

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
    /// ARM id of the resource, once it was asked for or seen to be ours.
    pub resource_id: Option<String>,
    /// ARM id that the object's own resource has by the spec.
    place: Option<ArmId>,
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
            place: None,
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
                    let fault =
                        error.fault(&format!("{} {}", doing(&operation.step, operation.verb), operation.resource));
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

    /// An open intent whose outcome nobody knows: waits until its call can no longer land, then closes it. If Azure did say
    /// something, such as 500, that is told, and counts as a failure: the next try comes later each time.
    ///
    /// # Errors
    /// Halts while it may still land.
    pub fn wait_out(&mut self, step: &str) -> Stepped<()> {
        let Some(operation) = self.open(step) else { return Ok(()) };
        let (age, quarantine) = (self.age(operation), self.world.settings.timings.quarantine());
        let what = format!("{} {}", doing(&operation.step, operation.verb), operation.resource);
        let error = self.memory.replies.get(&operation.id).and_then(|reply| reply.as_ref().err());
        let fault = error.map(|error| error.fault(&what));
        if age < quarantine {
            let why = fault.map_or_else(|| format!("{what} got no answer."), |fault| fault.message);
            let message = format!("{why} Waiting until it can no longer take effect, then it is tried again.");
            return Err(Halt::Wait(Reason::OutcomeUnknown, message, Some((quarantine - age).min(self.look_again()))));
        }
        let fingerprint = operation.fingerprint.clone();
        self.close(step);
        if let Some(fault) = fault {
            self.failed(step, &fingerprint, fault);
        }
        Ok(())
    }

    /// Calls that no step of this pass was about may still land: each is waited out, whatever else is well.
    ///
    /// # Errors
    /// Halts while one may still land.
    pub fn land_all(&mut self) -> Stepped<()> {
        let steps: Vec<String> = self.operations.iter().map(|operation| operation.step.clone()).collect();
        for step in steps {
            self.close_answered(&step);
            self.wait_out(&step)?;
        }
        Ok(())
    }

    /// Closes an intent whose call was answered: what it did is done, or was done to something that is no more.
    pub fn close_answered(&mut self, step: &str) {
        if self.open(step).is_some_and(|operation| self.reply(operation).is_some()) {
            self.close(step);
        }
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

    /// True if a child was as described not long ago, and nothing is under way.
    pub fn is_settled(&self, step: &str, fingerprint: &str) -> bool {
        let period = self.child_period();
        let known = self.memory.settled.get(step).filter(|(_, known)| known == fingerprint);
        let fresh = known.is_some_and(|(at, _)| self.world.now.mono.saturating_sub(*at) < period);
        fresh && self.open(step).is_none()
    }

    /// Remembers that a child is as described.
    pub fn has_settled(&mut self, step: &str, fingerprint: String) {
        self.memory.settled.insert(step.to_owned(), (self.world.now.mono, fingerprint));
    }

    /// Puts a value into the part of status that only this kind has.
    pub fn output(&mut self, name: &str, value: impl Into<Value>) {
        self.outputs.insert(name.to_owned(), value.into());
    }

    /// Says which resource is the object's own. One that was made elsewhere stays there: a spec, or an account, that now
    /// points to another place must not make a second one and forget the first.
    ///
    /// # Errors
    /// Faults when the object's resource is on record under another id.
    pub fn is_at(&mut self, descriptor: &Descriptor) -> Stepped<()> {
        if let Some(made) = self.resource_id.as_deref().filter(|made| ArmId::given(made) != descriptor.id) {
            let message = format!(
                "The resource was made as {made}, and the spec or the account now points to {}: change it back, or delete the object and create it again.",
                descriptor.id
            );
            return Err(Halt::Fault(Fault::blocked(Reason::Immutable, message)));
        }
        self.place = Some(descriptor.id.clone());
        Ok(())
    }

    /// A resource is ours, or is being asked for: if it is the object's own, it goes on record.
    pub fn made(&mut self, id: &ArmId) {
        if self.place.as_ref() == Some(id) {
            self.resource_id = Some(id.as_str().to_owned());
        }
    }

    /// A step that the spec asks for no more: what was announced for it has to come to its end.
    ///
    /// # Errors
    /// Halts while its call may still land.
    pub fn drop_step(&mut self, step: &str) -> Stepped<()> {
        let Some(operation) = self.open(step) else { return Ok(()) };
        if self.reply(operation).is_none() {
            self.wait_out(step)?;
        }
        self.close(step);
        Ok(())
    }
}

fn doing(step: &str, verb: Verb) -> &'static str {
    match (step, verb) {
        ("Link", _) => "linking a hub to",
        ("Retire", _) => "replacing the old key of",
        ("Credentials", Verb::Patch) => "setting push credentials of",
        (_, Verb::Put) => "creating",
        (_, Verb::Patch) => "updating",
        (_, Verb::Delete) => "deleting",
        (_, Verb::Post) => "calling an action of",
    }
}
