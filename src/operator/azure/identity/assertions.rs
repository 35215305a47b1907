//! Assertions of ServiceAccounts. Minted long-lived and kept, because none can be had any more once a namespace terminates.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use acs_core::azure::error::{AzureError, Fate};
use secrecy::SecretString;

use super::Proofs;
use super::held::Held;
use crate::azure::unanswered;

/// Life that is asked for, in seconds; the API server may grant less. Draining a namespace must fit into half of it.
pub const ASSERTION_SECONDS: i64 = 24 * 3600;

/// Whose assertion, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Kubernetes namespace.
    pub namespace: String,
    /// ServiceAccount.
    pub service_account: String,
    /// Audience.
    pub audience: String,
}

/// Assertions in memory.
#[derive(Default)]
pub struct Assertions(Mutex<HashMap<Subject, Held>>);

impl Assertions {
    /// The one in memory, while it is valid.
    pub fn known(&self, subject: &Subject, now: SystemTime) -> Option<Held> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(subject).filter(|held| held.is_valid(now)).cloned()
    }

    /// Entra refused it: the next request asks Kubernetes for another, and this one stays as the last resort.
    pub fn doubt(&self, subject: &Subject, now: SystemTime) {
        self.postpone(subject, now);
    }

    fn postpone(&self, subject: &Subject, at: SystemTime) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = held.get_mut(subject) {
            held.postpone(at);
        }
    }

    fn keep(&self, subject: &Subject, fresh: Held, now: SystemTime) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, held| held.is_valid(now));
        held.insert(subject.clone(), fresh);
    }

    /// An assertion: from memory in the first half of its life, else a new one, else the one in memory, else the one that was
    /// spilled for the account.
    pub async fn obtain(
        &self,
        proofs: &dyn Proofs,
        subject: &Subject,
        account: &str,
        pause: Duration,
    ) -> Result<SecretString, AzureError> {
        let known = self.known(subject, SystemTime::now());
        if let Some(held) = known.as_ref().filter(|held| !held.is_due(SystemTime::now())) {
            return Ok(held.secret.clone());
        }
        let Subject { namespace, service_account, audience } = subject;
        match proofs.assertion(namespace, service_account, audience, ASSERTION_SECONDS).await {
            Ok((secret, expires)) => {
                let now = SystemTime::now();
                let half = expires.duration_since(now).unwrap_or_default() / 2;
                self.keep(subject, Held::new(secret.clone(), now, expires, half), now);
                Ok(secret)
            }
            Err(error) => {
                if let Some(held) = known {
                    self.postpone(subject, SystemTime::now() + pause);
                    return Ok(held.secret);
                }
                match proofs.spilled_assertion(namespace, account).await {
                    Some(spilled) => Ok(spilled),
                    None => Err(unavailable(subject, error)),
                }
            }
        }
    }
}

/// A namespace that is going away shows as a refusal; trouble that passes, and what already says what to do, stays what it is.
fn unavailable(subject: &Subject, error: AzureError) -> AzureError {
    if error.code != "KubernetesForbidden" {
        return error;
    }
    let Subject { namespace, service_account, .. } = subject;
    let message = format!(
        "Kubernetes refuses a token of ServiceAccount {service_account} in namespace {namespace}, and none was kept ({})",
        error.message
    );
    unanswered("CredentialUnavailable", &message, Fate::NotApplied)
}
