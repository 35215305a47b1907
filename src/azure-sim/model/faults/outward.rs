//! Faults of calls that Azure makes: as if the receiver, or the way to it, had failed.

use serde::{Deserialize, Serialize};

use super::super::journal::Plane;
use super::super::message::{Answered, Outbound, OutboundId};
use super::super::timer::{self, Timer};
use super::super::world::World;
use super::{Cut, FaultAnswer, Sight};

/// A call that was struck.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Held {
    /// What Azure is told instead of what the receiver says.
    instead: Option<StandIn>,
    /// It has not left, or never does.
    waits: bool,
}

/// An answer that no receiver gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum StandIn {
    Status { status: u16, retry_after: Option<u64>, body: String },
    Silence,
}

impl StandIn {
    fn of(answer: &FaultAnswer) -> Option<Self> {
        if answer.drop.is_some() {
            return Some(Self::Silence);
        }
        let body = answer.message.clone().unwrap_or_default();
        Some(Self::Status { status: answer.status?, retry_after: answer.retry_after, body })
    }

    pub(crate) fn answered(self) -> Answered {
        match self {
            Self::Silence => Answered::Failed("the connection was cut by an injected fault".into()),
            Self::Status { status, retry_after, body } => {
                let headers = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
                Answered::Response { status, headers: headers.into_iter().collect(), body: body.into_bytes() }
            }
        }
    }
}

/// Whether a call may leave now, and the fault that struck it. Where it may not, a timer says what comes of it.
pub(crate) fn sent(world: &mut World, call: &Outbound, place: &str, operation: &str) -> (bool, Option<u64>) {
    let sight =
        Sight { plane: Plane::Outward, operation, method: &call.method, path: place, principal: "Microsoft.EventGrid" };
    // Looked at first: counting is a change.
    if !world.faults.concerns(&sight) {
        return (true, None);
    }
    let (seed, now) = (world.config().seed, world.now());
    let Some((fault, answer)) = world.faults.strike(&sight, seed, now) else { return (true, None) };
    let instead = StandIn::of(&answer);
    let never = instead.is_some() && !answer.performed && answer.drop != Some(Cut::After);
    let delay = answer.delay_ms.unwrap_or(0);
    let waits = never || delay > 0;
    world.faults.outward.insert(call.id, Held { instead, waits });
    if waits {
        // Nobody waits longer than for a receiver that says nothing.
        let due = if never { delay.min(call.timeout_ms) } else { delay };
        timer::at(world, now.saturating_add(due), Timer::Struck { call: call.id, never });
    }
    (!waits, Some(fault))
}

/// A call that was held back leaves.
pub(crate) fn leave(world: &mut World, id: OutboundId) {
    if let Some(held) = world.faults.outward.get_mut(&id) {
        held.waits = false;
    }
}

/// What a fault answers in the place of the receiver. The call is over by it.
pub(crate) fn stand_in(world: &mut World, id: OutboundId) -> Option<StandIn> {
    if !world.faults.outward.contains_key(&id) {
        return None;
    }
    world.faults.outward.remove(&id).and_then(|held| held.instead)
}

impl super::Faults {
    /// Whether a call must not be handed out: it waits for its fault's time.
    pub(crate) fn holds(&self, id: OutboundId) -> bool {
        self.outward.get(&id).is_some_and(|held| held.waits)
    }
}
