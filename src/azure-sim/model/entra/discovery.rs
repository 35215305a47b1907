//! Documents: where the endpoints are, which hosts are one cloud, and the public keys.

use serde_json::{Value, json};

use super::super::message::Response;
use super::super::token::{self, Version};
use super::super::world::World;
use super::Endpoint;

/// OpenID Connect discovery. Of the names that stand for any directory, the issuer has a blank for the tenant
/// (documented).
pub(super) fn configuration(world: &World, tenant: &str, endpoint: Endpoint) -> Response {
    let base = &world.config().base_url;
    let (middle, version) = match endpoint {
        Endpoint::One => ("", Version::One),
        Endpoint::Two => ("/v2.0", Version::Two),
    };
    let own = tenant.eq_ignore_ascii_case(&world.config().tenant_id);
    let issuer = token::issuer(world, version);
    let issuer = if own { issuer } else { issuer.replace(&world.config().tenant_id, "{tenantid}") };
    let host = base.trim_start_matches("https://");
    let mut document = json!({
        "token_endpoint": format!("{base}/{tenant}/oauth2{middle}/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/{tenant}/discovery{middle}/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer,
        "request_uri_parameter_supported": false,
        "authorization_endpoint": format!("{base}/{tenant}/oauth2{middle}/authorize"),
        "device_authorization_endpoint": format!("{base}/{tenant}/oauth2{middle}/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{base}/{tenant}/oauth2{middle}/logout"),
        "claims_supported": ["sub", "iss", "cloud_instance_name", "aud", "exp", "iat", "nonce", "tid", "ver"],
        "tenant_region_scope": if own { json!("EU") } else { Value::Null },
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": format!("https://{host}"),
    });
    if endpoint == Endpoint::One {
        super::super::json::put(&mut document, &["microsoft_multi_refresh_token"], true);
    }
    Response::json(200, &document)
}

/// msal asks which hosts are one cloud before it trusts an authority.
pub(super) fn instance(world: &World) -> Response {
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

/// The public keys. A world that signs for itself alone has none to show.
pub(super) fn keys(world: &World, endpoint: Endpoint) -> Response {
    let keys: Vec<Value> = world
        .config()
        .signing_key
        .iter()
        .map(|key| {
            let mut public = key.public().clone();
            if endpoint == Endpoint::Two {
                let issuer = token::issuer(world, Version::Two);
                super::super::json::put(&mut public, &["issuer"], issuer);
                super::super::json::put(&mut public, &["cloud_instance_name"], "microsoftonline.com");
            }
            public
        })
        .collect();
    Response::json(200, &json!({"keys": keys}))
}
