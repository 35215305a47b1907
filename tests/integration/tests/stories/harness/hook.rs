//! A webhook that Event Grid can shake hands with: https, by a certificate of the simulator's own authority.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_server::tls_rustls::RustlsConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use testbed::AzureSim;

#[derive(Debug, Default)]
struct Door {
    refuses: AtomicBool,
    handshakes: AtomicU64,
    turns_away: AtomicBool,
    paths: Mutex<Vec<String>>,
    deliveries: Mutex<Vec<HeaderMap>>,
}

/// A running webhook; it ends with the runtime of its story.
#[derive(Debug)]
pub(crate) struct Hook {
    url: String,
    door: Arc<Door>,
}

impl Hook {
    pub(crate) async fn start(azure: &AzureSim) -> Result<Self> {
        let issued = azure.post("/_sim/certificate", &json!({"names": ["127.0.0.1"]})).await?;
        let pem = |name: &str| issued[name].as_str().unwrap_or_default().as_bytes().to_vec();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let chain = CertificateDer::pem_slice_iter(&pem("certificate")).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(&pem("key"))?;
        let tls = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
        let listener = TcpListener::bind("127.0.0.1:0").context("binding the webhook")?;
        listener.set_nonblocking(true)?;
        let url = format!("https://{}", listener.local_addr()?);
        let door = Arc::new(Door::default());
        let router = Router::new().fallback(answer).with_state(door.clone());
        let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(Arc::new(tls)))?;
        tokio::spawn(server.serve(router.into_make_service()));
        Ok(Self { url, door })
    }

    /// A URL on it, with a query that has to stay secret.
    pub(crate) fn url(&self, path: &str, code: &str) -> String {
        format!("{}/{path}?code={code}", self.url)
    }

    /// From now on it refuses handshakes, or takes them again.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.door.refuses.store(refuses, Ordering::SeqCst);
    }

    /// From now on it answers every event with 400, or takes them again.
    pub(crate) fn turn_away(&self, turns_away: bool) {
        self.door.turns_away.store(turns_away, Ordering::SeqCst);
    }

    /// A header of each delivery, in order; empty where it had none.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let deliveries = self.door.deliveries.lock().unwrap();
        let of = |headers: &HeaderMap| {
            headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        deliveries.iter().map(of).collect()
    }

    /// Handshakes asked of it, refused ones too.
    pub(crate) fn handshakes(&self) -> u64 {
        self.door.handshakes.load(Ordering::SeqCst)
    }

    /// Paths that were asked for, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.door.paths.lock().unwrap().clone()
    }
}

async fn answer(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    door.paths.lock().unwrap().push(parts.uri.path().to_owned());
    if parts.method == Method::OPTIONS {
        return handshake(&door, &parts.headers);
    }
    match validation_code(&body) {
        Some(code) => {
            door.handshakes.fetch_add(1, Ordering::SeqCst);
            axum::Json(json!({"validationResponse": code})).into_response()
        }
        None => {
            door.deliveries.lock().unwrap().push(parts.headers);
            let turned_away = door.turns_away.load(Ordering::SeqCst);
            if turned_away { StatusCode::BAD_REQUEST.into_response() } else { StatusCode::OK.into_response() }
        }
    }
}

fn handshake(door: &Door, headers: &HeaderMap) -> Response {
    door.handshakes.fetch_add(1, Ordering::SeqCst);
    if door.refuses.load(Ordering::SeqCst) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut response = StatusCode::OK.into_response();
    for (asked, granted) in
        [("webhook-request-origin", "webhook-allowed-origin"), ("webhook-request-rate", "webhook-allowed-rate")]
    {
        if let Some(value) = headers.get(asked) {
            response.headers_mut().insert(granted, value.clone());
        }
    }
    response
}

fn validation_code(body: &Bytes) -> Option<String> {
    let events: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(events.pointer("/0/data/validationCode")?.as_str()?.to_owned())
}
