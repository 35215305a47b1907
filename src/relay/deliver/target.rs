//! A route: whom it serves, and how an event is sent there.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use acs_wire::filter::EventFilter;
use acs_wire::relay::config::{self, Encoding};
use http::{HeaderValue, Uri};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::{Failure, encode};
use crate::connect::{Origin, Pool};
use crate::receive::envelope::Event;
use crate::state::State;

/// Most requests to a target at once.
const AT_ONCE: usize = 64;
/// Most that wait for one of those. More than these would only wait in vain.
const WAITING: usize = 256;
/// What is read of a target's answer; more than that costs the connection.
const ANSWER: usize = 64 * 1024;

/// A route in force.
pub struct Route {
    /// Its name.
    pub name: String,
    /// Which events it wants.
    pub filter: EventFilter,
    encoding: Encoding,
    timeout: Duration,
    path: Uri,
    pool: Pool,
    permits: Semaphore,
    waiting: AtomicUsize,
}

impl Route {
    /// Checks a route.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn compile(route: &config::Route) -> Result<Self, String> {
        if !(1..=20).contains(&route.timeout_seconds) {
            return Err(format!("timeoutSeconds: {} is not 1 to 20", route.timeout_seconds));
        }
        let (origin, url) = Origin::parse(&route.url, None).map_err(|why| format!("url \"{}\": {why}", route.url))?;
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let path = path.parse().map_err(|_| format!("url \"{}\": its path is none", route.url))?;
        Ok(Self {
            name: route.name.clone(),
            filter: route.filter.clone(),
            encoding: route.encoding,
            timeout: Duration::from_secs(route.timeout_seconds.into()),
            path,
            pool: Pool::new(origin),
            permits: Semaphore::new(AT_ONCE),
            waiting: AtomicUsize::new(0),
        })
    }

    /// Sends an event; only 2xx means that it was taken. A redirect is not followed: it would carry the event elsewhere.
    ///
    /// # Errors
    /// When it was not taken.
    pub async fn send(
        &self,
        state: &State,
        event: &Event,
        attempt: Option<&HeaderValue>,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let start = Instant::now();
        let deadline = deadline.min(start + self.timeout);
        let (result, word) = match timeout_at(deadline, self.exchange(event, attempt)).await {
            Ok(done) => done,
            Err(_) => (Err(Failure::TimedOut), "timed_out"),
        };
        state.metrics.delivered(&self.name, word, start.elapsed());
        let about = || format!("route {}", self.name);
        match result {
            Ok(()) => state.clear_trouble(about),
            Err(failure) => {
                tracing::debug!(
                    route = self.name,
                    id = event.id,
                    event_type = event.event_type,
                    ?failure,
                    word,
                    "not taken"
                );
                state.note_trouble(&about(), format!("the last event was not taken: {word}"));
            }
        }
        result
    }

    async fn exchange(&self, event: &Event, attempt: Option<&HeaderValue>) -> (Result<(), Failure>, &'static str) {
        let _permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => match self.wait().await {
                Some(permit) => permit,
                None => return (Err(Failure::Overloaded), "overloaded"),
            },
        };
        let request = encode::request(&self.path, &self.pool.origin().authority, self.encoding, event, attempt);
        match self.pool.send(request, ANSWER).await {
            Ok(answer) if answer.status().is_success() => (Ok(()), "delivered"),
            Ok(answer) => (Err(Failure::Refused), class(answer.status().as_u16())),
            Err(crate::connect::Failed::NotSent(_)) => (Err(Failure::Refused), "no_connection"),
            Err(crate::connect::Failed::NoAnswer(_)) => (Err(Failure::Refused), "no_answer"),
        }
    }

    async fn wait(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        struct Waiter<'a>(&'a AtomicUsize);
        impl Drop for Waiter<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiter = Waiter(&self.waiting);
        if before >= WAITING { None } else { self.permits.acquire().await.ok() }
    }
}

/// Word for a status in metrics.
fn class(status: u16) -> &'static str {
    match status {
        300..400 => "redirected",
        429 | 503 => "told_to_wait",
        400..500 => "refused",
        _ => "failed",
    }
}
