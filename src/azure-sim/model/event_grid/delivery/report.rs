//! What the doors show: attempts, totals, queues, dead letters. Never a header: some are secret.

use serde_json::{Value, json};

use super::super::super::json;
use super::super::super::world::World;
use super::queue::Queue;
use super::target::{Target, endpoint_type};

/// Attempts after number `since`, the totals, and what waits where.
pub(crate) fn deliveries(world: &World, since: u64) -> Value {
    let attempts: Vec<_> = world.deliveries.history.since(since).collect();
    let next = attempts.last().map_or(since, |e| e.sequence);
    let pending: usize = world.deliveries.queues.values().map(Queue::pending).sum::<usize>()
        + world.deliveries.out.values().map(super::Flight::count).sum::<usize>();
    let mut totals = world.deliveries.totals.metrics.shown();
    json::put(&mut totals, &["published"], world.deliveries.totals.published);
    json::put(&mut totals, &["pending"], pending);
    json!({
        "attempts": attempts, "next": next, "totals": totals, "queues": queues(world), "subscriptions": subscriptions(world),
    })
}

/// What waits, and for what.
fn queues(world: &World) -> Vec<Value> {
    let queues = world.deliveries.queues.iter().filter_map(|(key, queue)| {
        let resource = world.resources.get(key)?;
        let properties = resource.in_force()?;
        let target = Target::of(world.config(), properties);
        Some(json!({
            "subscription": resource.id(), "endpointType": endpoint_type(properties), "waiting": queue.pending(),
            "inFlight": queue.copies_out, "failuresInARow": queue.failures, "onProbationUntil": queue.rests_until,
            "nextAttempt": queue.next_attempt().filter(|_| target.note().is_none()), "note": target.note(),
        }))
    });
    queues.collect()
}

/// The counters of each subscription that events were published for.
fn subscriptions(world: &World) -> Vec<Value> {
    let subscriptions = world.deliveries.metrics.iter().filter_map(|(key, metrics)| {
        let id = world.resources.get(key)?.id();
        Some(json!({"subscription": id, "metrics": metrics.shown()}))
    });
    subscriptions.collect()
}

/// The records that lie in the dead-letter store, oldest first.
pub(crate) fn dead_letters(world: &World) -> Value {
    let records: Vec<Value> = world
        .deliveries
        .dead
        .iter()
        .map(|d| {
            json!({
                "subscription": d.subscription, "storageAccount": d.storage_account, "container": d.container,
                "blob": d.blob, "time": d.time, "record": d.record,
            })
        })
        .collect();
    json!({"deadLetters": records})
}
