//! Resource providers: what each offers, and whether a subscription may use it.

use serde_json::{Value, json};

use super::super::arm::{self, Call};
use super::super::journal::Effect;
use super::super::message::Response;
use super::super::path::Target;
use super::super::refusal::{Answer, Done, Refusal};
use super::super::registry::{self, Provider};
use super::super::world::World;

fn entry(subscription: &str, namespace: &str) -> (String, String) {
    (subscription.to_ascii_lowercase(), namespace.to_ascii_lowercase())
}

fn moving(subscription: &str, namespace: &str) -> String {
    format!("{subscription}/{namespace}").to_ascii_lowercase()
}

/// A provider on its way to be registered may be used already (documented: do not wait for it).
pub(crate) fn require_registered(world: &World, target: &Target, namespace: &str) -> Result<(), Refusal> {
    let Some(subscription) = &target.subscription else { return Ok(()) };
    if !world.unregistered.contains(&entry(subscription, namespace)) {
        return Ok(());
    }
    let namespace = registry::provider(namespace).map_or(namespace, |p| p.namespace);
    let message = format!(
        "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how \
         to register subscriptions."
    );
    Err(Refusal::new(409, "MissingSubscriptionRegistration", message.clone()).detail(
        "MissingSubscriptionRegistration",
        &message,
        namespace,
    ))
}

fn state(world: &World, subscription: &str, namespace: &str) -> &'static str {
    let off = world.unregistered.contains(&entry(subscription, namespace));
    let on_its_way = world.kept.moving.get(&moving(subscription, namespace)).is_some_and(|due| *due > world.now());
    match (off, on_its_way) {
        (false, true) => "Registering",
        (false, false) => "Registered",
        (true, true) => "Unregistering",
        (true, false) => "NotRegistered",
    }
}

/// Whether a path is about a provider as such.
pub(crate) fn is_registration(target: &Target) -> bool {
    let verb = |tail: &str| tail.eq_ignore_ascii_case("register") || tail.eq_ignore_ascii_case("unregister");
    target.types.is_empty()
        && target.group.is_none()
        && target.scope.is_none()
        && target.tail.as_deref().is_none_or(verb)
}

/// GET of a provider; POST `register` and `unregister`, which take a while.
pub(crate) fn registration(world: &mut World, call: &Call<'_>, namespace: &str) -> Answer {
    let provider = registry::provider(namespace).ok_or_else(|| {
        Refusal::new(404, "InvalidResourceNamespace", format!("The resource namespace '{namespace}' is invalid."))
    })?;
    let subscription = call.target.subscription.clone();
    let action = call.action();
    let effect = match (call.method(), action.as_str(), &subscription) {
        ("GET", "", _) => Effect::Read,
        ("POST", "register", Some(subscription)) => register(world, call, subscription, provider, true),
        ("POST", "unregister", Some(subscription)) => {
            refuse_used(world, subscription, provider)?;
            register(world, call, subscription, provider, false)
        }
        _ => return Err(arm::unknown_type(call)),
    };
    Ok(Done::new(effect, Response::json(200, &shown(world, subscription.as_deref(), provider))))
}

fn register(world: &mut World, call: &Call<'_>, subscription: &str, provider: &Provider, wanted: bool) -> Effect {
    let key = entry(subscription, provider.namespace);
    let changed = if wanted { world.unregistered.remove(&key) } else { world.unregistered.insert(key) };
    if !changed || !provider.registers {
        return Effect::None;
    }
    let due = call.now + world.durations().registration;
    world.kept.moving.insert(moving(subscription, provider.namespace), due);
    Effect::Action
}

/// A provider that still has resources stays (which word ARM takes for it is not known here: unverified).
fn refuse_used(world: &World, subscription: &str, provider: &Provider) -> Result<(), Refusal> {
    let prefix = format!("/subscriptions/{subscription}/").to_ascii_lowercase();
    let part = format!("/providers/{}/", provider.namespace).to_ascii_lowercase();
    if !world.beneath(&prefix).any(|(key, _)| key.contains(&part)) {
        return Ok(());
    }
    let message = format!(
        "The subscription cannot be unregistered from the namespace '{}': it still has resources of it.",
        provider.namespace
    );
    Err(Refusal::new(409, "Conflict", message))
}

fn shown(world: &World, subscription: Option<&str>, provider: &Provider) -> Value {
    let types: Vec<Value> = provider
        .types
        .iter()
        .map(|t| {
            let locations = if provider.namespace == registry::NOTIFICATION_HUBS {
                json!(super::super::regions::NAMES)
            } else {
                json!(["global"])
            };
            let tracked = ["communicationServices", "namespaces", "namespaces/notificationHubs", "systemTopics"];
            let capabilities = if tracked.contains(t) { "SupportsTags, SupportsLocation" } else { "None" };
            let newest: Vec<&str> = provider.versions.iter().rev().copied().collect();
            json!({"resourceType": t, "locations": locations, "apiVersions": newest, "capabilities": capabilities})
        })
        .collect();
    let prefix = subscription.map_or_else(String::new, |s| format!("/subscriptions/{s}"));
    let policy = if provider.registers { "RegistrationRequired" } else { "RegistrationFree" };
    let mut body = json!({
        "id": format!("{prefix}/providers/{}", provider.namespace),
        "namespace": provider.namespace, "registrationPolicy": policy, "resourceTypes": types,
    });
    if let Some(subscription) = subscription {
        super::super::json::put(&mut body, &["registrationState"], state(world, subscription, provider.namespace));
    }
    body
}

/// All providers, of a subscription or of the tenant.
pub(super) fn all(world: &World, subscription: Option<&str>) -> Done {
    let list: Vec<Value> = registry::PROVIDERS.iter().map(|p| shown(world, subscription, p)).collect();
    Done::read(&json!({"value": list}))
}

/// `GET /providers/{namespace}/operations`: what roles can be made of.
pub(crate) fn operations(call: &Call<'_>, provider: &Provider) -> Answer {
    if call.method() != "GET" || call.target.subscription.is_some() {
        return Err(arm::unknown_type(call));
    }
    let mut list = Vec::new();
    for of in registry::types_of(provider.namespace) {
        let resource = of.types.last().copied().unwrap_or_default();
        let mut operation = |name: String, word: &str| {
            list.push(json!({
                "name": name, "isDataAction": false,
                "display": {
                    "provider": provider.namespace, "resource": resource, "operation": word,
                    "description": format!("{word}: {resource}"),
                },
            }));
        };
        for (verb, word) in [("read", "Read"), ("write", "Create or update"), ("delete", "Delete")] {
            operation(format!("{}/{verb}", of.activity), word);
        }
        for action in registry::actions_of(of.kind) {
            operation(format!("{}/{action}/action", of.activity), action);
        }
    }
    for verb in ["register", "unregister"] {
        list.push(json!({
            "name": format!("{}/{verb}/action", provider.namespace), "isDataAction": false,
            "display": {
                "provider": provider.namespace, "resource": "Subscription", "operation": verb,
                "description": format!("{verb} the subscription for {}", provider.namespace),
            },
        }));
    }
    Ok(Done::read(&json!({"value": list})))
}
