//! What is left of an event that nobody took.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::super::json;
use super::super::super::kept::Log;
use super::super::super::message::Answered;
use super::super::super::path;
use super::super::super::world::{World, timestamp};
use super::attempt::{Flight, Load};
use super::event::Schema;
use super::history::{Entry, Fate};
use super::queue::{Copy, Letter};
use super::storage::{self, Container};
use super::{outcome, scaled};

/// Records kept; the oldest go first.
const CAPACITY: usize = 10_000;
/// Bytes of records kept, about.
const BYTES: usize = 64 * 1024 * 1024;

/// Letters of one blob; the bound is the simulator's.
const BLOB: usize = 100;
/// So long Event Grid tries a store that cannot be reached (documented; unscaled milliseconds).
const PATIENCE_MS: u64 = 4 * 3_600_000;

/// Letters on their way into one blob.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Envelope {
    place: Place,
    path: String,
    pub(super) letters: Vec<Letter>,
}

/// Where letters go, and in which schema.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Place {
    /// Id of the account.
    storage_account: String,
    container: String,
    schema: Schema,
}

/// A record as Event Grid writes it into a blob, and where the blob lies, or would lie if the account were reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DeadLetter {
    pub(super) subscription: String,
    pub(super) storage_account: String,
    pub(super) container: String,
    /// Its path in the container, where the account exists for real.
    pub(super) blob: Option<String>,
    pub(super) time: u64,
    pub(super) record: Value,
    pub(super) size: usize,
}

/// Adds one, and lets the oldest go that have no room any more.
fn store(dead: &mut Log<DeadLetter>, letter: DeadLetter) {
    let newest = dead.iter().rev().scan(letter.size, |sum, letter| {
        *sum += letter.size;
        Some(*sum)
    });
    let fit = newest.take_while(|sum| *sum <= BYTES).count();
    dead.push(letter, CAPACITY.min(fit + 1));
}

/// Storage account and container, when the subscription has such a destination.
pub(super) fn destination(properties: &Value) -> Option<(String, String)> {
    let destination = json::at(properties, &["deadLetterWithResourceIdentity", "deadLetterDestination"])
        .or_else(|| json::at(properties, &["deadLetterDestination"]))?;
    let text = |name: &str| json::text(destination, &["properties", name]).map(str::to_owned);
    Some((text("resourceId")?, text("blobContainerName")?))
}

/// No further attempt: to the dead-letter store in five minutes, or dropped now.
pub(super) fn give_up(world: &mut World, key: &str, properties: &Value, copy: &Copy, reason: &'static str) -> Fate {
    if destination(properties).is_none() {
        world.deliveries.count(key, |metrics| metrics.drop_copies(reason, 1));
        return Fate::Dropped;
    }
    let (due, number) = (world.now() + world.durations().dead_letter, world.number());
    if let Some(queue) = world.deliveries.queues.get_mut(key) {
        let letter = Letter { copy: copy.clone(), reason: Cow::Borrowed(reason), since: None, tries: 0 };
        queue.given_up.insert((due, number), letter);
    }
    Fate::GivenUp
}

/// Without a dead-letter destination, an event is gone.
pub(super) fn drop(world: &mut World, key: &str, subscription: &str, copy: &Copy, reason: &str) {
    let time = world.now();
    world.deliveries.count(key, |metrics| metrics.drop_copies(reason, 1));
    world.deliveries.history.record(ended(time, subscription, copy, Fate::Dropped, reason));
}

/// Sends off what was given up five minutes ago. What is due at once lies in one blob.
pub(super) fn post(world: &mut World, key: &str, subscription: &str, properties: &Value) {
    let due = take_due(world, key);
    if due.is_empty() {
        return;
    }
    let Some((storage_account, container)) = destination(properties) else {
        for letter in due {
            drop(world, key, subscription, &letter.copy, &letter.reason);
        }
        return;
    };
    let place = Place { storage_account, container, schema: Schema::of(properties) };
    let account = world.config().storage_account(&place.storage_account).cloned();
    let Some((name, endpoint)) = account.and_then(|account| Some((account.name, account.blob_endpoint?))) else {
        for letter in due {
            keep(world, key, subscription, &place, letter, None);
        }
        return;
    };
    let life = world.deliveries.queues.get(key).map(|queue| queue.life).unwrap_or_default();
    let mut due = due.into_iter().peekable();
    while due.peek().is_some() {
        let letters: Vec<Letter> = due.by_ref().take(BLOB).collect();
        let records: Value = letters.iter().map(|letter| record(&letter.copy, place.schema, &letter.reason)).collect();
        let path = blob_path(key, world.now(), &world.deliveries.random.guid());
        let container = Container { account: &name, endpoint: &endpoint, name: &place.container };
        let outbound = storage::put_blob(world, &container, &path, &records);
        let load = Load::Letters(Envelope { place: place.clone(), path, letters });
        let flight = Flight { key: key.to_owned(), subscription: subscription.to_owned(), life, load };
        world.deliveries.out.insert(outbound.id, flight);
        world.send(outbound);
    }
}

fn take_due(world: &mut World, key: &str) -> Vec<Letter> {
    let now = world.now();
    let Some(queue) = world.deliveries.queues.get(key) else { return Vec::new() };
    let due: Vec<(u64, u64)> = queue.given_up.range(..=(now, u64::MAX)).map(|(at, _)| *at).collect();
    // Looking for letters is no change: most queues have none.
    let Some(queue) = world.deliveries.queues.get_mut(key).filter(|_| !due.is_empty()) else { return Vec::new() };
    due.iter().filter_map(|at| queue.given_up.remove(at)).collect()
}

/// `SUBSCRIPTION/year/month/day/hour/GUID.json`, by UTC and without leading zeros (documented).
fn blob_path(key: &str, now: u64, guid: &str) -> String {
    let moment = jiff::Timestamp::from_millisecond(i64::try_from(now).unwrap_or(i64::MAX)).unwrap_or_default();
    let time = moment.to_zoned(jiff::tz::TimeZone::UTC);
    let name = path::leaf(key).to_ascii_uppercase();
    format!("{name}/{}/{}/{}/{}/{guid}.json", time.year(), time.month(), time.day(), time.hour())
}

/// How a Put Blob ended. A container that is not there loses its letters at once, one that cannot be reached after four
/// hours (both documented; the words for it are not).
pub(super) fn posted(
    world: &mut World,
    key: &str,
    subscription: &str,
    lives: bool,
    envelope: Envelope,
    answer: &Answered,
) {
    let status = match answer {
        Answered::Response { status, .. } => Some(*status),
        Answered::Failed(_) | Answered::TimedOut(_) => None,
    };
    let Envelope { place, path, letters } = envelope;
    for mut letter in letters {
        match status {
            Some(201) => keep(world, key, subscription, &place, letter, Some(&path)),
            Some(404) => drop(world, key, subscription, &letter.copy, "DeadLetterDestinationNotFound"),
            _ if !lives => drop(world, key, subscription, &letter.copy, "SubscriptionDeleted"),
            _ => {
                let now = world.now();
                letter.tries += 1;
                let since = *letter.since.get_or_insert(now);
                if now.saturating_sub(since) >= scaled(world, PATIENCE_MS) {
                    drop(world, key, subscription, &letter.copy, "DeadLetterDestinationUnavailable");
                    continue;
                }
                let (due, number) = (now + scaled(world, outcome::pause(letter.tries, 0)), world.number());
                if let Some(queue) = world.deliveries.queues.get_mut(key) {
                    queue.given_up.insert((due, number), letter);
                }
            }
        }
    }
}

/// A record lies in the store.
fn keep(world: &mut World, key: &str, subscription: &str, place: &Place, letter: Letter, blob: Option<&str>) {
    let time = world.now();
    let Letter { copy, reason, .. } = letter;
    let dead = DeadLetter {
        subscription: subscription.to_owned(),
        storage_account: place.storage_account.clone(),
        container: place.container.clone(),
        blob: blob.map(str::to_owned),
        time,
        record: record(&copy, place.schema, &reason),
        size: copy.event.size,
    };
    let deliveries = &mut world.deliveries;
    store(&mut deliveries.dead, dead);
    deliveries.count(key, |metrics| metrics.dead_lettered += 1);
    deliveries.history.record(ended(time, subscription, &copy, Fate::DeadLettered, &reason));
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
