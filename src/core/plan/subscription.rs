//! `EventSubscription`: waits for the service and its topic, then says which events go where.

use crate::azure::EVENT_GRID_API;
use crate::azure::call::Access;
use crate::azure::descriptor::Mark;
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

use super::destination;
use super::place::{azure_name, condition, missing, place};

pub fn plan(pass: &mut Pass<'_>, subscription: &EventSubscription) -> Stepped<()> {
    let service = service_of(pass, subscription)?;
    let object = Object::CommunicationService(Box::new(service.clone()));
    let (service_id, topic) = ids(service);
    condition(&object, ConditionType::Provisioned)?;
    let has_topic = super::service_has_topic(service);
    deliverable(pass, &subscription.spec, has_topic)?;
    if has_topic {
        condition(&object, ConditionType::TopicReady)?;
    }
    let place = place(pass, service.spec.account_ref.as_ref(), service.spec.resource_group.as_ref())?;
    pass.step(ConditionType::Subscribed, |pass| {
        let topic = topic.filter(|_| has_topic);
        let id = event_grid::subscription_id(topic.as_ref(), &service_id, azure_name(pass));
        leave_old_place(pass, &place.access, &id)?;
        let (target, delivery) = destination::target(pass, subscription)?;
        let observed = pass.get(&place.access, &id, EVENT_GRID_API)?;
        let moved = observed.is_none_or(|observed| target.differs(observed));
        let applied = pass.outputs.get("destinationFingerprint").and_then(serde_json::Value::as_str).map(str::to_owned);
        let applied = applied.filter(|_| !moved);
        let wanted = event_grid::subscription(&place.access, id, &pass.owner, &subscription.spec, &target, applied);
        pass.is_at(&wanted)?;
        if let Some(delivery) = &delivery {
            // What is as declared stays so while a relay is away: only a change has to find it in order, because Event Grid
            // makes its handshake again.
            let as_declared = observed.is_some_and(|observed| wanted.differences(observed).is_empty());
            if !as_declared && pass.open(&wanted.step).is_none() {
                delivery.answers()?;
            }
        }
        let observed = walk::ensure(pass, &wanted)?;
        let base = observed.text("/properties/destination/properties/endpointBaseUrl");
        if base.is_empty() {
            pass.outputs.remove("endpointBaseUrl");
        } else {
            pass.output("endpointBaseUrl", base);
        }
        if let Some(unseen) = wanted.unseen {
            pass.output("destinationFingerprint", unseen.wanted);
        }
        match delivery {
            Some(delivery) => pass.output("deliveryKey", delivery.key),
            None => drop(pass.outputs.remove("deliveryKey")),
        }
        Ok(())
    })
}

/// Milliseconds until nothing is delivered any more; `None` if there is no such time, or none to come.
pub fn expires_in(spec: &EventSubscriptionSpec, wall: u64) -> Option<u64> {
    wall_of(&spec.expiration_time.as_ref()?.0).checked_sub(wall).filter(|left| *left > 0)
}

/// What no call could mend: the time is over, or nothing has the identity that is asked for.
fn deliverable(pass: &Pass<'_>, spec: &EventSubscriptionSpec, has_topic: bool) -> Stepped<()> {
    if let Some(time) = &spec.expiration_time
        && expires_in(spec, pass.world.now.wall).is_none()
    {
        let message = format!(
            "`expirationTime` {} has passed, so nothing is delivered: set a later one, or delete the object.",
            time.0
        );
        return Err(Halt::Fault(Fault::blocked(Reason::Expired, message)));
    }
    let letter = spec.dead_letter.as_ref().and_then(|letter| letter.identity.as_ref());
    if !has_topic && (spec.delivery_identity.is_some() || letter.is_some()) {
        let message = "An identity delivers, and the service's `systemTopic.type` is None: identities are those of a system topic.";
        return Err(Halt::Fault(Fault::blocked(Reason::TopicRequired, message)));
    }
    Ok(())
}

/// Below another topic, or on the service itself, the old event subscription would go on delivering the same events.
fn leave_old_place(pass: &mut Pass<'_>, access: &Access, id: &ArmId) -> Stepped<()> {
    let Some(old) = pass.resource_id.as_deref().map(ArmId::given).filter(|old| old != id) else { return Ok(()) };
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
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_end_is_looked_for_when_it_comes_and_not_after() {
        let spec = |time: Option<&str>| -> EventSubscriptionSpec {
            let mut spec = json!({"source": {"serviceRef": {"name": "s"}},
                "destination": {"type": "WebHook", "webHook": {"url": "https://a.example"}}});
            if let Some(time) = time {
                spec["expirationTime"] = json!(time);
            }
            serde_json::from_value(spec).unwrap()
        };
        let ends = spec(Some("1970-01-01T00:01:00Z"));
        assert_eq!(
            (expires_in(&ends, 59_000), expires_in(&ends, 60_000), expires_in(&ends, 61_000)),
            (Some(1_000), None, None)
        );
        assert_eq!(expires_in(&spec(None), 0), None);
    }
}
