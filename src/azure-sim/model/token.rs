//! Access tokens: minted here, checked by the front door.

use std::collections::VecDeque;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::message::Request;
use super::refusal::Refusal;
use super::world::World;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    aud: String,
    iss: String,
    iat: u64,
    nbf: u64,
    exp: u64,
    appid: String,
    oid: String,
    sub: String,
    tid: String,
    ver: String,
    /// Not a claim of Entra: lets a test declare every token so far expired without waiting an hour.
    sim_generation: u64,
}

/// Audiences that ARM takes, next to its own address.
pub(crate) const ARM_AUDIENCES: [&str; 5] = [
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://management.usgovcloudapi.net",
    "https://management.core.usgovcloudapi.net",
    "https://management.chinacloudapi.cn",
];

/// HMAC instead of Entra's RSA: nobody but this world reads its tokens, and the same seed gives the same token.
fn key(world: &World) -> Vec<u8> {
    format!("azure-sim access tokens {}", world.config().seed).into_bytes()
}

/// Tokens that need no second look at their signature: the check is most of what a GET costs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Minted(VecDeque<(String, Claims)>);

/// A token per principal is in use at a time; older ones are checked by their signature.
const REMEMBERED: usize = 8;

impl Minted {
    fn remember(&mut self, token: &str, claims: Claims) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((token.to_owned(), claims));
    }

    fn claims(&self, token: &str) -> Option<Claims> {
        self.0.iter().rev().find(|(known, _)| known == token).map(|(_, claims)| claims.clone())
    }
}

pub(crate) fn mint(world: &mut World, application: &str, audience: &str, now: u64) -> Option<String> {
    let (config, seconds) = (world.config(), now / 1000);
    let claims = Claims {
        aud: audience.into(),
        iss: format!("https://sts.windows.net/{}/", config.tenant_id),
        iat: seconds,
        nbf: seconds,
        exp: seconds.saturating_add(config.token_lifetime_s),
        appid: application.into(),
        oid: application.into(),
        sub: application.into(),
        tid: config.tenant_id.clone(),
        ver: "1.0".into(),
        sim_generation: world.applications.token_generation,
    };
    let key = EncodingKey::from_secret(&key(world));
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).ok()?;
    world.applications.minted.remember(&token, claims);
    Some(token)
}

fn verified(world: &World, token: &str) -> Option<Claims> {
    if let Some(claims) = world.applications.minted.claims(token) {
        return Some(claims);
    }
    let mut rules = Validation::new(Algorithm::HS256);
    // The world has its own clock, and its own words for each failure.
    (rules.validate_exp, rules.validate_aud) = (false, false);
    rules.required_spec_claims.clear();
    let key = DecodingKey::from_secret(&key(world));
    jsonwebtoken::decode::<Claims>(token, &key, &rules).ok().map(|token| token.claims)
}

fn challenge(world: &World, refusal: Refusal, error: &str) -> Refusal {
    let value = format!(
        "Bearer authorization_uri=\"{}/{}\", error=\"{error}\", error_description=\"{}\"",
        world.config().base_url,
        world.config().tenant_id,
        refusal.message
    );
    refusal.header("www-authenticate", value)
}

/// The application that calls, or ARM's 401.
pub(crate) fn principal(world: &World, request: &Request, now: u64) -> Result<String, Refusal> {
    let refuse = |code: &str, message: String| challenge(world, Refusal::new(401, code, message), "invalid_token");
    let Some(header) = request.header("authorization") else {
        let message = "Authentication failed. The 'Authorization' header is missing.".to_owned();
        return Err(refuse("AuthenticationFailed", message));
    };
    let invalid = || refuse("InvalidAuthenticationToken", "The access token is invalid.".into());
    let (scheme, token) = header.split_once(' ').ok_or_else(invalid)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        let message = format!("The authentication scheme '{scheme}' is not supported.");
        return Err(refuse("AuthenticationFailed", message));
    }
    let claims = verified(world, token.trim()).ok_or_else(invalid)?;
    let seconds = now / 1000;
    if claims.exp <= seconds || claims.sim_generation != world.applications.token_generation {
        let message = format!(
            "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
            super::world::timestamp(claims.exp.saturating_mul(1000)),
            super::world::timestamp(now)
        );
        return Err(refuse("ExpiredAuthenticationToken", message));
    }
    let audience = claims.aud.trim_end_matches('/');
    if audience != world.config().base_url && !ARM_AUDIENCES.contains(&audience) {
        let message = format!(
            "The access token has been obtained for wrong audience or resource '{}'. It should exactly match with one \
             of the allowed audiences 'https://management.core.windows.net/','https://management.azure.com/'.",
            claims.aud
        );
        return Err(refuse("InvalidAuthenticationTokenAudience", message));
    }
    Ok(claims.appid)
}
