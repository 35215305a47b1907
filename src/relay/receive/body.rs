//! Bodies, within bounds of size, of time, and of what all of them take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout_at};

use super::Outcome;

/// Room for all bodies that are held at once.
#[derive(Debug)]
pub struct Room {
    used: AtomicUsize,
    size: usize,
}

impl Room {
    /// Room of that many bytes.
    pub fn new(size: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), size })
    }

    fn take(self: &Arc<Self>) -> Taken {
        Taken { room: Arc::clone(self), bytes: 0 }
    }
}

/// A part of the room, given back when dropped.
#[derive(Debug)]
struct Taken {
    room: Arc<Room>,
    bytes: usize,
}

impl Taken {
    fn grow(&mut self, bytes: usize) -> Result<(), Outcome> {
        let before = self.room.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before.saturating_add(bytes) > self.room.size { Err(Outcome::Overloaded) } else { Ok(()) }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A whole body, and the room that it takes.
#[derive(Debug)]
pub struct Whole {
    /// The bytes.
    pub bytes: Bytes,
    _taken: Taken,
}

/// Reads a body.
///
/// # Errors
/// When it is larger than `cap`, does not come by `deadline`, or finds no room.
pub async fn read(body: Incoming, cap: usize, room: &Arc<Room>, deadline: Instant) -> Result<Whole, Outcome> {
    let announced = body.size_hint().lower();
    if announced > u64::try_from(cap).unwrap_or(u64::MAX) {
        return Err(Outcome::TooLarge);
    }
    // Most bodies are there already: the timer is set only for those that are not.
    timeout_at(deadline, collect(body, cap, room)).await.unwrap_or(Err(Outcome::BodyIncomplete))
}

async fn collect(mut body: Incoming, cap: usize, room: &Arc<Room>) -> Result<Whole, Outcome> {
    let mut taken = room.take();
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(0);
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(|_| Outcome::BodyIncomplete)?.into_data() else { continue };
        if taken.bytes + chunk.len() > cap {
            return Err(Outcome::TooLarge);
        }
        taken.grow(chunk.len())?;
        match &first {
            None => first = Some(chunk),
            Some(start) => {
                if rest.is_empty() {
                    rest.reserve(expected.max(start.len() + chunk.len()));
                    rest.extend_from_slice(start);
                }
                rest.extend_from_slice(&chunk);
            }
        }
    }
    let bytes = if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() };
    Ok(Whole { bytes, _taken: taken })
}
