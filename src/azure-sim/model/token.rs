//! Access tokens: minted here, checked by the front door.

use std::collections::{BTreeMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::message::Request;
use super::random::Random;
use super::refusal::Refusal;
use super::world::World;

/// The claims of Entra's app-only access tokens. `aio`, `rh` and `xms_*` are Microsoft's own and left out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) aud: String,
    pub(crate) iss: String,
    pub(crate) iat: u64,
    pub(crate) nbf: u64,
    pub(crate) exp: u64,
    /// Of version 1.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    appid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    appidacr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idp: Option<String>,
    /// Of version 2.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    azp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    azpacr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idtyp: Option<String>,
    pub(crate) oid: String,
    sub: String,
    pub(crate) tid: String,
    /// Sixteen bytes that no other token has. Here they begin with the number of the token, so that a test can declare every
    /// token so far expired without waiting an hour.
    uti: String,
    ver: String,
}

impl Claims {
    fn application(&self) -> &str {
        self.appid.as_deref().or(self.azp.as_deref()).unwrap_or_default()
    }

    fn number(&self) -> u64 {
        let bytes = URL_SAFE_NO_PAD.decode(&self.uti).unwrap_or_default();
        bytes.first_chunk::<8>().map_or(0, |number| u64::from_be_bytes(*number))
    }
}

/// Audiences that ARM takes, next to its own address.
pub(crate) const ARM_AUDIENCES: [&str; 5] = [
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://management.usgovcloudapi.net",
    "https://management.core.usgovcloudapi.net",
    "https://management.chinacloudapi.cn",
];

/// Event Grid's own application, the caller of webhooks that Entra protects (documented).
pub(crate) const EVENT_GRID_APPLICATION: &str = "4962773b-9cdb-44cf-a8bf-237846a00ab7";
/// Life of the tokens that Event Grid sends (seen in a published one: a day).
const DELIVERY_LIFE_S: u64 = 86_400;
/// A delivery takes a token from the store while it lives at least this long.
const DELIVERY_RESERVE_S: u64 = 600;

/// Which claims a resource gets: an application registers for one of them, and 1.0 is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Version {
    #[default]
    One,
    Two,
}

/// How an application proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Secret,
    /// A signed assertion, its own or that of a trusted issuer.
    Certificate,
}

impl Proof {
    fn claim(self) -> String {
        match self {
            Self::Secret => "1".into(),
            Self::Certificate => "2".into(),
        }
    }
}

/// A token to be minted.
pub(crate) struct Wanted<'a> {
    pub(crate) application: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) version: Version,
    pub(crate) proof: Proof,
    pub(crate) life_s: u64,
}

/// Tokens that need no second look at their signature: the check is most of what a GET costs.
#[derive(Clone, Debug, Default)]
struct Minted(VecDeque<(String, Claims)>);

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

/// The mint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mint {
    /// Its own, so that a token more or less shifts no key and no guid of Azure.
    random: Random,
    tokens: u64,
    /// Tokens up to this number count as expired.
    expired: u64,
    /// A memory of signatures that were made here: whoever starts anew checks them.
    #[serde(skip)]
    minted: Minted,
    /// What Event Grid has, by audience, and when it ends: signing is slow.
    delivery: BTreeMap<String, (String, u64)>,
}

/// Audiences that Event Grid has a token for at a time.
const DELIVERY_AUDIENCES: usize = 1000;

impl Mint {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed ^ 0x6d69_6e74),
            tokens: 0,
            expired: 0,
            minted: Minted::default(),
            delivery: BTreeMap::new(),
        }
    }

    /// Declares every token so far expired.
    pub(crate) fn expire(&mut self) {
        self.expired = self.tokens;
        self.delivery.clear();
    }

    fn uti(&mut self) -> String {
        self.tokens += 1;
        let mut bytes = self.tokens.to_be_bytes().to_vec();
        bytes.extend(self.random.next().to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// Who signs. Without a key pair it is HMAC by the seed: a world that nobody but itself reads tokens of (a simulation) signs
/// a thousand times faster so, and the same for the same seed.
fn keys(world: &World) -> (Algorithm, EncodingKey, DecodingKey) {
    match &world.config().signing_key {
        Some(key) => (Algorithm::RS256, key.signs().clone(), key.verifies().clone()),
        None => {
            let secret = format!("azure-sim access tokens {}", world.config().seed).into_bytes();
            (Algorithm::HS256, EncodingKey::from_secret(&secret), DecodingKey::from_secret(&secret))
        }
    }
}

/// The object id of an application's service principal: another than its client id, as in every directory.
pub(crate) fn object_id(tenant: &str, application: &str) -> String {
    let hash = Sha256::digest(format!("{tenant}/{}", application.to_ascii_lowercase()));
    let mut bytes = hash.first_chunk::<16>().copied().unwrap_or_default();
    // The bits that mark a random guid.
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    let n = u128::from_be_bytes(bytes);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        n >> 96,
        (n >> 80) & 0xffff,
        (n >> 64) & 0xffff,
        (n >> 48) & 0xffff,
        n & 0xffff_ffff_ffff
    )
}

/// Who says so, in tokens of that version.
pub(crate) fn issuer(world: &World, version: Version) -> String {
    let config = world.config();
    match version {
        Version::One => format!("https://sts.windows.net/{}/", config.tenant_id),
        Version::Two => format!("{}/{}/v2.0", config.base_url, config.tenant_id),
    }
}

fn claims(world: &mut World, wanted: &Wanted<'_>, now: u64) -> Claims {
    let uti = world.applications.mint.uti();
    let (config, seconds) = (world.config(), now / 1000);
    let application = Some(wanted.application.to_owned());
    let proof = Some(wanted.proof.claim());
    let oid = object_id(&config.tenant_id, wanted.application);
    let one = wanted.version == Version::One;
    let iss = issuer(world, wanted.version);
    Claims {
        aud: wanted.audience.into(),
        iat: seconds,
        nbf: seconds,
        exp: seconds.saturating_add(wanted.life_s),
        appid: application.clone().filter(|_| one),
        appidacr: proof.clone().filter(|_| one),
        idp: one.then(|| iss.clone()),
        iss,
        azp: application.filter(|_| !one),
        azpacr: proof.filter(|_| !one),
        idtyp: Some("app".into()),
        sub: oid.clone(),
        oid,
        tid: config.tenant_id.clone(),
        uti,
        ver: if one { "1.0" } else { "2.0" }.into(),
    }
}

fn signed(world: &World, claims: &Claims) -> Option<String> {
    let (algorithm, key, _) = keys(world);
    let mut header = Header::new(algorithm);
    if let Some(key) = &world.config().signing_key {
        header.kid = Some(key.id().to_owned());
        header.x5t = Some(key.id().to_owned());
    }
    jsonwebtoken::encode(&header, claims, &key).ok()
}

/// A token, or none when its signature cannot be made.
pub(crate) fn mint(world: &mut World, wanted: &Wanted<'_>, now: u64) -> Option<String> {
    let claims = claims(world, wanted, now);
    let token = signed(world, &claims)?;
    world.applications.mint.minted.remember(&token, claims);
    Some(token)
}

/// The token that Event Grid sends with deliveries to a webhook that names a tenant and an application (its id or its URI,
/// which becomes the audience). None when that tenant is not the one directory there is: Entra would refuse.
///
/// Like the published one: version 1.0, of Event Grid's own application, for a day. The same token is handed out until it
/// nears its end.
pub(crate) fn for_delivery(world: &mut World, tenant: &str, audience: &str, now: u64) -> Option<String> {
    if !world.config().tenant_id.eq_ignore_ascii_case(tenant) {
        return None;
    }
    let seconds = now / 1000;
    let stored = world.applications.mint.delivery.get(audience);
    if let Some((token, _)) = stored.filter(|(_, exp)| seconds + DELIVERY_RESERVE_S < *exp) {
        return Some(token.clone());
    }
    let version = world.applications.version_of(audience);
    let application = EVENT_GRID_APPLICATION;
    let wanted = Wanted { application, audience, version, proof: Proof::Certificate, life_s: DELIVERY_LIFE_S };
    let mut claims = claims(world, &wanted, now);
    claims.idtyp = None;
    let token = signed(world, &claims)?;
    let store = &mut world.applications.mint.delivery;
    if store.len() >= DELIVERY_AUDIENCES {
        store.clear();
    }
    store.insert(audience.to_owned(), (token.clone(), claims.exp));
    Some(token)
}

fn verified(world: &World, token: &str) -> Option<Claims> {
    if let Some(claims) = world.applications.mint.minted.claims(token) {
        return Some(claims);
    }
    let (algorithm, _, key) = keys(world);
    let mut rules = Validation::new(algorithm);
    // The world has its own clock, and its own words for each failure.
    (rules.validate_exp, rules.validate_aud) = (false, false);
    rules.required_spec_claims.clear();
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
    if claims.exp <= seconds || claims.number() <= world.applications.mint.expired {
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
    Ok(claims.application().to_owned())
}
