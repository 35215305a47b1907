//! Microsoft.EventGrid: system topics and event subscriptions.

pub(crate) mod delivery;
mod destination;
mod filter;
mod handshake;
mod subscriptions;
mod topics;

use serde_json::{Value, json};

use super::arm::{self, Call};
use super::list;
use super::refusal::{Answer, Done};
use super::registry::Kind;
use super::world::World;

pub(crate) use handshake::{Handshake, ask, handshake_answered, manual_over, validation_fetched};
pub(crate) use subscriptions::concluded;
pub(crate) use topics::drop_implicit as drop_implicit_topic;

/// Event Grid documents 20 as the default page.
const PAGE: usize = 20;

pub(crate) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let target = &call.target;
    if let (Some(kind), "GET") = (target.collection().map(|t| t.kind), call.method()) {
        if kind == Kind::ScopeSubscription {
            return by_scope(world, call);
        }
        if !target.types.is_empty() && !world.resources.contains_key(&target.key()) {
            return Err(arm::not_found(target));
        }
        return list::list(world, call, kind, world.config().page_size.min(PAGE));
    }
    match target.kind() {
        Some(Kind::SystemTopic) => topics::answer(world, call),
        Some(Kind::TopicSubscription | Kind::ScopeSubscription) => subscriptions::answer(world, call),
        _ => looked_up(world, call),
    }
}

/// Event subscriptions that lie on one resource, or (without a scope) on the subscription or group itself.
fn by_scope(world: &World, call: &Call<'_>) -> Answer {
    let scope = call.target.scope.clone().unwrap_or_else(|| call.target.group_id()).to_ascii_lowercase();
    let prefix = format!("{scope}/providers/microsoft.eventgrid/eventsubscriptions/");
    let page = world.config().page_size.min(PAGE);
    list::select(world, call, &prefix, page, |kind, _| kind == Kind::ScopeSubscription)
}

/// Event types, and which system topic a resource has.
fn looked_up(world: &World, call: &Call<'_>) -> Answer {
    let target = &call.target;
    let tail = target.tail.as_deref().map(str::to_ascii_lowercase);
    if call.method() == "GET" && tail.as_deref() == Some("eventtypes") {
        let topic_type = topics::COMMUNICATION_TOPIC_TYPE;
        let list: Vec<Value> = acs_wire::event_types::COMMUNICATION
            .iter()
            .map(|name| {
                json!({
                    "id": format!("providers/Microsoft.EventGrid/topicTypes/{topic_type}/eventTypes/{name}"),
                    "name": name, "type": "Microsoft.EventGrid/topicTypes/eventTypes",
                    "properties": {"displayName": name, "isInDefaultSet": true},
                })
            })
            .collect();
        return Ok(Done::read(&json!({"value": list})));
    }
    let extension = target.types.first().is_some_and(|t| t == "extensiontopics");
    if call.method() == "GET"
        && extension
        && let Some(scope) = &target.scope
    {
        let topic = topics::of_source(world, scope).map(|(key, _)| key.clone()).unwrap_or_default();
        let id = world.resource(&topic).and_then(|b| b.get("id")).cloned();
        return Ok(Done::read(&json!({
            "id": format!("{scope}/providers/Microsoft.EventGrid/extensionTopics/default"),
            "name": "default", "type": "Microsoft.EventGrid/extensionTopics",
            "properties": {"systemTopic": id, "description": null},
        })));
    }
    Err(arm::unknown_type(call))
}
