//! The queue of passes: one at a time for each object, so many at once for all, each when it is due.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use acs_core::kinds::ObjectRef;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::engine::{Cause, Engine, Next, Port};
use crate::metrics::Metrics;

/// Where changes are reported. Never blocks: what is reported twice is kept once.
#[derive(Clone, Debug)]
pub struct Wakes(mpsc::UnboundedSender<Vec<ObjectRef>>);

impl Wakes {
    /// Somebody has to look at these again.
    pub fn changed(&self, objects: Vec<ObjectRef>) {
        if !objects.is_empty() {
            let _ = self.0.send(objects);
        }
    }
}

/// What is due, and when.
pub struct Queue {
    entries: BTreeMap<ObjectRef, Entry>,
    changes: mpsc::UnboundedReceiver<Vec<ObjectRef>>,
    concurrency: usize,
    depth: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Entry {
    due: Option<Instant>,
    cause: Cause,
    running: bool,
}

impl Queue {
    /// An empty queue and its door. At most `concurrency` passes run at once: without a bound, 10,000 objects at start cost
    /// three times the memory.
    pub fn new(concurrency: usize) -> (Self, Wakes) {
        let (sender, changes) = mpsc::unbounded_channel();
        (Self { entries: BTreeMap::new(), changes, concurrency, depth: Arc::default() }, Wakes(sender))
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
        let mut passes: JoinSet<(ObjectRef, Next)> = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            self.start_due(&mut passes, &engine, &metrics);
            let next = self.next_due().filter(|_| passes.len() < self.concurrency);
            tokio::select! {
                () = &mut stop => break,
                changes = self.changes.recv() => match changes {
                    Some(objects) => objects.into_iter().for_each(|object| self.change(object)),
                    None => break,
                },
                Some(ended) = passes.join_next() => match ended {
                    Ok((object, next)) => self.ended(object, next),
                    Err(error) => tracing::error!(%error, "a pass panicked"),
                },
                () = sleep_until(next.unwrap_or_else(far)), if next.is_some() => {}
            }
        }
        while passes.join_next().await.is_some() {}
    }

    fn change(&mut self, object: ObjectRef) {
        let now = Instant::now();
        let entry = self.entries.entry(object).or_insert(Entry { due: None, cause: Cause::Change, running: false });
        entry.due = Some(now);
        entry.cause = Cause::Change;
    }

    fn ended(&mut self, object: ObjectRef, next: Next) {
        let Some(entry) = self.entries.get_mut(&object) else { return };
        entry.running = false;
        // A change that came while the pass ran is still due.
        if entry.due.is_some() {
            return;
        }
        match next {
            Next::After(pause) => {
                entry.due = Some(Instant::now() + Duration::from_millis(pause));
                entry.cause = Cause::Timer;
            }
            Next::OnChange => {}
            Next::Gone => {
                self.entries.remove(&object);
            }
        }
    }

    fn next_due(&self) -> Option<Instant> {
        self.entries.values().filter(|entry| !entry.running).filter_map(|entry| entry.due).min()
    }

    fn start_due<P: Port + 'static>(
        &mut self,
        passes: &mut JoinSet<(ObjectRef, Next)>,
        engine: &Arc<Engine<P>>,
        metrics: &Arc<Metrics>,
    ) {
        let now = Instant::now();
        let is_due = |entry: &Entry| !entry.running && entry.due.is_some_and(|due| due <= now);
        let mut due: Vec<(Instant, ObjectRef)> = self
            .entries
            .iter()
            .filter(|(_, entry)| is_due(entry))
            .map(|(object, entry)| (entry.due.unwrap_or(now), object.clone()))
            .collect();
        self.depth.store(due.len(), Ordering::Relaxed);
        // Longest due first; a user's change before a look of our own is what `due` says already.
        due.sort();
        for (_, object) in due.into_iter().take(self.concurrency.saturating_sub(passes.len())) {
            let Some(entry) = self.entries.get_mut(&object) else { continue };
            entry.running = true;
            entry.due = None;
            let cause = entry.cause;
            entry.cause = Cause::Timer;
            let (engine, metrics) = (engine.clone(), metrics.clone());
            passes.spawn(async move {
                let start = std::time::Instant::now();
                let (next, verdict) = engine.pass(&object, cause).await;
                metrics.pass(object.kind, verdict, next, start.elapsed());
                tracing::debug!(object = %object, namespace = %object.namespace, ?cause, ?verdict, ?next, "pass");
                (object, next)
            });
        }
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}
