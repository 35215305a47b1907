//! The world: everything Azure remembers.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use super::authorization::Roles;
use super::config::{Config, Durations};
use super::entra::Applications;
use super::event_grid::Handshake;
use super::event_grid::delivery::Deliveries;
use super::faults::Faults;
use super::journal::{self, Entry, Journal, Page, Query};
use super::kept::{Single, Table};
use super::message::{Outbound, OutboundId};
use super::operation::Operation;
use super::past::Past;
use super::push::Telephony;
use super::random::Random;
use super::registry::Kind;
use super::resource::{Hidden, Link, Resource};
use super::resources::Kept;
use super::state::Written;
use super::throttle::Buckets;
use super::timer::Timer;

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
    pub(crate) written: Option<Written>,
}

/// Every part of a world, to be written and read: whoever adds one decides about it here.
pub(crate) struct Parts<'a> {
    pub(crate) config: &'a Config,
    pub(crate) now: &'a mut u64,
    pub(crate) numbers: &'a mut u64,
    pub(crate) random: &'a mut Random,
    pub(crate) resources: &'a mut Table<String, Resource>,
    pub(crate) operations: &'a mut Table<String, Operation>,
    pub(crate) timers: &'a mut Table<(u64, u64), Timer>,
    pub(crate) calls: &'a mut Table<OutboundId, Outbound>,
    pub(crate) waiting: &'a mut Vec<OutboundId>,
    pub(crate) handshakes: &'a mut Table<OutboundId, Handshake>,
    pub(crate) deliveries: &'a mut Deliveries,
    pub(crate) buckets: &'a mut Buckets,
    pub(crate) journal: &'a mut Journal,
    pub(crate) faults: &'a mut Single<Faults>,
    pub(crate) applications: &'a mut Single<Applications>,
    pub(crate) unregistered: &'a mut Single<BTreeSet<(String, String)>>,
    pub(crate) taken_names: &'a mut Single<BTreeSet<String>>,
    pub(crate) telephony: &'a mut Telephony,
    pub(crate) roles: &'a mut Single<Roles>,
    pub(crate) kept: &'a mut Single<Kept>,
    pub(crate) written: &'a mut Option<Written>,
}

/// What a communication service is linked to, as only Azure knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Resource id of the hub.
    pub hub: String,
    /// What was linked, key included.
    pub connection_string: String,
    /// When it was linked.
    pub since: u64,
    /// When pushes take it.
    pub effective: u64,
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

    pub(crate) fn parts(&mut self) -> Parts<'_> {
        // Without `..`: what is not written down is lost by a restart.
        let Self {
            config,
            durations: _,
            now,
            numbers,
            random,
            resources,
            operations,
            timers,
            calls,
            waiting,
            handshakes,
            deliveries,
            buckets,
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
        Parts {
            config,
            now,
            numbers,
            random,
            resources,
            operations,
            timers,
            calls,
            waiting,
            handshakes,
            deliveries,
            buckets,
            journal,
            faults,
            applications,
            unregistered,
            taken_names,
            telephony,
            roles,
            kept,
            written,
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

    /// What a GET of this id shows, secrets hidden. The id may be in any case.
    pub fn resource(&self, id: &str) -> Option<&Value> {
        self.resources.get(&id.to_ascii_lowercase()).map(|r| &r.body)
    }

    /// All resources by lower-cased id, resource groups among them.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.resources.iter().map(|(key, resource)| (key.as_str(), &resource.body))
    }

    /// The newest requests, oldest first.
    pub fn journal(&self) -> &VecDeque<Entry> {
        self.journal.entries()
    }

    /// What of the journal is meant.
    pub fn journal_page(&self, query: &Query) -> Page<'_> {
        query.page(&self.journal)
    }

    /// The number that the next entry of the journal gets.
    pub fn next_entry(&self) -> u64 {
        self.journal.next()
    }

    /// Adds to the newest entry, when its number is `sequence` or higher, the microseconds that its request took: the
    /// model has no clock to measure them by.
    pub fn lasted(&mut self, sequence: u64, micros: u64) {
        self.journal.lasted(sequence, micros);
    }

    /// The newest link of a communication service, whether it has propagated or not.
    pub fn linked(&self, service_id: &str) -> Option<Linked> {
        let resource = self.resources.get(&service_id.to_ascii_lowercase())?;
        let Hidden::Service { links, .. } = &resource.hidden else { return None };
        links.last().map(|Link { hub, connection_string, since, effective }| Linked {
            hub: hub.clone(),
            connection_string: connection_string.clone(),
            since: *since,
            effective: *effective,
        })
    }

    /// The keys of a communication service or of an authorization rule: primary, secondary.
    pub fn keys(&self, id: &str) -> Option<(&str, &str)> {
        let keys = self.resources.get(&id.to_ascii_lowercase())?.keys()?;
        Some((keys.primary.as_str(), keys.secondary.as_str()))
    }

    /// The PNS credentials of a hub, secrets included: null when there are none.
    pub fn credentials(&self, hub_id: &str) -> Option<&Value> {
        match &self.resources.get(&hub_id.to_ascii_lowercase())?.hidden {
            Hidden::Credentials(credentials) => Some(credentials),
            _ => None,
        }
    }

    /// The properties of an event subscription as sent, webhook query and secret attributes included.
    pub fn delivery(&self, id: &str) -> Option<&Value> {
        self.resources.get(&id.to_ascii_lowercase())?.delivery().map(|d| &d.properties)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn send(&mut self, outbound: Outbound) {
        let handshake = self.handshakes.get(&outbound.id).map(Handshake::key);
        let subscription = handshake.or_else(|| self.deliveries.key_of(outbound.id));
        let resource = subscription.and_then(|key| self.resources.get(key)).map(|r| r.id().to_owned());
        let (place, operation) = journal::outward(&outbound);
        let (leaves, fault) = super::faults::sent(self, &outbound, &place, operation);
        self.journal.sent(&outbound, resource, fault, self.now);
        if leaves {
            self.waiting.push(outbound.id);
        }
        self.calls.insert(outbound.id, outbound);
    }

    /// A call that was held back is handed out.
    pub(crate) fn leave(&mut self, id: OutboundId) {
        super::faults::leave(self, id);
        if self.calls.contains_key(&id) {
            self.waiting.push(id);
        }
    }

    pub(crate) fn take_outbound(&mut self) -> Vec<Outbound> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.iter().filter_map(|id| self.calls.get(id).cloned()).collect()
    }

    /// Whether [`super::advance`] would return calls to make.
    pub fn has_outbound(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) fn call_ended(&mut self, id: OutboundId) {
        self.calls.remove(&id);
    }

    pub(crate) fn current(&self, key: &str, generation: u64) -> Option<&Resource> {
        self.resources.get(key).filter(|r| r.generation == generation)
    }

    /// Stores a resource under a new generation and etag, and returns the generation.
    pub(crate) fn store(&mut self, key: String, kind: Kind, body: Value, hidden: Hidden) -> u64 {
        let generation = self.number();
        let etag = self.etag();
        self.resources.insert(key, Resource { kind, body, hidden, generation, etag });
        generation
    }

    /// Marks a resource as changed: a new generation and etag.
    pub(crate) fn touch(&mut self, key: &str) -> u64 {
        let (generation, etag) = (self.number(), self.etag());
        if let Some(resource) = self.resources.get_mut(key) {
            resource.generation = generation;
            resource.etag = etag;
        }
        generation
    }

    /// A change that no timer cares about.
    pub(crate) fn touch_etag(&mut self, key: &str) {
        let etag = self.etag();
        if let Some(resource) = self.resources.get_mut(key) {
            resource.etag = etag;
        }
    }

    fn etag(&mut self) -> String {
        format!("\"{}-0000-0100-0000-{:08x}0000\"", self.random.hex(8), (self.now / 1000) as u32)
    }

    /// The resources beneath `prefix` (lower case, with its last slash).
    pub(crate) fn beneath<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a String, &'a Resource)> {
        self.resources.range(prefix.to_owned()..).take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// Removes a resource and everything beneath it, and tells Event Grid.
    pub(crate) fn remove(&mut self, key: &str) {
        let prefix = format!("{key}/");
        let mut gone: Vec<String> = self.beneath(&prefix).map(|(k, _)| k.clone()).collect();
        gone.push(key.to_owned());
        for key in gone {
            super::operation::abandon(self, &key);
            let Some(resource) = self.resources.remove(&key) else { continue };
            if matches!(resource.kind, Kind::ScopeSubscription | Kind::TopicSubscription) {
                super::event_grid::delivery::removed(self, &key, &resource);
            }
            if resource.kind == Kind::Hub {
                self.telephony.hubs.remove(&key);
            }
            if resource.kind == Kind::ScopeSubscription {
                super::event_grid::drop_implicit_topic(self, &key);
            }
        }
    }
}

/// RFC 3339 with seven decimals, as Azure's own resources print it.
pub(crate) fn timestamp(ms: u64) -> String {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap_or(i64::MAX)).unwrap_or(jiff::Timestamp::MAX);
    format!("{time:.7}")
}
