//! Microsoft.Resources and what else ARM keeps itself: tenants, subscriptions, resource groups, providers, tags, and lists
//! across providers.

mod filter;
mod generic;
pub(crate) mod groups;
pub(crate) mod providers;
mod subscriptions;
mod tags;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::arm::Call;
use super::refusal::{Answer, Refusal};
use super::world::World;

pub(crate) use groups::{create, require_group};
pub(crate) use providers::require_registered;
pub(crate) use tags::check as check_tags;

/// What ARM keeps that is no resource.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Tags of subscriptions, by lower-cased id.
    tags: BTreeMap<String, Value>,
    /// Providers on their way, by `subscription/namespace` in lower case: until when. Where each goes says whether it counts
    /// as registered already.
    moving: BTreeMap<String, u64>,
}

impl Kept {
    /// Exchanges the tags of a subscription for those of another time.
    pub(crate) fn exchange_tags(&mut self, subscription: &str, tags: Option<Value>) -> Option<Value> {
        match tags {
            Some(tags) => self.tags.insert(subscription.to_owned(), tags),
            None => self.tags.remove(subscription),
        }
    }
}

/// Paths without a provider, and those of Microsoft.Resources.
pub(crate) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let target = &call.target;
    if target.namespace.is_some() {
        return tags::answer(world, call);
    }
    let tail = target.tail.as_deref().map(str::to_ascii_lowercase);
    let read = matches!(call.method(), "GET" | "HEAD");
    match (&target.subscription, &target.group, tail.as_deref()) {
        (Some(_), Some(_), None) if target.types.is_empty() => groups::one(world, call),
        (Some(_), None, Some("resourcegroups")) if read => groups::list(world, call),
        (Some(subscription), None, Some("providers")) if read => Ok(providers::all(world, Some(subscription))),
        (None, None, Some("providers")) if read => Ok(providers::all(world, None)),
        (Some(_), _, Some("resources")) if read => generic::list(world, call),
        (Some(_), None, Some("tagnames")) if read => Ok(tags::names(world, call)),
        (Some(_), None, None) if target.types.iter().any(|t| t == "operationresults") => {
            Ok(groups::deletion(world, call))
        }
        _ if read => subscriptions::answer(world, call),
        _ => Err(unknown_path()),
    }
}

/// ARM's words for a path that leads nowhere.
pub(crate) fn unknown_path() -> Refusal {
    Refusal::new(404, "NotFound", "The requested path does not exist.")
}
