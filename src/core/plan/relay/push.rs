//! How a relay may push: an access policy of its own at the hub, in a Secret of its own.

use crate::azure::NOTIFICATION_HUBS_API;
use crate::azure::call::Access;
use crate::azure::descriptor::Mark;
use crate::azure::id::ArmId;
use crate::kinds::hub::Credentials;
use crate::kinds::{EventRelay, Kind, NotificationHub, Object};
use crate::names::{push_secret, short_hash};
use crate::pass::{Halt, Pass, Stepped};
use crate::plan::place::{access_of, condition, missing, namespace_of, place};
use crate::plan::send_policy;
use crate::reason::{ConditionType, Reason};
use crate::remove::{Doomed, remove};
use crate::step::Step;

const KEYED: &str = "Push";

/// Name of the policy made for a relay.
pub fn policy_name(owner_path: &str) -> String {
    format!("acs-relay-{}", short_hash(owner_path))
}

pub fn plan(pass: &mut Pass<'_>, relay: &EventRelay) -> Stepped<()> {
    let type_ = ConditionType::PushReady;
    let Some(push) = &relay.spec.push else {
        pass.not_requested(type_);
        leave(pass, None)?;
        return drop_secret(pass);
    };
    pass.step(type_, |pass| {
        let name = &push.hub_ref.name;
        let Some(Object::NotificationHub(hub)) = pass.object(Kind::NotificationHub, name)? else {
            return Err(missing(pass, Kind::NotificationHub, name));
        };
        condition(&Object::NotificationHub(hub.clone()), ConditionType::Provisioned)?;
        let hub_id = id_of(hub);
        let policy = policy_name(&pass.owner.path);
        leave(pass, Some(&hub_id.child("authorizationRules", &policy)))?;
        let access = access_to(pass, hub)?;
        // Recorded with the intent, before anything is made.
        pass.output("pushPolicyId", hub_id.child("authorizationRules", &policy).as_str());
        let policy_id = send_policy::ensure(pass, &access, &hub_id, &policy, KEYED)?;
        let recorded = relay.status.as_ref().and_then(|status| status.push_policy_id.as_deref());
        if recorded.map(ArmId::given).as_ref() != Some(&policy_id) {
            // One that was there already was made without an intent: it goes on record before its key goes anywhere.
            let message = "The access policy is being recorded.".to_owned();
            return Err(Halt::Wait(Reason::Updating, message, Some(0)));
        }
        let secret = push_secret(pass.world.name());
        let holder = pass.holder(&secret)?;
        if !holder.is_empty() && !pass.keys_due(KEYED, &holder) {
            return Ok(());
        }
        let keys = send_policy::keys(pass, &access, &hub_id, &policy_id)?;
        let content = [
            (acs_wire::secret_keys::CONNECTION_STRING, keys.connection_string(&policy, &keys.primary)),
            (acs_wire::secret_keys::HUB_NAME, hub_id.name().to_owned()),
        ];
        pass.publish(&secret, content)?;
        pass.keys_checked(KEYED, holder);
        Ok(())
    })
}

/// Credentials of the hub, which say what platforms there are. A hub that is not there yet has none.
///
/// # Errors
/// Halts until the hub was read.
pub fn credentials<'w>(pass: &Pass<'w>, relay: &EventRelay) -> Stepped<Option<&'w Credentials>> {
    let Some(push) = &relay.spec.push else { return Ok(None) };
    match pass.object(Kind::NotificationHub, &push.hub_ref.name)? {
        Some(Object::NotificationHub(hub)) => Ok(hub.spec.credentials.as_ref()),
        _ => Ok(None),
    }
}

/// Cloud of the hub's account, where one of the configured clouds has hubs that are reached in a way of their own. What is not there
/// yet has none.
///
/// # Errors
/// Halts until hub, namespace and account were read.
pub fn cloud(pass: &Pass<'_>, relay: &EventRelay) -> Stepped<Option<String>> {
    let Some(push) = relay.spec.push.as_ref().filter(|_| !pass.world.settings.relay.clouds.is_empty()) else {
        return Ok(None);
    };
    let Some(Object::NotificationHub(hub)) = pass.object(Kind::NotificationHub, &push.hub_ref.name)? else {
        return Ok(None);
    };
    let namespace = pass.object(Kind::NotificationHubNamespace, &hub.spec.namespace_ref.name)?;
    let Some(Object::NotificationHubNamespace(namespace)) = namespace else { return Ok(None) };
    let account = namespace.spec.account_ref.as_ref().map_or("default", |account| &account.name.0);
    let Some(Object::AzureAccount(account)) = pass.object(Kind::AzureAccount, account)? else { return Ok(None) };
    Ok(Some(access_of(account).cloud))
}

/// Deletion: the policy goes, and with the object all the rest.
///
/// # Errors
/// Halts while it is there.
pub fn clear(pass: &mut Pass<'_>, _: &EventRelay) -> Stepped<()> {
    leave(pass, None)?;
    pass.land_all()
}

fn id_of(hub: &NotificationHub) -> ArmId {
    let id = hub.status.as_ref().and_then(|status| status.common.azure_resource_id.as_deref());
    ArmId::given(id.unwrap_or_default())
}

fn access_to(pass: &Pass<'_>, hub: &NotificationHub) -> Stepped<Access> {
    let namespace = namespace_of(pass, hub)?;
    Ok(place(pass, namespace.spec.account_ref.as_ref(), namespace.spec.resource_group.as_ref())?.access)
}

/// Removes the policy that is on record, or announced, unless it is `here`.
fn leave(pass: &mut Pass<'_>, here: Option<&ArmId>) -> Stepped<()> {
    let step = format!("Policy/{}", policy_name(&pass.owner.path));
    let recorded = pass.outputs.get("pushPolicyId").and_then(serde_json::Value::as_str).map(ArmId::given);
    let announced = pass.open(&step).map(|operation| ArmId::given(&operation.resource));
    let Some(old) = recorded.or(announced).filter(|old| Some(old) != here) else { return Ok(()) };
    let hub = old.as_str().split("/authorizationRules/").next().map(ArmId::given);
    let found = pass.objects(Kind::NotificationHub)?.iter().find_map(|object| match object {
        Object::NotificationHub(candidate) if Some(id_of(candidate)) == hub => Some(candidate),
        _ => None,
    });
    // A hub waits for its users: one that is gone took its policies with it.
    if let Some(found) = found {
        let access = access_to(pass, found)?;
        let doomed = Doomed {
            step: &step,
            words: "access policy of the relay",
            access: &access,
            id: old,
            api_version: NOTIFICATION_HUBS_API,
            mark: Mark::Inherited,
        };
        remove(pass, &doomed)?;
    } else {
        pass.drop_step(&step)?;
    }
    pass.outputs.remove("pushPolicyId");
    pass.memory.settled.remove(&step);
    pass.memory.checked.remove(KEYED);
    Ok(())
}

fn drop_secret(pass: &Pass<'_>) -> Stepped<()> {
    let name = push_secret(pass.world.name());
    match pass.secret(&name)? {
        Some(secret) if secret.owner_uid.as_deref() == Some(pass.world.object.uid()) => {
            let step = Step::DeleteSecret { name: name.clone(), resource_version: secret.resource_version.clone() };
            Err(Halt::Act(Box::new(step), Reason::Updating, format!("Deleting Secret \"{name}\".")))
        }
        _ => Ok(()),
    }
}
