//! Who asks, as the environment says: a client secret, workload identity, or whoever is logged in to `az` or `azd`.

use std::sync::Arc;

use anyhow::Context as _;
use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, ClientOptions, HttpClient, Request, RetryOptions, Transport};
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions, DeveloperToolsCredential,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use reqwest::Client;

/// The credential that the environment's variables describe.
pub(super) fn of_environment(http: &Client, authority: &str) -> anyhow::Result<Arc<dyn TokenCredential>> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut configured = CustomConfiguration::default();
    configured.authority_host = authority.to_owned();
    let client_options = ClientOptions {
        cloud: Some(Arc::new(configured.into())),
        transport: Some(Transport::new(Arc::new(Through(http.clone())))),
        // Who waits at a terminal hears of it at once.
        retry: RetryOptions::none(),
        ..ClientOptions::default()
    };
    let refused = "the credential in the environment cannot be used";
    if let Some(secret) = variable("AZURE_CLIENT_SECRET") {
        let tenant = variable("AZURE_TENANT_ID").context("AZURE_CLIENT_SECRET is set and AZURE_TENANT_ID is not")?;
        let client = variable("AZURE_CLIENT_ID").context("AZURE_CLIENT_SECRET is set and AZURE_CLIENT_ID is not")?;
        let options = ClientSecretCredentialOptions { client_options };
        return Ok(ClientSecretCredential::new(&tenant, client, Secret::new(secret), Some(options)).context(refused)?);
    }
    if variable("AZURE_FEDERATED_TOKEN_FILE").is_some() {
        let credential_options = ClientAssertionCredentialOptions { client_options };
        let options =
            WorkloadIdentityCredentialOptions { credential_options, ..WorkloadIdentityCredentialOptions::default() };
        return Ok(WorkloadIdentityCredential::new(Some(options)).context(refused)?);
    }
    Ok(DeveloperToolsCredential::new(None).context(refused)?)
}

/// The client that trusts what the rest of the run trusts.
#[derive(Debug)]
struct Through(Client);

#[async_trait::async_trait]
impl HttpClient for Through {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let Body::Bytes(body) = request.body() else {
            return Err(Error::with_message(ErrorKind::Other, "a token request is no stream"));
        };
        let mut sent = self.0.post(request.url().clone()).body(body.clone());
        for (name, value) in request.headers().iter() {
            sent = sent.header(name.as_str(), value.as_str());
        }
        let failed = |error: reqwest::Error| {
            Error::with_message(
                ErrorKind::Io,
                format!("no answer of Entra: {:#}", anyhow::Error::from(error.without_url())),
            )
        };
        let answer = sent.send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(failed)?;
        Ok(AsyncRawResponse::from_bytes(status.into(), Headers::new(), body))
    }
}
