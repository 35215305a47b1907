//! The key that Event Grid sends with each delivery: made, and replaced without a delivery that a relay would refuse.
//!
//! A replacement goes: the next key into the Secret; every relay has it; status names it, and each event subscription sends it
//! from then on; a while after the last of them, the next key becomes the current one. Secret and status together say how far
//! it is, so that it goes on after a crash at any point.

use acs_wire::relay::delivery_key_fingerprint;
use acs_wire::secret_keys::{DELIVERY_CURRENT, DELIVERY_NEXT};
use secrecy::ExposeSecret;
use serde_json::json;

use super::Running;
use crate::kinds::common::ManagementPolicy;
use crate::kinds::relay::DeliveryKeyStatus;
use crate::kinds::{EventRelay, EventSubscription};
use crate::names::delivery_secret;
use crate::pass::{Halt, Pass, Stepped};
use crate::plan::subscription::is_over;
use crate::reason::{ConditionType, Reason};
use crate::relay::pods::knows;

/// Shortest text that is taken for a key: 32 bytes as base64url are 43 characters.
const KEY_LENGTH: usize = 32;
const WINDOW: &str = "Rotation";

/// Keys in a relay's Secret. No Debug.
pub struct DeliveryKeys {
    current: String,
    next: Option<String>,
}

impl DeliveryKeys {
    fn current_fingerprint(&self) -> String {
        delivery_key_fingerprint(&self.current)
    }

    /// The key of that fingerprint.
    pub fn by_fingerprint(&self, fingerprint: &str) -> Option<&str> {
        let all = [Some(&self.current), self.next.as_ref()];
        all.into_iter().flatten().find(|key| delivery_key_fingerprint(key) == fingerprint).map(String::as_str)
    }
}

/// Reads the keys out of a relay's Secret.
pub fn parse(content: &std::collections::BTreeMap<String, String>) -> Option<DeliveryKeys> {
    let key = |name: &str| content.get(name).map(|key| key.trim()).filter(|key| key.len() >= KEY_LENGTH);
    Some(DeliveryKeys { current: key(DELIVERY_CURRENT)?.to_owned(), next: key(DELIVERY_NEXT).map(str::to_owned) })
}

/// The relay's keys; the first is made here.
///
/// # Errors
/// Halts until the Secret is there; faults when one of that name is not ours.
pub fn secret(pass: &Pass<'_>) -> Stepped<DeliveryKeys> {
    let name = delivery_secret(pass.world.name());
    if let Some(view) = pass.secret(&name)?
        && view.owner_uid.as_deref() == Some(pass.world.object.uid())
        && let Some(keys) = parse(&view.content)
    {
        return Ok(keys);
    }
    let key = pass.world.fresh_key.expose_secret().to_owned();
    pass.publish(&name, [(DELIVERY_CURRENT, key)])?;
    Err(Halt::Wait(Reason::Pending, format!("Secret \"{name}\" is being read again."), Some(0)))
}

/// What status says of the keys.
pub fn recorded(pass: &Pass<'_>) -> Option<DeliveryKeyStatus> {
    pass.outputs.get("deliveryKey").and_then(|key| serde_json::from_value(key.clone()).ok())
}

/// Fingerprint of the key that event subscriptions send, or are to send.
pub fn in_use(pass: &Pass<'_>, keys: &DeliveryKeys) -> String {
    let current = keys.current_fingerprint();
    recorded(pass).and_then(|known| known.next).filter(|next| keys.by_fingerprint(next).is_some()).unwrap_or(current)
}

fn record(pass: &mut Pass<'_>, current: &str, next: Option<&str>, rotation: i64) {
    let status = DeliveryKeyStatus { current: current.to_owned(), next: next.map(str::to_owned), rotation };
    pass.output("deliveryKey", json!(status));
}

/// Goes on with a replacement that is asked for, or under way.
///
/// # Errors
/// Halts until it is done.
pub fn rotate(pass: &mut Pass<'_>, relay: &EventRelay, running: &Running<'_>) -> Stepped<()> {
    let wanted = relay.spec.key_rotation.unwrap_or_default();
    let current = running.keys.current_fingerprint();
    let known = recorded(pass);
    if known.as_ref().is_some_and(|known| known.next.as_ref() == Some(&current)) {
        // It became the current one; only the record is missing.
        record(pass, &current, None, wanted);
        return Ok(());
    }
    // A first key is at whatever rotation is asked for: there is no old one to replace.
    let done = known.as_ref().map_or(wanted, |known| known.rotation);
    let Some(next) = running.keys.next.clone() else {
        record(pass, &current, None, done);
        return if done < wanted { add(pass, &running.keys) } else { Ok(()) };
    };
    let next_fingerprint = delivery_key_fingerprint(&next);
    if known.and_then(|known| known.next).as_ref() != Some(&next_fingerprint) {
        record(pass, &current, None, done);
        every_relay_knows(pass, running, &current, &next_fingerprint)?;
        record(pass, &current, Some(&next_fingerprint), done);
        let message = "Every relay takes the next delivery key; event subscriptions are told to send it.".to_owned();
        return Err(Halt::Wait(Reason::Rotating, message, Some(pass.world.settings.timings.poll)));
    }
    every_subscription_sends(pass, running, &next_fingerprint)?;
    waited_out(pass, &next_fingerprint)?;
    pass.publish(&delivery_secret(pass.world.name()), [(DELIVERY_CURRENT, next)])?;
    // The Secret is as it should be, and was read before that: the next look records it.
    Err(Halt::Wait(Reason::Rotating, "The next delivery key is the current one.".to_owned(), Some(0)))
}

/// Puts the next key beside the current one.
fn add(pass: &Pass<'_>, keys: &DeliveryKeys) -> Stepped<()> {
    let fresh = pass.world.fresh_key.expose_secret();
    if keys.current == *fresh {
        // This pass has only just made the current one: the next pass brings another.
        return Err(Halt::Wait(Reason::Rotating, "A next delivery key is being made.".to_owned(), Some(0)));
    }
    let content = [(DELIVERY_CURRENT, keys.current.clone()), (DELIVERY_NEXT, fresh.to_owned())];
    pass.publish(&delivery_secret(pass.world.name()), content)?;
    Err(Halt::Wait(Reason::Rotating, "A next delivery key was made.".to_owned(), Some(0)))
}

fn every_relay_knows(pass: &Pass<'_>, running: &Running<'_>, current: &str, next: &str) -> Stepped<()> {
    for (pod, address) in running.crew.serving() {
        let known = match running.reports.get(address) {
            Some(Ok(report)) => knows(report, current) && knows(report, next),
            _ => false,
        };
        if !known {
            let message = format!("The next delivery key is used once the relay in pod {} has loaded it.", pod.name);
            return Err(Halt::Wait(Reason::Rotating, message, Some(pass.world.settings.timings.poll)));
        }
    }
    Ok(())
}

/// Those that have nothing in Azure, and those whose time is over, send nothing.
fn every_subscription_sends(pass: &mut Pass<'_>, running: &Running<'_>, next: &str) -> Stepped<()> {
    let wall = pass.world.now.wall;
    let behind = running.deliveries.iter().find(|delivery| {
        let Some(status) = &delivery.object.status else { return false };
        let exists = status.common.azure_resource_id.is_some() || !status.common.operations.is_empty();
        exists && !is_over(&delivery.object.spec, wall) && status.delivery_key.as_deref() != Some(next)
    });
    let Some(behind) = behind else { return Ok(()) };
    let message = does_not_send(behind.object);
    pass.memory.checked.remove(WINDOW);
    Err(Halt::Wait(Reason::Rotating, message, None))
}

/// Who is waited for, and why, as it may take a person.
fn does_not_send(subscription: &EventSubscription) -> String {
    let name = subscription.metadata.name.as_deref().unwrap_or_default();
    if subscription.spec.lifecycle.management_policy == Some(ManagementPolicy::Observe) {
        return format!(
            "EventSubscription {name} does not send the next delivery key, and its `managementPolicy` is Observe: the old key stays until it is Manage."
        );
    }
    let conditions = subscription.status.as_ref().map(|status| status.common.conditions.as_slice());
    let found = conditions.unwrap_or_default().iter().find(|one| one.type_ == ConditionType::Subscribed.name());
    let why = found.filter(|one| one.status == "False").map(|one| format!(" ({})", one.reason)).unwrap_or_default();
    format!("EventSubscription {name} does not send the next delivery key yet{why}.")
}

/// A delivery, or a call to Azure, that began with the old key gets the time that a call may take.
fn waited_out(pass: &mut Pass<'_>, next: &str) -> Stepped<()> {
    let (now, needed) = (pass.world.now.mono, pass.world.settings.timings.quarantine());
    let since = match pass.memory.checked.get(WINDOW) {
        Some((since, key)) if key == next => *since,
        _ => now,
    };
    pass.memory.checked.insert(WINDOW.to_owned(), (since, next.to_owned()));
    let left = (since + needed).saturating_sub(now);
    if left == 0 {
        return Ok(());
    }
    let message =
        format!("Every event subscription sends the next delivery key; the old one ends in {} s.", left.div_ceil(1000));
    Err(Halt::Wait(Reason::Rotating, message, Some(left)))
}
