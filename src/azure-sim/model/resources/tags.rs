//! Tags as a resource of their own, `Microsoft.Resources/tags/default`, and the names that a subscription uses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::arm::{self, Call};
use super::super::journal::Effect;
use super::super::json;
use super::super::message::Response;
use super::super::past;
use super::super::refusal::{Answer, Done, Refusal};
use super::super::world::World;

/// Tags of one resource, at most, and characters of a name and of a value (documented; the older contract says 15).
const MOST: usize = 50;
const LONGEST_NAME: usize = 512;
const LONGEST_VALUE: usize = 256;

/// Refuses a body whose tags ARM would refuse (its codes for the lengths are not known here: unverified).
pub(crate) fn check(body: &Value) -> Result<(), Refusal> {
    match body.get("tags") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(tags)) => check_map(tags),
        Some(_) => Err(not_texts()),
    }
}

fn not_texts() -> Refusal {
    let message = "The request content was invalid and could not be deserialized: 'tags must be an object of texts'.";
    Refusal::new(400, "InvalidRequestContent", message)
}

fn check_map(tags: &Map<String, Value>) -> Result<(), Refusal> {
    if tags.len() > MOST {
        let message = format!("The number of tags '{}' exceeds the maximum of '{MOST}'.", tags.len());
        return Err(Refusal::new(400, "TooManyTags", message));
    }
    for (name, value) in tags {
        if name.chars().any(|c| "<>%&\\?/".contains(c) || c.is_control()) {
            let message =
                format!("The tag names '{name}' have reserved characters '<,>,%,&,\\,?,/' or control characters.");
            return Err(Refusal::new(400, "InvalidTagNameCharacters", message));
        }
        let value = value.as_str().ok_or_else(not_texts)?;
        if name.chars().count() > LONGEST_NAME || value.chars().count() > LONGEST_VALUE {
            let message = format!(
                "The tag '{}' is too long: names have at most {LONGEST_NAME} characters, values {LONGEST_VALUE}.",
                name.chars().take(40).collect::<String>()
            );
            return Err(Refusal::new(400, "TagTooLong", message));
        }
    }
    Ok(())
}

/// `{scope}/providers/Microsoft.Resources/tags/default`.
pub(super) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let target = &call.target;
    let ours = matches!(target.types.as_slice(), [one] if one == "tags") && target.tail.is_none();
    if !ours || !target.name().eq_ignore_ascii_case("default") || target.subscription.is_none() {
        return Err(arm::unknown_type(call));
    }
    let (scope, before) = (target.scoped(), read(world, call)?);
    let after = match call.method() {
        "GET" => return Ok(Done::read(&shown(&scope, &before))),
        "PUT" => sent(call)?,
        "PATCH" => merged(call, before)?,
        "DELETE" => Map::new(),
        _ => return Err(arm::unknown_type(call)),
    };
    check_map(&after)?;
    store(world, &scope, &after);
    if call.method() == "DELETE" {
        return Ok(Done::new(Effect::Delete, Response::empty(200)));
    }
    Ok(Done::new(Effect::Update, Response::json(200, &shown(&scope, &after))))
}

fn read(world: &World, call: &Call<'_>) -> Result<Map<String, Value>, Refusal> {
    let key = call.target.scoped().to_ascii_lowercase();
    let tags = if call.target.group.is_none() {
        world.kept.tags.get(&key)
    } else {
        let body = world.resource(&key).ok_or_else(|| {
            Refusal::new(404, "ResourceNotFound", format!("The Resource '{}' was not found.", call.target.scoped()))
        })?;
        json::at(body, &["tags"])
    };
    Ok(tags.and_then(Value::as_object).cloned().unwrap_or_default())
}

fn sent(call: &Call<'_>) -> Result<Map<String, Value>, Refusal> {
    let tags = json::at(&call.body, &["properties", "tags"]).and_then(Value::as_object);
    tags.cloned().ok_or_else(not_texts)
}

fn merged(call: &Call<'_>, before: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let (operation, sent) = (json::text(&call.body, &["operation"]).unwrap_or_default(), sent(call)?);
    let mut after = before;
    match operation.to_ascii_lowercase().as_str() {
        "replace" => after = sent,
        "merge" => {
            for (name, value) in sent {
                // A tag keeps the case of its name while it lives.
                let known = after.keys().find(|n| n.eq_ignore_ascii_case(&name)).cloned();
                after.insert(known.unwrap_or(name), value);
            }
        }
        "delete" => after.retain(|name, value| {
            !sent.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && (v == value || v.as_str() == Some("")))
        }),
        _ => {
            let message = format!("The operation '{operation}' is invalid: it is one of Merge, Replace and Delete.");
            return Err(Refusal::new(400, "InvalidTagsOperation", message));
        }
    }
    Ok(after)
}

fn store(world: &mut World, scope: &str, tags: &Map<String, Value>) {
    let key = scope.to_ascii_lowercase();
    let tags = Value::Object(tags.clone());
    match world.resources.get_mut(&key) {
        Some(resource) => {
            json::put(&mut resource.body, &["tags"], tags);
            world.touch_etag(&key);
        }
        None => {
            let before = world.kept.tags.get(&key).cloned();
            past::tagged(world, &key, before);
            world.kept.tags.insert(key, tags);
        }
    }
}

fn shown(scope: &str, tags: &Map<String, Value>) -> Value {
    json!({
        "id": format!("{scope}/providers/Microsoft.Resources/tags/default"), "name": "default",
        "type": "Microsoft.Resources/tags", "properties": {"tags": tags},
    })
}

/// The names of tags in a subscription with their values, and how often each is used.
pub(super) fn names(world: &World, call: &Call<'_>) -> Done {
    let subscription = call.target.group_id();
    let mut found: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    let prefix = format!("{subscription}/").to_ascii_lowercase();
    for (_, resource) in world.beneath(&prefix) {
        let Some(Value::Object(tags)) = json::at(&resource.body, &["tags"]) else { continue };
        for (name, value) in tags {
            *found.entry(name).or_default().entry(value.as_str().unwrap_or_default()).or_default() += 1;
        }
    }
    let count = |value: u64| json!({"type": "Total", "value": value});
    let list: Vec<Value> = found
        .into_iter()
        .map(|(name, values)| {
            let id = format!("{subscription}/tagNames/{name}");
            let total = values.values().sum();
            let values: Vec<Value> = values
                .into_iter()
                .map(|(v, n)| json!({"id": format!("{id}/tagValues/{v}"), "tagValue": v, "count": count(n)}))
                .collect();
            json!({"id": id, "tagName": name, "count": count(total), "values": values})
        })
        .collect();
    Done::read(&json!({"value": list}))
}
