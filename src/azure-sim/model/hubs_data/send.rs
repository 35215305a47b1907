//! Sends: to handles, to tags, to all. 201 means queued, never delivered.

use super::super::journal::Effect;
use super::super::message::{Request, Response};
use super::super::push::{Channel, Keys, Platform};
use super::super::world::World;
use super::answer::{Refused, XML};
use super::batch::Batch;
use super::dispatch::{Audience, dispatch};
use super::notification::{Format, Notification};
use super::quota::{self, Tier};
use super::tags::Expression;
use super::{Answer, Call, Right, debug, telemetry, time};

/// POST of `messages`: to one handle with `direct`, else by tags, else to all.
pub(super) fn send(world: &mut World, call: &Call<'_>) -> Answer {
    call.require(world, Right::Send)?;
    let test = call.parameter("test").is_some();
    let notification = Notification::read(world, &call.hub, call.request, &call.request.body)?;
    let audience = audience(call, &notification)?;
    quota::send(world, &call.hub, test)?;
    if test {
        return Ok(debug::send(world, call, &notification, &audience));
    }
    Ok(queued(world, call, &notification, &audience, "messages"))
}

/// POST of `messages/$batch`.
pub(super) fn batch(world: &mut World, call: &Call<'_>) -> Answer {
    call.require(world, Right::Send)?;
    Tier::of(world, &call.hub).at_least(Tier::Basic, "Batch direct send")?;
    if call.parameter("direct").is_none() {
        return Err(Refused::bad("A batch needs the parameter 'direct'."));
    }
    let batch = Batch::read(call.request)?;
    let notification = Notification::read(world, &call.hub, call.request, batch.notification)?;
    let channels = batch.channels(native(&notification)?)?;
    quota::send(world, &call.hub, false)?;
    Ok(queued(world, call, &notification, &Audience::Channels(channels), "messages/$batch"))
}

fn queued(
    world: &mut World,
    call: &Call<'_>,
    notification: &Notification,
    audience: &Audience,
    collection: &str,
) -> (Response, Effect) {
    let delivered = dispatch(world, &call.hub, &call.rule, notification, audience, usize::MAX);
    let id = message_id(world);
    let expression = tags_header(call.request).map(str::to_owned);
    telemetry::record(world, &call.hub, telemetry::Sent::completed(&id, call, notification, expression, &delivered));
    (accepted(world, call, collection, &id), Effect::Action)
}

/// `{32 hex}-{time}-{8 digits}-{n}` (recorded).
pub(super) fn message_id(world: &mut World) -> String {
    let stamp = time::at(world.now()).strftime("%Y%m%d%H%M%S").to_string();
    let random = &mut world.telephony.random;
    let (hex, node, lane) = (random.hex(32), random.next() % 90_000_000 + 10_000_000, random.next() % 32);
    format!("{hex}-{stamp}-{node}-{lane}")
}

/// 201; only the tier Standard says where to ask.
pub(super) fn accepted(world: &World, call: &Call<'_>, collection: &str, id: &str) -> Response {
    let response = Response::empty(201).with("content-type", XML);
    if Tier::of(world, &call.hub) < Tier::Standard {
        return response;
    }
    let direct = if call.parameter("direct").is_some() { "&direct" } else { "" };
    let (host, hub, version) = (&call.host, call.hub_name(), call.version());
    response.with("location", format!("https://{host}/{hub}/{collection}/{id}?api-version={version}{direct}"))
}

fn native(notification: &Notification) -> Result<Platform, Refused> {
    match notification.format {
        Format::Native(platform) => Ok(platform),
        Format::Template => {
            Err(Refused::bad("A template notification has no device handle: it goes by tags, or to all."))
        }
    }
}

pub(super) fn tags_header(request: &Request) -> Option<&str> {
    request.header("ServiceBusNotification-Tags").map(str::trim).filter(|tags| !tags.is_empty())
}

pub(super) fn by_tags(tags: Option<&str>) -> Result<Audience, Refused> {
    match tags {
        Some(text) => Expression::parse(text).map(Audience::Tags).map_err(Refused::bad),
        None => Ok(Audience::All),
    }
}

/// Without `direct`, a handle is not looked at: the trap that sends to all.
fn audience(call: &Call<'_>, notification: &Notification) -> Result<Audience, Refused> {
    if call.parameter("direct").is_none() {
        return by_tags(tags_header(call.request));
    }
    let header = |name: &str| call.request.header(name).map(str::trim).filter(|v| !v.is_empty());
    let platform = native(notification)?;
    let Some(handle) = header("ServiceBusNotification-DeviceHandle") else {
        return Err(Refused::bad("The header ServiceBusNotification-DeviceHandle is missing."));
    };
    let key = |name: &str| header(name).map(str::to_owned);
    let keys = key("P256DH").zip(key("Auth")).map(|(p256dh, auth)| Keys { p256dh, auth });
    let channel = Channel::new(platform, handle, keys)
        .map_err(|why| Refused::bad(format!("The device handle is invalid: {why}.")))?;
    Ok(Audience::Channels(vec![channel]))
}
