//! An https endpoint that grants Event Grid's handshake and takes every event.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Json, Response};
use axum_server::tls_rustls::RustlsConfig;
use serde_json::{Value, json};
use testbed::{AzureSim, front};

/// A running endpoint. It ends with the value.
pub(crate) struct Webhook {
    address: SocketAddr,
    handshakes: Arc<AtomicU64>,
    handle: axum_server::Handle<SocketAddr>,
}

impl Webhook {
    /// Listens with a certificate that the simulator has signed, so that the simulator trusts it.
    pub(crate) async fn start(azure: &AzureSim, host: Ipv4Addr) -> Result<Self> {
        let config = front::server_config(azure, &host.to_string()).await?;
        let listener = TcpListener::bind((host, 0)).context("listening for events")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let handshakes = Arc::new(AtomicU64::new(0));
        let handle = axum_server::Handle::new();
        let router = Router::new().fallback(receive).with_state(handshakes.clone());
        let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(config))?;
        tokio::spawn(server.handle(handle.clone()).serve(router.into_make_service()));
        Ok(Self { address, handshakes, handle })
    }

    /// Its URL, without the query.
    pub(crate) fn url(&self) -> String {
        format!("https://{}/events", self.address)
    }

    /// How often Event Grid asked whether events are wanted.
    pub(crate) fn handshakes(&self) -> u64 {
        self.handshakes.load(Ordering::Relaxed)
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

/// Both handshakes: CloudEvents asks by OPTIONS, Event Grid's own schema by an event with a code to send back.
async fn receive(
    State(handshakes): State<Arc<AtomicU64>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method == Method::OPTIONS {
        let Some(origin) = headers.get("webhook-request-origin") else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        handshakes.fetch_add(1, Ordering::Relaxed);
        let granted =
            [("webhook-allowed-origin", origin.clone()), ("webhook-allowed-rate", HeaderValue::from_static("*"))];
        return granted.into_response();
    }
    let events: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(code) = events.pointer("/0/data/validationCode") else { return StatusCode::OK.into_response() };
    handshakes.fetch_add(1, Ordering::Relaxed);
    Json(json!({"validationResponse": code})).into_response()
}
