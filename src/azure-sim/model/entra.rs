//! Microsoft Entra ID: the token endpoint and what clients ask before they use it.

use std::collections::BTreeMap;

use jsonwebtoken::Validation;
use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::config::Config;
use super::json;
use super::message::{Request, Response};
use super::token::{self, Minted};
use super::world::World;

/// Audience that Entra expects in an assertion of another issuer.
const EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Federated {
    issuer: String,
    subject: String,
    jwks: JwkSet,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Application {
    secret: Option<String>,
    federated: Vec<Federated>,
}

/// The directory's applications.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Applications {
    by_id: BTreeMap<String, Application>,
    /// Tokens of an earlier generation count as expired.
    pub(crate) token_generation: u64,
    /// A memory of signatures that were checked: whoever starts anew checks them again.
    #[serde(skip)]
    pub(crate) minted: Minted,
}

impl Applications {
    pub(crate) fn new(config: &Config) -> Self {
        let mut applications = Self::default();
        applications.add(&config.client_id, Some(config.client_secret.clone()));
        applications
    }

    /// An application with a secret; a secret that is there already is replaced.
    pub(crate) fn add(&mut self, client_id: &str, secret: Option<String>) {
        let application = self.by_id.entry(client_id.to_ascii_lowercase()).or_default();
        if secret.is_some() {
            application.secret = secret;
        }
    }

    /// Trusts `issuer`'s assertions about `subject`, replacing an older record of the same two.
    pub(crate) fn trust(&mut self, client_id: &str, issuer: &str, subject: &str, jwks: &Value) -> Result<(), String> {
        let jwks = serde_json::from_value(jwks.clone()).map_err(|e| format!("jwks: {e}"))?;
        let application = self.by_id.entry(client_id.to_ascii_lowercase()).or_default();
        application.federated.retain(|f| f.issuer != issuer || f.subject != subject);
        application.federated.push(Federated { issuer: issuer.into(), subject: subject.into(), jwks });
        Ok(())
    }
}

/// A refusal in the words of Entra.
struct Denied {
    status: u16,
    error: &'static str,
    code: u32,
    message: String,
}

fn denied(status: u16, error: &'static str, code: u32, message: impl Into<String>) -> Denied {
    Denied { status, error, code, message: message.into() }
}

/// Answers a path of Entra; `None` when it is not one.
pub(crate) fn answer(world: &mut World, request: &Request, now: u64) -> Option<Response> {
    let path = request.path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    match segments.as_slice() {
        [tenant, "oauth2", "v2.0", "token"] if request.method == "POST" => {
            Some(issue(world, tenant, request, now).unwrap_or_else(|d| refuse(world, &d, request, now)))
        }
        [tenant, "v2.0", ".well-known", "openid-configuration"] if request.method == "GET" => {
            Some(match known_tenant(world, tenant) {
                Ok(()) => configuration(world, tenant),
                Err(d) => refuse(world, &d, request, now),
            })
        }
        ["common", "discovery", "instance"] if request.method == "GET" => Some(discovery(world)),
        // Nothing here is signed with a public key yet: the set is there, and empty.
        [_, "discovery", "v2.0", "keys"] if request.method == "GET" => Some(Response::json(200, &json!({"keys": []}))),
        _ => None,
    }
}

fn known_tenant(world: &World, tenant: &str) -> Result<(), Denied> {
    if tenant.eq_ignore_ascii_case(&world.config().tenant_id) {
        return Ok(());
    }
    let message = format!(
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the \
         correct cloud. Check with your subscription administrator, this may happen if there are no active \
         subscriptions for the tenant."
    );
    Err(denied(400, "invalid_request", 90002, message))
}

fn configuration(world: &World, tenant: &str) -> Response {
    let base = &world.config().base_url;
    Response::json(
        200,
        &json!({
            "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
            "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/devicecode"),
            "issuer": format!("{base}/{tenant}/v2.0"),
            "response_types_supported": ["code", "id_token", "token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
        }),
    )
}

/// msal asks which hosts are one cloud before it trusts an authority.
fn discovery(world: &World) -> Response {
    let config = world.config();
    let host = config.base_url.trim_start_matches("https://");
    Response::json(
        200,
        &json!({
            "tenant_discovery_endpoint":
                format!("{}/{}/v2.0/.well-known/openid-configuration", config.base_url, config.tenant_id),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }),
    )
}

fn issue(world: &mut World, tenant: &str, request: &Request, now: u64) -> Result<Response, Denied> {
    known_tenant(world, tenant)?;
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let field = |name: &str| {
        form.get(name).map(String::as_str).filter(|v| !v.is_empty()).ok_or_else(|| {
            let message = format!("The request body must contain the following parameter: '{name}'.");
            denied(400, "invalid_request", 900_144, message)
        })
    };
    let grant = field("grant_type")?;
    if grant != "client_credentials" {
        let message = format!("The app requested an unsupported grant type '{grant}'.");
        return Err(denied(400, "unsupported_grant_type", 70003, message));
    }
    let client = field("client_id")?;
    let application = world.applications.by_id.get(&client.to_ascii_lowercase()).ok_or_else(|| {
        let message = format!(
            "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the \
             application has not been installed by the administrator of the tenant or consented to by any user in the \
             tenant. You may have sent your authentication request to the wrong tenant."
        );
        denied(400, "unauthorized_client", 700_016, message)
    })?;
    let audience = audience(world, field("scope")?)?;
    match (form.get("client_secret"), form.get("client_assertion")) {
        (_, Some(assertion)) => check_assertion(application, assertion, now)?,
        (Some(secret), None) => check_secret(application, client, secret)?,
        (None, None) => {
            let message =
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            return Err(denied(401, "invalid_client", 7_000_218, message));
        }
    }
    let token = token::mint(world, &client.to_ascii_lowercase(), &audience, now)
        .ok_or_else(|| denied(500, "server_error", 50000, "There was an error issuing a token."))?;
    let life = world.config().token_lifetime_s;
    let body = json!({"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token});
    Ok(Response::json(200, &body).with("cache-control", "no-store, no-cache"))
}

fn audience(world: &World, scope: &str) -> Result<String, Denied> {
    let resource = scope.strip_suffix("/.default").ok_or_else(|| {
        let message = format!(
            "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with \
             /.default suffixed to the resource identifier (application ID URI)."
        );
        denied(400, "invalid_scope", 1_002_012, message)
    })?;
    let bare = resource.trim_end_matches('/');
    let storage = bare.starts_with("https://storage.azure.com");
    if bare == world.config().base_url || token::ARM_AUDIENCES.contains(&bare) || storage {
        return Ok(resource.into());
    }
    let message = format!("The resource principal named {resource} was not found in the tenant.");
    Err(denied(400, "invalid_resource", 500_011, message))
}

fn check_secret(application: &Application, client: &str, secret: &str) -> Result<(), Denied> {
    if application.secret.as_deref() == Some(secret) {
        return Ok(());
    }
    let message = format!(
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not \
         the client secret ID, for a secret added to app '{client}'."
    );
    Err(denied(401, "invalid_client", 7_000_215, message))
}

fn check_assertion(application: &Application, assertion: &str, now: u64) -> Result<(), Denied> {
    let malformed = || denied(401, "invalid_client", 50027, "JWT token is invalid or malformed.");
    let header = jsonwebtoken::decode_header(assertion).map_err(|_| malformed())?;
    let claims: Value = jsonwebtoken::dangerous::insecure_decode(assertion).map_err(|_| malformed())?.claims;
    let claim = |name: &str| json::text(&claims, &[name]).unwrap_or_default();
    let (issuer, subject) = (claim("iss"), claim("sub"));
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => vec![claim("aud")],
    };
    let record = matching(&application.federated, issuer, subject, &audiences)?;
    let seconds = now / 1000;
    let time = |name: &str| claims.get(name).and_then(Value::as_f64);
    // Entra grants five minutes of clock skew.
    let expired = time("exp").is_none_or(|exp| exp as u64 + 300 <= seconds);
    if expired || time("nbf").is_some_and(|nbf| nbf as u64 > seconds + 300) {
        let message = format!(
            "Client assertion is not within its valid time range. Current time: {}.",
            super::world::timestamp(now)
        );
        return Err(denied(401, "invalid_client", 700_024, message));
    }
    let mut rules = Validation::new(header.alg);
    (rules.validate_exp, rules.validate_aud) = (false, false);
    rules.required_spec_claims.clear();
    let signed = record
        .jwks
        .keys
        .iter()
        .filter(|jwk| header.kid.is_none() || jwk.common.key_id == header.kid)
        .filter_map(|jwk| jsonwebtoken::DecodingKey::from_jwk(jwk).ok())
        .any(|key| jsonwebtoken::decode::<Value>(assertion, &key, &rules).is_ok());
    if signed {
        return Ok(());
    }
    let message = "Client assertion failed signature validation.";
    Err(denied(401, "invalid_client", 700_027, message))
}

/// Which record fits; else Entra says which of the three did not.
fn matching<'a>(
    records: &'a [Federated],
    issuer: &str,
    subject: &str,
    audiences: &[&str],
) -> Result<&'a Federated, Denied> {
    let none = |code, what: &str, value: &str| {
        let message = format!(
            "No matching federated identity record found for presented assertion {what} '{value}'. Check your \
             federated identity credential Subject, Audience and Issuer against the presented assertion. \
             https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
        );
        denied(401, "invalid_client", code, message)
    };
    if records.is_empty() {
        return Err(none(70021, "with issuer", issuer));
    }
    if !records.iter().any(|r| r.issuer == issuer) {
        return Err(none(700_211, "issuer", issuer));
    }
    let record = records
        .iter()
        .find(|r| r.issuer == issuer && r.subject == subject)
        .ok_or_else(|| none(700_213, "subject", subject))?;
    if audiences.contains(&EXCHANGE_AUDIENCE) {
        Ok(record)
    } else {
        Err(none(700_212, "audience", &audiences.join(",")))
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
