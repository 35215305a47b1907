//! One pass: read, decide, do at most one thing to Azure, report.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use acs_core::azure::call::ArmCall;
use acs_core::azure::error::Fault;
use acs_core::kinds::common::Operation;
use acs_core::kinds::{Object, ObjectRef};
use acs_core::plan::decide;
use acs_core::report::notice;
use acs_core::step::{Decision, Outcome, Step};
use acs_core::world::{Answer, Memory, Read, Settings, World};
use serde_json::Value;

use super::port::{Effect, Effected, Port};

/// Rounds of reading in one pass. A plan asks for a dozen things at most; more means that it asks in circles.
const ROUNDS: usize = 64;

/// Why a pass runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Something that it depends on changed: what was blocked is tried at once.
    Change,
    /// It asked to be woken.
    Timer,
}

/// When the next pass is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After so many milliseconds.
    After(u64),
    /// On a change only.
    OnChange,
    /// The object is gone.
    Gone,
}

/// What went wrong with a pass as a whole, for logs and metrics; the object's own troubles are in its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ran to its end.
    Finished,
    /// Someone else wrote first.
    Conflict,
    /// This process is not the leader, or no longer.
    NotLeader,
    /// The API server failed.
    Failed,
}

/// Runs passes, and remembers between them.
pub struct Engine<P> {
    port: P,
    settings: Arc<Settings>,
    memories: Mutex<BTreeMap<ObjectRef, (String, Memory)>>,
}

/// What a decision led to.
enum Turn {
    /// The pass is over.
    End(Next, Verdict),
    /// Read that again, then decide again: no call to Azure was made.
    Again(Option<Read>),
    /// What was to be written cannot be: decide again, knowing that.
    Refused(Read, Fault),
}

impl<P: Port> Engine<P> {
    /// An engine that remembers nothing yet.
    pub fn new(port: P, settings: Arc<Settings>) -> Self {
        Self { port, settings, memories: Mutex::new(BTreeMap::new()) }
    }

    /// The port.
    pub fn port(&self) -> &P {
        &self.port
    }

    /// Configuration.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Looks at an object once.
    pub async fn pass(&self, target: &ObjectRef, cause: Cause) -> (Next, Verdict) {
        let soon = self.settings.timings.poll / 4;
        let Some(epoch) = self.port.epoch() else {
            return (Next::After(self.settings.timings.poll), Verdict::NotLeader);
        };
        let object = match self.port.perform(Effect::Fetch(target)).await {
            Effected::Object(Some(object)) => *object,
            Effected::Object(None) => {
                self.forget(target);
                return (Next::Gone, Verdict::Finished);
            }
            _ => return (Next::After(self.settings.timings.retry_min), Verdict::Failed),
        };
        let mut memory = self.recall(target, object.uid());
        if cause == Cause::Change {
            memory.something_changed();
        }
        let mut world = World {
            object,
            settings: self.settings.clone(),
            now: self.port.now(),
            epoch,
            nonce: self.port.nonce(),
            jitter: self.port.jitter(),
            fresh_key: self.port.fresh_key(),
            applied: BTreeSet::new(),
            answers: BTreeMap::new(),
            memory,
        };
        for _ in 0..ROUNDS {
            match decide(&world) {
                Decision::Deposed => return (Next::After(self.settings.timings.poll), Verdict::NotLeader),
                Decision::Need(reads) => self.read(&mut world, reads).await,
                Decision::Decided(outcome) => match self.carry_out(&world, *outcome).await {
                    Turn::End(next, verdict) => return (next, verdict),
                    Turn::Again(Some(read)) => {
                        if let Read::Child(_, kind, name) = &read {
                            world.applied.insert((*kind, name.clone()));
                        }
                        world.answers.remove(&read);
                    }
                    Turn::Refused(read, fault) => {
                        world.answers.insert(read, Answer::Failed(fault));
                    }
                    Turn::Again(None) => match self.port.perform(Effect::Fetch(target)).await {
                        Effected::Object(Some(object)) => world.object = *object,
                        _ => return (Next::After(soon), Verdict::Conflict),
                    },
                },
            }
        }
        tracing::error!(object = %target, "a pass asked for more than it can be given; trying again later");
        (Next::After(self.settings.timings.retry_max), Verdict::Failed)
    }

    async fn read(&self, world: &mut World, reads: Vec<Read>) {
        for read in reads {
            let answer = match self.port.perform(Effect::Read(&read)).await {
                Effected::Answer(answer) => answer,
                Effected::Failed(fault) => Answer::Failed(fault),
                _ => Answer::Failed(Fault {
                    reason: acs_core::reason::Reason::RetryingAzureError,
                    message: "An answer of another kind came.".to_owned(),
                    class: acs_core::azure::error::Class::Retry,
                }),
            };
            world.answers.insert(read, answer);
        }
    }

    async fn carry_out(&self, world: &World, outcome: Outcome) -> Turn {
        let object = &world.object;
        let namespace = world.namespace();
        let secret = |name: &str| Some(Read::Secret(namespace.to_owned(), name.to_owned()));
        match &outcome.step {
            Step::Rest => self.rest(object, &outcome).await,
            Step::Mutate { operation, call } => self.mutate(world, &outcome, operation, call).await,
            Step::Claim { azure_name } => {
                let effect = Effect::Claim { object, azure_name: azure_name.as_deref() };
                self.again(self.port.perform(effect).await, None)
            }
            Step::Release => {
                let effected = self.port.perform(Effect::Release { object }).await;
                match self.again(effected, None) {
                    Turn::Again(_) => Turn::End(Next::OnChange, Verdict::Finished),
                    end => end,
                }
            }
            Step::WriteSecret(write) => {
                let effected = self.port.perform(Effect::WriteSecret { object, write }).await;
                self.again(effected, secret(&write.name))
            }
            Step::DeleteSecret { name, resource_version } => {
                let effect = Effect::DeleteSecret { namespace, name, resource_version };
                self.again(self.port.perform(effect).await, secret(name))
            }
            Step::Apply(child) => {
                let effected = self.port.perform(Effect::Apply { object, child }).await;
                self.again(effected, Some(Read::Child(namespace.to_owned(), child.kind, child.name.clone())))
            }
            Step::DeleteChild { kind, name, uid } => {
                let effect = Effect::DeleteChild { namespace, kind: *kind, name, uid };
                let stale = Read::Child(namespace.to_owned(), *kind, name.clone());
                self.again(self.port.perform(effect).await, Some(stale))
            }
            Step::HoldSecret { name, hold } => {
                let effect = Effect::HoldSecret { namespace, name, hold: *hold };
                self.again(self.port.perform(effect).await, secret(name))
            }
        }
    }

    /// After a write to Kubernetes that others do not wait for: the pass goes on with what it knows of Azure.
    fn again(&self, effected: Effected, stale: Option<Read>) -> Turn {
        match effected {
            Effected::Done => Turn::Again(stale),
            Effected::Conflict => Turn::End(Next::After(self.settings.timings.poll / 4), Verdict::Conflict),
            Effected::Failed(fault) => match stale {
                // The object's status says what is in the way, and its class when to try again.
                Some(read) => Turn::Refused(read, fault),
                None => {
                    tracing::warn!(reason = %fault.reason, "{}", fault.message);
                    Turn::End(Next::After(self.settings.timings.retry_min), Verdict::Failed)
                }
            },
            _ => Turn::End(Next::After(self.settings.timings.retry_min), Verdict::Failed),
        }
    }

    async fn rest(&self, object: &Object, outcome: &Outcome) -> Turn {
        if let Some(end) = self.write_status(object, &outcome.status).await {
            return end;
        }
        self.remember(object, outcome.memory.clone());
        self.notify(object, &outcome.status).await;
        Turn::End(outcome.wake.map_or(Next::OnChange, Next::After), Verdict::Finished)
    }

    /// Announces a call by compare-and-swap, then makes it: unless too much time went by in between, or another leads.
    async fn mutate(&self, world: &World, outcome: &Outcome, operation: &Operation, call: &ArmCall) -> Turn {
        let announced = self.port.now().mono;
        if let Some(end) = self.write_status(&world.object, &outcome.status).await {
            return end;
        }
        let mut memory = outcome.memory.clone();
        memory.seen.insert(operation.id.clone(), announced);
        self.remember(&world.object, memory.clone());
        let late = self.port.now().mono.saturating_sub(announced) > self.settings.timings.issue_window;
        if late || self.port.epoch() != Some(world.epoch) {
            return Turn::End(Next::After(self.settings.timings.poll), Verdict::NotLeader);
        }
        let Effected::Arm(result) = self.port.perform(Effect::Send(call)).await else {
            return Turn::End(Next::After(self.settings.timings.retry_min), Verdict::Failed);
        };
        memory.replies.insert(operation.id.clone(), result);
        self.remember(&world.object, memory);
        // After the call: an Event that takes long must not use up the time in which the call may be made.
        self.notify(&world.object, &outcome.status).await;
        Turn::End(Next::After(0), Verdict::Finished)
    }

    /// `None` if the status now is what it should be.
    async fn write_status(&self, object: &Object, status: &Value) -> Option<Turn> {
        let before = object.status_json();
        if before == *status {
            return None;
        }
        match self.port.perform(Effect::WriteStatus { object, status }).await {
            Effected::Done => {}
            Effected::Conflict => {
                return Some(Turn::End(Next::After(self.settings.timings.poll / 4), Verdict::Conflict));
            }
            Effected::Failed(fault) => {
                tracing::warn!(object = %object.object_ref(), reason = %fault.reason, "{}", fault.message);
                return Some(Turn::End(Next::After(self.settings.timings.retry_min), Verdict::Failed));
            }
            _ => return Some(Turn::End(Next::After(self.settings.timings.retry_min), Verdict::Failed)),
        }
        None
    }

    /// Publishes the Event that the change of status is worth, if any. One that cannot be published is no reason to stop: the
    /// condition says the same.
    async fn notify(&self, object: &Object, status: &Value) {
        if let Some(notice) = notice(&object.status_json(), status) {
            let _ = self.port.perform(Effect::Notify { object, notice: &notice }).await;
        }
    }

    fn recall(&self, target: &ObjectRef, uid: &str) -> Memory {
        let memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        match memories.get(target) {
            Some((known, memory)) if known == uid => memory.clone(),
            _ => Memory::default(),
        }
    }

    fn remember(&self, object: &Object, memory: Memory) {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        memories.insert(object.object_ref(), (object.uid().to_owned(), memory));
    }

    fn forget(&self, target: &ObjectRef) {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).remove(target);
    }
}
