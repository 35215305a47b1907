//! The platforms' services as the hub meets them: a push is taken or refused, and rings where the phone is.

use super::super::json;
use super::super::world::World;
use super::channel::same_handle;
use super::{Channel, Message, Outcome, Phone, Ring, Silence, Telephony, Way};

impl Telephony {
    /// The phone that answers to that handle of the platform.
    fn phone(&self, channel: &Channel) -> Result<&Phone, Silence> {
        let is_it = |p: &&Phone| p.platform == channel.platform && channel.has_handle(&p.handle);
        self.phones.values().find(is_it).ok_or_else(|| {
            let gone = self.uninstalled.iter().any(|handle| same_handle(channel.platform, handle, &channel.handle));
            if gone { Silence::Uninstalled } else { Silence::DeadHandle }
        })
    }
}

impl World {
    /// Hands a message to the platform, which hands it to the phone with that channel; or it is lost, and counted.
    pub(crate) fn hand_over(&mut self, way: &Way<'_>, channel: &Channel, message: &Message) -> Outcome {
        let payload = message.payload();
        let taken = message.check(&payload).and_then(|()| self.taken(way.hub, channel));
        let phone = match taken {
            Ok(phone) => phone,
            Err(silence) => {
                self.telephony.silent(silence);
                return Outcome::of(silence, channel.platform);
            }
        };
        let (title, body) = message.shown(&payload);
        self.record(Ring {
            time: self.now(),
            service: String::new(),
            hub: way.hub.to_owned(),
            rule: way.rule.to_owned(),
            phone,
            push: way.push,
            title,
            body,
            payload,
            headers: message.headers.clone(),
        });
        Outcome::Success
    }

    /// Credential, handle, app and keys; in this order, as each needs the one before.
    pub(super) fn taken(&self, hub: &str, channel: &Channel) -> Result<Phone, Silence> {
        let credential =
            self.credentials(hub).and_then(|c| json::at(c, &[channel.platform.credential(), "properties"]));
        let credential = credential.ok_or(Silence::NoCredentials)?;
        let phone = self.telephony.phone(channel)?;
        let hubs_app = channel.platform.app_member().and_then(|member| json::text(credential, &[member]));
        if let (Some(app), Some(hubs_app)) = (&phone.app, hubs_app)
            && app != hubs_app
        {
            return Err(Silence::WrongApp);
        }
        match (&channel.keys, &phone.keys) {
            (Some(used), Some(own)) if used != own => Err(Silence::Undecryptable),
            _ => Ok(phone.clone()),
        }
    }
}
