//! The queue of passes: one at a time for each object, so many at once for all, each when it is due.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use acs_core::kinds::ObjectRef;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::engine::{Cause, Engine, Next, Port};
use crate::metrics::Metrics;

/// Where changes are reported. Never blocks, and what is reported twice is kept once: a process that stands by for weeks
/// holds no more than the names of the objects there are.
#[derive(Clone, Debug, Default)]
pub struct Wakes(Arc<Changes>);

#[derive(Debug, Default)]
struct Changes {
    objects: Mutex<BTreeSet<ObjectRef>>,
    told: Notify,
}

impl Wakes {
    /// Somebody has to look at these again.
    pub fn changed(&self, objects: Vec<ObjectRef>) {
        if !objects.is_empty() {
            self.0.objects.lock().unwrap_or_else(PoisonError::into_inner).extend(objects);
            self.0.told.notify_one();
        }
    }

    async fn next(&self) -> BTreeSet<ObjectRef> {
        self.0.told.notified().await;
        std::mem::take(&mut *self.0.objects.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is due, and when.
pub struct Queue {
    entries: BTreeMap<ObjectRef, Entry>,
    /// Those that do not run and are due some time, soonest first.
    idle: BTreeSet<(Instant, ObjectRef)>,
    wakes: Wakes,
    /// Which task runs whose pass, for one that panics.
    running: HashMap<tokio::task::Id, ObjectRef>,
    concurrency: usize,
    depth: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Entry {
    due: Option<Instant>,
    cause: Cause,
    running: bool,
}

/// Pause after a pass that panicked, in milliseconds.
const PANIC_PAUSE: u64 = 60_000;

type Passes = JoinSet<(ObjectRef, Next)>;

impl Queue {
    /// An empty queue and its door. At most `concurrency` passes run at once: without a bound, 10,000 objects at start cost
    /// three times the memory.
    pub fn new(concurrency: usize) -> (Self, Wakes) {
        let wakes = Wakes::default();
        let queue = Self {
            entries: BTreeMap::new(),
            idle: BTreeSet::new(),
            wakes: wakes.clone(),
            running: HashMap::new(),
            concurrency,
            depth: Arc::default(),
        };
        (queue, wakes)
    }

    /// Objects that wait for a pass that is due.
    pub fn depth(&self) -> Arc<AtomicUsize> {
        self.depth.clone()
    }

    /// Runs passes until told to stop; then lets those that run come to their end.
    pub async fn run<P: Port + 'static>(
        mut self,
        engine: Arc<Engine<P>>,
        metrics: Arc<Metrics>,
        stop: impl Future<Output = ()>,
    ) {
        let mut passes: Passes = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        let wakes = self.wakes.clone();
        loop {
            self.start_due(&mut passes, &engine, &metrics);
            let next = self.idle.first().map(|(due, _)| *due).filter(|_| passes.len() < self.concurrency);
            tokio::select! {
                () = &mut stop => break,
                changed = wakes.next() => {
                    for object in changed {
                        self.schedule(object, Instant::now(), Cause::Change);
                    }
                }
                Some(ended) = passes.join_next_with_id() => self.joined(ended),
                () = sleep_until(next.unwrap_or_else(far)), if next.is_some() => {}
            }
        }
        while passes.join_next().await.is_some() {}
    }

    fn joined(&mut self, ended: Result<(tokio::task::Id, (ObjectRef, Next)), tokio::task::JoinError>) {
        match ended {
            Ok((task, (object, next))) => {
                self.running.remove(&task);
                self.ended(object, next);
            }
            Err(error) => {
                let Some(object) = self.running.remove(&error.id()) else { return };
                tracing::error!(object = %object, namespace = %object.namespace, %error, "a pass panicked; trying again later");
                self.ended(object, Next::After(PANIC_PAUSE));
            }
        }
    }

    fn schedule(&mut self, object: ObjectRef, due: Instant, cause: Cause) {
        let entry = self.entries.entry(object.clone()).or_insert(Entry { due: None, cause, running: false });
        // What is due already does not go back to the end of the line.
        let due = entry.due.map_or(due, |before| before.min(due));
        if let Some(before) = entry.due.replace(due) {
            self.idle.remove(&(before, object.clone()));
        }
        entry.cause = cause;
        if !entry.running {
            self.idle.insert((due, object));
        }
    }

    fn ended(&mut self, object: ObjectRef, next: Next) {
        let Some(entry) = self.entries.get_mut(&object) else { return };
        entry.running = false;
        // A change that came while the pass ran is still due.
        if let Some(due) = entry.due {
            self.idle.insert((due, object));
            return;
        }
        match next {
            Next::After(pause) => self.schedule(object, Instant::now() + Duration::from_millis(pause), Cause::Timer),
            Next::OnChange => {}
            Next::Gone => {
                self.entries.remove(&object);
            }
        }
    }

    fn start_due<P: Port + 'static>(&mut self, passes: &mut Passes, engine: &Arc<Engine<P>>, metrics: &Arc<Metrics>) {
        let now = Instant::now();
        while passes.len() < self.concurrency {
            let Some((due, object)) = self.idle.pop_first() else { break };
            if due > now {
                self.idle.insert((due, object));
                break;
            }
            let Some(entry) = self.entries.get_mut(&object) else { continue };
            entry.running = true;
            entry.due = None;
            let cause = std::mem::replace(&mut entry.cause, Cause::Timer);
            let (engine, metrics) = (engine.clone(), metrics.clone());
            let name = object.clone();
            let task = passes.spawn(async move {
                let start = std::time::Instant::now();
                let (next, verdict) = engine.pass(&object, cause).await;
                metrics.pass(object.kind, verdict, next, start.elapsed());
                tracing::debug!(object = %object, namespace = %object.namespace, ?cause, ?verdict, ?next, "pass");
                (object, next)
            });
            self.running.insert(task.id(), name);
        }
        // Only those that wait because all places are taken.
        let waiting = self.idle.iter().take_while(|(due, _)| *due <= now).take(10_000).count();
        self.depth.store(waiting, Ordering::Relaxed);
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}
