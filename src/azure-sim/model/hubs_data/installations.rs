//! Installations: what an app registers, so that tags reach it. Consistent at once here; in Azure, eventually.

use serde_json::{Value, json};

use super::super::journal::Effect;
use super::super::message::Response;
use super::super::push::Phone;
use super::super::world::World;
use super::answer::{Refused, XML};
use super::installation::{Installation, Parts};
use super::{Answer, Call, Right, patch, quota, registrations};

pub(super) fn answer(world: &mut World, call: &Call<'_>, id: &str) -> Answer {
    call.require(world, Right::Listen)?;
    match call.request.method.as_str() {
        "PUT" => put(world, call, id),
        "PATCH" => change(world, call, id),
        "DELETE" => {
            let stored = world.telephony.hubs.get_mut(&call.hub);
            let gone = stored.is_some_and(|hub| hub.remove_installation(id));
            let response = Response::empty(204).with("content-type", XML);
            Ok((response, if gone { Effect::Delete } else { Effect::None }))
        }
        _ => {
            let installation = known(world, call, id).ok_or_else(missing)?;
            let mut response = Response::json(200, &installation.shown(id));
            // JSON under the name of XML (recorded in 2018 and 2020; documented as application/json).
            response.headers = vec![("content-type".into(), XML.into())];
            Ok((response, Effect::Read))
        }
    }
}

fn known<'a>(world: &'a World, call: &Call<'_>, id: &str) -> Option<&'a Installation> {
    world.telephony.hubs.get(&call.hub)?.installation(id, call.now)
}

fn missing() -> Refused {
    Refused::new(404, "Installation not found")
}

fn put(world: &mut World, call: &Call<'_>, id: &str) -> Answer {
    let body: Value = serde_json::from_slice(&call.request.body).map_err(|_| Refused::bad("The body is not JSON."))?;
    let named = body.get("installationId").and_then(Value::as_str);
    if named.is_some_and(|named| named != id) {
        return Err(Refused::bad("The installation id in the body is not that of the path."));
    }
    let created = known(world, call, id).is_none();
    store(world, call, id, body)?;
    Ok((accepted(call, id), if created { Effect::Create } else { Effect::Update }))
}

fn change(world: &mut World, call: &Call<'_>, id: &str) -> Answer {
    let mut source = known(world, call, id).ok_or_else(missing)?.source.clone();
    patch::apply(&mut source, &call.request.body).map_err(Refused::bad)?;
    store(world, call, id, source)?;
    Ok((accepted(call, id), Effect::Update))
}

fn accepted(call: &Call<'_>, id: &str) -> Response {
    let location = format!("https://{}/{}/installations/{id}", call.host, call.hub_name());
    Response::empty(200).with("content-type", XML).with("content-location", location)
}

fn store(world: &mut World, call: &Call<'_>, id: &str, source: Value) -> Result<(), Refused> {
    if id.is_empty() || id.len() > 256 || !id.chars().all(super::tags::of_user) {
        return Err(Refused::bad("An installation id has letters, digits and -_@#.:= only, at most 256."));
    }
    if let Some(hub) = world.telephony.hubs.get_mut(&call.hub) {
        hub.expire(call.now);
    }
    let expires = registrations::expiry(world, &call.hub);
    let (installation, parts) = Installation::new(source, expires).map_err(Refused::bad)?;
    write(world, &call.hub, id, installation, &parts)
}

fn write(world: &mut World, hub: &str, id: &str, installation: Installation, parts: &Parts) -> Result<(), Refused> {
    let telephony = &mut world.telephony;
    let made = parts.registrations(id, installation.expires, || telephony.registration_id());
    let channels: Vec<_> = made.iter().map(|r| &r.channel).collect();
    quota::room(world, hub, &channels)?;
    let telephony = &mut world.telephony;
    telephony.meet(hub, parts.user(), parts.channel());
    for registration in &made {
        telephony.meet(hub, parts.user(), &registration.channel);
    }
    let stored = telephony.hub(hub);
    stored.remove_installation(id);
    stored.installations.insert(id.to_owned(), installation);
    made.into_iter().for_each(|registration| stored.put(registration));
    Ok(())
}

/// Installs the app of a phone at its hub, as the phone itself would, in place of whatever had its handle.
pub(crate) fn install(world: &mut World, phone: &Phone, tags: &[String], number: u64) {
    let channel = match &phone.keys {
        Some(keys) => json!({"endpoint": phone.handle, "p256dh": keys.p256dh, "auth": keys.auth}),
        None => json!(phone.handle),
    };
    let user = if phone.user.chars().all(super::tags::of_user) { json!(phone.user) } else { Value::Null };
    let source = json!({
        "platform": phone.platform.installation(), "pushChannel": channel, "tags": tags, "userId": user,
    });
    let expires = registrations::expiry(world, &phone.hub);
    let hub = world.telephony.hub(&phone.hub);
    let same: Vec<String> = hub
        .registrations(0)
        .filter(|r| r.channel.platform == phone.platform && r.channel.has_handle(&phone.handle))
        .filter_map(|r| r.installation.clone())
        .collect();
    for id in same {
        hub.remove_installation(&id);
    }
    let Ok((installation, parts)) = Installation::new(source, expires) else { return };
    let telephony = &mut world.telephony;
    let made = parts.registrations(&format!("phone-{number}"), expires, || telephony.registration_id());
    if !telephony.room_for(made.len()) {
        return;
    }
    let hub = telephony.hub(&phone.hub);
    hub.installations.insert(format!("phone-{number}"), installation);
    made.into_iter().for_each(|registration| hub.put(registration));
}
