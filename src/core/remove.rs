//! Deletion of one Azure resource: written once for all of them, as [`crate::walk`] is for the rest of their life.

use crate::azure::call::{Access, Method};
use crate::azure::descriptor::{Mark, Ownership, ownership};
use crate::azure::id::ArmId;
use crate::azure::provisioning::OperationState;
use crate::kinds::common::Verb;
use crate::pass::{Halt, Pass, Stepped};
use crate::reason::Reason;

/// A resource that has to go.
pub struct Doomed<'a> {
    /// Name of the step.
    pub step: &'a str,
    /// What it is, for messages.
    pub words: &'a str,
    /// On whose behalf.
    pub access: &'a Access,
    /// Id.
    pub id: ArmId,
    /// Version of the API.
    pub api_version: &'static str,
    /// Where its owner is written.
    pub mark: Mark,
}

/// Makes a resource be gone: DELETE until Azure says 404, and until no call of ours can land any more. What is not ours is
/// left alone.
///
/// # Errors
/// Halts while it is there.
pub fn remove(pass: &mut Pass<'_>, doomed: &Doomed<'_>) -> Stepped<()> {
    let observed = match pass.get(doomed.access, &doomed.id, doomed.api_version) {
        // Without its group or subscription the resource is gone too.
        Err(Halt::Fault(fault))
            if matches!(fault.reason, Reason::ResourceGroupNotFound | Reason::SubscriptionNotFound) =>
        {
            None
        }
        other => other?,
    };
    let Some(observed) = observed else {
        return gone(pass, doomed);
    };
    if pass.observes() || ownership(doomed.mark, &pass.owner, observed) != Ownership::Ours {
        pass.wait_out(doomed.step)?;
        pass.close(doomed.step);
        return Ok(());
    }
    let timings = pass.world.settings.timings;
    let open = pass.open(doomed.step).map(|operation| {
        (operation.verb, operation.poll_url.is_some(), pass.age(operation), pass.reply(operation).is_some())
    });
    if let Some((Verb::Delete, accepted, age, answered)) = open {
        // 202 is not "gone": only a 404 of the resource is. One that never comes is asked for again.
        if let Some(url) = pass.open(doomed.step).and_then(|operation| operation.poll_url.clone())
            && let OperationState::Failed(error) = pass.poll(doomed.access, &url)?
        {
            let fault = error.fault(&format!("deleting {} {}", doomed.words, doomed.id.name()));
            pass.close(doomed.step);
            pass.failed(doomed.step, "delete", fault.clone());
            return Err(Halt::Fault(fault));
        }
        if (accepted || answered) && age < timings.quarantine() {
            let message = format!("Azure is deleting {} {}.", doomed.words, doomed.id.name());
            return Err(Halt::Wait(Reason::Deleting, message, Some(timings.next_poll(age, 30_000))));
        }
        if !(accepted || answered) {
            pass.wait_out(doomed.step)?;
        }
        pass.close(doomed.step);
    } else if open.is_some() {
        // A creation under way: Azure refuses or queues a delete, so it is sent at once; what is open is replaced only when
        // its call can no longer land after the delete.
        let accepted = open.is_some_and(|(_, accepted, _, answered)| accepted || answered);
        if !accepted {
            pass.wait_out(doomed.step)?;
        }
        pass.close(doomed.step);
    }
    pass.not_before_due(doomed.step, "delete")?;
    let path = doomed.id.as_str().to_owned();
    let call = pass.call(doomed.access, Method::Delete, path, doomed.api_version, None);
    Err(pass.mutate(doomed.step, Verb::Delete, &doomed.id, call, "delete", &format!("Deleting {}", doomed.words)))
}

/// Azure says 404. Could it still come?
fn gone(pass: &mut Pass<'_>, doomed: &Doomed<'_>) -> Stepped<()> {
    let Some(operation) = pass.open(doomed.step) else { return Ok(()) };
    let (verb, url, answered) = (operation.verb, operation.poll_url.clone(), pass.reply(operation).is_some());
    if verb == Verb::Delete {
        // Without an answer it may still be on its way, and meet what is made next under the same name.
        if !answered && url.is_none() {
            return pass.wait_out(doomed.step);
        }
        pass.close(doomed.step);
        return Ok(());
    }
    // A creation that was accepted and is not visible yet must not be taken for one that never was.
    match url {
        Some(url) => match pass.poll(doomed.access, &url) {
            Ok(OperationState::Running) => {
                let message =
                    format!("Azure is still creating {} {}; it is deleted after that.", doomed.words, doomed.id.name());
                Err(Halt::Wait(Reason::Deleting, message, Some(pass.world.settings.timings.poll)))
            }
            Ok(OperationState::Failed(_)) => {
                pass.close(doomed.step);
                Ok(())
            }
            Ok(OperationState::Succeeded | OperationState::Lost) | Err(Halt::Fault(_)) => pass.wait_out(doomed.step),
            Err(halt) => Err(halt),
        },
        None => pass.wait_out(doomed.step),
    }
}
