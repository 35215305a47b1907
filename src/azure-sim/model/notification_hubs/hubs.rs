//! Hubs and their platform credentials.

use serde_json::{Value, json};

use super::super::arm::{self, Call};
use super::super::journal::Effect;
use super::super::json;
use super::super::message::Response;
use super::super::path;
use super::super::refusal::{Answer, Done, Refusal};
use super::super::regions::display_name;
use super::super::registry::Kind;
use super::super::resource::Hidden;
use super::super::world::World;
use super::{credentials, debug_send, rules};

/// The default time to live of registrations: TimeSpan.MaxValue.
const FOREVER: &str = "10675199.02:48:05.4775807";

pub(super) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let key = call.target.key();
    match (call.method(), call.action().as_str()) {
        ("PUT", "") => return put(world, call, &key),
        ("DELETE", "") => {
            if !world.resources.contains_key(&key) {
                return Ok(Done::new(Effect::None, Response::empty(204)));
            }
            world.remove(&key);
            return Ok(Done::new(Effect::Delete, Response::empty(200)));
        }
        _ => {}
    }
    let resource = world.resources.get(&key).ok_or_else(|| arm::not_found(&call.target))?;
    match (call.method(), call.action().as_str()) {
        ("GET", "") => Ok(Done::read(&resource.body)),
        ("PATCH", "") => patch(world, call, &key),
        ("POST", "pnscredentials") => {
            let body = credentials::shown(&resource.body, world.credentials(&key));
            Ok(Done::new(Effect::Action, Response::json(200, &body)))
        }
        ("POST", "debugsend") => Ok(debug_send::answer(world, call, &key)),
        _ => Err(arm::unknown_type(call)),
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let valid = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) && name.len() <= 260;
    if valid { Ok(()) } else { Err(Refusal::bad_request(format!("The hub name '{name}' is invalid."))) }
}

fn put(world: &mut World, call: &Call<'_>, key: &str) -> Answer {
    let id = call.target.id();
    super::require_active_namespace(world, path::parent(key))?;
    let name = call.target.name();
    check_name(name)?;
    let location = json::text(&call.body, &["location"]).map(display_name).ok_or_else(|| {
        Refusal::new(400, "LocationRequired", "The location property is required for this definition.")
    })?;
    let namespace = world.resource(path::parent(key)).and_then(|body| json::text(body, &["location"]));
    if namespace != Some(&location) {
        return Err(Refusal::bad_request("The location of a hub must be that of its namespace."));
    }
    let created = !world.resources.contains_key(key);
    let credentials = credentials::after(world, call, key, &["properties"])?;
    let ttl = json::text(&call.body, &["properties", "registrationTtl"]).unwrap_or(FOREVER);
    let mut body = json!({
        "id": id, "name": name, "type": "Microsoft.NotificationHubs/namespaces/notificationHubs",
        "location": location, "properties": {"name": name, "registrationTtl": ttl, "authorizationRules": [], "dailyMaxActiveDevices": 0},
    });
    json::replace(&mut body, &call.body, &["tags"]);
    let response = Response::json(if created { 201 } else { 200 }, &body);
    if created {
        world.store(key.to_owned(), Kind::Hub, body, Hidden::Credentials(credentials));
        rules::add_default(world, &id, "DefaultListenSharedAccessSignature", &["Listen"], call.now);
        let all = ["Listen", "Manage", "Send"];
        rules::add_default(world, &id, "DefaultFullSharedAccessSignature", &all, call.now);
    } else if let Some(resource) = world.resources.get_mut(key) {
        (resource.body, resource.hidden) = (body, Hidden::Credentials(credentials));
    }
    Ok(Done::new(if created { Effect::Create } else { Effect::Update }, response))
}

fn patch(world: &mut World, call: &Call<'_>, key: &str) -> Answer {
    let credentials = credentials::after(world, call, key, &["properties"])?;
    let resource = world.resources.get_mut(key).ok_or_else(|| arm::not_found(&call.target))?;
    json::merge(&mut resource.body, &call.body, &["tags"]);
    json::merge(&mut resource.body, &call.body, &["properties", "registrationTtl"]);
    resource.hidden = Hidden::Credentials(credentials.clone());
    let mut shown = resource.body.clone();
    // The answer to PATCH holds the credentials and every rule's keys in clear (recorded, 2017-04-01).
    if let Value::Object(credentials) = credentials {
        for (name, credential) in credentials {
            json::put(&mut shown, &["properties", &name], credential);
        }
    }
    json::put(&mut shown, &["properties", "authorizationRules"], rules::in_clear(world, key));
    Ok(Done::new(Effect::Update, Response::json(200, &shown)))
}
