//! Topic types: which kinds of resource have events, and which events those are. Only that of Communication Services is
//! simulated.

use serde_json::{Value, json};

use super::super::arm::Call;
use super::super::path::Target;
use super::super::refusal::{Answer, Done, Refusal};
use super::super::regions;
use super::super::registry::Kind;
use super::super::shapes;
use super::super::world::World;
use super::topics::{self, COMMUNICATION_TOPIC_TYPE};

/// Answers a path about topic types or event types; `None` when it is about something else.
pub(super) fn answer(world: &World, call: &Call<'_>) -> Option<Answer> {
    let target = &call.target;
    let tail = target.tail.as_deref().map(str::to_ascii_lowercase);
    let tenant = target.subscription.is_none();
    match (target.types.as_slice(), tail.as_deref()) {
        ([], Some("topictypes")) if tenant => Some(Ok(Done::read(&json!({"value": [shown(call)]})))),
        ([one], None) if one == "topictypes" && tenant => Some(known(target).map(|()| Done::read(&shown(call)))),
        ([one], Some("eventtypes")) if one == "topictypes" && tenant => Some(known(target).map(|()| event_types())),
        ([], Some("eventtypes")) => target.scope.as_deref().map(|scope| of_resource(world, scope)),
        _ => None,
    }
}

fn known(target: &Target) -> Result<(), Refusal> {
    if target.name().eq_ignore_ascii_case(COMMUNICATION_TOPIC_TYPE) {
        return Ok(());
    }
    let message = format!("The topic type '{}' was not found.", target.name());
    Err(Refusal::new(404, "ResourceNotFound", message))
}

/// Of a resource that is there; others than those of Communication Services have none here.
fn of_resource(world: &World, scope: &str) -> Answer {
    if topics::source_missing(world, scope) {
        return Err(Refusal::new(404, "ResourceNotFound", format!("The resource '{scope}' was not found.")));
    }
    let ours = scope.to_ascii_lowercase().contains("/providers/microsoft.communication/");
    Ok(if ours { event_types() } else { Done::read(&json!({"value": []})) })
}

/// As recorded, and with what the newer specification adds.
fn shown(call: &Call<'_>) -> Value {
    let mut properties = json!({
        "provider": "Microsoft.Communication", "displayName": "Azure Communication Services",
        "description": "Microsoft Communication service events.", "resourceRegionType": "GlobalResource",
        "provisioningState": "Succeeded",
        "sourceResourceFormat":
            "/subscriptions/<id>/resourceGroups/<rg>/providers/Microsoft.Communication/communicationservices/<name>",
        "supportedScopesForSource": ["Resource"],
    });
    if shapes::knows(Kind::SystemTopic, &call.api_version, "2025-02-15") {
        super::super::json::put(&mut properties, &["areRegionalAndGlobalSourcesSupported"], false);
    }
    json!({
        "id": format!("providers/Microsoft.EventGrid/topicTypes/{COMMUNICATION_TOPIC_TYPE}"),
        "name": COMMUNICATION_TOPIC_TYPE, "type": "Microsoft.EventGrid/topicTypes", "properties": properties,
    })
}

fn event_types() -> Done {
    let list: Vec<Value> = acs_wire::event_types::COMMUNICATION
        .iter()
        .map(|name| {
            json!({
                "id": format!("providers/Microsoft.EventGrid/topicTypes/{COMMUNICATION_TOPIC_TYPE}/eventTypes/{name}"),
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

    /// Sources of Communication Services are global resources.
    pub(super) fn takes(&self, key: &str) -> bool {
        let global = self.regional.as_deref().is_none_or(|region| region == "global");
        let fits = self.topic_type.as_deref().is_none_or(|t| t.eq_ignore_ascii_case(COMMUNICATION_TOPIC_TYPE));
        let source = key.split("/providers/microsoft.eventgrid/").next().unwrap_or_default();
        global && fits && source.contains("/providers/microsoft.communication/")
    }
}
