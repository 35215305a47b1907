//! The token endpoint: client credentials, by secret, by certificate, or by the assertion of a trusted issuer.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::message::{Request, Response};
use super::super::token::{self, Proof, Wanted};
use super::super::world::World;
use super::directory::{self, Application};
use super::{Denied, Endpoint, assertion, denied};

/// The one kind of assertion that Entra takes from clients.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The form, and what a Basic header adds to it.
struct Form(BTreeMap<String, String>);

impl Form {
    fn read(request: &Request) -> Self {
        let mut form: BTreeMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
        let basic = request.header("authorization").and_then(|h| h.strip_prefix("Basic "));
        let decoded = basic.and_then(|b| STANDARD.decode(b).ok()).and_then(|b| String::from_utf8(b).ok());
        if let Some((id, secret)) = decoded.as_deref().and_then(|text| text.split_once(':')) {
            // Both halves are form-encoded before they are joined (RFC 6749, 2.3.1).
            let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
            form.entry("client_id".into()).or_insert_with(|| plain(id));
            form.entry("client_secret".into()).or_insert_with(|| plain(secret));
        }
        Self(form)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    fn need(&self, name: &str) -> Result<&str, Denied> {
        self.get(name).ok_or_else(|| {
            let message = format!("The request body must contain the following parameter: '{name}'.");
            denied(400, "invalid_request", 900_144, message)
        })
    }
}

/// Who asks for a token: the client id sent, when the directory has it. What else stands there may be anything, a secret in
/// the wrong field too.
pub(crate) fn asking(world: &World, request: &Request) -> Option<String> {
    let client = Form::read(request).get("client_id")?.to_ascii_lowercase();
    world.applications.by_id.contains_key(&client).then_some(client)
}

pub(super) fn issue(
    world: &mut World,
    tenant: &str,
    endpoint: Endpoint,
    request: &Request,
    now: u64,
) -> Result<Response, Denied> {
    directory::of_tokens(world, tenant)?;
    let form = Form::read(request);
    let grant = form.need("grant_type")?;
    if grant != "client_credentials" {
        let message = format!("The app requested an unsupported grant type '{grant}'.");
        return Err(denied(400, "unsupported_grant_type", 70003, message));
    }
    let client = form.need("client_id")?;
    let application = world.applications.by_id.get(&client.to_ascii_lowercase()).ok_or_else(|| {
        let message = format!(
            "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the \
             application has not been installed by the administrator of the tenant or consented to by any user in the \
             tenant. You may have sent your authentication request to the wrong tenant."
        );
        denied(400, "unauthorized_client", 700_016, message)
    })?;
    let resource = match endpoint {
        Endpoint::Two => of_scope(form.need("scope")?)?,
        Endpoint::One => form.need("resource")?,
    };
    directory::resource(world, resource)?;
    let proof = prove(world, application, &form, client, tenant, now)?;
    let version = world.applications.version_of(resource);
    let (application, life_s) = (client.to_ascii_lowercase(), world.config().token_lifetime_s);
    let wanted = Wanted { application: &application, audience: resource, version, proof, life_s };
    let token = token::mint(world, &wanted, now)
        .ok_or_else(|| denied(500, "server_error", 50000, "There was an error issuing a token."))?;
    let body = match endpoint {
        Endpoint::Two => {
            json!({"token_type": "Bearer", "expires_in": life_s, "ext_expires_in": life_s, "access_token": token})
        }
        // Texts for numbers, and two times more (documented).
        Endpoint::One => json!({
            "token_type": "Bearer", "expires_in": life_s.to_string(), "ext_expires_in": life_s.to_string(),
            "expires_on": (now / 1000).saturating_add(life_s).to_string(), "not_before": (now / 1000).to_string(),
            "resource": resource, "access_token": token,
        }),
    };
    Ok(Response::json(200, &body).with("cache-control", "no-store, no-cache"))
}

fn of_scope(scope: &str) -> Result<&str, Denied> {
    scope.strip_suffix("/.default").ok_or_else(|| {
        let message = format!(
            "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with \
             /.default suffixed to the resource identifier (application ID URI)."
        );
        denied(400, "invalid_scope", 1_002_012, message)
    })
}

fn prove(
    world: &World,
    application: &Application,
    form: &Form,
    client: &str,
    tenant: &str,
    now: u64,
) -> Result<Proof, Denied> {
    match (form.get("client_secret"), form.get("client_assertion")) {
        (_, Some(given)) => {
            let kind = form.need("client_assertion_type")?;
            if kind != ASSERTION_TYPE {
                // Entra's own code for this is not known here (unverified); the request is malformed by RFC 7521.
                let message = format!("The parameter 'client_assertion_type' has an unsupported value '{kind}'.");
                return Err(denied(400, "invalid_request", 900_144, message));
            }
            let base = &world.config().base_url;
            assertion::check(application, given, client, &[base, tenant], now)?;
            Ok(Proof::Certificate)
        }
        (Some(secret), None) => check_secret(application, client, secret).map(|()| Proof::Secret),
        (None, None) => {
            let message =
                "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.";
            Err(denied(401, "invalid_client", 7_000_216, message))
        }
    }
}

fn check_secret(application: &Application, client: &str, secret: &str) -> Result<(), Denied> {
    if application.secret.as_deref() != Some(secret) {
        let message = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, \
             not the client secret ID, for a secret added to app '{client}'."
        );
        return Err(denied(401, "invalid_client", 7_000_215, message));
    }
    if application.secret_expired {
        let message = format!(
            "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new keys \
             for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added \
             security: https://aka.ms/certCreds."
        );
        return Err(denied(401, "invalid_client", 7_000_222, message));
    }
    Ok(())
}
