//! `NotificationHub`: hub, then push credentials and access policies beside each other.

use serde_json::json;

use crate::azure::call::{Access, Body, Method};
use crate::azure::descriptor::Mark;
use crate::azure::error::Fault;
use crate::azure::id::ArmId;
use crate::azure::{NOTIFICATION_HUBS_API, notification_hubs as nh};
use crate::blind::{self, Blind};
use crate::kinds::hub::{AccessPolicy, Credentials, PolicyStatus};
use crate::kinds::{NotificationHub, Object};
use crate::names::fingerprint;
use crate::pass::{Finding, Halt, Pass, Stepped};
use crate::reason::{ConditionType, Reason};
use crate::remove::{Doomed, remove};
use crate::step::Step;
use crate::walk;

use super::place::{azure_name, namespace_of, place, ready};

pub fn plan(pass: &mut Pass<'_>, hub: &NotificationHub) -> Stepped<()> {
    let namespace = namespace_of(pass, hub)?;
    ready(pass, &Object::NotificationHubNamespace(Box::new(namespace.clone())))?;
    let place = place(pass, namespace.spec.account_ref.as_ref(), namespace.spec.resource_group.as_ref())?;
    let namespace_id =
        ArmId::given(namespace.status.as_ref().and_then(|s| s.common.azure_resource_id.as_deref()).unwrap_or_default());
    let id = nh::hub_id(&namespace_id, azure_name(pass));
    let wanted = nh::hub(&place.access, id.clone(), &pass.owner, &namespace.spec.location, &hub.spec.tags);
    pass.is_at(&wanted)?;
    // A hub that is made again has none of what the old one was given.
    if pass.get(&place.access, &id, NOTIFICATION_HUBS_API)?.is_none() {
        pass.outputs.remove("credentialsFingerprint");
        pass.close_answered("Credentials");
        pass.memory.checked.clear();
    }
    pass.step(ConditionType::Provisioned, |pass| walk::ensure(pass, &wanted))?;
    let credentials = credentials(pass, hub, &place.access, &id);
    let policies = pass.step(ConditionType::PoliciesReady, |pass| policies(pass, hub, &place.access, &id));
    pass.join([credentials, policies])
}

fn credentials(pass: &mut Pass<'_>, hub: &NotificationHub, access: &Access, id: &ArmId) -> Stepped<()> {
    let type_ = ConditionType::CredentialsApplied;
    let Some(credentials) = &hub.spec.credentials else {
        pass.not_requested(type_);
        return pass.drop_step("Credentials");
    };
    if pass.observes() {
        let message = "Azure never shows push credentials, and `managementPolicy` is Observe.".to_owned();
        pass.findings.push(Finding { type_, status: "Unknown", reason: Reason::NotRequested, message });
        return Ok(());
    }
    pass.step(type_, |pass| {
        let body = credentials_body(pass, credentials)?;
        let wanted = fingerprint(&pass.owner, &[id.as_str(), &body.to_string()]);
        let applied = pass.outputs.get("credentialsFingerprint").and_then(serde_json::Value::as_str);
        let in_place = applied == Some(wanted.as_str());
        let taken = blind::ensure(
            pass,
            Blind {
                step: "Credentials",
                words: "Setting push credentials of",
                access,
                id,
                method: Method::Patch,
                action: "",
                api_version: NOTIFICATION_HUBS_API,
                body: Body(body),
                wanted: &wanted,
                in_place,
            },
        )?;
        if taken {
            pass.output("credentialsFingerprint", wanted);
        }
        Ok(())
    })
}

fn credentials_body(pass: &Pass<'_>, credentials: &Credentials) -> Stepped<serde_json::Value> {
    let invalid = |secret: &str, key: &str, what: &str, why: &str| {
        let message = format!("Secret \"{secret}\", key \"{key}\" is not {what}: {why}.");
        Halt::Fault(Fault::blocked(Reason::SecretInvalid, message))
    };
    let apns = match credentials.apns.as_ref().and_then(|apns| apns.token.as_ref()) {
        None => None,
        Some(token) => {
            let place = &token.key_secret_ref;
            let text = pass.secret_key(&place.name, &place.key, "APNS key")?;
            let key = nh::apns_key(text).map_err(|why| invalid(&place.name, &place.key, "an Apple .p8 key", &why))?;
            Some((token, key))
        }
    };
    let fcm = match &credentials.fcm_v1 {
        None => None,
        Some(fcm) => {
            let place = &fcm.service_account_secret_ref;
            let text = pass.secret_key(&place.name, &place.key, "Google service account")?;
            Some(nh::fcm_key(text).map_err(|why| invalid(&place.name, &place.key, "a Google service account", &why))?)
        }
    };
    Ok(nh::credentials_body(apns.as_ref().map(|(token, key)| (*token, key.as_str())), fcm.as_ref()))
}

fn policies(pass: &mut Pass<'_>, hub: &NotificationHub, access: &Access, id: &ArmId) -> Stepped<()> {
    let made = hub.status.as_ref().map(|status| status.policies.clone()).unwrap_or_default();
    // Who only looks deletes nothing.
    let observes = pass.observes();
    for old in made.iter().filter(|_| !observes) {
        if !hub
            .spec
            .access_policies
            .iter()
            .any(|policy| policy.name.0 == old.name && policy.secret_name.0 == old.secret_name)
        {
            let keep_policy = hub.spec.access_policies.iter().any(|policy| policy.name.0 == old.name);
            let still_named = hub.spec.access_policies.iter().any(|policy| policy.secret_name.0 == old.secret_name);
            drop_policy(pass, access, id, old, keep_policy, still_named)?;
        }
    }
    let wanted: Vec<PolicyStatus> = hub
        .spec
        .access_policies
        .iter()
        .map(|policy| PolicyStatus { name: policy.name.0.clone(), secret_name: policy.secret_name.0.clone() })
        .collect();
    if wanted.is_empty() || pass.observes() {
        pass.outputs.remove("policies");
    } else {
        // Recorded with the first intent, before anything is made.
        pass.output("policies", json!(wanted));
    }
    // One after the other: Azure answers 409 to policies of one hub that are written side by side.
    for policy in &hub.spec.access_policies {
        ensure_policy(pass, access, id, policy)?;
    }
    Ok(())
}

fn ensure_policy(pass: &mut Pass<'_>, access: &Access, hub: &ArmId, policy: &AccessPolicy) -> Stepped<()> {
    let wanted = nh::policy(access, hub, &pass.owner, &policy.name, &policy.rights);
    walk::ensure(pass, &wanted)?;
    let step = wanted.step.as_str();
    let holder = pass.holder(&policy.secret_name)?;
    if !holder.is_empty() && !pass.keys_due(step, &holder) {
        return Ok(());
    }
    let answer = pass.list_keys(access, &wanted.id, NOTIFICATION_HUBS_API)?;
    let Some(keys) = nh::keys(hub, answer) else {
        let message = format!("Azure answered without the keys of access policy {}; asking again.", policy.name);
        return Err(Halt::Wait(Reason::RetryingAzureError, message, Some(pass.world.settings.timings.retry_min)));
    };
    pass.publish(
        &policy.secret_name,
        [
            (acs_wire::secret_keys::CONNECTION_STRING, keys.connection_string(&policy.name, &keys.primary)),
            (acs_wire::secret_keys::HUB_NAME, hub.name().to_owned()),
            (acs_wire::secret_keys::POLICY_NAME, policy.name.0.clone()),
        ],
    )?;
    pass.keys_checked(step, holder);
    Ok(())
}

fn drop_policy(
    pass: &mut Pass<'_>,
    access: &Access,
    hub: &ArmId,
    old: &PolicyStatus,
    keep_policy: bool,
    still_named: bool,
) -> Stepped<()> {
    if !keep_policy {
        let step = format!("Policy/{}", old.name);
        let doomed = Doomed {
            step: &step,
            words: "access policy",
            access,
            id: hub.child("authorizationRules", &old.name),
            api_version: NOTIFICATION_HUBS_API,
            mark: Mark::Inherited,
        };
        remove(pass, &doomed)?;
    }
    match pass.secret(&old.secret_name)? {
        Some(secret) if !still_named && secret.owner_uid.as_deref() == Some(pass.world.object.uid()) => {
            let step =
                Step::DeleteSecret { name: old.secret_name.clone(), resource_version: secret.resource_version.clone() };
            Err(Halt::Act(Box::new(step), Reason::Updating, format!("Deleting Secret \"{}\".", old.secret_name)))
        }
        _ => Ok(()),
    }
}
