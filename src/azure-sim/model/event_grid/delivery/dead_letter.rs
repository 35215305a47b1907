//! What is left of an event that nobody took.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::super::json;
use super::super::super::world::{World, timestamp};
use super::event::Schema;
use super::history::{Entry, Fate};
use super::queue::Copy;

/// Records kept; the oldest go first.
const CAPACITY: usize = 10_000;

/// A record as Event Grid writes it into a blob, and where the blob would lie.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DeadLetter {
    pub(super) subscription: String,
    pub(super) storage_account: String,
    pub(super) container: String,
    pub(super) time: u64,
    pub(super) record: Value,
}

/// Storage account and container, when the subscription has such a destination.
pub(super) fn destination(properties: &Value) -> Option<(String, String)> {
    let destination = json::at(properties, &["deadLetterWithResourceIdentity", "deadLetterDestination"])
        .or_else(|| json::at(properties, &["deadLetterDestination"]))?;
    let text = |name: &str| json::text(destination, &["properties", name]).map(str::to_owned);
    Some((text("resourceId")?, text("blobContainerName")?))
}

/// Stores an event that was given up.
pub(super) fn store(world: &mut World, subscription: &str, properties: &Value, copy: &Copy, reason: &str) {
    let Some((storage_account, container)) = destination(properties) else {
        return drop(world, subscription, copy, reason);
    };
    let time = world.now();
    let record = record(copy, Schema::of(properties), reason);
    let deliveries = &mut world.deliveries;
    let letter = DeadLetter { subscription: subscription.to_owned(), storage_account, container, time, record };
    deliveries.dead.push(letter, CAPACITY);
    deliveries.totals.dead_lettered += 1;
    deliveries.history.record(ended(time, subscription, copy, Fate::DeadLettered, reason));
}

/// Without a dead-letter destination, an event is gone.
pub(super) fn drop(world: &mut World, subscription: &str, copy: &Copy, reason: &str) {
    let time = world.now();
    world.deliveries.drop_copies(reason, 1);
    world.deliveries.history.record(ended(time, subscription, copy, Fate::Dropped, reason));
}

/// An entry without an attempt.
pub(super) fn ended(time: u64, subscription: &str, copy: &Copy, outcome: Fate, reason: &str) -> Entry {
    Entry {
        sequence: 0,
        time,
        event_id: copy.event.id.clone(),
        kind: copy.event.kind.clone(),
        subscription: subscription.to_owned(),
        attempt: copy.attempts,
        status: None,
        failure: None,
        outcome,
        reason: Some(reason.to_owned()),
        next_attempt: None,
    }
}

/// The event and five members more, all in lower case in CloudEvents.
fn record(copy: &Copy, schema: Schema, reason: &str) -> Value {
    let more = [
        ("deadLetterReason", json!(reason)),
        ("deliveryAttempts", json!(copy.attempts)),
        ("lastDeliveryOutcome", json!(copy.last_outcome)),
        ("publishTime", json!(timestamp(copy.event.published))),
        ("lastDeliveryAttemptTime", json!(copy.last_attempt.map(timestamp))),
    ];
    let mut record = match copy.event.envelope(schema) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    for (name, value) in more {
        let name = if schema == Schema::CloudEvents { name.to_ascii_lowercase() } else { name.to_owned() };
        record.insert(name, value);
    }
    record.into()
}
