//! What must hold of every call that changes Azure.

use acs_core::azure::call::{ArmCall, Method};
use acs_core::azure::error::AzureError;
use acs_core::kinds::{Object, ObjectRef};
use acs_core::names::owner_path;
use serde_json::Value;

use super::{CLUSTER, Planted, owner_of};
use crate::sim::{Flight, PassNote, Sim};

/// A call leaves the operator (S1, S2, S5, S8).
pub fn sent(sim: &mut Sim, note: &PassNote, call: &ArmCall) {
    sim.oracle.writes += 1;
    sim.oracle.last_write = sim.now;
    let (object, what) = (&note.object, format!("{} {}", call.method.name(), call.path));
    let live = sim.cluster.get(object).filter(|live| live.uid() == note.uid).cloned();
    let announced = live
        .as_deref()
        .and_then(Object::status)
        .is_some_and(|status| status.operations.iter().any(|operation| operation.id == call.request_id));
    let held = live.as_deref().is_some_and(Object::is_held);
    if !held || !announced {
        sim.oracle.violate(|| format!("S1 {object}: {what} without finalizer or intent on record"));
    }
    let creates = |call: &ArmCall| call.method == Method::Put;
    if sim.flights.iter().any(|other| creates(call) && creates(&other.call) && other.call.path == call.path) {
        sim.oracle.violate(|| format!("S2 {object}: {what} while another one is under way"));
    }
    let own = live.as_deref().and_then(Object::status).and_then(|status| status.azure_resource_id.clone());
    let alive = live.as_deref().is_some_and(|live| !live.is_deleting());
    if call.method == Method::Delete && alive && own.is_some_and(|own| own.eq_ignore_ascii_case(&call.path)) {
        sim.oracle.violate(|| format!("S5 {object}: {what}, but it is not being deleted"));
    }
    let term = sim.replicas.get(note.replica).and_then(|view| view.epoch).unwrap_or_default();
    if term < note.term_seen {
        let seen = note.term_seen;
        sim.oracle.violate(|| format!("S8 {object}: {what} in term {term} after a call in term {seen}"));
    }
    let last = sim.oracle.terms.entry(note.uid.clone()).or_default();
    *last = (*last).max(term);
}

/// What a resource was before a call reached it.
pub struct Before {
    body: Option<Value>,
    owner: Option<String>,
}

/// Looks before a call has its effect.
pub fn before(sim: &Sim, flight: &Flight) -> Before {
    let id = Sim::resource_of(&flight.call);
    let body = sim.azure.world.resource(id).cloned();
    // A rule has no tags: it is its hub's.
    let parent = id.to_ascii_lowercase().split("/authorizationrules/").next().map(str::to_owned).unwrap_or_default();
    let owner = sim.azure.world.resource(&parent).and_then(owner_of);
    Before { body, owner }
}

/// A call had its effect, or was refused (S2, S4, S5, S6).
pub fn landed(sim: &mut Sim, flight: &Flight, before: Before, refused: Option<&AzureError>) {
    let call = &flight.call;
    let id = Sim::resource_of(call).to_owned();
    let late = if flight.orphan { " (late)" } else { "" };
    let refusal = refused.map(|error| error.code.clone()).unwrap_or_default();
    sim.trace.note(sim.now, format_args!("azure: {} {}{late} {refusal}", call.request_id, call.method.name()));
    if refused.is_some() {
        return;
    }
    let what = format!("{} {}{late}", call.method.name(), call.path);
    let owner = owner_path(CLUSTER, &flight.object);
    if before.body.is_some() {
        let rule = id.to_ascii_lowercase().contains("/authorizationrules/");
        let ours = before.owner.as_deref().is_some_and(|found| found == owner || (rule && found.starts_with(CLUSTER)));
        if !ours {
            let found = before.owner.clone().unwrap_or_else(|| "nobody".to_owned());
            sim.oracle.violate(|| format!("S4 {}: {what}, which belongs to {found}", flight.object));
        }
        if call.method == Method::Delete && !rule {
            deleted(sim, flight, &what);
        }
    } else if call.method == Method::Put {
        created(sim, flight, &id, &what);
    }
    if let Some(body) = before.body {
        kept(sim, flight, &id, &body, &what);
    }
}

fn deleted(sim: &mut Sim, flight: &Flight, what: &str) {
    let live = sim.cluster.get(&flight.object);
    if live.is_some_and(|live| !live.is_deleting()) {
        sim.oracle.violate(|| format!("S5 {what} reached a resource of {}, which is not being deleted", flight.object));
    }
}

fn created(sim: &mut Sim, flight: &Flight, id: &str, what: &str) {
    if !sim.cluster.lives(&flight.uid) {
        sim.oracle.violate(|| format!("S3 {what} made something for {}, which is gone", flight.object));
    }
    // One object makes one resource of a kind: another id would be a second one.
    let kind = kind_of(id);
    let uid = flight.uid.clone();
    let count = sim.oracle.created.entry((uid, id.to_ascii_lowercase())).or_default();
    *count += 1;
    let rule = kind == "authorizationrules";
    let others = sim
        .oracle
        .created
        .keys()
        .filter(|(uid, other)| *uid == flight.uid && kind_of(other) == kind && !other.eq_ignore_ascii_case(id));
    let second = others.filter(|(_, other)| sim.azure.world.resource(other).is_some()).count();
    if second > 0 && !rule {
        sim.oracle.violate(|| format!("S2 {what} made a second one for {}", flight.object));
    }
}

fn kind_of(id: &str) -> String {
    id.rsplit('/').nth(1).unwrap_or_default().to_ascii_lowercase()
}

/// What others put there is still there (S6).
fn kept(sim: &mut Sim, flight: &Flight, id: &str, before: &Value, what: &str) {
    let after = sim.azure.world.resource(id).cloned();
    let Some(after) = after else { return };
    let grace = if sim.oracle.lagged { 35_000 } else { 0 };
    let mut lost = None;
    sim.oracle.planted.retain(|Planted { id: planted, pointer, value, at }| {
        if !planted.eq_ignore_ascii_case(id) || before.pointer(pointer) != Some(value) {
            return true;
        }
        let there = after.pointer(pointer) == Some(value);
        // Put there after the pass looked: no one could have known.
        if !there && at + grace < flight.looked {
            lost = Some(pointer.clone());
        }
        there
    });
    if let Some(pointer) = lost {
        sim.oracle.violate(|| format!("S6 {what} removed {pointer}, which someone else had put there"));
    }
}

/// True if a resource of that object has to be there.
pub fn id_of(object: &Object) -> Option<String> {
    object.status().and_then(|status| status.azure_resource_id.clone())
}

/// For messages.
pub fn name_of(object: &ObjectRef) -> String {
    format!("{}/{} {}", object.namespace, object.kind, object.name)
}
