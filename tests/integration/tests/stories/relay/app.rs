//! An app that takes events, and remembers what came.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

/// Ids of events in the order of their arrival, and what is answered.
#[derive(Debug)]
struct Door {
    arrived: Mutex<Vec<String>>,
    answer: Mutex<StatusCode>,
}

/// A running app; it ends with the runtime of its story.
#[derive(Debug)]
pub(super) struct App {
    address: SocketAddr,
    door: Arc<Door>,
}

impl App {
    pub(super) async fn start() -> Result<Self> {
        let door = Arc::new(Door { arrived: Mutex::default(), answer: Mutex::new(StatusCode::OK) });
        let router = Router::new().fallback(take).with_state(door.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, door })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it answers from now on.
    pub(super) fn answer(&self, status: StatusCode) {
        *self.door.answer.lock().unwrap() = status;
    }

    /// Ids of the events that came, in order.
    pub(super) fn arrived(&self) -> Vec<String> {
        self.door.arrived.lock().unwrap().clone()
    }
}

async fn take(State(door): State<Arc<Door>>, headers: HeaderMap, _body: Bytes) -> StatusCode {
    let id = headers.get("ce-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    door.arrived.lock().unwrap().push(id.to_owned());
    *door.answer.lock().unwrap()
}
