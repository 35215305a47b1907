//! Event Grid's handshake with a public URL, made by the operator first: a URL that fails here would fail there, and cost
//! minutes to find out.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use acs_core::kinds::subscription::DeliverySchema;
use acs_core::moment::Moment;
use acs_core::world::HandshakeWith;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, StatusCode};
use serde_json::{Value, json};
use url::{Host, Url};

use super::address::is_public;
use super::{bounded, cause};
use crate::azure::http::guid;

/// Event Grid itself waits 30 s.
const TIMEOUT: Duration = Duration::from_secs(10);
const BODY_LIMIT: usize = 64 * 1024;
/// Who asks, in the words of the CloudEvents handshake.
const ORIGIN: &str = "eventgrid.azure.net";

pub struct Prober {
    roots: Vec<Certificate>,
    private: bool,
}

impl Prober {
    /// Trusts those roots and no others.
    pub fn new(roots: Vec<Certificate>, private: bool) -> Self {
        Self { roots, private }
    }

    /// Makes one handshake. An error says in words for a condition why it was not granted; it holds nothing of an answer's body.
    pub async fn shake_hands(&self, with: &HandshakeWith) -> Result<(), String> {
        tokio::time::timeout(TIMEOUT, self.attempt(with)).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    async fn attempt(&self, with: &HandshakeWith) -> Result<(), String> {
        let url = Url::parse(&with.url).map_err(|_| "it is no URL".to_owned())?;
        if url.scheme() != "https" {
            return Err("it is no https URL".to_owned());
        }
        let http = self.client(&url).await?;
        match with.schema {
            DeliverySchema::CloudEvents => cloud_events(&http, url).await,
            DeliverySchema::EventGrid => event_grid(&http, url, &with.subscription).await,
        }
    }

    /// A client that knows one host by the addresses that were looked at, so that a second answer of DNS changes nothing.
    async fn client(&self, url: &Url) -> Result<Client, String> {
        let addresses = self.resolve(url).await?;
        let mut builder = Client::builder()
            .tls_certs_only(self.roots.iter().cloned())
            .https_only(true)
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("acs-operator/", env!("CARGO_PKG_VERSION")));
        if let Some(Host::Domain(name)) = url.host() {
            builder = builder.resolve_to_addrs(name, &addresses);
        }
        builder.build().map_err(|error| cause(&error))
    }

    async fn resolve(&self, url: &Url) -> Result<Vec<SocketAddr>, String> {
        let port = url.port_or_known_default().unwrap_or(443);
        let found: Vec<SocketAddr> = match url.host() {
            Some(Host::Ipv4(address)) => vec![SocketAddr::new(address.into(), port)],
            Some(Host::Ipv6(address)) => vec![SocketAddr::new(address.into(), port)],
            Some(Host::Domain(name)) => tokio::net::lookup_host((name, port))
                .await
                .map_err(|error| {
                    format!("DNS does not know {name}: {}", acs_core::azure::error::one_line(&error.to_string()))
                })?
                .collect(),
            None => return Err("it has no host".to_owned()),
        };
        let allowed: Vec<SocketAddr> =
            found.iter().copied().filter(|address| self.private || is_public(address.ip())).collect();
        match (allowed.is_empty(), found.first()) {
            (false, _) => Ok(allowed),
            (true, None) => Err("DNS knows no address of it".to_owned()),
            (true, Some(private)) => Err(format!(
                "it leads to the private address {}, which Event Grid cannot reach; if that is meant, run the operator with --probe-private-addresses, or set `reachability.probe: Skip`",
                private.ip()
            )),
        }
    }
}

async fn cloud_events(http: &Client, url: Url) -> Result<(), String> {
    let request = http.request(Method::OPTIONS, url).header("WebHook-Request-Origin", ORIGIN);
    let response = request.send().await.map_err(|error| cause(&error))?;
    let status = response.status();
    let allowed = response.headers().get("WebHook-Allowed-Origin").and_then(|value| value.to_str().ok());
    match allowed {
        _ if !status.is_success() => Err(format!("OPTIONS was answered with {status}")),
        Some("*") => Ok(()),
        Some(origin) if origin.eq_ignore_ascii_case(ORIGIN) => Ok(()),
        Some(_) => Err("OPTIONS was answered with another `WebHook-Allowed-Origin`".to_owned()),
        None => Err(format!("OPTIONS was answered with {status} and without `WebHook-Allowed-Origin`")),
    }
}

async fn event_grid(http: &Client, url: Url, subscription: &str) -> Result<(), String> {
    let code = guid();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = Moment { mono: 0, wall: u64::try_from(wall).unwrap_or_default() };
    let events = json!([{
        "id": guid(),
        "topic": "",
        "subject": "",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": now.rfc3339(),
        "dataVersion": "2",
        "metadataVersion": "1",
        "data": {"validationCode": code},
    }]);
    let request = http
        .post(url)
        .header("aeg-event-type", "SubscriptionValidation")
        .header("aeg-subscription-name", subscription.to_ascii_uppercase())
        .json(&events);
    let response = request.send().await.map_err(|error| cause(&error))?;
    let status = response.status();
    if status != StatusCode::OK {
        return Err(format!("the validation event was answered with {status}"));
    }
    let body = bounded(response, BODY_LIMIT).await?;
    let echoed = serde_json::from_slice::<Value>(&body).ok();
    let echoed = echoed.as_ref().and_then(|body| body.get("validationResponse")).and_then(Value::as_str);
    match echoed {
        Some(echoed) if echoed == code => Ok(()),
        Some(_) => Err("the validation event was answered with another code".to_owned()),
        None => Err("the validation event was answered without its code".to_owned()),
    }
}

#[cfg(test)]
mod tests;
