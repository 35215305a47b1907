//! Microsoft.EventGrid: system topics and event subscriptions.

pub(crate) mod delivery;
mod destination;
mod filter;
mod handshake;
pub(crate) mod resource_events;
mod source;
mod subscriptions;
mod topic_types;
mod topics;

use serde_json::json;

use super::arm::{self, Call};
use super::list;
use super::refusal::{Answer, Done, Refusal};
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
            return if target.scope.is_some() { by_scope(world, call) } else { looked_up(world, call) };
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

/// Event subscriptions that lie on one resource.
fn by_scope(world: &World, call: &Call<'_>) -> Answer {
    let scope = call.target.scoped().to_ascii_lowercase();
    if topics::source_missing(world, &scope) {
        return Err(Refusal::new(404, "ResourceNotFound", format!("The resource '{scope}' was not found.")));
    }
    let prefix = format!("{scope}/providers/microsoft.eventgrid/eventsubscriptions/");
    let page = world.config().page_size.min(PAGE);
    list::select(world, call, &prefix, page, |kind, _| kind == Kind::ScopeSubscription)
}

/// Topic types and their event types, lists of event subscriptions across resources, and which system topic a resource has.
fn looked_up(world: &World, call: &Call<'_>) -> Answer {
    let target = &call.target;
    if call.method() != "GET" {
        return Err(arm::unknown_type(call));
    }
    if let Some(answer) = topic_types::answer(world, call) {
        return answer;
    }
    if let Some(chosen) = topic_types::Chosen::of(target) {
        let prefix = format!("{}/", target.group_id()).to_ascii_lowercase();
        let page = world.config().page_size.min(PAGE);
        return list::select(world, call, &prefix, page, |kind, key| {
            kind == Kind::ScopeSubscription && chosen.takes(key)
        });
    }
    let extension = matches!(target.types.as_slice(), [one] if one == "extensiontopics");
    if extension && target.subscription.is_some() {
        return extension_topic(world, &target.scoped());
    }
    Err(arm::unknown_type(call))
}

/// There while events of the resource go anywhere.
fn extension_topic(world: &World, scope: &str) -> Answer {
    let Some((_, topic)) = topics::of_source(world, scope) else {
        let message = format!("The extension topic of '{scope}' was not found: no event subscription is on it.");
        return Err(Refusal::new(404, "ResourceNotFound", message));
    };
    let id = format!("{scope}/providers/Microsoft.EventGrid/extensionTopics/default");
    Ok(Done::read(&json!({
        "id": id, "name": "default", "type": "Microsoft.EventGrid/extensionTopics",
        "properties": {
            "systemTopic": topic.id(),
            "description": format!("Extension topic for {id} that can be used to obtain metrics"),
        },
    })))
}
