//! Registrations, one by one: made, read, updated, deleted.

use super::super::journal::Effect;
use super::super::json;
use super::super::message::Response;
use super::super::push::Channel;
use super::super::world::World;
use super::super::xml::Out;
use super::answer::Refused;
use super::atom::{self, Entry};
use super::description::{self, Description};
use super::store::Registration;
use super::{Answer, Call, Right, quota, time};

/// When what is registered now expires, by the hub's time to live.
pub(super) fn expiry(world: &World, hub: &str) -> Option<u64> {
    let ttl = json::text(world.resource(hub)?, &["properties", "registrationTtl"])?;
    Some(world.now() + time::time_to_live(ttl)?)
}

pub(super) fn shown(status: u16, call: &Call<'_>, registration: &Registration) -> Response {
    let content = |out: &mut Out| description::write(registration, out);
    let version = Some(registration.version);
    atom::entry(status, call, &Entry { id: &registration.id, collection: "registrations", version, content: &content })
}

/// POST of `registrationIDs`: an id to register with later.
pub(super) fn new_id(world: &mut World, call: &Call<'_>) -> Answer {
    call.require(world, Right::Listen)?;
    let id = world.telephony.registration_id();
    let location = atom::location(call, "registrationids", &id);
    Ok((Response::empty(201).with("location", location), Effect::Action))
}

/// POST of `registrations`. 200, and not 201 (recorded).
pub(super) fn create(world: &mut World, call: &Call<'_>) -> Answer {
    call.require(world, Right::Listen)?;
    let description = Description::read(&atom::description(&call.request.body)?)?;
    let id = world.telephony.registration_id();
    let registration = store(world, call, id, 1, description)?;
    let location = atom::location(call, "registrations", &registration.id);
    Ok((shown(200, call, &registration).with("content-location", location), Effect::Create))
}

/// Everything at `registrations/{id}`.
pub(super) fn one(world: &mut World, call: &Call<'_>, id: &str) -> Answer {
    call.require(world, Right::Listen)?;
    let known = world.telephony.hubs.get(&call.hub).and_then(|hub| hub.registration(id, call.now)).cloned();
    match call.request.method.as_str() {
        "GET" => {
            let registration = known.ok_or_else(missing)?;
            Ok((shown(200, call, &registration), Effect::Read))
        }
        "PUT" => put(world, call, id, known),
        _ => {
            let registration = known.ok_or_else(missing)?;
            matches(call, registration.version)?;
            world.telephony.hub(&call.hub).remove(id);
            Ok((Response::empty(200), Effect::Delete))
        }
    }
}

/// Nothing but where and when (recorded).
fn missing() -> Refused {
    Refused::new(404, "")
}

fn put(world: &mut World, call: &Call<'_>, id: &str, known: Option<Registration>) -> Answer {
    let description = Description::read(&atom::description(&call.request.body)?)?;
    let conditional = call.request.header("if-match").is_some();
    match &known {
        Some(registration) if registration.installation.is_some() => {
            // What the service does is not documented; whoever has installations changes those.
            return Err(Refused::bad("The registration is one of an installation, and changes with that only."));
        }
        Some(registration) => matches(call, registration.version)?,
        None if conditional => return Err(missing()),
        None if world.telephony.hubs.get(&call.hub).is_some_and(|hub| hub.is_gone(id)) => {
            return Err(Refused::new(410, "The registration id cannot be used any more. Use a different one"));
        }
        None => {}
    }
    if id.is_empty() || id.len() > 256 || !id.chars().all(super::tags::of_user) {
        return Err(Refused::bad("A registration id has letters, digits and -_@#.:= only, at most 256."));
    }
    let version = known.as_ref().map_or(1, |r| r.version + 1);
    let registration = store(world, call, id.to_owned(), version, description)?;
    Ok((shown(200, call, &registration), if known.is_some() { Effect::Update } else { Effect::Create }))
}

/// `If-Match`: `*`, `"1"`, `W/"1"`.
fn matches(call: &Call<'_>, version: u64) -> Result<(), Refused> {
    let Some(wanted) = call.request.header("if-match").map(str::trim) else { return Ok(()) };
    let bare = wanted.strip_prefix("W/").unwrap_or(wanted).trim_matches('"');
    if bare == "*" || bare.parse() == Ok(version) {
        return Ok(());
    }
    Err(Refused::new(412, "The registration has another ETag than the one specified"))
}

fn store(
    world: &mut World,
    call: &Call<'_>,
    id: String,
    version: u64,
    description: Description,
) -> Result<Registration, Refused> {
    if let Some(hub) = world.telephony.hubs.get_mut(&call.hub) {
        hub.expire(call.now);
    }
    quota::room(world, &call.hub, &[&description.channel])?;
    let Description { channel, tags, variables, tile, template } = description;
    let expires = expiry(world, &call.hub);
    let user = user(&tags);
    world.telephony.meet(&call.hub, &user, &channel);
    let registration =
        Registration { id, version, expires, channel, tags, variables, tile, template, installation: None };
    world.telephony.hub(&call.hub).put(registration.clone());
    Ok(registration)
}

/// Whose phone it is, as far as the tags say.
fn user(tags: &[String]) -> String {
    let of = |tag: &String| tag.strip_prefix("$UserId:{")?.strip_suffix('}').map(str::to_owned);
    tags.iter().find_map(of).unwrap_or_default()
}

/// For lists: whether the registration has that channel, as filters spell it.
pub(super) fn has_channel(channel: &Channel, member: &str, value: &str) -> bool {
    // Clients encode URLs once more than the query needs (the JavaScript one), or do not (.NET).
    let decoded = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
    let is = |text: &str| text == value || text == decoded;
    let keys = channel.keys.as_ref();
    match member.to_ascii_lowercase().as_str() {
        // .NET asks so for every platform (recorded).
        "channeluri" => channel.has_handle(value) || channel.has_handle(&decoded),
        "p256dh" => keys.is_some_and(|k| is(&k.p256dh)),
        "auth" => keys.is_some_and(|k| is(&k.auth)),
        "baiduuserid" => channel.handle.split_once('-').is_some_and(|(user, _)| is(user)),
        "baiduchannelid" => channel.handle.split_once('-').is_some_and(|(_, id)| is(id)),
        _ => {
            description::is_handle_member(channel.platform, member)
                && (channel.has_handle(value) || channel.has_handle(&decoded))
        }
    }
}
