//! The POST actions of a communication service: keys, the link to a hub, name checks.

use serde_json::{Value, json};

use super::super::arm::{self, Call};
use super::super::journal::Effect;
use super::super::json;
use super::super::message::Response;
use super::super::path;
use super::super::refusal::{Answer, Done, Refusal};
use super::super::registry::Kind;
use super::super::resource::{Half, Hidden, Link};
use super::super::shapes;
use super::super::world::World;

pub(super) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let key = call.target.key();
    if !world.resources.contains_key(&key) {
        return Err(arm::not_found(&call.target));
    }
    match call.action().as_str() {
        "listkeys" => list_keys(world, &key),
        "regeneratekey" => regenerate(world, call, &key),
        "linknotificationhub" => link_called(world, call, &key),
        _ => Err(arm::unknown_type(call)),
    }
}

fn connection_string(host: &str, key: &str) -> String {
    format!("endpoint=https://{host}/;accesskey={key}")
}

fn list_keys(world: &World, key: &str) -> Answer {
    let resource = world.resources.get(key);
    let host = resource.and_then(|r| json::text(&r.body, &["properties", "hostName"]));
    let (Some(keys), Some(host)) = (resource.and_then(|r| r.keys()), host) else {
        // Before the first Succeeded there is no host to name.
        return Err(Refusal::new(409, "ResourceNotReady", "The resource is not provisioned yet."));
    };
    let body = json!({
        "primaryKey": keys.primary, "secondaryKey": keys.secondary,
        "primaryConnectionString": connection_string(host, &keys.primary),
        "secondaryConnectionString": connection_string(host, &keys.secondary),
    });
    Ok(Done::new(Effect::Action, Response::json(200, &body)))
}

fn regenerate(world: &mut World, call: &Call<'_>, key: &str) -> Answer {
    let half = match json::text(&call.body, &["keyType"]).map(str::to_ascii_lowercase).as_deref() {
        Some("primary") => Half::Primary,
        Some("secondary") => Half::Secondary,
        _ => return Err(Refusal::bad_request("The property 'keyType' must be 'Primary' or 'Secondary'.")),
    };
    let new = world.random.service_key();
    let resource = world.resources.get_mut(key).ok_or_else(|| arm::not_found(&call.target))?;
    let host = json::text(&resource.body, &["properties", "hostName"]).unwrap_or_default().to_owned();
    if let Some(keys) = resource.keys_mut() {
        keys.half(half).clone_from(&new);
    }
    let string = connection_string(&host, &new);
    // Only the regenerated half (recorded).
    let body = match half {
        Half::Primary => json!({"primaryKey": new, "primaryConnectionString": string}),
        Half::Secondary => json!({"secondaryKey": new, "secondaryConnectionString": string}),
    };
    Ok(Done::new(Effect::Action, Response::json(200, &body)))
}

fn link_called(world: &mut World, call: &Call<'_>, key: &str) -> Answer {
    let field = |name: &str| {
        json::text(&call.body, &[name])
            .ok_or_else(|| Refusal::bad_request(format!("The property '{name}' is required.")))
    };
    let (hub, connection_string) = (field("resourceId")?, field("connectionString")?);
    let own = call.target.subscription.as_deref().unwrap_or_default();
    if !path::subscription_of(hub).eq_ignore_ascii_case(own) {
        let message = "The notification hub must be in the same subscription as the communication service";
        return Err(Refusal::new(400, "WrongSubscription", message));
    }
    // Neither the hub nor the key is looked at: recordings link a hub that does not exist with a made-up key.
    link(world, key, hub, connection_string, call.now);
    Ok(Done::new(Effect::Action, Response::json(200, &json!({"resourceId": hub}))))
}

/// Remembers a link; pushes take it once it has propagated.
pub(crate) fn link(world: &mut World, key: &str, hub: &str, connection_string: &str, now: u64) {
    let effective = now + world.durations().link_propagation;
    let Some(resource) = world.resources.get_mut(key) else { return };
    json::put(&mut resource.body, &["properties", "notificationHubId"], hub);
    if let Hidden::Service { links, .. } = &mut resource.hidden {
        // Of those that have propagated only the newest counts.
        let newest = links.iter().rposition(|l| l.effective <= now).unwrap_or(0);
        links.drain(..newest);
        let connection_string = connection_string.to_owned();
        links.push(Link { hub: hub.into(), connection_string, since: now, effective });
    }
    world.touch_etag(key);
}

pub(super) fn check_name(world: &World, call: &Call<'_>) -> Answer {
    let (name, kind) = (json::text(&call.body, &["name"]), json::text(&call.body, &["type"]));
    let Some(name) = name else {
        return Err(Refusal::bad_request("The property 'name' is required."));
    };
    let expected = "Microsoft.Communication/CommunicationServices";
    // Required up to 2025-05-01; the specification of 2026-03-18 asks for neither.
    if kind.is_none() && !shapes::knows(Kind::Service, &call.api_version, "2026-03-18") {
        return Err(Refusal::bad_request("The property 'type' is required."));
    }
    if kind.is_some_and(|k| !k.eq_ignore_ascii_case(expected)) {
        return Err(Refusal::bad_request(format!("The property 'type' must be '{expected}'.")));
    }
    let lower = name.to_ascii_lowercase();
    let taken = super::RESERVED.contains(&lower.as_str()) || super::name_taken(world, "", &lower);
    let body: Value = if taken {
        json!({"nameAvailable": false, "reason": "AlreadyExists", "message": "Requested name is unavailable for the requested type"})
    } else {
        // Not in the enum, but in the specification's own example.
        json!({"nameAvailable": true, "reason": "NameAvailable", "message": "Requested name is available for the requested type"})
    };
    Ok(Done::new(Effect::Action, Response::json(200, &body)))
}
