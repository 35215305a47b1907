//! `EventRelay`: keys and configuration first, then the pods that load them, then the public URL; pushes beside all that.

mod keys;
mod pods;
mod push;
mod reach;

pub use keys::parse as parse_keys;
pub use push::clear;

use crate::azure::error::Fault;
use crate::kinds::relay::{InjectionStatus, PlacementType};
use crate::kinds::subscription::DeliverySchema;
use crate::kinds::{EventRelay, EventSubscription, Kind, Object};
use crate::names::relay_child;
use crate::pass::{Finding, Halt, Pass, Stepped};
use crate::reason::{ConditionType, Reason};
use crate::relay::child::{ChildKind, ChildWrite};
use crate::relay::config::config;
use crate::relay::inject::{Injection, injection};
use crate::relay::pods::{Crew, Reports};
use crate::relay::{render, rules};
use crate::wake::relay_of;

use self::keys::DeliveryKeys;

/// What a pass knows of a relay once its Secrets and its children are there.
struct Running<'a> {
    /// Pods that count.
    crew: Crew<'a>,
    /// What those that take deliveries say.
    reports: Reports,
    /// Revision of the configuration that they have to have loaded.
    revision: String,
    /// Revision of container and volumes.
    injection: String,
    /// Keys in the Secret.
    keys: DeliveryKeys,
    /// The route that leads to it, if one is made.
    route: Option<ChildWrite>,
    /// Event subscriptions that deliver here.
    deliveries: Vec<Delivery<'a>>,
}

/// An event subscription that delivers to a relay.
struct Delivery<'a> {
    /// Its name in Azure.
    azure_name: String,
    /// Shape of what it delivers.
    schema: DeliverySchema,
    /// The object.
    object: &'a EventSubscription,
}

pub fn plan(pass: &mut Pass<'_>, relay: &EventRelay) -> Stepped<()> {
    let rules = pass.step(ConditionType::RulesValid, |pass| rules_valid(pass, relay));
    let running = pass.step(ConditionType::Deployed, |pass| deploy(pass, relay));
    let pushing = push::plan(pass, relay);
    // Without pods there is no key that all know and no URL that leads anywhere: their conditions say that they wait.
    let running = match running {
        Ok(running) => running,
        Err(halt) => return pass.join([Err(halt), rules, pushing]),
    };
    let deployed = pods::settled(pass, relay, &running);
    let deployed = pods::conclude(pass, deployed);
    let key = pass.step(ConditionType::KeyCurrent, |pass| keys::rotate(pass, relay, &running));
    let reach = pass.step(ConditionType::Reachable, |pass| reach::plan(pass, relay, &running));
    pass.join([deployed, rules, pushing, key, reach])
}

/// Secrets and children; then what the pods say.
fn deploy<'w>(pass: &mut Pass<'w>, relay: &EventRelay) -> Stepped<Running<'w>> {
    let keys = keys::secret(pass)?;
    let deliveries = deliveries(pass)?;
    let names: Vec<String> = deliveries.iter().map(|delivery| delivery.azure_name.clone()).collect();
    let settings = &pass.world.settings.relay.of_cloud(push::cloud(pass, relay)?.as_deref());
    let config = config(relay, &names, push::credentials(pass, relay)?, settings);
    let injected = injection(pass.world.name(), relay.spec.placement.resources.as_ref(), &settings.image);
    publish_injection(pass, relay, &injected);
    pass.know_children(&relay_child(pass.world.name()))?;
    let wanted = render::children(relay, &config, &injected, settings);
    drop_children(pass, &wanted)?;
    for child in wanted.iter().filter(|child| !is_route(child.kind)) {
        pass.ensure_child(child)?;
    }
    let placement = relay.spec.placement.type_;
    let crew = Crew::of(pass.pods()?, placement);
    let reports = pods::reports(pass, &crew)?;
    let route = wanted.into_iter().find(|child| is_route(child.kind));
    Ok(Running { crew, reports, revision: config.revision, injection: injected.revision, keys, route, deliveries })
}

/// A route that cannot be made must not keep the rest from running.
fn is_route(kind: ChildKind) -> bool {
    matches!(kind, ChildKind::HttpRoute | ChildKind::Ingress)
}

/// Children of a placement or a reachability that was given up.
fn drop_children(pass: &Pass<'_>, wanted: &[ChildWrite]) -> Stepped<()> {
    let name = relay_child(pass.world.name());
    let unwanted = ChildKind::ALL.into_iter().rev().filter(|kind| !wanted.iter().any(|child| child.kind == *kind));
    for kind in unwanted {
        pass.drop_child(kind, &name)?;
    }
    Ok(())
}

/// The admission policy takes it from the status. Only sidecars are injected: a pod labelled for another relay is refused.
fn publish_injection(pass: &mut Pass<'_>, relay: &EventRelay, injected: &Injection) {
    pass.output("selector", render::selector(relay));
    if relay.spec.placement.type_ != PlacementType::Sidecar {
        pass.outputs.remove("injection");
        return;
    }
    let Injection { revision, container, volumes } = injected.clone();
    pass.output("injection", serde_json::json!(InjectionStatus { revision, container, volumes }));
}

/// Event subscriptions that name the relay and have a name in Azure, by that name. Those that are going away still deliver.
fn deliveries<'w>(pass: &Pass<'w>) -> Stepped<Vec<Delivery<'w>>> {
    let mut found = Vec::new();
    for object in pass.objects(Kind::EventSubscription)? {
        let Object::EventSubscription(subscription) = object else { continue };
        let Some(name) = object.annotation(acs_wire::ANNOTATION_AZURE_NAME) else { continue };
        if relay_of(subscription) == Some(pass.world.name()) {
            let schema = subscription.spec.delivery_schema.unwrap_or_default();
            found.push(Delivery { azure_name: name.to_owned(), schema, object: subscription });
        }
    }
    found.sort_by(|one, other| one.azure_name.cmp(&other.azure_name));
    Ok(found)
}

fn rules_valid(pass: &mut Pass<'_>, relay: &EventRelay) -> Stepped<()> {
    let Some(push) = &relay.spec.push else {
        pass.not_requested(ConditionType::RulesValid);
        return Ok(());
    };
    let mistakes: Vec<String> = push.rules.iter().filter_map(rules::mistake).take(5).collect();
    if !mistakes.is_empty() {
        return Err(Halt::Fault(Fault::blocked(Reason::InvalidExpression, mistakes.join(" "))));
    }
    let Some(rule) = push.rules.iter().find(|rule| rules::is_on_calls(rule)) else { return Ok(()) };
    let linked = pass.objects(Kind::CommunicationService)?.iter().find_map(|service| match service {
        Object::CommunicationService(service) => {
            let hub = service.spec.notification_hub.as_ref().map(|link| &link.hub_ref);
            (hub == Some(&push.hub_ref)).then_some(service)
        }
        _ => None,
    });
    if let Some(service) = linked {
        let message = format!(
            "Push rule \"{}\" is on incoming calls, and CommunicationService {} is linked to NotificationHub {} too: phones that are registered with it ring twice. Take the rule away, or the link.",
            rule.name,
            service.metadata.name.as_deref().unwrap_or_default(),
            push.hub_ref.name
        );
        let type_ = ConditionType::RulesValid;
        pass.findings.push(Finding { type_, status: "True", reason: Reason::DoubleRing, message });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
