//! Requests to the simulator as bytes, and connections under TLS that trust its authority.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use testbed::AzureSim;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::kept::Kept;
use super::{GROUPS, VERSION};

/// One connection.
pub(super) type Stream = TlsStream<TcpStream>;

/// Where to connect, and whom to trust.
#[derive(Clone)]
pub(super) struct Door {
    address: SocketAddr,
    tls: TlsConnector,
}

impl Door {
    /// To an address on loopback whose certificate `authority` signed.
    pub(super) fn new(address: SocketAddr, authority: &Path) -> Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).context("reading the authority")?)?;
        let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { address, tls: TlsConnector::from(Arc::new(tls)) })
    }

    pub(super) async fn connect(&self) -> Result<Stream> {
        let tcp = TcpStream::connect(self.address).await.with_context(|| format!("connecting {}", self.address))?;
        tcp.set_nodelay(true)?;
        let name = ServerName::IpAddress(self.address.ip().into());
        self.tls.connect(name, tcp).await.context("TLS")
    }
}

/// Somebody with a token.
pub(super) struct Client {
    door: Door,
    url: String,
    subscription: String,
    token: String,
}

impl Client {
    pub(super) async fn new(azure: &AzureSim) -> Result<Self> {
        let url = azure.url().trim_end_matches('/').to_owned();
        let address = url.trim_start_matches("https://").parse().context("the simulator's address")?;
        let mut client = Self {
            door: Door::new(address, &azure.ca())?,
            url,
            subscription: format!("/subscriptions/{}", azure.subscription_id()),
            token: String::new(),
        };
        let variable = |name: &str| azure.environment().get(name).map(String::as_str).context("a variable is missing");
        let form = format!(
            "grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F.default&client_id={}&client_secret={}",
            variable("AZURE_CLIENT_ID")?,
            variable("AZURE_CLIENT_SECRET")?
        );
        let path = format!("/{}/oauth2/v2.0/token", azure.tenant_id());
        let mut connection = Kept::new(client.connect().await?);
        let status = connection.ask(&client.request_at("POST", &path, &form)).await?;
        let answer: Value = serde_json::from_slice(connection.body())?;
        match answer.get("access_token").and_then(Value::as_str) {
            Some(token) => token.clone_into(&mut client.token),
            None => bail!("no token, but {status}"),
        }
        Ok(client)
    }

    pub(super) async fn connect(&self) -> Result<Stream> {
        self.door.connect().await
    }

    pub(super) fn group(&self, number: usize) -> String {
        format!("{}/resourceGroups/rg-{number:02}", self.subscription)
    }

    /// Neighbours in number are in different groups.
    pub(super) fn service(&self, number: usize) -> String {
        let group = self.group(number % GROUPS);
        format!("{group}/providers/Microsoft.Communication/communicationServices/bench-{number:05}")
    }

    /// The list of all services: its first page.
    pub(super) fn list(&self) -> String {
        format!("{}/providers/Microsoft.Communication/communicationServices?api-version={VERSION}", self.subscription)
    }

    /// The path of a URL that the simulator gave.
    pub(super) fn path_of(&self, url: &str) -> Option<String> {
        url.strip_prefix(self.url.as_str()).map(str::to_owned)
    }

    pub(super) fn request(&self, method: &str, id: &str, version: &str, body: &str) -> Vec<u8> {
        self.request_at(method, &format!("{id}?api-version={version}"), body)
    }

    pub(super) fn request_at(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let token =
            if self.token.is_empty() { String::new() } else { format!("authorization: Bearer {}\r\n", self.token) };
        let kind = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
        let kind = if body.is_empty() { String::new() } else { format!("content-type: {kind}\r\n") };
        let length = body.len();
        format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n{token}{kind}content-length: {length}\r\n\r\n{body}")
            .into_bytes()
    }

    /// One request on a connection of its own: status and body.
    pub(super) async fn once(&self, method: &str, id: &str, version: &str, body: &str) -> Result<(u16, String)> {
        let mut connection = Kept::new(self.connect().await?);
        let status = connection.ask(&self.request(method, id, version, body)).await?;
        Ok((status, String::from_utf8_lossy(connection.body()).into_owned()))
    }
}
