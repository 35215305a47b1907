//! Who has to look again when something changes. The same functions wake passes in production and in simulation.

mod dispatch;

pub use dispatch::Dispatch;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use crate::kinds::account::IdentityType;
use crate::kinds::{Kind, Object, ObjectRef};

/// Kinds whose objects may name an object of that kind.
pub fn users_of(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::AzureAccount => &[
            Kind::NotificationHubNamespace,
            Kind::NotificationHub,
            Kind::CommunicationService,
            Kind::EventSubscription,
        ],
        Kind::NotificationHubNamespace => &[Kind::NotificationHub],
        Kind::NotificationHub => &[Kind::CommunicationService],
        Kind::CommunicationService => &[Kind::EventSubscription],
        Kind::EventSubscription => &[],
    }
}

/// True if `user` needs `target`. Hubs and event subscriptions need the account through what they name, so that every one of
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
                Object::NotificationHub(_) | Object::EventSubscription(_) => return true,
                Object::AzureAccount(_) => return false,
            };
            account.map_or("default", |account| &account.name.0) == target.name
        }
        Kind::NotificationHubNamespace => {
            matches!(user, Object::NotificationHub(hub) if hub.spec.namespace_ref.name.0 == target.name)
        }
        Kind::NotificationHub => matches!(user, Object::CommunicationService(service)
            if service.spec.notification_hub.as_ref().is_some_and(|link| link.hub_ref.name.0 == target.name)),
        Kind::CommunicationService => {
            matches!(user, Object::EventSubscription(subscription) if subscription.spec.source.service_ref.name.0 == target.name)
        }
        Kind::EventSubscription => false,
    }
}

/// True if `user` may have made something that needs `target`: then `target` has to stay. One that was only just declared
/// holds nothing back, or what is deleted and at once declared again would wait for itself for ever.
pub fn holds(user: &Object, target: &Object) -> bool {
    if !names(user, &target.object_ref()) {
        return false;
    }
    let Some(status) = user.status() else { return false };
    let (Object::CommunicationService(service), Object::NotificationHub(hub)) = (user, target) else {
        return status.azure_resource_id.is_some() || !status.operations.is_empty();
    };
    let hub_id = hub.status.as_ref().and_then(|status| status.common.azure_resource_id.as_deref()).unwrap_or_default();
    let link = service.status.as_ref().and_then(|status| status.link.as_ref());
    link.is_some_and(|link| link.hub_id.eq_ignore_ascii_case(hub_id))
        || status.operations.iter().any(|open| links(&open.step))
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
        .filter(|other| names(other, &target) || (other.is_deleting() && names(changed, &other.object_ref())))
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
            let hook = subscription.spec.destination.web_hook.as_ref();
            hook.and_then(|hook| hook.url_secret_ref.as_ref()).is_some_and(|place| place.name.0 == secret)
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
    if let Some(status) = object.status() {
        (status.observed_generation, &status.azure_resource_id).hash(&mut hash);
        for condition in &status.conditions {
            (&condition.type_, &condition.status, &condition.reason).hash(&mut hash);
        }
    }
    if let Object::CommunicationService(service) = object {
        let status = service.status.as_ref();
        status.and_then(|status| status.system_topic_id.as_ref()).hash(&mut hash);
        status.and_then(|status| status.link.as_ref()).map(|link| &link.hub_id).hash(&mut hash);
        status.is_some_and(|status| status.common.operations.iter().any(|open| links(&open.step))).hash(&mut hash);
    }
    hash.finish()
}
