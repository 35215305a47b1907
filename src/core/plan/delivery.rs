//! Delivery of an event subscription to a relay: where, with which key, and whether the relay answers there.

use crate::azure::event_grid::Target;
use crate::kinds::{EventRelay, Kind, Object};
use crate::names::delivery_secret;
use crate::pass::{Halt, Pass, Stepped};
use crate::reason::{ConditionType, Reason};
use crate::relay::config::delivery_url;

use super::place::{azure_name, missing};
use super::relay::parse_keys;

/// Delivery to a relay.
pub struct Delivery<'w> {
    relay: &'w EventRelay,
    name: &'w str,
    /// Fingerprint of the key that Event Grid is to send.
    pub key: String,
}

/// Where a relay takes events, by what it says of itself.
///
/// # Errors
/// Waits until it is there and has said so.
pub fn target<'w>(pass: &Pass<'w>, name: &str) -> Stepped<(Target, Delivery<'w>)> {
    let Some(Object::EventRelay(relay)) = pass.object(Kind::EventRelay, name)? else {
        return Err(missing(pass, Kind::EventRelay, name));
    };
    let status = relay.status.as_ref();
    let url = status.and_then(|status| status.url.as_deref());
    let keys = status.and_then(|status| status.delivery_key.as_ref());
    let (Some(url), Some(keys)) = (url, keys) else { return Err(waits(relay)) };
    let wanted = keys.next.as_ref().unwrap_or(&keys.current);
    let secret = pass.secret(&delivery_secret(name))?;
    let found = secret.and_then(|secret| parse_keys(&secret.content));
    let Some(key) = found.as_ref().and_then(|keys| keys.by_fingerprint(wanted)) else {
        let message = format!("EventRelay {name} is changing its delivery key.");
        return Err(Halt::Wait(Reason::DependencyNotReady, message, None));
    };
    let own = azure_name(pass);
    let target = Target::relay(delivery_url(url, own), key.to_owned());
    Ok((target, Delivery { relay, name: own, key: wanted.clone() }))
}

impl Delivery<'_> {
    /// True to the relay's word: each of its pods lets the event subscription in, and its public URL granted the handshake.
    ///
    /// # Errors
    /// Waits until it is so; the message says why it is not.
    pub fn answers(&self) -> Stepped<()> {
        let status = self.relay.status.as_ref();
        let served = status.map(|status| status.subscriptions.as_slice()).unwrap_or_default();
        let going = self.relay.metadata.deletion_timestamp.is_some();
        if !going && served.iter().any(|name| name.eq_ignore_ascii_case(self.name)) {
            return Ok(());
        }
        Err(waits(self.relay))
    }
}

/// Waits for a relay, in the words of its own conditions.
fn waits(relay: &EventRelay) -> Halt {
    let name = relay.metadata.name.as_deref().unwrap_or_default();
    if relay.metadata.deletion_timestamp.is_some() {
        let message = format!("EventRelay {name} is being deleted.");
        return Halt::Wait(Reason::DependencyNotReady, message, None);
    }
    let conditions = relay.status.as_ref().map(|status| status.common.conditions.as_slice()).unwrap_or_default();
    let why = [ConditionType::Deployed, ConditionType::Reachable].into_iter().find_map(|type_| {
        let condition = conditions.iter().find(|condition| condition.type_ == type_.name())?;
        (condition.status != "True").then(|| format!("{type_} is {} ({})", condition.status, condition.reason))
    });
    let message = match why {
        Some(why) => format!("EventRelay {name} does not answer for this event subscription yet: {why}."),
        None => format!("EventRelay {name} does not answer for this event subscription yet."),
    };
    Halt::Wait(Reason::DependencyNotReady, message, None)
}
