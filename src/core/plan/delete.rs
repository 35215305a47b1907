//! Deletion, in the reverse order of creation: who is used waits for its users, and nothing is let go while Azure has it.

use crate::azure::call::{Access, Proof};
use crate::azure::descriptor::Mark;
use crate::azure::id::ArmId;
use crate::azure::{COMMUNICATION_API, EVENT_GRID_API, NOTIFICATION_HUBS_API, event_grid};
use crate::kinds::common::{DeletionPolicy, Verb};
use crate::kinds::service::LinkStatus;
use crate::kinds::{AzureAccount, CommunicationService, Kind, NotificationHub, Object};
use crate::names::assertion_secret;
use crate::pass::{Halt, Pass, Stepped};
use crate::reason::Reason;
use crate::remove::{Doomed, remove};
use crate::step::{SecretWrite, Step};
use crate::wake;

use super::link::policy_name;
use super::place::{Place, access_of, namespace_of, place};

pub fn plan(pass: &mut Pass<'_>) -> Stepped<()> {
    if !pass.world.object.is_held() {
        return Ok(());
    }
    if let Object::AzureAccount(account) = &pass.world.object {
        return let_account_go(pass, account);
    }
    if let Object::EventRelay(relay) = &pass.world.object {
        in_use(pass)?;
        if pass.world.object.deletion_policy() == DeletionPolicy::Delete {
            super::relay::clear(pass, relay)?;
        }
        pass.land_all()?;
        return Err(release("No event subscription delivers to the relay any more."));
    }
    // What Azure is deleting already comes back for nobody.
    if !pass.operations.iter().any(|operation| operation.verb == Verb::Delete) {
        in_use(pass)?;
    }
    let made_nothing = pass.resource_id.is_none() && pass.operations.is_empty();
    if !made_nothing && !pass.observes() && pass.world.object.deletion_policy() == DeletionPolicy::Delete {
        clear(pass)?;
    }
    // What is kept, too: a call that lands later would meet what the next object of that name does.
    pass.land_all()?;
    Err(release("Nothing is left to do."))
}

fn release(message: &str) -> Halt {
    Halt::Act(Box::new(Step::Release), Reason::Deleting, message.to_owned())
}

/// Waits for objects that need this one, whether they are going too or not.
fn in_use(pass: &mut Pass<'_>) -> Stepped<()> {
    let world = pass.world;
    let mut users = Vec::new();
    for kind in wake::users_of(world.object.kind()) {
        for user in pass.objects(*kind)?.iter().filter(|user| wake::holds(user, &world.object)) {
            if has_something(pass, user)? {
                users.push(user.object_ref().to_string());
            }
        }
    }
    if users.is_empty() {
        return Ok(());
    }
    users.truncate(5);
    let message = format!("Deletion waits for {}.", users.join(", "));
    Err(Halt::Wait(Reason::InUse, message, None))
}

/// False where Azure has nothing of a user that is not going itself: its call was refused because this object goes, and it
/// waits for this object as this one would wait for it.
fn has_something(pass: &Pass<'_>, user: &Object) -> Stepped<bool> {
    let Some(status) = user.status() else { return Ok(true) };
    let Some(id) = status.azure_resource_id.as_deref().map(ArmId::given) else { return Ok(true) };
    if user.is_deleting() || user.is_ready() || !status.operations.is_empty() {
        return Ok(true);
    }
    let access = match &pass.world.object {
        Object::NotificationHubNamespace(object) => {
            place(pass, object.spec.account_ref.as_ref(), object.spec.resource_group.as_ref())?.access
        }
        Object::CommunicationService(object) => {
            place(pass, object.spec.account_ref.as_ref(), object.spec.resource_group.as_ref())?.access
        }
        // An account stays all the same: without it, the user could never be shown to have nothing.
        Object::AzureAccount(_) | Object::NotificationHub(_) | Object::EventRelay(_) | Object::EventSubscription(_) => {
            return Ok(true);
        }
    };
    let api_version = match user.kind() {
        Kind::CommunicationService => COMMUNICATION_API,
        Kind::EventSubscription => EVENT_GRID_API,
        _ => NOTIFICATION_HUBS_API,
    };
    match pass.get(&access, &id, api_version) {
        // Another account's resource may be none of this one's business: then it is taken for there.
        Err(Halt::Fault(_)) => Ok(true),
        found => Ok(found?.is_some()),
    }
}

fn clear(pass: &mut Pass<'_>) -> Stepped<()> {
    match &pass.world.object {
        Object::AzureAccount(_) | Object::EventRelay(_) => Ok(()),
        Object::NotificationHubNamespace(namespace) => {
            let place = place(pass, namespace.spec.account_ref.as_ref(), namespace.spec.resource_group.as_ref())?;
            own(pass, &place.access, "Namespace", "Notification Hubs namespace", NOTIFICATION_HUBS_API, Mark::Tags)
        }
        Object::NotificationHub(hub) => {
            let place = place_of_hub(pass, hub)?;
            // Policies and credentials go with the hub; what is open for them must not outlive it.
            own(pass, &place.access, "Hub", "Notification Hub", NOTIFICATION_HUBS_API, Mark::Tags)?;
            pass.land_all()
        }
        Object::CommunicationService(service) => clear_service(pass, service),
        Object::EventSubscription(subscription) => {
            let service = super::subscription::service_of(pass, subscription)?;
            let place = place(pass, service.spec.account_ref.as_ref(), service.spec.resource_group.as_ref())?;
            own(pass, &place.access, "Subscription", "event subscription", EVENT_GRID_API, Mark::Labels)
        }
    }
}

fn place_of_hub(pass: &Pass<'_>, hub: &NotificationHub) -> Stepped<Place> {
    let namespace = namespace_of(pass, hub)?;
    place(pass, namespace.spec.account_ref.as_ref(), namespace.spec.resource_group.as_ref())
}

/// The object's own resource.
fn own(
    pass: &mut Pass<'_>,
    access: &Access,
    step: &str,
    words: &str,
    api_version: &'static str,
    mark: Mark,
) -> Stepped<()> {
    let Some(id) = pass.resource_id.as_deref().map(ArmId::given) else { return pass.land_all() };
    remove(pass, &Doomed { step, words, access, id, api_version, mark })
}

/// Id that a topic of our own has.
fn own_topic(pass: &Pass<'_>, service: &CommunicationService, group: &ArmId) -> Option<ArmId> {
    let announced = pass.open("Topic").map(|operation| ArmId::given(&operation.resource));
    let set = service.spec.system_topic.as_ref().and_then(|topic| topic.azure_name.as_ref()).map(|name| name.0.clone());
    let name = set.or_else(|| pass.resource_id.as_deref().map(|id| ArmId::given(id).name().to_owned()));
    announced.or_else(|| name.map(|name| event_grid::topic_id(group, &name)))
}

fn clear_service(pass: &mut Pass<'_>, service: &CommunicationService) -> Stepped<()> {
    let place = place(pass, service.spec.account_ref.as_ref(), service.spec.resource_group.as_ref())?;
    let access = &place.access;
    let status = service.status.clone().unwrap_or_default();
    // Without one on record there may be one all the same: made, and never come so far as to be recorded.
    let topic = status.system_topic_id.as_deref().map(ArmId::given);
    if let Some(id) = topic.or_else(|| own_topic(pass, service, &place.group)) {
        // A topic without our tag is someone else's and stays.
        let doomed =
            Doomed { step: "Topic", words: "system topic", access, id, api_version: EVENT_GRID_API, mark: Mark::Tags };
        remove(pass, &doomed)?;
    }
    own(pass, access, "Service", "Communication Services resource", COMMUNICATION_API, Mark::Tags)?;
    let step = format!("Policy/{}", policy_name(&pass.owner.path));
    if let Some(id) = link_policy(pass, service, status.link)? {
        let doomed = Doomed {
            step: &step,
            words: "access policy of the link",
            access,
            id,
            api_version: NOTIFICATION_HUBS_API,
            mark: Mark::Inherited,
        };
        remove(pass, &doomed)?;
    }
    pass.land_all()
}

/// The policy made for the link: where the link is recorded, else where it was announced, else where it would be.
fn link_policy(pass: &Pass<'_>, service: &CommunicationService, link: Option<LinkStatus>) -> Stepped<Option<ArmId>> {
    let name = policy_name(&pass.owner.path);
    if let Some(link) = link {
        return Ok(Some(ArmId::given(&link.hub_id).child("authorizationRules", &link.policy_name)));
    }
    if let Some(operation) = pass.open(&format!("Policy/{name}")) {
        return Ok(Some(ArmId::given(&operation.resource)));
    }
    let Some(wanted) = &service.spec.notification_hub else { return Ok(None) };
    let hub = pass.object(Kind::NotificationHub, &wanted.hub_ref.name)?;
    let hub = hub.and_then(Object::status).and_then(|status| status.azure_resource_id.as_deref());
    Ok(hub.map(|hub| ArmId::given(hub).child("authorizationRules", &name)))
}

/// An account owns nothing in Azure, but everything that does needs it until it is gone.
fn let_account_go(pass: &mut Pass<'_>, account: &AzureAccount) -> Stepped<()> {
    let access = access_of(account);
    if let Proof::ServiceAccount { .. } = &access.proof
        && pass.terminating()?
    {
        spill_assertion(pass, &access)?;
    }
    in_use(pass)?;
    // A Secret may be held from before it was recorded that it is.
    if let Proof::ClientSecret { secret, .. } = &access.proof {
        super::account::remember(pass, secret);
    }
    super::account::let_go(pass, None)?;
    Err(release("No object needs the account any more."))
}

/// No new assertion can be had in a terminating namespace, and this process may be restarted before all is gone: the one at
/// hand is put into the Secret that was made for it.
fn spill_assertion(pass: &Pass<'_>, access: &Access) -> Stepped<()> {
    use secrecy::ExposeSecret;
    let name = assertion_secret(pass.world.name());
    let Some(secret) = pass.secret(&name)? else { return Ok(()) };
    if secret.content.contains_key(acs_wire::secret_keys::ASSERTION) {
        return Ok(());
    }
    let Some(assertion) = pass.assertion(access)? else { return Ok(()) };
    let content = [(acs_wire::secret_keys::ASSERTION.to_owned(), assertion.expose_secret().to_owned())].into();
    let write = SecretWrite { name, content, replaces: Some(secret.resource_version.clone()), hold: true };
    Err(Halt::Act(
        Box::new(Step::WriteSecret(write)),
        Reason::Deleting,
        "Keeping the credential for what is left to delete.".to_owned(),
    ))
}
