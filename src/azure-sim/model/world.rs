//! The world: everything Azure remembers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use super::config::{Config, Durations};
use super::entra::Applications;
use super::event_grid::Handshake;
use super::event_grid::delivery::Deliveries;
use super::faults::Faults;
use super::journal::{Entry, Journal, Page, Query};
use super::message::{Outbound, OutboundId};
use super::operation::Operation;
use super::push::Telephony;
use super::random::Random;
use super::registry::Kind;
use super::resource::{Hidden, Link, Resource};
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
    pub(crate) resources: BTreeMap<String, Resource>,
    pub(crate) operations: BTreeMap<String, Operation>,
    pub(crate) timers: BTreeMap<(u64, u64), Timer>,
    outbound: Vec<Outbound>,
    pub(crate) handshakes: BTreeMap<OutboundId, Handshake>,
    pub(crate) deliveries: Deliveries,
    pub(crate) buckets: Buckets,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    pub(crate) applications: Applications,
    pub(crate) unregistered: BTreeSet<(String, String)>,
    pub(crate) taken_names: BTreeSet<String>,
    pub(crate) telephony: Telephony,
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
        let unregistered = config
            .unregistered_providers
            .iter()
            .flat_map(|p| {
                std::iter::once(&config.subscription_id)
                    .chain(&config.further_subscriptions)
                    .map(|s| (s.to_ascii_lowercase(), p.to_ascii_lowercase()))
            })
            .collect();
        let mut world = Self {
            durations: config.durations(),
            now: 0,
            numbers: 0,
            random: Random::new(config.seed),
            resources: BTreeMap::new(),
            operations: BTreeMap::new(),
            timers: BTreeMap::new(),
            outbound: Vec::new(),
            handshakes: BTreeMap::new(),
            deliveries: Deliveries::new(config.seed),
            buckets: Buckets::default(),
            journal: Journal::new(config.journal_capacity, config.seed),
            faults: Faults::default(),
            applications: Applications::new(&config),
            unregistered,
            taken_names: config.taken_names.iter().map(|n| n.to_ascii_lowercase()).collect(),
            telephony: Telephony::new(config.seed),
            config,
        };
        for group in world.config.resource_groups.clone() {
            let subscription = world.config.subscription_id.clone();
            super::groups::create(&mut world, &subscription, &group, "westeurope");
        }
        world
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
        self.journal.sent(&outbound, resource, self.now);
        self.outbound.push(outbound);
    }

    pub(crate) fn take_outbound(&mut self) -> Vec<Outbound> {
        std::mem::take(&mut self.outbound)
    }

    /// Whether [`super::advance`] would return calls to make.
    pub fn has_outbound(&self) -> bool {
        !self.outbound.is_empty()
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
                self.telephony.installations.retain(|(hub, _), _| *hub != key);
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
