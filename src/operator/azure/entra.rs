//! The token request of the client credentials grant.
//!
//! `azure_identity` 1.0 is not used for it: it refuses an authority that is not https, loopback too; it loses the status of
//! an error whose body is not JSON (a proxy's 503 page looks like a broken answer); it keeps the client secret for the life
//! of the credential; and its cache serves no valid token while a renewal fails. The request itself is one form.

use std::time::Duration;

use acs_core::azure::error::{AzureError, Fate, one_line};
use reqwest::Client;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;
use url::form_urlencoded::Serializer;

use super::arm::answer::retry_after;
use super::cloud::Cloud;
use super::http::{Answer, exchange, guid};
use super::scrub::scrub;
use super::unanswered;

/// What proves the identity.
pub enum Evidence {
    /// A client secret.
    Secret(SecretString),
    /// A signed assertion.
    Assertion(SecretString),
}

impl Evidence {
    fn expose(&self) -> &str {
        match self {
            Evidence::Secret(secret) | Evidence::Assertion(secret) => secret.expose_secret(),
        }
    }
}

/// A token, and how long it is valid.
pub struct Issued {
    pub token: SecretString,
    pub life: Duration,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    expires_in: Seconds,
}

/// The version 1 endpoint, and some proxies of it, send numbers as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    error: String,
    error_description: String,
    error_codes: Vec<i64>,
}

/// Asks for a token. The second value is the HTTP status, 0 without an answer.
pub async fn request_token(
    http: &Client,
    cloud: &Cloud,
    (tenant, client): (&str, &str),
    evidence: &Evidence,
    deadline: Instant,
) -> (Result<Issued, AzureError>, u16) {
    // The tenant becomes part of the path.
    if tenant.is_empty()
        || !tenant.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
        || tenant.starts_with('.')
    {
        let message = "the tenant id must be a GUID or a domain name";
        return (Err(unanswered("TokenRefused", message, Fate::NotApplied)), 0);
    }
    let authority = cloud.authority.as_str().trim_end_matches('/');
    let request = http
        .post(format!("{authority}/{tenant}/oauth2/v2.0/token"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .header("client-request-id", guid())
        .body(form(cloud, client, evidence));
    match exchange(request, deadline).await {
        Ok(answer) => (read(&answer, evidence), answer.status),
        Err(error) => (Err(unreachable(&error.message, None)), 0),
    }
}

fn form(cloud: &Cloud, client: &str, evidence: &Evidence) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials")
        .append_pair("client_id", client)
        .append_pair("scope", &cloud.scope());
    match evidence {
        Evidence::Secret(secret) => form.append_pair("client_secret", secret.expose_secret()),
        Evidence::Assertion(assertion) => form
            .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .append_pair("client_assertion", assertion.expose_secret()),
    };
    form.finish()
}

fn read(answer: &Answer, evidence: &Evidence) -> Result<Issued, AzureError> {
    match answer.status {
        200 => {
            let read = serde_json::from_slice::<TokenAnswer>(&answer.body).ok();
            let read = read.filter(|read| !read.access_token.expose_secret().is_empty());
            let Some(read) = read else { return Err(unreachable("Entra ID answered without a token", None)) };
            let seconds = match read.expires_in {
                Seconds::Number(seconds) => seconds,
                Seconds::Text(text) => text.parse().unwrap_or_default(),
            };
            Ok(Issued { token: read.access_token, life: Duration::from_secs(seconds.min(7 * 86_400)) })
        }
        // Busy, not wrong: nobody has to mend anything.
        408 | 429 => Err(unreachable(&format!("Entra ID answered {}", answer.status), retry_after(&answer.headers))),
        status @ 400..=499 => Err(refused(status, &answer.body, evidence)),
        status => Err(unreachable(&format!("Entra ID answered {status}"), retry_after(&answer.headers))),
    }
}

fn unreachable(message: &str, retry_after: Option<u64>) -> AzureError {
    AzureError { retry_after, ..unanswered("EntraUnreachable", message, Fate::NotApplied) }
}

fn refused(status: u16, body: &[u8], evidence: &Evidence) -> AzureError {
    let refusal = serde_json::from_slice::<Refusal>(body).unwrap_or_default();
    if refusal.error == "temporarily_unavailable" {
        return unreachable("Entra ID is temporarily unavailable", None);
    }
    // The ids and the time after the sentence differ each time: in a status they would make every attempt a change.
    let said = refusal.error_description.split(" Trace ID:").next().unwrap_or_default();
    let said = one_line(&scrub(said, &[evidence.expose().to_owned()]));
    let code = refusal.error_codes.first().copied().unwrap_or_default();
    let mut message = match (said.is_empty(), code) {
        (true, 0) => format!("Entra ID answered {status}"),
        (true, code) => format!("AADSTS{code}"),
        (false, _) => said,
    };
    if !message.ends_with(['.', '!', '?']) {
        message.push('.');
    }
    if let Some(advice) = advice(code) {
        message.push(' ');
        message.push_str(advice);
    }
    unanswered("TokenRefused", &message, Fate::NotApplied)
}

fn advice(code: i64) -> Option<&'static str> {
    Some(match code {
        7_000_215 => "Check that the Secret holds the client secret's value, not its id.",
        7_000_222 => "The client secret has expired: make a new one and put it into the Secret.",
        700_016 => "Check `clientId` and `tenantId`.",
        90_002 | 900_023 => "Check `tenantId` and `cloud`.",
        70_021 | 700_211 | 700_212 | 700_213 => {
            "Check issuer, subject and audience of the identity's federated credential: the subject is \
             `system:serviceaccount:<namespace>:<name>`."
        }
        700_024 => "Check the clocks of the cluster, and that the ServiceAccount's token is not out of date.",
        700_027 | 50_013 => "Check that the cluster's issuer publishes its current signing keys.",
        500_011 => "Check `cloud`, and the audience configured for it.",
        53_003 | 50_105 => "A Conditional Access policy or an assignment keeps this identity out.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use acs_core::azure::error::Class;
    use acs_core::reason::Reason;
    use reqwest::header::HeaderMap;

    const CANARY: &str = "C4N4RYc4n4ryC4N4RY";

    fn answered(status: u16, body: &str) -> Result<Issued, AzureError> {
        let answer = Answer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() };
        read(&answer, &Evidence::Secret(CANARY.into()))
    }

    #[test]
    fn answers_mean_what_they_should() {
        let refusal = |code: i64| {
            format!(
                r#"{{"error":"invalid_client","error_description":"AADSTS{code}: Bad {CANARY} given. Trace ID: 1 Timestamp: 2","error_codes":[{code}]}}"#
            )
        };
        for (status, body, code, class) in [
            (401, refusal(7_000_215), "TokenRefused", Class::Blocked),
            (400, refusal(1), "TokenRefused", Class::Blocked),
            (403, "<html>no</html>".to_owned(), "TokenRefused", Class::Blocked),
            (400, r#"{"error":"temporarily_unavailable"}"#.to_owned(), "EntraUnreachable", Class::Retry),
            (429, String::new(), "EntraUnreachable", Class::Retry),
            (503, "<html>busy</html>".to_owned(), "EntraUnreachable", Class::Retry),
            (302, String::new(), "EntraUnreachable", Class::Retry),
            (200, "<html>sign in</html>".to_owned(), "EntraUnreachable", Class::Retry),
            (200, r#"{"access_token":"","expires_in":1}"#.to_owned(), "EntraUnreachable", Class::Retry),
        ] {
            let error = answered(status, &body).err().unwrap();
            assert_eq!((error.code.as_str(), error.classify().1), (code, class), "{status} {body}");
            assert_eq!((error.status, error.fate), (None, Fate::NotApplied));
            assert!(!format!("{error:?}").contains(CANARY) && !error.message.contains("Trace ID"));
        }
        let error = answered(401, &refusal(7_000_215)).err().unwrap();
        assert_eq!(error.classify().0, Reason::AuthenticationFailed);
        assert_eq!(
            error.message,
            "AADSTS7000215: Bad *** given. Check that the Secret holds the client secret's value, not its id."
        );
    }

    #[test]
    fn a_token_is_read_with_its_life() {
        for life in ["3599", "\"3599\""] {
            let issued = answered(200, &format!(r#"{{"access_token":"t","expires_in":{life},"x":1}}"#)).ok().unwrap();
            assert_eq!((issued.token.expose_secret(), issued.life), ("t", Duration::from_secs(3599)));
        }
    }
}
