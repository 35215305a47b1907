//! What a webhook gets: method, headers and body of a delivery, and of the notice that a subscription is gone.

use serde_json::{Value, json};

use super::super::super::json;
use super::super::super::message::{Outbound, OutboundId};
use super::super::super::path;
use super::super::super::token;
use super::super::super::world::{World, timestamp};
use super::super::{destination, handshake};
use super::event::{Event, Schema};
use super::queue::Copy;

/// Event Grid waits so long for an answer, in real time: what is called is real.
pub(super) const PATIENCE_MS: u64 = 30_000;

/// How many events a request may carry, and how many bytes of them it should.
pub(super) fn batch_limits(properties: &Value) -> (usize, usize) {
    let number = |name: &str, default: u64| {
        let value =
            destination::of(properties).and_then(|d| json::at(d, &["properties", name])).and_then(Value::as_u64);
        usize::try_from(value.unwrap_or(default)).unwrap_or(1)
    };
    (number("maxEventsPerBatch", 1).max(1), number("preferredBatchSizeInKilobytes", 64) * 1024)
}

/// The Authorization header of a webhook that Entra protects; none for any other.
///
/// # Errors
/// Why Event Grid would get no token.
pub(in super::super) fn bearer(world: &mut World, properties: &Value) -> Result<Option<Header>, String> {
    let Some((tenant, application)) = destination::protection(properties) else { return Ok(None) };
    let now = world.now();
    match token::for_delivery(world, tenant, application, now) {
        Some(token) => Ok(Some(header("authorization", &format!("Bearer {token}")))),
        None => Err(format!("no token for the webhook: there is no directory {tenant}")),
    }
}

/// A POST of these events to a webhook. They were all sent equally often before.
pub(super) fn to_webhook(
    world: &mut World,
    key: &str,
    url: &str,
    properties: &Value,
    copies: &[Copy],
    bearer: Option<Header>,
) -> Outbound {
    let schema = Schema::of(properties);
    // Whoever asked for batches gets an array even of one: a receiver has to know which of the two to expect. (No source
    // shows it.)
    let batched = batch_limits(properties).0 > 1;
    let events: Vec<Value> = copies.iter().map(|c| c.event.envelope(schema)).collect();
    let (content_type, body) = match (schema, batched) {
        (Schema::EventGrid, _) => ("application/json; charset=utf-8", Value::Array(events)),
        (Schema::CloudEvents, true) => ("application/cloudevents-batch+json; charset=utf-8", Value::Array(events)),
        (Schema::CloudEvents, false) => {
            ("application/cloudevents+json; charset=utf-8", events.into_iter().next().unwrap_or_default())
        }
    };
    let attempts = copies.first().map_or(0, |c| c.attempts);
    let mut headers = own_headers(key, "Notification", content_type, attempts);
    match schema {
        Schema::EventGrid => {
            let version = copies.first().map_or("1.0", |copy| copy.event.data_version());
            headers.push(header("aeg-data-version", version));
            headers.push(header("aeg-metadata-version", "1"));
        }
        Schema::CloudEvents => {
            headers.push(header("aeg-metadata-version", "1.0"));
            headers.push(header("WebHook-Request-Origin", handshake::ORIGIN));
        }
    }
    let random = &mut world.deliveries.random;
    headers.push(header("aeg-output-event-id", &random.guid()));
    headers.push(header("x-ms-request-id", &random.guid()));
    headers.extend(attributes(properties, copies.first().map(|c| c.event.as_ref()), bearer));
    post(world, url, headers, &body)
}

/// The notice that a subscription was deleted; known for the Event Grid schema only.
pub(super) fn deletion(world: &mut World, key: &str, id: &str, url: &str, properties: &Value, topic: &str) -> Outbound {
    let mut headers = own_headers(key, "SubscriptionDeletion", "application/json; charset=utf-8", 0);
    headers.push(header("aeg-metadata-version", "1"));
    // Nobody waits for this notice: without a token it goes without.
    let bearer = bearer(world, properties).ok().flatten();
    headers.extend(attributes(properties, None, bearer));
    let event = json!([{
        "id": world.deliveries.random.guid(), "topic": topic, "subject": "",
        "eventType": "Microsoft.EventGrid.SubscriptionDeletedEvent", "eventTime": timestamp(world.now()),
        "data": {"eventSubscriptionId": id}, "dataVersion": "1", "metadataVersion": "1",
    }]);
    post(world, url, headers, &event)
}

/// Name and value.
pub(in super::super) type Header = (String, String);

fn header(name: &str, value: &str) -> Header {
    (name.to_owned(), value.to_owned())
}

fn own_headers(key: &str, kind: &str, content_type: &str, attempts: u32) -> Vec<(String, String)> {
    vec![
        header("content-type", content_type),
        header("aeg-event-type", kind),
        // In upper case, as captured by others.
        header("aeg-subscription-name", &path::leaf(key).to_ascii_uppercase()),
        header("aeg-delivery-count", &attempts.to_string()),
    ]
}

fn post(world: &mut World, url: &str, headers: Vec<(String, String)>, body: &Value) -> Outbound {
    let id = OutboundId(world.number());
    let body = serde_json::to_vec(body).unwrap_or_default();
    Outbound {
        id,
        method: "POST".into(),
        url: url.to_owned(),
        headers,
        body,
        storage_account: None,
        timeout_ms: PATIENCE_MS,
    }
}

/// The headers a subscription asked for: static ones, and those that come from the (first) event. What HTTP cannot
/// carry is left out without a word (documented). An Authorization of one's own is for webhooks that Entra does not protect
/// (documented): the token takes its place (unverified).
fn attributes(properties: &Value, event: Option<&Event>, bearer: Option<Header>) -> Vec<Header> {
    let mappings = destination::of(properties).map_or(&[][..], destination::attributes);
    let value = |mapping: &Value| match json::text(mapping, &["type"]) {
        Some("Dynamic") => event?.field(json::text(mapping, &["properties", "sourceField"])?),
        _ => json::text(mapping, &["properties", "value"]).map(str::to_owned),
    };
    mappings
        .iter()
        .filter_map(|mapping| Some((json::text(mapping, &["name"])?.to_owned(), value(mapping)?)))
        .filter(|(name, value)| conforms(name, value))
        .filter(|(name, _)| bearer.is_none() || !name.eq_ignore_ascii_case("authorization"))
        .chain(bearer.clone())
        .collect()
}

fn conforms(name: &str, value: &str) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(token) && value.chars().all(|c| c == ' ' || c.is_ascii_graphic())
}
