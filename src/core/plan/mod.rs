//! What to do next, for any object: a pure function of what is known.

mod account;
mod delete;
mod delivery;
mod destination;
mod hub;
mod link;
mod namespace;
mod place;
mod relay;
mod send_policy;
mod service;
mod subscription;

pub use place::access_of;

use crate::azure::error::{Class, Fault};
use crate::azure::id::ArmId;
use crate::kinds::service::SystemTopicType;
use crate::kinds::{CommunicationService, Kind, Object};
use crate::names::default_azure_name;
use crate::pass::{Finding, Halt, Pass, Stepped};
use crate::reason::{ConditionType, Reason};
use crate::report;
use crate::step::{Decision, Outcome, Step};
use crate::world::World;

/// Name under which a failure of no particular step is remembered.
pub const WHOLE_PASS: &str = "";

/// Decides about an object.
pub fn decide(world: &World) -> Decision {
    let term = world.object.status().and_then(|status| status.leader_epoch).unwrap_or_default();
    if term > world.epoch {
        return Decision::Deposed;
    }
    let mut pass = Pass::new(world);
    pass.outputs = world.object.outputs();
    if world.object.is_suspended() {
        return rest_suspended(pass);
    }
    let result = if world.object.is_deleting() { delete::plan(&mut pass) } else { work(&mut pass) };
    conclude(pass, result)
}

fn work(pass: &mut Pass<'_>) -> Stepped<()> {
    claim(pass)?;
    match &pass.world.object {
        Object::AzureAccount(account) => account::plan(pass, account),
        Object::NotificationHubNamespace(namespace) => namespace::plan(pass, namespace),
        Object::NotificationHub(hub) => hub::plan(pass, hub),
        Object::CommunicationService(service) => service::plan(pass, service),
        Object::EventRelay(relay) => relay::plan(pass, relay),
        Object::EventSubscription(subscription) => subscription::plan(pass, subscription),
    }?;
    pass.land_all()
}

/// Nothing is made for an object that is not held, or whose Azure name is not on record.
fn claim(pass: &Pass<'_>) -> Stepped<()> {
    let object = &pass.world.object;
    let recorded = object.annotation(acs_wire::ANNOTATION_AZURE_NAME);
    let wanted = match object.kind() {
        Kind::AzureAccount | Kind::EventRelay => None,
        _ => Some(azure_name(pass)),
    };
    if object.is_held() && (wanted.is_none() || recorded == wanted.as_deref()) {
        return Ok(());
    }
    let step = Step::Claim { azure_name: wanted };
    Err(Halt::Act(Box::new(step), Reason::Pending, "Taking charge of the object.".to_owned()))
}

/// The object's name in Azure: what the spec says, else what is on record, else made from the owner.
fn azure_name(pass: &Pass<'_>) -> String {
    let object = &pass.world.object;
    let set = match object {
        Object::AzureAccount(_) | Object::EventRelay(_) => None,
        Object::NotificationHubNamespace(object) => object.spec.azure_name.as_ref().map(|name| name.0.clone()),
        Object::NotificationHub(object) => object.spec.azure_name.as_ref().map(|name| name.0.clone()),
        Object::CommunicationService(object) => object.spec.azure_name.as_ref().map(|name| name.0.clone()),
        Object::EventSubscription(object) => object.spec.azure_name.as_ref().map(|name| name.0.clone()),
    };
    let recorded = || object.annotation(acs_wire::ANNOTATION_AZURE_NAME).map(str::to_owned);
    set.or_else(recorded).unwrap_or_else(|| default_azure_name(&pass.owner.path, object.kind(), pass.world.name()))
}

/// False where the spec asks for no system topic: then event subscriptions are put on the service itself.
fn service_has_topic(service: &CommunicationService) -> bool {
    service.spec.system_topic.as_ref().is_none_or(|topic| topic.type_ != SystemTopicType::None)
}

fn rest_suspended(pass: Pass<'_>) -> Decision {
    let mut status = pass.world.object.status_json();
    if let Some(conditions) = status.get_mut("conditions").and_then(serde_json::Value::as_array_mut) {
        conditions.retain(|condition| {
            let type_ = condition.get("type").and_then(serde_json::Value::as_str).unwrap_or_default();
            type_ != ConditionType::Reconciling.name() && type_ != ConditionType::Stalled.name()
        });
    }
    if status.is_null() {
        status = serde_json::json!({});
    }
    let silent = status.get("conditions").and_then(serde_json::Value::as_array).is_none_or(Vec::is_empty);
    if let Some(members) = status.as_object_mut() {
        if silent {
            // Without a word, an object that was never looked at would count as finished.
            members.insert("conditions".to_owned(), serde_json::json!([report::suspended(&pass)]));
        }
        members.insert("observedGeneration".to_owned(), pass.world.object.generation().into());
    }
    Decision::Decided(Box::new(Outcome { step: Step::Rest, status, wake: None, memory: pass.memory }))
}

fn conclude(mut pass: Pass<'_>, result: Stepped<()>) -> Decision {
    if let Err(Halt::Need(reads)) = result {
        return Decision::Need(reads);
    }
    let mut wake = pause_after(&mut pass, result.as_ref().err());
    for halt in std::mem::take(&mut pass.aside) {
        let other = pause_after(&mut pass, Some(&halt));
        wake = wake.min(other);
    }
    // Whatever is in the way of one step, drift of the others is found in time. What failed is not tried sooner for it.
    if !pass.world.object.is_deleting() {
        wake = wake.min(resync(&pass));
    }
    let status = match &result {
        Err(Halt::Act(step, ..)) => {
            if let Step::Mutate { operation, .. } = step.as_ref() {
                pass.made(&ArmId::given(&operation.resource));
                pass.close(&operation.step);
                pass.operations.push(operation.clone());
            }
            report::status(&pass, &result)
        }
        _ => report::status(&pass, &result),
    };
    let step = match result {
        Err(Halt::Act(step, ..)) => *step,
        _ => Step::Rest,
    };
    Decision::Decided(Box::new(Outcome { step, status, wake: Some(wake), memory: pass.memory }))
}

fn pause_after(pass: &mut Pass<'_>, halt: Option<&Halt>) -> u64 {
    match halt {
        Some(Halt::Fault(fault)) => return due(pass, fault),
        Some(Halt::Act(..)) => return 0,
        Some(Halt::Wait(_, _, pause)) => return pause.unwrap_or(pass.world.settings.timings.child_resync),
        Some(Halt::Need(_)) | None => {}
    }
    pass.memory.failures.remove(WHOLE_PASS);
    resync(pass)
}

/// Pause after a fault: that of the step which failed, or a backoff of the pass as a whole.
fn due(pass: &mut Pass<'_>, fault: &Fault) -> u64 {
    let now = pass.world.now.mono;
    let of_step = pass
        .memory
        .failures
        .iter()
        .find(|(step, failure)| !step.is_empty() && failure.fault == *fault && failure.retry_at > now);
    if let Some((_, failure)) = of_step {
        let pause = failure.retry_at - now;
        pass.memory.failures.remove(WHOLE_PASS);
        return pause;
    }
    pass.failed(WHOLE_PASS, "", fault.clone());
    let at = pass.memory.failures.get(WHOLE_PASS).map_or(now, |failure| failure.retry_at);
    at.saturating_sub(now)
}

/// Next look at an object that is as declared; staggered, so that many do not look at once.
fn resync(pass: &Pass<'_>) -> u64 {
    let timings = &pass.world.settings.timings;
    let period = match pass.world.object.kind() {
        Kind::CommunicationService => timings.resync,
        _ => timings.child_resync,
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "0..1 of a duration"
    )]
    let stagger = (period as f64 * 0.2 * pass.world.jitter) as u64;
    let expiry = match &pass.world.object {
        Object::EventSubscription(subscription) => subscription::expires_in(&subscription.spec, pass.world.now.wall),
        _ => None,
    };
    expiry.unwrap_or(period).min(period - stagger)
}

impl Pass<'_> {
    /// Runs a step and records its condition.
    ///
    /// # Errors
    /// Those of the step.
    pub fn step<T>(&mut self, type_: ConditionType, run: impl FnOnce(&mut Self) -> Stepped<T>) -> Stepped<T> {
        let result = run(self);
        let (status, reason, message) = match &result {
            // A step may have found more to say than that it is done.
            Ok(_) if self.findings.iter().any(|finding| finding.type_ == type_) => return result,
            Ok(_) => ("True", Reason::Succeeded, String::new()),
            Err(Halt::Need(_)) => return result,
            Err(Halt::Wait(reason, message, _)) if reason.works_meanwhile() => ("True", *reason, message.clone()),
            Err(Halt::Act(_, reason, message) | Halt::Wait(reason, message, _)) => {
                ("Unknown", *reason, message.clone())
            }
            Err(Halt::Fault(fault)) => ("False", fault.reason, fault.message.clone()),
        };
        self.findings.push(Finding { type_, status, reason, message });
        result
    }

    /// Records what the spec does not ask for.
    pub fn not_requested(&mut self, type_: ConditionType) {
        let message = Reason::NotRequested.meaning().to_owned();
        self.findings.push(Finding { type_, status: "False", reason: Reason::NotRequested, message });
    }
}

impl Pass<'_> {
    /// Several steps that do not depend on each other, as one: what has to be known comes first, then the one thing to do,
    /// then what needs a person, then what is retried, then what is waited for. What was not chosen still wakes in time.
    ///
    /// # Errors
    /// As described.
    fn join<const N: usize>(&mut self, results: [Stepped<()>; N]) -> Stepped<()> {
        let mut halts: Vec<Halt> = results.into_iter().filter_map(Result::err).collect();
        let needs: Vec<_> = halts
            .iter()
            .filter_map(|halt| if let Halt::Need(reads) = halt { Some(reads) } else { None })
            .flatten()
            .cloned()
            .collect();
        if !needs.is_empty() {
            return Err(Halt::Need(needs));
        }
        halts.sort_by_key(weight);
        match halts.pop() {
            None => Ok(()),
            Some(heaviest) => {
                self.aside.extend(halts);
                Err(heaviest)
            }
        }
    }
}

fn weight(halt: &Halt) -> u8 {
    match halt {
        Halt::Need(_) => 5,
        Halt::Act(..) => 4,
        Halt::Fault(Fault { class: Class::Blocked, .. }) => 3,
        Halt::Fault(_) => 2,
        // All works while a key spreads: any other wait says more.
        Halt::Wait(reason, ..) if reason.works_meanwhile() => 0,
        Halt::Wait(..) => 1,
    }
}
