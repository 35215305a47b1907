//! Status from what a pass found: every condition of the kind, always; times move only when a status flips.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Map, Value, json};

use crate::azure::error::Class;
use crate::kinds::Kind;
use crate::pass::{Finding, Halt, Pass, Stepped};
use crate::reason::{ConditionType, Reason};

/// How often in a row a passing error may occur before a Ready object says so: one blip must not flap.
const BLIPS: u32 = 3;

/// Steps of a kind, each with a condition of its own.
pub fn steps(kind: Kind) -> &'static [ConditionType] {
    use ConditionType as C;
    match kind {
        Kind::AzureAccount => &[C::Authenticated],
        Kind::NotificationHubNamespace => &[C::Provisioned],
        Kind::NotificationHub => &[C::Provisioned, C::CredentialsApplied, C::PoliciesReady],
        Kind::CommunicationService => &[C::Provisioned, C::ConnectionPublished, C::Linked, C::TopicReady],
        Kind::EventRelay => &[C::Deployed, C::Reachable, C::PushReady, C::RulesValid, C::KeyCurrent],
        Kind::EventSubscription => &[C::Subscribed],
    }
}

/// Whole status after a pass.
pub fn status(pass: &Pass<'_>, result: &Stepped<()>) -> Value {
    let world = pass.world;
    let before = world.object.status();
    let mut status = pass.outputs.clone();
    let conditions = if is_blip(pass, result) {
        before.map(|status| status.conditions.clone()).unwrap_or_default()
    } else {
        conditions(pass, result)
    };
    status.insert("conditions".to_owned(), json!(conditions));
    status.insert("observedGeneration".to_owned(), json!(world.object.generation()));
    if let Some(id) = &pass.resource_id {
        status.insert("azureResourceId".to_owned(), json!(id));
    }
    if !pass.operations.is_empty() {
        status.insert("operations".to_owned(), json!(pass.operations));
    }
    if pass.adopted {
        status.insert("adopted".to_owned(), json!(true));
    }
    // The term alone is no reason to write: at rest a new leader writes nothing.
    let epoch = before.and_then(|status| status.leader_epoch);
    let unchanged = same_but_epoch(&status, &world.object.status_json());
    let epoch = if unchanged { epoch } else { Some(world.epoch) };
    if let Some(epoch) = epoch {
        status.insert("leaderEpoch".to_owned(), json!(epoch));
    }
    Value::Object(status)
}

fn same_but_epoch(new: &Map<String, Value>, old: &Value) -> bool {
    let Some(old) = old.as_object() else { return false };
    let mut old = old.clone();
    old.remove("leaderEpoch");
    *new == old
}

/// A passing error on an object that works is not worth a word, unless it goes on.
fn is_blip(pass: &Pass<'_>, result: &Stepped<()>) -> bool {
    let Err(Halt::Fault(fault)) = result else { return false };
    let count = pass.memory.failures.get(crate::plan::WHOLE_PASS).map_or(0, |failure| failure.count);
    let passing = matches!(fault.class, Class::Retry | Class::Wait(_));
    passing && count > 0 && count < BLIPS && pass.operations.is_empty() && pass.world.object.is_ready()
}

fn conditions(pass: &Pass<'_>, result: &Stepped<()>) -> Vec<Condition> {
    let object = &pass.world.object;
    let mut found = vec![ready(pass, result)];
    found.extend(abnormal(result));
    for step in steps(object.kind()) {
        let finding = pass.findings.iter().rev().find(|finding| finding.type_ == *step).cloned();
        found.push(finding.unwrap_or_else(|| Finding {
            type_: *step,
            status: "Unknown",
            reason: if object.is_deleting() { Reason::Deleting } else { Reason::Pending },
            message: "An earlier step has to be done first.".to_owned(),
        }));
    }
    let before = object.status().map(|status| status.conditions.as_slice()).unwrap_or_default();
    found.into_iter().map(|finding| condition(pass, finding, before)).collect()
}

/// Ready of an object that is suspended before it was ever looked at.
pub fn suspended(pass: &Pass<'_>) -> Condition {
    let message = Reason::Suspended.meaning().to_owned();
    let finding = Finding { type_: ConditionType::Ready, status: "Unknown", reason: Reason::Suspended, message };
    condition(pass, finding, &[])
}

fn condition(pass: &Pass<'_>, finding: Finding, before: &[Condition]) -> Condition {
    let old = before.iter().find(|condition| condition.type_ == finding.type_.name());
    let since = old.filter(|old| old.status == finding.status).map(|old| old.last_transition_time.clone());
    Condition {
        type_: finding.type_.name().to_owned(),
        status: finding.status.to_owned(),
        reason: finding.reason.name().to_owned(),
        message: finding.message,
        observed_generation: Some(pass.world.object.generation()),
        last_transition_time: since.unwrap_or_else(|| pass.world.now.time()),
    }
}

fn ready(pass: &Pass<'_>, result: &Stepped<()>) -> Finding {
    let type_ = ConditionType::Ready;
    let deleting = pass.world.object.is_deleting();
    let (status, reason, message) = match result {
        Ok(()) if deleting => ("False", Reason::Deleting, "Gone from Azure.".to_owned()),
        Ok(()) => ("True", Reason::Ready, warning(pass).unwrap_or_else(|| "All is as declared.".to_owned())),
        Err(Halt::Act(_, reason, message) | Halt::Wait(reason, message, _)) => match reason {
            // The old key still works while the new one spreads: not one push or event is missed.
            reason if reason.works_meanwhile() && !deleting => ("True", *reason, message.clone()),
            _ if deleting => ("False", *reason, message.clone()),
            _ => ("Unknown", *reason, message.clone()),
        },
        Err(Halt::Fault(fault)) => ("False", fault.reason, fault.message.clone()),
        Err(Halt::Need(_)) => ("Unknown", Reason::Pending, String::new()),
    };
    Finding { type_, status, reason, message }
}

/// What is as declared, and yet hardly meant.
fn warning(pass: &Pass<'_>) -> Option<String> {
    let warns = |reason| matches!(reason, Reason::DoubleRing | Reason::ScaledToZero | Reason::IdentityMissing);
    let found = pass.findings.iter().find(|finding| warns(finding.reason));
    found.map(|finding| finding.message.clone())
}

/// Reconciling and Stalled: present only while true.
fn abnormal(result: &Stepped<()>) -> Option<Finding> {
    let (type_, reason, message) = match result {
        Ok(()) | Err(Halt::Need(_)) => return None,
        Err(Halt::Act(_, reason, message) | Halt::Wait(reason, message, _)) => {
            (ConditionType::Reconciling, *reason, message.clone())
        }
        Err(Halt::Fault(fault)) => {
            let needs_person = fault.class == Class::Blocked || fault.reason == Reason::OperationStuck;
            let type_ = if needs_person { ConditionType::Stalled } else { ConditionType::Reconciling };
            (type_, fault.reason, fault.message.clone())
        }
    };
    Some(Finding { type_, status: "True", reason, message })
}

/// A Kubernetes Event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// True for type Warning.
    pub warning: bool,
    /// Reason, from the closed table.
    pub reason: String,
    /// Note, at most 1 kB.
    pub note: String,
}

/// The Event that a change of status is worth: one when Ready's status or reason changed, none otherwise.
pub fn notice(before: &Value, after: &Value) -> Option<Notice> {
    let ready = |status: &Value| {
        let conditions = status.get("conditions")?.as_array()?;
        let ready =
            conditions.iter().find(|condition| condition.get("type").and_then(Value::as_str) == Some("Ready"))?;
        let text = |name: &str| ready.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some((text("status"), text("reason"), text("message")))
    };
    let (status, reason, note) = ready(after)?;
    if ready(before).is_some_and(|(old_status, old_reason, _)| old_status == status && old_reason == reason) {
        return None;
    }
    let stalled = after.get("conditions").and_then(Value::as_array).is_some_and(|conditions| {
        conditions.iter().any(|condition| condition.get("type").and_then(Value::as_str) == Some("Stalled"))
    });
    let note = note.chars().take(900).collect();
    Some(Notice { warning: stalled, reason, note })
}
