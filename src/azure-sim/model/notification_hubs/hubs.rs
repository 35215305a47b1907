//! Hubs and their platform credentials.

use serde_json::{Map, Value, json};

use super::super::arm::{self, Call};
use super::super::journal::Effect;
use super::super::json;
use super::super::message::Response;
use super::super::path;
use super::super::refusal::{Answer, Done, Refusal};
use super::super::registry::Kind;
use super::super::resource::Hidden;
use super::super::world::World;
use super::{display_name, rules};

/// Credential names, and the fields each cannot do without (marked required in the specification).
const CREDENTIALS: [(&str, &[&str]); 9] = [
    ("apnsCredential", &["endpoint"]),
    ("fcmV1Credential", &["clientEmail", "privateKey", "projectId"]),
    ("gcmCredential", &["googleApiKey"]),
    ("wnsCredential", &[]),
    ("browserCredential", &["subject", "vapidPublicKey", "vapidPrivateKey"]),
    ("admCredential", &["clientId", "clientSecret", "authTokenUrl"]),
    ("baiduCredential", &["baiduApiKey", "baiduSecretKey", "baiduEndPoint"]),
    ("mpnsCredential", &["mpnsCertificate", "certificateKey", "thumbprint"]),
    ("xiaomiCredential", &[]),
];

/// The default time to live of registrations: TimeSpan.MaxValue.
const FOREVER: &str = "10675199.02:48:05.4775807";

pub(super) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let key = call.target.key();
    match (call.method(), call.action().as_str()) {
        ("PUT", "") => return put(world, call, &key),
        ("DELETE", "") => {
            if !world.resources.contains_key(&key) {
                return Ok(Done::new(Effect::None, Response::empty(204)));
            }
            world.remove(&key);
            return Ok(Done::new(Effect::Delete, Response::empty(200)));
        }
        _ => {}
    }
    let resource = world.resources.get(&key).ok_or_else(|| arm::not_found(&call.target))?;
    match (call.method(), call.action().as_str()) {
        ("GET", "") => Ok(Done::read(&resource.body)),
        ("PATCH", "") => patch(world, call, &key),
        ("POST", "pnscredentials") => {
            let body = with_credentials(&resource.body, world.credentials(&key).unwrap_or(&Value::Null));
            Ok(Done::new(Effect::Action, Response::json(200, &body)))
        }
        ("POST", "debugsend") => {
            let body = json!({"properties": {"success": 0, "failure": 0, "results": []}});
            // Clients of the older version take 201 alone, the specifications of 2023 name 200.
            let status = if call.api_version == "2017-04-01" { 201 } else { 200 };
            Ok(Done::new(Effect::Action, Response::json(status, &body)))
        }
        _ => Err(arm::unknown_type(call)),
    }
}

/// A hub as the credential reads show it: properties are the credentials only.
pub(super) fn with_credentials(body: &Value, credentials: &Value) -> Value {
    let mut shown = body.clone();
    json::put(&mut shown, &["properties"], if credentials.is_null() { json!({}) } else { credentials.clone() });
    shown
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let valid = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) && name.len() <= 260;
    if valid { Ok(()) } else { Err(Refusal::bad_request(format!("The hub name '{name}' is invalid."))) }
}

fn put(world: &mut World, call: &Call<'_>, key: &str) -> Answer {
    let id = call.target.id();
    super::require_active_namespace(world, path::parent(key))?;
    let name = call.target.name();
    check_name(name)?;
    let location = json::text(&call.body, &["location"]).map(display_name).ok_or_else(|| {
        Refusal::new(400, "LocationRequired", "The location property is required for this definition.")
    })?;
    let namespace = world.resource(path::parent(key)).and_then(|body| json::text(body, &["location"]));
    if namespace != Some(&location) {
        return Err(Refusal::bad_request("The location of a hub must be that of its namespace."));
    }
    let created = !world.resources.contains_key(key);
    let credentials = credentials(world, call, key)?;
    let ttl = json::text(&call.body, &["properties", "registrationTtl"]).unwrap_or(FOREVER);
    let mut body = json!({
        "id": id, "name": name, "type": "Microsoft.NotificationHubs/namespaces/notificationHubs",
        "location": location, "properties": {"name": name, "registrationTtl": ttl, "authorizationRules": []},
    });
    json::replace(&mut body, &call.body, &["tags"]);
    let response = Response::json(if created { 201 } else { 200 }, &body);
    if created {
        world.store(key.to_owned(), Kind::Hub, body, Hidden::Credentials(credentials));
        rules::add_default(world, &id, "DefaultListenSharedAccessSignature", &["Listen"], call.now);
        let all = ["Listen", "Manage", "Send"];
        rules::add_default(world, &id, "DefaultFullSharedAccessSignature", &all, call.now);
    } else if let Some(resource) = world.resources.get_mut(key) {
        (resource.body, resource.hidden) = (body, Hidden::Credentials(credentials));
    }
    Ok(Done::new(if created { Effect::Create } else { Effect::Update }, response))
}

/// The credentials after this request. One that is left out stays (azurerm must recreate a hub to remove one), and
/// explicit null removes it; neither is recorded.
fn credentials(world: &World, call: &Call<'_>, key: &str) -> Result<Value, Refusal> {
    let mut kept = match world.credentials(key) {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    };
    let Some(Value::Object(sent)) = call.body.get("properties") else { return Ok(kept.into()) };
    for (name, required) in CREDENTIALS {
        // Unknown to older versions, which ignore it.
        if name == "fcmV1Credential" && call.api_version != "2023-10-01-preview" {
            continue;
        }
        match sent.get(name) {
            None => {}
            Some(Value::Null) => {
                kept.remove(name);
            }
            Some(credential) => {
                check_credential(name, required, credential)?;
                kept.insert(name.into(), credential.clone());
            }
        }
    }
    Ok(kept.into())
}

fn check_credential(name: &str, required: &[&str], credential: &Value) -> Result<(), Refusal> {
    let properties = credential
        .get("properties")
        .filter(|p| p.is_object())
        .ok_or_else(|| Refusal::bad_request(format!("'{name}' must be an object with 'properties'.")))?;
    let missing: Vec<&str> =
        required.iter().filter(|f| json::text(properties, &[**f]).is_none_or(str::is_empty)).copied().collect();
    if !missing.is_empty() {
        return Err(Refusal::bad_request(format!("'{name}' lacks: {}.", missing.join(", "))));
    }
    let has = |field: &str| json::text(properties, &[field]).is_some_and(|v| !v.is_empty());
    let token = ["token", "keyId", "appId", "appName"].iter().all(|f| has(f));
    if name == "apnsCredential" && !token && !has("apnsCertificate") {
        let message = "'apnsCredential' needs a certificate, or all of token, keyId, appId and appName.";
        return Err(Refusal::bad_request(message));
    }
    Ok(())
}

fn patch(world: &mut World, call: &Call<'_>, key: &str) -> Answer {
    let credentials = credentials(world, call, key)?;
    let resource = world.resources.get_mut(key).ok_or_else(|| arm::not_found(&call.target))?;
    json::merge(&mut resource.body, &call.body, &["tags"]);
    json::merge(&mut resource.body, &call.body, &["properties", "registrationTtl"]);
    resource.hidden = Hidden::Credentials(credentials.clone());
    let mut shown = resource.body.clone();
    // The answer to PATCH holds the credentials and every rule's keys in clear (recorded, 2017-04-01).
    if let Value::Object(credentials) = credentials {
        for (name, credential) in credentials {
            json::put(&mut shown, &["properties", &name], credential);
        }
    }
    json::put(&mut shown, &["properties", "authorizationRules"], rules::in_clear(world, key));
    Ok(Done::new(Effect::Update, Response::json(200, &shown)))
}
