//! The journal as it is written: Server-Sent Events, or one line of JSON per entry.
//!
//! A reader costs no memory but the entries it is being sent: they are looked up when it takes them. One that falls behind what
//! the journal keeps is told how many it missed; one that takes nothing at all is cut off.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_server::ConnectionShutdown;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Shared;
use super::news::Following;
use crate::model::Query;

/// Streams at a time.
pub(super) const MOST: usize = 64;
/// Proxies and clients give up on what is silent for longer.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a reader may take nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// Entries looked up at a time: the world is held meanwhile.
const BATCH: usize = 256;
/// Between two notes that something changed.
const PAUSE: Duration = Duration::from_millis(300);

/// How entries are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Events,
    Lines,
}

struct Feed {
    shared: Arc<Shared>,
    query: Query,
    form: Form,
    /// Whether to say that something changed, too.
    changes: bool,
    to: mpsc::Sender<Bytes>,
    _place: OwnedSemaphorePermit,
}

/// Answers GET `/_sim/journal/stream`: with the journal's conditions, `Last-Event-ID`, and `changes=true` for the event
/// `changed` whenever something else than the journal may have changed.
pub(super) fn journal(shared: &Arc<Shared>, parts: &Parts, connection: Option<ConnectionShutdown>) -> Response {
    let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let lines = header("accept").is_some_and(|accept| accept.contains("application/x-ndjson"));
    let form = if lines { Form::Lines } else { Form::Events };
    let (changes, query) = match asked(parts.uri.query().unwrap_or_default(), header("last-event-id")) {
        Ok(asked) => asked,
        Err(mistake) => return refusal(StatusCode::BAD_REQUEST, &mistake),
    };
    let Ok(place) = shared.streams.clone().try_acquire_owned() else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, &format!("{MOST} streams are open already: end one"));
    };
    let mut query = query;
    if query.since.is_none() {
        query.since = Some(shared.world().next_entry() - 1);
    }
    let (to, from) = mpsc::channel(1);
    let feed = Feed { shared: shared.clone(), query, form, changes, to, _place: place };
    tokio::spawn(async move {
        if feed.run().await == End::Stuck {
            tracing::info!("a reader of the journal took nothing for {} s and is cut off", PATIENCE.as_secs());
            connection.iter().for_each(ConnectionShutdown::shutdown);
        }
    });
    let kind = if lines { "application/x-ndjson" } else { "text/event-stream" };
    let chunks = futures_util::stream::unfold(from, |mut from| async {
        from.recv().await.map(|chunk| (Ok::<_, Infallible>(chunk), from))
    });
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Body::from_stream(chunks)).into_response()
}

fn asked(query: &str, last: Option<&str>) -> Result<(bool, Query), String> {
    let own = |name: &str| name == "changes" || name == "limit";
    let pairs = || url::form_urlencoded::parse(query.as_bytes());
    if pairs().any(|(name, _)| name == "limit") {
        return Err("a stream has no 'limit': it ends when its reader goes".into());
    }
    let changes = match pairs().find(|(name, _)| name == "changes").map(|(_, value)| value.into_owned()).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(format!("'changes': '{other}' is neither true nor false")),
    };
    let rest =
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs().filter(|(n, _)| !own(n))).finish();
    let mut query = Query::parse(&rest)?;
    // A client that was interrupted asks the same again, and says in this header how far it got.
    if let Some(last) = last.filter(|last| !last.is_empty()) {
        query.since = Some(last.parse().map_err(|_| "the header Last-Event-ID is no whole number".to_owned())?);
    }
    Ok((changes, query))
}

fn refusal(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({"error": message}).to_string();
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}

/// In a function of its own, since what it waits by must not be held while something is sent.
async fn ended(over: &mut watch::Receiver<bool>) {
    let _ = over.wait_for(|over| *over).await;
}

/// Why a stream ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Its reader went, or the server.
    Over,
    /// Its reader takes nothing.
    Stuck,
}

impl Feed {
    async fn run(mut self) -> End {
        match self.watch().await {
            Err(end) | Ok(end) => end,
        }
    }

    async fn watch(&mut self) -> Result<End, End> {
        let Following { mut written, mut stirred, mut over } = self.shared.news.follow();
        // Lets the head of the answer leave at once.
        self.note("retry: 1000\n: the journal of azure-sim\n\n", "").await?;
        let (mut dirty, mut quiet_until) = (false, Instant::now());
        loop {
            while self.catch_up().await? {}
            if dirty && Instant::now() >= quiet_until {
                (dirty, quiet_until) = (false, Instant::now() + PAUSE);
                self.note("event: changed\ndata: {}\n\n", "").await?;
            }
            tokio::select! {
                _ = written.changed() => {}
                _ = stirred.changed(), if self.changes && !dirty => dirty = true,
                () = sleep_until(quiet_until), if dirty => {}
                () = sleep(KEEP_ALIVE) => self.note(": still here\n\n", "\n").await?,
                () = self.to.closed() => return Ok(End::Over),
                () = ended(&mut over) => {
                    self.note(": the simulator ends\n\n", "").await?;
                    return Ok(End::Over);
                }
            }
        }
    }

    /// Sends the next entries; whether there may be more.
    async fn catch_up(&mut self) -> Result<bool, End> {
        let (text, more) = {
            let query = self.query.clone().limited(BATCH);
            let world = self.shared.world();
            let page = world.journal_page(&query);
            let mut text = String::new();
            if page.missed > 0 {
                let note = serde_json::json!({"missed": page.missed});
                text += &match self.form {
                    Form::Events => format!("event: missed\ndata: {note}\n\n"),
                    Form::Lines => format!("{note}\n"),
                };
            }
            for entry in &page.entries {
                let json = serde_json::to_string(entry).unwrap_or_default();
                text += &match self.form {
                    Form::Events => format!("id: {}\ndata: {json}\n\n", entry.sequence),
                    Form::Lines => format!("{json}\n"),
                };
            }
            self.query.since = Some(page.next);
            (text, page.entries.len() == BATCH)
        };
        self.send(text).await?;
        Ok(more)
    }

    async fn note(&self, event: &'static str, line: &'static str) -> Result<(), End> {
        self.send(if self.form == Form::Events { event } else { line }.to_owned()).await
    }

    async fn send(&self, text: String) -> Result<(), End> {
        if text.is_empty() {
            return Ok(());
        }
        match timeout(PATIENCE, self.to.send(text.into())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Over),
            Err(_) => Err(End::Stuck),
        }
    }
}
