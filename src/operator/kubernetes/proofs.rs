//! Proofs of identity that live in Kubernetes: client secrets, tokens of ServiceAccounts, and the assertion that was kept for a
//! namespace that is going away.

use std::time::{Duration, SystemTime};

use acs_core::azure::error::{AzureError, Fate};
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use secrecy::SecretString;

use super::secrets;
use crate::azure::{Proofs, unanswered};

/// Fetches proofs through the API server.
#[derive(Clone)]
pub struct KubernetesProofs {
    client: Client,
}

impl KubernetesProofs {
    /// Proofs as this client may read them.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

fn error(code: &str, message: String) -> AzureError {
    unanswered(code, &message, Fate::NotApplied)
}

impl Proofs for KubernetesProofs {
    fn client_secret(
        &self,
        namespace: &str,
        secret: &str,
        key: &str,
    ) -> BoxFuture<'_, Result<SecretString, AzureError>> {
        let (namespace, secret, key) = (namespace.to_owned(), secret.to_owned(), key.to_owned());
        async move {
            let view = secrets::view(&self.client, &namespace, &secret).await;
            let view = view.map_err(|e| error("KubernetesUnavailable", format!("reading Secret {secret}: {e}")))?;
            let text = view.and_then(|view| view.content.get(&key).cloned());
            // A trailing newline is what `kubectl create secret --from-file` leaves behind; no client secret ends in one.
            text.map(|text| SecretString::from(text.trim().to_owned()))
                .ok_or_else(|| error("CredentialUnavailable", format!("Secret {secret} has no key {key}")))
        }
        .boxed()
    }

    fn assertion(
        &self,
        namespace: &str,
        service_account: &str,
        audience: &str,
        seconds: i64,
    ) -> BoxFuture<'_, Result<(SecretString, SystemTime), AzureError>> {
        let (namespace, name, audience) = (namespace.to_owned(), service_account.to_owned(), audience.to_owned());
        async move {
            let api = Api::<ServiceAccount>::namespaced(self.client.clone(), &namespace);
            let request = TokenRequest {
                spec: Some(TokenRequestSpec {
                    audiences: Some(vec![audience]),
                    expiration_seconds: Some(seconds),
                    ..TokenRequestSpec::default()
                }),
                ..TokenRequest::default()
            };
            let answer = api.create_token_request(&name, &PostParams::default(), &request).await;
            let status = answer.map_err(|e| refused(&name, &e))?.status;
            let token = status.as_ref().and_then(|status| status.token.clone());
            let expiry = status.and_then(|status| status.expiration_timestamp).map(|time| time.0.as_second());
            let (Some(token), Some(expiry)) = (token, expiry) else {
                return Err(error("KubernetesUnavailable", "the answer to a TokenRequest has no token".to_owned()));
            };
            let expiry = Duration::from_secs(u64::try_from(expiry).unwrap_or_default());
            Ok((SecretString::from(token), SystemTime::UNIX_EPOCH + expiry))
        }
        .boxed()
    }

    fn spilled_assertion(&self, namespace: &str, account: &str) -> BoxFuture<'_, Option<SecretString>> {
        let (namespace, name) = (namespace.to_owned(), acs_core::names::assertion_secret(account));
        async move {
            let view = secrets::view(&self.client, &namespace, &name).await.ok().flatten()?;
            view.content.get(acs_wire::secret_keys::ASSERTION).map(|text| SecretString::from(text.clone()))
        }
        .boxed()
    }
}

fn refused(service_account: &str, e: &kube::Error) -> AzureError {
    match e {
        kube::Error::Api(status) if status.is_not_found() => error(
            "CredentialUnavailable",
            format!("ServiceAccount \"{service_account}\" does not exist in this namespace: create it"),
        ),
        kube::Error::Api(status) if status.is_forbidden() => error("KubernetesForbidden", status.message.clone()),
        other => {
            error("KubernetesUnavailable", format!("requesting a token of ServiceAccount {service_account}: {other}"))
        }
    }
}
