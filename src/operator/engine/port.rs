//! Everything that the engine can do to the world, as a closed set. Production, simulation, fault injection, call budgets and
//! coverage all attach here.

use std::future::Future;

use acs_core::azure::call::{ArmCall, ArmResult};
use acs_core::azure::error::Fault;
use acs_core::kinds::{Object, ObjectRef};
use acs_core::moment::Moment;
use acs_core::relay::child::{ChildKind, ChildWrite};
use acs_core::report::Notice;
use acs_core::step::SecretWrite;
use acs_core::world::{Answer, Read};
use secrecy::SecretString;
use serde_json::Value;

/// One thing that the engine does.
#[derive(Debug)]
pub enum Effect<'a> {
    /// Read the object itself, past every cache.
    Fetch(&'a ObjectRef),
    /// Read something else.
    Read(&'a Read),
    /// Replace the status, if the object's version is still the one that was read.
    WriteStatus {
        /// As read.
        object: &'a Object,
        /// Whole new status.
        status: &'a Value,
    },
    /// Put our finalizer on the object and record its Azure name, if its version is still the one that was read.
    Claim {
        /// As read.
        object: &'a Object,
        /// Name to record.
        azure_name: Option<&'a str>,
    },
    /// Take our finalizer off the object, if its version is still the one that was read.
    Release {
        /// As read.
        object: &'a Object,
    },
    /// Create or replace a Secret that the object owns.
    WriteSecret {
        /// The owner.
        object: &'a Object,
        /// What to write.
        write: &'a SecretWrite,
    },
    /// Delete a Secret, if its version is still the one that was read.
    DeleteSecret {
        /// Kubernetes namespace.
        namespace: &'a str,
        /// Name.
        name: &'a str,
        /// Version.
        resource_version: &'a str,
    },
    /// Put our finalizer on a Secret, or take it off.
    HoldSecret {
        /// Kubernetes namespace.
        namespace: &'a str,
        /// Name.
        name: &'a str,
        /// On or off.
        hold: bool,
    },
    /// Make a child of a relay be as written, by server-side apply.
    Apply {
        /// The owner.
        object: &'a Object,
        /// What to apply.
        child: &'a ChildWrite,
    },
    /// Delete a child of a relay, if it is the one that was read.
    DeleteChild {
        /// Kubernetes namespace.
        namespace: &'a str,
        /// Kind.
        kind: ChildKind,
        /// Name.
        name: &'a str,
        /// uid.
        uid: &'a str,
    },
    /// Make a call to ARM that changes something.
    Send(&'a ArmCall),
    /// Publish a Kubernetes Event.
    Notify {
        /// What it is about.
        object: &'a Object,
        /// The Event.
        notice: &'a Notice,
    },
}

/// What it came to.
#[derive(Debug)]
pub enum Effected {
    /// Of `Fetch`: the object; `None` if it is gone, or cannot be read by this build (which has then been said).
    Object(Option<Box<Object>>),
    /// Of `Read`.
    Answer(Answer),
    /// Of a write: done.
    Done,
    /// Of a compare-and-swap: someone else was first. The pass is dropped.
    Conflict,
    /// Of `Send`.
    Arm(ArmResult),
    /// The API server refused or could not be reached.
    Failed(Fault),
}

/// Everything that the engine needs from outside.
pub trait Port: Send + Sync {
    /// Does one thing.
    fn perform(&self, effect: Effect<'_>) -> impl Future<Output = Effected> + Send;
    /// Both clocks.
    fn now(&self) -> Moment;
    /// Random, 0..1.
    fn jitter(&self) -> f64;
    /// A text that no other pass ever had: a GUID, as Azure wants it for request ids.
    fn nonce(&self) -> String;
    /// 32 random bytes as base64url, new with every call.
    fn fresh_key(&self) -> SecretString;
    /// Term of this leader; `None` when it is none, or may be none any more.
    fn epoch(&self) -> Option<i64>;
}
