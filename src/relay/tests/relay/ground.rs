//! A relay with its files, a target and a client.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use acs_relay::config::Folders;
use acs_relay::connect::{Origin, Pool};
use acs_relay::run::Relay;
use acs_relay::serve::Limits;
use acs_wire::relay::report::RelayReport;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub const KEY: &str = "0123456789abcdef0123456789abcdef";
pub const NEXT_KEY: &str = "fedcba9876543210fedcba9876543210";
pub const SUBSCRIPTION: &str = "shop-events";
pub const PATH: &str = "/v1/events/shop-events";
/// Only so long that a test that fails does end.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until it holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Sends one request on a connection of its own.
pub async fn send(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let (origin, _) = Origin::parse(&format!("http://{to}"), None).unwrap();
    let body = body.into();
    let mut request = Request::builder().method(method).uri(path).header("host", to.to_string());
    request = request.header("content-length", body.len());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = Pool::new(origin).send(request.body(Full::new(body)).unwrap(), 1 << 20).await.unwrap();
    let (head, body) = answer.into_parts();
    Reply { status: head.status.as_u16(), headers: head.headers, body }
}

#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
}

impl From<u16> for Answer {
    fn from(status: u16) -> Self {
        Answer { status, headers: Vec::new() }
    }
}

struct Behaviour {
    /// Answers for the next requests; then `rest`.
    next: Mutex<std::collections::VecDeque<Answer>>,
    rest: Mutex<Answer>,
    held: watch::Sender<bool>,
    received: Mutex<Vec<Received>>,
    under_way: AtomicUsize,
}

/// A server that remembers what it got.
pub struct Target {
    pub address: SocketAddr,
    behaviour: Arc<Behaviour>,
    task: JoinHandle<()>,
}

impl Target {
    pub async fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub fn listen(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let behaviour = Arc::new(Behaviour {
            next: Mutex::default(),
            rest: Mutex::new(200.into()),
            held: watch::channel(false).0,
            received: Mutex::default(),
            under_way: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&behaviour);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(|request| answer(Arc::clone(&shared), request));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, behaviour, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    pub fn answers(&self, rest: impl Into<Answer>) {
        *self.behaviour.rest.lock().unwrap() = rest.into();
    }

    pub fn answers_once(&self, answer: impl Into<Answer>) {
        self.behaviour.next.lock().unwrap().push_back(answer.into());
    }

    /// While held, requests are received and not answered.
    pub fn hold(&self, held: bool) {
        self.behaviour.held.send_replace(held);
    }

    pub fn received(&self) -> Vec<Received> {
        self.behaviour.received.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.behaviour.received.lock().unwrap().len()
    }

    pub fn under_way(&self) -> usize {
        self.behaviour.under_way.load(Ordering::SeqCst)
    }

    pub fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(behaviour: Arc<Behaviour>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path = head.uri.path_and_query().unwrap().to_string();
    behaviour.received.lock().unwrap().push(Received { path, headers: head.headers, body });
    behaviour.under_way.fetch_add(1, Ordering::SeqCst);
    let _ = behaviour.held.subscribe().wait_for(|held| !*held).await;
    behaviour.under_way.fetch_sub(1, Ordering::SeqCst);
    let next = behaviour.next.lock().unwrap().pop_front();
    let answer = next.unwrap_or_else(|| behaviour.rest.lock().unwrap().clone());
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(Bytes::from_static(b"answer"))).unwrap())
}

pub fn route(name: &str, url: &str) -> Value {
    json!({"name": name, "filter": {"eventTypes": [], "subject": {}}, "url": url, "encoding": "Binary", "timeoutSeconds": 20})
}

pub fn config(routes: &[Value]) -> Value {
    json!({"format": 1, "relay": "shop", "namespace": "team", "revision": "r1", "subscriptions": [{"name": SUBSCRIPTION}],
           "routes": routes})
}

/// A relay that runs in this process.
pub struct Ground {
    pub folder: TempDir,
    pub relay: Option<Relay>,
    pub events: SocketAddr,
    pub local: SocketAddr,
    pub ops: SocketAddr,
}

pub fn folders(folder: &Path) -> Folders {
    Folders { config: folder.join("config"), delivery: folder.join("delivery"), push: folder.join("push") }
}

pub fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

impl Ground {
    pub async fn empty(limits: Limits) -> Self {
        Self::start(tempfile::tempdir().unwrap(), limits).await
    }

    pub async fn with(config: &Value) -> Self {
        Self::with_limits(config, Limits::default()).await
    }

    pub async fn with_limits(config: &Value, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "config/relay.json", &config.to_string());
        write(folder.path(), "delivery/current", KEY);
        Self::start(folder, limits).await
    }

    async fn start(folder: TempDir, limits: Limits) -> Self {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let relay = Relay::start([any; 3], folders(folder.path()), limits).await.unwrap();
        let [events, local, ops] = relay.addresses;
        Self { folder, relay: Some(relay), events, local, ops }
    }

    pub fn relay(&self) -> &Relay {
        self.relay.as_ref().unwrap()
    }

    pub fn write(&self, file: &str, text: &str) {
        write(self.folder.path(), file, text);
    }

    /// Delivers as Event Grid does.
    pub async fn deliver(&self, body: impl Into<Bytes>) -> Reply {
        let headers =
            [("acs-relay-key", KEY), ("aeg-event-type", "Notification"), ("aeg-subscription-name", "SHOP-EVENTS")];
        send(self.events, "POST", PATH, &headers, body).await
    }

    pub async fn report(&self) -> RelayReport {
        serde_json::from_value(send(self.ops, "GET", "/v1/report", &[], "").await.json()).unwrap()
    }

    pub async fn metric(&self, line: &str) -> f64 {
        let text = send(self.ops, "GET", "/metrics", &[], "").await;
        let text = String::from_utf8(text.body.to_vec()).unwrap();
        let value = text.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or(0.0)
    }
}

/// A CloudEvent.
pub fn event(id: &str, subject: &str) -> String {
    json!({"specversion": "1.0", "id": id, "source": "/subscriptions/s/Shop", "type": "Microsoft.Communication.SMSReceived",
           "subject": subject, "time": "2026-01-01T00:00:00Z", "data": {"message": id}})
    .to_string()
}

/// Some CloudEvents in one request.
pub fn batch(events: &[String]) -> String {
    format!("[{}]", events.join(","))
}
