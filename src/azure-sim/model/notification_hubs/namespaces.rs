//! Namespaces: slow to become active, and slow to go.

use serde_json::{Value, json};

use super::super::arm::{self, Call};
use super::super::journal::Effect;
use super::super::json;
use super::super::message::Response;
use super::super::operation::{self, Outcome, Style};
use super::super::refusal::{Answer, Done, Refusal};
use super::super::regions::display_name;
use super::super::registry::Kind;
use super::super::resource::Hidden;
use super::super::shapes;
use super::super::timer::{self, Timer};
use super::super::world::{World, timestamp};
use super::{credentials, rules};

pub(super) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let key = call.target.key();
    match (call.method(), call.action().as_str()) {
        ("PUT", "") => put(world, call),
        ("DELETE", "") => delete(world, call),
        ("POST", "checknotificationhubavailability") => super::available(world, call),
        (method, action) => {
            let resource = world.resources.get(&key).ok_or_else(|| arm::not_found(&call.target))?;
            match (method, action) {
                ("GET", "") => Ok(Done::read(&resource.body)),
                ("PATCH", "") => patch(world, call, &key),
                ("POST", "pnscredentials") => {
                    let body = credentials::shown(&resource.body, world.credentials(&key));
                    Ok(Done::new(Effect::Action, Response::json(200, &body)))
                }
                _ => Err(arm::unknown_type(call)),
            }
        }
    }
}

/// Names of namespaces are global, since they are host names.
pub(super) fn taken(world: &World, key: &str, name: &str) -> bool {
    let suffix = format!("/providers/microsoft.notificationhubs/namespaces/{name}");
    world.taken_names.contains(name) || world.resources.keys().any(|k| k != key && k.ends_with(&suffix))
}

fn check<'a>(call: &'a Call<'_>) -> Result<(&'a str, &'static str), Refusal> {
    let name = call.target.name();
    let shape = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !name.ends_with('-');
    if !shape || !(6..=50).contains(&name.len()) {
        return Err(Refusal::bad_request(format!("The specified namespace name '{name}' is invalid.")));
    }
    let location = json::text(&call.body, &["location"]).ok_or_else(|| {
        Refusal::new(400, "LocationRequired", "The location property is required for this definition.")
    })?;
    Ok((location, sku(json::text(&call.body, &["sku", "name"]).unwrap_or("Free"))?))
}

fn sku(sent: &str) -> Result<&'static str, Refusal> {
    let known = ["Free", "Basic", "Standard"].into_iter().find(|s| s.eq_ignore_ascii_case(sent));
    known.ok_or_else(|| Refusal::bad_request(format!("The SKU '{sent}' is not valid.")))
}

fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let (id, key) = (call.target.id(), call.target.key());
    let (location, sku) = check(call)?;
    let location = display_name(location);
    if let Some(resource) = world.resources.get(&key) {
        if resource.busy() {
            return Err(arm::busy(&id));
        }
        if json::text(&resource.body, &["location"]) != Some(&location) {
            let message = format!("The resource '{id}' already exists in another location. It cannot be moved.");
            return Err(Refusal::new(409, "InvalidResourceLocation", message));
        }
        let (mut body, failed) = (resource.body.clone(), resource.state() == "Failed");
        shapes::put(Kind::Namespace, &call.api_version, &mut body, &call.body);
        defaults(&mut body);
        json::put(&mut body, &["sku"], json!({"name": sku}));
        let hidden = hidden(world, call, &key, sku)?;
        if failed {
            return Ok(tried_again(world, call, key, body, hidden));
        }
        return Ok(changed(world, call, &key, body, hidden));
    }
    let name = call.target.name().to_owned();
    if taken(world, &key, &name.to_ascii_lowercase()) {
        let message = format!("The specified name '{name}' is not available. Namespace names are global.");
        return Err(Refusal::new(409, "NameNotAvailable", message));
    }
    let mut body = json!({
        "id": id, "name": name, "type": "Microsoft.NotificationHubs/namespaces", "location": location,
        "sku": {"name": sku},
        "properties": {
            "provisioningState": "Activating", "status": "Created", "enabled": false, "critical": false,
            "name": name, "createdAt": timestamp(call.now), "updatedAt": timestamp(call.now),
            "subscriptionId": call.target.subscription, "region": location, "privateEndpointConnections": [],
            "serviceBusEndpoint": format!("https://{name}.servicebus.windows.net:443/"),
            "metricId": format!("{}:{name}", call.target.subscription.as_deref().unwrap_or_default()),
        },
    });
    shapes::put(Kind::Namespace, &call.api_version, &mut body, &call.body);
    defaults(&mut body);
    let hidden = hidden(world, call, &key, sku)?;
    // The first answer lacks sku and location (recorded 2023).
    let mut shown = body.clone();
    json::remove(&mut shown, &["sku"]);
    json::remove(&mut shown, &["location"]);
    let generation = world.store(key.clone(), Kind::Namespace, body, hidden);
    let started = operation::begin(world, call, Style::NotificationHubs, &id, false);
    let due = call.now + world.durations().namespace_active;
    started.ready_at(world, &key, generation, due);
    started.finish_at(world, due);
    Ok(Done::new(Effect::Create, started.on(Response::json(201, &shown))))
}

/// A PUT of one that failed provisions it once more (not recorded; what ARM's contract asks of every provider).
fn tried_again(world: &mut World, call: &Call<'_>, key: String, mut body: Value, hidden: Hidden) -> Done {
    json::put(&mut body, &["properties", "provisioningState"], "Activating");
    let response = Response::json(200, &body);
    let generation = world.store(key.clone(), Kind::Namespace, body, hidden);
    let started = operation::begin(world, call, Style::NotificationHubs, &call.target.id(), false);
    let due = call.now + world.durations().namespace_active;
    started.ready_at(world, &key, generation, due);
    started.finish_at(world, due);
    Done::new(Effect::Update, started.on(response))
}

fn changed(world: &mut World, call: &Call<'_>, key: &str, mut body: Value, hidden: Hidden) -> Done {
    json::put(&mut body, &["properties", "updatedAt"], timestamp(call.now));
    let response = Response::json(200, &body);
    if let Some(resource) = world.resources.get_mut(key) {
        (resource.body, resource.hidden) = (body, hidden);
    }
    Done::new(Effect::Update, response)
}

fn patch(world: &mut World, call: &Call<'_>, key: &str) -> Answer {
    let mut body = world.resource(key).cloned().unwrap_or_default();
    shapes::patch(Kind::Namespace, &call.api_version, &mut body, &call.body);
    defaults(&mut body);
    if let Some(sent) = json::text(&call.body, &["sku", "name"]) {
        json::put(&mut body, &["sku", "name"], sku(sent)?);
    }
    let tier = json::text(&body, &["sku", "name"]).unwrap_or_default().to_owned();
    let hidden = hidden(world, call, key, &tier)?;
    Ok(changed(world, call, key, body, hidden))
}

/// What the service fills in where clients say nothing.
fn defaults(body: &mut Value) {
    let defaults = [
        ("namespaceType", "NotificationHub"),
        ("publicNetworkAccess", "Enabled"),
        ("zoneRedundancy", "Disabled"),
        ("replicationRegion", "Default"),
    ];
    for (name, default) in defaults {
        if json::at(body, &["properties", name]).is_none() {
            json::put(body, &["properties", name], default);
        }
    }
}

/// The namespace's own credentials. They are a feature of the Standard tier (documented; how the others refuse them is not:
/// unverified).
fn hidden(world: &World, call: &Call<'_>, key: &str, tier: &str) -> Result<Hidden, Refusal> {
    let place = ["properties", "pnsCredentials"];
    if !shapes::known(Kind::Namespace, &call.api_version, &place) {
        return Ok(Hidden::Credentials(world.credentials(key).cloned().unwrap_or_else(|| json!({}))));
    }
    let credentials = credentials::after(world, call, key, &place)?;
    if json::at(&call.body, &place).is_some() && tier != "Standard" {
        let message = format!("Credentials of a namespace need the Standard tier; this one has '{tier}'.");
        return Err(Refusal::bad_request(message));
    }
    Ok(Hidden::Credentials(credentials))
}

pub(crate) fn ready(world: &mut World, key: &str, outcome: &Outcome) {
    let now = world.now();
    let Some(resource) = world.resources.get_mut(key) else { return };
    if outcome.is_err() {
        return resource.set_state("Failed");
    }
    resource.set_state("Succeeded");
    json::put(&mut resource.body, &["properties", "status"], "Active");
    json::put(&mut resource.body, &["properties", "enabled"], true);
    let id = resource.id().to_owned();
    rules::add_default(world, &id, "RootManageSharedAccessKey", &["Listen", "Manage", "Send"], now);
}

fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let key = call.target.key();
    let due = call.now + world.durations().namespace_delete;
    let Some(resource) = world.resources.get_mut(&key) else {
        return Ok(Done::new(Effect::None, Response::empty(204)));
    };
    // Asked again, it goes on as it was: else whoever asks often would never see the end.
    let effect = if resource.deleting() { Effect::None } else { Effect::Delete };
    if effect == Effect::Delete {
        resource.set_state("Deleting");
        json::put(&mut resource.body, &["properties", "status"], "Deleting");
        json::put(&mut resource.body, &["properties", "enabled"], false);
        let generation = world.touch(&key);
        timer::at(world, due, Timer::Gone { key: key.clone(), generation });
    }
    if call.api_version != "2017-04-01" {
        // No operation to follow (recorded 2023): only a GET tells when it is gone.
        return Ok(Done::new(effect, Response::empty(204)));
    }
    Ok(Done::new(effect, Response::empty(202).with("location", result_url(world, call, &call.target.id()))))
}

fn result_url(world: &World, call: &Call<'_>, id: &str) -> String {
    let (base, group) = (&world.config().base_url, call.target.group_id());
    let name = super::path::leaf(id);
    format!(
        "{base}{group}/providers/Microsoft.NotificationHubs/operationresults/{name}?api-version={}",
        call.api_version
    )
}

/// GET of a deletion's result: 202 while the namespace is there, then 200 with the word Completed (recorded 2020).
pub(crate) fn deletion(world: &World, call: &Call<'_>) -> Done {
    let name = call.target.name();
    let id = format!("{}/providers/Microsoft.NotificationHubs/namespaces/{name}", call.target.group_id());
    let response = match world.resources.get(&id.to_ascii_lowercase()) {
        Some(resource) if resource.deleting() => Response::empty(202).with("location", result_url(world, call, &id)),
        _ => Response::json(200, &json!({"name": name, "status": "Completed"})),
    };
    Done::new(Effect::Read, response)
}
