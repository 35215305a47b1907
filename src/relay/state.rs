//! What every door shares: the configuration in force, where the process stands in its life, bounds, and what there is to report.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use acs_wire::relay::report::{Handshake, RelayReport};
use http::HeaderMap;

use crate::config::{Folders, Loader};
use crate::deliver::Delivery;
use crate::metrics::Metrics;
use crate::push::hub::Hub;
use crate::receive::Outcome;
use crate::receive::authenticate::{DeliveryKey, Proof, authenticate};
use crate::receive::body::Room;
use crate::serve::Limits;

pub use crate::config::InForce;

/// The files as they were understood last. A request keeps the one that it started with.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// Configuration; none until a valid one was there.
    pub in_force: Option<Arc<InForce>>,
    /// Delivery keys that are valid.
    pub keys: Arc<Vec<DeliveryKey>>,
    /// Where pushes are sent.
    pub hub: Option<Arc<Hub>>,
    /// What keeps the newest files from being used.
    pub problems: Vec<String>,
}

/// Where the process stands in its life.
#[derive(Debug, Default)]
pub struct Lifecycle(AtomicU8);

impl Lifecycle {
    /// No longer ready, but serving: until nobody sends here any more.
    pub fn leave(&self) {
        self.0.store(1, Ordering::Release);
    }

    /// New requests are refused.
    pub fn drain(&self) {
        self.0.store(2, Ordering::Release);
    }

    /// True once the process was told to end.
    pub fn is_leaving(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }

    /// True when new requests are refused.
    pub fn refuses(&self) -> bool {
        self.0.load(Ordering::Acquire) > 1
    }
}

/// Counts requests under way, to a bound.
#[derive(Debug)]
pub struct InFlight {
    now: AtomicUsize,
    most: usize,
}

/// One request under way.
pub struct Entered<'a>(&'a InFlight);

impl InFlight {
    /// None unless there is room.
    pub fn enter(&self) -> Option<Entered<'_>> {
        if self.now.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.now.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Entered(self))
    }

    /// How many there are.
    pub fn now(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Shortest time between two looks at the files because of a wrong key.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Shortest time between two lines of the log about the same trouble.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Everything that the doors share.
pub struct State {
    /// Bounds.
    pub limits: Limits,
    /// Where the process stands.
    pub lifecycle: Lifecycle,
    /// Counters.
    pub metrics: Metrics,
    /// Room for bodies.
    pub bodies: Arc<Room>,
    /// Requests of Event Grid under way.
    pub in_flight: InFlight,
    /// Those of them that show no key and whose body is read: strangers may fill this, and nothing else with it.
    pub handshakes: InFlight,
    /// Requests of the app under way.
    pub local_in_flight: InFlight,
    /// Order and memory of deliveries.
    pub delivery: Delivery,
    snapshot: RwLock<Arc<Snapshot>>,
    loader: Mutex<(Loader, Instant)>,
    handshake: Mutex<Option<Handshake>>,
    troubles: Mutex<BTreeMap<String, String>>,
    told: Mutex<BTreeMap<String, Instant>>,
}

impl State {
    /// Reads the files for the first time.
    pub fn new(folders: Folders, limits: Limits) -> Arc<Self> {
        let state = Arc::new(Self {
            limits,
            lifecycle: Lifecycle::default(),
            metrics: Metrics::new(),
            bodies: Room::new(limits.bodies),
            in_flight: InFlight { now: AtomicUsize::new(0), most: limits.requests },
            handshakes: InFlight { now: AtomicUsize::new(0), most: limits.handshakes },
            local_in_flight: InFlight { now: AtomicUsize::new(0), most: 128 },
            delivery: Delivery::default(),
            snapshot: RwLock::default(),
            loader: Mutex::new((Loader::new(folders), Instant::now())),
            handshake: Mutex::default(),
            troubles: Mutex::default(),
            told: Mutex::default(),
        });
        state.reload();
        state
    }

    /// What is in force now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the files, and puts into force what changed and is valid.
    pub fn reload(&self) {
        let mut loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
        loader.1 = Instant::now();
        let Some(next) = loader.0.load(&self.snapshot()) else { return };
        for problem in &next.problems {
            tracing::warn!(problem, "files not used");
        }
        let revision = next.in_force.as_ref().map_or("", |config| config.revision.as_str());
        tracing::info!(revision, delivery_keys = next.keys.len(), hub = next.hub.is_some(), "in force");
        let before = std::mem::replace(
            &mut *self.snapshot.write().unwrap_or_else(PoisonError::into_inner),
            Arc::new(next.clone()),
        );
        // Troubles are those of routes and rules that may be gone; those that stay will tell again.
        let same = |one: &Option<Arc<InForce>>, two: &Option<Arc<InForce>>| match (one, two) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        };
        if !same(&before.in_force, &next.in_force) {
            self.troubles.lock().unwrap_or_else(PoisonError::into_inner).clear();
            self.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// True if reading the files again may show another key. The kubelet swaps a volume by one link, which is cheap to look at;
    /// where there is none, the files are not read for each of many wrong keys.
    fn may_have_changed(&self) -> bool {
        let loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
        loader.0.was_swapped() || loader.1.elapsed() >= LOOK_AGAIN
    }

    /// Compares a request's key with those that are valid. What is refused comes again half a minute later at the soonest, so
    /// the files are looked at once more before that: the kubelet may have swapped them a moment ago.
    ///
    /// # Errors
    /// When there is no key to compare with, or the one shown is wrong.
    pub fn authenticate(&self, snapshot: &Snapshot, headers: &HeaderMap) -> Result<Proof, Outcome> {
        if snapshot.keys.is_empty() {
            return Err(Outcome::NoDeliveryKey);
        }
        match authenticate(headers, &snapshot.keys) {
            Err(Outcome::WrongKey) if self.may_have_changed() => {
                self.reload();
                authenticate(headers, &self.snapshot().keys)
            }
            other => other,
        }
    }

    /// Remembers the last handshake, and tells it if it ended otherwise than the one before, and each end once a minute at most:
    /// anybody may try them.
    pub fn note_handshake(&self, handshake: Handshake) {
        let mut last = self.handshake.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last.as_ref().is_some_and(|last| Handshake { at: handshake.at, ..last.clone() } == handshake);
        let Handshake { subscription, granted, schema, .. } = &handshake;
        if !known && self.is_news(&format!("handshake {subscription} {granted} {schema}")) {
            tracing::info!(subscription, granted, schema, "handshake");
        }
        *last = Some(handshake);
    }

    /// Remembers a trouble that is none of the files: one sentence, under a name of few.
    pub fn note_trouble(&self, about: &str, trouble: String) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if troubles.get(about) != Some(&trouble) {
            if self.is_news(about) {
                tracing::warn!(about, trouble, "trouble");
            }
            troubles.insert(about.to_owned(), trouble);
        }
    }

    /// Trouble that comes and goes with every event must not fill the log.
    fn is_news(&self, about: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news = told.get(about).is_none_or(|at| at.elapsed() > TELL_AGAIN);
        if news {
            told.insert(about.to_owned(), Instant::now());
        }
        news
    }

    /// Takes a trouble back. Nearly always there is none, and then its name is not even made.
    pub fn clear_trouble(&self, about: impl FnOnce() -> String) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if !troubles.is_empty() && troubles.remove(&about()).is_some() {
            tracing::debug!("trouble over");
        }
    }

    /// What is wrong, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        self.snapshot()
            .problems
            .iter()
            .cloned()
            .chain(troubles.iter().map(|(about, t)| format!("{about}: {t}")))
            .collect()
    }

    /// True when Event Grid would get more than 503.
    pub fn is_accepting(&self) -> bool {
        let snapshot = self.snapshot();
        snapshot.in_force.is_some() && !snapshot.keys.is_empty() && !self.lifecycle.is_leaving()
    }

    /// What this process says of itself.
    pub fn report(&self) -> RelayReport {
        let snapshot = self.snapshot();
        let config = snapshot.in_force.as_deref();
        let mut delivery_keys: Vec<String> = snapshot.keys.iter().map(|key| key.fingerprint.clone()).collect();
        delivery_keys.sort();
        RelayReport {
            relay: config.map(|c| c.relay.clone()).unwrap_or_default(),
            namespace: config.map(|c| c.namespace.clone()).unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: config.map(|c| c.revision.clone()).unwrap_or_default(),
            delivery_keys,
            subscriptions: config.map(|c| c.subscriptions.clone()).unwrap_or_default(),
            accepting: self.is_accepting(),
            problems: self.problems(),
            handshake: self.handshake.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
