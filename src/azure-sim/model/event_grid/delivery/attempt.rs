//! Sending what is due, and what follows from the answer.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::super::json;
use super::super::super::message::{Answered, OutboundId};
use super::super::super::timer::{self, Timer};
use super::super::super::world::World;
use super::event::Schema;
use super::history::{Entry, Fate};
use super::outcome::{self, Endpoint, Outcome, Verdict};
use super::queue::{Copy, FAILURES, Queue};
use super::target::Target;
use super::{dead_letter, publish, request, scaled, storage};

/// A request that is out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Flight {
    pub(super) key: String,
    pub(super) subscription: String,
    /// Tells a later subscription of the same id apart.
    pub(super) life: u64,
    pub(super) load: Load,
}

/// What a request carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Load {
    ToWebHook(Vec<Copy>),
    ToQueue(Vec<Copy>),
    /// One blob of dead letters.
    Letters(dead_letter::Envelope),
}

impl Flight {
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn count(&self) -> usize {
        match &self.load {
            Load::ToWebHook(copies) | Load::ToQueue(copies) => copies.len(),
            Load::Letters(envelope) => envelope.letters.len(),
        }
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
    dead_letter::post(world, key, &subscription, &properties);
    let time_to_live = time_to_live(world, &properties);
    let target = Target::of(world.config(), &properties);
    if publish::expired(&properties, now) {
        drop_waiting(world, key, &subscription, "SubscriptionExpired", |_| true);
    }
    let next = |world: &World, which: &dyn Fn(&Queue) -> Option<u64>| world.deliveries.queues.get(key).and_then(which);
    let due = if target.note().is_some() {
        let too_old = |copy: &Copy| now.saturating_sub(copy.event.published) >= time_to_live;
        drop_waiting(world, key, &subscription, "NotSimulated", too_old);
        next(world, &|queue| queue.next_too_old(time_to_live))
    } else {
        send_due(world, key, &subscription, &properties, &target);
        next(world, &Queue::next_attempt)
    };
    wake(world, key, now, due);
}

/// Drops what waits for an attempt and is meant.
fn drop_waiting(world: &mut World, key: &str, subscription: &str, reason: &str, meant: impl Fn(&Copy) -> bool) {
    let Some(queue) = world.deliveries.queues.get(key) else { return };
    let gone: Vec<(u64, u64)> = queue.waiting.iter().filter(|(_, copy)| meant(copy)).map(|(at, _)| *at).collect();
    // Looking is no change: what changed is written down.
    let Some(queue) = world.deliveries.queues.get_mut(key).filter(|_| !gone.is_empty()) else { return };
    let gone: Vec<Copy> = gone.iter().filter_map(|at| queue.waiting.remove(at)).collect();
    for copy in gone {
        dead_letter::drop(world, key, subscription, &copy, reason);
    }
}

fn send_due(world: &mut World, key: &str, subscription: &str, properties: &Value, target: &Target) {
    let (now, time_to_live) = (world.now(), time_to_live(world, properties));
    while let Some((copy, late)) = take_due(world, key, now, time_to_live) {
        if late {
            let reason = "TimeToLiveExceeded";
            let fate = dead_letter::give_up(world, key, properties, &copy, reason);
            world.deliveries.history.record(dead_letter::ended(now, subscription, &copy, fate, reason));
            continue;
        }
        let (outbound, load) = match target {
            Target::WebHook(url) => {
                let copies = batch(world, key, properties, copy);
                match request::bearer(world, properties) {
                    Ok(bearer) => {
                        let call = request::to_webhook(world, key, url, properties, &copies, bearer);
                        (call, Load::ToWebHook(copies))
                    }
                    Err(why) => {
                        unsent(world, key, subscription, copies, &Outcome::without_token(why));
                        continue;
                    }
                }
            }
            Target::Queue(queue) => {
                let event = copy.event.envelope(Schema::of(properties));
                (storage::put_message(world, queue, &event), Load::ToQueue(vec![copy]))
            }
            Target::OutOfReach(_) => return put_back(world, key, now, copy),
        };
        let Some(queue) = world.deliveries.queues.get_mut(key) else { break };
        let flight = Flight { key: key.to_owned(), subscription: subscription.to_owned(), life: queue.life, load };
        queue.requests_out += 1;
        queue.copies_out += flight.count();
        world.deliveries.out.insert(outbound.id, flight);
        world.send(outbound);
    }
}

/// Asks to be called when something is due. While answers are awaited, they do that.
fn wake(world: &mut World, key: &str, now: u64, due: Option<u64>) {
    let Some(queue) = world.deliveries.queues.get_mut(key) else { return };
    let Some(due) = due.into_iter().chain(queue.next_letter()).filter(|due| *due > now).min() else { return };
    if queue.wake.is_some_and(|wake| wake <= due) {
        return;
    }
    queue.wake = Some(due);
    timer::at(world, due, Timer::Deliver { key: key.to_owned() });
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

/// How a request ended. `false` when it was none of these.
pub(crate) fn answered(world: &mut World, id: OutboundId, answer: &Answered) -> bool {
    let Some(Flight { key, subscription, life, load }) = world.deliveries.out.remove(&id) else { return false };
    let lives = world.deliveries.queues.get(&key).is_some_and(|queue| queue.life == life);
    match load {
        Load::ToWebHook(copies) => {
            let outcome = Outcome::of(answer, Endpoint::WebHook);
            attempted(world, &key, &subscription, lives, copies, &outcome);
        }
        Load::ToQueue(copies) => {
            let outcome = Outcome::of(answer, Endpoint::Resource);
            attempted(world, &key, &subscription, lives, copies, &outcome);
        }
        Load::Letters(envelope) => dead_letter::posted(world, &key, &subscription, lives, envelope, answer),
    }
    pump(world, &key);
    true
}

/// An attempt that ended before anything was sent.
fn unsent(world: &mut World, key: &str, subscription: &str, copies: Vec<Copy>, outcome: &Outcome) {
    if let Some(queue) = world.deliveries.queues.get_mut(key) {
        queue.requests_out += 1;
        queue.copies_out += copies.len();
    }
    attempted(world, key, subscription, true, copies, outcome);
}

fn attempted(world: &mut World, key: &str, subscription: &str, lives: bool, copies: Vec<Copy>, outcome: &Outcome) {
    let now = world.now();
    if let Some(queue) = world.deliveries.queues.get_mut(key).filter(|_| lives) {
        queue.requests_out = queue.requests_out.saturating_sub(1);
        queue.copies_out = queue.copies_out.saturating_sub(copies.len());
        count_outcome(world, key, outcome);
    }
    let properties = world.resources.get(key).and_then(|r| r.in_force()).cloned().filter(|_| lives);
    for mut copy in copies {
        copy.attempts += 1;
        copy.last_outcome = Cow::Borrowed(outcome.word);
        copy.last_attempt = Some(now);
        conclude(world, key, subscription, properties.as_ref(), copy, outcome);
    }
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
        queue.client_error = outcome.is_client_error();
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
    if outcome.verdict != Verdict::Delivered {
        world.deliveries.count(key, |metrics| metrics.failed += 1);
    }
    let (fate, reason, next) = match (outcome.verdict, properties) {
        (Verdict::Delivered, _) => {
            world.deliveries.count(key, |metrics| metrics.delivered += 1);
            (Fate::Delivered, None, None)
        }
        (_, None) => {
            world.deliveries.count(key, |metrics| metrics.drop_copies("SubscriptionDeleted", 1));
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
            (dead_letter::give_up(world, key, properties, &copy, reason), Some(reason), None)
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
