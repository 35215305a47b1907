//! Sending what is due, and what follows from the answer.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::super::json;
use super::super::super::message::{Answered, OutboundId};
use super::super::super::timer::{self, Timer};
use super::super::super::world::World;
use super::super::destination;
use super::event::Schema;
use super::history::{Entry, Fate};
use super::outcome::{self, Outcome, Verdict};
use super::queue::{Copy, FAILURES};
use super::{dead_letter, request, scaled};

/// A request that is out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Flight {
    key: String,
    subscription: String,
    life: u64,
    copies: Vec<Copy>,
}

impl Flight {
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn count(&self) -> usize {
        self.copies.len()
    }
}

/// Sends what is due to one subscription, as much as may be out at once.
pub(crate) fn pump(world: &mut World, key: &str) {
    let now = world.now();
    if let Some(queue) = world.deliveries.queues.get_mut(key)
        && queue.wake.is_some_and(|wake| wake <= now)
    {
        queue.wake = None;
    }
    let Some(resource) = world.resources.get(key) else { return };
    let Some(properties) = resource.in_force().cloned() else { return };
    let subscription = resource.id().to_owned();
    while let Some((copy, reason)) = take_given_up(world, key, now) {
        dead_letter::store(world, &subscription, &properties, &copy, &reason);
    }
    // Events that no webhook takes wait for nothing.
    let Some(url) = destination::webhook(&properties).map(str::to_owned) else { return };
    let time_to_live = time_to_live(world, &properties);
    while let Some((copy, late)) = take_due(world, key, now, time_to_live) {
        if late {
            let reason = "TimeToLiveExceeded";
            let fate = give_up(world, key, &properties, &copy, reason);
            world.deliveries.history.record(dead_letter::ended(now, &subscription, &copy, fate, reason));
            continue;
        }
        let copies = batch(world, key, &properties, copy);
        let outbound = request::delivery(world, key, &url, &properties, &copies);
        let Some(queue) = world.deliveries.queues.get_mut(key) else { break };
        queue.requests_out += 1;
        queue.copies_out += copies.len();
        let flight = Flight { key: key.to_owned(), subscription: subscription.clone(), life: queue.life, copies };
        world.deliveries.out.insert(outbound.id, flight);
        world.send(outbound);
    }
    wake(world, key, now);
}

/// Asks to be called when something is due. While answers are awaited, they do that.
fn wake(world: &mut World, key: &str, now: u64) {
    let Some(queue) = world.deliveries.queues.get_mut(key) else { return };
    let Some(due) = queue.next() else { return };
    if due <= now || queue.wake.is_some_and(|wake| wake <= due) {
        return;
    }
    queue.wake = Some(due);
    timer::at(world, due, Timer::Deliver { key: key.to_owned() });
}

fn take_given_up(world: &mut World, key: &str, now: u64) -> Option<(Copy, Cow<'static, str>)> {
    let queue = world.deliveries.queues.get_mut(key)?;
    let at = *queue.given_up.first_key_value().filter(|((due, _), _)| *due <= now)?.0;
    queue.given_up.remove(&at)
}

/// The next event that may go now, and whether it is too late for it. Its age is looked at only when an attempt is due
/// (documented).
fn take_due(world: &mut World, key: &str, now: u64, time_to_live: u64) -> Option<(Copy, bool)> {
    let queue = world.deliveries.queues.get_mut(key)?;
    let (at, copy) = queue.waiting.first_key_value().filter(|((due, _), _)| *due <= now)?;
    let late = now.saturating_sub(copy.event.published) >= time_to_live;
    if !late && !queue.admits(now) {
        return None;
    }
    let at = *at;
    queue.waiting.remove(&at).map(|copy| (copy, late))
}

fn put_back(world: &mut World, key: &str, due: u64, copy: Copy) {
    let number = world.number();
    if let Some(queue) = world.deliveries.queues.get_mut(key) {
        queue.waiting.insert((due, number), copy);
    }
}

/// The first event, and what else is due, was sent as often, and fits. Event Grid never waits to fill a batch.
fn batch(world: &mut World, key: &str, properties: &Value, first: Copy) -> Vec<Copy> {
    let (most, preferred) = request::batch_limits(properties);
    let schema = Schema::of(properties);
    let size = |copy: &Copy| copy.event.envelope(schema).to_string().len() + 1;
    let now = world.now();
    let mut copies = vec![first];
    if most == 1 {
        return copies;
    }
    let mut bytes: usize = copies.iter().map(size).sum();
    let Some(queue) = world.deliveries.queues.get_mut(key) else { return copies };
    while copies.len() < most {
        let Some((at, next)) = queue.waiting.first_key_value().filter(|((due, _), _)| *due <= now) else { break };
        let alike = copies.first().is_some_and(|c| c.attempts == next.attempts);
        let larger = bytes + size(next);
        if !alike || larger > preferred {
            break;
        }
        bytes = larger;
        let at = *at;
        copies.extend(queue.waiting.remove(&at));
    }
    copies
}

fn time_to_live(world: &World, properties: &Value) -> u64 {
    let minutes = json::at(properties, &["retryPolicy", "eventTimeToLiveInMinutes"]).and_then(Value::as_u64);
    scaled(world, minutes.unwrap_or(1440) * 60_000)
}

fn most_attempts(properties: &Value) -> u32 {
    let most = json::at(properties, &["retryPolicy", "maxDeliveryAttempts"]).and_then(Value::as_u64);
    u32::try_from(most.unwrap_or(30)).unwrap_or(30)
}

/// No further attempt: to the dead-letter store in five minutes, or dropped now.
fn give_up(world: &mut World, key: &str, properties: &Value, copy: &Copy, reason: &'static str) -> Fate {
    if dead_letter::destination(properties).is_none() {
        world.deliveries.drop_copies(reason, 1);
        return Fate::Dropped;
    }
    let (due, number) = (world.now() + world.durations().dead_letter, world.number());
    if let Some(queue) = world.deliveries.queues.get_mut(key) {
        queue.given_up.insert((due, number), (copy.clone(), Cow::Borrowed(reason)));
    }
    Fate::GivenUp
}

/// How a delivery ended. `false` when the call was none.
pub(crate) fn answered(world: &mut World, id: OutboundId, answer: &Answered) -> bool {
    let Some(flight) = world.deliveries.out.remove(&id) else { return false };
    let outcome = Outcome::of(answer);
    let now = world.now();
    let Flight { key, subscription, life, copies } = flight;
    let count = copies.len();
    let same = world.deliveries.queues.get_mut(&key).filter(|q| q.life == life);
    let lives = same.is_some();
    if let Some(queue) = same {
        queue.requests_out = queue.requests_out.saturating_sub(1);
        queue.copies_out = queue.copies_out.saturating_sub(count);
    }
    let properties = world.resources.get(&key).and_then(|r| r.in_force()).cloned().filter(|_| lives);
    if lives {
        count_outcome(world, &key, &outcome);
    }
    for mut copy in copies {
        copy.attempts += 1;
        copy.last_outcome = Cow::Borrowed(outcome.word);
        copy.last_attempt = Some(now);
        conclude(world, &key, &subscription, properties.as_ref(), copy, &outcome);
    }
    pump(world, &key);
    true
}

/// Ten failures in a row bring an endpoint on probation; each further one doubles its rest.
fn count_outcome(world: &mut World, key: &str, outcome: &Outcome) {
    let now = world.now();
    let Some(queue) = world.deliveries.queues.get_mut(key) else { return };
    if outcome.verdict == Verdict::Delivered {
        return queue.succeeded();
    }
    queue.failures = queue.failures.saturating_add(1);
    if queue.failures < FAILURES {
        return;
    }
    // Requests that were out together with the tenth end the same rest, not a new one.
    if queue.rests_until.is_some_and(|until| until > now) {
        return;
    }
    let longer = queue.rest.saturating_mul(2);
    queue.rest = longer.clamp(outcome.rest(), outcome::LONGEST_REST);
    let rest = queue.rest;
    let until = now + scaled(world, rest);
    if let Some(queue) = world.deliveries.queues.get_mut(key) {
        queue.rests_until = Some(until);
    }
}

fn conclude(
    world: &mut World,
    key: &str,
    subscription: &str,
    properties: Option<&Value>,
    copy: Copy,
    outcome: &Outcome,
) {
    let now = world.now();
    let (fate, reason, next) = match (outcome.verdict, properties) {
        (Verdict::Delivered, _) => {
            world.deliveries.totals.delivered += 1;
            (Fate::Delivered, None, None)
        }
        (_, None) => {
            world.deliveries.drop_copies("SubscriptionDeleted", 1);
            (Fate::Dropped, Some("SubscriptionDeleted"), None)
        }
        (Verdict::Retry(least), Some(properties)) if copy.attempts < most_attempts(properties) => {
            let due = now + jittered(world, outcome::pause(copy.attempts, least));
            put_back(world, key, due, copy.clone());
            (Fate::Retry, None, Some(due))
        }
        (verdict, Some(properties)) => {
            let refused = verdict == Verdict::Final;
            // The word for a refused event is in no source; it is made like that of probation.
            let reason = if refused { "UndeliverableDueToClientError" } else { "MaxDeliveryAttemptsExceeded" };
            (give_up(world, key, properties, &copy, reason), Some(reason), None)
        }
    };
    world.deliveries.history.record(Entry {
        sequence: 0,
        time: now,
        event_id: copy.event.id.clone(),
        kind: copy.event.kind.clone(),
        subscription: subscription.to_owned(),
        attempt: copy.attempts,
        status: outcome.status.clone().ok(),
        failure: outcome.status.clone().err(),
        outcome: fate,
        reason: reason.map(str::to_owned),
        next_attempt: next,
    });
}

/// Up to a tenth longer, never shorter: the table's times are the least.
fn jittered(world: &mut World, ms: u64) -> u64 {
    let permille = world.deliveries.random.next() % 101;
    scaled(world, ms + ms / 1000 * permille)
}
