//! One schedule: trouble for a while, then none, then everything has to be as declared, stay so, and go when it is deleted.

use std::sync::{Arc, Mutex};

use acs_core::kinds::{Kind, Object, ObjectRef};
use acs_core::names::{default_azure_name, owner_path};

use crate::bugs::Bug;
use crate::faults::{Counts, Event};
use crate::oracle::{CLUSTER, actual, owned_by};
use crate::runner::Runner;
use crate::scenario::{self, SECRETS, Stack, apply_secret};
use crate::sim::{Due, Shared, Sim, lock};
use crate::users;

/// Within this everything converges once trouble is over: a person's mistake is looked at again after half an hour.
const PATIENCE: u64 = 4 * 3_600_000;
/// No write for so long is rest. Longer than two of the slowest regular looks.
const REST: u64 = 25 * 60_000;
/// More events than this are a loop without end.
const EVENTS: u64 = 400_000;

/// What a schedule came to.
pub struct Ended {
    /// What was not as it must be.
    pub violation: Option<String>,
    /// What happened.
    pub counts: Counts,
    /// Hash of the trace.
    pub hash: u64,
    /// The trace, if it was kept.
    pub lines: Vec<String>,
}

struct Schedule {
    sim: Shared,
    runner: Runner,
    stacks: Vec<Stack>,
    events: u64,
    /// When users last cleared up.
    tidied: u64,
    /// Service whose name a stranger holds.
    stranger: Option<ObjectRef>,
}

/// Runs the schedule of a seed.
pub fn run(seed: u64, bug: Option<Bug>, trace: bool) -> Ended {
    let sim = Arc::new(Mutex::new(Sim::new(seed, bug, trace)));
    let replicas = if lock(&sim).random.permille(400) { 2 } else { 1 };
    let runner = Runner::new(sim.clone(), replicas);
    let mut schedule = Schedule { sim: sim.clone(), runner, stacks: Vec::new(), events: 0, tidied: 0, stranger: None };
    schedule.begin(replicas);
    schedule.trouble();
    schedule.calm();
    let mut sim = lock(&sim);
    sim.counts.virtual_ms = sim.now;
    let (violation, counts) = (sim.oracle.violation.take(), std::mem::take(&mut sim.counts));
    Ended { violation, counts, hash: sim.trace.hash(), lines: sim.trace.lines().to_vec() }
}

impl Schedule {
    fn begin(&mut self, replicas: usize) {
        let mut sim = lock(&self.sim);
        let config = sim.azure.world.config().clone();
        self.stacks = scenario::draw(&mut sim.random, &config);
        for stack in &self.stacks {
            for name in SECRETS {
                let late = sim.random.permille(100);
                if late {
                    let when = sim.random.within(1_000, 30_000);
                    sim.at(when, Due::Secret(stack.namespace.clone(), name.to_owned()));
                } else {
                    apply_secret(&mut sim.cluster, &stack.namespace, name, &config);
                }
            }
            for manifest in &stack.manifests {
                let when =
                    if sim.random.permille(800) { sim.random.within(0, 200) } else { sim.random.within(0, 60_000) };
                sim.at(when, Due::Create(Box::new(manifest.clone())));
            }
        }
        if sim.random.permille(60) {
            self.stranger = self.stacks.first().map(|stack| stack.of(Kind::CommunicationService));
            if let Some(service) = &self.stranger {
                stranger(&mut sim, service);
            }
        }
        sim.at(0, Due::Lead(0));
        sim.faulty = true;
        let horizon = horizon(&mut sim);
        let edits = sim.random.below(20);
        for _ in 0..edits {
            let when = sim.random.within(0, horizon);
            sim.at(when, Due::Edit);
        }
        if replicas > 1 {
            for _ in 0..4 {
                let rate = sim.mix.rate(Event::SecondLeader);
                if sim.random.permille(rate) {
                    let (when, replica) = (sim.random.within(0, horizon), sim.random.below(2));
                    sim.counts.happened(Event::SecondLeader);
                    sim.at(when, Due::Lead(usize::try_from(replica).unwrap_or_default()));
                }
            }
        }
    }

    /// Lets the next thing happen. False if nothing will, or something already went wrong.
    fn step(&mut self) -> bool {
        self.events += 1;
        let due = {
            let mut sim = lock(&self.sim);
            if self.events > EVENTS {
                sim.oracle.violate(|| "S14 no end".to_owned());
            }
            if sim.oracle.violation.is_some() {
                return false;
            }
            if sim.next().is_none() {
                sim.now += 60_000;
                return true;
            }
            sim.take_next()
        };
        if let Some(due) = due {
            self.happen(due);
            lock(&self.sim).settle();
        }
        true
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Land(flight) => {
                let _ = lock(&self.sim).land(&flight);
            }
            Due::Handshake(id, answer) => {
                let mut sim = lock(&self.sim);
                let now = crate::azure::EPOCH + sim.now;
                azure_sim::model::answered(&mut sim.azure.world, id, *answer, now);
            }
            Due::Collect(uid) => lock(&self.sim).cluster.collect(&uid),
            Due::Sweep(namespace) => {
                let mut sim = lock(&self.sim);
                let moment = sim.moment();
                if !sim.cluster.sweep(&namespace, moment) {
                    let when = sim.now + sim.random.within(1_000, 10_000);
                    sim.at(when, Due::Sweep(namespace));
                }
            }
            Due::Edit => {
                let mut sim = lock(&self.sim);
                if sim.random.permille(150)
                    && let Some(stack) = sim.random.pick(&self.stacks).cloned()
                {
                    users::spoil_output(&mut sim, &stack);
                }
                users::act(&mut sim, &self.stacks);
            }
            Due::Secret(namespace, name) => {
                let mut sim = lock(&self.sim);
                let config = sim.azure.world.config().clone();
                apply_secret(&mut sim.cluster, &namespace, &name, &config);
            }
            Due::Create(manifest) => {
                let mut sim = lock(&self.sim);
                let going = sim.cluster.get(&manifest.object_ref()).is_some_and(|object| object.is_deleting());
                // `kubectl apply` on an object that is going: the user tries again.
                if !users::apply(&mut sim, &manifest) && going {
                    let when = sim.now + sim.random.within(5_000, 30_000);
                    sim.at(when, Due::Create(manifest));
                }
            }
            other => self.runner.handle(other),
        }
    }

    fn trouble(&mut self) {
        let horizon = lock(&self.sim).horizon;
        while lock(&self.sim).next().is_some_and(|next| next < horizon) && self.step() {}
    }

    /// Steps until it holds; false if it does not within the time given.
    fn until(&mut self, patience: u64, mut holds: impl FnMut(&mut Self) -> bool) -> bool {
        let end = lock(&self.sim).now + patience;
        let (mut seen, mut looked) = (u64::MAX, 0);
        loop {
            let (now, writes, idle) = {
                let sim = lock(&self.sim);
                (sim.now, sim.oracle.writes, sim.flights.is_empty() && self.runner.busy() == 0)
            };
            // What is looked for changes by writes only, or by time.
            if idle && (seen != writes || now > looked + 5_000) {
                (seen, looked) = (writes, now);
                if holds(self) {
                    return true;
                }
            }
            if now > end || !self.step() {
                return false;
            }
        }
    }

    fn calm(&mut self) {
        {
            let mut sim = lock(&self.sim);
            if sim.oracle.violation.is_some() {
                return;
            }
            sim.faulty = false;
            users::tidy(&mut sim, &self.stacks);
            sim.settle();
            let now = sim.now;
            sim.trace.note(now, format_args!("-- calm --"));
            self.runner.calm_since = Some(now);
        }
        if !self.until(PATIENCE, Self::rests) {
            let mut sim = lock(&self.sim);
            let why = unlike(&mut sim, self.stranger.as_ref());
            let (now, last) = (sim.now, sim.oracle.last_write);
            let why = why.unwrap_or_else(|| format!("it still writes (last {} s ago)", (now - last) / 1000));
            return sim.oracle.violate(|| format!("L1 no rest {} min after the last fault: {why}", PATIENCE / 60_000));
        }
        if lock(&self.sim).random.permille(600) {
            self.end();
        }
    }

    /// True once all is as declared, and no one has written anything for long.
    fn rests(&mut self) -> bool {
        let mut sim = lock(&self.sim);
        // Whoever reads for half an hour what a deletion waits for also deletes that.
        if self.runner.calm_since.is_some_and(|since| sim.now > since.max(self.tidied) + 1_800_000) {
            self.tidied = sim.now;
            users::tidy(&mut sim, &self.stacks);
        }
        reapply(&mut sim, &self.stacks);
        if sim.is_moving() {
            return false;
        }
        let since = sim.oracle.last_write.max(self.runner.calm_since.unwrap_or_default());
        sim.now > since + REST && unlike(&mut sim, self.stranger.as_ref()).is_none()
    }

    /// Deletes everything, and looks whether everything goes.
    fn end(&mut self) {
        {
            let mut sim = lock(&self.sim);
            let now = sim.now;
            sim.trace.note(now, format_args!("-- end --"));
            let whole = sim.random.permille(500);
            let moment = sim.moment();
            for stack in &self.stacks {
                if whole {
                    users::end_namespace(&mut sim, &stack.namespace);
                    continue;
                }
                for target in stack.names() {
                    sim.cluster.delete(&target, moment);
                }
            }
            sim.settle();
        }
        let gone = self.until(PATIENCE, |schedule| {
            let mut sim = lock(&schedule.sim);
            schedule.stacks.iter().for_each(|stack| users::give_up(&mut sim, stack));
            sim.cluster.objects().next().is_none()
        });
        let mut sim = lock(&self.sim);
        if !gone {
            let left: Vec<String> = sim
                .cluster
                .objects()
                .map(|object| {
                    format!(
                        "{} ({})",
                        object.object_ref(),
                        object.ready().map(|(_, reason, message)| format!("{reason}: {message}")).unwrap_or_default()
                    )
                })
                .collect();
            return sim.oracle.violate(|| format!("L3 not gone: {}", left.join("; ")));
        }
        for stack in &self.stacks {
            for target in stack.names() {
                let left =
                    owned_by(&sim, &target).into_iter().next().filter(|_| !sim.oracle.retained.contains(&target));
                if let Some(id) = left {
                    sim.oracle.violate(|| format!("S3 {id} is left of {target}"));
                }
            }
        }
    }
}

/// The end of trouble, by the mix: some schedules are short.
fn horizon(sim: &mut Sim) -> u64 {
    sim.horizon = match sim.random.below(3) {
        0 => sim.random.within(20_000, 180_000),
        1 => sim.random.within(120_000, 700_000),
        _ => sim.random.within(300_000, 2_400_000),
    };
    sim.horizon
}

/// Someone else has a resource of the name that a service would get.
fn stranger(sim: &mut Sim, service: &ObjectRef) {
    let name = default_azure_name(&owner_path(CLUSTER, service), service.kind, &service.name);
    let config = sim.azure.world.config().clone();
    let Ok(token) = sim.azure.token(&config.tenant_id, &config.client_id, &config.client_secret, 0) else { return };
    let path = format!(
        "/subscriptions/{}/resourceGroups/rg-shop/providers/Microsoft.Communication/communicationServices/{name}?api-version={}",
        config.subscription_id,
        acs_core::azure::COMMUNICATION_API
    );
    let body = serde_json::json!({"location": "global", "properties": {"dataLocation": "Europe"}});
    let _ = sim.azure.call(&token, "PUT", &path, Some(&body), 0);
}

/// Users whose objects are gone apply them again.
fn reapply(sim: &mut Sim, stacks: &[Stack]) {
    let config = sim.azure.world.config().clone();
    for stack in stacks {
        for name in SECRETS.into_iter().filter(|_| !sim.cluster.is_terminating(&stack.namespace)).collect::<Vec<_>>() {
            if apply_secret(&mut sim.cluster, &stack.namespace, name, &config) {
                sim.settle();
            }
        }
        users::give_up(sim, stack);
        for manifest in &stack.manifests {
            if sim.cluster.get(&manifest.object_ref()).is_none() && users::apply(sim, manifest) {
                sim.oracle.last_write = sim.now;
                sim.settle();
            }
        }
    }
}

/// What is not as declared, if anything is not.
fn unlike(sim: &mut Sim, stranger: Option<&ObjectRef>) -> Option<String> {
    let objects: Vec<Arc<Object>> = sim.cluster.objects().cloned().collect();
    let held = stranger.is_some_and(|service| sim.cluster.get(service).is_some() && owned_by(sim, service).is_empty());
    for object in &objects {
        let target = object.object_ref();
        let (reason, message) = object.ready().map(|(_, reason, message)| (reason, message)).unwrap_or_default();
        let strange = held
            && stranger.is_some_and(|service| {
                *service == target || (target.kind == Kind::EventSubscription && acs_core::wake::names(object, service))
            });
        if strange {
            let told = ["Conflict", "DependencyNotReady"].contains(&reason);
            if told && !object.is_deleting() {
                continue;
            }
        }
        if object.is_deleting() || !object.is_ready() {
            return Some(format!("{target} is {reason}: {message}"));
        }
        if let Some(wrong) = actual::mismatch(sim, object, true) {
            return Some(format!("{target} is Ready, but {wrong}"));
        }
    }
    sim.cluster.going().first().map(|namespace| format!("namespace {namespace} is still going"))
}
