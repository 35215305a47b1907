//! What a request must have before ARM looks at what it asks for: a subscription, budget, a version, and a body that can
//! be read. Preconditions (`If-Match`) are not among it: no specification of the three providers declares them, and nobody
//! should rely on them.

use serde_json::Value;

use super::super::faults::LroFault;
use super::super::message::Request;
use super::super::path::Target;
use super::super::refusal::Refusal;
use super::super::registry::{self, Kind};
use super::super::resources;
use super::super::throttle::Cost;
use super::super::world::World;
use super::Call;

/// Subscription, budget, version, and body.
pub(super) fn admit<'a>(
    world: &mut World,
    request: &'a Request,
    target: Target,
    principal: String,
    lro: Option<LroFault>,
    now: u64,
    headers: &mut Vec<(String, String)>,
) -> Result<Call<'a>, Refusal> {
    if let Some(subscription) = &target.subscription
        && !world.config().has_subscription(subscription)
    {
        if !is_guid(subscription) {
            let message = format!("The provided subscription identifier '{subscription}' is malformed or invalid.");
            return Err(Refusal::new(400, "InvalidSubscriptionId", message));
        }
        let message = format!("The subscription '{subscription}' could not be found.");
        return Err(Refusal::new(404, "SubscriptionNotFound", message));
    }
    throttle(world, request, &target, &principal, now, headers)?;
    let api_version = api_version(&target)?.to_owned();
    let body = body(request)?;
    check_definition(request, &target, &body)?;
    Ok(Call { request, target, principal, api_version, body, lro, now })
}

fn throttle(
    world: &mut World,
    request: &Request,
    target: &Target,
    principal: &str,
    now: u64,
    headers: &mut Vec<(String, String)>,
) -> Result<(), Refusal> {
    if !world.config().throttle {
        return Ok(());
    }
    let cost = Cost::of(&request.method);
    let scale = world.config().time_scale;
    let speed = if scale > 0.0 { 1.0 / scale } else { 1.0 };
    let (scope, word) = match &target.subscription {
        Some(subscription) => (subscription.as_str(), "subscription"),
        None => ("", "tenant"),
    };
    // Extension-scope writes report another counter (recorded).
    let name = if target.kind() == Some(Kind::ScopeSubscription) && cost == Cost::Write {
        "x-ms-ratelimit-remaining-subscription-resource-requests".to_owned()
    } else {
        format!("x-ms-ratelimit-remaining-{word}-{}", cost.word())
    };
    match world.buckets.take(scope, principal, cost, speed, now) {
        Ok(left) => {
            headers.push((name, left.own.to_string()));
            // The name of this one is not recorded (unverified).
            headers.push((format!("x-ms-ratelimit-remaining-{word}-global-{}", cost.word()), left.shared.to_string()));
            Ok(())
        }
        Err(seconds) => {
            headers.push((name, "0".into()));
            let message = format!(
                "Number of {} for subscription '{scope}' exceeded the limit. Please try again after '{seconds}' seconds.",
                cost.word()
            );
            let refusal = Refusal::new(429, "SubscriptionRequestsThrottled", message);
            Err(refusal.header("retry-after", seconds.to_string()))
        }
    }
}

fn api_version(target: &Target) -> Result<&str, Refusal> {
    let version = target.parameter("api-version").filter(|v| !v.is_empty()).ok_or_else(|| {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        Refusal::new(400, "MissingApiVersionParameter", message)
    })?;
    // No client should rely on which of two would be taken, even of two that are equal (unverified).
    if target.query.iter().filter(|(name, _)| name.eq_ignore_ascii_case("api-version")).count() > 1 {
        let message = "The api-version query parameter was given more than once.";
        return Err(Refusal::new(400, "InvalidApiVersionParameter", message));
    }
    let resources = |v: &str| registry::RESOURCES_VERSIONS.contains(&v);
    let registration = resources::providers::is_registration(target);
    let Some(namespace) = target.namespace.as_deref().filter(|_| !registration) else {
        if resources(version) {
            return Ok(version);
        }
        let message = format!(
            "The api-version '{version}' is invalid. The supported versions are '{}'.",
            registry::RESOURCES_VERSIONS.join(",")
        );
        return Err(Refusal::new(400, "InvalidApiVersionParameter", message));
    };
    let provider = registry::provider(namespace).ok_or_else(|| {
        Refusal::new(404, "InvalidResourceNamespace", format!("The resource namespace '{namespace}' is invalid."))
    })?;
    if provider.versions.contains(&version) {
        return Ok(version);
    }
    let message = format!(
        "No registered resource provider found for location 'global' and API version '{version}' for type '{}'. The \
         supported api-versions are '{}'.",
        target.types.first().or(target.tail.as_ref()).map_or("", String::as_str),
        provider.versions.join(", ")
    );
    Err(Refusal::new(400, "NoRegisteredProviderFound", message))
}

fn is_guid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

fn invalid_content(why: &str) -> Refusal {
    let message = format!("The request content was invalid and could not be deserialized: '{why}'.");
    Refusal::new(400, "InvalidRequestContent", message)
}

fn body(request: &Request) -> Result<Value, Refusal> {
    match request.method.as_str() {
        "PUT" | "PATCH" if request.body.is_empty() => Err(invalid_content("The body is empty.")),
        "PUT" | "PATCH" | "POST" if !request.body.is_empty() => {
            check_media_type(request)?;
            let body: Value = serde_json::from_slice(&request.body).map_err(|e| invalid_content(&e.to_string()))?;
            match body {
                Value::Object(_) => Ok(body),
                Value::Null if request.method == "POST" => Ok(body),
                _ => Err(invalid_content("An object was expected.")),
            }
        }
        _ => Ok(Value::Null),
    }
}

fn check_media_type(request: &Request) -> Result<(), Refusal> {
    let given = request.header("content-type").map(|t| t.split(';').next().unwrap_or_default().trim());
    if given.is_some_and(|t| t.eq_ignore_ascii_case("application/json") || t.eq_ignore_ascii_case("text/json")) {
        return Ok(());
    }
    let given = given.filter(|t| !t.is_empty()).unwrap_or("<null>");
    let message = format!("The content media type '{given}' is not supported. Only 'application/json' is supported.");
    Err(Refusal::new(415, "UnsupportedMediaType", message))
}

/// Members that a tracked resource may have at the top; what is inside `properties` is the provider's affair, and ignored
/// there when it is not known (unverified for each of the three).
const DEFINITION: [&str; 15] = [
    "id",
    "name",
    "type",
    "location",
    "tags",
    "properties",
    "sku",
    "kind",
    "plan",
    "identity",
    "managedBy",
    "zones",
    "extendedLocation",
    "etag",
    "systemData",
];

fn check_definition(request: &Request, target: &Target, body: &Value) -> Result<(), Refusal> {
    let tracked = matches!(target.kind(), Some(Kind::Service | Kind::Namespace | Kind::Hub | Kind::SystemTopic));
    let (Value::Object(members), true, true) = (body, tracked, target.tail.is_none()) else { return Ok(()) };
    if matches!(request.method.as_str(), "PUT" | "PATCH") {
        resources::check_tags(body)?;
    }
    if request.method != "PUT" {
        return Ok(());
    }
    let stranger = members.keys().find(|m| !DEFINITION.iter().any(|known| known.eq_ignore_ascii_case(m)));
    match stranger {
        None => Ok(()),
        Some(m) => Err(invalid_content(&format!(
            "Could not find member '{m}' on object of type 'ResourceDefinition'. Path '{m}'."
        ))),
    }
}
