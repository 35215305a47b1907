//! Watches for relays, of metadata only: pods that carry the relay's label, and what the operator made. Each change wakes the
//! relay that it belongs to.

use std::pin::pin;
use std::sync::Arc;

use acs_core::relay::child::ChildKind;
use acs_wire::relay::LABEL;
use futures::StreamExt as _;
use kube::api::{ApiResource, DynamicObject};
use kube::core::{GroupVersionKind, PartialObjectMeta};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::sync::watch::Sender;

use super::children::resource;
use super::watch::{Cache, WatchState, backoff, complain, lock, settle, watch_name};
use crate::queue::Wakes;

/// Plurals of what every cluster has. Gateway API may be missing, or come later.
pub fn required() -> impl Iterator<Item = &'static str> {
    let children = ChildKind::ALL.into_iter().filter(|kind| *kind != ChildKind::HttpRoute).map(ChildKind::plural);
    std::iter::once("pods").chain(children)
}

/// Starts them. They end with the runtime.
pub fn start(client: &Client, scope: Option<&str>, cache: &Cache, wakes: &Wakes, state: &Arc<Sender<WatchState>>) {
    let pods = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("", "v1", "Pod"), "pods");
    let ours = format!("{}={}", acs_wire::LABEL_MANAGED_BY, acs_wire::MANAGER);
    let mut all = vec![(pods, LABEL.to_owned(), false)];
    all.extend(ChildKind::ALL.into_iter().map(|kind| (resource(kind), ours.clone(), kind == ChildKind::HttpRoute)));
    for (resource, labels, optional) in all {
        let api: Api<PartialObjectMeta<DynamicObject>> = match scope {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        let watch = RelayWatch {
            name: watch_name(&resource.plural, scope),
            labels,
            optional,
            cache: cache.clone(),
            wakes: wakes.clone(),
        };
        tokio::spawn(watch.run(api, state.clone()));
    }
}

struct RelayWatch {
    name: String,
    labels: String,
    /// True for a kind that a cluster may lack.
    optional: bool,
    cache: Cache,
    wakes: Wakes,
}

impl RelayWatch {
    async fn run(self, api: Api<PartialObjectMeta<DynamicObject>>, state: Arc<Sender<WatchState>>) {
        let config = watcher::Config::default().labels(&self.labels);
        let mut events = pin!(watcher(api, config).backoff(backoff()));
        let mut listed = false;
        while let Some(event) = events.next().await {
            match event {
                // The first list says nothing new: every relay is looked at once anyway. A later one hides what was missed.
                Ok(Event::InitApply(_)) if !listed => {}
                Ok(Event::Apply(object) | Event::Delete(object) | Event::InitApply(object)) => {
                    self.tell(&object);
                    settle(&state, &self.name, false);
                }
                Ok(event) => {
                    let done = matches!(event, Event::InitDone);
                    listed |= done;
                    settle(&state, &self.name, done);
                }
                Err(error) if self.optional => tracing::debug!(watch = self.name, %error, "not watched"),
                Err(error) => complain(&state, &self.name, &error),
            }
        }
    }

    fn tell(&self, object: &PartialObjectMeta<DynamicObject>) {
        let meta = &object.metadata;
        let namespace = meta.namespace.as_deref().unwrap_or_default();
        let label = meta.labels.as_ref().and_then(|labels| labels.get(LABEL));
        let owner = meta
            .owner_references
            .iter()
            .flatten()
            .find(|owner| owner.kind == "EventRelay" && owner.api_version.starts_with(acs_wire::GROUP));
        let Some(relay) = owner.map(|owner| &owner.name).or(label) else { return };
        let woken = lock(&self.cache).relay_changed(namespace, relay);
        self.wakes.changed(woken);
    }
}
