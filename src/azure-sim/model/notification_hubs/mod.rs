//! Microsoft.NotificationHubs: namespaces, hubs, their rules and credentials.

mod credentials;
mod debug_send;
mod hubs;
mod namespaces;
mod rules;

use serde_json::{Value, json};

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
        let listed = list::list(world, call, kind, world.config().page_size)?;
        return Ok(if kind == Kind::Hub { respelled(listed) } else { listed });
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

/// Lists spell the type in ids with a capital (recorded): ids are compared without case, or not at all.
fn respelled(mut listed: Done) -> Done {
    let mut body = listed.response.value();
    for hub in body.get_mut("value").and_then(Value::as_array_mut).into_iter().flatten() {
        let id = json::text(hub, &["id"]).unwrap_or_default().replace("/notificationHubs/", "/NotificationHubs/");
        json::put(hub, &["id"], id);
    }
    listed.response.body = serde_json::to_vec(&body).unwrap_or_default();
    listed
}

/// `checkNamespaceAvailability`, and for hubs `checkNotificationHubAvailability`. The field is misspelt in the service.
fn available(world: &World, call: &Call<'_>) -> Answer {
    let name = json::text(&call.body, &["name"])
        .ok_or_else(|| Refusal::bad_request("The property 'name' is required."))?
        .to_ascii_lowercase();
    let sent = json::text(&call.body, &["name"]).unwrap_or_default();
    let namespaces = "providers/Microsoft.NotificationHubs/namespaces";
    let (taken, id) = match call.action().as_str() {
        "checknamespaceavailability" => {
            let id = format!(
                "/subscriptions/{}/{namespaces}/{sent}",
                call.target.subscription.as_deref().unwrap_or_default()
            );
            (namespaces::taken(world, "", &name), id)
        }
        "checknotificationhubavailability" => {
            let key = format!("{}/notificationhubs/{name}", call.target.key());
            (world.resources.contains_key(&key), format!("{}/notificationHubs/{sent}", call.target.id()))
        }
        _ => return Err(arm::unknown_type(call)),
    };
    let body = json!({
        // The same type for both (specification's examples).
        "id": id, "name": sent, "type": "Microsoft.NotificationHubs/namespaces/checkNamespaceAvailability",
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
