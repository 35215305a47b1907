//! Event Grid delivers: from a published event to the answer of the last webhook, or to the dead-letter store.
//!
//! Sources: the documented delivery, retry and dead-letter pages, and what others captured. Where those are silent the
//! simulator chose, and says so:
//! * At most [`queue::AT_ONCE`] requests per subscription are out at a time, and [`queue::LIMIT`] events wait.
//! * After ten failures in a row, the subscription rests (probation). Then one request tries; each that fails doubles the
//!   rest, up to an hour. Azure does the like "for up to hours". It may also give up events unattempted: the door `config` turns
//!   that on, for whoever wants to see what then is lost.
//! * An answer after the thirty seconds changes nothing: what is tried again arrives twice. Azure removes some of these.
//! * Of the other destinations, storage queues take events where `--storage` named their account. The rest are
//!   [out of reach](target::Target::OutOfReach), and the doors say so.
//! * When a subscription expires, what waits for it is dropped (unverified), and its ARM resource stays (unverified).

mod attempt;
mod dead_letter;
mod event;
mod history;
mod metrics;
mod outcome;
mod publish;
mod queue;
mod report;
pub(super) mod request;
pub(crate) mod shapes;
mod state;
mod storage;
mod target;

use serde::{Deserialize, Serialize};

use super::super::kept::{Log, Single, Table};
use super::super::message::OutboundId;
use super::super::random::Random;
use super::super::world::World;

pub(crate) use attempt::{answered, pump};
pub(crate) use event::Draft;
pub(super) use publish::is_listened_to;
pub(crate) use publish::{Published, publish, removed};
pub(crate) use report::{dead_letters, deliveries};
pub(crate) use state::Read;

use attempt::Flight;
use dead_letter::DeadLetter;
use history::History;
use metrics::Metrics;
use queue::Queue;

/// A guid for what is told of, from the generator of events.
pub(super) fn guid(world: &mut World) -> String {
    world.deliveries.random.guid()
}

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
    /// By subscription, as the queues.
    metrics: Table<String, Metrics>,
    settings: Single<Settings>,
}

/// What is counted of all subscriptions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Totals {
    published: u64,
    metrics: Metrics,
}

/// What somebody asked of Event Grid for a test.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Settings {
    /// Whether events that meet an endpoint on probation by its own fault are given up unattempted.
    probation_drops: bool,
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
            metrics: Table::default(),
            settings: Single::default(),
        }
    }

    /// The event subscription that a request which is out belongs to.
    pub(crate) fn key_of(&self, id: OutboundId) -> Option<&str> {
        self.out.get(&id).map(Flight::key)
    }

    /// Sets whether events that meet an endpoint on probation by its own fault are given up unattempted.
    pub(crate) fn drop_on_probation(&mut self, on: bool) {
        self.settings.probation_drops = on;
    }

    /// Counts for one subscription, while it is there, and for all together.
    fn count(&mut self, key: &str, count: impl Fn(&mut Metrics)) {
        count(&mut self.totals.metrics);
        if let Some(metrics) = self.metrics.get_mut(key) {
            count(metrics);
        }
    }
}

/// Milliseconds of Azure in this world. Not shortened by the profile `instant`, in which thirty attempts would be over at once.
fn scaled(world: &World, ms: u64) -> u64 {
    world.config().scaled(ms)
}
