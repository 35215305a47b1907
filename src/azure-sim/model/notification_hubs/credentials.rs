//! Credentials of push platforms, of a hub or of a namespace: written, and read by an action of their own only.

use serde_json::{Map, Value, json};

use super::super::arm::Call;
use super::super::json;
use super::super::refusal::Refusal;
use super::super::registry::Kind;
use super::super::shapes;
use super::super::world::World;

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

/// A hub or namespace as the credential reads show it: properties are the credentials only.
pub(super) fn shown(body: &Value, credentials: Option<&Value>) -> Value {
    let mut shown = json!({});
    for member in ["id", "name", "location", "tags"] {
        json::merge(&mut shown, body, &[member]);
    }
    let credentials = credentials.filter(|c| !c.is_null()).cloned().unwrap_or_else(|| json!({}));
    json::put(&mut shown, &["properties"], credentials);
    let of = json::text(body, &["type"]).unwrap_or_default();
    json::put(&mut shown, &["type"], format!("{of}/pnsCredentials"));
    shown
}

/// The credentials after this request, which has them at `place`. One that is left out stays (azurerm must recreate a hub
/// to remove one), and explicit null removes it; neither is recorded.
pub(super) fn after(world: &World, call: &Call<'_>, key: &str, place: &[&str]) -> Result<Value, Refusal> {
    let mut kept = match world.credentials(key) {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    };
    let Some(Value::Object(sent)) = json::at(&call.body, place) else { return Ok(kept.into()) };
    for (name, required) in CREDENTIALS {
        // Unknown to older versions, which ignore it.
        if !shapes::known(Kind::Hub, &call.api_version, &["properties", name]) {
            continue;
        }
        match sent.get(name) {
            None => {}
            Some(Value::Null) => {
                kept.remove(name);
            }
            Some(credential) => {
                check(name, required, credential)?;
                kept.insert(name.into(), credential.clone());
            }
        }
    }
    Ok(kept.into())
}

fn check(name: &str, required: &[&str], credential: &Value) -> Result<(), Refusal> {
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
