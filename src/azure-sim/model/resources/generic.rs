//! Resources of all providers in one list: what portals, inventories and clean-up scripts ask for.

use serde_json::{Value, json};

use super::super::arm::Call;
use super::super::authorization::roles;
use super::super::json;
use super::super::list;
use super::super::refusal::Answer;
use super::super::registry::Kind;
use super::super::resource::Resource;
use super::super::world::World;
use super::filter::Filter;

/// Those that ARM tracks: children and extensions are seen through their providers only.
fn tracked(kind: Kind) -> bool {
    matches!(kind, Kind::Service | Kind::Namespace | Kind::Hub | Kind::SystemTopic)
}

pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    // Of a group, or of a whole subscription: there the groups come before the slash.
    let middle = if call.target.group.is_some() { "/providers/" } else { "/resourcegroups/" };
    let prefix = format!("{}{middle}", call.target.group_id()).to_ascii_lowercase();
    if call.target.group.is_some() {
        super::require_group(world, call)?;
    }
    let filter = Filter::of(call)?;
    let expand = call.target.parameter("$expand").unwrap_or_default().to_ascii_lowercase();
    let found = world
        .beneath(&prefix)
        .filter(|(_, r)| tracked(r.kind) && filter.accepts(&r.body))
        .filter(|(_, r)| roles::may_see(world, call, r.kind, r.id()));
    list::page(world, call, 1000, found, |resource| brief(resource, &expand))
}

fn brief(resource: &Resource, expand: &str) -> Value {
    let mut shown = json!({});
    for member in ["id", "name", "type", "location", "tags", "sku", "identity"] {
        json::merge(&mut shown, &resource.body, &[member]);
    }
    if expand.contains("provisioningstate") {
        json::put(&mut shown, &["provisioningState"], resource.state());
    }
    if expand.contains("createdtime")
        && let Some(time) = json::at(&resource.body, &["systemData", "createdAt"])
            .or_else(|| json::at(&resource.body, &["properties", "createdAt"]))
    {
        json::put(&mut shown, &["createdTime"], time.clone());
    }
    shown
}
