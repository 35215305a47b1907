//! What of the world is seen without asking Azure: for tests, benches and those who run it.

use std::collections::VecDeque;

use serde_json::Value;

use super::super::journal::{Entry, Page, Query};
use super::super::resource::{Hidden, Link};
use super::World;

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
}
