//! `AzureAccount`: prove that a token can be had, and keep what deletion will need.

use crate::azure::call::Proof;
use crate::azure::error::Fault;
use crate::kinds::{AzureAccount, Kind, Object};
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
                hold(pass, secret, view.held)?;
                let_go(pass, Some(secret))?;
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
                let_go(pass, Some(&assertion_secret(pass.world.name())))?;
                String::new()
            }
        };
        match pass.token(&access, &revision)? {
            Ok(()) => Ok(()),
            Err(error) => Err(Halt::Fault(error.fault("obtaining a token"))),
        }
    })
}

const HELD: &str = "heldSecrets";

fn held_secrets(pass: &Pass<'_>) -> Vec<String> {
    pass.outputs.get(HELD).and_then(|list| serde_json::from_value(list.clone()).ok()).unwrap_or_default()
}

/// Counts a Secret among those that are held.
pub fn remember(pass: &mut Pass<'_>, name: &str) {
    let mut names = held_secrets(pass);
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
        pass.output(HELD, names);
    }
}

/// Holds a Secret. It goes on record first: a finalizer that nobody remembers would keep its namespace for ever.
fn hold(pass: &mut Pass<'_>, name: &str, held: bool) -> Stepped<()> {
    if !held_secrets(pass).iter().any(|known| known == name) {
        remember(pass, name);
        return Err(Halt::Wait(Reason::Pending, format!("Secret \"{name}\" is going to be held."), Some(0)));
    }
    if held {
        return Ok(());
    }
    let step = Step::HoldSecret { name: name.to_owned(), hold: true };
    Err(Halt::Act(Box::new(step), Reason::Pending, format!("Holding Secret \"{name}\".")))
}

/// Lets every Secret go that this account held, but for the one it needs now, and for those that another account needs.
///
/// # Errors
/// Halts while one is held.
pub fn let_go(pass: &mut Pass<'_>, needed: Option<&str>) -> Stepped<()> {
    let own = assertion_secret(pass.world.name());
    let mut candidates = held_secrets(pass);
    candidates.push(own);
    for name in candidates.iter().filter(|name| Some(name.as_str()) != needed) {
        let held = pass.secret(name)?.is_some_and(|secret| secret.held);
        if held && !held_for_another(pass, name)? {
            let step = Step::HoldSecret { name: name.clone(), hold: false };
            return Err(Halt::Act(Box::new(step), Reason::Pending, format!("Letting Secret \"{name}\" go.")));
        }
    }
    match needed.filter(|needed| held_secrets(pass).iter().any(|name| name == needed)) {
        Some(needed) => pass.output(HELD, vec![needed.to_owned()]),
        None => drop(pass.outputs.remove(HELD)),
    }
    Ok(())
}

fn held_for_another(pass: &Pass<'_>, secret: &str) -> Stepped<bool> {
    let others = pass.objects(Kind::AzureAccount)?;
    Ok(others.iter().any(|other| {
        let Object::AzureAccount(other) = other else { return false };
        let same = other.metadata.uid.as_deref() == Some(pass.world.object.uid());
        !same && matches!(access_of(other).proof, Proof::ClientSecret { secret: name, .. } if name == secret)
    }))
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
