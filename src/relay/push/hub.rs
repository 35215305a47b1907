//! A hub: how a push is sent to it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use acs_wire::relay::config::Platform;
use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout_at};

use super::access::Access;
use super::answer::Refusal;
use super::sas;
use crate::config::PushTo;
use crate::connect::{Failed, Origin, Pool};
use crate::state::State;

/// Version of the data plane's API that documents Direct Send.
const API_VERSION: &str = "2015-04";
/// How long a token is good for.
const TOKEN_LIFE: i64 = 3600;
/// How long before its end it is renewed: clocks differ.
const RENEW_BEFORE: i64 = 600;
/// Longest wait for one answer.
const ONE_ANSWER: Duration = Duration::from_secs(8);
/// What is read of an answer.
const ANSWER: usize = 64 * 1024;

const FORMAT: HeaderName = HeaderName::from_static("servicebusnotification-format");
const DEVICE_HANDLE: HeaderName = HeaderName::from_static("servicebusnotification-devicehandle");
const TAGS: HeaderName = HeaderName::from_static("servicebusnotification-tags");
const TRACKING_ID: HeaderName = HeaderName::from_static("trackingid");
const VERSION: HeaderName = HeaderName::from_static("x-ms-version");

/// Whom a push is for. One or the other: an ordinary send without tags would go to every device.
#[derive(Clone, Debug)]
pub enum Addressee {
    /// One device. The value is marked sensitive.
    Device(HeaderValue),
    /// Installations with a tag.
    Tag(HeaderValue),
}

/// A push, checked.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its platform.
    pub platform: Platform,
    /// Whom it is for.
    pub addressee: Addressee,
    /// What the platform gets.
    pub payload: Bytes,
    /// The platform's own headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// True when the platform shows it once, however often it is sent.
    pub repeatable: bool,
}

/// A hub and the policy to send to it.
pub struct Hub {
    access: Access,
    direct: Uri,
    tagged: Uri,
    host: HeaderValue,
    pool: Pool,
    token: Mutex<Option<(HeaderValue, i64)>>,
}

impl Hub {
    /// Prepares for a hub.
    ///
    /// # Errors
    /// Says what is wrong with its names.
    pub fn new(access: Access, push: &PushTo) -> Result<Self, String> {
        let origin = match &push.endpoint {
            Some(origin) => origin.clone(),
            None => Origin::parse(&format!("https://{}", access.host), push.ca_bundle.as_deref())?.0,
        };
        let path = |query: &str| format!("/{}/messages/?{query}", access.hub).parse::<Uri>();
        let unusable = |_| "hubName makes no path".to_owned();
        Ok(Self {
            // Without `direct` the hub would take a push for one device as one for all.
            direct: path(&format!("direct&api-version={API_VERSION}")).map_err(unusable)?,
            tagged: path(&format!("api-version={API_VERSION}")).map_err(unusable)?,
            host: HeaderValue::from_str(&access.host).map_err(|_| "Endpoint makes no header".to_owned())?,
            pool: Pool::new(origin),
            token: Mutex::new(None),
            access,
        })
    }

    /// Sends until queued, refused, or too late.
    async fn send(&self, message: &Message, tracking_id: &str, deadline: Instant) -> Result<(), Refusal> {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(8))
            .with_max_times(3)
            .with_jitter();
        let attempts = (|| self.attempt(message, tracking_id))
            .retry(backoff)
            .when(|refusal: &Refusal| refusal.is_worth_a_retry(message.repeatable))
            // The hub's own wish counts, but not one that outlasts the deadline.
            .adjust(|refusal, wait| {
                let wait = refusal.retry_after().map(|seconds| Duration::from_secs(seconds.into())).or(wait)?;
                (Instant::now() + wait < deadline).then_some(wait)
            });
        timeout_at(deadline, attempts).await.unwrap_or(Err(Refusal::NoAnswer))
    }

    async fn attempt(&self, message: &Message, tracking_id: &str) -> Result<(), Refusal> {
        let request = self.request(message, tracking_id).ok_or(Refusal::NotConfigured)?;
        let limit = Instant::now() + ONE_ANSWER;
        let answer = match timeout_at(limit, self.pool.send(request, ANSWER)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(Failed::NotSent(why))) => {
                tracing::debug!(why, "hub not reached");
                return Err(Refusal::Unreachable);
            }
            Ok(Err(Failed::NoAnswer(_))) | Err(_) => return Err(Refusal::NoAnswer),
        };
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Refusal::of(answer.status(), retry_after).map_or(Ok(()), Err)
    }

    fn request(&self, message: &Message, tracking_id: &str) -> Option<Request<Full<Bytes>>> {
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(HOST, self.host.clone());
        headers.insert(AUTHORIZATION, self.authorization()?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(message.payload.len()));
        headers.insert(FORMAT, HeaderValue::from_static(message.platform.format()));
        headers.insert(VERSION, HeaderValue::from_static(API_VERSION));
        headers.insert(TRACKING_ID, HeaderValue::from_str(tracking_id).ok()?);
        for (name, value) in &message.headers {
            headers.insert(name.clone(), value.clone());
        }
        let uri = match &message.addressee {
            Addressee::Device(handle) => {
                headers.insert(DEVICE_HANDLE, handle.clone());
                &self.direct
            }
            Addressee::Tag(tag) => {
                headers.insert(TAGS, tag.clone());
                &self.tagged
            }
        };
        let mut request = Request::new(Full::new(message.payload.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        Some(request)
    }

    /// One token for the whole hub, kept while it is good.
    fn authorization(&self) -> Option<HeaderValue> {
        let now = seconds_now();
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((value, _)) = token.as_ref().filter(|(_, end)| now + RENEW_BEFORE < *end) {
            return Some(value.clone());
        }
        let end = now + TOKEN_LIFE;
        let resource = format!("https://{}/{}", self.access.host, self.access.hub);
        let text: SecretString = sas::token(&resource, &self.access.key_name, &self.access.key, end);
        let mut value = HeaderValue::from_str(text.expose_secret()).ok()?;
        value.set_sensitive(true);
        *token = Some((value.clone(), end));
        Some(value)
    }

    fn forget_token(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A push that the hub queued.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Name of the send, ours: the hub's own exists on its dearest tier only.
    pub tracking_id: String,
}

/// Sends a push to the hub in force. A key that is not accepted may have been rotated: the files are read again, once.
///
/// # Errors
/// When the hub did not queue it; with the tracking id.
pub async fn send(state: &State, message: &Message, deadline: Instant) -> Result<Queued, (Refusal, String)> {
    let tracking_id = tracking_id();
    let hub = state.snapshot().hub.clone().ok_or((Refusal::NotConfigured, tracking_id.clone()))?;
    let mut result = hub.send(message, &tracking_id, deadline).await;
    if result == Err(Refusal::Unauthorized) {
        state.reload();
        if let Some(hub) = state.snapshot().hub.clone() {
            hub.forget_token();
            result = hub.send(message, &tracking_id, deadline).await;
        }
    }
    match result {
        Ok(()) => {
            state.clear_trouble(|| "push".to_owned());
            Ok(Queued { tracking_id })
        }
        Err(refusal) => {
            // Of what fails with every push, the trouble below tells once a minute.
            tracing::debug!(
                tracking_id,
                refusal = refusal.label(),
                platform = message.platform.format(),
                "push not queued"
            );
            // A malformed push is the sender's trouble, not the relay's.
            if !matches!(refusal, Refusal::Malformed | Refusal::TooLarge | Refusal::NotConfigured) {
                state.note_trouble("push", refusal.meaning().to_owned());
            }
            Err((refusal, tracking_id))
        }
    }
}

/// Seconds since 1970.
pub fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A random UUID, version 4.
fn tracking_id() -> String {
    let random: u128 = rand::random();
    let bits = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
