//! The replicas: engines, their queues as in production, and the passes under way, polled one at a time.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use acs_core::kinds::ObjectRef;
use acs_core::wake::Dispatch;
use acs_operator::engine::{Cause, Engine, Next, Verdict};

use crate::bugs::Bug;
use crate::cluster::Change;
use crate::port::SimPort;
use crate::sim::{Due, PassNote, Replica, Shared, Sim, lock};

type Passing = Pin<Box<dyn Future<Output = (Next, Verdict)> + Send>>;

struct Task {
    replica: usize,
    target: ObjectRef,
    cause: Cause,
    /// Reason of Ready when the pass began.
    reason: String,
    /// When anything in its namespace had last changed by then.
    quiet_since: u64,
    passing: Passing,
}

#[derive(Default)]
struct Entry {
    due: Option<u64>,
    cause: Option<Cause>,
    running: bool,
}

#[derive(Default)]
struct Process {
    engine: Option<Arc<Engine<SimPort>>>,
    queue: BTreeMap<ObjectRef, Entry>,
}

/// All replicas.
pub struct Runner {
    sim: Shared,
    processes: Vec<Process>,
    tasks: BTreeMap<u64, Task>,
    /// Since when no more faults strike.
    pub calm_since: Option<u64>,
}

impl Runner {
    /// Replicas that do not run yet.
    pub fn new(sim: Shared, replicas: usize) -> Self {
        lock(&sim).replicas = (0..replicas).map(|_| Replica::default()).collect();
        Self {
            sim,
            processes: (0..replicas).map(|_| Process::default()).collect(),
            tasks: BTreeMap::new(),
            calm_since: None,
        }
    }

    /// How many passes are under way.
    pub fn busy(&self) -> usize {
        self.tasks.len()
    }

    /// One of the things that concern replicas.
    pub fn handle(&mut self, due: Due) {
        match due {
            Due::Resume(pass) => self.poll(pass),
            Due::Wake(replica, life, object) => self.start(replica, life, &object),
            Due::Watch(replica, stream, change) => self.hear(replica, stream, &change),
            Due::Relist(replica, life) => self.relist(replica, life),
            Due::Lead(replica) => self.lead(replica),
            Due::Depose(replica, life) if self.lives(replica, life) => self.stop(replica),
            _ => {}
        }
    }

    fn lives(&self, replica: usize, life: u64) -> bool {
        lock(&self.sim).replicas.get(replica).is_some_and(|view| view.life == life && view.epoch.is_some())
    }

    /// A replica takes the lease. Whoever had it may believe so for a while longer.
    fn lead(&mut self, replica: usize) {
        let believes = lock(&self.sim).replicas.get(replica).and_then(|view| view.epoch);
        let mut sim = lock(&self.sim);
        if believes == Some(sim.term) {
            return;
        }
        if believes.is_some() {
            drop(sim);
            self.stop(replica);
            sim = lock(&self.sim);
        }
        let others: Vec<(usize, u64)> = sim
            .replicas
            .iter()
            .enumerate()
            .filter(|(_, view)| view.epoch.is_some())
            .map(|(other, view)| (other, view.life))
            .collect();
        for (other, life) in others {
            let when = sim.now + sim.random.within(0, 200_000);
            sim.at(when, Due::Depose(other, life));
        }
        sim.term += 1;
        sim.counts.terms += 1;
        let (term, now) = (sim.term, sim.now);
        if let Some(view) = sim.replicas.get_mut(replica) {
            *view = Replica { epoch: Some(term), life: view.life + 1, ..Replica::default() };
            let life = view.life;
            sim.at(now + 5, Due::Relist(replica, life));
        }
        sim.trace.note(now, format_args!("r{replica} leads in term {term}"));
        let settings = sim.settings.clone();
        drop(sim);
        if let Some(process) = self.processes.get_mut(replica) {
            *process = Process {
                engine: Some(Arc::new(Engine::new(SimPort::new(self.sim.clone(), replica), settings))),
                ..Process::default()
            };
        }
    }

    /// A process ends: all that it only remembered is lost.
    fn stop(&mut self, replica: usize) {
        if let Some(process) = self.processes.get_mut(replica) {
            *process = Process::default();
        }
        self.tasks.retain(|_, task| task.replica != replica);
        let mut sim = lock(&self.sim);
        sim.flights.retain(|flight| flight.orphan || flight.replica != replica);
        sim.passes.retain(|_, note| note.replica != replica);
        let now = sim.now;
        if let Some(view) = sim.replicas.get_mut(replica) {
            *view = Replica { life: view.life + 1, ..Replica::default() };
        }
        sim.trace.note(now, format_args!("r{replica} stops"));
    }

    fn crash(&mut self, replica: usize) {
        let held = lock(&self.sim).replicas.get(replica).and_then(|view| view.epoch);
        self.stop(replica);
        let mut sim = lock(&self.sim);
        sim.counts.crashes += 1;
        if held == Some(sim.term) {
            let replicas = sim.replicas.len() as u64;
            let next = sim.random.below(replicas);
            let when = sim.now + sim.random.within(500, 30_000);
            sim.at(when, Due::Lead(usize::try_from(next).unwrap_or_default()));
        }
    }

    fn hear(&mut self, replica: usize, stream: u64, change: &Change) {
        let wake = {
            let mut sim = lock(&self.sim);
            let bug = sim.bug;
            let version = match change {
                Change::Secret(namespace, name) => {
                    sim.cluster.secret(namespace, name).map(|secret| secret.version().to_owned())
                }
                _ => None,
            };
            let Some(view) = sim.replicas.get_mut(replica).filter(|view| view.stream == stream && !view.deaf) else {
                return;
            };
            let wake = told(view, change, bug);
            if let (Change::Secret(namespace, name), Some(version)) = (change, version) {
                view.secrets.insert((namespace.clone(), name.clone()), version);
            }
            wake
        };
        self.wake(replica, wake);
    }

    fn relist(&mut self, replica: usize, life: u64) {
        let mut wake = Vec::new();
        {
            let mut sim = lock(&self.sim);
            let objects: Vec<_> = sim.cluster.objects().cloned().collect();
            let secrets: BTreeMap<_, _> =
                sim.cluster.secrets().map(|(key, secret)| (key.clone(), secret.version().to_owned())).collect();
            let relays: Vec<(String, String)> = sim
                .cluster
                .relays_with_children()
                .map(|(namespace, relay)| (namespace.to_owned(), relay.to_owned()))
                .collect();
            let (bug, now, stream) = (sim.bug, sim.now, sim.number());
            let Some(view) = sim.replicas.get_mut(replica).filter(|view| view.life == life) else { return };
            view.deaf = false;
            view.stream = stream;
            view.heard_until = now;
            let gone: Vec<ObjectRef> = view
                .dispatch
                .names()
                .filter(|name| !objects.iter().any(|object| object.object_ref() == **name))
                .cloned()
                .collect();
            for object in objects {
                wake.extend(told(view, &Change::Object(object), bug));
            }
            for object in gone {
                wake.extend(told(view, &Change::Gone(object, String::new()), bug));
            }
            for (namespace, relay) in relays {
                wake.extend(view.dispatch.relay_changed(&namespace, &relay));
            }
            let known = std::mem::replace(&mut view.secrets, secrets.clone());
            let changed = secrets.iter().filter(|(key, version)| known.get(*key) != Some(version)).map(|(key, _)| key);
            for (namespace, name) in changed.chain(known.keys().filter(|key| !secrets.contains_key(*key))) {
                wake.extend(view.dispatch.secret_changed(namespace, name));
            }
        }
        self.wake(replica, wake);
    }

    /// As production's queue: a change is due now, and still due after a pass that is under way.
    fn wake(&mut self, replica: usize, objects: Vec<ObjectRef>) {
        let Some(process) = self.processes.get_mut(replica).filter(|process| process.engine.is_some()) else { return };
        let mut sim = lock(&self.sim);
        let (now, life) = (sim.now, sim.replicas.get(replica).map_or(0, |view| view.life));
        for object in objects {
            let entry = process.queue.entry(object.clone()).or_default();
            (entry.due, entry.cause) = (Some(now), Some(Cause::Change));
            sim.at(now, Due::Wake(replica, life, object));
        }
    }

    fn start(&mut self, replica: usize, life: u64, target: &ObjectRef) {
        if !self.lives(replica, life) {
            return;
        }
        let Some(process) = self.processes.get_mut(replica) else { return };
        let Some(engine) = process.engine.clone() else { return };
        let mut sim = lock(&self.sim);
        let now = sim.now;
        let Some(entry) =
            process.queue.get_mut(target).filter(|entry| !entry.running && entry.due.is_some_and(|due| due <= now))
        else {
            return;
        };
        let cause = entry.cause.take().unwrap_or(Cause::Timer);
        (entry.running, entry.due) = (true, None);
        let pass = sim.number();
        sim.counts.passes += 1;
        if cause == Cause::Timer {
            sim.oracle.pass_began(replica, target, now);
        }
        let note = PassNote { replica, object: target.clone(), uid: String::new(), started: now, term_seen: 0 };
        sim.passes.insert(pass, note);
        let reason = reason(&sim, target);
        let quiet_since = sim.oracle.changed.get(&target.namespace).copied().unwrap_or_default();
        drop(sim);
        let object = target.clone();
        let passing: Passing = Box::pin(async move { engine.pass(&object, cause).await });
        self.tasks.insert(pass, Task { replica, target: target.clone(), cause, reason, quiet_since, passing });
        self.poll(pass);
    }

    fn poll(&mut self, pass: u64) {
        let Some(task) = self.tasks.get_mut(&pass) else { return };
        {
            let mut sim = lock(&self.sim);
            (sim.polling, sim.resume_at) = (pass, None);
        }
        let waker = futures::task::noop_waker();
        let polled = task.passing.as_mut().poll(&mut Context::from_waker(&waker));
        let replica = task.replica;
        match polled {
            Poll::Ready((next, verdict)) => self.ended(pass, next, verdict),
            Poll::Pending => {
                let mut sim = lock(&self.sim);
                if sim.replicas.get(replica).is_some_and(|view| view.crash) {
                    drop(sim);
                    self.crash(replica);
                } else if let Some(at) = sim.resume_at {
                    sim.at(at, Due::Resume(pass));
                }
            }
        }
    }

    fn ended(&mut self, pass: u64, next: Next, verdict: Verdict) {
        let Some(task) = self.tasks.remove(&pass) else { return };
        let mut sim = lock(&self.sim);
        let now = sim.now;
        sim.trace.note(now, format_args!("r{} {}: {:?} {verdict:?} {next:?}", task.replica, task.target, task.cause));
        if verdict == Verdict::Failed && next == Next::After(sim.settings.timings.retry_max) {
            sim.oracle.violate(|| format!("S14 a pass of {} asks in circles", task.target));
        }
        let note = sim.passes.remove(&pass);
        let told = self.processes.get(task.replica).and_then(|process| process.queue.get(&task.target));
        // Woken while it ran: what it waited for came to be in the same moment.
        if told.is_none_or(|entry| entry.due.is_none()) {
            self.overslept(&mut sim, &task, note.as_ref());
        }
        let life = sim.replicas.get(task.replica).map_or(0, |view| view.life);
        let Some(queue) = self.processes.get_mut(task.replica).map(|process| &mut process.queue) else { return };
        let Some(entry) = queue.get_mut(&task.target) else { return };
        entry.running = false;
        if entry.due.is_none() {
            match next {
                Next::After(pause) => (entry.due, entry.cause) = (Some(now + pause), Some(Cause::Timer)),
                Next::OnChange => {}
                Next::Gone => {
                    queue.remove(&task.target);
                    return;
                }
            }
        }
        if let Some(due) = queue.get(&task.target).and_then(|entry| entry.due) {
            sim.at(due, Due::Wake(task.replica, life, task.target));
        }
    }

    /// Something that waits for another object must be woken by it, not find it long done when its timer rings.
    fn overslept(&self, sim: &mut Sim, task: &Task, note: Option<&PassNote>) {
        let (Some(since), Some(note)) = (self.calm_since, note) else { return };
        let waited = ["DependencyNotReady", "InUse"].contains(&task.reason.as_str());
        let quiet = task.quiet_since.max(since + 100_000);
        if waited
            && task.cause == Cause::Timer
            && note.started > quiet + 65_000
            && reason(sim, &task.target) != task.reason
        {
            sim.oracle.violate(|| format!("W1 {} was not woken by what it waited for ({})", task.target, task.reason));
        }
    }
}

fn reason(sim: &Sim, target: &ObjectRef) -> String {
    sim.cluster
        .get(target)
        .and_then(|object| object.ready().map(|(_, reason, _)| reason.to_owned()))
        .unwrap_or_default()
}

/// What a replica's watches do with a change: the shipped dispatch says whom it wakes.
fn told(view: &mut Replica, change: &Change, bug: Option<Bug>) -> Vec<ObjectRef> {
    let (own, wake) = match change {
        Change::Object(object) => (Some(object.object_ref()), view.dispatch.object_changed(object)),
        Change::Gone(object, _) => (Some(object.clone()), view.dispatch.object_gone(object)),
        Change::Secret(namespace, name) => {
            view.secrets.remove(&(namespace.clone(), name.clone()));
            (None, Dispatch::secret_changed(&view.dispatch, namespace, name))
        }
        Change::OfRelay(namespace, relay) => (None, view.dispatch.relay_changed(namespace, relay)),
    };
    match (bug, own) {
        (Some(Bug::WakesDropped), Some(own)) => wake.into_iter().filter(|object| *object == own).collect(),
        _ => wake,
    }
}
