//! Azure as a value: [`World`] changes only through [`handle`], [`advance`] and [`answered`].

mod arm;
mod authorization;
mod communication;
mod config;
mod doors;
mod entra;
mod event_grid;
mod faults;
mod hubs_data;
mod identity;
mod journal;
mod json;
mod kept;
mod list;
mod message;
mod metadata;
mod notification_hubs;
mod operation;
mod past;
mod path;
mod portal;
mod push;
mod random;
mod refusal;
mod regions;
mod registry;
mod resource;
mod resources;
mod shapes;
mod signing;
mod surface;
mod throttle;
mod timer;
mod token;
mod world;
mod xml;

pub use config::{Config, Durations, Profile, StorageAccount};
pub use faults::{Cut, Deletion, Edit, Fault, FaultAnswer, Lateness, LroFault, Meddling};
pub use journal::{Effect, Entry, Micros, Page, Plane, Query};
pub use message::{Answered, DELAY_HEADER, DROP_HEADER, Outbound, OutboundId, Request, Response};
pub use path::resource_id;
pub use push::{Phone, Platform, Push, Ring, Silence};
pub use signing::SigningKey;
pub use surface::{HUBS_DATA_PLANE, Operation, operations};
pub use world::{Change, FORMAT, Linked, Stored, Unreadable, Unwritable, World};

/// Answers one request, as Azure would at `now_ms` (milliseconds since 1970). Total: whatever is sent, something is answered.
///
/// A response with [`DROP_HEADER`] must not reach the client: the connection is cut, after the effect (`after`) or
/// instead of it (`before`). [`DELAY_HEADER`] asks for a pause before the response is sent.
pub fn handle(world: &mut World, request: &Request, now_ms: u64) -> Response {
    timer::settle(world, now_ms);
    let now = world.now();
    // By its host, a data plane has no door of the simulator among its paths.
    if let Some(host) = hubs_data::host(request) {
        return hubs_data::front(world, request, host, now);
    }
    if request.path.starts_with("/_sim/") { doors::open(world, request, now) } else { arm::front(world, request, now) }
}

/// Answers one request to the identity endpoints of machines and apps (instance metadata, App Service), which Azure serves in
/// plain HTTP beside everything else. Total, as [`handle`] is.
pub fn handle_identity(world: &mut World, request: &Request, now_ms: u64) -> Response {
    timer::settle(world, now_ms);
    let now = world.now();
    let place = request.path.split('?').next().unwrap_or_default();
    let operation = "Microsoft.Entra/managedIdentity/token/action".to_owned();
    let (plane, injected) = (Plane::Entra, entra::injected as _);
    let seen = arm::Witnessed { request, plane, place, operation, caller: String::new(), named: None, injected };
    arm::witnessed(world, seen, now, |world, _, _| {
        let response = entra::identity_answer(world, request, now);
        let effect = if response.status == 200 { Effect::Read } else { Effect::None };
        (response, effect)
    })
}

/// Lets timers fire up to `now_ms` and returns the calls that Azure wants to make now.
pub fn advance(world: &mut World, now_ms: u64) -> Vec<Outbound> {
    timer::settle(world, now_ms);
    world.take_outbound()
}

/// Tells the world how one of its outbound calls ended. Unknown ids are ignored: the subscription may be gone by now.
pub fn answered(world: &mut World, id: OutboundId, answer: Answered, now_ms: u64) {
    timer::settle(world, now_ms);
    let answer = faults::stand_in(world, id).map_or(answer, faults::StandIn::answered);
    ended(world, id, &answer);
    timer::settle(world, now_ms);
}

fn ended(world: &mut World, id: OutboundId, answer: &Answered) {
    let now = world.now();
    world.journal.returned(id, answer, now);
    world.call_ended(id);
    if !event_grid::delivery::answered(world, id, answer) && !hubs_data::answered(world, id, answer) {
        event_grid::handshake_answered(world, id, answer);
    }
}

/// When [`advance`] is worth calling next, in milliseconds since 1970: at once while outbound calls wait, else when
/// the next timer is due.
pub fn next_timer(world: &World) -> Option<u64> {
    if world.has_outbound() { Some(world.now()) } else { timer::next(world) }
}

#[cfg(test)]
mod tests;
