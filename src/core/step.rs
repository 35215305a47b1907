//! What a pass comes to: at most one thing to do, and a status to write.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::azure::call::ArmCall;
use crate::kinds::common::Operation;
use crate::relay::child::{ChildKind, ChildWrite};
use crate::world::{Memory, Read};

/// The one thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Hold the object, and record its Azure name, in one compare-and-swap.
    Claim {
        /// Name to record; `None` for a kind without a resource in Azure.
        azure_name: Option<String>,
    },
    /// Announce a call in status, then make it.
    Mutate {
        /// The intent.
        operation: Operation,
        /// The call.
        call: Box<ArmCall>,
    },
    /// Create or update a Secret that the object owns.
    WriteSecret(SecretWrite),
    /// Delete a Secret that the object owns.
    DeleteSecret {
        /// Name of the Secret.
        name: String,
        /// Version that was looked at.
        resource_version: String,
    },
    /// Put our finalizer on a Secret, or take it off.
    HoldSecret {
        /// Name of the Secret.
        name: String,
        /// On or off.
        hold: bool,
    },
    /// Make a child of a relay be as written, by server-side apply.
    Apply(Box<ChildWrite>),
    /// Delete a child of a relay.
    DeleteChild {
        /// Kind.
        kind: ChildKind,
        /// Name.
        name: String,
        /// uid that was looked at.
        uid: String,
    },
    /// Let the object go.
    Release,
    /// Nothing.
    Rest,
}

/// A Secret to write. Its Debug shows no content.
#[derive(Clone, PartialEq)]
pub struct SecretWrite {
    /// Name.
    pub name: String,
    /// Whole content.
    pub content: BTreeMap<String, String>,
    /// Version to replace; `None` to create.
    pub replaces: Option<String>,
    /// True to put our finalizer on it.
    pub hold: bool,
}

impl std::fmt::Debug for SecretWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretWrite").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a pass comes to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The one thing to do.
    pub step: Step,
    /// Status after it, `operations` included.
    pub status: Value,
    /// Next pass, in milliseconds; `None` waits for a change.
    pub wake: Option<u64>,
    /// What to remember.
    pub memory: Memory,
}

/// Answer of the plan.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It has to know these first.
    Need(Vec<Read>),
    /// It has decided.
    Decided(Box<Outcome>),
    /// A later leader has written to the object: this one must not.
    Deposed,
}
