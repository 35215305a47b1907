//! What the doors show: attempts, totals, queues, dead letters. Never a header: some are secret.

use serde_json::{Value, json};

use super::super::super::world::World;
use super::publish::{DESTINATION_NOTE, endpoint_type};
use super::queue::Queue;

/// Attempts after number `since`, the totals, and what waits where.
pub(crate) fn deliveries(world: &World, since: u64) -> Value {
    let attempts: Vec<_> = world.deliveries.history.since(since).collect();
    let next = attempts.last().map_or(since, |e| e.sequence);
    let totals = &world.deliveries.totals;
    let pending: usize = world.deliveries.queues.values().map(Queue::pending).sum::<usize>()
        + world.deliveries.out.values().map(super::Flight::count).sum::<usize>();
    json!({
        "attempts": attempts, "next": next,
        "totals": {
            "published": totals.published, "matched": totals.matched, "delivered": totals.delivered, "pending": pending,
            "deadLettered": totals.dead_lettered, "dropped": totals.dropped.values().sum::<u64>(),
            "droppedBecause": totals.dropped,
        },
        "queues": queues(world),
    })
}

fn queues(world: &World) -> Vec<Value> {
    let queues = world.deliveries.queues.iter().filter_map(|(key, queue)| {
        let resource = world.resources.get(key)?;
        let properties = resource.in_force()?;
        let endpoint = endpoint_type(properties);
        let reached = endpoint.eq_ignore_ascii_case("WebHook");
        Some(json!({
            "subscription": resource.id(), "endpointType": endpoint, "waiting": queue.pending(),
            "inFlight": queue.copies_out, "failuresInARow": queue.failures, "onProbationUntil": queue.rests_until,
            "nextAttempt": queue.next_attempt().filter(|_| reached), "note": (!reached).then_some(DESTINATION_NOTE),
        }))
    });
    queues.collect()
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
                "time": d.time, "record": d.record,
            })
        })
        .collect();
    json!({"deadLetters": records})
}
