use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};

use super::*;

const ISSUER: &str = "https://kubernetes.default.svc";
const SUBJECT: &str = "system:serviceaccount:shop:acs-operator-azure";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn key() -> EncodingKey {
    let pem = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    EncodingKey::from_ec_pem(pem.as_bytes()).expect("an EC key")
}

fn jwks(key: &EncodingKey) -> Value {
    json!({"keys": [Jwk::from_encoding_key(key, Algorithm::ES256).expect("a JWK")]})
}

fn assertion(key: &EncodingKey, issuer: &str, subject: &str, audience: &Value, expires_in_s: i64) -> String {
    let exp = i64::try_from(START / 1000).expect("a time") + expires_in_s;
    let claims = json!({"iss": issuer, "sub": subject, "aud": audience, "exp": exp});
    jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, key).expect("a token")
}

fn code(response: &Response) -> u64 {
    response.value()["error_codes"][0].as_u64().unwrap_or_default()
}

#[test]
fn a_token_is_given_for_the_secret_and_refused_in_the_words_of_entra() {
    let mut azure = instant();
    let refused = azure.ask_token(&[("client_secret", "wrong")]);
    assert_eq!((refused.status, code(&refused)), (401, 7_000_215));
    let body = refused.value();
    assert_eq!(body["error"], "invalid_client");
    assert!(body["error_description"].as_str().expect("a text").starts_with("AADSTS7000215: Invalid client secret"));
    assert!(body["trace_id"].is_string() && body["correlation_id"].is_string());
    let cases: &[(&[(&str, &str)], u64)] = &[
        (&[], 7_000_216),
        (&[("client_id", "9999"), ("client_secret", "x")], 700_016),
        (&[("scope", "user.read"), ("client_secret", "x")], 1_002_012),
        (&[("scope", "https://elsewhere.example/.default"), ("client_secret", "x")], 500_011),
        (&[("grant_type", "password")], 70003),
    ];
    for (fields, expected) in cases {
        assert_eq!(code(&azure.ask_token(fields)), *expected, "{fields:?}");
    }
    let path = "/00000000-0000-0000-0000-000000000000/oauth2/v2.0/token";
    assert_eq!(code(&azure.raw("POST", path, b"")), 90002);
}

#[test]
fn an_assertion_is_checked_against_the_federated_identity_record() {
    let (good, other) = (key(), key());
    let audience = json!(["api://AzureADTokenExchange"]);
    let cases = [
        (assertion(&good, ISSUER, SUBJECT, &audience, 3600), 0),
        (assertion(&good, ISSUER, SUBJECT, &json!("api://AzureADTokenExchange"), 3600), 0),
        (assertion(&good, "https://other", SUBJECT, &audience, 3600), 700_211),
        (assertion(&good, ISSUER, "system:serviceaccount:x:y", &audience, 3600), 700_213),
        (assertion(&good, ISSUER, SUBJECT, &json!("x"), 3600), 700_212),
        (assertion(&good, ISSUER, SUBJECT, &audience, -3600), 700_024),
        (assertion(&other, ISSUER, SUBJECT, &audience, 3600), 700_027),
        ("garbage".to_owned(), 50027),
    ];
    let mut azure = instant();
    let client = azure.world.config().client_id.clone();
    let first = azure.ask_token(&[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &cases[0].0)]);
    assert_eq!(code(&first), 70021);
    azure.world.trust(&client, ISSUER, SUBJECT, &jwks(&good)).expect("a key set");
    for (assertion, expected) in cases {
        let answer = azure.ask_token(&[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)]);
        assert_eq!((answer.status == 200, code(&answer)), (expected == 0, expected));
    }
}

#[test]
fn clients_find_the_token_endpoint() {
    let mut azure = instant();
    let (tenant, base) = (azure.world.config().tenant_id.clone(), azure.world.config().base_url.clone());
    let found = azure.raw("GET", &format!("/{tenant}/v2.0/.well-known/openid-configuration"), b"").value();
    assert_eq!(found["token_endpoint"], format!("{base}/{tenant}/oauth2/v2.0/token"));
    assert_eq!(azure.raw("GET", "/common/discovery/instance?api-version=1.1", b"").status, 200);
}

#[test]
fn a_tenant_that_cannot_be_read_is_entras_affair_in_the_journal_too() {
    let mut azure = instant();
    for (method, path, operation) in [
        ("POST", "/%ff/oauth2/v2.0/token", "Microsoft.Entra/token/action"),
        ("GET", "/%00/v2.0/.well-known/openid-configuration", "Microsoft.Entra/metadata/read"),
    ] {
        let refused = azure.raw(method, path, b"");
        assert_eq!((refused.status, refused.value()["error"].as_str()), (400, Some("invalid_request")), "{path}");
        let entry = azure.world.journal().back().expect("an entry");
        assert_eq!((entry.plane, entry.operation.as_str()), (Plane::Entra, operation));
    }
}
