//! Whether every relay runs with what is wanted.

use serde_json::json;

use super::{Running, keys};
use crate::kinds::EventRelay;
use crate::kinds::relay::PlacementType;
use crate::names::relay_child;
use crate::pass::{Finding, Halt, Pass, Stepped};
use crate::reason::{ConditionType, Reason};
use crate::relay::child::{ChildFound, ChildKind};
use crate::relay::pods::{Crew, Reports, Wanted, out_of_step};

/// Asks every relay that takes deliveries how it is. One that answers for another relay counts as silent.
///
/// # Errors
/// Halts until they were asked.
pub fn reports(pass: &Pass<'_>, crew: &Crew<'_>) -> Stepped<Reports> {
    let mut reports = pass.relays(crew.addresses())?;
    for report in reports.values_mut() {
        let foreign = report
            .as_ref()
            .is_ok_and(|report| report.relay != pass.world.name() || report.namespace != pass.world.namespace());
        if foreign {
            *report = Err("another relay answers there".to_owned());
        }
    }
    Ok(reports)
}

/// Says how the pods are, and what is waited for.
///
/// # Errors
/// Halts while a relay is not as it should be.
pub fn settled(pass: &mut Pass<'_>, relay: &EventRelay, running: &Running<'_>) -> Stepped<()> {
    let key = keys::in_use(pass, &running.keys);
    let wanted =
        Wanted { relay: pass.world.name(), namespace: pass.world.namespace(), revision: &running.revision, key: &key };
    let poll = pass.world.settings.timings.poll;
    let mut in_step = 0;
    let mut trouble = None;
    for (pod, address) in running.crew.serving() {
        let found = match running.reports.get(address) {
            Some(Ok(report)) => out_of_step(report, &wanted).map(|why| (Reason::RelayNotInStep, why)),
            Some(Err(why)) => Some((Reason::RelayUnreachable, format!("does not answer on port 8472: {why}"))),
            None => Some((Reason::RelayUnreachable, "was not asked".to_owned())),
        };
        match found {
            None => in_step += 1,
            Some((reason, why)) => {
                let message = format!("The relay in pod {} {why}.", pod.name);
                trouble.get_or_insert(Halt::Wait(reason, message, Some(poll)));
            }
        }
    }
    pass.output("pods", json!(running.crew.counts(&running.injection, in_step)));
    pass.output("replicas", i64::try_from(running.crew.with_relay().count()).unwrap_or_default());
    let own = relay.spec.placement.type_ == PlacementType::Deployment;
    if own && relay.spec.placement.deployment.as_ref().is_some_and(|deployment| deployment.replicas == 0) {
        let message = "`placement.deployment.replicas` is 0: nobody takes events.".to_owned();
        let type_ = ConditionType::Deployed;
        pass.findings.push(Finding { type_, status: "True", reason: Reason::ScaledToZero, message });
        return Ok(());
    }
    if in_step == 0 && trouble.is_none() {
        return Err(nobody(pass, running, own));
    }
    if let Some(trouble) = trouble {
        return Err(trouble);
    }
    if own { rolled_out(pass) } else { every_labelled(running) }
}

/// Records the condition: it was opened by the step that made the children.
pub fn conclude(pass: &mut Pass<'_>, result: Stepped<()>) -> Stepped<()> {
    pass.findings.retain(|found| found.type_ != ConditionType::Deployed || found.reason == Reason::ScaledToZero);
    pass.step(ConditionType::Deployed, |_| result)
}

/// No relay takes deliveries: why?
fn nobody(pass: &Pass<'_>, running: &Running<'_>, own: bool) -> Halt {
    let label = format!("{}: {}", acs_wire::relay::LABEL, pass.world.name());
    if running.crew.is_empty() && !own {
        let message = format!(
            "No pod runs the relay: put the label `{label}` into `spec.template.metadata.labels` of the app's workload (not on the workload itself)."
        );
        return Halt::Wait(Reason::NoRelayPods, message, None);
    }
    if running.crew.is_empty() {
        return Halt::Wait(Reason::NoRelayPods, "The Deployment has no pod yet.".to_owned(), None);
    }
    if let (None, Some(pod)) = (running.crew.with_relay().next(), running.crew.missing().next()) {
        return Halt::Wait(Reason::RelayMissing, without_relay(&pod.name), None);
    }
    let names: Vec<&str> = running.crew.with_relay().take(3).map(|pod| pod.name.as_str()).collect();
    let message = format!("The relay has not started yet in pod {}.", names.join(", "));
    Halt::Wait(Reason::RelayNotInStep, message, None)
}

fn without_relay(pod: &str) -> String {
    format!(
        "Pod {pod} has the label and no relay: it was made before the EventRelay was there, or injection is off in the chart. Replace it (`kubectl rollout restart` of its workload)."
    )
}

/// Deliveries reach labelled pods without a relay too, and fail there.
fn every_labelled(running: &Running<'_>) -> Stepped<()> {
    match running.crew.missing().next() {
        Some(pod) => Err(Halt::Wait(Reason::RelayMissing, without_relay(&pod.name), None)),
        None => Ok(()),
    }
}

fn rolled_out(pass: &Pass<'_>) -> Stepped<()> {
    let ChildFound::Present(view) = pass.child(ChildKind::Deployment, &relay_child(pass.world.name()))? else {
        return Ok(());
    };
    let number = |pointer: &str| view.body.pointer(pointer).and_then(serde_json::Value::as_i64).unwrap_or_default();
    let seen = number("/status/observedGeneration") >= number("/metadata/generation");
    let (wanted, updated) = (number("/spec/replicas"), number("/status/updatedReplicas"));
    let ready = number("/status/readyReplicas");
    if seen && updated >= wanted && ready >= wanted {
        return Ok(());
    }
    let message = format!("{ready} of {wanted} relays are ready, {updated} of them as they should be.");
    Err(Halt::Wait(Reason::RelayNotInStep, message, None))
}
