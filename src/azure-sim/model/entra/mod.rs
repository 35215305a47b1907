//! Microsoft Entra ID: the token endpoint, and what clients ask before they use it.

mod assertion;
mod directory;
mod discovery;
mod grant;
mod managed;

use serde_json::json;

use super::faults::{FaultAnswer, Sight};
use super::message::{Request, Response};
use super::world::World;

pub(crate) use directory::Applications;
pub(crate) use grant::asking;
pub(crate) use managed::{APP_SERVICE_PATH, answer as identity_answer, shown as identities};

/// A refusal in the words of Entra.
#[derive(Debug)]
struct Denied {
    status: u16,
    error: &'static str,
    code: u32,
    message: String,
}

fn denied(status: u16, error: &'static str, code: u32, message: impl Into<String>) -> Denied {
    Denied { status, error, code, message: message.into() }
}

/// Which of the two endpoints: the older one names a resource, the newer one a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    One,
    Two,
}

/// Answers a path of Entra; `None` when it is not one.
pub(crate) fn answer(world: &mut World, request: &Request, now: u64) -> Option<Response> {
    let path = request.path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let issue = |world: &mut World, tenant: &str, endpoint| {
        grant::issue(world, tenant, endpoint, request, now).unwrap_or_else(|d| refuse(world, &d, request, now))
    };
    match (request.method.as_str(), segments.as_slice()) {
        ("POST", [tenant, "oauth2", "v2.0", "token"]) => Some(issue(world, tenant, Endpoint::Two)),
        ("POST", [tenant, "oauth2", "token"]) => Some(issue(world, tenant, Endpoint::One)),
        ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => {
            Some(found(world, tenant, request, now, |world, tenant| {
                discovery::configuration(world, tenant, Endpoint::Two)
            }))
        }
        ("GET", [tenant, ".well-known", "openid-configuration"]) => {
            Some(found(world, tenant, request, now, |world, tenant| {
                discovery::configuration(world, tenant, Endpoint::One)
            }))
        }
        ("GET", [_, "discovery", "instance"]) => Some(discovery::instance(world)),
        ("GET", [tenant, "discovery", "keys"]) => {
            Some(found(world, tenant, request, now, |world, _| discovery::keys(world, Endpoint::One)))
        }
        ("GET", [tenant, "discovery", "v2.0", "keys"]) => {
            Some(found(world, tenant, request, now, |world, _| discovery::keys(world, Endpoint::Two)))
        }
        _ => None,
    }
}

/// Documents exist for the directory and for the names that stand for any.
fn found(
    world: &mut World,
    tenant: &str,
    request: &Request,
    now: u64,
    document: impl FnOnce(&World, &str) -> Response,
) -> Response {
    match directory::of_documents(world, tenant) {
        Ok(()) => document(world, tenant),
        Err(denied) => refuse(world, &denied, request, now),
    }
}

fn refuse(world: &mut World, denied: &Denied, request: &Request, now: u64) -> Response {
    let trace = world.random.guid();
    let correlation = request.header("client-request-id").map_or_else(|| world.random.guid(), str::to_owned);
    // Entra prints times in this form, with a space and a Z.
    let time = super::world::timestamp(now).replace('T', " ");
    let time = format!("{}Z", time.split('.').next().unwrap_or_default());
    let description = format!(
        "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}",
        denied.code, denied.message
    );
    Response::json(
        denied.status,
        &json!({
            "error": denied.error,
            "error_description": description,
            "error_codes": [denied.code],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("{}/error?code={}", world.config().base_url, denied.code),
        }),
    )
}

/// A fault in Entra's words: of its documented codes those that say the same; which one Entra would choose is (unverified).
/// `code` of a fault stands for `error`.
pub(crate) fn injected(answer: &FaultAnswer, _: &Sight<'_>) -> Response {
    let status = answer.status.unwrap_or(500);
    let (error, code, message) = match status {
        429 => ("temporarily_unavailable", 90055, "There are too many incoming requests for the tenant."),
        401 => ("invalid_client", 7_000_215, "Invalid client secret provided."),
        400..=499 => ("invalid_request", 90013, "Invalid input received from the user."),
        _ => ("temporarily_unavailable", 90033, "A transient error has occurred. Please try again."),
    };
    let error = answer.code.as_deref().unwrap_or(error);
    let message = answer.message.as_deref().unwrap_or(message);
    let body = json!({
        "error": error, "error_description": format!("AADSTS{code}: {message}"), "error_codes": [code],
    });
    let response = Response::json(status, &body);
    match answer.retry_after {
        Some(seconds) => response.with("retry-after", seconds.to_string()),
        None => response,
    }
}
