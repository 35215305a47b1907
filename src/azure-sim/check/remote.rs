//! The endpoint that is held against the simulator: real requests, bounded in number, size and time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use azure_core::credentials::TokenCredential;
use reqwest::{Certificate, Client, Method};
use serde_json::Value;
use tokio::time::timeout;

use super::Options;
use super::credential;
use super::probe::{Proof, Sent};
use super::side::{Seen, Side};
use super::throwaway::{MADE_BY, RUN};

/// One answer, in bytes; ARM's own limit.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
const REQUEST_PATIENCE: Duration = Duration::from_secs(60);
/// How often a request that was throttled or not served is sent again.
const AGAIN: u32 = 4;
/// Seconds in which a group may still come whose PUT was cut off.
const LATE: u32 = 5;

pub(super) struct Remote {
    http: Client,
    credential: Arc<dyn TokenCredential>,
    scope: String,
    endpoint: String,
    authority: String,
    subscription: String,
    began: Instant,
    deadline: Instant,
    left: u32,
    sent: u32,
}

impl Remote {
    /// # Errors
    /// When the CA file is none, or no token is to be had.
    pub(super) async fn new(options: &Options, deadline: Instant) -> anyhow::Result<Self> {
        let mut builder = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(REQUEST_PATIENCE);
        if let Some(file) = &options.ca_file {
            let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let bundle = Certificate::from_pem_bundle(&pem)
                .with_context(|| format!("{} holds no PEM certificates", file.display()))?;
            builder = builder.tls_certs_merge(bundle);
        }
        let http = builder.build()?;
        let credential = credential::of_environment(&http, &options.authority)?;
        let remote = Self {
            http,
            credential,
            scope: format!("{}/.default", options.endpoint),
            endpoint: options.endpoint.clone(),
            authority: options.authority.clone(),
            subscription: options.subscription.clone(),
            began: Instant::now(),
            deadline,
            left: options.requests,
            sent: 0,
        };
        // Now, where the reason can be told, and not at the first probe.
        remote.token().await?;
        Ok(remote)
    }

    pub(super) fn sent(&self) -> u32 {
        self.sent
    }

    /// More time and requests, for what must still be done.
    pub(super) fn extend(&mut self, time: Duration) {
        self.deadline = self.deadline.max(Instant::now() + time);
        self.left = self.left.max(10);
    }

    async fn token(&self) -> anyhow::Result<String> {
        let scopes = [self.scope.as_str()];
        let token = timeout(REQUEST_PATIENCE, self.credential.get_token(&scopes, None));
        let token = token.await.context("no answer to the request for a token")?;
        let token = token
            .context("no token: set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or run `az login`")?;
        Ok(token.token.secret().to_owned())
    }

    /// Whether nobody has a resource group of that name.
    pub(super) async fn is_free(&mut self, group: &str) -> anyhow::Result<bool> {
        let seen = self.group("GET", group).await?;
        match seen.status {
            404 => Ok(true),
            200 => Ok(false),
            other => bail!("the subscription cannot be used: the group was answered with {other}: {}", message(&seen)),
        }
    }

    /// Asks for the deletion of the group that this run made, which goes on by itself. Whose it is, its tags say; where the run
    /// was cut off, it may come only now.
    ///
    /// # Errors
    /// When it is somebody else's, or is not deleted.
    pub(super) async fn delete_group(&mut self, group: &str, mark: &str, cut_off: bool) -> anyhow::Result<()> {
        let mut seen = self.group("GET", group).await?;
        for _ in 0..if cut_off { LATE } else { 0 } {
            if seen.status != 404 {
                break;
            }
            self.pause(1).await?;
            seen = self.group("GET", group).await?;
        }
        if seen.status == 404 {
            return Ok(());
        }
        ensure!(seen.status == 200, "the group was answered with {}: {}", seen.status, message(&seen));
        let tags = seen.json().unwrap_or_default();
        let tag = |name: &str| tags.pointer(&format!("/tags/{name}")).and_then(Value::as_str).unwrap_or_default();
        ensure!(
            tag(MADE_BY.0) == MADE_BY.1 && tag(RUN) == mark,
            "the group {group} is not the one that this run made, as its tags say: it is not deleted"
        );
        let seen = self.group("DELETE", group).await?;
        ensure!(
            matches!(seen.status, 200 | 202 | 204 | 404),
            "its deletion was answered with {}: {}",
            seen.status,
            message(&seen)
        );
        Ok(())
    }

    async fn group(&mut self, method: &str, group: &str) -> anyhow::Result<Seen> {
        let target = format!("/subscriptions/{}/resourceGroups/{group}?api-version=2021-04-01", self.subscription);
        let sent = Sent { method: method.into(), target, to_entra: false, proof: Proof::Token, body: None };
        self.send(&sent).await
    }

    /// Where to; a token goes to the endpoint and to nobody else.
    fn url(&self, sent: &Sent) -> anyhow::Result<url::Url> {
        let base = if sent.to_entra { &self.authority } else { &self.endpoint };
        if !sent.target.contains("://") {
            return url::Url::parse(&format!("{base}{}", sent.target)).context("no URL");
        }
        let url = url::Url::parse(&sent.target).context("a header names no URL")?;
        let ours = url::Url::parse(base)?;
        ensure!(url.origin() == ours.origin(), "a header leads to another host than {base}: not followed");
        Ok(url)
    }

    async fn once(&mut self, sent: &Sent) -> anyhow::Result<Seen> {
        ensure!(self.left > 0, "all requests are used up: allow more with --requests");
        let left = self.deadline.saturating_duration_since(Instant::now());
        ensure!(!left.is_zero(), "the time is over: allow more with --deadline");
        self.left -= 1;
        self.sent += 1;
        let mut request = self.http.request(Method::from_bytes(sent.method.as_bytes())?, self.url(sent)?);
        request = match sent.proof {
            Proof::Token => request.bearer_auth(self.token().await?),
            Proof::Nonsense => request.bearer_auth("nonsense"),
            Proof::Absent => request,
        };
        request = match &sent.body {
            Some(body) => request.json(body),
            // Without it ARM's front end answers 411.
            None if sent.method != "GET" => request.header("content-length", "0"),
            None => request,
        };
        // Without URLs: those of operations are signed.
        let answer = timeout(left, request.send()).await.context("the time is over: allow more with --deadline")?;
        let mut answer = answer.map_err(reqwest::Error::without_url).context("no answer")?;
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            body.extend_from_slice(&chunk);
            ensure!(body.len() <= BODY_LIMIT, "an answer is longer than {BODY_LIMIT} bytes");
        }
        Ok(Seen { status, headers, body })
    }
}

impl Side for Remote {
    async fn send(&mut self, sent: &Sent) -> anyhow::Result<Seen> {
        let mut seen = self.once(sent).await?;
        // Being busy says nothing of how it answers.
        for _ in 0..AGAIN {
            if !matches!(seen.status, 429 | 503) {
                break;
            }
            let wait = seen.header("retry-after").and_then(|s| s.parse().ok()).unwrap_or(5);
            self.pause(wait).await?;
            seen = self.once(sent).await?;
        }
        Ok(seen)
    }

    async fn pause(&mut self, seconds: u64) -> anyhow::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let wait = Duration::from_secs(seconds);
        ensure!(wait < left, "the time is over: allow more with --deadline");
        tokio::time::sleep(wait).await;
        Ok(())
    }

    fn clock(&self) -> Duration {
        self.began.elapsed()
    }
}

fn message(seen: &Seen) -> String {
    let body = seen.json().unwrap_or_default();
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    format!("{} {}", text("/error/code"), text("/error/message"))
}
