//! A test send: what ten registered devices would get, and what became of it.

use serde_json::{Value, json};

use super::super::arm::Call;
use super::super::journal::Effect;
use super::super::json;
use super::super::message::Response;
use super::super::refusal::Done;
use super::super::registry::Kind;
use super::super::shapes;
use super::super::world::World;

/// Devices that a test send reaches (documented).
const MOST: usize = 10;

/// Each installation of the hub with its outcome. Nothing rings: a credential that the platform needs is looked for, and
/// whether the handle is still somebody's. The words of the outcomes are those of the telemetry (documented there;
/// unverified here).
pub(super) fn answer(world: &World, call: &Call<'_>, hub: &str) -> Done {
    let credentials = world.credentials(hub).cloned().unwrap_or(Value::Null);
    let mut succeeded = 0u64;
    let devices = world.telephony.installations.iter().filter(|((at, _), _)| at == hub).take(MOST);
    let results: Vec<Value> = devices
        .map(|((_, id), installation)| {
            let credential = if installation.platform == "apple" { "apnsCredential" } else { "fcmV1Credential" };
            let alive = world.telephony.phones.values().any(|p| p.handle == installation.handle);
            let outcome = match (json::at(&credentials, &[credential]), alive) {
                (None, _) => "Invalid Credentials",
                (Some(_), false) => "The Token obtained from the Token Provider is wrong",
                (Some(_), true) => "The Notification was successfully sent to the Push Notification System",
            };
            succeeded += u64::from(alive && json::at(&credentials, &[credential]).is_some());
            json!({
                "applicationPlatform": installation.platform, "pnsHandle": installation.handle, "registrationId": id,
                "outcome": outcome,
            })
        })
        .collect();
    let failed = results.len() as u64 - succeeded;
    let body = json!({
        "id": call.target.id(), "name": call.target.name(),
        "type": "Microsoft.NotificationHubs/namespaces/notificationHubs/debugSend",
        "properties": {"success": succeeded, "failure": failed, "results": results},
    });
    // Clients of the older version take 201 alone, the specifications of 2023 name 200.
    let status = if shapes::knows(Kind::Hub, &call.api_version, "2023-09-01") { 200 } else { 201 };
    Done::new(Effect::Action, Response::json(status, &body))
}
