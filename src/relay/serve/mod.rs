//! Connections: how many, and how long each may take.
//!
//! hyper has one timer for the head of a request, which also runs while a kept connection is idle; here a client that is slow
//! to send a head gets seconds, an idle connection outlives that of the proxy in front. So each connection notes what it is
//! doing ([`activity::Activity`]) and its task looks at that now and then; no timer is set for a request.

mod activity;
mod peers;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use activity::{Activity, Watched};
pub use peers::Peers;

/// Bounds of connections and requests.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest time for the head of a request.
    pub head: Duration,
    /// Longest time for head and body.
    pub body: Duration,
    /// Longest time that a kept connection may do nothing. Longer than proxies keep theirs (60 s), so that it is they who
    /// close, and no request meets a closing door.
    pub idle: Duration,
    /// Longest time until the answer. Event Grid gives up after 30 s.
    pub answer: Duration,
    /// Largest head of a request, in bytes; as much is held of each connection, whoever made it.
    pub head_bytes: usize,
    /// Most connections of a door at once.
    pub connections: usize,
    /// Most requests for Event Grid's door under way at once.
    pub requests: usize,
    /// Most of them that show no key and whose body is read all the same: handshakes.
    pub handshakes: usize,
    /// Bytes of all bodies that are held at once.
    pub bodies: usize,
}

impl Default for Limits {
    /// What these let in fits, all of it at once, into the 64 MiB that an injected relay may use: 24 MiB of heads, 16 MiB of bodies.
    /// Event Grid may add ten delivery attributes of 4 KiB each to a head.
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            answer: Duration::from_secs(20),
            head_bytes: 48 * 1024,
            connections: 512,
            requests: 512,
            handshakes: 32,
            bodies: 16 * 1024 * 1024,
        }
    }
}

/// Said, without reading anything, to a connection too many.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 30\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A door: what is served where.
pub struct Door<H> {
    /// Bounds.
    pub limits: Limits,
    /// Turns true when no further connection is taken and the others end after their request.
    pub stop: watch::Receiver<bool>,
    /// Connections that are open.
    pub open: Arc<AtomicUsize>,
    /// Connections of each address, where they are bounded. Behind a gateway all come from one.
    pub peers: Option<Arc<Peers>>,
    /// Answers requests.
    pub handler: H,
}

impl<H, F> Door<H>
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    /// Serves until stopped, and then until the last connection has ended.
    pub async fn serve(mut self, listener: TcpListener) {
        let (alive, mut all_ended) = mpsc::channel::<Infallible>(1);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = self.stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer, alive.clone()),
                // Out of file descriptors, or the peer is gone already.
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
        drop(listener);
        drop(alive);
        let _ = all_ended.recv().await;
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, alive: mpsc::Sender<Infallible>) {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.limits.connections {
            self.open.fetch_sub(1, Ordering::Relaxed);
            let _ = stream.try_write(FULL);
            return;
        }
        let held = self.peers.as_ref().map(|peers| peers.enter(peer.ip()));
        if let Some(None) = held {
            self.open.fetch_sub(1, Ordering::Relaxed);
            let _ = stream.try_write(FULL);
            return;
        }
        let (limits, stop, open, handler) =
            (self.limits, self.stop.clone(), Arc::clone(&self.open), self.handler.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            connection(stream, peer, limits, stop, handler).await;
            open.fetch_sub(1, Ordering::Relaxed);
            drop((held, alive));
        });
    }
}

async fn connection<H, F>(
    stream: TcpStream,
    peer: SocketAddr,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
    handler: H,
) where
    H: Fn(Request<Incoming>, SocketAddr) -> F,
    F: Future<Output = Response<Full<Bytes>>>,
{
    let activity = Arc::new(Activity::default());
    let service = service_fn(|request| {
        activity.serving();
        let (activity, answer) = (Arc::clone(&activity), handler(request, peer));
        async move {
            let response = answer.await;
            activity.idle();
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    // A client that has sent its request and closed its half still gets its answer; and what is under way is not dropped.
    builder.half_close(true).max_buf_size(limits.head_bytes);
    let mut serving = std::pin::pin!(builder.serve_connection(Watched::new(stream, Arc::clone(&activity)), service));
    let mut stopping = false;
    let mut look = std::pin::pin!(sleep_until(Instant::now() + limits.head));
    loop {
        tokio::select! {
            _ = serving.as_mut() => return,
            () = look.as_mut() => match activity.overdue(&limits) {
                true => return,
                false => look.as_mut().reset(Instant::now() + limits.head),
            },
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
