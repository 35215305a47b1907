//! What happens by itself, in order of time.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event_grid::{self, resource_events::Activity};
use super::faults::{self, Meddling};
use super::message::OutboundId;
use super::operation::{self, Outcome};
use super::past;
use super::registry::Kind;
use super::world::World;
use super::{communication, hubs_data, notification_hubs};

/// Something due.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Timer {
    /// A resource reaches its end state.
    Ready { key: String, generation: u64, outcome: Outcome },
    /// A resource and all beneath it are gone.
    Gone { key: String, generation: u64 },
    /// An operation's record becomes terminal.
    Finish { operation: String, outcome: Outcome },
    /// A webhook is asked again.
    Handshake { key: String, generation: u64, attempt: u32 },
    /// Nobody fetched the validation URL in time.
    ManualOver { key: String, generation: u64 },
    /// An event is due at a subscription.
    Deliver { key: String },
    /// A scheduled notification of a hub is due.
    Scheduled { hub: String, id: String },
    /// Somebody else edits or deletes a resource, as a fault says.
    Meddling { meddling: Meddling, id: String, fault: u64 },
    /// A change of role assignments has spread.
    Assigned { client: String, assignments: Value },
    /// A deletion without a record has ended: it is told of.
    Tell { activity: Box<Activity> },
    /// A call outwards that a fault holds back leaves, or ends without ever having left.
    Struck { call: OutboundId, never: bool },
}

pub(crate) fn at(world: &mut World, due: u64, timer: Timer) {
    let number = world.number();
    world.timers.insert((due, number), timer);
}

/// When a resource that is being deleted will be gone; `None` when nothing is to end it.
pub(crate) fn gone_due(world: &World, key: &str) -> Option<u64> {
    let current = world.resources.get(key)?.generation;
    let of =
        |timer: &Timer| matches!(timer, Timer::Gone { key: of, generation } if of == key && *generation == current);
    world.timers.iter().find(|(_, timer)| of(timer)).map(|((due, _), _)| *due)
}

pub(crate) fn next(world: &World) -> Option<u64> {
    world.timers.first_key_value().map(|((due, _), _)| *due)
}

/// Moves the world's time forward, never back, firing what falls due on the way.
pub(crate) fn settle(world: &mut World, now: u64) {
    past::date(world, world.now());
    world.set_now(now);
    let until = world.now();
    while next(world).is_some_and(|due| due <= until) {
        let Some(((due, _), timer)) = world.timers.pop_first() else { break };
        fire(world, timer, due);
        past::date(world, due);
    }
}

fn fire(world: &mut World, timer: Timer, due: u64) {
    match timer {
        Timer::Ready { key, generation, outcome } => ready(world, &key, generation, &outcome),
        Timer::Gone { key, generation } => {
            if world.current(&key, generation).is_some() {
                world.remove(&key);
            }
        }
        Timer::Finish { operation, outcome } => operation::finish(world, &operation, outcome, due),
        Timer::Handshake { key, generation, attempt } => event_grid::ask(world, &key, generation, attempt),
        Timer::ManualOver { key, generation } => event_grid::manual_over(world, &key, generation),
        Timer::Deliver { key } => event_grid::delivery::pump(world, &key),
        Timer::Scheduled { hub, id } => hubs_data::due(world, &hub, &id, due),
        Timer::Meddling { meddling, id, fault } => meddling.perform(world, &id, fault, due),
        Timer::Assigned { client, assignments } => world.roles_spread(&client, &assignments),
        Timer::Tell { activity } => event_grid::resource_events::tell(world, &activity, true),
        Timer::Struck { call, never: true } => {
            if let Some(instead) = faults::stand_in(world, call) {
                super::ended(world, call, &instead.answered());
            }
        }
        Timer::Struck { call, never: false } => world.leave(call),
    }
}

fn ready(world: &mut World, key: &str, generation: u64, outcome: &Outcome) {
    let Some(kind) = world.current(key, generation).map(|r| r.kind) else { return };
    match kind {
        Kind::Service => communication::ready(world, key, outcome),
        Kind::Namespace => notification_hubs::ready(world, key, outcome),
        Kind::TopicSubscription | Kind::ScopeSubscription => event_grid::concluded(world, key, outcome),
        _ => {
            if let Some(resource) = world.resources.get_mut(key) {
                resource.set_state(if outcome.is_ok() { "Succeeded" } else { "Failed" });
            }
        }
    }
}
