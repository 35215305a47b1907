//! Sends: to one handle, to tags, to all. 201 means queued, never delivered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::journal::Effect;
use super::super::json;
use super::super::message::{Request, Response};
use super::super::push::{Message, Push, Silence, Way, check_handle};
use super::super::world::World;
use super::answer::Refused;
use super::tags::Expression;
use super::{Answer, Call, require, standard};

/// Formats by their word, and the credential that each needs. Installations call the same platforms by other names.
const FORMATS: [(&str, &str); 10] = [
    ("apple", "apnsCredential"),
    ("fcmv1", "fcmV1Credential"),
    ("gcm", "gcmCredential"),
    ("windows", "wnsCredential"),
    ("windowsphone", "mpnsCredential"),
    ("adm", "admCredential"),
    ("baidu", "baiduCredential"),
    ("browser", "browserCredential"),
    ("xiaomi", "xiaomiCredential"),
    // Templates go by whatever credential their installation needs.
    ("template", ""),
];

/// Headers that a platform gets to see, by their beginning.
const PLATFORM_HEADERS: [&str; 5] = ["apns-", "servicebusnotification-apns-", "x-apns-", "x-wns-", "x-mpns-"];

/// Whom a message is for.
enum Target {
    Handle(String),
    Tags(Expression),
    All,
}

pub(super) fn send(world: &mut World, call: &Call<'_>) -> Answer {
    require(world, call, "Send")?;
    if call.parameter("test").is_some() {
        return Err(Refused::new(501, "The simulator has no debug sends yet."));
    }
    let message = message(world, call)?;
    let target = target(call, &message.platform)?;
    let (push, handles) = match target {
        Target::Handle(handle) => (Push::Direct, BTreeSet::from([handle])),
        Target::Tags(expression) => (Push::Tagged, chosen(world, call, &message.platform, Some(&expression))),
        Target::All => (Push::Broadcast, chosen(world, call, &message.platform, None)),
    };
    if handles.is_empty() {
        world.telephony.silent(Silence::NoTarget);
    }
    for handle in handles {
        world.hand_over(&Way { hub: &call.hub, rule: &call.rule, push }, &handle, &message);
    }
    Ok((accepted(world, call), Effect::Action))
}

/// The platform, its credential and its payload.
fn message(world: &World, call: &Call<'_>) -> Result<Message, Refused> {
    let bad = |detail: &str| Err(Refused::new(400, detail));
    let Some(format) = call.request.header("ServiceBusNotification-Format").map(|f| f.trim().to_ascii_lowercase())
    else {
        return bad("The header ServiceBusNotification-Format is missing.");
    };
    let Some((platform, credential)) = FORMATS.iter().find(|(word, _)| *word == format) else {
        return bad("The header ServiceBusNotification-Format names no platform.");
    };
    let credentials = world.credentials(&call.hub).unwrap_or(&Value::Null);
    if !credential.is_empty() && json::at(credentials, &[credential]).is_none() {
        return bad(&format!("The notification hub has no credential for the platform '{platform}'."));
    }
    let text = || Value::String(String::from_utf8_lossy(&call.request.body).into_owned());
    let payload = match (*platform, serde_json::from_slice::<Value>(&call.request.body)) {
        ("apple" | "fcmv1" | "gcm" | "template", Err(_)) => return bad("The payload is not JSON."),
        (_, Ok(payload)) => payload,
        (_, Err(_)) => text(),
    };
    check_payload(platform, &payload)?;
    let by_token = json::text(credentials, &["apnsCredential", "properties", "token"]).is_some_and(|t| !t.is_empty());
    let mut headers = platform_headers(call.request);
    if !by_token {
        // Passed on with token credentials only.
        headers.remove("apns-push-type");
    }
    Ok(Message { platform: (*platform).to_owned(), payload, bytes: call.request.body.len(), headers })
}

fn check_payload(platform: &str, payload: &Value) -> Result<(), Refused> {
    let bad = |detail: &str| Err(Refused::new(400, detail));
    match platform {
        "apple" if !payload.get("aps").is_some_and(Value::is_object) => bad("The payload has no object 'aps'."),
        "fcmv1" => match payload.get("message") {
            Some(Value::Object(message)) => {
                // The hub adds the target.
                match ["token", "topic", "condition"].iter().find(|name| message.contains_key(**name)) {
                    Some(name) => bad(&format!("The message must not have the member '{name}'.")),
                    None => Ok(()),
                }
            }
            _ => bad("The payload has no object 'message'."),
        },
        _ => Ok(()),
    }
}

fn platform_headers(request: &Request) -> BTreeMap<String, String> {
    let headers = request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    headers.filter(|(name, _)| PLATFORM_HEADERS.iter().any(|start| name.starts_with(start))).collect()
}

/// Without `direct`, a handle is not looked at: the trap that sends to all.
fn target(call: &Call<'_>, platform: &str) -> Result<Target, Refused> {
    let header = |name: &str| call.request.header(name).map(str::trim).filter(|v| !v.is_empty());
    if call.parameter("direct").is_some() {
        let Some(handle) = header("ServiceBusNotification-DeviceHandle") else {
            return Err(Refused::new(400, "The header ServiceBusNotification-DeviceHandle is missing."));
        };
        check_handle(platform, handle)
            .map_err(|why| Refused::new(400, &format!("The device handle is invalid: {why}.")))?;
        return Ok(Target::Handle(handle.to_owned()));
    }
    match header("ServiceBusNotification-Tags") {
        Some(text) => Expression::parse(text).map(Target::Tags).map_err(|why| Refused::new(400, &why)),
        None => Ok(Target::All),
    }
}

/// The handles of the installations that are meant; each once.
fn chosen(world: &World, call: &Call<'_>, platform: &str, expression: Option<&Expression>) -> BTreeSet<String> {
    world
        .telephony
        .installations
        .iter()
        .filter(|((hub, _), installation)| *hub == call.hub && installation.platform == platform)
        .filter(|((_, id), installation)| expression.is_none_or(|e| e.matches(id, installation)))
        .map(|(_, installation)| installation.handle.clone())
        .collect()
}

fn accepted(world: &mut World, call: &Call<'_>) -> Response {
    let tracking = call.request.header("TrackingId").map(str::to_owned);
    let tracking = tracking.unwrap_or_else(|| world.telephony.random.guid());
    let response = Response::empty(201).with("TrackingId", tracking);
    if !standard(world, call) {
        return response;
    }
    let (id, hub) = (world.telephony.random.base64_url(32), super::super::path::leaf(&call.hub));
    let location = format!("https://{}/{hub}/messages/{id}?api-version={}", call.host, call.version());
    response.with("location", location)
}
