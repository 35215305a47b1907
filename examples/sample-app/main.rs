//! The app beside a relay, as small as one can be: it takes CloudEvents by HTTP, remembers them by id, and asks the relay to push.
//! It knows nothing of Azure and holds no key.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Parser;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

/// Takes events under /events/PLACE and shows them under /seen.
#[derive(Parser)]
#[command(name = "sample-app", version)]
struct Options {
    /// Where to listen.
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// The relay's door for apps.
    #[arg(long, env = "ACS_RELAY_URL", default_value = "http://127.0.0.1:8471")]
    relay: String,
}

/// Events of one place by id: how often each came, and what it was. A real app would keep the ids too: an event can come twice.
type Events = BTreeMap<String, (u32, Value)>;

/// What was taken, by place.
#[derive(Default)]
struct Seen(Mutex<BTreeMap<String, Events>>);

/// Events kept for each place; the oldest ids in order of the alphabet go first.
const KEPT: usize = 100_000;

#[derive(Clone)]
struct App {
    seen: Arc<Seen>,
    relay: Arc<str>,
    http: reqwest::Client,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // The client can speak TLS and prepares for it, though it only ever speaks to loopback: nobody has to be trusted for that.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
    let app = App { seen: Arc::default(), relay: options.relay.into(), http };
    let router = Router::new()
        .route("/events/{place}", post(take))
        .route("/seen", get(show))
        .route("/push", post(push))
        .route("/healthz", get(|| async { "ok" }))
        .layer(DefaultBodyLimit::max(2 * 1024 * 1024))
        .with_state(app);
    let listener = tokio::net::TcpListener::bind(options.listen).await?;
    eprintln!("listening on {}", listener.local_addr()?);
    let mut term = signal(SignalKind::terminate())?;
    axum::serve(listener, router).with_graceful_shutdown(async move { _ = term.recv().await }).await?;
    eprintln!("ended");
    Ok(())
}

/// An event in binary form: attributes in headers, `data` as the body. 2xx means that it is safe here.
async fn take(State(app): State<App>, Path(place): Path<String>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(id) = headers.get("ce-id").and_then(|id| id.to_str().ok()) else { return StatusCode::BAD_REQUEST };
    let Ok(data) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST };
    let event_type = headers.get("ce-type").and_then(|name| name.to_str().ok()).unwrap_or_default();
    let mut seen = app.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
    let events = seen.entry(place).or_default();
    if events.len() >= KEPT {
        events.pop_first();
    }
    let (times, event) = events.entry(id.to_owned()).or_default();
    *times += 1;
    *event = json!({"type": event_type, "data": data});
    StatusCode::NO_CONTENT
}

/// By place and event id: how often it came, and what it was.
async fn show(State(app): State<App>) -> Json<Value> {
    let seen = app.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
    let place = |events: &Events| {
        let event =
            |(id, (times, event)): (&String, &(u32, Value))| (id.clone(), json!({"times": times, "event": event}));
        Value::Object(events.iter().map(event).collect())
    };
    Json(Value::Object(seen.iter().map(|(name, events)| (name.clone(), place(events))).collect()))
}

/// Hands a push to the relay as it is, and its answer back.
async fn push(State(app): State<App>, Json(push): Json<Value>) -> Response {
    let sent = app.http.post(format!("{}/v1/push/direct", app.relay)).json(&push).send().await;
    match sent {
        Ok(answer) => {
            let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, Json(answer.json::<Value>().await.unwrap_or_default())).into_response()
        }
        Err(error) => {
            (StatusCode::BAD_GATEWAY, Json(json!({"error": error.without_url().to_string()}))).into_response()
        }
    }
}
