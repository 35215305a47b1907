//! Communication Services' own pushes: through the linked hub with the linked key, or silently not at all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::json;
use super::path;
use super::resource::{Hidden, Link};
use super::world::World;

/// What is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Push {
    /// An incoming call.
    Call,
    /// A chat message.
    Message,
}

/// A device that registered itself at a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    /// Resource id of the hub, lower case.
    pub hub: String,
    /// Whose it is.
    pub user: String,
    /// `apple` or `fcmv1`.
    pub platform: String,
}

/// A push that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ring {
    /// Milliseconds since 1970.
    pub time: u64,
    /// Which service pushed.
    pub service: String,
    /// Where it rang.
    pub phone: Phone,
    /// Call or message.
    pub push: Push,
}

/// Why a push did not arrive. Azure says nothing of it; the simulator counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[allow(missing_docs, reason = "each is described by its message")]
pub enum Silence {
    #[error("no such communication service")]
    NoService,
    #[error("the service is not linked to a hub")]
    NotLinked,
    #[error("the first link has not propagated yet")]
    StillPropagating,
    #[error("the linked hub does not exist")]
    HubDeleted,
    #[error("the linked connection string is not one of that hub")]
    BadConnectionString,
    #[error("the linked key is no longer valid for its rule")]
    KeyStale,
    #[error("the linked rule lacks the right Send")]
    NoSendRight,
    #[error("the hub has neither APNS nor FCM v1 credentials")]
    NoCredentials,
    #[error("the hub's APNS credential is a certificate, which Communication Services does not support")]
    ApnsCertificate,
    #[error("the user has no phone on the linked hub")]
    NoPhone,
}

/// Phones, and what reached them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Telephony {
    pub(crate) phones: Vec<Phone>,
    pub(crate) rings: Vec<Ring>,
    pub(crate) silences: BTreeMap<Silence, u64>,
}

/// Rings kept; a long playground must not grow without end.
const RINGS: usize = 10_000;

impl World {
    /// Registers a phone: `platform` is `apple` or `fcmv1`.
    pub fn register_phone(&mut self, hub: &str, user: &str, platform: &str) {
        let phone = Phone { hub: hub.to_ascii_lowercase(), user: user.into(), platform: platform.into() };
        if !self.telephony.phones.contains(&phone) {
            self.telephony.phones.push(phone);
        }
    }

    /// Everything that rang so far, oldest first.
    pub fn rings(&self) -> &[Ring] {
        &self.telephony.rings
    }

    /// How many pushes were lost, by reason.
    pub fn silences(&self) -> &BTreeMap<Silence, u64> {
        &self.telephony.silences
    }

    /// The service (by id, or by name) calls or writes to a user: the phones that rang. A user without a phone gets
    /// one on the linked hub, of a platform the hub has credentials for.
    ///
    /// # Errors
    /// Why nothing rang. Azure itself would say nothing.
    pub fn push(&mut self, service: &str, user: &str, push: Push) -> Result<Vec<Ring>, Silence> {
        let result = route(self, service, user);
        match result {
            Ok((service, phones)) => {
                let time = self.now();
                let rings: Vec<Ring> =
                    phones.into_iter().map(|phone| Ring { time, service: service.clone(), phone, push }).collect();
                self.telephony.rings.extend(rings.iter().cloned());
                let excess = self.telephony.rings.len().saturating_sub(RINGS);
                self.telephony.rings.drain(..excess);
                Ok(rings)
            }
            Err(silence) => {
                *self.telephony.silences.entry(silence).or_default() += 1;
                Err(silence)
            }
        }
    }
}

fn find_service(world: &World, service: &str) -> Option<String> {
    let lower = service.to_ascii_lowercase();
    if lower.starts_with('/') {
        return world.resources.contains_key(&lower).then_some(lower);
    }
    let suffix = format!("/providers/microsoft.communication/communicationservices/{lower}");
    world.resources.keys().find(|k| k.ends_with(&suffix)).cloned()
}

fn route(world: &mut World, service: &str, user: &str) -> Result<(String, Vec<Phone>), Silence> {
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
    check_key(world, &hub, &link)?;
    let platforms = platforms(world, &hub)?;
    let id = world.resources.get(&key).map(|r| r.id().to_owned()).unwrap_or_default();
    let everyones = |world: &World| -> Vec<Phone> {
        world.telephony.phones.iter().filter(|p| p.hub == hub && p.user == user).cloned().collect()
    };
    if everyones(world).is_empty()
        && let Some(platform) = platforms.first()
    {
        world.register_phone(&hub, user, platform);
    }
    let reached: Vec<Phone> =
        everyones(world).into_iter().filter(|p| platforms.contains(&p.platform.as_str())).collect();
    if reached.is_empty() { Err(Silence::NoPhone) } else { Ok((id, reached)) }
}

/// A connection string by its parts. Values may hold `=`, so only the first one separates.
fn part<'a>(connection_string: &'a str, name: &str) -> Option<&'a str> {
    connection_string
        .split(';')
        .filter_map(|p| p.split_once('='))
        .find(|(n, _)| n.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn check_key(world: &World, hub: &str, link: &Link) -> Result<(), Silence> {
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
    if rights.is_some_and(|r| r.iter().any(|right| right == "Send")) { Ok(()) } else { Err(Silence::NoSendRight) }
}

/// The platforms a hub can push to for Communication Services: APNS by token, and FCM v1.
fn platforms(world: &World, hub: &str) -> Result<Vec<&'static str>, Silence> {
    let credentials = world.credentials(hub).ok_or(Silence::NoCredentials)?;
    let apns = json::at(credentials, &["apnsCredential", "properties"]);
    let by_token = apns.is_some_and(|a| json::text(a, &["token"]).is_some_and(|t| !t.is_empty()));
    let mut platforms = Vec::new();
    if by_token {
        platforms.push("apple");
    }
    if json::at(credentials, &["fcmV1Credential"]).is_some() {
        platforms.push("fcmv1");
    }
    match (platforms.is_empty(), apns.is_some()) {
        (false, _) => Ok(platforms),
        (true, true) => Err(Silence::ApnsCertificate),
        (true, false) => Err(Silence::NoCredentials),
    }
}
