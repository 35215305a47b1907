//! Who has to look again when something changes. The same functions wake passes in production and in simulation.

mod dispatch;

pub use dispatch::Dispatch;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use crate::kinds::account::IdentityType;
use crate::kinds::{EventSubscription, Kind, Object, ObjectRef};
use crate::reason::Reason;

/// Kinds whose objects may name an object of that kind.
pub fn users_of(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::AzureAccount => &[
            Kind::NotificationHubNamespace,
            Kind::NotificationHub,
            Kind::CommunicationService,
            Kind::EventRelay,
            Kind::EventSubscription,
        ],
        Kind::NotificationHubNamespace => &[Kind::NotificationHub],
        Kind::NotificationHub => &[Kind::CommunicationService, Kind::EventRelay],
        Kind::CommunicationService | Kind::EventRelay => &[Kind::EventSubscription],
        Kind::EventSubscription => &[],
    }
}

/// True if `user` needs `target`. Hubs, relays and event subscriptions need the account through what they name, so that every one of
/// them counts as its user: an account outlives all that may have been made with it.
pub fn names(user: &Object, target: &ObjectRef) -> bool {
    if user.meta().namespace.as_deref() != Some(target.namespace.as_str()) {
        return false;
    }
    match target.kind {
        Kind::AzureAccount => {
            let account = match user {
                Object::NotificationHubNamespace(object) => object.spec.account_ref.as_ref(),
                Object::CommunicationService(object) => object.spec.account_ref.as_ref(),
                Object::NotificationHub(_) | Object::EventRelay(_) | Object::EventSubscription(_) => return true,
                Object::AzureAccount(_) => return false,
            };
            account.map_or("default", |account| &account.name.0) == target.name
        }
        Kind::NotificationHubNamespace => {
            matches!(user, Object::NotificationHub(hub) if hub.spec.namespace_ref.name.0 == target.name)
        }
        Kind::NotificationHub => hub_of(user) == Some(target.name.as_str()),
        Kind::CommunicationService => {
            matches!(user, Object::EventSubscription(subscription) if subscription.spec.source.service_ref.name.0 == target.name)
        }
        Kind::EventRelay => {
            matches!(user, Object::EventSubscription(subscription) if relay_of(subscription) == Some(target.name.as_str()))
        }
        Kind::EventSubscription => false,
    }
}

/// The hub that a service is linked to, or a relay pushes through.
fn hub_of(user: &Object) -> Option<&str> {
    let hub = match user {
        Object::CommunicationService(service) => &service.spec.notification_hub.as_ref()?.hub_ref,
        Object::EventRelay(relay) => &relay.spec.push.as_ref()?.hub_ref,
        _ => return None,
    };
    Some(&hub.name)
}

/// The relay that an event subscription delivers to.
pub fn relay_of(subscription: &EventSubscription) -> Option<&str> {
    subscription.spec.destination.event_relay_ref.as_ref().map(|relay| relay.name.0.as_str())
}

/// True if `relay` is made from what `other` says, though it does not name it: event subscriptions that name it are let in,
/// and a service that is linked to its hub makes phones ring too.
fn is_told_by(relay: &Object, other: &Object) -> bool {
    let (Object::EventRelay(_), true) = (relay, relay.meta().namespace == other.meta().namespace) else { return false };
    match other {
        Object::EventSubscription(_) => names(other, &relay.object_ref()),
        Object::CommunicationService(_) => hub_of(relay).is_some() && hub_of(relay) == hub_of(other),
        _ => false,
    }
}

/// True if `user` may have made something that needs `target`: then `target` has to stay. One that was only just declared
/// holds nothing back, or what is deleted and at once declared again would wait for itself for ever.
pub fn holds(user: &Object, target: &Object) -> bool {
    if !names(user, &target.object_ref()) {
        return false;
    }
    let Some(status) = user.status() else { return false };
    if let Object::EventRelay(relay) = user {
        let policy = relay.status.as_ref().and_then(|status| status.push_policy_id.as_ref());
        return policy.is_some() || !status.operations.is_empty();
    }
    let (Object::CommunicationService(service), Object::NotificationHub(hub)) = (user, target) else {
        return status.azure_resource_id.is_some() || !status.operations.is_empty();
    };
    let hub_id = hub.status.as_ref().and_then(|status| status.common.azure_resource_id.as_deref()).unwrap_or_default();
    let link = service.status.as_ref().and_then(|status| status.link.as_ref());
    link.is_some_and(|link| link.hub_id.eq_ignore_ascii_case(hub_id))
        || status.operations.iter().any(|open| links(&open.step))
}

/// True if Azure answered 404 to a call of its own that needs what another object had made.
fn misses_something(object: &Object) -> bool {
    let conditions = object.status().map(|status| status.conditions.as_slice()).unwrap_or_default();
    conditions.iter().any(|condition| condition.reason == Reason::MissingInAzure.name())
}

/// Those that may have made what the object misses. By themselves they look only every few minutes.
fn makers<'a>(object: &Object, all: impl IntoIterator<Item = &'a Object>) -> Vec<ObjectRef> {
    let makes = |other: &&Object| {
        matches!(other.kind(), Kind::NotificationHubNamespace | Kind::NotificationHub | Kind::CommunicationService)
    };
    all.into_iter().filter(makes).map(Object::object_ref).filter(|other| names(object, other)).collect()
}

/// True for steps that work on the link.
fn links(step: &str) -> bool {
    matches!(step, "Link" | "Retire") || step.starts_with("Policy/")
}

/// Objects to wake when `changed` appears, changes in what others can see, or goes: those that name it, and, of those that
/// it names, the ones that wait for its departure. All others would look for nothing: an account is named by everything.
pub fn affected<'a>(changed: &Object, all: impl IntoIterator<Item = &'a Object>) -> Vec<ObjectRef> {
    let target = changed.object_ref();
    all.into_iter()
        .filter(|other| {
            names(other, &target)
                || (other.is_deleting() && names(changed, &other.object_ref()))
                || is_told_by(other, changed)
        })
        .map(Object::object_ref)
        .filter(|other| *other != target)
        .collect()
}

/// True if the object reads or writes a Secret of that name.
pub fn uses_secret(object: &Object, secret: &str) -> bool {
    match object {
        Object::AzureAccount(account) => {
            let identity = &account.spec.identity;
            let name = account.metadata.name.as_deref().unwrap_or_default();
            identity.service_principal.as_ref().is_some_and(|principal| principal.secret_ref.name.0 == secret)
                || (identity.type_ == IdentityType::WorkloadIdentity && crate::names::assertion_secret(name) == secret)
        }
        Object::NotificationHub(hub) => {
            let credentials = hub.spec.credentials.as_ref();
            let apns = credentials.and_then(|c| c.apns.as_ref()).and_then(|apns| apns.token.as_ref());
            let fcm = credentials.and_then(|c| c.fcm_v1.as_ref());
            apns.is_some_and(|token| token.key_secret_ref.name.0 == secret)
                || fcm.is_some_and(|fcm| fcm.service_account_secret_ref.name.0 == secret)
                || hub.spec.access_policies.iter().any(|policy| policy.secret_name.0 == secret)
        }
        Object::CommunicationService(service) => {
            service.spec.connection_secret_name.as_ref().is_some_and(|name| name.0 == secret)
        }
        Object::EventSubscription(subscription) => {
            let spec = &subscription.spec;
            let of_relay = relay_of(subscription).is_some_and(|relay| crate::names::delivery_secret(relay) == secret);
            let url = spec.destination.web_hook.as_ref().and_then(|hook| hook.url_secret_ref.as_ref());
            let attributes = spec.delivery_attributes.iter().filter_map(|attribute| attribute.static_.as_ref());
            let mut places = attributes.filter_map(|fixed| fixed.value_secret_ref.as_ref()).chain(url);
            of_relay || places.any(|place| place.name.0 == secret)
        }
        Object::EventRelay(relay) => {
            let name = relay.metadata.name.as_deref().unwrap_or_default();
            crate::names::delivery_secret(name) == secret || crate::names::push_secret(name) == secret
        }
        Object::NotificationHubNamespace(_) => false,
    }
}

/// Changes exactly when the object itself has to be looked at again: spec, deletion, our finalizer, our annotations. Its
/// status is left out: the operator wrote that.
pub fn own_signature(object: &Object) -> u64 {
    let mut hash = DefaultHasher::new();
    let meta = object.meta();
    (object.uid(), object.generation(), object.is_deleting(), object.is_held()).hash(&mut hash);
    for name in [acs_wire::ANNOTATION_AZURE_NAME, acs_wire::ANNOTATION_RECONCILE_AT] {
        meta.annotations.as_ref().and_then(|annotations| annotations.get(name)).hash(&mut hash);
    }
    hash.finish()
}

/// Changes exactly when others may decide differently because of this object: its existence, readiness, conditions, ids.
pub fn public_signature(object: &Object) -> u64 {
    let mut hash = DefaultHasher::new();
    (object.uid(), object.generation(), object.is_deleting()).hash(&mut hash);
    object.annotation(acs_wire::ANNOTATION_AZURE_NAME).hash(&mut hash);
    if let Some(status) = object.status() {
        (status.observed_generation, &status.azure_resource_id).hash(&mut hash);
        for condition in &status.conditions {
            (&condition.type_, &condition.status, &condition.reason).hash(&mut hash);
        }
    }
    if let Object::EventRelay(relay) = object
        && let Some(status) = &relay.status
    {
        (&status.url, &status.subscriptions, &status.push_policy_id).hash(&mut hash);
        let key = status.delivery_key.as_ref();
        key.map(|key| (&key.current, &key.next)).hash(&mut hash);
        status.common.operations.is_empty().hash(&mut hash);
    }
    if let Object::EventSubscription(subscription) = object {
        subscription.status.as_ref().and_then(|status| status.delivery_key.as_ref()).hash(&mut hash);
    }
    if let Object::CommunicationService(service) = object {
        let status = service.status.as_ref();
        status.and_then(|status| status.system_topic_id.as_ref()).hash(&mut hash);
        status.and_then(|status| status.link.as_ref()).map(|link| &link.hub_id).hash(&mut hash);
        status.is_some_and(|status| status.common.operations.iter().any(|open| links(&open.step))).hash(&mut hash);
    }
    hash.finish()
}
