//! Microsoft.NotificationHubs: namespaces, hubs, their rules and credentials.

mod hubs;
mod namespaces;
mod rules;

use serde_json::json;

use super::arm::{self, Call};
use super::journal::Effect;
use super::json;
use super::list;
use super::message::Response;
use super::path;
use super::refusal::{Answer, Done, Refusal};
use super::registry::Kind;
use super::world::World;

pub(crate) use namespaces::ready;
pub(crate) use rules::{connection_string, regenerate};

pub(crate) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let target = &call.target;
    if let (Some(kind), "GET") = (target.collection().map(|t| t.kind), call.method()) {
        if !target.types.is_empty() && !world.resources.contains_key(&target.key()) {
            return Err(arm::not_found(target));
        }
        return list::list(world, call, kind, world.config().page_size);
    }
    if target.types.first().is_some_and(|t| t == "operationresults") && call.method() == "GET" {
        return Ok(namespaces::deletion(world, call));
    }
    match (target.kind(), target.tail.is_some()) {
        (None, true) if target.types.is_empty() && call.method() == "POST" => available(world, call),
        (Some(Kind::Namespace), _) => namespaces::answer(world, call),
        (Some(Kind::Hub), _) => hubs::answer(world, call),
        (Some(Kind::NamespaceRule | Kind::HubRule), _) => rules::answer(world, call),
        _ => Err(arm::unknown_type(call)),
    }
}

/// `checkNamespaceAvailability`, and for hubs `checkNotificationHubAvailability`. The field is misspelt in the service.
fn available(world: &World, call: &Call<'_>) -> Answer {
    let name = json::text(&call.body, &["name"])
        .ok_or_else(|| Refusal::bad_request("The property 'name' is required."))?
        .to_ascii_lowercase();
    let (taken, kind) = match call.action().as_str() {
        "checknamespaceavailability" => (namespaces::taken(world, "", &name), "namespaces/checkNamespaceAvailability"),
        "checknotificationhubavailability" => {
            let key = format!("{}/notificationhubs/{name}", call.target.key());
            (world.resources.contains_key(&key), "namespaces/notificationHubs/checkNotificationHubAvailability")
        }
        _ => return Err(arm::unknown_type(call)),
    };
    let body = json!({
        "id": call.target.group_id(), "name": name, "type": format!("Microsoft.NotificationHubs/{kind}"),
        "location": "West Europe", "isAvailiable": !taken,
    });
    Ok(Done::new(Effect::Action, Response::json(200, &body)))
}

/// Why a child cannot be made, or changed, yet.
fn require_active_namespace(world: &World, namespace_key: &str) -> Result<(), Refusal> {
    let name = path::leaf(namespace_key);
    let Some(namespace) = world.resources.get(namespace_key) else {
        let message =
            format!("Can not perform requested operation on nested resource. Parent resource '{name}' not found.");
        return Err(Refusal::new(404, "ParentResourceNotFound", message));
    };
    if json::at(&namespace.body, &["properties", "enabled"]) == Some(&true.into()) && !namespace.deleting() {
        return Ok(());
    }
    // A namespace that is not active yet does not know its hubs (seen by azurerm).
    Err(Refusal::new(404, "NotFound", format!("Namespace '{name}' does not exist.")))
}

/// Regions come back under their display names (recorded): clients must compare without case and spaces.
fn display_name(location: &str) -> String {
    const NAMES: [&str; 24] = [
        "West Europe",
        "North Europe",
        "East US",
        "East US 2",
        "West US",
        "West US 2",
        "West US 3",
        "Central US",
        "South Central US",
        "North Central US",
        "West Central US",
        "UK South",
        "UK West",
        "France Central",
        "Germany West Central",
        "Switzerland North",
        "Norway East",
        "Sweden Central",
        "Australia East",
        "Southeast Asia",
        "East Asia",
        "Japan East",
        "Brazil South",
        "Canada Central",
    ];
    let bare = |text: &str| text.to_ascii_lowercase().replace(' ', "");
    let wanted = bare(location);
    NAMES.iter().find(|name| bare(name) == wanted).map_or_else(|| location.to_owned(), |name| (*name).to_owned())
}
