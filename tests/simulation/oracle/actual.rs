//! What Azure and the Secrets really hold, compared with what a spec asks for: written apart from the operator's own code.

use std::collections::BTreeMap;

use acs_core::kinds::relay::PlacementType;
use acs_core::kinds::{CommunicationService, EventRelay, EventSubscription, NotificationHub, Object};
use acs_core::relay::child::ChildKind;
use azure_sim::model::Push;
use serde_json::Value;

use super::call::id_of;
use crate::scenario::HOOK;
use crate::sim::Sim;

type Check = Result<(), String>;

/// How Azure differs from the spec of an object, if it does. `settled` also looks at what takes its time: keys, pushes.
pub fn mismatch(sim: &mut Sim, object: &Object, settled: bool) -> Option<String> {
    if matches!(object, Object::AzureAccount(_)) {
        return None;
    }
    if let Object::EventRelay(relay) = object {
        return check_relay(sim, relay, object, settled).err();
    }
    check(sim, object, settled).err()
}

fn check(sim: &mut Sim, object: &Object, settled: bool) -> Check {
    let id = id_of(object).ok_or("it has no id")?;
    let body = sim.azure.world.resource(&id).cloned().ok_or_else(|| format!("{id} does not exist"))?;
    let state = body.pointer("/properties/provisioningState").and_then(Value::as_str).unwrap_or("Succeeded");
    if state != "Succeeded" {
        return Err(format!("{id} is {state}"));
    }
    match object {
        Object::AzureAccount(_) | Object::EventRelay(_) => Ok(()),
        Object::NotificationHubNamespace(namespace) => {
            tags(&body, namespace.spec.tags.iter().map(|(key, value)| (key.as_str(), value.0.as_str())))?;
            same(&body, "/sku/name", namespace.spec.sku.name())
        }
        Object::NotificationHub(hub) => {
            tags(&body, hub.spec.tags.iter().map(|(key, value)| (key.as_str(), value.0.as_str())))?;
            check_hub(sim, hub, &id)?;
            if settled { secrets(sim, object) } else { Ok(()) }
        }
        Object::CommunicationService(service) => {
            tags(&body, service.spec.tags.iter().map(|(key, value)| (key.as_str(), value.0.as_str())))?;
            check_service(sim, service, &id, &body)?;
            if settled {
                secrets(sim, object)?;
                pushes(sim, service, &id)?;
            }
            Ok(())
        }
        Object::EventSubscription(subscription) => check_subscription(sim, subscription, &id, settled),
    }
}

fn same(body: &Value, pointer: &str, wanted: &str) -> Check {
    let found = body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if found.eq_ignore_ascii_case(wanted) { Ok(()) } else { Err(format!("{pointer} is \"{found}\", not \"{wanted}\"")) }
}

fn tags<'a>(body: &Value, wanted: impl Iterator<Item = (&'a str, &'a str)>) -> Check {
    for (key, value) in wanted {
        same(body, &format!("/tags/{key}"), value)?;
    }
    Ok(())
}

fn check_hub(sim: &Sim, hub: &NotificationHub, id: &str) -> Check {
    let credentials = sim.azure.world.credentials(id).cloned().unwrap_or_default();
    let apns = hub.spec.credentials.as_ref().and_then(|c| c.apns.as_ref()).and_then(|apns| apns.token.as_ref());
    if let Some(token) = apns {
        same(&credentials, "/apnsCredential/properties/keyId", &token.key_id.0)?;
    }
    let made = hub.status.as_ref().map(|status| status.policies.clone()).unwrap_or_default();
    for policy in &hub.spec.access_policies {
        let rule = format!("{id}/authorizationRules/{}", policy.name.0);
        let body = sim.azure.world.resource(&rule).ok_or_else(|| format!("{rule} does not exist"))?;
        let rights = body.pointer("/properties/rights").and_then(Value::as_array).map_or(0, Vec::len);
        if rights != policy.rights.len() {
            return Err(format!("{rule} has {rights} rights"));
        }
    }
    if made.len() != hub.spec.access_policies.len() {
        return Err("its status knows other policies than its spec".to_owned());
    }
    // A policy that left the spec is gone from Azure; Azure's own and those of links are not ours to count.
    let prefix = format!("{}/authorizationrules/", id.to_ascii_lowercase());
    for (rule, _) in sim.azure.world.resources().filter(|(rule, _)| rule.starts_with(&prefix)) {
        let name = rule.strip_prefix(&prefix).unwrap_or_default();
        let known = name.starts_with("default") || name.starts_with("acs-link-") || name.starts_with("acs-relay-");
        if !known && !hub.spec.access_policies.iter().any(|policy| policy.name.0.eq_ignore_ascii_case(name)) {
            return Err(format!("{rule} is left over"));
        }
    }
    Ok(())
}

fn check_service(sim: &Sim, service: &CommunicationService, id: &str, body: &Value) -> Check {
    if let Some(link) = &service.spec.notification_hub {
        let target = acs_core::kinds::ObjectRef::new(
            acs_core::kinds::Kind::NotificationHub,
            service.metadata.namespace.as_deref().unwrap_or_default(),
            &link.hub_ref.name.0,
        );
        let hub = sim.cluster.get(&target).and_then(|hub| id_of(hub)).unwrap_or_default();
        same(body, "/properties/notificationHubId", &hub)?;
    }
    if super::super::scenario::has_topic(service) {
        let id = id.to_ascii_lowercase();
        let is_its = |topic: &Value| {
            topic
                .pointer("/properties/source")
                .and_then(Value::as_str)
                .is_some_and(|source| source.eq_ignore_ascii_case(&id))
        };
        if !sim.azure.world.resources().any(|(_, resource)| is_its(resource)) {
            return Err("it has no system topic".to_owned());
        }
    }
    Ok(())
}

/// A relay's policy at the hub, and what was applied for it.
fn check_relay(sim: &Sim, relay: &EventRelay, object: &Object, settled: bool) -> Check {
    let policy = relay.status.as_ref().and_then(|status| status.push_policy_id.as_deref());
    match (policy, relay.spec.push.is_some()) {
        (None, false) => {}
        (Some(policy), true) => {
            let body = sim.azure.world.resource(policy).ok_or_else(|| format!("{policy} does not exist"))?;
            let rights = body.pointer("/properties/rights").and_then(Value::as_array).cloned().unwrap_or_default();
            if rights != ["Send"] {
                return Err(format!("{policy} has rights {rights:?}"));
            }
        }
        (found, _) => return Err(format!("its status knows policy {found:?}")),
    }
    let own = relay.spec.placement.type_ == PlacementType::Deployment;
    let (namespace, name) = (object.meta().namespace.as_deref(), object.meta().name.as_deref().unwrap_or_default());
    for (kind, wanted) in [
        (ChildKind::ConfigMap, true),
        (ChildKind::Service, true),
        (ChildKind::Deployment, own),
        (ChildKind::PodDisruptionBudget, own),
        (ChildKind::NetworkPolicy, own),
    ] {
        let found = sim.cluster.child(namespace.unwrap_or_default(), kind, &format!("{name}-relay")).is_some();
        if found != wanted {
            return Err(format!("its {kind} is {}", if found { "left over" } else { "missing" }));
        }
    }
    let delivery = sim.cluster.secret(namespace.unwrap_or_default(), &format!("{name}-delivery"));
    if delivery.and_then(|secret| secret.content.get("current")).is_none_or(|key| key.len() < 43) {
        return Err("it has no delivery key".to_owned());
    }
    if settled { secrets(sim, object) } else { Ok(()) }
}

fn check_subscription(sim: &Sim, subscription: &EventSubscription, id: &str, settled: bool) -> Check {
    let sent = sim.azure.world.delivery(id).cloned().unwrap_or_default();
    let hook = subscription.spec.destination.web_hook.as_ref();
    if let Some(hook) = hook {
        let wanted = hook.url.as_ref().map_or(HOOK, |url| url.0.as_str());
        same(&sent, "/destination/properties/endpointUrl", wanted)?;
    }
    let types = sent.pointer("/filter/includedEventTypes").and_then(Value::as_array).map_or(0, Vec::len);
    if !subscription.spec.event_types.is_empty() && types != subscription.spec.event_types.len() {
        return Err(format!("{types} event types are delivered"));
    }
    check_delivery(sim, subscription, id, &sent)?;
    check_attributes(subscription, &sent, settled)
}

/// Filters, retries, dead letter, expiry and identity: there exactly when the spec has them, in what is shown too.
fn check_delivery(sim: &Sim, subscription: &EventSubscription, id: &str, sent: &Value) -> Check {
    let shown = sim.azure.world.resource(id).and_then(|body| body.get("properties")).cloned().unwrap_or_default();
    let spec = &subscription.spec;
    for (place, found) in [("in force", sent), ("shown", &shown)] {
        let filters = found.pointer("/filter/advancedFilters").and_then(Value::as_array).map_or(0, Vec::len);
        if filters != spec.advanced_filters.len() {
            return Err(format!("{filters} advanced filters are {place}"));
        }
        let attempts = found.pointer("/retryPolicy/maxDeliveryAttempts").and_then(Value::as_i64);
        let wanted = spec.retry_policy.as_ref().and_then(|policy| policy.max_delivery_attempts).unwrap_or(30);
        if attempts != Some(wanted.into()) {
            return Err(format!("{attempts:?} attempts are {place}, not {wanted}"));
        }
        for (member, wanted) in [
            ("deadLetterDestination", spec.dead_letter.is_some()),
            ("expirationTimeUtc", spec.expiration_time.is_some()),
            ("deliveryWithResourceIdentity", spec.delivery_identity.is_some()),
            ("destination", spec.delivery_identity.is_none()),
        ] {
            if found.get(member).is_some_and(|value| !value.is_null()) != wanted {
                return Err(format!("`{member}` {place}: {wanted} is wanted"));
            }
        }
    }
    Ok(())
}

/// A key is sent along as the Secret has it in the end: what is wrong in there meanwhile could be a header's value, too.
fn check_attributes(subscription: &EventSubscription, sent: &Value, settled: bool) -> Check {
    let attributes = sent.pointer("/destination/properties/deliveryAttributeMappings").and_then(Value::as_array);
    let value = |attribute: &Value| attribute.pointer("/properties/value").and_then(Value::as_str).map(str::to_owned);
    let found: Vec<Option<String>> = attributes.into_iter().flatten().map(value).collect();
    let right = !settled || found.iter().all(|value| value.as_deref() == Some(HOOK));
    let all = found.len() == subscription.spec.delivery_attributes.len();
    if all && right { Ok(()) } else { Err("its key is not sent along".to_owned()) }
}

/// A call to a user rings a phone: through the linked hub, with a key that is valid now.
fn pushes(sim: &mut Sim, service: &CommunicationService, id: &str) -> Check {
    if service.spec.notification_hub.is_none() {
        return Ok(());
    }
    match sim.azure.world.push(id, "8:acs:user", Push::Call) {
        Ok(_) => Ok(()),
        Err(silence) => Err(format!("pushes do not arrive: {silence}")),
    }
}

fn secrets(sim: &Sim, object: &Object) -> Check {
    let namespace = object.meta().namespace.as_deref().unwrap_or_default();
    let mut names = Vec::new();
    match object {
        Object::NotificationHub(hub) => {
            names.extend(hub.spec.access_policies.iter().map(|policy| policy.secret_name.0.clone()))
        }
        Object::EventRelay(relay) if relay.spec.push.is_some() => {
            names.push(format!("{}-push", relay.metadata.name.as_deref().unwrap_or_default()));
        }
        Object::CommunicationService(service) => {
            names.extend(service.spec.connection_secret_name.iter().map(|name| name.0.clone()))
        }
        _ => {}
    }
    for name in names {
        let secret = sim.cluster.secret(namespace, &name).ok_or_else(|| format!("Secret {name} does not exist"))?;
        if let Some(wrong) = secret_mismatch(sim, object, &name, &secret.content) {
            return Err(format!("Secret {name} {wrong}"));
        }
    }
    Ok(())
}

/// How a Secret's content is not what Azure takes, if it is not.
pub fn secret_mismatch(sim: &Sim, object: &Object, name: &str, content: &BTreeMap<String, String>) -> Option<String> {
    let text = content.get(acs_wire::secret_keys::CONNECTION_STRING)?;
    let id = id_of(object).unwrap_or_default();
    let keyed = match object {
        Object::EventRelay(relay) => {
            let policy = relay.status.as_ref().and_then(|status| status.push_policy_id.clone());
            let Some(policy) = policy else { return Some("was written for no policy".to_owned()) };
            policy
        }
        _ if id.is_empty() => return None,
        Object::CommunicationService(_) => id,
        Object::NotificationHub(hub) => {
            let policy = hub.spec.access_policies.iter().find(|policy| policy.secret_name.0 == name)?;
            format!("{id}/authorizationRules/{}", policy.name.0)
        }
        _ => return None,
    };
    let Some((primary, secondary)) = sim.azure.world.keys(&keyed) else {
        return Some("holds a key of something that does not exist".to_owned());
    };
    let valid = text.ends_with(&format!("={primary}")) || text.ends_with(&format!("={secondary}"));
    (!valid).then(|| "holds a key that is not valid".to_owned())
}
