//! Which subscriptions an event goes to, and what becomes of its copies when one of them goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use acs_wire::filter::SubscriptionFilter;
use serde::Serialize;
use serde_json::Value;

use super::super::super::config::Config;
use super::super::super::json;
use super::super::super::registry::Kind;
use super::super::super::resource::Resource;
use super::super::super::world::{World, timestamp};
use super::super::{destination, subscriptions, topics};
use super::attempt;
use super::dead_letter;
use super::event::{Draft, Event, Schema};
use super::history::Fate;
use super::metrics::Metrics;
use super::queue::{Copy, Queue};
use super::request;
use super::target::{Target, endpoint_type};

/// Event Grid takes events of up to 1 MB.
const LARGEST: usize = 1024 * 1024;
/// Events of one publishing.
const MOST: usize = 10_000;

/// What was published, and who gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Published {
    pub(crate) ids: Vec<String>,
    pub(crate) matched: Vec<Matched>,
}

/// A subscription that an event goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Matched {
    pub(crate) id: String,
    pub(crate) endpoint_type: String,
    /// What the simulator does not do here as Azure would.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// Publishes `count` events of the resource `source`.
///
/// # Errors
/// What of the draft Event Grid would not take.
pub(crate) fn publish(world: &mut World, source: &str, draft: &Draft, count: usize) -> Result<Published, String> {
    check(draft, count)?;
    let now = world.now();
    let topic = subscriptions::topic(source);
    let mut ids = Vec::new();
    let mut receivers: BTreeMap<String, Matched> = BTreeMap::new();
    let mut size = 0;
    let subscribed = subscribed(world, source);
    for number in 0..count {
        let made = world.deliveries.random.guid();
        // Ids of a series stay apart: receivers tell duplicates by them.
        let id = match (&draft.id, count) {
            (Some(id), 1) => id.clone(),
            (Some(id), _) => format!("{id}-{number}"),
            (None, _) => made,
        };
        let mut event = Event {
            id: id.clone(),
            topic: topic.clone(),
            subject: draft.subject.clone(),
            kind: draft.kind.clone(),
            time: draft.time.clone().unwrap_or_else(|| timestamp(now)),
            data: draft.data.clone(),
            published: now,
            size,
        };
        // Events of a series differ in a few digits.
        if number == 0 {
            size = event.envelope(Schema::EventGrid).to_string().len();
            if size > LARGEST {
                return Err("the event is larger than 1 MB".into());
            }
            event.size = size;
        }
        let event = Arc::new(event);
        distribute(world, &subscribed, &event, &mut receivers);
        ids.push(id);
    }
    world.deliveries.totals.published += count as u64;
    for key in receivers.keys() {
        attempt::pump(world, key);
    }
    Ok(Published { ids, matched: receivers.into_values().collect() })
}

fn check(draft: &Draft, count: usize) -> Result<(), String> {
    if draft.kind.is_empty() {
        return Err("the type of an event must not be empty".into());
    }
    if !(1..=MOST).contains(&count) {
        return Err(format!("count must be between 1 and {MOST}"));
    }
    if let Some(time) = &draft.time
        && time.parse::<jiff::Timestamp>().is_err()
    {
        return Err(format!("time '{time}' is not RFC 3339"));
    }
    Ok(())
}

/// Puts a copy into the queue of each subscription whose filter lets the event through. Events of a series differ in their
/// ids, which a filter may ask for.
fn distribute(
    world: &mut World,
    subscribed: &[Candidate],
    event: &Arc<Event>,
    receivers: &mut BTreeMap<String, Matched>,
) {
    let mut taken = false;
    for candidate in subscribed {
        let metrics = world.deliveries.metrics.get_or_insert_with(candidate.key.clone(), Metrics::default);
        if !candidate.filter.lets_through(&event.fields()) {
            metrics.into_iter().for_each(|metrics| metrics.unmatched += 1);
            continue;
        }
        taken = true;
        world.deliveries.count(&candidate.key, |metrics| metrics.matched += 1);
        receivers.entry(candidate.key.clone()).or_insert_with(|| candidate.matched.clone());
        enqueue(world, &candidate.key, event.clone());
    }
    world.deliveries.totals.metrics.unmatched += u64::from(!taken);
}

/// A subscription on the source of an event, its filter parsed.
struct Candidate {
    key: String,
    filter: SubscriptionFilter,
    matched: Matched,
}

/// The subscriptions on that source that are in force: at extension scope, and under its system topic.
fn subscribed(world: &World, source: &str) -> Vec<Candidate> {
    let scope = format!("{}/providers/microsoft.eventgrid/eventsubscriptions/", source.to_ascii_lowercase());
    let topic = topics::of_source(world, source).map(|(key, _)| format!("{key}/eventsubscriptions/"));
    let under_topic = topic.iter().flat_map(|prefix| world.beneath(prefix));
    world
        .beneath(&scope)
        .chain(under_topic)
        .filter(|(_, r)| matches!(r.kind, Kind::ScopeSubscription | Kind::TopicSubscription))
        .filter_map(|(key, resource)| {
            let properties = resource.in_force().filter(|properties| !expired(properties, world.now()))?;
            // It was parsed when it was written: what could not be is not there.
            let filter = SubscriptionFilter::parse(properties.get("filter").unwrap_or(&Value::Null)).ok()?;
            Some(Candidate { key: key.clone(), filter, matched: describe(world.config(), resource, properties) })
        })
        .collect()
}

/// Whether anybody would see an event of that source.
pub(in super::super) fn is_listened_to(world: &World, source: &str) -> bool {
    !subscribed(world, source).is_empty()
}

fn describe(config: &Config, resource: &Resource, properties: &Value) -> Matched {
    let notes = Target::of(config, properties).note().map(str::to_owned).into_iter().collect();
    Matched { id: resource.id().to_owned(), endpoint_type: endpoint_type(properties), notes }
}

/// Whether the subscription is over by its own wish.
pub(super) fn expired(properties: &Value, now: u64) -> bool {
    json::text(properties, &["expirationTimeUtc"])
        .and_then(|t| t.parse::<jiff::Timestamp>().ok())
        .is_some_and(|t| u64::try_from(t.as_millisecond()).unwrap_or(0) <= now)
}

fn enqueue(world: &mut World, key: &str, event: Arc<Event>) {
    let (now, number) = (world.now(), world.number());
    let copy = Copy::new(event);
    let unattempted = world.deliveries.settings.probation_drops;
    let queue = world.deliveries.queues.get_or_insert_with(key.to_owned(), || Queue::new(number));
    let Some(queue) = queue else { return };
    let refused = if !queue.has_room_for(&copy.event) {
        "QueueFull"
    } else if unattempted && queue.rests_for_client_error(now) {
        PROBATION
    } else {
        queue.waiting.insert((now, number), copy);
        return;
    };
    let Some(resource) = world.resources.get(key) else { return };
    let (id, properties) = (resource.id().to_owned(), resource.in_force().cloned().unwrap_or_default());
    if refused == PROBATION {
        let fate = dead_letter::give_up(world, key, &properties, &copy, PROBATION);
        return world.deliveries.history.record(dead_letter::ended(now, &id, &copy, fate, PROBATION));
    }
    dead_letter::drop(world, key, &id, &copy, refused);
}

/// The word of dead letters for events that met an endpoint on probation (observed).
const PROBATION: &str = "UndeliverableDueToProbationCausedByClientError";

/// A subscription is gone: what waits for it is dropped, and its webhook is told, once.
pub(crate) fn removed(world: &mut World, key: &str, resource: &Resource) {
    let now = world.now();
    if let Some(queue) = world.deliveries.queues.remove(key) {
        for copy in queue.waiting.values().chain(queue.given_up.values().map(|letter| &letter.copy)) {
            let entry = dead_letter::ended(now, resource.id(), copy, Fate::Dropped, "SubscriptionDeleted");
            world.deliveries.history.record(entry);
        }
        world.deliveries.totals.metrics.drop_copies("SubscriptionDeleted", queue.pending() as u64);
    }
    world.deliveries.metrics.remove(key);
    let Some(properties) = resource.validated_properties().filter(|_| world.config().deletion_notices) else { return };
    let Some(url) = destination::webhook(properties).filter(|_| Schema::of(properties) == Schema::EventGrid) else {
        return;
    };
    let topic = json::text(&resource.body, &["properties", "topic"]).unwrap_or_default();
    let notice = request::deletion(world, key, resource.id(), url, properties, topic);
    world.send(notice);
}
