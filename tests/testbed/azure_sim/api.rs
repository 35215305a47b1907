//! Requests to the simulator, as a test makes them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Certificate, Client, Method, StatusCode};
use serde_json::Value;

const SCOPE: &str = "https://management.azure.com/.default";

/// What the simulator answered.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as JSON; a JSON string if it is none, null if there is none.
    pub body: Value,
}

impl Response {
    /// The body of a success, else an error that quotes it.
    pub fn ok(self) -> Result<Value> {
        if !(200..300).contains(&self.status) {
            bail!("the simulator answered {}: {}", self.status, self.body);
        }
        Ok(self.body)
    }
}

#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    url: String,
    environment: BTreeMap<String, String>,
    token: Mutex<Option<String>>,
}

impl Api {
    pub(super) fn new(url: &str, ca: &Path, environment: &BTreeMap<String, String>) -> Result<Self> {
        let pem = std::fs::read(ca).with_context(|| format!("reading {}", ca.display()))?;
        let client = Client::builder()
            .tls_certs_only([Certificate::from_pem(&pem)?])
            // A connection belongs to the runtime that made it: none may be kept for a test with another one.
            .http1_only()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { client, url, environment: environment.clone(), token: Mutex::new(None) })
    }

    pub(super) async fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        if path.starts_with("/_sim") {
            return self.send(method, path, body, None).await;
        }
        let known = self.token.lock().ok().and_then(|token| token.clone());
        if let Some(token) = known {
            let response = self.send(method, path, body, Some(&token)).await?;
            // The simulator's clock may run fast, and its tokens with it.
            if response.status != StatusCode::UNAUTHORIZED.as_u16() {
                return Ok(response);
            }
        }
        let token = self.fetch_token().await?;
        if let Ok(mut known) = self.token.lock() {
            *known = Some(token.clone());
        }
        self.send(method, path, body, Some(&token)).await
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>, token: Option<&str>) -> Result<Response> {
        let mut request = self.client.request(Method::from_bytes(method.as_bytes())?, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.with_context(|| format!("{method} {path}"))?;
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let body = response.text().await.with_context(|| format!("the answer to {method} {path}"))?;
        let body = match body.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        Ok(Response { status, headers, body })
    }

    async fn fetch_token(&self) -> Result<String> {
        let variable =
            |name: &str| self.environment.get(name).with_context(|| format!("the simulator's env has no {name}"));
        let authority = variable("AZURE_AUTHORITY_HOST")?.trim_end_matches('/');
        let url = format!("{authority}/{}/oauth2/v2.0/token", variable("AZURE_TENANT_ID")?);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", variable("AZURE_CLIENT_ID")?),
            ("client_secret", variable("AZURE_CLIENT_SECRET")?),
            ("scope", SCOPE),
        ];
        let encode = |text: &str| -> String {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            text.bytes()
                .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
                .collect()
        };
        let form: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let request = self.client.post(&url).header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form.join("&")).send().await.with_context(|| format!("POST {url}"))?;
        let status = answer.status();
        let text = answer.text().await?;
        let token = serde_json::from_str::<Value>(&text).ok();
        let token = token.as_ref().and_then(|answer| answer.get("access_token")).and_then(Value::as_str);
        Ok(token.with_context(|| format!("no token from the simulator ({status}): {text}"))?.to_owned())
    }
}
