//! Microsoft.Communication/communicationServices.

mod actions;

use serde_json::{Value, json};

use super::arm::{self, Call};
use super::identity::{self, Both};
use super::journal::Effect;
use super::json;
use super::list;
use super::message::Response;
use super::operation::{self, Outcome, Style};
use super::refusal::{Answer, Done, Refusal};
use super::registry::Kind;
use super::resource::{Hidden, Keys};
use super::shapes;
use super::timer;
use super::world::{World, timestamp};

pub(crate) use actions::link;

pub(crate) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let target = &call.target;
    match (call.method(), target.kind(), target.collection().map(|t| t.kind)) {
        ("POST", None, None) if target.types.is_empty() && call.action() == "checknameavailability" => {
            actions::check_name(world, call)
        }
        ("POST", Some(Kind::Service), _) => actions::answer(world, call),
        ("GET", _, Some(Kind::Service)) => list::list(world, call, Kind::Service, world.config().page_size),
        ("GET", Some(Kind::Service), None) => get(world, call),
        ("PUT", Some(Kind::Service), None) => put(world, call),
        ("PATCH", Some(Kind::Service), None) => patch(world, call),
        ("DELETE", Some(Kind::Service), None) => delete(world, call),
        _ => Err(arm::unknown_type(call)),
    }
}

fn shown(world: &World, key: &str, status: u16) -> Response {
    match world.resources.get(key) {
        Some(resource) => Response::json(status, &resource.body).with("etag", resource.etag.clone()),
        None => Response::empty(404),
    }
}

fn get(world: &World, call: &Call<'_>) -> Answer {
    let key = call.target.key();
    if !world.resources.contains_key(&key) {
        return Err(arm::not_found(&call.target));
    }
    Ok(Done::new(Effect::Read, shown(world, &key, 200)))
}

fn check_body(call: &Call<'_>, existing: Option<&Value>) -> Result<(), Refusal> {
    let name = call.target.name();
    let valid = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !valid || name.len() > 63 {
        return Err(Refusal::bad_request(format!("The resource name '{name}' is invalid.")));
    }
    let location = json::text(&call.body, &["location"]).ok_or_else(|| {
        Refusal::new(400, "LocationRequired", "The location property is required for this definition.")
    })?;
    if !location.eq_ignore_ascii_case("global") {
        let message = format!(
            "The provided location '{location}' is not available for resource type \
             'Microsoft.Communication/CommunicationServices'. List of available regions for the resource type is \
             'global'."
        );
        return Err(Refusal::new(400, "LocationNotAvailableForResourceType", message));
    }
    check_values(call)?;
    let data_location = json::text(&call.body, &["properties", "dataLocation"])
        .ok_or_else(|| Refusal::bad_request("The property 'dataLocation' is required."))?;
    if !DATA_LOCATIONS.iter().any(|known| known.eq_ignore_ascii_case(data_location)) {
        let known = DATA_LOCATIONS.join("', '");
        let message = format!("The value '{data_location}' of 'dataLocation' is invalid. The values are '{known}'.");
        return Err(Refusal::bad_request(message));
    }
    match existing.and_then(|body| json::text(body, &["properties", "dataLocation"])) {
        Some(kept) if kept != data_location => {
            // Which code the service takes for this is not recorded; ARM's own for create-only properties.
            Err(Refusal::new(400, "PropertyChangeNotAllowed", "Changing property 'dataLocation' is not allowed."))
        }
        _ => Ok(()),
    }
}

/// Where data may lie at rest: what another client of many users lets through; the descriptions have no list. That others are
/// refused at once and by this code is (unverified), and so is that case does not count.
const DATA_LOCATIONS: [&str; 17] = [
    "Africa",
    "Asia Pacific",
    "Australia",
    "Brazil",
    "Canada",
    "Europe",
    "France",
    "Germany",
    "India",
    "Japan",
    "Korea",
    "Norway",
    "Switzerland",
    "UAE",
    "UK",
    "United States",
    "usgov",
];

/// Names that the service keeps for itself (seen in an issue thread: `comm`, `communication`).
const RESERVED: [&str; 2] = ["comm", "communication"];

fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let (id, key) = (call.target.id(), call.target.key());
    let existing = world.resources.get(&key);
    if existing.is_some_and(|r| r.busy()) {
        return Err(arm::busy(&id));
    }
    check_body(call, existing.map(|r| &r.body))?;
    let name = call.target.name().to_ascii_lowercase();
    if RESERVED.contains(&name.as_str()) {
        return Err(Refusal::new(400, "HostNamePrefixTaken", "Specified host name prefix is not available"));
    }
    let created = existing.is_none();
    // A create that fails for its name has no host name: the next PUT tries again.
    let named = existing.is_some_and(|r| json::at(&r.body, &["properties", "hostName"]).is_some());
    let taken = !named && name_taken(world, &key, &name);
    let body = written(world, call, &id, &key);
    let generation = if created {
        let keys = Keys::of_service(&mut world.random);
        world.store(key.clone(), Kind::Service, body, Hidden::Service { keys, links: Vec::new() })
    } else {
        if let Some(resource) = world.resources.get_mut(&key) {
            resource.body = body;
        }
        world.touch(&key)
    };
    let mut started = operation::begin(world, call, Style::Communication, &id, false);
    if taken && started.outcome.is_some() {
        let message = "Specified resource name already in use".to_owned();
        started.outcome = Some(Err(("ResourceNameUnavailable".into(), message)));
    }
    let durations = *world.durations();
    started.ready_at(world, &key, generation, call.now + durations.service_ready);
    started.finish_at(world, call.now + durations.service_operation);
    // ARM answers 201 on update too (7 of 7 recorded).
    let effect = if created { Effect::Create } else { Effect::Update };
    let mut response = started.on(shown(world, &key, 201));
    let mut body = response.value();
    // The answer to a write spells the type as the documentation does, and reads do not (recorded).
    json::put(&mut body, &["type"], "Microsoft.Communication/CommunicationServices");
    response.body = serde_json::to_vec(&body).unwrap_or_default();
    Ok(Done::new(effect, response))
}

/// What a PUT leaves: it replaces what it leaves out, and keeps what clients cannot write, the linked hub among it.
fn written(world: &World, call: &Call<'_>, id: &str, key: &str) -> Value {
    let mut body = match world.resource(key) {
        Some(body) => body.clone(),
        None => json!({
            "id": id, "name": call.target.name(), "type": "microsoft.communication/communicationservices",
            "location": "Global", "properties": {},
            "systemData": {
                "createdBy": call.principal, "createdByType": "Application", "createdAt": timestamp(call.now),
            },
        }),
    };
    shapes::put(Kind::Service, &call.api_version, &mut body, &call.body);
    for (name, default) in [("publicNetworkAccess", json!("Enabled")), ("disableLocalAuth", json!(false))] {
        if json::at(&body, &["properties", name]).is_none() {
            json::put(&mut body, &["properties", name], default);
        }
    }
    identity::fill(&mut body, &world.config().tenant_id);
    json::put(&mut body, &["properties", "provisioningState"], "Accepted");
    modified(&mut body, call);
    body
}

/// Values that the version knows and the service does not take.
fn check_values(call: &Call<'_>) -> Result<(), Refusal> {
    let known = |path: &[&str]| shapes::known(Kind::Service, &call.api_version, path);
    if known(&["identity"]) {
        identity::check(&call.body, Both::Tight)?;
    }
    let path = ["properties", "publicNetworkAccess"];
    let value = json::at(&call.body, &path).filter(|_| known(&path));
    let values = ["Enabled", "Disabled", "SecuredByPerimeter"];
    if value.is_some_and(|v| !v.as_str().is_some_and(|v| values.contains(&v))) {
        return Err(Refusal::bad_request(format!("'publicNetworkAccess' must be one of {}.", values.join(", "))));
    }
    let path = ["properties", "disableLocalAuth"];
    if json::at(&call.body, &path).filter(|_| known(&path)).is_some_and(|v| !v.is_boolean()) {
        return Err(Refusal::bad_request("'disableLocalAuth' must be true or false."));
    }
    let path = ["properties", "linkedDomains"];
    let domains = json::at(&call.body, &path).filter(|_| known(&path));
    if domains.is_some_and(|d| !d.as_array().is_some_and(|list| list.iter().all(Value::is_string))) {
        return Err(Refusal::bad_request("'linkedDomains' must be a list of resource ids."));
    }
    Ok(())
}

fn modified(body: &mut Value, call: &Call<'_>) {
    json::put(body, &["systemData", "lastModifiedBy"], call.principal.clone());
    json::put(body, &["systemData", "lastModifiedByType"], "Application");
    json::put(body, &["systemData", "lastModifiedAt"], timestamp(call.now));
}

/// Host names are global: strangers hold some, and so may another group or subscription.
fn name_taken(world: &World, key: &str, name: &str) -> bool {
    let suffix = format!("/providers/microsoft.communication/communicationservices/{name}");
    world.taken_names.contains(name) || world.resources.keys().any(|k| k != key && k.ends_with(&suffix))
}

pub(crate) fn ready(world: &mut World, key: &str, outcome: &Outcome) {
    let (guid, suffix) = (world.random.guid(), world.random.hex(6));
    let Some(resource) = world.resources.get_mut(key) else { return };
    if outcome.is_err() {
        return resource.set_state("Failed");
    }
    resource.set_state("Succeeded");
    if json::at(&resource.body, &["properties", "hostName"]).is_none() {
        let name = json::text(&resource.body, &["name"]).unwrap_or_default().to_ascii_lowercase();
        let region = json::text(&resource.body, &["properties", "dataLocation"])
            .unwrap_or_default()
            .to_ascii_lowercase()
            .replace(' ', "");
        // Never the bare name (recorded 2024): clients must read it.
        let host = format!("{name}{suffix}.{region}.communication.azure.com");
        json::put(&mut resource.body, &["properties", "hostName"], host);
        json::put(&mut resource.body, &["properties", "immutableResourceId"], guid);
    }
}

fn patch(world: &mut World, call: &Call<'_>) -> Answer {
    let key = call.target.key();
    let resource = world.resources.get(&key).ok_or_else(|| arm::not_found(&call.target))?;
    if resource.busy() {
        return Err(arm::busy(&call.target.id()));
    }
    let mut body = resource.body.clone();
    check_values(call)?;
    shapes::patch(Kind::Service, &call.api_version, &mut body, &call.body);
    identity::fill(&mut body, &world.config().tenant_id);
    modified(&mut body, call);
    if let Some(resource) = world.resources.get_mut(&key) {
        resource.body = body;
    }
    world.touch(&key);
    Ok(Done::new(Effect::Update, shown(world, &key, 200)))
}

fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let (id, key) = (call.target.id(), call.target.key());
    let Some(resource) = world.resources.get(&key) else {
        return Ok(Done::new(Effect::None, Response::empty(204)));
    };
    let effect = if resource.deleting() { Effect::None } else { Effect::Delete };
    // The body is the word null (recorded).
    let null = Response::json(202, &Value::Null);
    if let Some(due) = timer::gone_due(world, &key) {
        return Ok(Done::new(effect, operation::joined(world, call, Style::Communication, &id, due).on(null)));
    }
    if let Some(resource) = world.resources.get_mut(&key) {
        resource.set_state("Deleting");
    }
    let generation = world.touch(&key);
    let started = operation::begin(world, call, Style::Communication, &id, true);
    let due = call.now + world.durations().service_delete;
    started.gone_at(world, &key, generation, due);
    Ok(Done::new(effect, started.on(null)))
}
