//! A call whose effect Azure never shows: the link, the push credentials. What was taken last is remembered by fingerprint.

use crate::azure::call::{Access, Body, Method};
use crate::azure::error::Fault;
use crate::azure::id::ArmId;
use crate::kinds::common::Verb;
use crate::pass::{Halt, Pass, Stepped};
use crate::reason::Reason;

/// A blind call.
pub struct Blind<'a> {
    /// Name of the step.
    pub step: &'a str,
    /// What is being done, for messages. Example: `Linking hub`.
    pub words: &'a str,
    /// On whose behalf.
    pub access: &'a Access,
    /// Resource that it concerns.
    pub id: &'a ArmId,
    /// Method.
    pub method: Method,
    /// Appended to the id. Example: `/linkNotificationHub`.
    pub action: &'a str,
    /// Version of the API.
    pub api_version: &'static str,
    /// Body.
    pub body: Body,
    /// Fingerprint of what is wanted.
    pub wanted: &'a str,
    /// True if, as far as is known, Azure has what is wanted.
    pub in_place: bool,
}

/// Makes sure that Azure took it. Returns true in the one pass in which it learns that it did: then the caller records it.
///
/// # Errors
/// Halts until Azure took it. After a call without an answer the deadline is waited out and the call is made again, even if
/// it may have worked: nothing can tell.
pub fn ensure(pass: &mut Pass<'_>, blind: Blind<'_>) -> Stepped<bool> {
    if let Some(operation) = pass.open(blind.step) {
        let taken = operation.fingerprint == blind.wanted;
        if pass.reply(operation).is_none() {
            pass.wait_out(blind.step)?;
        } else {
            pass.close(blind.step);
            if taken {
                pass.memory.failures.remove(blind.step);
                return Ok(true);
            }
        }
    } else if blind.in_place {
        pass.memory.failures.remove(blind.step);
        return Ok(false);
    }
    if pass.observes() {
        let message =
            format!("{} {}: Azure never shows it, and `managementPolicy` is Observe.", blind.words, blind.id.name());
        return Err(Halt::Fault(Fault::blocked(Reason::Drifted, message)));
    }
    pass.not_before_due(blind.step, blind.wanted)?;
    let path = format!("{}{}", blind.id, blind.action);
    let call = pass.call(blind.access, blind.method, path, blind.api_version, Some(blind.body));
    let verb = if blind.method == Method::Patch { Verb::Patch } else { Verb::Post };
    Err(pass.mutate(blind.step, verb, blind.id, call, blind.wanted, blind.words))
}
