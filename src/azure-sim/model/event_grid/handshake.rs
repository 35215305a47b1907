//! Asking a webhook whether it wants events, before the first one is sent.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::json;
use super::super::message::{Answered, Outbound, OutboundId, Request, Response};
use super::super::operation::Outcome;
use super::super::path;
use super::super::timer::{self, Timer};
use super::super::world::{World, timestamp};
use super::{delivery, destination, subscriptions};

/// An endpoint has 30 seconds (documented).
const PATIENCE_MS: u64 = 30_000;
/// The documentation speaks of a second try after five seconds.
const ATTEMPTS: u32 = 2;
/// What Event Grid calls itself towards receivers of CloudEvents (seen in third-party code).
pub(super) const ORIGIN: &str = "eventgrid.azure.net";

/// A call that is out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Handshake {
    key: String,
    generation: u64,
    attempt: u32,
    url: String,
    code: String,
    cloud_events: bool,
}

impl Handshake {
    /// The event subscription that asks.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// Sends the validation event, or the OPTIONS of CloudEvents.
pub(crate) fn ask(world: &mut World, key: &str, generation: u64, attempt: u32) {
    let Some(properties) = world.current(key, generation).and_then(|r| r.delivery()).map(|d| d.properties.clone())
    else {
        return;
    };
    let Some(url) = destination::webhook(&properties).map(str::to_owned) else { return };
    let cloud_events = json::text(&properties, &["eventDeliverySchema"]) == Some("CloudEventSchemaV1_0");
    let (code, event_id) = (world.random.guid().to_ascii_uppercase(), world.random.guid());
    let mut headers = Vec::new();
    let header = |name: &str, value: String| (name.to_owned(), value);
    let (method, body) = if cloud_events {
        headers.push(header("WebHook-Request-Origin", ORIGIN.into()));
        headers.push(header("WebHook-Request-Rate", "120".into()));
        ("OPTIONS", Vec::new())
    } else {
        headers.push(header("content-type", "application/json; charset=utf-8".into()));
        headers.push(header("aeg-event-type", "SubscriptionValidation".into()));
        // In upper case, as captured by others.
        headers.push(header("aeg-subscription-name", path::leaf(key).to_ascii_uppercase()));
        headers.push(header("aeg-delivery-count", "0".into()));
        headers.push(header("aeg-data-version", String::new()));
        headers.push(header("aeg-metadata-version", "1".into()));
        let event = validation_event(world, key, &code, &event_id);
        ("POST", serde_json::to_vec(&json!([event])).unwrap_or_default())
    };
    // OPTIONS carries no Authorization; the POST carries what every delivery carries ("every message", it is documented).
    let bearer = if cloud_events { None } else { delivery::request::bearer(world, &properties).ok().flatten() };
    for mapping in destination::of(&properties).map_or(&[][..], destination::attributes) {
        let (name, value) = (json::text(mapping, &["name"]), json::text(mapping, &["properties", "value"]));
        let replaced = bearer.is_some() && name.is_some_and(|name| name.eq_ignore_ascii_case("authorization"));
        if let (Some(name), Some(value), false) = (name, value, cloud_events || replaced) {
            headers.push(header(name, value.into()));
        }
    }
    headers.extend(bearer);
    let id = OutboundId(world.number());
    if let Some(delivery) = world.resources.get_mut(key).and_then(|r| r.delivery_mut()) {
        delivery.validation_code.clone_from(&code);
    }
    let handshake = Handshake { key: key.into(), generation, attempt, url: url.clone(), code, cloud_events };
    world.handshakes.insert(id, handshake);
    let call =
        Outbound { id, method: method.into(), url, headers, body, storage_account: None, timeout_ms: PATIENCE_MS };
    world.send(call);
}

fn validation_event(world: &World, key: &str, code: &str, event_id: &str) -> Value {
    let topic = world.resource(key).and_then(|b| json::text(b, &["properties", "topic"])).unwrap_or_default();
    let url = format!("{}/eventgrid/validate?id={code}", world.config().base_url);
    json!({
        "id": event_id,
        "topic": topic,
        "subject": "",
        "data": {"validationCode": code, "validationUrl": url},
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": timestamp(world.now()),
        "metadataVersion": "1",
        "dataVersion": "2",
    })
}

enum Verdict {
    Granted,
    /// 200, but no code: somebody has to fetch the URL.
    Manual,
    Refused(String),
    TimedOut(String),
}

/// How a handshake ended.
pub(crate) fn handshake_answered(world: &mut World, id: OutboundId, answer: &Answered) {
    let Some(handshake) = world.handshakes.remove(&id) else { return };
    if world.current(&handshake.key, handshake.generation).is_none_or(|r| r.deleting()) {
        return;
    }
    match verdict(&handshake, answer) {
        Verdict::Granted => conclude(world, &handshake.key, handshake.generation, Ok(())),
        Verdict::TimedOut(_) if handshake.attempt < ATTEMPTS => {
            let due = world.now() + world.durations().handshake_retry;
            let Handshake { key, generation, attempt, .. } = handshake;
            timer::at(world, due, Timer::Handshake { key, generation, attempt: attempt + 1 });
        }
        Verdict::Manual => {
            let due = world.now() + world.durations().manual_validation;
            if let Some(resource) = world.resources.get_mut(&handshake.key) {
                resource.set_state("AwaitingManualAction");
            }
            let Handshake { key, generation, .. } = handshake;
            timer::at(world, due, Timer::ManualOver { key, generation });
        }
        Verdict::Refused(why) | Verdict::TimedOut(why) => {
            let activity = world.random.guid();
            let message = format!(
                "Webhook validation handshake failed for {}. {why} For troublehooting, visit https://aka.ms/esvalidation. \
                 Activity id:{activity}",
                base(&handshake.url)
            );
            conclude(world, &handshake.key, handshake.generation, Err(("Url validation".into(), message)));
        }
    }
}

fn base(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

fn verdict(handshake: &Handshake, answer: &Answered) -> Verdict {
    let (status, headers, body) = match answer {
        Answered::Failed(why) | Answered::TimedOut(why) => {
            return Verdict::TimedOut(format!("Http request failed: {why}."));
        }
        Answered::Response { status, headers, body } => (*status, headers, body),
    };
    if handshake.cloud_events {
        let header =
            |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned());
        let origin = header("WebHook-Allowed-Origin").is_some_and(|o| o == "*" || o.eq_ignore_ascii_case(ORIGIN));
        // A rate was asked for, so one must be granted.
        let rate = header("WebHook-Allowed-Rate").is_some_and(|r| r == "*" || r.parse::<u32>().is_ok_and(|n| n > 0));
        return if status == 200 && origin && rate {
            Verdict::Granted
        } else {
            Verdict::Refused(format!("Http OPTIONS request was answered with {status} and did not grant the origin."))
        };
    }
    if status != 200 {
        return Verdict::Refused(format!("Http POST request failed with response code {status}."));
    }
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    match json::text(&body, &["validationResponse"]) {
        Some(code) if code.eq_ignore_ascii_case(&handshake.code) => Verdict::Granted,
        Some(_) => Verdict::Refused("The validation response does not carry the validation code.".into()),
        None => Verdict::Manual,
    }
}

/// Ends the operation, not before its usual time.
fn conclude(world: &mut World, key: &str, generation: u64, outcome: Outcome) {
    let Some(delivery) = world.current(key, generation).and_then(|r| r.delivery()) else { return };
    let (operation, started) = (delivery.operation.clone(), delivery.started);
    let usual = started + world.durations().event_subscription;
    let due = world.operations.get(&operation).map_or(usual, |operation| operation.end(usual)).max(world.now());
    timer::at(world, due, Timer::Ready { key: key.into(), generation, outcome: outcome.clone() });
    timer::at(world, due, Timer::Finish { operation, outcome });
}

/// GET of a validation URL; `None` when the path is not one.
pub(crate) fn validation_fetched(world: &mut World, request: &Request) -> Option<Response> {
    if request.method != "GET" || !request.path.starts_with("/eventgrid/validate?") {
        return None;
    }
    let code = url::form_urlencoded::parse(request.query().as_bytes())
        .find(|(name, _)| name == "id")
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default();
    let waiting = world
        .resources
        .iter()
        .find(|(_, r)| r.state() == "AwaitingManualAction" && r.delivery().is_some_and(|d| d.validation_code == code));
    let Some((key, generation)) = waiting.map(|(key, r)| (key.clone(), r.generation)) else {
        return Some(Response::json(404, &json!({"message": "The validation code is unknown or has expired."})));
    };
    subscriptions::concluded(world, &key, &Ok(()));
    conclude(world, &key, generation, Ok(()));
    Some(Response::json(200, &json!("Webhook successfully validated as a subscription endpoint.")))
}

/// Ten minutes are over.
pub(crate) fn manual_over(world: &mut World, key: &str, generation: u64) {
    if world.current(key, generation).is_none_or(|r| r.state() != "AwaitingManualAction") {
        return;
    }
    let url = world.delivery(key).and_then(destination::webhook).map(base).unwrap_or_default().to_owned();
    let message = format!(
        "Webhook validation handshake failed for {url}. Http POST request retuned 2XX response with response body. \
         When a validation request is accepted without validation code in the response body, Http GET is expected on \
         the validation url included in the validation event(within 10 minutes)."
    );
    conclude(world, key, generation, Err(("Url validation".into(), message)));
}
