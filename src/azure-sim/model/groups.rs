//! Subscriptions, resource groups and provider registration: what ARM itself keeps.

use serde_json::{Value, json};

use super::arm::Call;
use super::journal::Effect;
use super::json;
use super::message::Response;
use super::path::Target;
use super::refusal::{Answer, Done, Refusal};
use super::registry::{self, Kind};
use super::resource::Hidden;
use super::timer::{self, Timer};
use super::world::World;

pub(crate) fn create(world: &mut World, subscription: &str, name: &str, location: &str) -> String {
    let id = format!("/subscriptions/{subscription}/resourceGroups/{name}");
    let key = id.to_ascii_lowercase();
    let body = json!({
        "id": id, "name": name, "type": "Microsoft.Resources/resourceGroups", "location": location,
        "properties": {"provisioningState": "Succeeded"},
    });
    world.store(key.clone(), Kind::Group, body, Hidden::None);
    key
}

fn group_not_found(group: &str) -> Refusal {
    Refusal::new(404, "ResourceGroupNotFound", format!("Resource group '{group}' could not be found."))
}

/// Everything in a group needs the group.
pub(crate) fn require_group(world: &World, call: &Call<'_>) -> Result<(), Refusal> {
    let Some(group) = &call.target.group else { return Ok(()) };
    let key = call.target.group_id().to_ascii_lowercase();
    let resource = world.resources.get(&key).ok_or_else(|| group_not_found(group))?;
    if resource.deleting() && matches!(call.method(), "PUT" | "PATCH") {
        let message =
            format!("The resource group '{group}' is in deprovisioning state and cannot perform this operation.");
        return Err(Refusal::new(409, "ResourceGroupBeingDeleted", message));
    }
    Ok(())
}

pub(crate) fn require_registered(world: &World, target: &Target, namespace: &str) -> Result<(), Refusal> {
    let Some(subscription) = &target.subscription else { return Ok(()) };
    if !world.unregistered.contains(&(subscription.to_ascii_lowercase(), namespace.to_ascii_lowercase())) {
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

pub(crate) fn is_registration(target: &Target) -> bool {
    target.types.is_empty() && target.tail.as_deref().is_none_or(|t| t.eq_ignore_ascii_case("register"))
}

/// GET of a provider, and POST `register`, which takes effect at once.
pub(crate) fn registration(world: &mut World, call: &Call<'_>, namespace: &str) -> Answer {
    let provider = registry::provider(namespace).ok_or_else(|| {
        Refusal::new(404, "InvalidResourceNamespace", format!("The resource namespace '{namespace}' is invalid."))
    })?;
    let subscription = call.target.subscription.clone().unwrap_or_default().to_ascii_lowercase();
    let entry = (subscription, namespace.to_ascii_lowercase());
    let registering = call.target.tail.is_some() && call.method() == "POST";
    let effect = if registering && world.unregistered.remove(&entry) { Effect::Action } else { Effect::Read };
    let state = if world.unregistered.contains(&entry) { "NotRegistered" } else { "Registered" };
    let types: Vec<Value> = provider
        .types
        .iter()
        .map(|t| json!({"resourceType": t, "locations": ["global"], "apiVersions": provider.versions}))
        .collect();
    let body = json!({
        "id": format!("/subscriptions/{}/providers/{}", entry.0, provider.namespace),
        "namespace": provider.namespace,
        "resourceTypes": types,
        "registrationState": state,
    });
    Ok(Done::new(effect, Response::json(200, &body)))
}

/// Paths without a provider.
pub(crate) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let target = &call.target;
    let tail = target.tail.as_deref().map(str::to_ascii_lowercase);
    match (&target.subscription, &target.group, tail.as_deref()) {
        (Some(_), Some(_), None) if target.types.is_empty() => one(world, call),
        (Some(subscription), None, Some("resourcegroups")) => Ok(list(world, subscription)),
        (Some(subscription), None, Some("providers")) => Ok(providers(world, subscription)),
        (Some(subscription), None, None) if target.types.is_empty() => {
            Ok(Done::read(&subscription_body(world, subscription)))
        }
        (None, None, Some("subscriptions")) => {
            let config = world.config();
            let all = std::iter::once(&config.subscription_id).chain(&config.further_subscriptions);
            let list: Vec<Value> = all.map(|s| subscription_body(world, s)).collect();
            Ok(Done::read(&json!({"value": list})))
        }
        (Some(_), Some(_), Some("resources")) => Ok(resources(world, call)),
        (Some(_), None, None) if target.types.iter().any(|t| t == "operationresults") => Ok(deletion(world, call)),
        _ => Err(Refusal::new(404, "NotFound", "The requested path does not exist.")),
    }
}

fn subscription_body(world: &World, subscription: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{subscription}"), "subscriptionId": subscription,
        "tenantId": world.config().tenant_id, "displayName": "Simulated", "state": "Enabled",
    })
}

fn providers(world: &World, subscription: &str) -> Done {
    let state = |namespace: &str| {
        let entry = (subscription.to_ascii_lowercase(), namespace.to_ascii_lowercase());
        if world.unregistered.contains(&entry) { "NotRegistered" } else { "Registered" }
    };
    let list: Vec<Value> = registry::PROVIDERS
        .iter()
        .map(|p| json!({"namespace": p.namespace, "registrationState": state(p.namespace)}))
        .collect();
    Done::read(&json!({"value": list}))
}

fn list(world: &World, subscription: &str) -> Done {
    let prefix = format!("/subscriptions/{subscription}/resourcegroups/").to_ascii_lowercase();
    let groups = world.beneath(&prefix).filter(|(_, r)| r.kind == Kind::Group);
    Done::read(&json!({"value": groups.map(|(_, r)| r.body.clone()).collect::<Vec<_>>()}))
}

fn resources(world: &World, call: &Call<'_>) -> Done {
    let prefix = format!("{}/providers/", call.target.group_id()).to_ascii_lowercase();
    let tracked = |kind| matches!(kind, Kind::Service | Kind::Namespace | Kind::SystemTopic);
    let brief = |body: &Value| {
        json!({"id": body.get("id"), "name": body.get("name"), "type": body.get("type"),
               "location": body.get("location"), "tags": body.get("tags")})
    };
    let list: Vec<Value> =
        world.beneath(&prefix).filter(|(_, r)| tracked(r.kind)).map(|(_, r)| brief(&r.body)).collect();
    Done::read(&json!({"value": list}))
}

fn one(world: &mut World, call: &Call<'_>) -> Answer {
    let group = call.target.group.clone().unwrap_or_default();
    let key = call.target.group_id().to_ascii_lowercase();
    let exists = world.resources.contains_key(&key);
    match call.method() {
        "HEAD" => Ok(Done::new(Effect::Read, Response::empty(if exists { 204 } else { 404 }))),
        "GET" => world.resources.get(&key).map(|r| Done::read(&r.body)).ok_or_else(|| group_not_found(&group)),
        "PUT" | "PATCH" => {
            if call.method() == "PATCH" && !exists {
                return Err(group_not_found(&group));
            }
            write(world, call, &group, &key, exists)
        }
        "DELETE" => {
            let generation = world.resources.get_mut(&key).map(|resource| {
                resource.set_state("Deleting");
                resource.generation
            });
            let generation = generation.ok_or_else(|| group_not_found(&group))?;
            let due = call.now + world.durations().group_delete;
            timer::at(world, due, Timer::Gone { key, generation });
            Ok(Done::new(Effect::Delete, Response::empty(202).with("location", deletion_url(world, call, &group))))
        }
        method => Err(Refusal::new(405, "MethodNotAllowed", format!("The method '{method}' is not allowed."))),
    }
}

fn deletion_url(world: &World, call: &Call<'_>, group: &str) -> String {
    let subscription = call.target.subscription.as_deref().unwrap_or_default();
    let base = &world.config().base_url;
    format!("{base}/subscriptions/{subscription}/operationresults/{group}?api-version={}", call.api_version)
}

/// 202 while the group is going, 200 afterwards.
fn deletion(world: &World, call: &Call<'_>) -> Done {
    let group = call.target.name();
    let key = format!("{}/resourcegroups/{group}", call.target.group_id()).to_ascii_lowercase();
    let response = if world.resources.contains_key(&key) {
        Response::empty(202).with("location", deletion_url(world, call, group))
    } else {
        Response::empty(200)
    };
    Done::new(Effect::Read, response)
}

fn write(world: &mut World, call: &Call<'_>, group: &str, key: &str, exists: bool) -> Answer {
    if !exists {
        let location = json::text(&call.body, &["location"]).ok_or_else(|| {
            Refusal::new(400, "LocationRequired", "The location property is required for this definition.")
        })?;
        let subscription = call.target.subscription.clone().unwrap_or_default();
        create(world, &subscription, group, location);
    }
    if let Some(resource) = world.resources.get_mut(key) {
        json::merge(&mut resource.body, &call.body, &["tags"]);
    }
    let body = world.resource(key).cloned().unwrap_or_default();
    let (status, effect) = if exists { (200, Effect::Update) } else { (201, Effect::Create) };
    Ok(Done::new(effect, Response::json(status, &body)))
}
