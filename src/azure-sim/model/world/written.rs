//! A world, written down change by change and read back.
//!
//! Records are named by a table and a key; a resource, a timer or an event is one each, and what is small is one together.
//! Two kinds of change are told apart. What somebody may rely on (a resource, an operation, an event that waits) is
//! urgent: it is written before the answer goes out. What every request moves (journal, numbers, budgets) is written
//! with the next urgent change or a little later; when it is lost, the journal's numbers go on behind a gap.

use serde::{Deserialize, Serialize};

use super::super::config::Config;
use super::super::event_grid::{self, Handshake};
use super::super::journal::{Entry, Journal};
use super::super::kept::{Encoded, Record, decode, encode};
use super::super::message::{Outbound, OutboundId};
use super::super::operation::Operation;
use super::super::past;
use super::super::push;
use super::super::random::Random;
use super::super::resource::Resource;
use super::super::throttle::Buckets;
use super::super::timer::Timer;
use super::World;

/// One record: where it belongs, and what it holds now; `None` when it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The table, one of a closed set.
    pub table: &'static str,
    /// The key within it.
    pub key: Vec<u8>,
    /// The value.
    pub value: Option<Vec<u8>>,
}

/// One record as it was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The table.
    pub table: String,
    /// The key within it.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

/// Why a world cannot be read back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record '{table}' cannot be read: {why}")]
pub struct Unreadable {
    table: String,
    why: String,
}

/// Why a world cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of '{table}' cannot be written: {why}")]
pub struct Unwritable {
    table: &'static str,
    why: String,
}

/// Format of the records. A version that reads another one says so.
pub const FORMAT: u64 = 1;

const CONFIG: &str = "config";
const MOVING: &str = "moving";
const RESOURCES: &str = "resource";
const OPERATIONS: &str = "operation";
const TIMERS: &str = "timer";
const CALLS: &str = "call";
const HANDSHAKES: &str = "handshake";
const FAULTS: &str = "faults";
const APPLICATIONS: &str = "applications";
const UNREGISTERED: &str = "unregistered providers";
const TAKEN: &str = "taken names";
const ROLES: &str = "roles";
const KEPT: &str = "tags of subscriptions and moving providers";
const JOURNAL: &str = "journal";

/// How far the journal's numbers may run ahead of what is written, before that is written.
const AHEAD: u64 = 1_000;

/// What every request moves.
#[derive(Serialize, Deserialize)]
struct Moving {
    now: u64,
    numbers: u64,
    random: Random,
    random_of_events: Random,
    random_of_phones: Random,
    waiting: Vec<OutboundId>,
    buckets: Buckets,
    /// Without its entries.
    journal: Journal,
    /// No number from here on was given out when this was written, or is before it is written again.
    journal_until: u64,
}

/// How much of the journal is written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    /// Entries before this number are written.
    journal: u64,
    /// Entries before this number are no longer kept.
    journal_from: u64,
    journal_until: u64,
    config: bool,
}

impl Record for Resource {}
impl Record for Operation {}
impl Record for Timer {}
impl Record for Handshake {}
impl Record for Outbound {}

impl World {
    /// From now on, changes are remembered until [`World::changes`] takes them. The first time that is everything.
    pub fn watch(&mut self) {
        self.watch_from(false);
    }

    fn watch_from(&mut self, known: bool) {
        // Without `..`: whoever adds a part of the world decides here, below and in `read` whether it is written down, or is
        // lost by a restart.
        let Self {
            config: _,
            durations: _,
            now: _,
            numbers: _,
            random: _,
            resources,
            operations,
            timers,
            calls,
            waiting: _,
            handshakes,
            deliveries,
            buckets: _,
            journal,
            faults,
            applications,
            unregistered,
            taken_names,
            telephony,
            roles,
            kept,
            // Reads are as fresh as ever after a restart.
            past: _,
            written,
        } = self;
        resources.watch(known);
        operations.watch(known);
        timers.watch(known);
        calls.watch(known);
        handshakes.watch(known);
        deliveries.watch(known);
        telephony.watch(known);
        faults.watch(known);
        applications.watch(known);
        unregistered.watch(known);
        taken_names.watch(known);
        roles.watch(known);
        kept.watch(known);
        // What the command line says may have changed, and a number given out from now on is to be reserved.
        let whole = Written { journal: journal.next(), journal_from: journal.first(), ..Written::default() };
        *written = Some(if known { whole } else { Written::default() });
    }

    /// Whether something changed that must not be lost once it was answered. Always `false` in a world that nobody watches.
    pub fn has_urgent_changes(&self) -> bool {
        self.written.is_some_and(|written| self.journal.next() > written.journal_until)
            || self.resources.is_changed()
            || self.operations.is_changed()
            || self.timers.is_changed()
            || self.calls.is_changed()
            || self.handshakes.is_changed()
            || self.deliveries.is_changed()
            || self.telephony.is_changed()
            || self.faults.is_changed()
            || self.applications.is_changed()
            || self.unregistered.is_changed()
            || self.taken_names.is_changed()
            || self.roles.is_changed()
            || self.kept.is_changed()
    }

    /// Everything that changed since the last time, urgent or not. Empty in a world that nobody watches.
    ///
    /// # Errors
    /// When something has no written form. Nothing of this world may be written any more: what follows would have a hole
    /// before it.
    pub fn changes(&mut self) -> Result<Vec<Change>, Unwritable> {
        let (mut changes, mut failed) = (Vec::new(), None);
        let Some(mut written) = self.written else { return Ok(changes) };
        let mut write = |table, key: Encoded, value: Option<Encoded>| match (key, value.transpose()) {
            (Ok(key), Ok(value)) => changes.push(Change { table, key, value }),
            (Err(why), _) | (_, Err(why)) => failed = Some(Unwritable { table, why }),
        };
        self.resources.write(RESOURCES, &mut write);
        self.operations.write(OPERATIONS, &mut write);
        self.timers.write(TIMERS, &mut write);
        self.calls.write(CALLS, &mut write);
        self.handshakes.write(HANDSHAKES, &mut write);
        self.deliveries.write(&mut write);
        self.telephony.write(&mut write);
        self.faults.write(FAULTS, &mut write);
        self.applications.write(APPLICATIONS, &mut write);
        self.unregistered.write(UNREGISTERED, &mut write);
        self.taken_names.write(TAKEN, &mut write);
        self.roles.write(ROLES, &mut write);
        self.kept.write(KEPT, &mut write);
        if !written.config {
            write(CONFIG, Ok(Vec::new()), Some(encode(&self.config)));
        }
        let (from, next) = (self.journal.first(), self.journal.next());
        for number in written.journal_from..from.min(written.journal) {
            write(JOURNAL, encode(&number), None);
        }
        let new = self.journal.entries().iter().rev().take_while(|e| e.sequence >= written.journal);
        new.for_each(|entry| write(JOURNAL, encode(&entry.sequence), Some(encode(entry))));
        written = Written { journal: next, journal_from: from, journal_until: next + AHEAD, config: true };
        self.written = Some(written);
        let moving = Moving {
            now: self.now,
            numbers: self.numbers,
            random: self.random.clone(),
            random_of_events: self.deliveries.random_mut().clone(),
            random_of_phones: self.telephony.random_mut().clone(),
            waiting: self.waiting.clone(),
            buckets: self.buckets.clone(),
            journal: self.journal.rest(),
            journal_until: written.journal_until,
        };
        write(MOVING, Ok(Vec::new()), Some(encode(&moving)));
        failed.map_or(Ok(changes), Err)
    }

    /// The world that these records were written from, and what of `config` does not hold in it, in sentences. `whole`
    /// says that nothing was lost: not even what is not urgent.
    ///
    /// # Errors
    /// When a record cannot be read, or is of a table that this version does not know.
    pub fn restored(
        config: &Config,
        records: impl IntoIterator<Item = Stored>,
        whole: bool,
    ) -> Result<(Self, Vec<String>), Unreadable> {
        let mut reading = Reading { world: Self::empty(config.clone()), ..Reading::default() };
        for Stored { table, key, value } in records {
            reading.read(&table, &key, &value).map_err(|why| Unreadable { table: table.clone(), why })?;
        }
        reading.finish(config, whole)
    }

    /// Calls that were out when the world stopped are made again: whoever was called cannot have been heard.
    pub fn call_again(&mut self) {
        self.waiting = self.calls.keys().copied().filter(|id| !self.faults.holds(*id)).collect();
    }
}

/// A world half read.
struct Reading {
    world: World,
    config: Option<Config>,
    moving: Option<Moving>,
    journal: Vec<Entry>,
    deliveries: event_grid::delivery::Read,
    telephony: push::Read,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            world: World::empty(Config::default()),
            config: None,
            moving: None,
            journal: Vec::new(),
            deliveries: event_grid::delivery::Read::default(),
            telephony: push::Read::default(),
        }
    }
}

impl Reading {
    fn read(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<(), String> {
        let world = &mut self.world;
        match table {
            CONFIG => self.config = Some(decode(value)?),
            MOVING => self.moving = Some(decode(value)?),
            RESOURCES => world.resources.restore(decode(key)?, decode(value)?),
            OPERATIONS => world.operations.restore(decode(key)?, decode(value)?),
            TIMERS => world.timers.restore(decode(key)?, decode(value)?),
            CALLS => world.calls.restore(decode(key)?, decode(value)?),
            HANDSHAKES => world.handshakes.restore(decode(key)?, decode(value)?),
            FAULTS => world.faults.restore(value)?,
            APPLICATIONS => world.applications.restore(value)?,
            UNREGISTERED => world.unregistered.restore(value)?,
            TAKEN => world.taken_names.restore(value)?,
            ROLES => world.roles.restore(value)?,
            KEPT => world.kept.restore(value)?,
            JOURNAL => self.journal.push(decode(value)?),
            _ => {
                let known = world.deliveries.read(&mut self.deliveries, table, key, value)?
                    || world.telephony.read(&mut self.telephony, table, key, value)?;
                if !known {
                    return Err("this version knows no such table; a later one wrote it".into());
                }
            }
        }
        Ok(())
    }

    fn finish(self, given: &Config, whole: bool) -> Result<(World, Vec<String>), Unreadable> {
        let Self { mut world, config, moving, journal, deliveries, telephony } = self;
        let missing = |table: &str| Unreadable { table: table.into(), why: "it is missing".into() };
        let config = config.ok_or_else(|| missing(CONFIG))?;
        let moving = moving.ok_or_else(|| missing(MOVING))?;
        let (config, remarks) = given.continuing(&config);
        (world.now, world.numbers, world.random) = (moving.now, moving.numbers, moving.random);
        *world.deliveries.random_mut() = moving.random_of_events;
        *world.telephony.random_mut() = moving.random_of_phones;
        (world.waiting, world.buckets) = (moving.waiting, moving.buckets);
        let next = if whole { moving.journal.next() } else { moving.journal_until };
        world.journal.restore(moving.journal, journal, next);
        let settled = world.deliveries.settle(deliveries);
        settled.map_err(|why| Unreadable { table: "event".into(), why })?;
        let settled = world.telephony.settle(telephony);
        settled.map_err(|why| Unreadable { table: "hub".into(), why })?;
        let new: Vec<String> =
            given.resource_groups.iter().filter(|g| !config.resource_groups.contains(g)).cloned().collect();
        let subscription = config.subscription_id.clone();
        world.take_config(config);
        world.watch_from(true);
        past::remember(&mut world);
        for group in new {
            world.add_group(&subscription, &group);
        }
        Ok((world, remarks))
    }
}
