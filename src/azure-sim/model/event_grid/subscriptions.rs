//! Event subscriptions, under a system topic or at extension scope.

use serde_json::{Value, json};

use super::super::arm::{self, Call};
use super::super::journal::Effect;
use super::super::json;
use super::super::message::Response;
use super::super::operation::{self, Outcome, Style};
use super::super::path;
use super::super::random::Random;
use super::super::refusal::{Answer, Done, Refusal};
use super::super::registry::Kind;
use super::super::resource::{Delivery, Hidden, Resource};
use super::super::shapes;
use super::super::timer::{self, Timer};
use super::super::world::World;
use super::{destination, filter, topics};

/// Members of an event subscription that clients write.
const WRITABLE: [&str; 9] = [
    "destination",
    "deliveryWithResourceIdentity",
    "filter",
    "labels",
    "expirationTimeUtc",
    "eventDeliverySchema",
    "retryPolicy",
    "deadLetterDestination",
    "deadLetterWithResourceIdentity",
];

pub(super) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let key = call.target.key();
    if call
        .target
        .scope
        .as_deref()
        .is_some_and(|s| s.to_ascii_lowercase().contains("/microsoft.eventgrid/systemtopics/"))
    {
        let message =
            "This event subscription operation is not supported using this API call. Please use the proper API";
        return Err(Refusal::invalid_request(message));
    }
    match (call.method(), call.action().as_str()) {
        ("PUT", "") => put(world, call, &key),
        ("PATCH", "") => patch(world, call, &key),
        ("DELETE", "") => Ok(topics::delete(world, call, &key)),
        (method, action) => {
            let resource = world.resources.get(&key).ok_or_else(missing)?;
            let sent = resource.delivery().map_or(&Value::Null, |d| &d.properties);
            let body = match (method, action) {
                ("GET", "") if hiccups(world, resource) => return Err(hiccup(call.target.name())),
                ("GET", "") => return Ok(Done::read(&resource.body)),
                ("POST", "getfullurl") => json!({"endpointUrl": destination::webhook(sent)}),
                ("POST", "getdeliveryattributes") => {
                    json!({"value": destination::of(sent).map_or(&[][..], destination::attributes)})
                }
                _ => return Err(arm::unknown_type(call)),
            };
            Ok(Done::new(Effect::Action, Response::json(200, &body)))
        }
    }
}

/// Of how many subscriptions one hiccups, and for how many milliseconds after it is ready: recorded once, for one GET; by the
/// next it was over.
const ONE_OF: u64 = 73;
const HICCUP: u64 = 3_000;

/// Drawn from the seed and the resource alone: reading changes nothing, and shifts nothing else that is drawn.
fn hiccups(world: &World, resource: &Resource) -> bool {
    let Some(delivery) = resource.delivery().filter(|d| world.config().hiccups && d.previous.is_none()) else {
        return false;
    };
    let ready = delivery.started.saturating_add(world.durations().event_subscription);
    let lasts = world.config().scaled(HICCUP);
    let fresh = resource.state() == "Succeeded" && world.now() < ready.saturating_add(lasts);
    let mut random = Random::new(world.config().seed ^ 0x0068_6963_6375_7073 ^ (resource.generation << 20));
    fresh && random.next().is_multiple_of(ONE_OF)
}

fn hiccup(name: &str) -> Refusal {
    let message = format!("The operation for event subscription {name} failed. Please try again in few minutes.");
    Refusal::new(500, "InternalServerError", message)
}

fn missing() -> Refusal {
    Refusal::new(404, "ResourceNotFound", "Event subscription doesn't exist.")
}

/// The resource whose events are meant.
fn source(world: &World, call: &Call<'_>, key: &str) -> Result<String, Refusal> {
    if call.target.kind() == Some(Kind::ScopeSubscription) {
        let scope = call.target.scoped();
        if topics::source_missing(world, &scope) {
            return Err(Refusal::new(404, "ResourceNotFound", format!("The source '{scope}' was not found.")));
        }
        return Ok(scope);
    }
    let topic = world.resources.get(path::parent(key)).filter(|t| !t.deleting()).ok_or_else(|| {
        let message = format!(
            "Can not perform requested operation on nested resource. Parent resource '{}' not found.",
            path::leaf(path::parent(key))
        );
        Refusal::new(404, "ParentResourceNotFound", message)
    })?;
    Ok(json::text(&topic.body, &["properties", "source"]).unwrap_or_default().to_owned())
}

fn put(world: &mut World, call: &Call<'_>, key: &str) -> Answer {
    let name = call.target.name();
    if !(3..=64).contains(&name.len()) || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Refusal::invalid_request(format!("The event subscription name '{name}' is invalid.")));
    }
    let sent = json::at(&call.body, &["properties"])
        .ok_or_else(|| Refusal::invalid_request("The event subscription has no properties."))?;
    let mut sent = sent.clone();
    leave_unknown(&mut sent, call);
    let mut properties = json!({});
    for member in WRITABLE {
        json::merge(&mut properties, &sent, &[member]);
    }
    // A PUT that omits the schema keeps the old one (recorded).
    let kept = world.delivery(key).and_then(|p| json::text(p, &["eventDeliverySchema"])).map(str::to_owned);
    if json::at(&properties, &["eventDeliverySchema"]).is_none() {
        let schema = kept.unwrap_or_else(|| "EventGridSchema".into());
        json::put(&mut properties, &["eventDeliverySchema"], schema);
    }
    write(world, call, key, properties)
}

/// Flat: no `properties` wrapper.
fn patch(world: &mut World, call: &Call<'_>, key: &str) -> Answer {
    let mut properties = world.delivery(key).cloned().ok_or_else(missing)?;
    let mut sent = call.body.clone();
    leave_unknown(&mut sent, call);
    for member in WRITABLE {
        json::merge(&mut properties, &sent, &[member]);
    }
    let pairs =
        [("destination", "deliveryWithResourceIdentity"), ("deadLetterDestination", "deadLetterWithResourceIdentity")];
    for (one, other) in pairs {
        // The two exclude each other, so naming one leaves the other behind.
        if json::at(&call.body, &[one]).is_some() {
            json::remove(&mut properties, &[other]);
        } else if json::at(&call.body, &[other]).is_some() {
            json::remove(&mut properties, &[one]);
        }
    }
    write(world, call, key, properties)
}

/// Takes out what the version of the request does not know.
fn leave_unknown(sent: &mut Value, call: &Call<'_>) {
    let mut whole = json!({"properties": std::mem::take(sent)});
    shapes::hide(Kind::TopicSubscription, &call.api_version, &mut whole);
    *sent = whole.get_mut("properties").map(Value::take).unwrap_or_default();
}

fn check(world: &World, call: &Call<'_>, properties: &Value) -> Result<(), Refusal> {
    destination::check(world, properties, &call.api_version)?;
    destination::check_dead_letter(properties)?;
    let schema = json::text(properties, &["eventDeliverySchema"]).unwrap_or_default();
    if !matches!(schema, "EventGridSchema" | "CloudEventSchemaV1_0") {
        let message = format!("The event delivery schema '{schema}' is not possible for this topic.");
        return Err(Refusal::invalid_request(message));
    }
    let expiry = json::at(properties, &["expirationTimeUtc"]).filter(|expiry| !expiry.is_null());
    if expiry.is_some_and(|e| e.as_str().is_none_or(|text| text.parse::<jiff::Timestamp>().is_err())) {
        return Err(Refusal::invalid_request("'expirationTimeUtc' must be a date and time."));
    }
    for (name, low, high) in [("maxDeliveryAttempts", 1, 30), ("eventTimeToLiveInMinutes", 1, 1440)] {
        let value = json::at(properties, &["retryPolicy", name]);
        if value.is_some_and(|v| !v.as_i64().is_some_and(|n| (low..=high).contains(&n))) {
            return Err(Refusal::invalid_request(format!("'{name}' must be between {low} and {high}.")));
        }
    }
    Ok(())
}

fn write(world: &mut World, call: &Call<'_>, key: &str, mut properties: Value) -> Answer {
    let id = call.target.id();
    let source = source(world, call, key)?;
    if world.resources.get(key).is_some_and(|r| r.busy()) {
        return Err(arm::busy(&id));
    }
    check(world, call, &properties)?;
    let filter = filter::canonical(json::at(&properties, &["filter"]), &source)?;
    json::put(&mut properties, &["filter"], filter);
    for (name, default) in [("maxDeliveryAttempts", 30), ("eventTimeToLiveInMinutes", 1440)] {
        if json::at(&properties, &["retryPolicy", name]).is_none() {
            json::put(&mut properties, &["retryPolicy", name], json!(default));
        }
    }
    for pointer in ["/destination", "/deliveryWithResourceIdentity/destination"] {
        if let Some(destination) = properties.pointer_mut(pointer) {
            destination::fill(destination);
        }
    }
    let kind = call.target.kind().unwrap_or(Kind::TopicSubscription);
    if kind == Kind::ScopeSubscription {
        topics::make_implicit(world, &source);
    }
    let created = !world.resources.contains_key(key);
    if created {
        require_room(world, &source)?;
    }
    let previous = world.resources.get(key).and_then(|r| {
        let delivery = r.delivery()?;
        // What was never validated is nothing to return to; what it was to replace still is.
        let validated = delivery.validated.then(|| Box::new((r.body.clone(), delivery.properties.clone())));
        validated.or_else(|| delivery.previous.clone())
    });
    let state = if created { "Creating" } else { "Updating" };
    let body = shown(&id, call.target.name(), kind, &source, &properties, state, true);
    let answer = shown(&id, call.target.name(), kind, &source, &properties, state, false);
    let started = operation::begin(world, call, Style::EventGrid, &id, false);
    let asks = destination::webhook(&properties).is_some() && matches!(started.outcome, Some(Ok(())));
    let delivery = Delivery {
        properties,
        previous,
        operation: started.key.clone(),
        started: call.now,
        validation_code: String::new(),
        validated: false,
    };
    let generation = world.store(key.to_owned(), kind, body, Hidden::Delivery(Box::new(delivery)));
    if asks {
        timer::at(world, call.now, Timer::Handshake { key: key.to_owned(), generation, attempt: 1 });
        timer::settle(world, call.now);
    } else {
        let due = call.now + world.durations().event_subscription;
        started.ready_at(world, key, generation, due);
        started.finish_at(world, due);
    }
    let effect = if created { Effect::Create } else { Effect::Update };
    // 201 for PUT and PATCH, new or not (recorded).
    Ok(Done::new(effect, started.on(Response::json(201, &answer))))
}

/// Event subscriptions of one source, under its topic or at its scope (documented).
const MOST: usize = 500;

/// The code of this refusal is (unverified).
fn require_room(world: &World, source: &str) -> Result<(), Refusal> {
    let under_topic = topics::of_source(world, source).map(|(key, _)| format!("{key}/eventsubscriptions/"));
    let at_scope = format!("{}/providers/microsoft.eventgrid/eventsubscriptions/", source.to_ascii_lowercase());
    let there: usize = under_topic.iter().chain([&at_scope]).map(|prefix| world.beneath(prefix).count()).sum();
    if there < MOST {
        return Ok(());
    }
    Err(Refusal::invalid_request(format!("The source has {MOST} event subscriptions, which is the limit of a topic.")))
}

fn shown(id: &str, name: &str, kind: Kind, source: &str, properties: &Value, state: &str, hide: bool) -> Value {
    let mut visible = properties.clone();
    for pointer in ["/destination", "/deliveryWithResourceIdentity/destination"] {
        if let Some(destination) = visible.pointer_mut(pointer) {
            destination::hide(destination, hide);
        }
    }
    json::put(&mut visible, &["topic"], topic(source));
    json::put(&mut visible, &["provisioningState"], state);
    if visible.get("labels").is_none() {
        json::put(&mut visible, &["labels"], Value::Null);
    }
    let of = if kind == Kind::ScopeSubscription { "eventSubscriptions" } else { "systemTopics/eventSubscriptions" };
    json!({
        "id": id, "name": name, "type": format!("Microsoft.EventGrid/{of}"),
        "properties": visible, "systemData": null,
    })
}

/// The source with its provider and type in lower case (recorded).
pub(super) fn topic(source: &str) -> String {
    match source.split_once("/providers/") {
        Some((scope, rest)) => {
            let mut parts: Vec<String> = rest.split('/').map(str::to_owned).collect();
            for part in parts.iter_mut().take(2) {
                part.make_ascii_lowercase();
            }
            format!("{scope}/providers/{}", parts.join("/"))
        }
        None => source.to_owned(),
    }
}

/// The end of a create or update: Succeeded; or gone (create), or as it was before (update).
pub(crate) fn concluded(world: &mut World, key: &str, outcome: &Outcome) {
    let Some(resource) = world.resources.get_mut(key) else { return };
    let deleting = resource.deleting();
    let previous = resource.delivery_mut().and_then(|d| d.previous.take());
    match (outcome, previous) {
        (Ok(()), _) => {
            resource.set_state("Succeeded");
            if let Some(delivery) = resource.delivery_mut() {
                delivery.validated = true;
            }
        }
        (Err(_), _) if deleting => resource.set_state("Failed"),
        (Err(_), None) => world.remove(key),
        (Err(_), Some(previous)) => {
            let (body, properties) = *previous;
            resource.body = body;
            resource.set_state("Failed");
            if let Some(delivery) = resource.delivery_mut() {
                delivery.properties = properties;
                delivery.validated = true;
            }
        }
    }
}
