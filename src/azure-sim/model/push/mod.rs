//! Phones, and what reaches them: through the linked hub on behalf of Communication Services, or from an app through the
//! data plane of Notification Hubs. What does not arrive is silent in Azure, and counted here.

mod channel;
mod linked;
mod message;
mod outcome;
mod platform;
mod service;
mod state;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::hubs_data::Hub;
use super::kept::{Log, Single, Table};
use super::random::Random;
use super::world::World;

pub(crate) use channel::{Channel, Keys, check_handle, texts};
pub(crate) use message::Message;
pub(crate) use outcome::Outcome;
pub use platform::Platform;
pub(crate) use state::Read;

/// What is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Push {
    /// An incoming call.
    Call,
    /// A chat message.
    Message,
    /// By an app, to device handles.
    Direct,
    /// By an app, to the registrations that a tag expression chose.
    Tagged,
    /// By an app, to every registration of the hub.
    Broadcast,
}

/// A device, and the handle its platform gave the app on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    /// Resource id of the hub it registered itself at, lower case.
    pub hub: String,
    /// Whose it is.
    pub user: String,
    /// Which service pushes to it.
    pub platform: Platform,
    /// Made up when the phone was registered without one.
    pub handle: String,
    /// Which app it is, as the hub's credential names it: a bundle id, a project. Absent: the hub's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Of a browser: what messages must be encrypted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keys: Option<Keys>,
}

impl Phone {
    pub(crate) fn new(hub: &str, user: &str, platform: Platform, handle: &str) -> Self {
        let (hub, handle) = (hub.to_ascii_lowercase(), handle.to_owned());
        Self { hub, user: user.to_owned(), platform, handle, app: None, keys: None }
    }

    /// What a push to it goes to.
    fn channel(&self) -> Channel {
        Channel { platform: self.platform, handle: self.handle.clone(), keys: self.keys.clone() }
    }
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
    #[error("the hub has no credential for the platform")]
    NoCredentials,
    #[error("the hub's APNS credential is a certificate, which Communication Services does not support")]
    ApnsCertificate,
    #[error("the user has no phone on the linked hub")]
    NoPhone,
    #[error("no phone ever had the device handle")]
    DeadHandle,
    #[error("the app with the device handle was uninstalled")]
    Uninstalled,
    #[error("the device handle is that of another app than the hub's credential names")]
    WrongApp,
    #[error("the browser cannot read a message that was encrypted for other keys than its own")]
    Undecryptable,
    #[error("no registration of the platform has the tags")]
    NoTarget,
    #[error("the payload is larger than the platform takes")]
    PayloadTooLarge,
    #[error("the platform refuses the payload: data of FCM v1 and ADM is flat and of texts, XML of WNS is of its type")]
    RefusedByPlatform,
    #[error("the platform was switched off: the legacy FCM in July 2024, MPNS with Windows Phone")]
    PlatformRetired,
}

/// Phones, what reached them, and what did not.
#[derive(Clone, Debug)]
pub(crate) struct Telephony {
    /// By age.
    pub(crate) phones: Table<u64, Phone>,
    /// Handles of apps that were uninstalled, oldest first.
    pub(crate) uninstalled: Single<VecDeque<String>>,
    /// What apps registered and sent, by lower-cased id of the hub.
    pub(crate) hubs: Table<String, Hub>,
    /// In the place of a hub that is not in the table it was just put into: never.
    nowhere: Hub,
    pub(crate) rings: Log<Ring>,
    pub(crate) silences: Single<BTreeMap<Silence, u64>>,
    /// Of its own: device handles must not shift the keys that a seed gives.
    pub(crate) random: Random,
}

/// Rings kept; a long playground must not grow without end.
const RINGS: usize = 10_000;
/// Phones, and registrations, at most.
pub(crate) const DEVICES: usize = 10_000;

impl Telephony {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            phones: Table::default(),
            uninstalled: Single::default(),
            hubs: Table::default(),
            nowhere: Hub::default(),
            rings: Log::default(),
            silences: Single::default(),
            random: Random::new(seed ^ 0x0050_686f_6e65_7321),
        }
    }

    pub(crate) fn silent(&mut self, silence: Silence) {
        *self.silences.entry(silence).or_default() += 1;
    }

    /// What apps registered at a hub, for writing; made when it is first asked for.
    pub(crate) fn hub(&mut self, hub: &str) -> &mut Hub {
        self.hubs.get_or_insert_with(hub.to_owned(), Hub::default).unwrap_or(&mut self.nowhere)
    }

    fn add(&mut self, phone: Phone) {
        let next = self.phones.last_key_value().map_or(1, |(age, _)| age + 1);
        self.phones.insert(next, phone);
        while self.phones.len() > DEVICES {
            self.phones.pop_first();
        }
    }

    /// A phone that is not known comes to be: whoever registers is an app on a device.
    pub(crate) fn meet(&mut self, hub: &str, user: &str, channel: &Channel) {
        let known = self.phones.values().any(|p| p.platform == channel.platform && channel.has_handle(&p.handle));
        if known || self.phones.len() >= DEVICES {
            return;
        }
        let keys = channel.keys.clone();
        self.add(Phone { keys, ..Phone::new(hub, user, channel.platform, &channel.handle) });
    }

    /// The app goes: its handle is remembered as one that was. Whether there was such a phone.
    pub(crate) fn uninstall(&mut self, handle: &str) -> bool {
        let before = self.phones.len();
        self.phones.retain(|_, p| p.handle != handle);
        let gone = self.phones.len() < before;
        if gone {
            if self.uninstalled.len() >= DEVICES {
                self.uninstalled.pop_front();
            }
            self.uninstalled.push_back(handle.to_owned());
        }
        gone
    }

    /// A handle as the platform would give one.
    pub(crate) fn handle(&mut self, platform: Platform) -> String {
        let random = &mut self.random;
        match platform {
            Platform::Apple => random.hex(64),
            Platform::Windows => {
                format!("https://wns2-par02p.notify.windows.com/?token={}", random.base64_url(120))
            }
            Platform::WindowsPhone => format!("https://s.notify.live.net/u/1/par/{}", random.base64_url(80)),
            Platform::Browser => {
                format!("https://updates.push.services.mozilla.com/wpush/v2/{}", random.base64_url(180))
            }
            Platform::Adm => format!("amzn1.adm-registration.v3.{}", random.base64_url(160)),
            Platform::Baidu => format!("{}-{}", random.next() >> 4, random.next() >> 4),
            Platform::Xiaomi => random.base64_url(64),
            Platform::FcmV1 | Platform::Gcm => {
                format!("{}:APA91b{}", random.base64_url(22), random.base64_url(134))
            }
        }
    }

    /// The keys of a browser's subscription; other platforms have none.
    pub(crate) fn keys(&mut self, platform: Platform) -> Option<Keys> {
        (platform == Platform::Browser)
            .then(|| Keys { p256dh: format!("B{}", self.random.base64_url(86)), auth: self.random.base64_url(22) })
    }
}

impl World {
    /// Registers a phone. Returns its handle.
    pub fn register_phone(&mut self, hub: &str, user: &str, platform: Platform) -> String {
        let hub = hub.to_ascii_lowercase();
        let known = |p: &&Phone| p.hub == hub && p.user == user && p.platform == platform;
        if let Some(phone) = self.telephony.phones.values().find(known) {
            return phone.handle.clone();
        }
        let handle = self.telephony.handle(platform);
        let keys = self.telephony.keys(platform);
        self.register_device(Phone { keys, ..Phone::new(&hub, user, platform, &handle) }, &[]);
        handle
    }

    /// Registers a phone by the handle it has, and installs the app at its hub with those tags. A phone that is known
    /// moves there.
    pub fn register_device(&mut self, phone: Phone, tags: &[String]) {
        let number = self.number();
        super::hubs_data::install(self, &phone, tags, number);
        let telephony = &mut self.telephony;
        telephony.uninstalled.retain(|handle| *handle != phone.handle);
        telephony.phones.retain(|_, p| p.handle != phone.handle);
        telephony.add(phone);
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
        let (mut rings, mut lost) = (Vec::new(), None);
        for phone in phones {
            // By Direct Send, as an app's own push goes (documented): the same platform takes it, or does not.
            let phone = match self.taken(&hub, &phone.channel()) {
                Ok(phone) => phone,
                Err(silence) => {
                    self.telephony.silent(silence);
                    lost = Some(silence);
                    continue;
                }
            };
            let ring = Ring {
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
            };
            self.record(ring.clone());
            rings.push(ring);
        }
        match lost.filter(|_| rings.is_empty()) {
            Some(silence) => Err(silence),
            None => Ok(rings),
        }
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
