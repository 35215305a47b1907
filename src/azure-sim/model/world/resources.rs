//! Resources come, change and go.

use serde_json::Value;

use super::super::event_grid;
use super::super::operation;
use super::super::registry::Kind;
use super::super::resource::{Hidden, Resource};
use super::World;

impl World {
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
            operation::abandon(self, &key);
            let Some(resource) = self.resources.remove(&key) else { continue };
            if matches!(resource.kind, Kind::ScopeSubscription | Kind::TopicSubscription) {
                event_grid::delivery::removed(self, &key, &resource);
            }
            if resource.kind == Kind::Hub {
                self.telephony.hubs.remove(&key);
            }
            if resource.kind == Kind::ScopeSubscription {
                event_grid::drop_implicit_topic(self, &key);
            }
        }
    }
}
