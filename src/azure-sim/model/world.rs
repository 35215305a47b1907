//! The world: everything Azure remembers.

mod calls;
mod resources;
mod seen;
mod written;

use std::collections::BTreeSet;

use super::authorization::Roles;
use super::config::{Config, Durations};
use super::entra::Applications;
use super::event_grid::Handshake;
use super::event_grid::delivery::Deliveries;
use super::faults::Faults;
use super::journal::Journal;
use super::kept::{Single, Table};
use super::message::{Outbound, OutboundId};
use super::operation::Operation;
use super::past::Past;
use super::push::Telephony;
use super::random::Random;
use super::resource::Resource;
use super::resources::Kept;
use super::throttle::Buckets;
use super::timer::Timer;

pub use seen::Linked;
pub use written::{Change, FORMAT, Stored, Unreadable, Unwritable};

use written::Written;

/// All of Azure. Cloning it forks time.
#[derive(Clone, Debug)]
pub struct World {
    config: Config,
    durations: Durations,
    now: u64,
    numbers: u64,
    pub(crate) random: Random,
    pub(crate) resources: Table<String, Resource>,
    pub(crate) operations: Table<String, Operation>,
    pub(crate) timers: Table<(u64, u64), Timer>,
    /// Calls that nobody answered yet.
    pub(crate) calls: Table<OutboundId, Outbound>,
    /// Those of them that were not handed out yet.
    waiting: Vec<OutboundId>,
    pub(crate) handshakes: Table<OutboundId, Handshake>,
    pub(crate) deliveries: Deliveries,
    pub(crate) buckets: Buckets,
    pub(crate) journal: Journal,
    pub(crate) faults: Single<Faults>,
    pub(crate) applications: Single<Applications>,
    pub(crate) unregistered: Single<BTreeSet<(String, String)>>,
    pub(crate) taken_names: Single<BTreeSet<String>>,
    pub(crate) telephony: Telephony,
    pub(crate) roles: Single<Roles>,
    pub(crate) kept: Single<Kept>,
    /// What resources were before, while a fault asks for it.
    pub(crate) past: Past,
    /// What of the world is written down; `None` while nobody keeps it.
    written: Option<Written>,
}

impl World {
    /// A world at the beginning: a directory, subscriptions, and the configured resource groups.
    pub fn new(config: Config) -> Self {
        let mut world = Self::empty(config);
        for group in world.config.resource_groups.clone() {
            let subscription = world.config.subscription_id.clone();
            super::resources::create(&mut world, &subscription, &group, "westeurope");
        }
        world
    }

    /// A world in which not even a resource group exists.
    pub(crate) fn empty(config: Config) -> Self {
        let unregistered = config
            .unregistered_providers
            .iter()
            .flat_map(|p| {
                std::iter::once(&config.subscription_id)
                    .chain(&config.further_subscriptions)
                    .map(|s| (s.to_ascii_lowercase(), p.to_ascii_lowercase()))
            })
            .collect();
        Self {
            durations: config.durations(),
            now: 0,
            numbers: 0,
            random: Random::new(config.seed),
            resources: Table::default(),
            operations: Table::default(),
            timers: Table::default(),
            calls: Table::default(),
            waiting: Vec::new(),
            handshakes: Table::default(),
            deliveries: Deliveries::new(config.seed),
            buckets: Buckets::default(),
            journal: Journal::new(config.journal_capacity, config.seed),
            faults: Single::default(),
            applications: Single::new(Applications::new(&config)),
            unregistered: Single::new(unregistered),
            taken_names: Single::new(config.taken_names.iter().map(|n| n.to_ascii_lowercase()).collect()),
            telephony: Telephony::new(config.seed),
            roles: Single::default(),
            kept: Single::default(),
            past: Past::default(),
            written: None,
            config,
        }
    }

    /// The world goes on under this configuration; resource groups that it names anew come to be.
    pub(crate) fn take_config(&mut self, config: Config) {
        self.durations = config.durations();
        self.config = config;
    }

    /// What this world was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn durations(&self) -> &Durations {
        &self.durations
    }

    /// The newest time the world was told, in milliseconds since 1970.
    pub fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn set_now(&mut self, now: u64) {
        // The end of the year 9999: arithmetic and printing hold up to there.
        self.now = self.now.max(now.min(253_402_300_799_000));
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

/// RFC 3339 with seven decimals, as Azure's own resources print it.
pub(crate) fn timestamp(ms: u64) -> String {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap_or(i64::MAX)).unwrap_or(jiff::Timestamp::MAX);
    format!("{time:.7}")
}
