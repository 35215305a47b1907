//! Scheduled notifications, in the tier Standard only: sent at their time, or cancelled before.

use super::super::journal::Effect;
use super::super::message::Response;
use super::super::timer::{self, Timer};
use super::super::world::World;
use super::answer::{Refused, XML};
use super::dispatch::dispatch;
use super::notification::{Notification, Scheduled};
use super::quota::{self, Tier};
use super::{Answer, Call, Right, send, telemetry, time};

/// How far ahead (documented).
const HORIZON_MS: u64 = 7 * 24 * 3_600_000;
/// Waiting at once per hub (the simulator's own bound).
const WAITING: usize = 1_000;

/// POST of `schedulednotifications`.
pub(super) fn schedule(world: &mut World, call: &Call<'_>) -> Answer {
    call.require(world, Right::Send)?;
    Tier::of(world, &call.hub).at_least(Tier::Standard, "Scheduled send")?;
    let header = call.request.header("ServiceBusNotification-ScheduleTime");
    let due = header.and_then(time::parse).ok_or_else(|| {
        Refused::bad("The header ServiceBusNotification-ScheduleTime is a time of UTC: yyyy-MM-ddTHH:mm:ss.")
    })?;
    if due > call.now + HORIZON_MS {
        return Err(Refused::bad("A notification is scheduled at most seven days ahead."));
    }
    let notification = Notification::read(world, &call.hub, call.request, &call.request.body)?;
    let tags = send::tags_header(call.request).map(str::to_owned);
    send::by_tags(tags.as_deref())?;
    if world.telephony.hubs.get(&call.hub).is_some_and(|hub| hub.scheduled.len() >= WAITING) {
        return Err(Refused::new(403, "The simulator's quota of scheduled notifications is used up."));
    }
    quota::send(world, &call.hub, false)?;
    let id = id(world);
    let sent = telemetry::Sent::scheduled(&id, call, &notification, tags.clone());
    telemetry::record(world, &call.hub, (sent, Vec::new()));
    let scheduled = Scheduled { notification, tags, rule: call.rule.clone() };
    world.telephony.hub(&call.hub).scheduled.insert(id.clone(), scheduled);
    // A time that is over is due at once (unverified).
    timer::at(world, due.max(call.now), Timer::Scheduled { hub: call.hub.clone(), id: id.clone() });
    Ok((send::accepted(world, call, "schedulednotifications", &id), Effect::Create))
}

/// As messages have one, with underscores and the place in its queue (recorded).
fn id(world: &mut World) -> String {
    let message = send::message_id(world).replace('-', "_");
    let random = &mut world.telephony.random;
    let (queue, place) = (random.hex(32), random.next() >> 8);
    format!("{message}_QNHQueue{queue}-S{place}")
}

/// DELETE of `schedulednotifications/{id}`.
pub(super) fn cancel(world: &mut World, call: &Call<'_>, id: &str) -> Answer {
    call.require(world, Right::Send)?;
    Tier::of(world, &call.hub).at_least(Tier::Standard, "Scheduled send")?;
    let stored = world.telephony.hubs.get_mut(&call.hub);
    if stored.and_then(|hub| hub.scheduled.remove(id)).is_none() {
        return Err(Refused::new(404, "There is no scheduled notification of that id"));
    }
    telemetry::concluded(world, &call.hub, id, None, call.now);
    Ok((Response::empty(200).with("content-type", XML), Effect::Delete))
}

/// Its time has come, unless it was cancelled, or the hub is gone.
pub(crate) fn due(world: &mut World, hub: &str, id: &str, now: u64) {
    let scheduled = world.telephony.hubs.get_mut(hub).and_then(|stored| stored.scheduled.remove(id));
    let Some(Scheduled { notification, tags, rule }) = scheduled else { return };
    let Ok(audience) = send::by_tags(tags.as_deref()) else { return };
    let delivered = dispatch(world, hub, &rule, &notification, &audience, usize::MAX);
    telemetry::concluded(world, hub, id, Some((&notification, &delivered)), now);
}
