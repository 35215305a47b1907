//! Destination of an event subscription, with what its Secrets hold.

use crate::azure::error::Fault;
use crate::azure::event_grid::{Attribute, AttributeValue, Target};
use crate::kinds::EventSubscription;
use crate::kinds::common::SecretKeyRef;
use crate::kinds::subscription::{DeliveryAttribute, Destination, WebHook};
use crate::pass::{Halt, Pass, Stepped};
use crate::reason::Reason;
use crate::wake::relay_of;

use super::delivery::Delivery;

/// Shortest value of a secret attribute. 16 characters of base64 are 96 bits.
const SECRET_LENGTH: usize = 16;

/// Where events go; for a relay, with what has to be so before Azure is told of it.
///
/// # Errors
/// Waits for the relay; faults when a Secret does not hold what it has to.
pub fn target<'w>(pass: &Pass<'w>, subscription: &EventSubscription) -> Stepped<(Target, Option<Delivery<'w>>)> {
    if let Some(relay) = relay_of(subscription) {
        return super::delivery::target(pass, relay).map(|(target, delivery)| (target, Some(delivery)));
    }
    let spec = &subscription.spec;
    let attributes: Vec<Attribute> =
        spec.delivery_attributes.iter().map(|one| attribute(pass, one)).collect::<Stepped<_>>()?;
    let target = endpoint(pass, &spec.destination)?;
    Ok((target.with_attributes(attributes).with_identity(spec.delivery_identity.as_ref()), None))
}

fn endpoint(pass: &Pass<'_>, destination: &Destination) -> Stepped<Target> {
    if let Some(queue) = &destination.storage_queue {
        let (account, name) = (&queue.resource_id, &queue.queue_name);
        return Ok(Target::storage_queue(account, name, queue.message_time_to_live_seconds));
    }
    if let Some(function) = &destination.azure_function {
        return Ok(Target::azure_function(&function.resource_id, &function.batching));
    }
    for (endpoint_type, resource) in [
        ("EventHub", &destination.event_hub),
        ("ServiceBusQueue", &destination.service_bus_queue),
        ("ServiceBusTopic", &destination.service_bus_topic),
        ("HybridConnection", &destination.hybrid_connection),
    ] {
        if let Some(resource) = resource {
            return Ok(Target::resource(endpoint_type, &resource.resource_id));
        }
    }
    match &destination.web_hook {
        Some(hook) => Ok(Target::web_hook(url(pass, hook)?, &hook.batching, hook.entra.as_ref())),
        None => Err(unset("The destination names no endpoint: set the member that its `type` names.")),
    }
}

fn url(pass: &Pass<'_>, hook: &WebHook) -> Stepped<String> {
    if let Some(url) = &hook.url {
        return Ok(url.0.clone());
    }
    let Some(place) = &hook.url_secret_ref else {
        return Err(unset("The destination names neither `url` nor `urlSecretRef`: set one."));
    };
    let url = pass.secret_key(&place.name, &place.key, "webhook URL")?.trim();
    if url.starts_with("https://") && url.len() <= 2048 && !url.contains(char::is_whitespace) {
        return Ok(url.to_owned());
    }
    Err(invalid(place, "is not an https URL of at most 2048 characters"))
}

fn attribute(pass: &Pass<'_>, attribute: &DeliveryAttribute) -> Stepped<Attribute> {
    let name = attribute.name.0.clone();
    if let Some(dynamic) = &attribute.dynamic {
        return Ok(Attribute { name, value: AttributeValue::FromEvent(dynamic.source_field.0.clone()) });
    }
    let fixed = attribute.static_.as_ref();
    if let Some(value) = fixed.and_then(|fixed| fixed.value.as_ref()) {
        return Ok(Attribute { name, value: AttributeValue::Plain(value.0.clone()) });
    }
    let Some(place) = fixed.and_then(|fixed| fixed.value_secret_ref.as_ref()) else {
        return Err(unset("A delivery attribute names neither `value` nor `valueSecretRef`: set one."));
    };
    let value = pass.secret_key(&place.name, &place.key, "delivery attribute")?.trim();
    if value.len() < SECRET_LENGTH {
        return Err(invalid(
            place,
            "has fewer than 16 characters: status keeps a hash of it, by which it could be guessed. Use a random value, such as of `openssl rand -hex 16`, or `value` for what is no secret",
        ));
    }
    if value.len() <= 4096 && value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(Attribute { name, value: AttributeValue::Secret(value.to_owned()) });
    }
    Err(invalid(place, "is not the value of a header: one line of at most 4096 characters of ASCII"))
}

/// What the CRD's own rules refuse.
fn unset(message: &str) -> Halt {
    Halt::Fault(Fault::blocked(Reason::AzureRejected, message))
}

fn invalid(place: &SecretKeyRef, what: &str) -> Halt {
    let message = format!("Secret \"{}\", key \"{}\" {what}.", place.name, place.key);
    Halt::Fault(Fault::blocked(Reason::SecretInvalid, message))
}
