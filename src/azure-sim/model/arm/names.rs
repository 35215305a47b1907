//! Names of operations.

use super::super::message::Request;
use super::super::path::Target;
use super::super::registry;

/// The operation on something that ARM itself keeps.
fn own_operation(target: &Target, verb: &str) -> String {
    let tail = target.tail.as_deref().unwrap_or_default().to_ascii_lowercase();
    let what = match (target.group.is_some(), tail.as_str()) {
        (false, "resourcegroups") => "subscriptions/resourceGroups",
        (true, "resources") => "subscriptions/resourceGroups/resources",
        (true, _) => "subscriptions/resourceGroups",
        (false, "resources") => "subscriptions/resources",
        (false, "tagnames") => "subscriptions/tagNames",
        (false, "locations") => "subscriptions/locations",
        (false, "providers") => "subscriptions/providers",
        (false, _) => "subscriptions",
    };
    format!("Microsoft.Resources/{what}/{verb}")
}

/// The operation as Azure's activity log would name it.
pub(crate) fn operation_name(request: &Request, path: &str, target: Option<&Target>) -> String {
    named(&request.method, path, target)
}

/// The same, of a request to the resource with that id.
pub(crate) fn operation_on(method: &str, id: &str) -> String {
    named(method, id, Target::parse(id).as_ref().ok())
}

fn named(method: &str, path: &str, target: Option<&Target>) -> String {
    let verb = match method {
        "PUT" | "PATCH" => "write",
        "DELETE" => "delete",
        "POST" => "action",
        _ => "read",
    };
    let Some(target) = target else {
        // A tenant that cannot be read is Entra's affair all the same: it answers.
        let first = path.split('/').find(|s| !s.is_empty()).unwrap_or_default();
        let of_arm = ["subscriptions", "providers"].iter().any(|word| first.eq_ignore_ascii_case(word));
        return match (of_arm, path.ends_with("/token")) {
            (true, _) => format!("Invalid/{verb}"),
            (false, true) => "Microsoft.Entra/token/action".into(),
            (false, false) => format!("Microsoft.Entra/metadata/{verb}"),
        };
    };
    let kind = target.resource_type().or_else(|| target.collection()).map(|t| t.activity);
    let namespace = match &target.namespace {
        Some(namespace) => registry::provider(namespace).map_or(namespace.as_str(), |p| p.namespace),
        None if path.ends_with("/token") => return "Microsoft.Entra/token/action".into(),
        None if path == "/eventgrid/validate" => {
            return format!("Microsoft.EventGrid/eventSubscriptions/validate/{verb}");
        }
        None if target.subscription.is_none() => return format!("Microsoft.Entra/metadata/{verb}"),
        None => return own_operation(target, verb),
    };
    let place = kind.map_or_else(
        || target.types.iter().fold(namespace.to_owned(), |name, kind| format!("{name}/{kind}")),
        str::to_owned,
    );
    match &target.tail {
        Some(tail) if verb == "action" => {
            let action = registry::ACTIONS.iter().find(|a| a.eq_ignore_ascii_case(tail)).map_or(tail.as_str(), |a| a);
            format!("{place}/{action}/action")
        }
        _ => format!("{place}/{verb}"),
    }
}
