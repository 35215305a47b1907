//! Identities of resources: what a client asks for, and the principals that Azure makes for it.

use serde_json::{Value, json};

use super::json;
use super::refusal::Refusal;
use super::token;

/// What comes between the two words when a resource has both kinds: Event Grid writes a space there, Communication does not.
/// Whether either takes the other's spelling is not recorded: refused here (unverified).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Both {
    Tight,
    Spaced,
}

impl Both {
    fn word(self) -> &'static str {
        match self {
            Self::Tight => "SystemAssigned,UserAssigned",
            Self::Spaced => "SystemAssigned, UserAssigned",
        }
    }
}

/// Refuses an identity that makes no sense. Whether user-assigned ones exist is not looked at: their provider is not
/// simulated.
pub(crate) fn check(sent: &Value, both: Both) -> Result<(), Refusal> {
    let Some(identity) = json::at(sent, &["identity"]) else { return Ok(()) };
    let kind = json::text(identity, &["type"]).unwrap_or_default();
    let known = ["None", "SystemAssigned", "UserAssigned", both.word()];
    if !known.iter().any(|k| k.eq_ignore_ascii_case(kind)) {
        let message = format!("The identity type '{kind}' is invalid. It is one of: {}.", known.join("; "));
        return Err(Refusal::new(400, "InvalidIdentityType", message));
    }
    let user = kind.to_ascii_lowercase().contains("userassigned");
    let ids = json::at(identity, &["userAssignedIdentities"]).and_then(Value::as_object);
    if user && ids.is_none_or(serde_json::Map::is_empty) {
        let message = "The identity type is UserAssigned, and no user assigned identity is given.";
        return Err(Refusal::new(400, "InvalidIdentity", message));
    }
    Ok(())
}

/// Fills in what Azure makes: one principal per identity, and the same as long as that lives.
pub(crate) fn fill(body: &mut Value, tenant: &str) {
    let kind = json::text(body, &["identity", "type"]).unwrap_or_default().to_ascii_lowercase();
    let id = json::text(body, &["id"]).unwrap_or_default().to_ascii_lowercase();
    if kind.contains("systemassigned") {
        json::put(body, &["identity", "principalId"], token::object_id(tenant, &id));
        json::put(body, &["identity", "tenantId"], tenant);
    } else {
        json::remove(body, &["identity", "principalId"]);
        json::remove(body, &["identity", "tenantId"]);
    }
    if let Some(Value::Object(ids)) = body.pointer_mut("/identity/userAssignedIdentities") {
        for (id, shown) in ids {
            let lower = id.to_ascii_lowercase();
            *shown = json!({
                "principalId": token::object_id(tenant, &lower),
                "clientId": token::object_id(tenant, &format!("client {lower}")),
            });
        }
    }
}
