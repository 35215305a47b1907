//! An access policy with the right to send and no other, made for one purpose: a service's link, a relay's pushes.

use crate::azure::call::Access;
use crate::azure::id::ArmId;
use crate::azure::{NOTIFICATION_HUBS_API, notification_hubs as nh};
use crate::kinds::hub::Right;
use crate::pass::{Halt, Pass, Stepped};
use crate::reason::Reason;
use crate::walk;

/// Makes the policy be there, and returns its id. `keyed` is the step whose keys come from it.
///
/// # Errors
/// Halts while it is not.
pub fn ensure(pass: &mut Pass<'_>, access: &Access, hub: &ArmId, name: &str, keyed: &str) -> Stepped<ArmId> {
    let policy = nh::policy(access, hub, &pass.owner, name, &[Right::Send]);
    // A policy that is made again has other keys.
    if !pass.is_settled(&policy.step, &policy.fingerprint())
        && pass.get(access, &policy.id, NOTIFICATION_HUBS_API)?.is_none()
    {
        pass.memory.checked.remove(keyed);
    }
    walk::ensure_child(pass, &policy)?;
    Ok(policy.id)
}

/// Keys of the policy.
///
/// # Errors
/// Halts until Azure told them.
pub fn keys(pass: &Pass<'_>, access: &Access, hub: &ArmId, policy: &ArmId) -> Stepped<nh::Keys> {
    let answer = pass.list_keys(access, policy, NOTIFICATION_HUBS_API)?;
    nh::keys(hub, answer).ok_or_else(|| {
        let message = format!("Azure answered without the keys of access policy {}; asking again.", policy.name());
        Halt::Wait(Reason::RetryingAzureError, message, Some(pass.world.settings.timings.retry_min))
    })
}
