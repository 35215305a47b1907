//! Token requests of the client credentials grant, made by `azure_identity` over our HTTP client.
//!
//! Each request has a credential of its own: the library's cache serves no valid token while a renewal fails, and a credential
//! that lives on would keep the client secret in memory. The cache is that of [`super::identity`].

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use acs_core::azure::error::{AzureError, Fate, one_line};
use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::http::{ClientMethodOptions, ClientOptions, RetryOptions, Transport, UserAgentOptions};
use azure_core::time::OffsetDateTime;
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions,
};
use futures::FutureExt;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;

use super::arm::answer::retry_after;
use super::cloud::Cloud;
use super::http::Answer;
use super::scrub::scrub;
use super::transport::OneExchange;
use super::unanswered;

/// Longest life of a token that is believed.
const LONGEST_LIFE: Duration = Duration::from_secs(7 * 86_400);

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

/// An assertion that is at hand: who obtains it, and when, is decided outside.
#[derive(Debug)]
struct AtHand(SecretString);

#[async_trait::async_trait]
impl ClientAssertion for AtHand {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.expose_secret().to_owned())
    }
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
    who: (&str, &str),
    evidence: &Evidence,
    deadline: Instant,
) -> (Result<Issued, AzureError>, u16) {
    let exchange = Arc::new(OneExchange::new(http.clone(), deadline));
    let credential = match credential(cloud, who, evidence, exchange.clone()) {
        Ok(credential) => credential,
        // It judges tenant, client and secret before it sends any, and names the first two at most.
        Err(error) => return (Err(unanswered("TokenRefused", &error.to_string(), Fate::NotApplied)), 0),
    };
    // The library adds whatever life an answer names to the clock, which panics beyond the year 9999.
    let scope = cloud.scope();
    let token = AssertUnwindSafe(credential.get_token(&[&scope], None)).catch_unwind().await;
    let issued = token.ok().and_then(Result::ok).and_then(issued);
    match (exchange.outcome(), issued) {
        (Some(Ok(answer)), Some(issued)) => (Ok(issued), answer.status),
        (Some(Ok(answer)), None) => (Err(failure(&answer, evidence)), answer.status),
        (Some(Err(error)), _) => (Err(unreachable(&error.message, None)), 0),
        (None, _) => (Err(unreachable("no token request was sent", None)), 0),
    }
}

fn credential(
    cloud: &Cloud,
    (tenant, client): (&str, &str),
    evidence: &Evidence,
    exchange: Arc<OneExchange>,
) -> azure_core::Result<Arc<dyn TokenCredential>> {
    // Without a cloud of its own the library would ask the environment for the authority.
    let mut configured = CustomConfiguration::default();
    configured.authority_host = cloud.authority.to_string();
    let client_options = ClientOptions {
        cloud: Some(Arc::new(configured.into())),
        transport: Some(Transport::new(exchange)),
        // When to try again is decided in one place, for all callers of a token.
        retry: RetryOptions::none(),
        user_agent: UserAgentOptions { application_id: Some("acs-operator".to_owned()) },
        ..ClientOptions::default()
    };
    let client = client.to_owned();
    Ok(match evidence {
        Evidence::Secret(secret) => {
            let secret = Secret::new(secret.expose_secret().to_owned());
            let options = ClientSecretCredentialOptions { client_options };
            ClientSecretCredential::new(tenant, client, secret, Some(options))?
        }
        Evidence::Assertion(assertion) => {
            let options = ClientAssertionCredentialOptions { client_options };
            ClientAssertionCredential::new(tenant.to_owned(), client, AtHand(assertion.clone()), Some(options))?
        }
    })
}

/// A token that is one: the library takes an answer without token or life for an empty token that has expired.
fn issued(token: AccessToken) -> Option<Issued> {
    let life = Duration::try_from(token.expires_on - OffsetDateTime::now_utc()).unwrap_or_default();
    let token = SecretString::from(token.token.secret().to_owned());
    let usable = !life.is_zero() && !token.expose_secret().is_empty();
    usable.then(|| Issued { token, life: life.min(LONGEST_LIFE) })
}

fn failure(answer: &Answer, evidence: &Evidence) -> AzureError {
    match answer.status {
        200 => unreachable("Entra ID answered without a token", None),
        // Busy, not wrong: nobody has to mend anything.
        408 | 429 => unreachable(&format!("Entra ID answered {}", answer.status), retry_after(&answer.headers)),
        status @ 400..=499 => refused(status, &answer.body, evidence),
        status => unreachable(&format!("Entra ID answered {status}"), retry_after(&answer.headers)),
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
    let said = refusal.error_description.split("Trace ID:").next().unwrap_or_default();
    let said = one_line(&scrub(said.trim_end(), &[evidence.expose().to_owned()]));
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
