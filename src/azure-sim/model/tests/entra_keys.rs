//! Keys of Entra's and of applications: who signed what, and how one finds out.

use std::sync::OnceLock;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};

use super::super::token;
use super::*;

/// A key pair with its certificate, as PEM. Made once: finding primes is slow.
fn pair() -> &'static (String, String) {
    static PAIR: OnceLock<(String, String)> = OnceLock::new();
    PAIR.get_or_init(make)
}

fn make() -> (String, String) {
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).expect("a key");
    let params = rcgen::CertificateParams::new(Vec::<String>::new()).expect("parameters");
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    (key.serialize_pem(), certificate)
}

fn signing() -> Client {
    let (key, certificate) = pair();
    let key = SigningKey::from_pem(key, certificate).expect("a key and its certificate");
    Client::new(Config { throttle: false, signing_key: Some(key), ..Config::default() })
}

/// What a client does that trusts the key set alone.
fn checked(azure: &mut Client, keys: &str, token: &str) -> Value {
    let set: JwkSet = serde_json::from_value(azure.raw("GET", keys, b"").value()).expect("a key set");
    let header = jsonwebtoken::decode_header(token).expect("a header");
    assert_eq!(header.alg, Algorithm::RS256);
    let jwk = set.find(header.kid.as_deref().expect("a key id")).expect("its key");
    let mut rules = Validation::new(Algorithm::RS256);
    (rules.validate_aud, rules.validate_exp) = (false, false);
    let key = DecodingKey::from_jwk(jwk).expect("a key");
    jsonwebtoken::decode::<Value>(token, &key, &rules).expect("a good signature").claims
}

#[test]
fn a_token_is_checked_by_the_keys_that_the_documents_lead_to() {
    let mut azure = signing();
    let (tenant, base) = (azure.world.config().tenant_id.clone(), azure.world.config().base_url.clone());
    let token = azure.token.clone();
    for (place, issuer) in [
        (format!("/{tenant}/.well-known/openid-configuration"), format!("https://sts.windows.net/{tenant}/")),
        (format!("/{tenant}/v2.0/.well-known/openid-configuration"), format!("{base}/{tenant}/v2.0")),
        ("/common/v2.0/.well-known/openid-configuration".to_owned(), format!("{base}/{{tenantid}}/v2.0")),
        (
            "/organizations/.well-known/openid-configuration".to_owned(),
            "https://sts.windows.net/{tenantid}/".to_owned(),
        ),
    ] {
        let document = azure.raw("GET", &place, b"").value();
        assert_eq!(document["issuer"], issuer);
        let keys = document["jwks_uri"].as_str().and_then(|k| k.strip_prefix(&base)).expect("an own URL").to_owned();
        let claims = checked(&mut azure, &keys, &token);
        assert_eq!((&claims["ver"], &claims["aud"]), (&json!("1.0"), &json!(base)));
        assert_eq!(claims["iss"], format!("https://sts.windows.net/{tenant}/"));
        assert_eq!((&claims["tid"], &claims["appidacr"]), (&json!(tenant), &json!("1")));
        assert_eq!(claims["appid"], azure.world.config().client_id);
        assert_eq!(claims["oid"], claims["sub"]);
        assert_ne!(claims["oid"], claims["appid"]);
        assert_eq!(claims["uti"].as_str().expect("a uti").len(), 22);
    }
    assert_eq!(azure.raw("GET", "/nowhere.example/discovery/keys", b"").status, 400);
}

#[test]
fn a_registered_resource_may_want_tokens_of_version_two() {
    let mut azure = signing();
    azure.world.register_resource("api://hooks", true);
    let secret = azure.world.config().client_secret.clone();
    let answer = azure.ask_token(&[("scope", "api://hooks/.default"), ("client_secret", &secret)]);
    // The form has the scope twice; the last one counts.
    let token = answer.value()["access_token"].as_str().expect("a token").to_owned();
    let tenant = azure.world.config().tenant_id.clone();
    let claims = checked(&mut azure, &format!("/{tenant}/discovery/v2.0/keys"), &token);
    assert_eq!((&claims["ver"], &claims["azpacr"]), (&json!("2.0"), &json!("1")));
    assert!(claims.get("appid").is_none() && claims["azp"].is_string());
    azure.token = token;
    assert_eq!(refusal(&azure.get(RG, "2021-04-01")), (401, "InvalidAuthenticationTokenAudience".into()));
}

#[test]
fn event_grid_has_a_token_for_a_webhook_and_keeps_it_for_a_day() {
    let mut azure = signing();
    let tenant = azure.world.config().tenant_id.clone();
    let first = token::for_delivery(&mut azure.world, &tenant, "api://hook", START).expect("a token");
    let claims = checked(&mut azure, &format!("/{tenant}/discovery/keys"), &first);
    assert_eq!((&claims["appid"], &claims["aud"]), (&json!(token::EVENT_GRID_APPLICATION), &json!("api://hook")));
    assert_eq!(claims["exp"].as_u64().expect("a time") - claims["nbf"].as_u64().expect("a time"), 86_400);
    let later = START + 80_000_000;
    assert_eq!(token::for_delivery(&mut azure.world, &tenant, "api://hook", later).as_ref(), Some(&first));
    let renewed = token::for_delivery(&mut azure.world, &tenant, "api://hook", START + 86_000_000);
    assert!(renewed.is_some_and(|t| t != first));
    let foreign = "00000000-0000-0000-0000-000000000000";
    assert_eq!(token::for_delivery(&mut azure.world, foreign, "api://hook", START), None);
}

#[test]
fn a_key_and_its_certificate_survive_being_written_down() {
    let (key, certificate) = pair();
    let given = SigningKey::from_pem(key, certificate).expect("a key");
    let written = serde_json::to_string(&given).expect("JSON");
    assert_eq!(serde_json::from_str::<SigningKey>(&written).expect("a key"), given);
    assert!(!format!("{given:?}").contains("PRIVATE"));
    let (other, _) = make();
    assert!(SigningKey::from_pem(&other, certificate).expect_err("a mismatch").contains("not of the signing key"));
}

#[test]
fn the_older_endpoint_names_a_resource_and_answers_in_texts() {
    let mut azure = signing();
    let config = azure.world.config().clone();
    let ask = |azure: &mut Client, resource: &str| {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials").append_pair("client_id", &config.client_id);
        form.append_pair("client_secret", &config.client_secret).append_pair("resource", resource);
        azure.raw("POST", &format!("/{}/oauth2/token", config.tenant_id), form.finish().as_bytes())
    };
    let answer = ask(&mut azure, "https://management.azure.com/").value();
    assert_eq!((&answer["expires_in"], &answer["token_type"]), (&json!("3599"), &json!("Bearer")));
    assert_eq!(answer["resource"], "https://management.azure.com/");
    assert_eq!(answer["expires_on"], (START / 1000 + 3599).to_string());
    azure.token = answer["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(azure.get(RG, "2021-04-01").status, 200);
    assert_eq!(ask(&mut azure, "https://nobody.example").value()["error_codes"], json!([500_011]));
    assert_eq!(ask(&mut azure, "").value()["error_codes"], json!([900_144]));
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An application's own assertion, as msal writes it.
fn own(key: &str, header: Header, claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(key.as_bytes()).expect("a key");
    jsonwebtoken::encode(&header, claims, &key).expect("an assertion")
}

#[test]
fn an_application_signs_in_with_the_certificate_it_registered() {
    let mut azure = signing();
    let (key, certificate) = make();
    let (stranger, _) = make();
    let thumbprints = super::super::signing::Certified::from_pem(&certificate).expect("a certificate");
    let config = azure.world.config().clone();
    let endpoint = format!("{}/{}/oauth2/v2.0/token", config.base_url, config.tenant_id);
    let seconds = START / 1000;
    let claims = |iss: &str, sub: &str, aud: &str, exp: u64| json!({"iss": iss, "sub": sub, "aud": aud, "exp": exp, "nbf": seconds, "jti": "1"});
    let client = config.client_id.as_str();
    let good = claims(client, client, &endpoint, seconds + 600);
    let by_sha1 = || Header { x5t: Some(thumbprints.sha1.clone()), ..Header::new(Algorithm::RS256) };
    let by_sha256 = || Header { x5t_s256: Some(thumbprints.sha256.clone()), ..Header::new(Algorithm::PS256) };
    let ask = |azure: &mut Client, assertion: &str| {
        let answer =
            azure.ask_token(&[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)]).value();
        answer["error_codes"][0].as_u64().unwrap_or_default()
    };
    assert_eq!(ask(&mut azure, &own(&key, by_sha1(), &good)), 700_027, "not registered yet");
    azure.world.register_certificate(client, &certificate).expect("a certificate");
    let cases = [
        (own(&key, by_sha1(), &good), 0),
        (own(&key, by_sha256(), &good), 0),
        (own(&stranger, by_sha1(), &good), 700_027),
        (own(&key, Header::new(Algorithm::RS256), &good), 5_002_723),
        (own(&key, by_sha1(), &claims(client, "other", &endpoint, seconds + 600)), 700_021),
        (own(&key, by_sha1(), &claims(client, client, "https://elsewhere", seconds + 600)), 700_023),
        (own(&key, by_sha1(), &claims(client, client, &endpoint, seconds - 600)), 700_024),
    ];
    for (assertion, code) in cases {
        assert_eq!(ask(&mut azure, &assertion), code);
    }
    azure.world.set_secret(client, "new");
    assert!(azure.world.expire_secret(client) && !azure.world.expire_secret("nobody"));
    assert_eq!(azure.ask_token(&[("client_secret", "new")]).value()["error_codes"], json!([7_000_222]));
    assert!(azure.world.register_certificate(client, "garbage").is_err());
}
