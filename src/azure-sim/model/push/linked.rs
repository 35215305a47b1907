//! Communication Services' own pushes: through the linked hub with the linked key, or silently not at all.

use super::super::json;
use super::super::path;
use super::super::resource::{Hidden, Link};
use super::super::world::World;
use super::{Phone, Platform, Silence};

/// Where a push of a service goes.
pub(super) struct Route {
    /// Id of the service.
    pub(super) service: String,
    pub(super) hub: String,
    pub(super) rule: String,
    pub(super) phones: Vec<Phone>,
}

fn find_service(world: &World, service: &str) -> Option<String> {
    let lower = service.to_ascii_lowercase();
    if lower.starts_with('/') {
        return world.resources.contains_key(&lower).then_some(lower);
    }
    let suffix = format!("/providers/microsoft.communication/communicationservices/{lower}");
    world.resources.keys().find(|k| k.ends_with(&suffix)).cloned()
}

pub(super) fn route(world: &mut World, service: &str, user: &str) -> Result<Route, Silence> {
    let key = find_service(world, service).ok_or(Silence::NoService)?;
    let now = world.now();
    let Some(Hidden::Service { links, .. }) = world.resources.get(&key).map(|r| &r.hidden) else {
        return Err(Silence::NoService);
    };
    if links.is_empty() {
        return Err(Silence::NotLinked);
    }
    // Until a new link has propagated, pushes go by the one before it.
    let link = links.iter().rev().find(|l| l.effective <= now).cloned().ok_or(Silence::StillPropagating)?;
    let hub = link.hub.to_ascii_lowercase();
    let rule = check_key(world, &hub, &link)?;
    let platforms = platforms(world, &hub)?;
    let service = world.resources.get(&key).map(|r| r.id().to_owned()).unwrap_or_default();
    let everyones = |world: &World| -> Vec<Phone> {
        world.telephony.phones.values().filter(|p| p.hub == hub && p.user == user).cloned().collect()
    };
    if everyones(world).is_empty()
        && let Some(platform) = platforms.first()
    {
        world.register_phone(&hub, user, *platform);
    }
    let reached: Vec<Phone> = everyones(world).into_iter().filter(|p| platforms.contains(&p.platform)).collect();
    if reached.is_empty() { Err(Silence::NoPhone) } else { Ok(Route { service, hub, rule, phones: reached }) }
}

/// A connection string by its parts. Values may hold `=`, so only the first one separates.
fn part<'a>(connection_string: &'a str, name: &str) -> Option<&'a str> {
    connection_string
        .split(';')
        .filter_map(|p| p.split_once('='))
        .find(|(n, _)| n.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// The name of the policy, when its key is good for a push.
fn check_key(world: &World, hub: &str, link: &Link) -> Result<String, Silence> {
    if !world.resources.contains_key(hub) {
        return Err(Silence::HubDeleted);
    }
    let host = format!("sb://{}.servicebus.windows.net", path::leaf(path::parent(hub)));
    let endpoint = part(&link.connection_string, "Endpoint").unwrap_or_default().to_ascii_lowercase();
    if endpoint.trim_end_matches('/') != host {
        return Err(Silence::BadConnectionString);
    }
    let rule = part(&link.connection_string, "SharedAccessKeyName").ok_or(Silence::BadConnectionString)?;
    let key = part(&link.connection_string, "SharedAccessKey").ok_or(Silence::BadConnectionString)?;
    // Rules of the namespace cannot send.
    let rule = world
        .resources
        .get(&format!("{hub}/authorizationrules/{}", rule.to_ascii_lowercase()))
        .ok_or(Silence::KeyStale)?;
    if !rule.keys().is_some_and(|k| k.primary == key || k.secondary == key) {
        return Err(Silence::KeyStale);
    }
    let rights = json::at(&rule.body, &["properties", "rights"]).and_then(|r| r.as_array());
    if rights.is_some_and(|r| r.iter().any(|right| right == "Send")) {
        Ok(path::leaf(rule.id()).to_owned())
    } else {
        Err(Silence::NoSendRight)
    }
}

/// The platforms a hub can push to for Communication Services: APNS by token, and FCM v1.
fn platforms(world: &World, hub: &str) -> Result<Vec<Platform>, Silence> {
    let credentials = world.credentials(hub).ok_or(Silence::NoCredentials)?;
    let apns = json::at(credentials, &["apnsCredential", "properties"]);
    let by_token = apns.is_some_and(|a| json::text(a, &["token"]).is_some_and(|t| !t.is_empty()));
    let mut platforms = Vec::new();
    if by_token {
        platforms.push(Platform::Apple);
    }
    if json::at(credentials, &["fcmV1Credential"]).is_some() {
        platforms.push(Platform::FcmV1);
    }
    match (platforms.is_empty(), apns.is_some()) {
        (false, _) => Ok(platforms),
        (true, true) => Err(Silence::ApnsCertificate),
        (true, false) => Err(Silence::NoCredentials),
    }
}
