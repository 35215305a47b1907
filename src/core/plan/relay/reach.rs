//! Whether Event Grid will reach the relay: the route is taken, and the operator's own handshake is granted.

use serde_json::{Value, json};

use super::{Delivery, Running, keys};
use crate::azure::error::{Class, Fault};
use crate::kinds::EventRelay;
use crate::kinds::relay::{HandshakeStatus, Probe, ReachabilityType};
use crate::names::short_hash;
use crate::pass::{Finding, Halt, Pass, Stepped};
use crate::reason::{ConditionType, Reason};
use crate::relay::child::{ChildView, ChildWrite};
use crate::relay::config::{delivery_url, public_url};
use crate::relay::pods::let_in_by_all;
use crate::world::HandshakeWith;

/// Says which event subscriptions can be delivered. An event subscription is told of the URL only when it is among them.
///
/// # Errors
/// Halts while the public URL does not lead to a relay.
pub fn plan(pass: &mut Pass<'_>, relay: &EventRelay, running: &Running<'_>) -> Stepped<()> {
    let url = public_url(relay);
    pass.output("url", url.as_str());
    let names: Vec<String> = running.deliveries.iter().map(|delivery| delivery.azure_name.clone()).collect();
    let let_in = let_in_by_all(&names, &running.reports, &keys::in_use(pass, &running.keys));
    let skip = relay.spec.reachability.probe == Some(Probe::Skip);
    // Whatever is in the way below: only what was tried at this very URL is told.
    let known: Vec<&Delivery<'_>> = running.deliveries.iter().filter(|d| let_in.contains(&d.azure_name)).collect();
    let tried = |pass: &Pass<'_>| {
        let tried = known.iter().filter(|delivery| !pass.keys_due(&step_of(delivery), &mark(&url, delivery)));
        tried.map(|delivery| delivery.azure_name.clone()).collect::<Vec<_>>()
    };
    let before = tried(pass);
    tell(pass, &before);
    route_taken(pass, relay, running.route.as_ref())?;
    if skip {
        tell(pass, &let_in);
        let message = "`reachability.probe` is Skip: nobody tried the public URL.".to_owned();
        let type_ = ConditionType::Reachable;
        pass.findings.push(Finding { type_, status: "True", reason: Reason::ProbeSkipped, message });
        return Ok(());
    }
    if running.deliveries.is_empty() {
        let message = "No EventSubscription delivers to this relay, so the public URL was not tried.".to_owned();
        let type_ = ConditionType::Reachable;
        pass.findings.push(Finding { type_, status: "Unknown", reason: Reason::NoSubscriptions, message });
        return Ok(());
    }
    if known.is_empty() {
        let message = format!("Not every relay lets event subscription {} in yet.", names.join(", "));
        return Err(Halt::Wait(Reason::RelayNotInStep, message, Some(pass.world.settings.timings.poll)));
    }
    let due: Vec<&Delivery<'_>> =
        known.iter().copied().filter(|delivery| !before.contains(&delivery.azure_name)).collect();
    let outcome = try_out(pass, &url, &due);
    let now = tried(pass);
    tell(pass, &now);
    outcome
}

fn tell(pass: &mut Pass<'_>, names: &[String]) {
    if names.is_empty() {
        pass.outputs.remove("subscriptions");
    } else {
        pass.output("subscriptions", json!(names));
    }
}

fn step_of(delivery: &Delivery<'_>) -> String {
    format!("Probe/{}", delivery.azure_name)
}

fn mark(url: &str, delivery: &Delivery<'_>) -> String {
    short_hash(&format!("{url} {}", delivery.schema.name()))
}

/// Makes the handshakes that are due, and remembers those that were granted.
fn try_out(pass: &mut Pass<'_>, url: &str, due: &[&Delivery<'_>]) -> Stepped<()> {
    let Some(first) = due.first().copied() else {
        pass.memory.failures.remove("Probe");
        return Ok(());
    };
    let wish = due.iter().map(|delivery| format!("{} {}", delivery.azure_name, mark(url, delivery)));
    let wish = short_hash(&wish.collect::<Vec<_>>().join(" "));
    pass.not_before_due("Probe", &wish)?;
    let with = due.iter().map(|delivery| HandshakeWith {
        url: delivery_url(url, &delivery.azure_name),
        subscription: delivery.azure_name.clone(),
        schema: delivery.schema,
    });
    let results = pass.handshakes(with.collect())?;
    let mut refused = None;
    for (delivery, result) in due.iter().zip(results) {
        match result {
            Ok(()) => pass.keys_checked(&step_of(delivery), mark(url, delivery)),
            Err(why) => _ = refused.get_or_insert((*delivery, why.clone())),
        }
    }
    let (shown, granted, message) = match &refused {
        Some((delivery, why)) => (*delivery, false, why.clone()),
        None => (first, true, "Granted.".to_owned()),
    };
    let before: Option<HandshakeStatus> =
        pass.outputs.get("handshake").and_then(|status| serde_json::from_value(status.clone()).ok());
    if before.is_none_or(|before| before.granted != granted || before.message != message) {
        let status = HandshakeStatus { granted, schema: shown.schema.name().to_owned(), message: message.clone() };
        pass.output("handshake", json!(status));
    }
    if granted {
        pass.memory.failures.remove("Probe");
        return Ok(());
    }
    let message = format!("Handshake with {}: {message}", delivery_url(url, &shown.azure_name));
    let timings = &pass.world.settings.timings;
    let count = pass.memory.failures.get("Probe").map_or(1, |failure| failure.count + 1);
    // A gateway or a DNS entry may come at any minute.
    let pause = timings.backoff(count, pass.world.jitter).min(timings.poll * 30);
    let fault = Fault { reason: Reason::ProbeFailed, message, class: Class::Wait(pause) };
    pass.failed("Probe", &wish, fault.clone());
    Err(Halt::Fault(fault))
}

/// Makes the route, and waits until whoever serves it has taken it.
fn route_taken(pass: &Pass<'_>, relay: &EventRelay, route: Option<&ChildWrite>) -> Stepped<()> {
    let Some(route) = route else { return Ok(()) };
    let view = pass.ensure_child(route)?;
    match relay.spec.reachability.type_ {
        ReachabilityType::HttpRoute => parents_accept(relay, view),
        ReachabilityType::Ingress => has_address(view),
        ReachabilityType::Url => Ok(()),
    }
}

fn waits(message: String) -> Halt {
    // The route is watched: a change of its status brings the next look.
    Halt::Wait(Reason::RouteNotAccepted, message, None)
}

/// Every Gateway that the spec names has to say `Accepted` and `ResolvedRefs` of the route as it is now.
fn parents_accept(relay: &EventRelay, view: &ChildView) -> Stepped<()> {
    let generation = view.body.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default();
    let said = view.body.pointer("/status/parents").and_then(Value::as_array);
    let wanted = relay.spec.reachability.http_route.as_ref().map(|route| route.parent_refs.as_slice());
    for parent in wanted.unwrap_or_default() {
        let text =
            |said: &Value, pointer: &str| said.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let section = parent.section_name.as_ref().map_or("", |section| &section.0);
        let namespace = parent.namespace.as_ref().map(|namespace| namespace.0.as_str());
        let about = said.into_iter().flatten().find(|said| {
            let theirs = text(said, "/parentRef/namespace");
            text(said, "/parentRef/name") == parent.name.0
                && text(said, "/parentRef/sectionName") == section
                && (theirs.is_empty() || namespace.is_none() || Some(theirs.as_str()) == namespace)
        });
        let Some(about) = about else {
            return Err(waits(format!(
                "No controller has said anything of the HTTPRoute for Gateway {} yet.",
                parent.name
            )));
        };
        for type_ in ["Accepted", "ResolvedRefs"] {
            let conditions = about.pointer("/conditions").and_then(Value::as_array);
            let condition = conditions.into_iter().flatten().find(|condition| text(condition, "/type") == type_);
            let current = condition.filter(|condition| {
                condition.pointer("/observedGeneration").and_then(Value::as_i64).is_none_or(|seen| seen >= generation)
            });
            match current {
                Some(condition) if text(condition, "/status") == "True" => {}
                Some(condition) => {
                    let words = crate::azure::error::one_line(&text(condition, "/message"));
                    let reason = text(condition, "/reason");
                    return Err(waits(format!("Gateway {} says {type_}=False ({reason}): {words}", parent.name)));
                }
                None => return Err(waits(format!("Gateway {} has not said {type_} yet.", parent.name))),
            }
        }
    }
    Ok(())
}

fn has_address(view: &ChildView) -> Stepped<()> {
    let addresses = view.body.pointer("/status/loadBalancer/ingress").and_then(Value::as_array);
    if addresses.is_some_and(|addresses| !addresses.is_empty()) {
        return Ok(());
    }
    Err(waits("No ingress controller has given the Ingress an address yet: check `className`.".to_owned()))
}
