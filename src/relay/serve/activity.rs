//! What a connection is doing, and since when.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Limits;

/// Phase in the lowest two bits, milliseconds since the start above them: one word, so that both change at once.
#[derive(Debug)]
pub struct Activity {
    start: Instant,
    state: AtomicU64,
}

/// Waiting for, or in the middle of, the head of a request. So begins every connection: who connects has something to say.
const HEAD: u64 = 0;
/// A request is being answered; that has bounds of its own.
const SERVING: u64 = 1;
/// Between two requests.
const IDLE: u64 = 2;

impl Default for Activity {
    fn default() -> Self {
        Self { start: Instant::now(), state: AtomicU64::new(HEAD) }
    }
}

impl Activity {
    fn enter(&self, phase: u64) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX >> 2);
        self.state.store((now << 2) | phase, Ordering::Relaxed);
    }

    /// A head was read whole.
    pub fn serving(&self) {
        self.state.store(SERVING, Ordering::Relaxed);
    }

    /// An answer is ready.
    pub fn idle(&self) {
        self.enter(IDLE);
    }

    /// Bytes came.
    fn received(&self) {
        if self.state.load(Ordering::Relaxed) & 3 == IDLE {
            self.enter(HEAD);
        }
    }

    /// True when the connection has used up its time.
    pub fn overdue(&self, limits: &Limits) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        let since = std::time::Duration::from_millis(state >> 2);
        let limit = match state & 3 {
            HEAD => limits.head,
            IDLE => limits.idle,
            _ => return false,
        };
        self.start.elapsed().saturating_sub(since) >= limit
    }
}

/// A stream that says when bytes come.
pub struct Watched {
    stream: TokioIo<TcpStream>,
    activity: Arc<Activity>,
}

impl Watched {
    /// Wraps a stream.
    pub fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream: TokioIo::new(stream), activity }
    }
}

impl Read for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if answer.is_ready() {
            self.activity.received();
        }
        answer
    }
}

impl Write for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }
}
