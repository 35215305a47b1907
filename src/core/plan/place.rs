//! Where an object's resource is, and on whose behalf it is worked on.

use crate::azure::call::{Access, Proof};
use crate::azure::error::Fault;
use crate::azure::id::ArmId;
use crate::kinds::account::IdentityType;
use crate::kinds::common::Ref;
use crate::kinds::text::ResourceGroupName;
use crate::kinds::{AzureAccount, Kind, NotificationHub, NotificationHubNamespace, Object, ObjectRef};
use crate::pass::{Halt, Pass, Stepped};
use crate::reason::Reason;

/// Where an object's resource is, and on whose behalf it is worked on.
pub struct Place {
    /// On whose behalf.
    pub access: Access,
    /// Resource group.
    pub group: ArmId,
}

/// What an account stands for.
pub fn access_of(account: &AzureAccount) -> Access {
    let spec = &account.spec;
    let identity = &spec.identity;
    let (client, proof) = match identity.type_ {
        IdentityType::ServicePrincipal => {
            let principal = identity.service_principal.as_ref();
            let proof = Proof::ClientSecret {
                secret: principal.map(|p| p.secret_ref.name.0.clone()).unwrap_or_default(),
                key: principal.map(|p| p.secret_ref.key.0.clone()).unwrap_or_default(),
            };
            (principal.map(|p| p.client_id.0.clone()), proof)
        }
        IdentityType::WorkloadIdentity => {
            let workload = identity.workload_identity.as_ref();
            let name = workload.and_then(|w| w.service_account_name.as_ref()).map(|name| name.0.clone());
            let name = name.unwrap_or_else(|| acs_wire::DEFAULT_SERVICE_ACCOUNT.to_owned());
            (workload.map(|w| w.client_id.0.clone()), Proof::ServiceAccount { name })
        }
    };
    let meta = &account.metadata;
    Access {
        account: ObjectRef::new(
            Kind::AzureAccount,
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        ),
        cloud: spec.cloud.as_ref().map_or_else(|| "Public".to_owned(), |cloud| cloud.0.clone()),
        tenant: spec.tenant_id.0.clone(),
        subscription: spec.subscription_id.0.clone(),
        client: client.unwrap_or_default(),
        proof,
    }
}

/// The account that is named, or `default`; and the resource group that is named, or the account's.
///
/// # Errors
/// Waits until the account is there and Ready. For a deletion it need not be Ready: whatever credential is left is tried.
pub fn place(pass: &Pass<'_>, account: Option<&Ref>, group: Option<&ResourceGroupName>) -> Stepped<Place> {
    let name = account.map_or("default", |account| &account.name.0);
    let account = match pass.object(Kind::AzureAccount, name)? {
        Some(Object::AzureAccount(account)) => account,
        _ => return Err(missing(pass, Kind::AzureAccount, name)),
    };
    if !pass.world.object.is_deleting() {
        ready(pass, &Object::AzureAccount(account.clone()))?;
    }
    let access = access_of(account);
    let recorded = pass.resource_id.as_deref().and_then(|id| id.split_once("/providers/")).map(|(group, _)| group);
    if let Some(recorded) = recorded.filter(|_| pass.world.object.is_deleting()) {
        return Ok(Place { access, group: ArmId::given(recorded) });
    }
    let Some(group) = group.or(account.spec.resource_group.as_ref()) else {
        let message = format!("Neither this object nor AzureAccount {name} names a `resourceGroup`: set one of them.");
        return Err(Halt::Fault(Fault::blocked(Reason::ResourceGroupNotFound, message)));
    };
    let group = ArmId::group(&access.subscription, group);
    Ok(Place { access, group })
}

/// The namespace of a hub.
///
/// # Errors
/// Waits until it is there.
pub fn namespace_of<'w>(pass: &Pass<'w>, hub: &NotificationHub) -> Stepped<&'w NotificationHubNamespace> {
    let name = &hub.spec.namespace_ref.name;
    match pass.object(Kind::NotificationHubNamespace, name)? {
        Some(Object::NotificationHubNamespace(namespace)) => Ok(namespace),
        _ => Err(missing(pass, Kind::NotificationHubNamespace, name)),
    }
}

/// Waits until another object is Ready.
///
/// # Errors
/// While it is not; the message says why it is not.
pub fn ready(_: &Pass<'_>, object: &Object) -> Stepped<()> {
    if object.is_ready() {
        return Ok(());
    }
    let why = match object.ready() {
        Some((_, reason, _)) => format!("{} is not Ready ({reason}).", object.object_ref()),
        None => format!("{} is not Ready yet.", object.object_ref()),
    };
    Err(Halt::Wait(Reason::DependencyNotReady, why, None))
}

/// Waits for a condition of another object.
///
/// # Errors
/// While it is not True; the message says why.
pub fn condition(object: &Object, type_: crate::reason::ConditionType) -> Stepped<()> {
    let conditions = object.status().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let found = conditions.iter().find(|condition| condition.type_ == type_.name());
    match found {
        Some(condition) if condition.status == "True" => Ok(()),
        Some(condition) => {
            let message = format!("{} is not {type_} ({}).", object.object_ref(), condition.reason);
            Err(Halt::Wait(Reason::DependencyNotReady, message, None))
        }
        None => {
            Err(Halt::Wait(Reason::DependencyNotReady, format!("{} is not {type_} yet.", object.object_ref()), None))
        }
    }
}

/// Waits for an object that does not exist. A deletion cannot wait for it: without it there is no credential.
pub fn missing(pass: &Pass<'_>, kind: Kind, name: &str) -> Halt {
    if pass.world.object.is_deleting() {
        let message = format!(
            "{kind} {name} is gone, so there is no credential to delete with: create it again, or set `deletionPolicy: Retain`."
        );
        return Halt::Fault(Fault::blocked(Reason::CredentialUnavailable, message));
    }
    Halt::Wait(Reason::DependencyNotReady, format!("{kind} {name} does not exist in this namespace."), None)
}

/// The name on record. `claim` ran before, so there is one.
pub fn azure_name<'w>(pass: &Pass<'w>) -> &'w str {
    pass.world.object.annotation(acs_wire::ANNOTATION_AZURE_NAME).unwrap_or_default()
}
