//! What somebody else does behind the client's back, right after its request: by the portal's doors.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::world::World;

/// An edit or a deletion of the resource that the request named, or of another one by its `id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Meddling {
    /// It is deleted at once, and all beneath it.
    Delete {
        /// Resource id, in any case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// One member of it is replaced; null removes it.
    Set {
        /// Resource id, in any case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// JSON pointer to the member: `/tags/owner`.
        pointer: String,
        /// Its new value.
        #[serde(default)]
        value: Value,
    },
}

impl Meddling {
    /// Does it, to `named` where it names no other. Nothing happens to a resource that is not there.
    pub(crate) fn perform(&self, world: &mut World, named: &str) {
        match self {
            Self::Delete { id } => world.delete_in_portal(id.as_deref().unwrap_or(named)),
            Self::Set { id, pointer, value } => {
                world.set_member(id.as_deref().unwrap_or(named), pointer, value.clone())
            }
        };
    }

    pub(super) fn check(&self, most: usize) -> Result<(), String> {
        let (id, pointer) = match self {
            Self::Delete { id } => (id, None),
            Self::Set { id, pointer, .. } => (id, Some(pointer)),
        };
        if id.as_ref().is_some_and(|id| !id.starts_with('/') || id.len() > most) {
            return Err(format!(
                "'after': 'id' is no resource id: it begins with a slash, and has at most {most} bytes"
            ));
        }
        if pointer.is_some_and(|pointer| !pointer.starts_with('/') || pointer.len() > most) {
            return Err(format!(
                "'after': 'pointer' begins with a slash, as in /tags/owner, and has at most {most} bytes"
            ));
        }
        Ok(())
    }
}
