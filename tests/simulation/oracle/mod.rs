//! What must be true, at every step and at the end.

pub mod actual;
pub mod call;

use std::collections::{BTreeMap, VecDeque};

use acs_core::kinds::common::DeletionPolicy;
use acs_core::kinds::{Object, ObjectRef};
use acs_core::names::owner_path;
use acs_core::step::SecretWrite;
use serde_json::Value;

use crate::faults::Site;
use crate::sim::Sim;

/// Cluster id in owner tags.
pub const CLUSTER: &str = "c1";
/// More passes than this of one object within [`WINDOW`], not asked for by any change, are a busy loop.
const BUSY: usize = 60;
const WINDOW: u64 = 10_000;

/// Something that someone else put into a resource.
#[derive(Clone, Debug)]
pub struct Planted {
    /// Resource.
    pub id: String,
    /// Where in it.
    pub pointer: String,
    /// What.
    pub value: Value,
    /// When.
    pub at: u64,
}

/// What is remembered to judge by.
#[derive(Debug, Default)]
pub struct Oracle {
    /// First thing that was not as it must be.
    pub violation: Option<String>,
    /// When someone else last changed something in Azure.
    pub meddled: u64,
    /// What others put into resources.
    pub planted: Vec<Planted>,
    /// True once a read of Azure lagged in this schedule.
    pub lagged: bool,
    /// Writes to Azure and to the API server by the operator.
    pub writes: u64,
    /// When the last of them was.
    pub last_write: u64,
    /// When the API server last told watches of something, by namespace.
    pub changed: BTreeMap<String, u64>,
    /// Last term that sent a call, by uid.
    pub terms: BTreeMap<String, i64>,
    /// Objects that left something in Azure because they were asked to.
    pub retained: Vec<ObjectRef>,
    created: BTreeMap<(String, String), u32>,
    passes: BTreeMap<(usize, ObjectRef), VecDeque<u64>>,
}

impl Oracle {
    /// Notes the first violation.
    pub fn violate(&mut self, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(what());
        }
    }

    /// The operator wrote something.
    pub fn wrote(&mut self, now: u64, _: Site) {
        self.writes += 1;
        self.last_write = now;
    }

    /// A pass begins (S14).
    pub fn pass_began(&mut self, replica: usize, object: &ObjectRef, now: u64) {
        let passes = self.passes.entry((replica, object.clone())).or_default();
        passes.push_back(now);
        while passes.front().is_some_and(|at| at + WINDOW < now) {
            passes.pop_front();
        }
        let count = passes.len();
        if count > BUSY {
            self.violate(|| format!("S14 busy loop: {count} passes of {object} within {} s", WINDOW / 1000));
        }
    }
}

/// A pass has read its object: from here on it may know who leads.
pub fn fetched(sim: &mut Sim, object: Option<&Object>) {
    let uid = object.map(|object| object.uid().to_owned()).unwrap_or_default();
    let term = sim.oracle.terms.get(&uid).copied().unwrap_or_default();
    let polling = sim.polling;
    if let Some(note) = sim.passes.get_mut(&polling) {
        note.uid = uid;
        note.term_seen = term;
    }
}

/// A status is on record (S10).
pub fn status_written(sim: &mut Sim, before: &Object, status: &Value) {
    let conditions = status.get("conditions").and_then(Value::as_array);
    let is = |condition: &&Value, name: &str, text: &str| condition.get(name).and_then(Value::as_str) == Some(text);
    let ready = conditions.into_iter().flatten().find(|condition| is(condition, "type", "Ready"));
    if !ready.is_some_and(|ready| is(&ready, "status", "True")) {
        return;
    }
    let object = before.object_ref();
    if status.get("operations").and_then(Value::as_array).is_some_and(|open| !open.is_empty()) {
        sim.oracle.violate(|| format!("S10 {object} is Ready with an open intent"));
    }
    let under_way = sim.flights.iter().find(|flight| flight.object == object);
    if let Some(flight) = under_way {
        let what =
            format!("S10 {object} is Ready while {} {} is under way", flight.call.method.name(), flight.call.path);
        sim.oracle.violate(|| what);
    }
    let started = sim.pass().map_or(sim.now, |note| note.started);
    let quiet = sim.oracle.meddled < started && !sim.oracle.lagged;
    if before.is_ready() || !quiet {
        return;
    }
    let live = sim.cluster.get(&object).cloned();
    let wrong = live.as_deref().and_then(|live| actual::mismatch(sim, live, false));
    if let Some(wrong) = wrong {
        sim.oracle.violate(|| format!("S10 {object} is Ready, but {wrong}"));
    }
}

/// True if deletion of the object has to end in nothing left in Azure.
pub fn clears(object: &Object) -> bool {
    object.deletion_policy() == DeletionPolicy::Delete
}

/// An object was let go (S7).
pub fn released(sim: &mut Sim, object: &Object) {
    let target = object.object_ref();
    if let Some(flight) = sim.flights.iter().find(|flight| flight.uid == object.uid()) {
        let what =
            format!("S7 {target} was let go while {} {} is under way", flight.call.method.name(), flight.call.path);
        sim.oracle.violate(|| what);
    }
    if !clears(object) {
        return sim.oracle.retained.push(target);
    }
    let policy = match object {
        Object::EventRelay(relay) => relay.status.as_ref().and_then(|status| status.push_policy_id.clone()),
        _ => None,
    };
    if let Some(id) = policy.filter(|id| sim.azure.world.resource(id).is_some()) {
        sim.oracle.violate(|| format!("S7 {target} was let go while {id} exists"));
    }
    if let Some(id) = owned_by(sim, &target).into_iter().next() {
        sim.oracle.violate(|| format!("S7 {target} was let go while {id} exists"));
    }
}

/// Ids of resources in Azure that carry an object's tag or label.
pub fn owned_by(sim: &Sim, object: &ObjectRef) -> Vec<String> {
    let owner = owner_path(CLUSTER, object);
    sim.azure
        .world
        .resources()
        .filter(|(_, body)| owner_of(body).as_deref() == Some(owner.as_str()))
        .map(|(id, _)| id.to_owned())
        .collect()
}

/// Owner by tag or label.
pub fn owner_of(body: &Value) -> Option<String> {
    if let Some(owner) = body.pointer(&format!("/tags/{}", acs_wire::TAG_OWNER)).and_then(Value::as_str) {
        return Some(owner.to_owned());
    }
    let labels = body.pointer("/properties/labels").and_then(Value::as_array)?;
    let prefix = format!("{}=", acs_wire::TAG_OWNER);
    labels.iter().filter_map(Value::as_str).find_map(|label| label.strip_prefix(&prefix)).map(str::to_owned)
}

/// A Secret was written (S12).
pub fn secret_written(sim: &mut Sim, object: &Object, write: &SecretWrite) {
    let started = sim.pass().map_or(sim.now, |note| note.started);
    let name = &write.name;
    let reserved = *name == acs_core::names::assertion_secret(object.meta().name.as_deref().unwrap_or_default());
    if reserved {
        return;
    }
    if write.content.is_empty() || write.content.values().any(|value| value.trim().is_empty()) {
        sim.oracle.violate(|| format!("S12 Secret {name} is empty"));
    }
    if sim.oracle.meddled >= started {
        return;
    }
    if let Some(wrong) = actual::secret_mismatch(sim, object, name, &write.content) {
        sim.oracle.violate(|| format!("S12 Secret {name} {wrong}"));
    }
}
