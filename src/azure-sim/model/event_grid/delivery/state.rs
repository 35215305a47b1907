//! What is being delivered, written down and read back.

use super::super::super::kept::{Record, Table, Write, decode};
use super::super::super::random::Random;
use super::Deliveries;
use super::attempt::Flight;
use super::dead_letter::DeadLetter;
use super::history::Entry;
use super::metrics::Metrics;
use super::queue::{Copy, Letter, Queue};

const QUEUES: &str = "event queue";
const WAITING: &str = "event";
const GIVEN_UP: &str = "event given up";
const FLIGHTS: &str = "delivery";
const HISTORY: &str = "attempt";
const DEAD: &str = "dead letter";
const TOTALS: &str = "event totals";
const METRICS: &str = "event counters";
const SETTINGS: &str = "event settings";

impl Record for Copy {}
impl Record for Letter {}
impl Record for Flight {}
impl Record for Metrics {}

impl Record for Queue {
    fn watch(&mut self, written: bool) {
        self.waiting.watch(written);
        self.given_up.watch(written);
    }

    fn write_beneath(&mut self, owner: &str, write: &mut Write<'_>) {
        self.waiting.write_as(WAITING, |at| (owner.to_owned(), *at), write);
        self.given_up.write_as(GIVEN_UP, |at| (owner.to_owned(), *at), write);
    }

    fn bury(&self, owner: &str, write: &mut Write<'_>) {
        self.waiting.bury_all(WAITING, |at| (owner.to_owned(), *at), write);
        self.given_up.bury_all(GIVEN_UP, |at| (owner.to_owned(), *at), write);
    }
}

/// The queue, then when it is due and its age.
type At = (String, (u64, u64));

/// What was read of the logs, until all of it is there.
#[derive(Default)]
pub(crate) struct Read {
    history: Vec<(u64, Entry)>,
    dead: Vec<(u64, DeadLetter)>,
    waiting: Vec<(At, Copy)>,
    given_up: Vec<(At, Letter)>,
}

impl Deliveries {
    pub(crate) fn random_mut(&mut self) -> &mut Random {
        &mut self.random
    }

    pub(crate) fn watch(&mut self, written: bool) {
        let Self { random: _, queues, out, history, dead, totals, metrics, settings } = self;
        queues.watch(written);
        out.watch(written);
        history.entries.watch(written);
        dead.watch(written);
        totals.watch(written);
        metrics.watch(written);
        settings.watch(written);
    }

    pub(crate) fn is_changed(&self) -> bool {
        let Self { random: _, queues, out, history, dead, totals, metrics, settings } = self;
        queues.is_changed()
            || out.is_changed()
            || history.entries.is_changed()
            || dead.is_changed()
            || totals.is_changed()
            || metrics.is_changed()
            || settings.is_changed()
    }

    pub(crate) fn write(&mut self, write: &mut Write<'_>) {
        let Self { random: _, queues, out, history, dead, totals, metrics, settings } = self;
        queues.write(QUEUES, write);
        out.write(FLIGHTS, write);
        history.entries.write(HISTORY, write);
        dead.write(DEAD, write);
        totals.write(TOTALS, write);
        metrics.write(METRICS, write);
        settings.write(SETTINGS, write);
    }

    /// `false` when the table is none of these.
    pub(crate) fn read(&mut self, read: &mut Read, table: &str, key: &[u8], value: &[u8]) -> Result<bool, String> {
        match table {
            QUEUES => self.queues.restore(decode(key)?, decode(value)?),
            FLIGHTS => self.out.restore(decode(key)?, decode(value)?),
            WAITING => read.waiting.push((decode(key)?, decode(value)?)),
            GIVEN_UP => read.given_up.push((decode(key)?, decode(value)?)),
            HISTORY => read.history.push((decode(key)?, decode(value)?)),
            DEAD => read.dead.push((decode(key)?, decode(value)?)),
            TOTALS => self.totals.restore(value)?,
            METRICS => self.metrics.restore(decode(key)?, decode(value)?),
            SETTINGS => self.settings.restore(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) fn settle(&mut self, read: Read) -> Result<(), String> {
        self.history.entries.restore(read.history);
        self.dead.restore(read.dead);
        put_back(&mut self.queues, read.waiting, |queue| &mut queue.waiting)?;
        put_back(&mut self.queues, read.given_up, |queue| &mut queue.given_up)
    }
}

fn put_back<V: Record + Clone>(
    queues: &mut Table<String, Queue>,
    read: Vec<(At, V)>,
    of: impl Fn(&mut Queue) -> &mut Table<(u64, u64), V>,
) -> Result<(), String> {
    for ((owner, at), value) in read {
        let queue = queues.restored(&owner).ok_or_else(|| format!("an event waits for {owner}, which has no queue"))?;
        of(queue).restore(at, value);
    }
    Ok(())
}
