//! Where events go: each destination type's shape, and what of it reads back.

use serde_json::{Value, json};

use super::super::json;
use super::super::path;
use super::super::refusal::Refusal;
use super::super::registry::Kind;
use super::super::shapes;
use super::super::world::World;

/// Types, the property each cannot do without, the version that brought it, and for those that are a resource its
/// provider. More of an id is not looked at: the specification's own examples spell types in ways that cannot exist.
const TYPES: [(&str, &str, &str, &str); 10] = [
    ("WebHook", "endpointUrl", FIRST, ""),
    ("AzureFunction", "resourceId", FIRST, "Microsoft.Web"),
    ("EventHub", "resourceId", FIRST, "Microsoft.EventHub"),
    ("ServiceBusQueue", "resourceId", FIRST, "Microsoft.ServiceBus"),
    ("ServiceBusTopic", "resourceId", FIRST, "Microsoft.ServiceBus"),
    ("StorageQueue", "resourceId", FIRST, "Microsoft.Storage"),
    ("HybridConnection", "resourceId", FIRST, "Microsoft.Relay"),
    ("MonitorAlert", "severity", "2025-02-15", ""),
    ("NamespaceTopic", "resourceId", "2025-02-15", "Microsoft.EventGrid"),
    // Of previews only.
    ("PartnerDestination", "resourceId", "2025-07-15-preview", "Microsoft.EventGrid"),
];

const FIRST: &str = "2021-10-15-preview";

/// The destination of subscription properties, whichever of the two ways it was given.
pub(super) fn of(properties: &Value) -> Option<&Value> {
    json::at(properties, &["deliveryWithResourceIdentity", "destination"])
        .or_else(|| json::at(properties, &["destination"]))
}

/// The webhook's full URL, when the destination is one.
pub(super) fn webhook(properties: &Value) -> Option<&str> {
    let destination = of(properties)?;
    let kind = json::text(destination, &["endpointType"])?;
    kind.eq_ignore_ascii_case("WebHook").then(|| json::text(destination, &["properties", "endpointUrl"]))?
}

/// The tenant and the application (its id or its URI) that protect the webhook, when Entra does.
pub(super) fn protection(properties: &Value) -> Option<(&str, &str)> {
    let text = |name: &str| json::text(of(properties)?, &["properties", name]).filter(|text| !text.is_empty());
    Some((text("azureActiveDirectoryTenantId")?, text("azureActiveDirectoryApplicationIdOrUri")?))
}

pub(super) fn check(world: &World, properties: &Value, version: &str) -> Result<(), Refusal> {
    let invalid = |message: String| Err(Refusal::invalid_request(message));
    let plain = json::at(properties, &["destination"]).is_some();
    let identity = json::at(properties, &["deliveryWithResourceIdentity"]).is_some();
    let Some(destination) = of(properties).filter(|_| plain != identity) else {
        return invalid("Exactly one of destination and deliveryWithResourceIdentity must be specified.".into());
    };
    let kind = json::text(destination, &["endpointType"]).unwrap_or_default();
    let known = |since: &str| shapes::knows(Kind::TopicSubscription, version, since);
    let found = TYPES.iter().find(|(name, _, since, _)| name.eq_ignore_ascii_case(kind) && known(since));
    let Some((kind, required, _, of_provider)) = found else {
        return invalid(format!("The endpoint type '{kind}' is not supported."));
    };
    let Some(value) = json::text(destination, &["properties", required]).filter(|v| !v.is_empty()) else {
        return invalid(format!("The destination property '{required}' of '{kind}' must be specified."));
    };
    match *kind {
        "WebHook" => check_webhook(world, destination, value)?,
        "StorageQueue" => check_queue(destination, value)?,
        "MonitorAlert" => {
            if !matches!(value, "Sev0" | "Sev1" | "Sev2" | "Sev3" | "Sev4") {
                return invalid(format!("The severity '{value}' is not valid."));
            }
        }
        _ => {
            if !value.starts_with("/subscriptions/") || !path::provider_of(value).eq_ignore_ascii_case(of_provider) {
                return invalid(format!("The resource id '{value}' is not valid for '{kind}'."));
            }
        }
    }
    check_attributes(destination)
}

/// Events that nobody takes go to a blob container, and nowhere else.
pub(super) fn check_dead_letter(properties: &Value) -> Result<(), Refusal> {
    let plain = json::at(properties, &["deadLetterDestination"]);
    let by_identity = json::at(properties, &["deadLetterWithResourceIdentity", "deadLetterDestination"]);
    let Some(destination) = plain.or(by_identity) else { return Ok(()) };
    let text = |path: &[&str]| json::text(destination, path).unwrap_or_default();
    if plain.is_some() && json::at(properties, &["deadLetterWithResourceIdentity"]).is_some() {
        let message = "At most one of deadLetterDestination and deadLetterWithResourceIdentity may be specified.";
        return Err(Refusal::invalid_request(message));
    }
    let account = text(&["properties", "resourceId"]).to_ascii_lowercase();
    let blob = text(&["endpointType"]).eq_ignore_ascii_case("StorageBlob");
    let container = text(&["properties", "blobContainerName"]);
    if blob && account.contains("/providers/microsoft.storage/storageaccounts/") && !container.is_empty() {
        return Ok(());
    }
    let message = "The dead letter destination must be a StorageBlob with the id of a storage account and a container.";
    Err(Refusal::invalid_request(message))
}

fn check_webhook(world: &World, destination: &Value, url: &str) -> Result<(), Refusal> {
    let parsed = url::Url::parse(url).ok().filter(|u| u.has_host());
    let https = parsed.as_ref().is_some_and(|u| u.scheme() == "https");
    let http = parsed.is_some_and(|u| u.scheme() == "http") && world.config().allow_http_webhooks;
    if !https && !http {
        let message = "The specified endpoint URL is invalid. A webhook endpoint must be an absolute HTTPS URL.";
        return Err(Refusal::invalid_request(message));
    }
    for (name, low, high) in [("maxEventsPerBatch", 1, 5000), ("preferredBatchSizeInKilobytes", 1, 1024)] {
        let value = json::at(destination, &["properties", name]);
        if value.is_some_and(|v| !v.as_i64().is_some_and(|n| (low..=high).contains(&n))) {
            return Err(Refusal::invalid_request(format!("'{name}' must be between {low} and {high}.")));
        }
    }
    Ok(())
}

fn check_queue(destination: &Value, account: &str) -> Result<(), Refusal> {
    let name = json::text(destination, &["properties", "queueName"]).unwrap_or_default();
    let shape = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !shape || !(3..=63).contains(&name.len()) {
        return Err(Refusal::invalid_request(format!("The queue name '{name}' is not valid.")));
    }
    if !account.to_ascii_lowercase().contains("/providers/microsoft.storage/storageaccounts/") {
        return Err(Refusal::invalid_request(format!("'{account}' is not the id of a storage account.")));
    }
    let ttl = json::at(destination, &["properties", "queueMessageTimeToLiveInSeconds"]);
    if ttl.is_some_and(|t| !t.as_i64().is_some_and(|n| n == -1 || n > 0)) {
        return Err(Refusal::invalid_request("'queueMessageTimeToLiveInSeconds' must be positive, or -1."));
    }
    Ok(())
}

/// Ten headers, 4096 bytes each, none of Event Grid's own (documented).
fn check_attributes(destination: &Value) -> Result<(), Refusal> {
    let mappings = attributes(destination);
    let invalid = |message: String| Err(Refusal::invalid_request(message));
    if mappings.len() > 10 {
        return invalid("At most 10 delivery attributes are allowed.".into());
    }
    for mapping in mappings {
        let name = json::text(mapping, &["name"]).unwrap_or_default();
        let value = match json::text(mapping, &["type"]) {
            Some("Static") => json::text(mapping, &["properties", "value"]),
            Some("Dynamic") => json::text(mapping, &["properties", "sourceField"]),
            _ => None,
        };
        if name.is_empty() || name.to_ascii_lowercase().starts_with("aeg-") || value.is_none_or(|v| v.len() > 4096) {
            return invalid(format!("The delivery attribute '{name}' is not valid."));
        }
    }
    Ok(())
}

/// The delivery attributes of a destination.
pub(super) fn attributes(destination: &Value) -> &[Value] {
    json::at(destination, &["properties", "deliveryAttributeMappings"])
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Fills in what the service fills in.
pub(super) fn fill(destination: &mut Value) {
    if !json::text(destination, &["endpointType"]).is_some_and(|t| t.eq_ignore_ascii_case("WebHook")) {
        return;
    }
    for (name, default) in [("maxEventsPerBatch", 1), ("preferredBatchSizeInKilobytes", 64)] {
        if json::at(destination, &["properties", name]).is_none() {
            json::put(destination, &["properties", name], json!(default));
        }
    }
}

/// Hides what no GET shows: the URL's query always, secret attributes except in the answer to the write itself.
pub(super) fn hide(destination: &mut Value, attributes_too: bool) {
    if let Some(url) = json::text(destination, &["properties", "endpointUrl"]) {
        let base = url.split('?').next().unwrap_or_default().to_owned();
        json::put(destination, &["properties", "endpointUrl"], Value::Null);
        json::put(destination, &["properties", "endpointBaseUrl"], base);
    }
    let mappings = destination.pointer_mut("/properties/deliveryAttributeMappings").and_then(Value::as_array_mut);
    for mapping in mappings.into_iter().flatten().filter(|_| attributes_too) {
        if json::at(mapping, &["properties", "isSecret"]) == Some(&Value::Bool(true)) {
            json::put(mapping, &["properties", "value"], "Hidden");
        }
    }
}
