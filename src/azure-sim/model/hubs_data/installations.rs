//! Installations: what an app registers, so that tags reach it. Consistent at once here; in Azure, eventually.

use serde_json::{Value, json};

use super::super::journal::Effect;
use super::super::json;
use super::super::message::Response;
use super::super::push::{DEVICES, Installation, Phone, check_handle};
use super::super::world::World;
use super::answer::Refused;
use super::tags::{self, LONGEST};
use super::{Answer, Call, require};

/// Tags of one installation.
const TAGS: usize = 60;

pub(super) fn answer(world: &mut World, call: &Call<'_>, id: &str) -> Answer {
    require(world, call, "Listen")?;
    let at = (call.hub.clone(), id.to_owned());
    match call.request.method.as_str() {
        "PUT" => put(world, call, at),
        "DELETE" => {
            let gone = world.telephony.installations.remove(&at).is_some();
            Ok((Response::empty(204), if gone { Effect::Delete } else { Effect::None }))
        }
        _ => {
            let installation = world.telephony.installations.get(&at);
            let installation = installation.ok_or_else(|| Refused::new(404, "The installation does not exist."))?;
            Ok((Response::json(200, &installation.body), Effect::Read))
        }
    }
}

fn put(world: &mut World, call: &Call<'_>, at: (String, String)) -> Answer {
    let (installation, body_id) = read(&call.request.body)?;
    if body_id.is_some_and(|id| id != at.1) {
        return Err(Refused::new(400, "The installation id in the body is not that of the path."));
    }
    let created = !world.telephony.installations.contains_key(&at);
    if created && world.telephony.installations.len() >= DEVICES {
        return Err(Refused::new(403, "The quota of installations is used up."));
    }
    let known = world.telephony.phones.values().any(|p| p.handle == installation.handle);
    if !known && world.telephony.phones.len() < DEVICES {
        // Whoever registers is an app on a device.
        let Installation { platform, handle, user, .. } = installation.clone();
        let number = world.number();
        world.telephony.phones.insert(number, Phone { hub: at.0.clone(), user, platform, handle });
    }
    let mut installation = installation;
    json::put(&mut installation.body, &["installationId"], at.1.clone());
    world.telephony.installations.insert(at, installation);
    Ok((Response::empty(200), if created { Effect::Create } else { Effect::Update }))
}

fn read(body: &[u8]) -> Result<(Installation, Option<String>), Refused> {
    let bad = |detail: &str| Refused::new(400, detail);
    let body: Value = serde_json::from_slice(body).map_err(|_| bad("The body is not JSON."))?;
    let text = |name: &str| json::text(&body, &[name]).map(str::to_owned);
    // Not the words of the format header.
    let platform = match text("platform").unwrap_or_default().to_ascii_lowercase().as_str() {
        "apns" => "apple",
        "fcmv1" => "fcmv1",
        "wns" | "mpns" | "adm" | "gcm" | "baidu" | "browser" | "xiaomi" => {
            return Err(Refused::new(501, "The simulator has installations of apns and fcmV1 only yet."));
        }
        _ => return Err(bad("The platform of the installation is invalid.")),
    };
    let handle = text("pushChannel").ok_or_else(|| bad("The installation has no pushChannel."))?;
    check_handle(platform, &handle).map_err(|why| bad(&format!("The pushChannel is invalid: {why}.")))?;
    let tags = match json::at(&body, &["tags"]) {
        None => Vec::new(),
        Some(tags) => {
            serde_json::from_value::<Vec<String>>(tags.clone()).map_err(|_| bad("The tags must be texts."))?
        }
    };
    let fits = |tag: &String| !tag.is_empty() && tag.chars().count() <= LONGEST && tag.chars().all(tags::allowed);
    if tags.len() > TAGS || !tags.iter().all(fits) {
        return Err(bad("An installation has at most 60 tags of at most 120 letters, digits and _@#.:- each."));
    }
    let user = text("userId").unwrap_or_default();
    let mut shown =
        json!({"platform": text("platform"), "pushChannel": handle, "pushChannelExpired": false, "tags": tags});
    for name in ["userId", "templates", "pushVariables", "expirationTime"] {
        json::merge(&mut shown, &body, &[name]);
    }
    let id = text("installationId");
    Ok((Installation { platform: platform.to_owned(), handle, user, tags, body: shown }, id))
}
