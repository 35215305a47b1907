//! `AzureAccount`: prove that a token can be had, and keep what deletion will need.

use crate::azure::call::Proof;
use crate::azure::error::Fault;
use crate::kinds::AzureAccount;
use crate::names::assertion_secret;
use crate::pass::{Halt, Pass, Stepped};
use crate::reason::{ConditionType, Reason};
use crate::step::{SecretWrite, Step};

use super::place::access_of;

pub fn plan(pass: &mut Pass<'_>, account: &AzureAccount) -> Stepped<()> {
    pass.step(ConditionType::Authenticated, |pass| {
        let access = access_of(account);
        let settings = &pass.world.settings;
        if !settings.clouds.contains(&access.cloud) {
            let message = format!(
                "The operator's configuration has no cloud \"{}\" (it has {}).",
                access.cloud,
                settings.clouds.join(", ")
            );
            return Err(Halt::Fault(Fault::blocked(Reason::CloudNotConfigured, message)));
        }
        let revision = match &access.proof {
            Proof::ClientSecret { secret, key } => {
                pass.secret_key(secret, key, "client secret of the account")?;
                let view = pass.secret(secret)?.cloned().unwrap_or_default();
                // Held until nothing is left to delete with it: a namespace may delete its Secrets first.
                if !view.held {
                    let hold = Step::HoldSecret { name: secret.clone(), hold: true };
                    return Err(Halt::Act(Box::new(hold), Reason::Pending, format!("Holding Secret \"{secret}\".")));
                }
                crate::names::fingerprint(&pass.owner, &[view.content.get(key).map(String::as_str).unwrap_or_default()])
            }
            Proof::ServiceAccount { name } => {
                if !settings.service_accounts.contains(name) {
                    let message = format!(
                        "The operator's configuration does not allow ServiceAccount \"{name}\" (it allows {}).",
                        settings.service_accounts.join(", ")
                    );
                    return Err(Halt::Fault(Fault::blocked(Reason::ServiceAccountNotAllowed, message)));
                }
                reserve_assertion(pass)?;
                String::new()
            }
        };
        match pass.token(&access, &revision)? {
            Ok(()) => Ok(()),
            Err(error) => Err(Halt::Fault(error.fault("obtaining a token"))),
        }
    })
}

/// In a terminating namespace no token of a ServiceAccount can be had and nothing can be created, but what exists can be
/// updated: so the Secret is made now, empty, and held.
fn reserve_assertion(pass: &Pass<'_>) -> Stepped<()> {
    let name = assertion_secret(pass.world.name());
    match pass.secret(&name)? {
        Some(secret) if secret.owner_uid.as_deref() == Some(pass.world.object.uid()) => Ok(()),
        Some(_) => {
            let message = format!("Secret \"{name}\" exists and does not belong to this account: delete it.");
            Err(Halt::Fault(Fault::blocked(Reason::SecretConflict, message)))
        }
        None => {
            let write = SecretWrite { name, content: std::collections::BTreeMap::new(), replaces: None, hold: true };
            Err(Halt::Act(
                Box::new(Step::WriteSecret(write)),
                Reason::Pending,
                "Reserving a place for an assertion.".to_owned(),
            ))
        }
    }
}
