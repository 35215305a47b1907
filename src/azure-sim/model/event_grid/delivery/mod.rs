//! Event Grid delivers: from a published event to the answer of the last webhook, or to the dead-letter store.
//!
//! Sources: the documented delivery, retry and dead-letter pages, and what others captured. Where those are silent the
//! simulator chose, and says so:
//! * At most [`queue::AT_ONCE`] requests per subscription are out at a time, and [`queue::LIMIT`] events wait.
//! * After ten failures in a row, the subscription rests (probation). Then one request tries; each that fails doubles the
//!   rest, up to an hour. Azure does the like "for up to hours" and may also drop events unattempted, which is not done here.
//! * Destinations other than webhooks take nothing yet: their events stay pending, and the door says so.

mod attempt;
mod dead_letter;
mod event;
mod history;
mod outcome;
mod publish;
mod queue;
mod report;
mod request;
pub(crate) mod shapes;
mod state;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::kept::{Log, Single, Table};
use super::super::message::OutboundId;
use super::super::random::Random;
use super::super::world::World;

pub(crate) use attempt::{answered, pump};
pub(crate) use event::Draft;
pub(crate) use publish::{Published, publish, removed};
pub(crate) use report::{dead_letters, deliveries};
pub(crate) use state::Read;

use attempt::Flight;
use dead_letter::DeadLetter;
use history::History;
use queue::Queue;

/// Everything that is being delivered, and what became of the rest.
#[derive(Clone, Debug)]
pub(crate) struct Deliveries {
    /// Of its own: guids of events and jitter must not shift the keys that a seed gives.
    random: Random,
    /// By the lower-cased id of the event subscription.
    queues: Table<String, Queue>,
    out: Table<OutboundId, Flight>,
    history: History,
    dead: Log<DeadLetter>,
    totals: Single<Totals>,
}

/// Copies of events: one per event and subscription that it matched.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Totals {
    published: u64,
    matched: u64,
    delivered: u64,
    dead_lettered: u64,
    dropped: BTreeMap<String, u64>,
}

impl Deliveries {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed ^ 0x0045_7665_6e74_4772),
            queues: Table::default(),
            out: Table::default(),
            history: History::default(),
            dead: Log::default(),
            totals: Single::default(),
        }
    }

    /// The event subscription that a request which is out belongs to.
    pub(crate) fn key_of(&self, id: OutboundId) -> Option<&str> {
        self.out.get(&id).map(Flight::key)
    }

    fn drop_copies(&mut self, reason: &str, count: u64) {
        if count > 0 {
            *self.totals.dropped.entry(reason.to_owned()).or_default() += count;
        }
    }
}

/// Milliseconds of Azure in this world. Not shortened by the profile `instant`, in which thirty attempts would be over at once.
fn scaled(world: &World, ms: u64) -> u64 {
    world.config().scaled(ms)
}
