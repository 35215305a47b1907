//! System topics: one per source.

use serde_json::{Value, json};

use super::super::arm::{self, Call};
use super::super::identity::{self, Both};
use super::super::journal::Effect;
use super::super::json;
use super::super::message::Response;
use super::super::operation::{self, Style};
use super::super::path;
use super::super::refusal::{Answer, Done, Refusal};
use super::super::registry::{self, Kind};
use super::super::resource::{Hidden, Resource};
use super::super::resources;
use super::super::timer;
use super::super::world::World;
use super::source::TopicType;

pub(super) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let key = call.target.key();
    match (call.method(), call.target.tail.is_some()) {
        ("PUT", false) => put(world, call, &key),
        ("GET", false) => {
            world.resources.get(&key).map(|r| Done::read(&r.body)).ok_or_else(|| arm::not_found(&call.target))
        }
        ("PATCH", false) => patch(world, call, &key),
        ("DELETE", false) => Ok(delete(world, call, &key)),
        _ => Err(arm::unknown_type(call)),
    }
}

/// The topic of a source, in whatever group it is.
pub(super) fn of_source<'a>(world: &'a World, source: &str) -> Option<(&'a String, &'a Resource)> {
    world.resources.iter().find(|(_, r)| {
        r.kind == Kind::SystemTopic
            && json::text(&r.body, &["properties", "source"]).is_some_and(|s| s.eq_ignore_ascii_case(source))
    })
}

/// Whether the source of a topic or subscription is there. Resources of providers that are not simulated are believed.
pub(super) fn source_missing(world: &World, source: &str) -> bool {
    let lower = source.to_ascii_lowercase();
    match TopicType::of(source).map(|of| of.scopes) {
        Some(["AzureSubscription"]) => !world.config().has_subscription(path::subscription_of(source)),
        Some(_) => !world.resources.contains_key(&lower),
        // Topics and domains of Event Grid's own are not simulated.
        None if path::provider_of(source).eq_ignore_ascii_case(registry::EVENT_GRID) => false,
        None => path::simulated(source) && !world.resources.contains_key(&lower),
    }
}

fn check<'a>(world: &World, call: &'a Call<'_>, key: &str) -> Result<(&'a str, &'a str), Refusal> {
    let name = call.target.name();
    if !(3..=128).contains(&name.len()) || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Refusal::invalid_request(format!("The system topic name '{name}' is invalid.")));
    }
    let field = |name: &str| {
        json::text(&call.body, &["properties", name])
            .ok_or_else(|| Refusal::invalid_request(format!("System topic {name} must be specified.")))
    };
    identity::check(&call.body, Both::Spaced)?;
    let (source, topic_type) = (field("source")?, field("topicType")?);
    let location = json::text(&call.body, &["location"]).ok_or_else(|| {
        Refusal::new(400, "LocationRequired", "The location property is required for this definition.")
    })?;
    if let Some(existing) = world.resource(key)
        && !json::text(existing, &["properties", "source"]).is_some_and(|s| s.eq_ignore_ascii_case(source))
    {
        return Err(Refusal::invalid_request("System topic source cannot be modified."));
    }
    if !path::subscription_of(source).eq_ignore_ascii_case(call.target.subscription.as_deref().unwrap_or_default()) {
        let message = "The system topic and its source must be in the same Azure subscription.";
        return Err(Refusal::invalid_request(message));
    }
    let of = TopicType::of(source);
    if of.is_some_and(|of| !topic_type.eq_ignore_ascii_case(of.name)) {
        return Err(Refusal::invalid_request(format!("Topic type '{topic_type}' does not fit source '{source}'.")));
    }
    if of.is_some() && !location.eq_ignore_ascii_case("global") {
        let message = "The location of the system topic must be that of its source: 'global'.";
        return Err(Refusal::invalid_request(message));
    }
    if source_missing(world, source) {
        return Err(Refusal::invalid_request(format!("System topic source '{source}' could not be found.")));
    }
    if let Some((other, resource)) = of_source(world, source)
        && other != key
    {
        // The wording several clients report.
        let message = format!(
            "There is an existing tracked system topic for the given source {source}. Existing system topic: {}. Only \
             one system topic is allowed per source.",
            resource.id()
        );
        return Err(Refusal::invalid_request(message));
    }
    Ok((source, topic_type))
}

fn put(world: &mut World, call: &Call<'_>, key: &str) -> Answer {
    let id = call.target.id();
    if world.resources.get(key).is_some_and(|r| r.busy()) {
        return Err(arm::busy(&id));
    }
    let (source, topic_type) = check(world, call, key)?;
    let mut body = match world.resource(key) {
        Some(body) => body.clone(),
        None => {
            let metric = world.random.guid();
            json!({
                "id": id, "name": call.target.name(), "type": "Microsoft.EventGrid/systemTopics",
                "location": json::text(&call.body, &["location"]),
                "properties": {
                    "provisioningState": "Succeeded", "source": source, "topicType": topic_type.to_ascii_lowercase(),
                    "metricResourceId": metric,
                },
            })
        }
    };
    let before = body.clone();
    json::replace(&mut body, &call.body, &["tags"]);
    identify(world, call, &mut body, true);
    let created = !world.resources.contains_key(key);
    let failed = json::text(&before, &["properties", "provisioningState"]) == Some("Failed");
    if !created && !failed && body == before {
        // Nothing to do: 200 at once, no operation (recorded).
        return Ok(Done::new(Effect::None, Response::json(200, &body)));
    }
    json::put(&mut body, &["properties", "provisioningState"], if created { "Creating" } else { "Updating" });
    let generation = world.store(key.to_owned(), Kind::SystemTopic, body.clone(), Hidden::None);
    let started = operation::begin(world, call, Style::EventGrid, &id, false);
    let due = call.now + world.durations().system_topic;
    started.ready_at(world, key, generation, due);
    started.finish_at(world, due);
    let effect = if created { Effect::Create } else { Effect::Update };
    Ok(Done::new(effect, started.on(Response::json(201, &body))))
}

fn identify(world: &World, call: &Call<'_>, body: &mut Value, whole: bool) {
    let sent = json::at(&call.body, &["identity"]);
    if sent.is_none() && !whole {
        return;
    }
    json::replace(body, &call.body, &["identity"]);
    identity::fill(body, &world.config().tenant_id);
}

fn patch(world: &mut World, call: &Call<'_>, key: &str) -> Answer {
    let resource = world.resources.get(key).ok_or_else(|| arm::not_found(&call.target))?;
    if resource.busy() {
        return Err(arm::busy(&call.target.id()));
    }
    identity::check(&call.body, Both::Spaced)?;
    let (id, mut body) = (resource.id().to_owned(), resource.body.clone());
    let before = json::at(&body, &["identity"]).cloned();
    json::merge(&mut body, &call.body, &["tags"]);
    identify(world, call, &mut body, false);
    let generation = world.touch(key);
    let moved = json::at(&body, &["identity"]) != before.as_ref();
    if moved {
        json::put(&mut body, &["properties", "provisioningState"], "Updating");
    }
    if let Some(resource) = world.resources.get_mut(key) {
        resource.body = body.clone();
    }
    if !moved {
        return Ok(Done::new(Effect::Update, Response::json(200, &body)));
    }
    let started = operation::begin(world, call, Style::EventGrid, &id, false);
    let due = call.now + world.durations().system_topic;
    started.ready_at(world, key, generation, due);
    started.finish_at(world, due);
    Ok(Done::new(Effect::Update, started.on(Response::json(201, &body))))
}

/// Topics and subscriptions go alike: 202 with both headers.
pub(super) fn delete(world: &mut World, call: &Call<'_>, key: &str) -> Done {
    let due = call.now + world.durations().event_grid_delete;
    let Some(resource) = world.resources.get(key) else {
        return Done::new(Effect::None, Response::empty(204));
    };
    let (id, effect) = (resource.id().to_owned(), if resource.deleting() { Effect::None } else { Effect::Delete });
    if let Some(due) = timer::gone_due(world, key) {
        let joined = operation::joined(world, call, Style::EventGrid, &id, due);
        return Done::new(effect, joined.on(Response::empty(202)));
    }
    if let Some(resource) = world.resources.get_mut(key) {
        resource.set_state("Deleting");
    }
    let generation = world.touch(key);
    let started = operation::begin(world, call, Style::EventGrid, &id, true);
    started.gone_at(world, key, generation, due);
    Done::new(effect, started.on(Response::empty(202)))
}

/// Where the topic of a whole subscription lies (documented), made when it is missing. Its region is unverified.
const DEFAULT_GROUP: &str = "Default-EventGrid";

/// The topic that Event Grid makes for the first extension-scope subscription of a source: `<resource>-<GUID>`.
pub(super) fn make_implicit(world: &mut World, source: &str) {
    if of_source(world, source).is_some() {
        return;
    }
    let (guid, metric) = (world.random.guid(), world.random.guid());
    let of = TopicType::of(source);
    let group = match of.map(|of| of.scopes) {
        Some(["AzureSubscription"]) => default_group(world, path::subscription_of(source)),
        _ => source.split("/providers/").next().unwrap_or_default().to_owned(),
    };
    let name = format!("{}-{guid}", path::leaf(source));
    let id = format!("{group}/providers/Microsoft.EventGrid/systemTopics/{name}");
    let body = json!({
        "id": id, "name": name, "type": "Microsoft.EventGrid/systemTopics", "location": "global",
        "properties": {
            "provisioningState": "Succeeded", "source": source,
            "topicType": of.map(|of| of.name.to_ascii_lowercase()), "metricResourceId": metric,
        },
    });
    world.store(id.to_ascii_lowercase(), Kind::SystemTopic, body, Hidden::Implicit);
}

fn default_group(world: &mut World, subscription: &str) -> String {
    let id = format!("/subscriptions/{subscription}/resourceGroups/{DEFAULT_GROUP}");
    if !world.resources.contains_key(&id.to_ascii_lowercase()) {
        resources::create(world, subscription, DEFAULT_GROUP, "westus2");
    }
    id
}

/// The implicit topic goes with the last subscription on its source.
pub(crate) fn drop_implicit(world: &mut World, subscription_key: &str) {
    let Some((source, _)) = subscription_key.split_once("/providers/microsoft.eventgrid/") else { return };
    let prefix = format!("{source}/providers/microsoft.eventgrid/eventsubscriptions/");
    if world.beneath(&prefix).next().is_some() {
        return;
    }
    let implicit = of_source(world, source).filter(|(_, r)| r.hidden == Hidden::Implicit).map(|(key, _)| key.clone());
    if let Some(key) = implicit {
        world.remove(&key);
    }
}
