//! Tokens for ARM: one cache, keyed by everything that a token depends on.
//!
//! A valid token is served even while its renewal fails; one caller renews it, ahead of time, and nobody waits for that.

mod assertions;
mod held;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use acs_core::azure::call::{Access, Proof};
use acs_core::azure::error::{AzureError, Fate};
use acs_core::moment::Timings;
use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

pub use assertions::ASSERTION_SECONDS;
use assertions::{Assertions, Subject};
use held::Held;

use super::cloud::{Cloud, Clouds};
use super::entra::{self, Evidence, Issued};
use super::http::Clients;
use super::observe::Observer;
use super::unanswered;

/// A token is renewed when it has this long to live, or a quarter of its life if that is less.
const RENEW_AHEAD: Duration = Duration::from_secs(600);

/// Longest time that the caller who renews a token that is still valid waits for it.
const RENEWAL_LIMIT: Duration = Duration::from_secs(10);

/// Who can fetch proof from Kubernetes.
pub trait Proofs: Send + Sync {
    /// Value of a key of a Secret. A Secret that is not there: `CredentialUnavailable`.
    fn client_secret(
        &self,
        namespace: &str,
        secret: &str,
        key: &str,
    ) -> BoxFuture<'_, Result<SecretString, AzureError>>;

    /// A new token of a ServiceAccount (TokenRequest), and when it expires. `seconds` of life are asked for.
    fn assertion(
        &self,
        namespace: &str,
        service_account: &str,
        audience: &str,
        seconds: i64,
    ) -> BoxFuture<'_, Result<(SecretString, SystemTime), AzureError>>;

    /// What the Secret that is kept for a terminating namespace holds.
    fn spilled_assertion(&self, namespace: &str, account: &str) -> BoxFuture<'_, Option<SecretString>>;
}

/// Tokens, by access.
pub struct Identity {
    http: Clients,
    clouds: Arc<Clouds>,
    proofs: Arc<dyn Proofs>,
    observer: Arc<dyn Observer>,
    /// A token is given up after this.
    limit: Duration,
    /// After a failure, the next attempt is made no sooner.
    pause: Duration,
    entries: Mutex<HashMap<Access, Arc<Entry>>>,
    assertions: Assertions,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("clouds", &self.clouds.names()).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Entry {
    /// Held by the one who asks for a token.
    gate: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    token: Option<Held>,
    /// Version of the proof that the token was verified with.
    revision: Option<String>,
    /// The last failure, with the version it was of, and until when it is repeated without asking again.
    failure: Option<(SystemTime, Option<String>, AzureError)>,
}

enum Look {
    Use(SecretString),
    Renew(SecretString),
    Obtain,
    Failed(AzureError),
}

impl Known {
    fn look(&self, now: SystemTime, revision: Option<&str>) -> Look {
        let verified = revision.is_none() || revision == self.revision.as_deref();
        if let Some(token) = self.token.as_ref().filter(|token| verified && token.is_valid(now)) {
            let secret = token.secret.clone();
            return if token.is_due(now) { Look::Renew(secret) } else { Look::Use(secret) };
        }
        match &self.failure {
            Some((until, of, error)) if now < *until && (revision.is_none() || revision == of.as_deref()) => {
                Look::Failed(error.clone())
            }
            _ => Look::Obtain,
        }
    }
}

impl Entry {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, revision: Option<&str>) -> Look {
        self.known().look(SystemTime::now(), revision)
    }

    fn keep(&self, issued: Issued, revision: Option<&str>) -> SecretString {
        let now = SystemTime::now();
        let ahead = RENEW_AHEAD.min(issued.life / 4);
        let mut known = self.known();
        known.token = Some(Held::new(issued.token.clone(), now, now + issued.life, ahead));
        known.failure = None;
        if let Some(revision) = revision {
            known.revision = Some(revision.to_owned());
        }
        issued.token
    }
}

impl Identity {
    /// Tokens for those clouds, with proof from `proofs`.
    pub fn new(
        http: impl Into<Clients>,
        clouds: Arc<Clouds>,
        proofs: Arc<dyn Proofs>,
        observer: Arc<dyn Observer>,
        timings: &Timings,
    ) -> Self {
        Self {
            http: http.into(),
            clouds,
            proofs,
            observer,
            limit: Duration::from_millis(timings.request_timeout),
            pause: Duration::from_millis(timings.retry_min),
            entries: Mutex::default(),
            assertions: Assertions::default(),
        }
    }

    /// A token for ARM.
    ///
    /// # Errors
    /// `TokenRefused`, `CredentialUnavailable` and `CloudNotConfigured` need a person; `EntraUnreachable` passes; others are
    /// those of [`Proofs`].
    pub async fn token(&self, access: &Access) -> Result<SecretString, AzureError> {
        self.obtain(access, None).await
    }

    /// Whether a token can be had with the version of the proof that `revision` names: with another version than last time
    /// one is really obtained.
    ///
    /// # Errors
    /// As [`Identity::token`].
    pub async fn verify(&self, access: &Access, revision: &str) -> Result<(), AzureError> {
        self.obtain(access, Some(revision)).await.map(drop)
    }

    /// The federated assertion in memory, if the access uses one.
    pub fn assertion(&self, access: &Access) -> Option<SecretString> {
        let subject = subject(access, self.clouds.get(&access.cloud)?)?;
        self.assertions.known(&subject, SystemTime::now()).map(|held| held.secret)
    }

    /// Drops the token: the next caller obtains another.
    pub fn forget(&self, access: &Access) {
        self.entry(access).known().token = None;
    }

    /// As [`Identity::forget`], but only if that token is still the one in use: of many calls that one bad token fails, one
    /// causes a new token.
    pub fn forget_token(&self, access: &Access, refused: &SecretString) {
        let entry = self.entry(access);
        let mut known = entry.known();
        let same = known.token.as_ref().is_some_and(|held| held.secret.expose_secret() == refused.expose_secret());
        if same {
            known.token = None;
        }
    }

    /// Makes the token due for renewal, as time would.
    #[cfg(test)]
    pub(super) fn age(&self, access: &Access) {
        if let Some(token) = &mut self.entry(access).known().token {
            token.postpone(SystemTime::now());
        }
    }

    fn entry(&self, access: &Access) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(access) {
            return entry.clone();
        }
        // Accounts come and go; what is neither in use nor valid need not be remembered.
        let now = SystemTime::now();
        entries.retain(|_, entry| {
            Arc::strong_count(entry) > 1 || entry.known().token.as_ref().is_some_and(|token| token.is_valid(now))
        });
        entries.entry(access.clone()).or_default().clone()
    }

    async fn obtain(&self, access: &Access, revision: Option<&str>) -> Result<SecretString, AzureError> {
        let entry = self.entry(access);
        match entry.look(revision) {
            Look::Use(token) => Ok(token),
            Look::Failed(error) => Err(error),
            Look::Renew(token) => Ok(self.renew(access, &entry, revision).await.unwrap_or(token)),
            Look::Obtain => {
                let _gate = entry.gate.lock().await;
                // Another may have been faster, or have failed.
                match entry.look(revision) {
                    Look::Use(token) | Look::Renew(token) => return Ok(token),
                    Look::Failed(error) => return Err(error),
                    Look::Obtain => {}
                }
                match self.request(access, self.limit).await {
                    Ok(issued) => Ok(entry.keep(issued, revision)),
                    Err(error) => {
                        let until = SystemTime::now() + self.pause;
                        entry.known().failure = Some((until, revision.map(str::to_owned), error.clone()));
                        Err(error)
                    }
                }
            }
        }
    }

    /// A new token ahead of time; `None` if another is at it, or if it fails: the old one is still good.
    async fn renew(&self, access: &Access, entry: &Entry, revision: Option<&str>) -> Option<SecretString> {
        let _gate = entry.gate.try_lock().ok()?;
        match self.request(access, RENEWAL_LIMIT.min(self.limit)).await {
            Ok(issued) => Some(entry.keep(issued, revision)),
            Err(error) => {
                tracing::warn!(account = %access.account, code = error.code, "renewing a token: {}; the old one is used", error.message);
                if let Some(held) = &mut entry.known().token {
                    held.postpone(SystemTime::now() + self.pause);
                }
                None
            }
        }
    }

    async fn request(&self, access: &Access, limit: Duration) -> Result<Issued, AzureError> {
        let Some(cloud) = self.clouds.get(&access.cloud) else {
            let message = format!("the operator's configuration has no cloud \"{}\"", access.cloud);
            return Err(unanswered("CloudNotConfigured", &message, Fate::NotApplied));
        };
        // Proof comes from the API server, whose client has a patience of its own.
        match timeout(limit, self.exchange(access, cloud, limit)).await {
            Ok(result) => result,
            Err(_) => Err(unanswered("EntraUnreachable", "no token came in time", Fate::NotApplied)),
        }
    }

    async fn exchange(&self, access: &Access, cloud: &Cloud, limit: Duration) -> Result<Issued, AzureError> {
        let deadline = tokio::time::Instant::now() + limit;
        let namespace = &access.account.namespace;
        let subject = subject(access, cloud);
        let evidence = match (&access.proof, &subject) {
            (Proof::ClientSecret { secret, key }, _) => {
                Evidence::Secret(self.proofs.client_secret(namespace, secret, key).await?)
            }
            (_, Some(subject)) => {
                let assertion =
                    self.assertions.obtain(&*self.proofs, subject, &access.account.name, self.pause).await?;
                Evidence::Assertion(assertion)
            }
            (Proof::ServiceAccount { name }, None) => {
                let message = format!("there is no assertion for ServiceAccount {name}");
                return Err(unanswered("CredentialUnavailable", &message, Fate::NotApplied));
            }
        };
        let started = Instant::now();
        let who = (access.tenant.as_str(), access.client.as_str());
        let (result, status) = entra::request_token(self.http.of(&cloud.name), cloud, who, &evidence, deadline).await;
        self.observer.call("POST", "token", status, started.elapsed().as_secs_f64());
        if let (Err(error), Some(subject)) = (&result, &subject)
            && error.code == "TokenRefused"
        {
            self.assertions.doubt(subject, SystemTime::now());
        }
        result
    }
}

fn subject(access: &Access, cloud: &Cloud) -> Option<Subject> {
    let Proof::ServiceAccount { name } = &access.proof else { return None };
    Some(Subject {
        namespace: access.account.namespace.clone(),
        service_account: name.clone(),
        audience: cloud.exchange_audience.clone(),
    })
}
