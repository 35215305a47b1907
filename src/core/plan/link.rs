//! The link: the service wakes phones through a hub, with a key of a Send-only policy made for that.

use serde_json::json;

use crate::azure::call::{Access, Body, Method};
use crate::azure::error::Fault;
use crate::azure::id::ArmId;
use crate::azure::{COMMUNICATION_API, NOTIFICATION_HUBS_API, communication};
use crate::blind::{self, Blind};
use crate::kinds::service::{KeySlot, LinkStatus};
use crate::kinds::{CommunicationService, Kind};
use crate::moment::wall_of;
use crate::names::{fingerprint, short_hash};
use crate::pass::{Finding, Halt, Pass, Stepped};
use crate::reason::{ConditionType, Reason};

use super::place::{missing, ready};
use super::send_policy;

/// Name of the policy made for an object's link.
pub fn policy_name(owner_path: &str) -> String {
    format!("acs-link-{}", short_hash(owner_path))
}

pub fn link(
    pass: &mut Pass<'_>,
    service: &CommunicationService,
    access: &Access,
    id: &ArmId,
    observed: &Body,
) -> Stepped<()> {
    let type_ = ConditionType::Linked;
    let there = observed.text("/properties/notificationHubId");
    let Some(wanted) = &service.spec.notification_hub else {
        for step in ["Link".to_owned(), "Retire".to_owned(), format!("Policy/{}", policy_name(&pass.owner.path))] {
            pass.drop_step(&step)?;
        }
        if there.is_empty() {
            pass.outputs.remove("link");
            pass.not_requested(type_);
        } else {
            let message = format!(
                "The service stays linked to {there}: Azure has no unlink. Link another hub, or delete the service."
            );
            pass.findings.push(Finding { type_, status: "False", reason: Reason::UnlinkUnsupported, message });
        }
        return Ok(());
    };
    pass.step(type_, |pass| {
        let hub_id = linkable(pass, &wanted.hub_ref.name, id)?;
        if pass.observes() {
            return observed_link(&hub_id, there);
        }
        let policy_id = send_policy::ensure(pass, access, &hub_id, &policy_name(&pass.owner.path), "Link")?;
        let known = pass.outputs.get("link").and_then(|link| serde_json::from_value::<LinkStatus>(link.clone()).ok());
        let known = known.filter(|link| ArmId::given(&link.hub_id) == hub_id && link.policy_name == policy_id.name());
        let rotation = wanted.key_rotation.unwrap_or_default();
        let link = Linking { access, id, hub_id, policy_id, there: ArmId::given(there), rotation };
        settled(pass, &link, known)
    })
}

/// Who only looks sees the hub, and cannot see the key.
fn observed_link(hub: &ArmId, there: &str) -> Stepped<()> {
    if ArmId::given(there) == *hub {
        return Ok(());
    }
    let there = if there.is_empty() { "no hub" } else { there };
    let message = format!("The service is linked to {there}, not to {hub}, and `managementPolicy` is Observe.");
    Err(Halt::Fault(Fault::blocked(Reason::Drifted, message)))
}

/// The hub's id, once it is Ready and can be linked. ARM checks the subscription only; all else is checked here.
fn linkable(pass: &Pass<'_>, name: &str, service: &ArmId) -> Stepped<ArmId> {
    let Some(hub) = pass.object(Kind::NotificationHub, name)? else {
        return Err(missing(pass, Kind::NotificationHub, name));
    };
    let hub_id = ArmId::given(hub.status().and_then(|status| status.azure_resource_id.as_deref()).unwrap_or_default());
    let (ours, theirs) = (service.subscription().unwrap_or_default(), hub_id.subscription().unwrap_or_default());
    if !theirs.is_empty() && !ours.eq_ignore_ascii_case(theirs) {
        let message = format!(
            "NotificationHub {name} is in Azure subscription {theirs}, the service in {ours}: Azure links only within one subscription. Use accounts of the same subscription."
        );
        return Err(Halt::Fault(Fault::blocked(Reason::WrongSubscription, message)));
    }
    ready(pass, hub)?;
    Ok(hub_id)
}

struct Linking<'a> {
    access: &'a Access,
    id: &'a ArmId,
    hub_id: ArmId,
    policy_id: ArmId,
    /// Hub that Azure shows as linked.
    there: ArmId,
    /// Wanted `keyRotation`.
    rotation: i64,
}

fn settled(pass: &mut Pass<'_>, link: &Linking<'_>, known: Option<LinkStatus>) -> Stepped<()> {
    let is_there = link.there == link.hub_id;
    if let Some(known) = &known
        && is_there
        && pass.open("Link").is_none()
        && !pass.keys_due("Link", &known.fingerprint)
    {
        return rotate(pass, link, known.clone());
    }
    let mut slot = known.as_ref().map(|known| known.key).unwrap_or_default();
    // A rotation's call is about the other key; taken for one about this key, both would be linked in turn for ever.
    if let Some(open) = pass.open("Link").map(|operation| operation.fingerprint.clone())
        && known.is_some()
        && open == connection(pass, link, slot.other())?.1
    {
        slot = slot.other();
    }
    let linked = put(pass, link, known, slot, is_there)?;
    rotate(pass, link, linked)
}

/// Connection string with that key, and the fingerprint by which a link with it is remembered.
fn connection(pass: &Pass<'_>, link: &Linking<'_>, slot: KeySlot) -> Stepped<(String, String)> {
    let keys = send_policy::keys(pass, link.access, &link.hub_id, &link.policy_id)?;
    let key = if slot == KeySlot::Primary { &keys.primary } else { &keys.secondary };
    let text = keys.connection_string(link.policy_id.name(), key);
    let wanted = fingerprint(&pass.owner, &[link.hub_id.as_str(), &text]);
    Ok((text, wanted))
}

/// Links that key, unless it is what Azure has.
fn put(
    pass: &mut Pass<'_>,
    link: &Linking<'_>,
    known: Option<LinkStatus>,
    slot: KeySlot,
    is_there: bool,
) -> Stepped<LinkStatus> {
    let (text, wanted) = connection(pass, link, slot)?;
    let policy = link.policy_id.name();
    let same = known.as_ref().filter(|known| known.fingerprint == wanted);
    let now = pass.world.now;
    // Reads lag behind writes: a link just made is not made again because it does not show yet.
    let fresh =
        same.is_some_and(|known| now.wall.saturating_sub(wall_of(&known.time)) < pass.world.settings.timings.poll * 5);
    if fresh && !is_there && pass.open("Link").is_none() {
        return Err(not_shown(pass));
    }
    let body = Body(communication::link_body(&link.hub_id, &text));
    let blind = Blind {
        step: "Link",
        words: "Linking hub to",
        access: link.access,
        id: link.id,
        method: Method::Post,
        action: "/linkNotificationHub",
        api_version: COMMUNICATION_API,
        body,
        wanted: &wanted,
        in_place: same.is_some() && is_there,
    };
    let taken = blind::ensure(pass, blind)?;
    let status = match known {
        Some(known) if !taken => known,
        known => {
            // Another slot than before: the rotation that is under way now waits for Azure to use it everywhere.
            let retiring =
                known.as_ref().and_then(|known| if known.key == slot { known.retiring } else { Some(known.key) });
            LinkStatus {
                hub_id: link.hub_id.as_str().to_owned(),
                policy_name: policy.to_owned(),
                key: slot,
                fingerprint: wanted,
                time: now.rfc3339(),
                // A first link starts at whatever rotation is asked for: there is no old key to replace.
                key_rotation: known.as_ref().map_or(link.rotation, |known| known.key_rotation),
                retiring,
            }
        }
    };
    pass.keys_checked("Link", status.fingerprint.clone());
    pass.output("link", json!(status));
    if taken && !is_there {
        // On record, and not yet good news: someone else may have undone it since.
        return Err(not_shown(pass));
    }
    Ok(status)
}

fn not_shown(pass: &Pass<'_>) -> Halt {
    let message = "Azure took the link and does not show it yet.".to_owned();
    Halt::Wait(Reason::Updating, message, Some(pass.world.settings.timings.poll))
}

/// Replaces a key without a missed push: link the other one, wait until Azure uses it everywhere, only then end the old one.
fn rotate(pass: &mut Pass<'_>, link: &Linking<'_>, known: LinkStatus) -> Stepped<()> {
    let Some(retiring) = known.retiring else {
        if known.key_rotation >= link.rotation || pass.observes() {
            return Ok(());
        }
        let other = known.key.other();
        return put(pass, link, Some(known), other, false).map(|_| ());
    };
    let since = pass.world.now.wall.saturating_sub(wall_of(&known.time));
    // `time` is in whole seconds, rounded down: without one more the old key could end while Azure still pushes with it.
    let needed = pass.world.settings.timings.link_propagation + 1_000;
    if since < needed {
        let message = format!(
            "The other key is linked; the old one ends in {} s, when Azure uses the new one everywhere.",
            (needed - since).div_ceil(1000)
        );
        return Err(Halt::Wait(Reason::Propagating, message, Some(needed - since)));
    }
    let wanted = fingerprint(&pass.owner, &["retire", retiring.policy_key(), &known.fingerprint]);
    let blind = Blind {
        step: "Retire",
        words: "Replacing the old key of",
        access: link.access,
        id: &link.policy_id,
        method: Method::Post,
        action: "/regenerateKeys",
        api_version: NOTIFICATION_HUBS_API,
        body: Body(json!({"policyKey": retiring.policy_key()})),
        wanted: &wanted,
        in_place: false,
    };
    if blind::ensure(pass, blind)? {
        pass.output("link", json!(LinkStatus { retiring: None, key_rotation: link.rotation, ..known }));
    }
    Ok(())
}
