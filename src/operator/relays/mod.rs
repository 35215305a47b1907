//! Talking to relays: what they say of themselves, and whether their public URL leads to them.

mod address;
mod handshake;
mod report;

use std::collections::BTreeMap;
use std::path::Path;

use acs_core::world::HandshakeWith;
use acs_wire::relay::report::RelayReport;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};

use crate::azure::http::ClientError;

/// So many are asked at once.
const AT_ONCE: usize = 16;

/// Asks relays.
pub struct Relays {
    reports: report::Reporter,
    prober: handshake::Prober,
}

impl Relays {
    /// `private` allows public URLs that lead to private addresses: for clusters without a public door.
    ///
    /// # Errors
    /// If the CA bundle cannot be read.
    pub fn new(ca_bundle: Option<&Path>, private: bool) -> Result<Self, ClientError> {
        let prober = handshake::Prober::new(crate::azure::http::roots(ca_bundle)?, private);
        Ok(Self { reports: report::Reporter::new()?, prober })
    }

    /// What relays say of themselves, by the addresses of their pods.
    pub async fn reports(&self, addresses: &[String]) -> BTreeMap<String, Result<RelayReport, String>> {
        let asked: Vec<BoxFuture<'_, _>> = addresses
            .iter()
            .map(|address| async move { (address.clone(), self.reports.ask(address).await) }.boxed())
            .collect();
        futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await
    }

    /// Handshakes, in the order of the question.
    pub async fn handshakes(&self, with: &[HandshakeWith]) -> Vec<Result<(), String>> {
        let made: Vec<BoxFuture<'_, _>> = with.iter().map(|with| self.prober.shake_hands(with).boxed()).collect();
        futures::stream::iter(made).buffered(AT_ONCE).collect().await
    }
}

/// Reads a body that must not be longer than `limit`.
async fn bounded(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cause(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(format!("the answer is longer than {limit} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Why there is no answer, without the URL.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    let what = if error.is_connect() { "no connection" } else { "the exchange failed" };
    let why = acs_core::azure::error::one_line(&innermost.to_string());
    format!("{what}: {}", why.chars().take(200).collect::<String>())
}
