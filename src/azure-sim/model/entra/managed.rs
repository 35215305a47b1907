//! Managed identities: what a machine (instance metadata) or an app (App Service) asks without any credential. Plain HTTP
//! in Azure, and never on the host of ARM.

use serde_json::{Value, json};

use super::super::message::{Request, Response};
use super::super::token::{self, Proof, Wanted};
use super::super::world::World;
use super::directory::{self, Identity};

/// Where App Service puts its endpoint here; Azure names it in `IDENTITY_ENDPOINT`.
pub(crate) const APP_SERVICE_PATH: &str = "/msi/token";
const INSTANCE_PATH: &str = "/metadata/identity/oauth2/token";
/// Tokens of managed identities live for a day.
const LIFE_S: u64 = 86_400;

/// Which of the two endpoints, since each has its own words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Instance,
    AppService,
}

impl Asked {
    fn refuse(self, status: u16, error: &str, message: &str) -> Response {
        let body = match self {
            Self::Instance => json!({"error": error, "error_description": message}),
            Self::AppService => json!({"statusCode": status, "message": message}),
        };
        Response::json(status, &body)
    }
}

/// Answers what is sent to the identity listener.
pub(crate) fn answer(world: &mut World, request: &Request, now: u64) -> Response {
    let path = request.path.split('?').next().unwrap_or_default().trim_end_matches('/');
    let asked = if path.eq_ignore_ascii_case(INSTANCE_PATH) {
        Asked::Instance
    } else if path == APP_SERVICE_PATH {
        Asked::AppService
    } else {
        return Response::json(404, &json!({"error": "not_found", "error_description": "There is no such path."}));
    };
    match answered(world, request, asked, now) {
        Ok(response) | Err(response) => response,
    }
}

fn answered(world: &mut World, request: &Request, asked: Asked, now: u64) -> Result<Response, Response> {
    if request.method != "GET" {
        return Err(asked.refuse(405, "method_not_allowed", "Only GET is allowed."));
    }
    admitted(world, request, asked)?;
    let query: Vec<(String, String)> = url::form_urlencoded::parse(request.query().as_bytes()).into_owned().collect();
    let parameter = |name: &str| {
        let found = query.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
        found.filter(|v| !v.is_empty())
    };
    version(asked, parameter("api-version"))?;
    let resource = parameter("resource")
        .ok_or_else(|| asked.refuse(400, "invalid_request", "Required query variable 'resource' is missing"))?;
    let identity = chosen(world, asked, parameter)?;
    directory::resource(world, resource).map_err(|denied| {
        let message = format!("AADSTS{}: {}", denied.code, denied.message);
        asked.refuse(400, denied.error, &message)
    })?;
    let version = world.applications.version_of(resource);
    let (application, proof) = (identity.client_id.as_str(), Proof::Certificate);
    let wanted = Wanted { application, audience: resource, version, proof, life_s: LIFE_S };
    let token = token::mint(world, &wanted, now)
        .ok_or_else(|| asked.refuse(500, "server_error", "There was an error issuing a token."))?;
    let seconds = now / 1000;
    let expires = seconds.saturating_add(LIFE_S).to_string();
    let mut body = json!({
        "access_token": token, "client_id": identity.client_id, "expires_on": expires,
        "not_before": seconds.to_string(), "resource": resource, "token_type": "Bearer",
    });
    if asked == Asked::Instance {
        super::super::json::put(&mut body, &["expires_in"], LIFE_S.to_string());
        super::super::json::put(&mut body, &["ext_expires_in"], LIFE_S.to_string());
    }
    Ok(Response::json(200, &body))
}

/// A header that no browser and no proxy sends by itself stands before both.
fn admitted(world: &World, request: &Request, asked: Asked) -> Result<(), Response> {
    match asked {
        Asked::Instance => {
            if request.header("x-forwarded-for").is_some() {
                let message = "Requests with the header X-Forwarded-For are not served";
                return Err(asked.refuse(400, "invalid_request", message));
            }
            if !request.header("metadata").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
                let message = "Required metadata header not specified";
                return Err(asked.refuse(400, "invalid_request", message));
            }
        }
        Asked::AppService => {
            if request.header("x-identity-header") != Some(world.applications.identity_header.as_str()) {
                let message = "The header X-IDENTITY-HEADER is missing or is not the value of IDENTITY_HEADER.";
                return Err(asked.refuse(401, "unauthorized", message));
            }
        }
    }
    Ok(())
}

const INSTANCE_VERSIONS: [&str; 9] = [
    "2018-02-01",
    "2018-04-02",
    "2018-10-01",
    "2019-02-01",
    "2019-06-01",
    "2019-08-01",
    "2020-06-01",
    "2021-02-01",
    "2021-12-13",
];

fn version(asked: Asked, given: Option<&str>) -> Result<(), Response> {
    match (asked, given) {
        (Asked::Instance, Some(version)) if INSTANCE_VERSIONS.contains(&version) => Ok(()),
        (Asked::AppService, Some("2019-08-01")) => Ok(()),
        (Asked::Instance, _) => {
            let error = match given {
                None => "Bad request. api-version was not specified in the request".to_owned(),
                Some(version) => format!("Bad request. api-version is invalid: {version}"),
            };
            let newest: Vec<&str> = INSTANCE_VERSIONS.iter().rev().take(3).copied().collect();
            Err(Response::json(400, &json!({"error": error, "newest-versions": newest})))
        }
        (Asked::AppService, _) => Err(asked.refuse(400, "invalid_request", "The api-version must be 2019-08-01.")),
    }
}

/// The machine's own identity, unless another is named by one of its three names.
fn chosen<'a>(world: &World, asked: Asked, parameter: impl Fn(&str) -> Option<&'a str>) -> Result<Identity, Response> {
    let identities = &world.applications.identities;
    let (object, resource) = match asked {
        Asked::Instance => ("object_id", "msi_res_id"),
        Asked::AppService => ("principal_id", "mi_res_id"),
    };
    let same = |given: &str, own: &str| given.eq_ignore_ascii_case(own);
    let tenant = &world.config().tenant_id;
    // The newer name of the parameter is taken too, and sent by some clients.
    let by_resource = parameter(resource).or_else(|| parameter("mi_res_id"));
    let found = match (parameter("client_id"), parameter(object), by_resource) {
        (None, None, None) => identities.iter().find(|i| i.resource_id.is_none()),
        (Some(id), None, None) => identities.iter().find(|i| same(id, &i.client_id)),
        (None, Some(id), None) => identities.iter().find(|i| same(id, &token::object_id(tenant, &i.client_id))),
        (None, None, Some(id)) => identities.iter().find(|i| i.resource_id.as_deref().is_some_and(|own| same(id, own))),
        _ => {
            let message = "Only one of client_id, object_id and msi_res_id may be given.";
            return Err(asked.refuse(400, "invalid_request", message));
        }
    };
    found.cloned().ok_or_else(|| match asked {
        Asked::Instance => asked.refuse(400, "invalid_request", "Identity not found"),
        Asked::AppService => {
            let message = "No User Assigned or Delegated Managed Identity found for specified \
                           ClientId/ResourceId/PrincipalId.";
            asked.refuse(400, "invalid_request", message)
        }
    })
}

/// What is known of the identities, for the simulator's own door.
pub(crate) fn shown(world: &World) -> Value {
    let tenant = &world.config().tenant_id;
    let list = world.applications.identities.iter().map(|i| {
        json!({"clientId": i.client_id, "objectId": token::object_id(tenant, &i.client_id), "resourceId": i.resource_id})
    });
    Value::Array(list.collect())
}
