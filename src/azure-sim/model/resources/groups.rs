//! Resource groups.

use serde_json::{Value, json};

use super::super::arm::Call;
use super::super::authorization::roles;
use super::super::journal::Effect;
use super::super::json;
use super::super::list;
use super::super::message::Response;
use super::super::refusal::{Answer, Done, Refusal};
use super::super::regions;
use super::super::registry::Kind;
use super::super::resource::Hidden;
use super::super::timer::{self, Timer};
use super::super::world::World;
use super::filter::Filter;
use super::tags;

pub(crate) fn create(world: &mut World, subscription: &str, name: &str, location: &str) -> String {
    let id = format!("/subscriptions/{subscription}/resourceGroups/{name}");
    let key = id.to_ascii_lowercase();
    let body = json!({
        "id": id, "name": name, "type": "Microsoft.Resources/resourceGroups", "location": regions::bare(location),
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

pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    let subscription = call.target.subscription.as_deref().unwrap_or_default();
    let prefix = format!("/subscriptions/{subscription}/resourcegroups/").to_ascii_lowercase();
    let filter = Filter::of(call)?;
    let groups = world
        .beneath(&prefix)
        .filter(|(_, r)| r.kind == Kind::Group && filter.accepts(&r.body))
        .filter(|(_, r)| roles::may_see(world, call, Kind::Group, r.id()));
    list::page(world, call, 1000, groups, |r| r.body.clone())
}

pub(super) fn one(world: &mut World, call: &Call<'_>) -> Answer {
    let group = call.target.group.clone().unwrap_or_default();
    let key = call.target.group_id().to_ascii_lowercase();
    let exists = world.resources.contains_key(&key);
    match call.method() {
        "HEAD" => Ok(Done::new(Effect::Read, Response::empty(if exists { 204 } else { 404 }))),
        "GET" => world.resources.get(&key).map(|r| Done::read(&r.body)).ok_or_else(|| group_not_found(&group)),
        "PUT" => write(world, call, &group, &key, exists),
        "PATCH" if exists => write(world, call, &group, &key, exists),
        "PATCH" => Err(group_not_found(&group)),
        "DELETE" => delete(world, call, &group, key),
        method => Err(Refusal::new(405, "MethodNotAllowed", format!("The method '{method}' is not allowed."))),
    }
}

fn delete(world: &mut World, call: &Call<'_>, group: &str, key: String) -> Answer {
    let resource = world.resources.get_mut(&key).ok_or_else(|| group_not_found(group))?;
    let again = resource.deleting();
    resource.set_state("Deleting");
    let generation = resource.generation;
    if !again {
        let due = call.now + world.durations().group_delete;
        timer::at(world, due, Timer::Gone { key, generation });
    }
    let effect = if again { Effect::None } else { Effect::Delete };
    Ok(Done::new(effect, gone_later(world, call, group)))
}

fn gone_later(world: &World, call: &Call<'_>, group: &str) -> Response {
    let subscription = call.target.subscription.as_deref().unwrap_or_default();
    let base = &world.config().base_url;
    let url = format!("{base}/subscriptions/{subscription}/operationresults/{group}?api-version={}", call.api_version);
    Response::empty(202).with("location", url)
}

/// 202 while the group is going, 200 afterwards.
pub(super) fn deletion(world: &World, call: &Call<'_>) -> Done {
    let group = call.target.name();
    let key = format!("{}/resourcegroups/{group}", call.target.group_id()).to_ascii_lowercase();
    let going = world.resources.get(&key).is_some_and(|r| r.deleting());
    let response = if going { gone_later(world, call, group) } else { Response::empty(200) };
    Done::new(Effect::Read, response)
}

fn check_name(group: &str) -> Result<(), Refusal> {
    let valid = group.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '(' | ')' | '_'));
    if valid && !group.ends_with('.') && group.chars().count() <= 90 {
        return Ok(());
    }
    let message = format!(
        "The provided resource group name '{group}' is invalid. The name has at most 90 letters, digits, '-', '.', '(', \
         ')' and '_', and does not end with '.'."
    );
    Err(Refusal::new(400, "InvalidResourceGroup", message))
}

fn write(world: &mut World, call: &Call<'_>, group: &str, key: &str, exists: bool) -> Answer {
    check_name(group)?;
    tags::check(&call.body)?;
    let whole = call.method() == "PUT";
    let location = json::text(&call.body, &["location"]).map(regions::bare);
    if whole {
        let location = location.ok_or_else(|| {
            Refusal::new(400, "LocationRequired", "The location property is required for this definition.")
        })?;
        let kept = world.resource(key).and_then(|body| json::text(body, &["location"])).map(str::to_owned);
        match kept {
            Some(kept) if kept != location => {
                let message = format!(
                    "Invalid resource group location '{location}'. The Resource group already exists in location '{kept}'."
                );
                return Err(Refusal::new(409, "InvalidResourceGroupLocation", message));
            }
            Some(_) => {}
            None => {
                let subscription = call.target.subscription.clone().unwrap_or_default();
                create(world, &subscription, group, &location);
            }
        }
    }
    if let Some(resource) = world.resources.get_mut(key) {
        if resource.deleting() {
            let message =
                format!("The resource group '{group}' is in deprovisioning state and cannot perform this operation.");
            return Err(Refusal::new(409, "ResourceGroupBeingDeleted", message));
        }
        for member in ["tags", "managedBy"] {
            if whole {
                json::replace(&mut resource.body, &call.body, &[member]);
            } else {
                json::merge(&mut resource.body, &call.body, &[member]);
            }
        }
    }
    let body = world.resource(key).cloned().unwrap_or(Value::Null);
    let (status, effect) = if exists { (200, Effect::Update) } else { (201, Effect::Create) };
    Ok(Done::new(effect, Response::json(status, &body)))
}
