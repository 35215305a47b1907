//! Phones, and what reaches them: through the linked hub on behalf of Communication Services, or from an app through the
//! data plane of Notification Hubs. What does not arrive is silent in Azure, and counted here.

mod linked;
mod message;
mod state;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kept::{Log, Single, Table};
use super::random::Random;
use super::world::World;

pub(crate) use message::{Message, check_handle};
pub(crate) use state::Read;

/// What is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Push {
    /// An incoming call.
    Call,
    /// A chat message.
    Message,
    /// By an app, to one device handle.
    Direct,
    /// By an app, to the installations that a tag expression chose.
    Tagged,
    /// By an app, to every installation of the hub.
    Broadcast,
}

/// A device, and the handle its platform gave the app on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    /// Resource id of the hub it registered itself at, lower case.
    pub hub: String,
    /// Whose it is.
    pub user: String,
    /// `apple` or `fcmv1`.
    pub platform: String,
    /// Made up when the phone was registered without one.
    pub handle: String,
}

/// A push that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ring {
    /// Milliseconds since 1970.
    pub time: u64,
    /// Which service pushed; empty for an app's own push.
    pub service: String,
    /// Resource id of the hub it went through, lower case.
    pub hub: String,
    /// Name of the access policy whose key was used.
    pub rule: String,
    /// Where it rang.
    pub phone: Phone,
    /// On whose behalf, and how it was addressed.
    pub push: Push,
    /// What the phone shows. What Communication Services itself sends is not published, and absent here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text under the title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The platform's payload.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub payload: Value,
    /// Headers that the platform sees, such as `apns-push-type`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// What an app registered at a hub: where tagged pushes go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Installation {
    pub(crate) platform: String,
    pub(crate) handle: String,
    pub(crate) user: String,
    pub(crate) tags: Vec<String>,
    /// As it reads back.
    pub(crate) body: Value,
}

/// Why a push did not arrive. Azure says nothing of it; the simulator counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error, Deserialize)]
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
    #[error("no phone answers to the device handle")]
    DeadHandle,
    #[error("no installation of the platform has the tags")]
    NoTarget,
    #[error("the payload is larger than the platform takes")]
    PayloadTooLarge,
    #[error("the platform refuses the payload: the data of FCM v1 is flat, and its values are strings")]
    RefusedByPlatform,
    #[error("the platform was switched off: the legacy FCM in July 2024")]
    PlatformRetired,
    #[error("the simulator has no phones of that platform yet")]
    PlatformNotSimulated,
}

/// Phones, what reached them, and what did not.
#[derive(Clone, Debug)]
pub(crate) struct Telephony {
    /// By age.
    pub(crate) phones: Table<u64, Phone>,
    /// By lower-cased id of the hub, and by installation id.
    pub(crate) installations: Table<(String, String), Installation>,
    pub(crate) rings: Log<Ring>,
    pub(crate) silences: Single<BTreeMap<Silence, u64>>,
    /// Of its own: device handles must not shift the keys that a seed gives.
    pub(crate) random: Random,
}

/// Rings kept; a long playground must not grow without end.
const RINGS: usize = 10_000;
/// Phones, and installations, at most.
pub(crate) const DEVICES: usize = 10_000;

impl Telephony {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            phones: Table::default(),
            installations: Table::default(),
            rings: Log::default(),
            silences: Single::default(),
            random: Random::new(seed ^ 0x0050_686f_6e65_7321),
        }
    }

    pub(crate) fn silent(&mut self, silence: Silence) {
        *self.silences.entry(silence).or_default() += 1;
    }

    /// A handle as the platform would give one.
    fn handle(&mut self, platform: &str) -> String {
        match platform {
            "apple" => self.random.hex(64),
            _ => format!("{}:APA91b{}", self.random.base64_url(22), self.random.base64_url(134)),
        }
    }
}

impl World {
    /// Registers a phone: `platform` is `apple` or `fcmv1`. Returns its handle.
    pub fn register_phone(&mut self, hub: &str, user: &str, platform: &str) -> String {
        let hub = hub.to_ascii_lowercase();
        let known = |p: &&Phone| p.hub == hub && p.user == user && p.platform == platform;
        if let Some(phone) = self.telephony.phones.values().find(known) {
            return phone.handle.clone();
        }
        let handle = self.telephony.handle(platform);
        let phone = Phone { hub, user: user.into(), platform: platform.into(), handle: handle.clone() };
        self.register_device(phone, &[]);
        handle
    }

    /// Registers a phone by the handle it has, and installs the app at its hub with those tags. A phone that is known
    /// moves there.
    pub fn register_device(&mut self, phone: Phone, tags: &[String]) {
        let number = self.number();
        let telephony = &mut self.telephony;
        let hub = phone.hub.clone();
        telephony.installations.retain(|(at, _), i| *at != hub || i.handle != phone.handle);
        let id = format!("phone-{number}");
        let (platform, handle, user) = (phone.platform.clone(), phone.handle.clone(), phone.user.clone());
        let body = serde_json::json!({
            "installationId": id, "platform": if platform == "apple" { "apns" } else { "fcmV1" },
            "pushChannel": handle, "tags": tags, "userId": user,
        });
        telephony.installations.insert((hub, id), Installation { platform, handle, user, tags: tags.to_vec(), body });
        telephony.phones.retain(|_, p| p.handle != phone.handle);
        telephony.phones.insert(number, phone);
        while telephony.phones.len() > DEVICES {
            telephony.phones.pop_first();
        }
    }

    /// Everything that rang so far, oldest first.
    pub fn rings(&self) -> &VecDeque<Ring> {
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
        let routed = linked::route(self, service, user);
        let linked::Route { service, hub, rule, phones } = routed.inspect_err(|silence| {
            self.telephony.silent(*silence);
        })?;
        let time = self.now();
        let rings = phones.into_iter().map(|phone| Ring {
            time,
            service: service.clone(),
            hub: hub.clone(),
            rule: rule.clone(),
            phone,
            push,
            title: None,
            body: None,
            payload: Value::Null,
            headers: BTreeMap::new(),
        });
        let rings: Vec<Ring> = rings.collect();
        rings.iter().for_each(|ring| self.record(ring.clone()));
        Ok(rings)
    }

    /// Hands a message to the platform, which hands it to the phone with that handle; or nothing happens, and is counted.
    pub(crate) fn hand_over(&mut self, way: &Way<'_>, handle: &str, message: &Message) {
        let phone =
            self.telephony.phones.values().find(|p| p.handle == handle && p.platform == message.platform).cloned();
        let arrived = message.check().and_then(|()| phone.ok_or(Silence::DeadHandle));
        let phone = match arrived {
            Ok(phone) => phone,
            Err(silence) => return self.telephony.silent(silence),
        };
        let (title, body) = message.shown();
        self.record(Ring {
            time: self.now(),
            service: String::new(),
            hub: way.hub.to_owned(),
            rule: way.rule.to_owned(),
            phone,
            push: way.push,
            title,
            body,
            payload: message.payload.clone(),
            headers: message.headers.clone(),
        });
    }

    fn record(&mut self, ring: Ring) {
        self.telephony.rings.push(ring, RINGS);
    }
}

/// By which hub and policy a push goes.
pub(crate) struct Way<'a> {
    pub(crate) hub: &'a str,
    pub(crate) rule: &'a str,
    pub(crate) push: Push,
}
