//! The watches: one per kind and one, of metadata only, for Secrets. What they see goes through the shipped dispatch, and
//! wakes passes.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use acs_core::kinds::{Kind, ObjectRef};
use acs_core::wake::Dispatch;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::api::DynamicObject;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, utils::StreamBackoff};
use kube::{Api, Client};
use tokio::sync::watch;

use super::api::{decode, objects, reference};
use super::relay_watch;
use crate::queue::Wakes;

/// What the watches know, shared with the port.
pub type Cache = Arc<Mutex<Dispatch>>;

/// Where the watches stand, for `/readyz`.
#[derive(Clone, Debug, Default)]
pub struct WatchState {
    /// Watches that have not listed everything once.
    pub missing: BTreeSet<String>,
    /// What the API server said last to each watch that fails.
    pub troubles: std::collections::BTreeMap<String, String>,
}

/// Starts every watch, in the namespaces given or in all. They end with the runtime.
pub fn start(client: &Client, namespaces: &[String], cache: &Cache, wakes: &Wakes) -> watch::Receiver<WatchState> {
    let scopes: Vec<Option<String>> =
        if namespaces.is_empty() { vec![None] } else { namespaces.iter().cloned().map(Some).collect() };
    let mut missing = BTreeSet::new();
    for scope in &scopes {
        missing.extend(Kind::ALL.iter().map(|kind| watch_name(kind.plural(), scope.as_deref())));
        missing.insert(watch_name("secrets", scope.as_deref()));
        missing.extend(relay_watch::required().map(|plural| watch_name(plural, scope.as_deref())));
    }
    let (state, receiver) = watch::channel(WatchState { missing, ..WatchState::default() });
    let state = Arc::new(state);
    for scope in scopes {
        for kind in Kind::ALL {
            let watch = ObjectWatch {
                kind,
                cache: cache.clone(),
                wakes: wakes.clone(),
                listed: BTreeSet::new(),
                scope: scope.clone(),
            };
            tokio::spawn(watch.run(objects(client, kind, scope.as_deref()), state.clone()));
        }
        relay_watch::start(client, scope.as_deref(), cache, wakes, &state);
        tokio::spawn(secrets(client.clone(), scope, cache.clone(), wakes.clone(), state.clone()));
    }
    receiver
}

/// Waits until every watch has listed everything once.
pub async fn listed(mut state: watch::Receiver<WatchState>) {
    // The sender lives in the watches, which never end: an error means that the process is ending.
    let _ = state.wait_for(|state| state.missing.is_empty()).await;
}

pub(super) fn watch_name(plural: &str, scope: Option<&str>) -> String {
    scope.map_or_else(|| plural.to_owned(), |namespace| format!("{plural} in {namespace}"))
}

pub(super) fn lock(cache: &Cache) -> std::sync::MutexGuard<'_, Dispatch> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}

struct ObjectWatch {
    kind: Kind,
    cache: Cache,
    wakes: Wakes,
    /// Names seen in the list that is under way: what is known and not in it is gone.
    listed: BTreeSet<ObjectRef>,
    scope: Option<String>,
}

impl ObjectWatch {
    async fn run(mut self, api: Api<DynamicObject>, state: Arc<watch::Sender<WatchState>>) {
        let name = watch_name(self.kind.plural(), self.scope.as_deref());
        let events = StreamBackoff::new(watcher(api, watcher::Config::default()), backoff());
        let mut events = pin!(events);
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    let done = matches!(event, Event::InitDone);
                    self.observe(event);
                    settle(&state, &name, done);
                }
                Err(error) => complain(&state, &name, &error),
            }
        }
    }

    fn observe(&mut self, event: Event<DynamicObject>) {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(object) => {
                self.listed.insert(reference(self.kind, &object));
                self.changed(&object);
            }
            Event::Apply(object) => self.changed(&object),
            Event::Delete(object) => self.gone(&reference(self.kind, &object)),
            Event::InitDone => {
                let known: Vec<ObjectRef> = lock(&self.cache)
                    .names()
                    .filter(|name| {
                        name.kind == self.kind && self.scope.as_ref().is_none_or(|scope| name.namespace == *scope)
                    })
                    .cloned()
                    .collect();
                for name in known.into_iter().filter(|name| !self.listed.contains(name)) {
                    self.gone(&name);
                }
            }
        }
    }

    fn changed(&self, object: &DynamicObject) {
        match decode(self.kind, object) {
            Ok(decoded) => {
                let woken = lock(&self.cache).object_changed(&Arc::new(decoded));
                self.wakes.changed(woken);
            }
            Err(error) => {
                let name = reference(self.kind, object);
                tracing::error!(object = %name, namespace = %name.namespace, %error, "this build cannot read the object; it is left alone");
            }
        }
    }

    fn gone(&self, name: &ObjectRef) {
        let mut woken = lock(&self.cache).object_gone(name);
        woken.push(name.clone());
        self.wakes.changed(woken);
    }
}

async fn secrets(
    client: Client,
    scope: Option<String>,
    cache: Cache,
    wakes: Wakes,
    state: Arc<watch::Sender<WatchState>>,
) {
    let name = watch_name("secrets", scope.as_deref());
    let api: Api<PartialObjectMeta<Secret>> = match &scope {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let mut events = pin!(watcher(api, watcher::Config::default()).backoff(backoff()));
    let tell = |secret: &PartialObjectMeta<Secret>| {
        let meta = &secret.metadata;
        let (namespace, secret) =
            (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
        let woken = lock(&cache).secret_changed(namespace, secret);
        wakes.changed(woken);
    };
    let mut listed = false;
    while let Some(event) = events.next().await {
        match event {
            // The first list says nothing new: every object is looked at once anyway. A later one hides what was missed.
            Ok(Event::InitApply(_)) if !listed => {}
            Ok(Event::Apply(secret) | Event::Delete(secret) | Event::InitApply(secret)) => {
                tell(&secret);
                settle(&state, &name, false);
            }
            Ok(event) => {
                listed |= matches!(event, Event::InitDone);
                settle(&state, &name, matches!(event, Event::InitDone));
            }
            Err(error) => complain(&state, &name, &error),
        }
    }
}

pub(super) fn backoff() -> watcher::DefaultBackoff {
    watcher::DefaultBackoff::default()
}

pub(super) fn settle(state: &watch::Sender<WatchState>, name: &str, done: bool) {
    state.send_if_modified(|state| {
        let healed = state.troubles.remove(name).is_some();
        (done && state.missing.remove(name)) || healed
    });
}

pub(super) fn complain(state: &watch::Sender<WatchState>, name: &str, error: &watcher::Error) {
    let text = advice(name, &error.to_string());
    let news =
        state.send_if_modified(|state| state.troubles.insert(name.to_owned(), text.clone()).as_ref() != Some(&text));
    if news {
        tracing::error!(watch = name, "{text}");
    }
}

/// The two mistakes that installations make, in words that help.
fn advice(name: &str, error: &str) -> String {
    if error.contains("404") || error.contains("NotFound") || error.contains("not find the requested resource") {
        format!(
            "the API server does not know {name}: install the CRDs (`acs-operator crds | kubectl apply --server-side -f -`)"
        )
    } else if error.contains("forbidden") || error.contains("403") {
        format!(
            "may not list and watch {name}: grant it to the operator's ServiceAccount (the chart's ClusterRole has it): {error}"
        )
    } else {
        format!("cannot watch {name}: {error}")
    }
}
