//! A test send: what ten registered devices would get, and what became of it.

use serde_json::{Value, json};

use super::super::arm::Call;
use super::super::journal::Effect;
use super::super::json;
use super::super::message::Response;
use super::super::push::{Outcome, Platform};
use super::super::refusal::Done;
use super::super::registry::Kind;
use super::super::shapes;
use super::super::world::World;

/// Devices that a test send reaches (documented).
const MOST: usize = 10;

/// Each phone of the hub with its outcome: whether the hub has the credential of its platform, and whether that platform is
/// still there. Nothing rings (in Azure it does), and which registration it was is not told.
pub(super) fn answer(world: &World, call: &Call<'_>, hub: &str) -> Done {
    let credentials = world.credentials(hub).unwrap_or(&Value::Null);
    let outcome = |platform: Platform| {
        let credential = json::at(credentials, &[platform.credential()]).is_some();
        if credential && !platform.retired() { Outcome::Success } else { Outcome::InvalidCredentials }
    };
    let phones: Vec<_> = world.telephony.phones.values().filter(|p| p.hub == hub).take(MOST).collect();
    let succeeded = phones.iter().filter(|p| outcome(p.platform) == Outcome::Success).count();
    let results: Vec<Value> = phones
        .iter()
        .map(|phone| {
            json!({
                "applicationPlatform": phone.platform.word(), "pnsHandle": phone.handle, "registrationId": "Unknown",
                "outcome": outcome(phone.platform).sentence(),
            })
        })
        .collect();
    let body = json!({
        "id": call.target.id(), "name": call.target.name(),
        "type": "Microsoft.NotificationHubs/namespaces/notificationHubs/debugSend",
        "properties": {"success": succeeded, "failure": results.len() - succeeded, "results": results},
    });
    // Clients of the older version take 201 alone, the specifications of 2023 name 200.
    let status = if shapes::knows(Kind::Hub, &call.api_version, "2023-09-01") { 200 } else { 201 };
    Done::new(Effect::Action, Response::json(status, &body))
}
