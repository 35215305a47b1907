//! The walk over one Azure resource: read, compare, announce, send, watch, settle. Written once for all of them.

use crate::azure::call::{Body, Method};
use crate::azure::descriptor::{Compare, Descriptor, Field, Ownership};
use crate::azure::error::{AzureError, Class, Fault};
use crate::azure::provisioning::{OperationState, Provisioning, of_resource};
use crate::kinds::common::{AdoptionPolicy, Verb};
use crate::pass::{Halt, Pass, Stepped};
use crate::reason::Reason;

/// Makes a resource be as described, and returns it as observed.
///
/// # Errors
/// Halts while it is not.
pub fn ensure<'w>(pass: &mut Pass<'w>, wanted: &Descriptor) -> Stepped<&'w Body> {
    let Some(observed) = pass.get(&wanted.access, &wanted.id, wanted.api_version)? else {
        return Err(create(pass, wanted));
    };
    claimable(pass, wanted, observed)?;
    match of_resource(observed) {
        Provisioning::Deleting => {
            let message = format!("{} {} is being deleted in Azure.", wanted.words, wanted.id.name());
            Err(Halt::Wait(Reason::Provisioning, message, Some(pass.world.settings.timings.poll)))
        }
        Provisioning::Running(word) => Err(running(pass, wanted, &word)),
        Provisioning::AwaitingManualAction => {
            let message = format!(
                "{} {}: the endpoint answered the handshake without the code, so Azure waits for its owner to open the validation URL.",
                wanted.words,
                wanted.id.name()
            );
            Err(Halt::Wait(Reason::AwaitingHandshake, message, Some(pass.world.settings.timings.poll * 5)))
        }
        Provisioning::Failed(word) => Err(failed(pass, wanted, observed, &word)),
        Provisioning::Succeeded => compare(pass, wanted, observed),
    }
}

/// As [`ensure`], for a child whose body nobody needs: one that was as described is not read again for a while, unless
/// something changed. Reading every child with its parent would take the whole read budget of a thousand services.
///
/// # Errors
/// Halts while it is not as described.
pub fn ensure_child(pass: &mut Pass<'_>, wanted: &Descriptor) -> Stepped<()> {
    let fingerprint = wanted.fingerprint();
    if pass.is_settled(&wanted.step, &fingerprint) {
        return Ok(());
    }
    pass.memory.settled.remove(&wanted.step);
    ensure(pass, wanted)?;
    pass.has_settled(&wanted.step, fingerprint);
    Ok(())
}

/// True if what Azure never shows was taken: the intent's call was answered well, or its operation ended well.
///
/// # Errors
/// Halts while the operation runs.
fn taken(pass: &mut Pass<'_>, wanted: &Descriptor) -> Stepped<bool> {
    let Some(operation) = pass.open(&wanted.step) else { return Ok(false) };
    if operation.fingerprint != wanted.fingerprint() {
        return Ok(false);
    }
    let answered = pass.reply(operation).is_some();
    match operation.poll_url.clone() {
        None => Ok(answered),
        Some(url) => match pass.poll(&wanted.access, &url)? {
            OperationState::Succeeded => Ok(true),
            OperationState::Running => Err(running(pass, wanted, "Running")),
            OperationState::Failed(error) => Err(operation_failed(pass, wanted, &error)),
            OperationState::Lost => Ok(false),
        },
    }
}

/// True if Azure took exactly this in a call of which nothing showed at first: a lagging read is no reason to send it again.
fn was_taken(pass: &Pass<'_>, wanted: &Descriptor) -> bool {
    let failure = pass.memory.failures.get(&wanted.step);
    failure.is_some_and(|failure| {
        failure.fault.reason == Reason::NotConverging && failure.fingerprint == wanted.fingerprint()
    })
}

fn compare<'w>(pass: &mut Pass<'w>, wanted: &Descriptor, observed: &'w Body) -> Stepped<&'w Body> {
    // A call with another wish is on its way, or has arrived: what Azure took before it no longer says what Azure has.
    let overtaken = pass.open(&wanted.step).is_some_and(|open| open.fingerprint != wanted.fingerprint());
    let took_unseen = !overtaken && wanted.unseen.is_some() && (taken(pass, wanted)? || was_taken(pass, wanted));
    let otherwise = wanted.unseen.as_ref().and_then(|unseen| unseen.shown_otherwise);
    let mut differing = wanted.differences(observed);
    let unseen = |field: &&Field| field.compare == Compare::Unseen;
    if overtaken && !differing.iter().any(unseen) {
        differing.extend(wanted.fields.iter().filter(unseen));
    }
    // What Azure never shows cannot be said to differ by one who only looks. What it does show of it can, even when it took the
    // call.
    if took_unseen || pass.observes() {
        differing.retain(|field| !unseen(field) || otherwise == Some(field.path));
    }
    if differing.is_empty() && (pass.observes() || !wanted.lacks_mark(observed)) {
        // An intent for something else may still land and undo this; so may a call that nobody knows the end of.
        let same_wish = pass.open(&wanted.step).is_some_and(|operation| operation.fingerprint == wanted.fingerprint());
        // That a resource is there proves that its creation arrived. That it looks as wished proves nothing of a change or of
        // a repair: an earlier one may show only now, or someone else did it; landing late, it would undo what comes after.
        let unproven = |operation: &crate::kinds::common::Operation| {
            operation.verb == Verb::Patch && operation.poll_url.is_none() && pass.reply(operation).is_none()
        };
        if !same_wish {
            settle_other(pass, wanted)?;
        } else if pass.open(&wanted.step).is_some_and(unproven) {
            pass.wait_out(&wanted.step)?;
        }
        pass.close(&wanted.step);
        pass.memory.failures.remove(&wanted.step);
        return Ok(observed);
    }
    if let Some(field) = differing.iter().find(|field| !field.mutable) {
        let message = format!(
            "{} {} has another value in `{}`, which Azure never changes: change the spec back, or delete and create again.",
            wanted.words,
            wanted.id.name(),
            field.path
        );
        return Err(Halt::Fault(Fault::blocked(Reason::Immutable, message)));
    }
    let paths: Vec<&str> = differing.iter().map(|field| field.path).collect();
    if pass.observes() {
        let message = format!("{} {} differs in {}.", wanted.words, wanted.id.name(), paths.join(", "));
        return Err(Halt::Fault(Fault::blocked(Reason::Drifted, message)));
    }
    settle_other(pass, wanted)?;
    pass.close(&wanted.step);
    let fingerprint = wanted.fingerprint();
    pass.not_before_due(&wanted.step, &fingerprint)?;
    let method = if wanted.replaces(&differing) { Method::Put } else { Method::Patch };
    let body = wanted.change(observed, &differing);
    let call = pass.call(&wanted.access, method, wanted.id.as_str().to_owned(), wanted.api_version, Some(body));
    let words = format!("Updating {}", wanted.words);
    Err(pass.mutate(&wanted.step, Verb::Patch, &wanted.id, call, &fingerprint, &words))
}

/// An open intent of this step, before another call may be made: one that was accepted is watched to its end, one that was
/// answered has been settled, one without an answer is waited out.
fn settle_other(pass: &mut Pass<'_>, wanted: &Descriptor) -> Stepped<()> {
    let Some(operation) = pass.open(&wanted.step) else { return Ok(()) };
    let (url, answered) = (operation.poll_url.clone(), pass.reply(operation).is_some());
    let same_wish = operation.fingerprint == wanted.fingerprint();
    match url {
        Some(url) => match pass.poll(&wanted.access, &url)? {
            OperationState::Running => return Err(running(pass, wanted, "Running")),
            OperationState::Failed(error) => return Err(operation_failed(pass, wanted, &error)),
            OperationState::Succeeded | OperationState::Lost => {}
        },
        None if !answered => return pass.wait_out(&wanted.step),
        None => {}
    }
    if same_wish {
        // Azure took exactly this and does not show it: a lagging read, or a value it normalises in a way unknown to us.
        let message =
            format!("Azure accepted the change to {} {} but does not show it yet.", wanted.words, wanted.id.name());
        let fault = Fault { reason: Reason::NotConverging, message, class: Class::Retry };
        pass.close(&wanted.step);
        pass.failed(&wanted.step, &wanted.fingerprint(), fault);
    }
    Ok(())
}

fn create(pass: &mut Pass<'_>, wanted: &Descriptor) -> Halt {
    match absent(pass, wanted) {
        Err(halt) => halt,
        Ok(()) if pass.observes() => {
            let message =
                format!("{} {} does not exist, and `managementPolicy` is Observe.", wanted.words, wanted.id.name());
            Halt::Fault(Fault::blocked(Reason::NotFound, message))
        }
        Ok(()) => {
            let fingerprint = wanted.fingerprint();
            if let Err(halt) = pass.not_before_due(&wanted.step, &fingerprint) {
                return halt;
            }
            let path = wanted.id.as_str().to_owned();
            let call = pass.call(&wanted.access, Method::Put, path, wanted.api_version, Some(wanted.creation()));
            let words = format!("Creating {}", wanted.words);
            pass.mutate(&wanted.step, Verb::Put, &wanted.id, call, &fingerprint, &words)
        }
    }
}

/// The resource is not there. Was one asked for?
fn absent(pass: &mut Pass<'_>, wanted: &Descriptor) -> Stepped<()> {
    let Some(operation) = pass.open(&wanted.step) else { return Ok(()) };
    let (url, age, answered) = (operation.poll_url.clone(), pass.age(operation), pass.reply(operation).is_some());
    let Some(url) = url else {
        if answered && age >= pass.world.settings.timings.poll * 20 {
            pass.close(&wanted.step);
            return Ok(());
        }
        // Answered and not visible: reads lag behind writes.
        return if answered { Err(running(pass, wanted, "Accepted")) } else { pass.wait_out(&wanted.step) };
    };
    match pass.poll(&wanted.access, &url)? {
        OperationState::Running => Err(running(pass, wanted, "Accepted")),
        OperationState::Failed(error) => Err(operation_failed(pass, wanted, &error)),
        OperationState::Succeeded | OperationState::Lost if age < pass.world.settings.timings.quarantine() => {
            Err(running(pass, wanted, "Accepted"))
        }
        // Made, and gone again by someone else's hand.
        OperationState::Succeeded | OperationState::Lost => {
            pass.close(&wanted.step);
            Ok(())
        }
    }
}

fn operation_failed(pass: &mut Pass<'_>, wanted: &Descriptor, error: &AzureError) -> Halt {
    let fault = error.fault(&format!("{} {}", wanted.words, wanted.id.name()));
    let fingerprint = pass.open(&wanted.step).map(|operation| operation.fingerprint.clone()).unwrap_or_default();
    pass.close(&wanted.step);
    pass.failed(&wanted.step, &fingerprint, fault.clone());
    Halt::Fault(fault)
}

fn failed(pass: &mut Pass<'_>, wanted: &Descriptor, observed: &Body, word: &str) -> Halt {
    if let Some(url) = pass.open(&wanted.step).and_then(|operation| operation.poll_url.clone()) {
        match pass.poll(&wanted.access, &url) {
            Err(halt) => return halt,
            Ok(OperationState::Failed(error)) => return operation_failed(pass, wanted, &error),
            Ok(OperationState::Running) => return running(pass, wanted, word),
            Ok(OperationState::Succeeded | OperationState::Lost) => pass.close(&wanted.step),
        }
    }
    let fingerprint = wanted.fingerprint();
    let answered = pass.open(&wanted.step).is_some_and(|operation| pass.reply(operation).is_some());
    if answered {
        // Azure took the repair, and still says that it failed: next time later.
        pass.close(&wanted.step);
        pass.failed(&wanted.step, &fingerprint, in_failed_state(wanted, word));
    }
    if let Err(halt) = pass.wait_out(&wanted.step) {
        return halt;
    }
    let due = pass.memory.failures.get(&wanted.step).is_some_and(|failure| pass.world.now.mono >= failure.retry_at);
    if !due || pass.observes() {
        if !pass.memory.failures.contains_key(&wanted.step) {
            pass.failed(&wanted.step, &fingerprint, in_failed_state(wanted, word));
        }
        let failure = pass.memory.failures.get(&wanted.step).map(|failure| failure.fault.clone());
        return failure.map_or(Halt::Wait(Reason::Provisioning, word.to_owned(), None), Halt::Fault);
    }
    let body = wanted.repair(observed);
    let path = wanted.id.as_str().to_owned();
    let call = pass.call(&wanted.access, Method::Put, path, wanted.api_version, Some(body));
    pass.mutate(&wanted.step, Verb::Patch, &wanted.id, call, &fingerprint, &format!("Repairing {}", wanted.words))
}

fn in_failed_state(wanted: &Descriptor, word: &str) -> Fault {
    let error = AzureError::of_operation(word, "the resource is in a failed state");
    Fault { class: Class::Retry, reason: Reason::RetryingAzureError, ..error.fault(wanted.words) }
}

fn running(pass: &Pass<'_>, wanted: &Descriptor, word: &str) -> Halt {
    let timings = &pass.world.settings.timings;
    let age = pass.open(&wanted.step).map_or(0, |operation| pass.age(operation));
    // Someone else's work has no beginning that we know: looked at now and then.
    let ours = pass.open(&wanted.step).is_some();
    let pause = if ours { timings.next_poll(age, wanted.typical) } else { timings.poll * 5 };
    if age >= timings.operation_timeout {
        let message = format!(
            "{} {} is \"{word}\" for more than {} minutes; it is still watched.",
            wanted.words,
            wanted.id.name(),
            timings.operation_timeout / 60_000
        );
        return Halt::Fault(Fault { reason: Reason::OperationStuck, message, class: Class::Wait(pause) });
    }
    let message = format!("Azure is working on {} {} ({word}).", wanted.words, wanted.id.name());
    Halt::Wait(Reason::Provisioning, message, Some(pause))
}

/// Refuses a stranger's resource, unless it may be adopted.
fn claimable(pass: &mut Pass<'_>, wanted: &Descriptor, observed: &Body) -> Stepped<()> {
    let may_adopt =
        pass.world.object.lifecycle().and_then(|lifecycle| lifecycle.adoption_policy) == Some(AdoptionPolicy::Always);
    match wanted.ownership(observed) {
        Ownership::Ours => {
            pass.made(&wanted.id);
            Ok(())
        }
        _ if pass.observes() => Ok(()),
        Ownership::Nobodys | Ownership::Anothers if may_adopt => {
            pass.adopted = true;
            pass.made(&wanted.id);
            Ok(())
        }
        found => {
            let whose =
                if found == Ownership::Anothers { "belongs to another object" } else { "was not made by this object" };
            let message = format!(
                "{} {} exists and {whose}; it is left alone: choose another name, or set `adoptionPolicy: Always`.",
                wanted.words, wanted.id
            );
            Err(Halt::Fault(Fault::blocked(Reason::Conflict, message)))
        }
    }
}

#[cfg(test)]
mod tests;
