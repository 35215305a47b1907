//! Assertions: an application's own, signed by the key of a certificate it registered; or those of an issuer it trusts.

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde_json::Value;

use super::super::json;
use super::super::world::timestamp;
use super::directory::{Application, Federated};
use super::{Denied, denied};

/// Audience that Entra expects in an assertion of another issuer.
const EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";
/// Entra grants five minutes of clock skew.
const SKEW_S: u64 = 300;

fn malformed() -> Denied {
    denied(401, "invalid_client", 50027, "JWT token is invalid or malformed.")
}

/// Checks an assertion of `client` that was sent to the authority `[base, tenant]`.
pub(super) fn check(
    application: &Application,
    assertion: &str,
    client: &str,
    authority: &[&str; 2],
    now: u64,
) -> Result<(), Denied> {
    let header = jsonwebtoken::decode_header(assertion).map_err(|_| malformed())?;
    let claims: Value = jsonwebtoken::dangerous::insecure_decode(assertion).map_err(|_| malformed())?.claims;
    let text = |name: &str| json::text(&claims, &[name]).unwrap_or_default();
    let (issuer, subject) = (text("iss"), text("sub"));
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => vec![text("aud")],
    };
    // Who vouches for itself does so with a certificate.
    let own = issuer.eq_ignore_ascii_case(client);
    let keys = if own {
        if !subject.eq_ignore_ascii_case(client) {
            let message = "Client assertion application identifier doesn't match 'client_id' parameter.";
            return Err(denied(401, "invalid_client", 700_021, message));
        }
        let key = certified(application, &header, client)?;
        own_audience(&audiences, authority)?;
        vec![key]
    } else {
        let record = matching(&application.federated, issuer, subject, &audiences)?;
        let fits = record.jwks.keys.iter().filter(|jwk| header.kid.is_none() || jwk.common.key_id == header.kid);
        fits.filter_map(|jwk| DecodingKey::from_jwk(jwk).ok()).collect()
    };
    in_time(&claims, now)?;
    let mut rules = Validation::new(header.alg);
    (rules.validate_exp, rules.validate_aud) = (false, false);
    rules.required_spec_claims.clear();
    if keys.iter().any(|key| jsonwebtoken::decode::<Value>(assertion, key, &rules).is_ok()) {
        return Ok(());
    }
    Err(denied(401, "invalid_client", 700_027, "Client assertion failed signature validation."))
}

fn in_time(claims: &Value, now: u64) -> Result<(), Denied> {
    let seconds = now / 1000;
    let time = |name: &str| claims.get(name).and_then(Value::as_f64);
    let expired = time("exp").is_none_or(|exp| (exp as u64).saturating_add(SKEW_S) <= seconds);
    if expired || time("nbf").is_some_and(|nbf| nbf as u64 > seconds + SKEW_S) {
        let message = format!(
            "Client assertion is not within its valid time range. Current time: {}, expiry time of assertion {}. \
             Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
            timestamp(now),
            time("exp").map_or_else(|| "missing".to_owned(), |exp| timestamp((exp as u64).saturating_mul(1000)))
        );
        return Err(denied(401, "invalid_client", 700_024, message));
    }
    Ok(())
}

/// The certificate that the header names, by either thumbprint.
fn certified(application: &Application, header: &Header, client: &str) -> Result<DecodingKey, Denied> {
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::PS256) {
        return Err(malformed());
    }
    let named = header.x5t.as_deref().or(header.x5t_s256.as_deref()).or(header.kid.as_deref());
    let Some(named) = named else {
        let message = "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId \
                       specified in token header.";
        return Err(denied(401, "invalid_client", 5_002_723, message));
    };
    let one = |text: &str| text.trim_end_matches('=').to_owned();
    let sha1 = header.x5t.as_deref().map(one);
    let sha256 = header.x5t_s256.as_deref().map(one);
    let found = application.certificates.iter().find(|c| {
        sha1.as_deref().is_some_and(|t| t == c.sha1)
            || sha256.as_deref().is_some_and(|t| t == c.sha256)
            || header.kid.as_deref().is_some_and(|t| t == c.sha1)
    });
    found.and_then(|c| c.key().ok()).ok_or_else(|| {
        let message = format!(
            "The certificate with identifier used to sign the client assertion is not registered on application. \
             [Reason - The key was not found. Thumbprint of key used by client: '{named}', Please visit the Azure \
             Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{client}'.]"
        );
        denied(401, "invalid_client", 700_027, message)
    })
}

/// Its own assertion is for the token endpoint that it is sent to, of either version, or for the issuer.
fn own_audience(audiences: &[&str], [base, tenant]: &[&str; 2]) -> Result<(), Denied> {
    let fits = ["/oauth2/v2.0/token", "/oauth2/token", "/v2.0", "/", ""]
        .iter()
        .any(|end| audiences.contains(&format!("{base}/{tenant}{end}").as_str()));
    if fits {
        return Ok(());
    }
    let message = "Client assertion audience claim does not match Realm issuer. Review the documentation at \
                   https://learn.microsoft.com/entra/identity-platform/certificate-credentials .";
    Err(denied(401, "invalid_client", 700_023, message))
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
