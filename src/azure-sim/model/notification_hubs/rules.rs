//! Authorization rules of namespaces and hubs, and their keys.

use serde_json::{Value, json};

use super::super::arm::{self, Call};
use super::super::journal::Effect;
use super::super::json;
use super::super::message::Response;
use super::super::path;
use super::super::refusal::{Answer, Done, Refusal};
use super::super::registry::Kind;
use super::super::resource::{Half, Hidden, Keys};
use super::super::shapes;
use super::super::world::{World, timestamp};

pub(super) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let key = call.target.key();
    match (call.method(), call.action().as_str()) {
        ("PUT", "") => return put(world, call, &key),
        ("DELETE", "") => {
            let effect = if world.resources.contains_key(&key) { Effect::Delete } else { Effect::None };
            world.remove(&key);
            return Ok(Done::new(effect, Response::empty(if effect == Effect::Delete { 200 } else { 204 })));
        }
        _ => {}
    }
    let resource = world.resources.get(&key).ok_or_else(|| arm::not_found(&call.target))?;
    match (call.method(), call.action().as_str()) {
        ("GET", "") => Ok(Done::read(&resource.body)),
        ("POST", "listkeys") => {
            Ok(Done::new(Effect::Action, Response::json(200, &keys(world, &key, &call.api_version))))
        }
        ("POST", "regeneratekeys") => {
            let half = match json::text(&call.body, &["policyKey"]).map(str::to_ascii_lowercase).as_deref() {
                Some("primarykey" | "primary key") => Half::Primary,
                Some("secondarykey" | "secondary key") => Half::Secondary,
                _ => return Err(Refusal::bad_request("'policyKey' must be 'PrimaryKey' or 'SecondaryKey'.")),
            };
            regenerate(world, &key, half);
            Ok(Done::new(Effect::Action, Response::json(200, &keys(world, &key, &call.api_version))))
        }
        _ => Err(arm::unknown_type(call)),
    }
}

pub(crate) fn regenerate(world: &mut World, key: &str, half: Half) {
    let new = world.random.rule_key();
    if let Some(keys) = world.resources.get_mut(key).and_then(|r| r.keys_mut()) {
        *keys.half(half) = new;
    }
}

/// Without `EntityPath`: for links, which need none.
pub(crate) fn connection_string(namespace: &str, rule: &str, key: &str) -> String {
    format!("Endpoint=sb://{namespace}.servicebus.windows.net/;SharedAccessKeyName={rule};SharedAccessKey={key}")
}

fn keys(world: &World, key: &str, version: &str) -> Value {
    let Some(resource) = world.resources.get(key) else { return Value::Null };
    let Some(keys) = resource.keys() else { return Value::Null };
    let name = path::leaf(resource.id());
    let mut parts = resource.id().split('/');
    let namespace = parts.nth(8).unwrap_or_default();
    // The specification's examples of 2023 name the hub in the string; recordings of 2017-04-01 do not.
    let named = resource.kind == Kind::HubRule && shapes::knows(Kind::HubRule, version, "2023-09-01");
    let hub = parts.nth(1).filter(|_| named).map_or_else(String::new, |hub| format!(";EntityPath={hub}"));
    json!({
        "primaryConnectionString": format!("{}{hub}", connection_string(namespace, name, &keys.primary)),
        "secondaryConnectionString": format!("{}{hub}", connection_string(namespace, name, &keys.secondary)),
        "primaryKey": keys.primary, "secondaryKey": keys.secondary, "keyName": name,
    })
}

/// All rules of a hub with their keys.
pub(super) fn in_clear(world: &World, hub_key: &str) -> Value {
    let prefix = format!("{hub_key}/authorizationrules/");
    let rules = world.beneath(&prefix).map(|(_, resource)| {
        let mut rule = resource.body.get("properties").cloned().unwrap_or_default();
        if let Some(keys) = resource.keys() {
            json::put(&mut rule, &["primaryKey"], keys.primary.clone());
            json::put(&mut rule, &["secondaryKey"], keys.secondary.clone());
        }
        rule
    });
    Value::Array(rules.collect())
}

fn rights(call: &Call<'_>) -> Result<Vec<&'static str>, Refusal> {
    let invalid = || Refusal::bad_request("'rights' must be a list of Manage, Send and Listen.");
    let sent = json::at(&call.body, &["properties", "rights"]).and_then(Value::as_array).ok_or_else(invalid)?;
    let mut rights = Vec::new();
    for right in sent {
        let right = right.as_str().unwrap_or_default();
        let known = ["Listen", "Manage", "Send"].into_iter().find(|r| r.eq_ignore_ascii_case(right));
        rights.push(known.ok_or_else(invalid)?);
    }
    rights.sort_unstable();
    rights.dedup();
    if rights.is_empty() || (rights.contains(&"Manage") && rights.len() < 3) {
        return Err(Refusal::bad_request("A rule needs a right, and Manage needs Send and Listen."));
    }
    Ok(rights)
}

fn put(world: &mut World, call: &Call<'_>, key: &str) -> Answer {
    let (id, name) = (call.target.id(), call.target.name());
    let parent = path::parent(key);
    let hub = call.target.kind() == Some(Kind::HubRule);
    super::require_active_namespace(world, if hub { path::parent(parent) } else { parent })?;
    if !world.resources.contains_key(parent) {
        let message = format!(
            "Can not perform requested operation on nested resource. Parent resource '{}' not found.",
            path::leaf(parent)
        );
        return Err(Refusal::new(404, "ParentResourceNotFound", message));
    }
    let rights = rights(call)?;
    let created = !world.resources.contains_key(key);
    if let Some(resource) = world.resources.get_mut(key) {
        let revision = json::at(&resource.body, &["properties", "revision"]).and_then(Value::as_i64).unwrap_or(0);
        json::put(&mut resource.body, &["properties", "rights"], rights);
        json::put(&mut resource.body, &["properties", "revision"], revision + 1);
        json::put(&mut resource.body, &["properties", "modifiedTime"], timestamp(call.now));
    } else {
        add(world, &id, name, &rights, call.now);
    }
    let body = world.resource(key).cloned().unwrap_or_default();
    // 200 for a new rule too (recorded).
    Ok(Done::new(if created { Effect::Create } else { Effect::Update }, Response::json(200, &body)))
}

/// A rule that comes with its namespace or hub.
pub(super) fn add_default(world: &mut World, parent_id: &str, name: &str, rights: &[&str], now: u64) {
    let id = format!("{parent_id}/authorizationRules/{name}");
    if !world.resources.contains_key(&id.to_ascii_lowercase()) {
        add(world, &id, name, rights, now);
    }
}

fn add(world: &mut World, id: &str, name: &str, rights: &[&str], now: u64) {
    let hub = id.contains("/notificationHubs/");
    let of = if hub { "namespaces/notificationHubs" } else { "namespaces" };
    let parent = path::parent(&id.to_ascii_lowercase()).to_owned();
    let location = world.resource(&parent).and_then(|p| p.get("location")).cloned();
    let body = json!({
        "id": id, "name": name, "type": format!("Microsoft.NotificationHubs/{of}/authorizationRules"),
        "location": location,
        "properties": {
            "rights": rights, "keyName": name, "claimType": "SharedAccessKey", "claimValue": "None",
            "createdTime": timestamp(now), "modifiedTime": timestamp(now), "revision": 0,
        },
    });
    let keys = Keys::of_rule(&mut world.random);
    let kind = if hub { Kind::HubRule } else { Kind::NamespaceRule };
    world.store(id.to_ascii_lowercase(), kind, body, Hidden::Rule(keys));
}
