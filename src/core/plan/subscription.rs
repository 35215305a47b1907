//! `EventSubscription`: waits for the service and its topic, then says which events go where.

use crate::azure::EVENT_GRID_API;
use crate::azure::call::{Access, Body};
use crate::azure::descriptor::{Mark, Unseen};
use crate::azure::error::Fault;
use crate::azure::event_grid;
use crate::azure::id::ArmId;
use crate::kinds::subscription::EventSubscriptionSpec;
use crate::kinds::{CommunicationService, EventSubscription, Kind, Object};
use crate::moment::wall_of;
use crate::pass::{Halt, Pass, Stepped};
use crate::reason::{ConditionType, Reason};
use crate::remove::{Doomed, remove};
use crate::walk;

use super::delivery::Delivery;
use super::destination;
use super::place::{azure_name, condition, missing, place};

pub fn plan(pass: &mut Pass<'_>, subscription: &EventSubscription) -> Stepped<()> {
    let (service, spec) = (service_of(pass, subscription)?, &subscription.spec);
    let object = Object::CommunicationService(Box::new(service.clone()));
    let (service_id, topic) = ids(service);
    condition(&object, ConditionType::Provisioned)?;
    if let Err(halt) = in_time(spec, pass.world.now.wall) {
        return pass.step(ConditionType::Subscribed, |_| Err(halt));
    }
    let has_topic = super::service_has_topic(service);
    if has_topic {
        condition(&object, ConditionType::TopicReady)?;
    }
    let place = place(pass, service.spec.account_ref.as_ref(), service.spec.resource_group.as_ref())?;
    pass.step(ConditionType::Subscribed, |pass| {
        let topic = topic.filter(|_| has_topic);
        let id = event_grid::subscription_id(topic.as_ref(), &service_id, azure_name(pass));
        leave_old_place(pass, &place.access, &id, || identity_at_hand(spec, &object, has_topic))?;
        let (target, delivery) = destination::target(pass, subscription)?;
        let observed = pass.get(&place.access, &id, EVENT_GRID_API)?;
        let applied = pass.outputs.get("destinationFingerprint").and_then(serde_json::Value::as_str).map(str::to_owned);
        let applied = applied.filter(|_| observed.is_some());
        let wanted = event_grid::subscription(&place.access, id, &pass.owner, spec, &target, observed, applied);
        pass.is_at(&wanted)?;
        if wanted.unseen.as_ref().is_some_and(|unseen| unseen.shown_otherwise.is_some()) {
            // Whoever changed what shows may have changed what does not, and put back only the former when we look again.
            pass.outputs.remove("destinationFingerprint");
        }
        // What is as declared stays so while a relay or an identity is away: only a change has to find them in order, because
        // Event Grid makes its handshake again.
        let as_declared = observed.is_some_and(|observed| wanted.differences(observed).is_empty());
        if !as_declared && !pass.observes() && pass.open(&wanted.step).is_none() {
            identity_at_hand(spec, &object, has_topic)?;
            delivery.as_ref().map_or(Ok(()), Delivery::answers)?;
        }
        let observed = walk::ensure(pass, &wanted)?;
        record(pass, observed, wanted.unseen, delivery);
        Ok(())
    })
}

/// What Azure shows, and what it took without showing it.
fn record(pass: &mut Pass<'_>, observed: &Body, unseen: Option<Unseen>, delivery: Option<Delivery<'_>>) {
    let base = observed.text("/properties/destination/properties/endpointBaseUrl");
    if base.is_empty() {
        pass.outputs.remove("endpointBaseUrl");
    } else {
        pass.output("endpointBaseUrl", base);
    }
    // One who only looks has sent nothing, and cannot know which secrets Azure has.
    if pass.observes() {
        return;
    }
    if let Some(unseen) = unseen {
        pass.output("destinationFingerprint", unseen.wanted);
    }
    match delivery {
        Some(delivery) => pass.output("deliveryKey", delivery.key),
        None => drop(pass.outputs.remove("deliveryKey")),
    }
}

/// Milliseconds until nothing is delivered any more; `None` if there is no such time, or none to come.
pub fn expires_in(spec: &EventSubscriptionSpec, wall: u64) -> Option<u64> {
    wall_of(&spec.expiration_time.as_ref()?.0).checked_sub(wall).filter(|left| *left > 0)
}

/// True if by the spec nothing is delivered any more.
pub fn is_over(spec: &EventSubscriptionSpec, wall: u64) -> bool {
    spec.expiration_time.is_some() && expires_in(spec, wall).is_none()
}

/// No call could mend that the time is over.
fn in_time(spec: &EventSubscriptionSpec, wall: u64) -> Stepped<()> {
    let Some(time) = spec.expiration_time.as_ref().filter(|_| is_over(spec, wall)) else { return Ok(()) };
    let message = format!(
        "`expirationTime` {} has passed, so nothing is delivered: set a later one, or delete the object.",
        time.0
    );
    Err(Halt::Fault(Fault::blocked(Reason::Expired, message)))
}

/// Looked at before a call that needs it: whatever is in Azure already goes on, with or without.
fn identity_at_hand(spec: &EventSubscriptionSpec, service: &Object, has_topic: bool) -> Stepped<()> {
    let letter = spec.dead_letter.as_ref().and_then(|letter| letter.identity.as_ref());
    if spec.delivery_identity.is_none() && letter.is_none() {
        return Ok(());
    }
    if !has_topic {
        let message = "An identity delivers, and the service's `systemTopic.type` is None: identities are those of a system topic.";
        return Err(Halt::Fault(Fault::blocked(Reason::TopicRequired, message)));
    }
    let conditions = service.status().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let topic = conditions.iter().find(|condition| condition.type_ == ConditionType::TopicReady.name());
    match topic.filter(|topic| topic.reason == Reason::IdentityMissing.name()) {
        Some(topic) => Err(Halt::Wait(Reason::DependencyNotReady, topic.message.clone(), None)),
        None => Ok(()),
    }
}

/// Below another topic, or on the service itself, the old event subscription would go on delivering the same events. It does so
/// until a new one can be made.
fn leave_old_place(
    pass: &mut Pass<'_>,
    access: &Access,
    id: &ArmId,
    can_be_made: impl FnOnce() -> Stepped<()>,
) -> Stepped<()> {
    let Some(old) = pass.resource_id.as_deref().map(ArmId::given).filter(|old| old != id) else { return Ok(()) };
    // One who only looks takes nothing away, and forgets nothing.
    if pass.observes() {
        return Ok(());
    }
    can_be_made()?;
    let words = "event subscription";
    let doomed =
        Doomed { step: "Subscription", words, access, id: old, api_version: EVENT_GRID_API, mark: Mark::Labels };
    remove(pass, &doomed)?;
    pass.resource_id = None;
    pass.outputs.remove("destinationFingerprint");
    Ok(())
}

/// The service that events come from.
///
/// # Errors
/// Waits until it is there.
pub fn service_of<'w>(pass: &Pass<'w>, subscription: &EventSubscription) -> Stepped<&'w CommunicationService> {
    let name = &subscription.spec.source.service_ref.name;
    match pass.object(Kind::CommunicationService, name)? {
        Some(Object::CommunicationService(service)) => Ok(service),
        _ => Err(missing(pass, Kind::CommunicationService, name)),
    }
}

fn ids(service: &CommunicationService) -> (ArmId, Option<ArmId>) {
    let status = service.status.clone().unwrap_or_default();
    let id = ArmId::given(status.common.azure_resource_id.as_deref().unwrap_or_default());
    (id, status.system_topic_id.as_deref().map(ArmId::given))
}

#[cfg(test)]
pub(super) mod tests;
