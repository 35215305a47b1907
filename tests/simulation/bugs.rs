//! Deliberate mistakes, made around the engine and never in it. The simulation has to catch every one.

use std::collections::BTreeMap;

use acs_core::azure::call::{ArmCall, ArmResult, Body, Method};
use acs_core::azure::error::{AzureError, Fate};
use acs_core::kinds::{Object, ObjectRef};
use acs_core::moment::{Moment, Timings};
use acs_core::world::{Read, SecretView};
use serde_json::Value;

use crate::cluster::Wrote;
use crate::faults::Site;
use crate::oracle::CLUSTER;
use crate::sim::Sim;

/// A deliberate mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// An intent is said to be on record, and is not.
    IntentUnwritten,
    /// Status is written without looking at the version.
    StatusOverwrites,
    /// Intents on record are not seen after a restart.
    IntentsForgotten,
    /// A call without an answer is taken for one that had no effect.
    SilenceIsFailure,
    /// A call without an answer is waited out too briefly.
    ShortQuarantine,
    /// A call is sent however long ago its intent was written.
    SendsLate,
    /// An accepted DELETE is taken for a resource that is gone.
    AcceptedIsGone,
    /// Terms are not compared: an old leader goes on.
    OldLeaderGoesOn,
    /// Changes of an object wake only itself.
    WakesDropped,
    /// Keys are read once and for all.
    KeysRemembered,
    /// The credential Secret is not held.
    HoldSkipped,
    /// Whatever has the name is taken for ours.
    StrangersAreOurs,
    /// Tags are replaced instead of merged.
    TagsReplaced,
}

impl Bug {
    /// Every one.
    pub const ALL: [Bug; 13] = [
        Bug::IntentUnwritten,
        Bug::StatusOverwrites,
        Bug::IntentsForgotten,
        Bug::SilenceIsFailure,
        Bug::ShortQuarantine,
        Bug::SendsLate,
        Bug::AcceptedIsGone,
        Bug::OldLeaderGoesOn,
        Bug::WakesDropped,
        Bug::KeysRemembered,
        Bug::HoldSkipped,
        Bug::StrangersAreOurs,
        Bug::TagsReplaced,
    ];

    /// Changes the operator's durations.
    pub fn tamper(self, timings: &mut Timings) {
        if self == Bug::ShortQuarantine {
            (timings.request_timeout, timings.server_margin) = (40_000, 0);
        }
    }
}

/// Both clocks.
pub fn now(sim: &Sim) -> Moment {
    match sim.bug {
        // As if the clock were read once a pass: the age of an intent is never seen.
        Some(Bug::SendsLate) => {
            let started = sim.pass().map_or(sim.now, |note| note.started);
            Moment { mono: started, wall: crate::azure::EPOCH + started }
        }
        _ => sim.moment(),
    }
}

/// Term of a replica.
pub fn epoch(sim: &Sim, replica: usize) -> Option<i64> {
    let epoch = sim.replicas.get(replica).and_then(|view| view.epoch)?;
    Some(if sim.bug == Some(Bug::OldLeaderGoesOn) { 1 } else { epoch })
}

/// Reads an object.
pub fn fetch(sim: &Sim, _: usize, target: &ObjectRef) -> Option<Box<Object>> {
    let mut object = Box::new(sim.cluster.get(target)?.as_ref().clone());
    if sim.bug == Some(Bug::IntentsForgotten) {
        let open = match object.as_mut() {
            Object::AzureAccount(object) => object.status.as_mut().map(|status| &mut status.common.operations),
            Object::NotificationHubNamespace(object) => {
                object.status.as_mut().map(|status| &mut status.common.operations)
            }
            Object::NotificationHub(object) => object.status.as_mut().map(|status| &mut status.common.operations),
            Object::CommunicationService(object) => object.status.as_mut().map(|status| &mut status.common.operations),
            Object::EventRelay(object) => object.status.as_mut().map(|status| &mut status.common.operations),
            Object::EventSubscription(object) => object.status.as_mut().map(|status| &mut status.common.operations),
        };
        if let Some(open) = open {
            open.clear();
        }
    }
    Some(object)
}

/// Writes a status.
pub fn write_status(sim: &mut Sim, object: &Object, status: &Value, site: Site) -> Wrote {
    match sim.bug {
        Some(Bug::IntentUnwritten) if site == Site::WriteIntent => Wrote::Done,
        Some(Bug::StatusOverwrites) => sim.cluster.write_status(object, status, false),
        _ => sim.cluster.write_status(object, status, true),
    }
}

/// Holds a Secret, or lets it go.
pub fn hold_secret(sim: &mut Sim, namespace: &str, name: &str, hold: bool) -> Wrote {
    if sim.bug == Some(Bug::HoldSkipped) && hold {
        return Wrote::Done;
    }
    sim.cluster.hold_secret(namespace, name, hold)
}

/// Reads a Secret.
pub fn secret_view(sim: &Sim, namespace: &str, name: &str) -> Option<SecretView> {
    let mut view = sim.cluster.secret_view(namespace, name)?;
    if sim.bug == Some(Bug::HoldSkipped) && crate::scenario::SECRETS.contains(&name) {
        view.held = true;
    }
    Some(view)
}

/// Reads Azure.
pub fn read(sim: &mut Sim, read: &Read, result: ArmResult) -> ArmResult {
    let Read::Arm { method, path, .. } = read else { return result };
    match sim.bug {
        Some(Bug::AcceptedIsGone) => match result {
            Ok(reply) if reply.body.text("/properties/provisioningState") == "Deleting" => {
                Err(AzureError { status: Some(404), ..AzureError::of_operation("ResourceNotFound", "gone") })
            }
            other => other,
        },
        Some(Bug::KeysRemembered) if *method == Method::Post => match result {
            Ok(reply) => Ok(sim.remembered.entry(path.clone()).or_insert(reply).clone()),
            error => error,
        },
        Some(Bug::StrangersAreOurs) => result.map(|mut reply| {
            if reply.body.at(&format!("/tags/{}", acs_wire::TAG_OWNER)).is_none()
                && path.contains("/communicationServices/")
            {
                let owner =
                    sim.pass().map(|note| acs_core::names::owner_path(CLUSTER, &note.object)).unwrap_or_default();
                acs_core::azure::descriptor::set(
                    &mut reply.body.0,
                    &format!("/tags/{}", acs_wire::TAG_OWNER),
                    owner.into(),
                );
            }
            reply
        }),
        _ => result,
    }
}

/// Answer to a call that changes Azure.
pub fn reply(sim: &Sim, result: ArmResult) -> ArmResult {
    match result {
        Err(error) if sim.bug == Some(Bug::SilenceIsFailure) => Err(AzureError { fate: Fate::NotApplied, ..error }),
        other => other,
    }
}

/// A call that changes Azure.
pub fn call(sim: &Sim, call: &ArmCall) -> ArmCall {
    let mut call = call.clone();
    if sim.bug == Some(Bug::TagsReplaced)
        && call.method == Method::Patch
        && let Some(Body(body)) = &mut call.body
        && let Some(tags) = body.get_mut("tags").and_then(Value::as_object_mut)
    {
        let ours: BTreeMap<&str, ()> = [(acs_wire::TAG_OWNER, ()), (acs_wire::TAG_UID, ()), ("team", ())].into();
        tags.retain(|key, _| ours.contains_key(key.as_str()));
    }
    call
}
