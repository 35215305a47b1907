//! `/_sim/config`: what an administrator of Azure, of the directory, or a stranger would do. An object with any of:
//!
//! | Member | Value | Does |
//! |---|---|---|
//! | `takeName`, `freeName` | a name | a stranger holds it, or lets it go |
//! | `registerProvider`, `unregisterProvider` | a provider namespace | in `subscriptionId`, or in the first one |
//! | `addGroup` | a name | the same |
//! | `expireTokens` | anything | every access token so far is over |
//! | `secret` | `clientId`, `clientSecret` | adds an application, or changes its secret |
//! | `expireSecret` | a client id | its secret is over |
//! | `certificate` | `clientId`, `certificate` (PEM) | the application may sign in with what that certificate's key signed |
//! | `resource` | `uri`, `tokenVersion`? (1 or 2) | tokens may be for it |
//! | `probationDrops` | true or false | Event Grid gives up, unattempted, what meets an endpoint on probation by its own fault |
//! | `roles` | `clientId`, `assignments`: list of `scope` and `role` or `actions`, `notActions`; or null | what it may do, once it has spread (profile `azure`: ten minutes); null: everything |
//! | `identity` | `clientId`, `resourceId` | a user-assigned identity of the machine |

use serde_json::{Value, json};

use super::super::json;
use super::super::world::World;
use super::{Opened, bad, field};

pub(super) fn change(world: &mut World, body: &Value) -> Opened {
    let Value::Object(settings) = body else { return Err(bad("an object was expected")) };
    let subscription = json::text(body, &["subscriptionId"]).unwrap_or(&world.config().subscription_id).to_owned();
    for (name, value) in settings.iter().filter(|(name, _)| *name != "subscriptionId") {
        if !azure(world, &subscription, name, value) && !directory(world, name, value)? {
            return Err(bad(format!("no such setting: {name}")));
        }
    }
    Ok(json!({}))
}

/// Whether it was a setting of Azure's.
fn azure(world: &mut World, subscription: &str, name: &str, value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    match name {
        "takeName" => world.take_name(text),
        "freeName" => {
            world.taken_names.remove(&text.to_ascii_lowercase());
        }
        "unregisterProvider" => world.set_registered(subscription, text, false),
        "registerProvider" => world.set_registered(subscription, text, true),
        "addGroup" => world.add_group(subscription, text),
        "probationDrops" => world.deliveries.drop_on_probation(value == &Value::Bool(true)),
        _ => return false,
    }
    true
}

/// Whether it was a setting of the directory's.
fn directory(world: &mut World, name: &str, value: &Value) -> Result<bool, (u16, String)> {
    match name {
        "expireTokens" => world.expire_tokens(),
        "secret" => world.set_secret(field(value, "clientId")?, field(value, "clientSecret")?),
        "expireSecret" => {
            let client = value.as_str().unwrap_or_default();
            if !world.expire_secret(client) {
                return Err(bad(format!("no such application: {client}")));
            }
        }
        "certificate" => {
            world.register_certificate(field(value, "clientId")?, field(value, "certificate")?).map_err(bad)?;
        }
        "resource" => {
            let version = value.get("tokenVersion").and_then(Value::as_u64).unwrap_or(1);
            if !matches!(version, 1 | 2) {
                return Err(bad("'tokenVersion' is 1 or 2"));
            }
            world.register_resource(field(value, "uri")?, version == 2);
        }
        "roles" => {
            let assignments = value.get("assignments").unwrap_or(&Value::Null);
            world.assign_roles(field(value, "clientId")?, assignments).map_err(bad)?;
        }
        "identity" => world.assign_identity(field(value, "clientId")?, field(value, "resourceId")?),
        _ => return Ok(false),
    }
    Ok(true)
}
