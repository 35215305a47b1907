//! Doors to the phones: registering them, ringing them, and looking at what they got.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::hubs_data::check_tags;
use super::super::json;
use super::super::push::{DEVICES, Phone, Platform, Push, Ring, check_handle};
use super::super::world::World;
use super::{Opened, bad, field};

/// Every phone with what it received, newest last; all rings; and what never arrived, by reason.
pub(super) fn shown(world: &World) -> Value {
    let telephony = &world.telephony;
    let mut received: BTreeMap<&str, Vec<&Ring>> = BTreeMap::new();
    for ring in telephony.rings.iter() {
        received.entry(&ring.phone.handle).or_default().push(ring);
    }
    let phones: Vec<Value> = telephony
        .phones
        .values()
        .map(|phone| {
            let received = received.get(phone.handle.as_str()).cloned().unwrap_or_default();
            let mut tags: Vec<&str> = telephony.hubs.values().flat_map(|hub| hub.tags(&phone.handle)).collect();
            tags.sort_unstable();
            tags.dedup();
            let mut shown = json!({
                "hub": phone.hub, "user": phone.user, "platform": phone.platform, "handle": phone.handle,
                "tags": tags, "received": received,
            });
            if let Some(app) = &phone.app {
                json::put(&mut shown, &["app"], app.clone());
            }
            shown
        })
        .collect();
    let silences: serde_json::Map<String, Value> =
        world.silences().iter().map(|(why, count)| (format!("{why:?}"), json!(count))).collect();
    json!({"phones": phones, "rings": world.rings(), "silences": silences})
}

pub(super) fn register(world: &mut World, body: &Value) -> Opened {
    let (hub, user, word) = (field(body, "hub")?, field(body, "user")?, field(body, "platform")?);
    let words = || Platform::ALL.map(Platform::word).join(", ");
    let platform = Platform::of_format(word).ok_or_else(|| bad(format!("'platform' must be one of {}", words())))?;
    if world.telephony.phones.len() >= DEVICES {
        return Err(bad(format!("there are {DEVICES} phones already")));
    }
    let tags = match json::at(body, &["tags"]) {
        None => Vec::new(),
        Some(tags) => serde_json::from_value::<Vec<String>>(tags.clone()).map_err(|_| bad("'tags' must be texts"))?,
    };
    check_tags(&tags).map_err(bad)?;
    let app = json::text(body, &["app"]).map(str::to_owned);
    let given = ["handle", "tags", "app"].iter().any(|name| json::at(body, &[name]).is_some());
    let handle = match json::text(body, &["handle"]) {
        Some(handle) => {
            check_handle(platform, handle).map_err(bad)?;
            handle.to_owned()
        }
        None => world.register_phone(hub, user, platform),
    };
    if given {
        let known = world.telephony.phones.values().find(|p| p.handle == handle).and_then(|p| p.keys.clone());
        let keys = known.or_else(|| world.telephony.keys(platform));
        world.register_device(Phone { app, keys, ..Phone::new(hub, user, platform, &handle) }, &tags);
    }
    Ok(json!({"handle": handle}))
}

/// The app is uninstalled. Its hub is not told: pushes to the handle vanish.
pub(super) fn break_one(world: &mut World, body: &Value) -> Opened {
    let handle = field(body, "handle")?;
    if world.telephony.uninstall(handle) { Ok(json!({})) } else { Err((404, "no phone has that handle".into())) }
}

pub(super) fn ring(world: &mut World, body: &Value, push: Push) -> Opened {
    let (service, user) = (field(body, "service")?, field(body, "to")?);
    Ok(match world.push(service, user, push) {
        Ok(rings) => json!({"rang": true, "rings": rings}),
        Err(silence) => json!({"rang": false, "reason": format!("{silence:?}"), "message": silence.to_string()}),
    })
}
