//! Doors to the phones: registering them, ringing them, and looking at what they got.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::json;
use super::super::push::{DEVICES, Phone, Push, Ring, check_handle};
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
            let mut tags: Vec<&String> =
                telephony.installations.values().filter(|i| i.handle == phone.handle).flat_map(|i| &i.tags).collect();
            tags.sort_unstable();
            tags.dedup();
            json!({
                "hub": phone.hub, "user": phone.user, "platform": phone.platform, "handle": phone.handle,
                "tags": tags, "received": received,
            })
        })
        .collect();
    let silences: serde_json::Map<String, Value> =
        world.silences().iter().map(|(why, count)| (format!("{why:?}"), json!(count))).collect();
    json!({"phones": phones, "rings": world.rings(), "silences": silences})
}

pub(super) fn register(world: &mut World, body: &Value) -> Opened {
    let (hub, user, platform) = (field(body, "hub")?, field(body, "user")?, field(body, "platform")?);
    if !matches!(platform, "apple" | "fcmv1") {
        return Err(bad("'platform' must be apple or fcmv1"));
    }
    if world.telephony.phones.len() >= DEVICES {
        return Err(bad(format!("there are {DEVICES} phones already")));
    }
    let tags = match json::at(body, &["tags"]) {
        None => Vec::new(),
        Some(tags) => serde_json::from_value::<Vec<String>>(tags.clone()).map_err(|_| bad("'tags' must be texts"))?,
    };
    let handle = match json::text(body, &["handle"]) {
        Some(handle) => {
            check_handle(platform, handle).map_err(bad)?;
            handle.to_owned()
        }
        None => world.register_phone(hub, user, platform),
    };
    let given = json::at(body, &["handle"]).is_some() || json::at(body, &["tags"]).is_some();
    if given {
        let phone = Phone {
            hub: hub.to_ascii_lowercase(),
            user: user.into(),
            platform: platform.into(),
            handle: handle.clone(),
        };
        world.register_device(phone, &tags);
    }
    Ok(json!({"handle": handle}))
}

/// The app is uninstalled. Its hub is not told: pushes to the handle vanish.
pub(super) fn break_one(world: &mut World, body: &Value) -> Opened {
    let handle = field(body, "handle")?;
    let before = world.telephony.phones.len();
    world.telephony.phones.retain(|_, p| p.handle != handle);
    if world.telephony.phones.len() == before { Err((404, "no phone has that handle".into())) } else { Ok(json!({})) }
}

pub(super) fn ring(world: &mut World, body: &Value, push: Push) -> Opened {
    let (service, user) = (field(body, "service")?, field(body, "to")?);
    Ok(match world.push(service, user, push) {
        Ok(rings) => json!({"rang": true, "rings": rings}),
        Err(silence) => json!({"rang": false, "reason": format!("{silence:?}"), "message": silence.to_string()}),
    })
}
