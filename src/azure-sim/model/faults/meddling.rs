//! What somebody else does behind the client's back, after a request or a while later.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::portal;
use super::super::timer::{self, Timer};
use super::super::world::World;

/// An edit or a deletion of the resource that the request named, or of another one by its `id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Meddling {
    /// It is deleted at once, and all beneath it.
    Delete(Deletion),
    /// One member of it is replaced; null removes it.
    Set(Edit),
}

/// A resource goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deletion {
    /// Resource id, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Milliseconds after the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_ms: Option<u64>,
}

/// A member of a resource changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Edit {
    /// Resource id, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// JSON pointer to the member: `/tags/owner`.
    pub pointer: String,
    /// Its new value.
    #[serde(default)]
    pub value: Value,
    /// Milliseconds after the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_ms: Option<u64>,
}

impl Meddling {
    fn id(&self) -> Option<&str> {
        match self {
            Self::Delete(Deletion { id, .. }) | Self::Set(Edit { id, .. }) => id.as_deref(),
        }
    }

    /// Does it, or lets a timer do it, to `named` where it names no other. `fault` is the one that provokes it.
    pub(crate) fn follow(&self, world: &mut World, named: &str, fault: u64) {
        let (Self::Delete(Deletion { in_ms, .. }) | Self::Set(Edit { in_ms, .. })) = self;
        let (meddling, named) = (self.clone(), self.id().unwrap_or(named).to_owned());
        match in_ms.filter(|delay| *delay > 0) {
            Some(delay) => {
                let due = world.now().saturating_add(delay);
                timer::at(world, due, Timer::Meddling { meddling, id: named, fault });
            }
            None => meddling.perform(world, &named, fault, world.now()),
        }
    }

    /// Does it at `now`, and writes it into the journal. Nothing happens to a resource that is not there.
    pub(crate) fn perform(&self, world: &mut World, id: &str, fault: u64, now: u64) {
        let (method, done) = match self {
            Self::Delete(_) => ("DELETE", world.delete_in_portal(id)),
            Self::Set(Edit { pointer, value, .. }) => ("PATCH", world.set_member(id, pointer, value.clone())),
        };
        world.journal.meddled(method, id, done, fault, now);
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.id().is_some_and(|id| !id.starts_with('/')) {
            return Err("'after': 'id' is no resource id: it begins with a slash".into());
        }
        match self {
            Self::Set(Edit { pointer, value, .. }) => {
                portal::member(pointer, value).map(|_| ()).map_err(|why| format!("'after': {why}"))
            }
            Self::Delete(_) => Ok(()),
        }
    }
}
