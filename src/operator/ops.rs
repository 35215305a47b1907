//! `/livez`, `/readyz`, `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::kubernetes::lease::Leadership;
use crate::kubernetes::watch::WatchState;
use crate::metrics::Metrics;

/// What the doors look at.
#[derive(Clone)]
pub struct Ops {
    /// Where the watches stand.
    pub watches: watch::Receiver<WatchState>,
    /// Whether this process leads.
    pub leadership: Arc<Leadership>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Passes that are due.
    pub depth: Arc<AtomicUsize>,
}

/// Serves until the runtime ends.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, ops: Ops) -> std::io::Result<()> {
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(ops);
    axum::serve(listener, router).await
}

/// A replica that waits for the lease is ready too: it is ready to take over.
async fn ready(State(ops): State<Ops>) -> impl IntoResponse {
    let state = ops.watches.borrow().clone();
    if state.missing.is_empty() && state.troubles.is_empty() {
        let role = if ops.leadership.term().is_some() { "leading" } else { "standing by" };
        return (StatusCode::OK, format!("ok, {role}\n"));
    }
    let mut text = String::from("not ready\n");
    for name in state.missing.iter().filter(|name| !state.troubles.contains_key(*name)) {
        text.push_str(&format!("- {name}: not listed yet\n"));
    }
    for (name, trouble) in &state.troubles {
        text.push_str(&format!("- {name}: {trouble}\n"));
    }
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

async fn metrics(State(ops): State<Ops>) -> impl IntoResponse {
    ops.metrics.observe(ops.depth.load(Ordering::Relaxed), ops.leadership.term().is_some());
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], ops.metrics.text())
}
