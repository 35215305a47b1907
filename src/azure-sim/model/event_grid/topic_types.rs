//! Topic types: which kinds of source have events, and which events those are.

use serde_json::{Value, json};

use super::super::arm::Call;
use super::super::path::Target;
use super::super::refusal::{Answer, Done, Refusal};
use super::super::regions;
use super::super::registry::Kind;
use super::super::shapes;
use super::super::world::World;
use super::source::{TOPIC_TYPES, TopicType};
use super::topics;

/// Answers a path about topic types or event types; `None` when it is about something else.
pub(super) fn answer(world: &World, call: &Call<'_>) -> Option<Answer> {
    let target = &call.target;
    let tail = target.tail.as_deref().map(str::to_ascii_lowercase);
    let tenant = target.subscription.is_none();
    match (target.types.as_slice(), tail.as_deref()) {
        ([], Some("topictypes")) if tenant => {
            let all: Vec<Value> = TOPIC_TYPES.iter().map(|of| shown(call, of)).collect();
            Some(Ok(Done::read(&json!({"value": all}))))
        }
        ([one], None) if one == "topictypes" && tenant => Some(known(target).map(|of| Done::read(&shown(call, of)))),
        ([one], Some("eventtypes")) if one == "topictypes" && tenant => Some(known(target).map(event_types)),
        ([], Some("eventtypes")) if !tenant => Some(of_resource(world, &target.scoped())),
        _ => None,
    }
}

fn known(target: &Target) -> Result<&'static TopicType, Refusal> {
    let message = format!("The topic type '{}' was not found.", target.name());
    TopicType::named(target.name()).ok_or_else(|| Refusal::new(404, "ResourceNotFound", message))
}

/// Of a source that is there; others than those simulated have none here.
fn of_resource(world: &World, scope: &str) -> Answer {
    if topics::source_missing(world, scope) {
        return Err(Refusal::new(404, "ResourceNotFound", format!("The resource '{scope}' was not found.")));
    }
    Ok(TopicType::of(scope).map_or_else(|| Done::read(&json!({"value": []})), event_types))
}

/// As recorded, and with what the newer specification adds.
fn shown(call: &Call<'_>, of: &TopicType) -> Value {
    let mut properties = json!({
        "provider": of.provider, "displayName": of.display, "description": of.description,
        "resourceRegionType": "GlobalResource", "provisioningState": "Succeeded",
        "sourceResourceFormat": of.format, "supportedScopesForSource": of.scopes,
    });
    if shapes::knows(Kind::SystemTopic, &call.api_version, "2025-02-15") {
        super::super::json::put(&mut properties, &["areRegionalAndGlobalSourcesSupported"], false);
    }
    json!({
        "id": format!("providers/Microsoft.EventGrid/topicTypes/{}", of.name),
        "name": of.name, "type": "Microsoft.EventGrid/topicTypes", "properties": properties,
    })
}

fn event_types(of: &TopicType) -> Done {
    let list: Vec<Value> = of
        .events
        .iter()
        .map(|name| {
            json!({
                "id": format!("providers/Microsoft.EventGrid/topicTypes/{}/eventTypes/{name}", of.name),
                "name": name, "type": "Microsoft.EventGrid/topicTypes/eventTypes",
                "properties": {"displayName": name, "isInDefaultSet": true},
            })
        })
        .collect();
    Done::read(&json!({"value": list}))
}

/// Which event subscriptions of a group or a subscription are listed: those on global or on regional sources, and of one
/// topic type or of all. Those under a system topic are listed by that topic only.
pub(super) struct Chosen {
    regional: Option<String>,
    topic_type: Option<String>,
}

impl Chosen {
    /// What a path chooses; `None` when it is no such list.
    pub(super) fn of(target: &Target) -> Option<Self> {
        let lists = target.scope.is_none()
            && target.subscription.is_some()
            && target.tail.as_deref().is_some_and(|t| t.eq_ignore_ascii_case("eventSubscriptions"));
        if !lists {
            return None;
        }
        let mut chosen = Self { regional: None, topic_type: None };
        for (kind, name) in target.types.iter().zip(&target.names) {
            match kind.as_str() {
                "locations" => chosen.regional = Some(regions::bare(name)),
                "topictypes" => chosen.topic_type = Some(name.to_ascii_lowercase()),
                _ => return None,
            }
        }
        Some(chosen)
    }

    /// All that is simulated are global sources.
    pub(super) fn takes(&self, key: &str) -> bool {
        let global = self.regional.as_deref().is_none_or(|region| region == "global");
        let source = key.split("/providers/microsoft.eventgrid/").next().unwrap_or_default();
        let of = TopicType::of(source);
        global && of.is_some_and(|of| self.topic_type.as_deref().is_none_or(|t| t.eq_ignore_ascii_case(of.name)))
    }
}
