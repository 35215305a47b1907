//! Azure Resource Manager.

mod address;
pub(super) mod answer;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as Clock};

use acs_core::azure::call::{Access, ArmCall, ArmReply, ArmResult, Body, Method};
use acs_core::azure::error::{AzureError, Fate};
use acs_core::moment::Timings;
use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::budget::{Budget, CallClass};
use super::cloud::{Cloud, Clouds};
use super::http::{Answer, Clients, exchange, guid};
use super::identity::Identity;
use super::observe::resource_type;
use super::scrub::secrets_of;
use super::unanswered;

pub use super::observe::Observer;

/// Pages of one list. More means that the links lead in circles.
const PAGES: usize = 100;

/// Makes calls to ARM.
pub struct ArmClient {
    http: Clients,
    clouds: Arc<Clouds>,
    identity: Arc<Identity>,
    observer: Arc<dyn Observer>,
    budget: Mutex<Budget>,
    /// For a whole call: token, turn, attempt and second attempt. Who waits out an unknown outcome counts on it.
    limit: Duration,
    /// Where durations are scaled, so is Azure: its buckets refill in the same step.
    permille: u64,
    started: Clock,
}

impl std::fmt::Debug for ArmClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArmClient").field("clouds", &self.clouds.names()).finish_non_exhaustive()
    }
}

/// A call, whatever it is for.
struct Request<'a> {
    access: &'a Access,
    method: Method,
    url: Url,
    body: Option<&'a Body>,
    request_id: String,
}

impl ArmClient {
    /// A client of those clouds, with tokens from `identity`.
    pub fn new(
        http: impl Into<Clients>,
        clouds: Arc<Clouds>,
        identity: Arc<Identity>,
        observer: Arc<dyn Observer>,
        timings: &Timings,
    ) -> Self {
        Self {
            http: http.into(),
            clouds,
            identity,
            observer,
            budget: Mutex::default(),
            limit: Duration::from_millis(timings.request_timeout),
            permille: timings.typical_permille.max(1),
            started: Clock::now(),
        }
    }

    /// Where tokens come from.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// A call that changes nothing: GET, or a POST that lists keys.
    ///
    /// # Errors
    /// Azure's, or that there was no answer.
    pub async fn read(&self, access: &Access, method: Method, path: &str, api_version: &str) -> ArmResult {
        let url = address::resource_url(self.cloud(access)?, path, api_version)?;
        self.perform(Request { access, method, url, body: None, request_id: guid() }).await
    }

    /// All pages of a list, as `{"value": [..]}`.
    ///
    /// # Errors
    /// Those of any page: half a list would look like deletions.
    pub async fn list(&self, access: &Access, path: &str, api_version: &str) -> ArmResult {
        let cloud = self.cloud(access)?;
        let mut url = address::resource_url(cloud, path, api_version)?;
        let mut items = Vec::new();
        for _ in 0..PAGES {
            let request = Request { access, method: Method::Get, url, body: None, request_id: guid() };
            let mut page = self.perform(request).await?.body.0;
            if let Some(Value::Array(values)) = page.get_mut("value").map(Value::take) {
                items.extend(values);
            }
            match page.get("nextLink").and_then(Value::as_str).filter(|link| !link.is_empty()) {
                Some(next) => url = address::trusted_url(cloud, next)?,
                None => {
                    return Ok(ArmReply { status: 200, body: Body(json!({"value": items})), ..ArmReply::default() });
                }
            }
        }
        Err(unanswered("EndlessList", &format!("a list has more than {PAGES} pages"), Fate::NotApplied))
    }

    /// What the URL of an operation says.
    ///
    /// # Errors
    /// `UntrustedUrl` if it is not on the ARM endpoint; Azure's, or that there was no answer.
    pub async fn poll(&self, access: &Access, url: &str) -> ArmResult {
        let url = address::trusted_url(self.cloud(access)?, url)?;
        self.perform(Request { access, method: Method::Get, url, body: None, request_id: guid() }).await
    }

    /// A call that changes something. It is over, one way or the other, within `Timings::request_timeout`.
    ///
    /// # Errors
    /// Azure's, or that there was no answer; its `fate` says whether the call may have had its effect.
    pub async fn send(&self, call: &ArmCall) -> ArmResult {
        let url = address::resource_url(self.cloud(&call.access)?, &call.path, call.api_version)?;
        let request_id = call.request_id.clone();
        self.perform(Request { access: &call.access, method: call.method, url, body: call.body.as_ref(), request_id })
            .await
    }

    fn cloud(&self, access: &Access) -> Result<&Cloud, AzureError> {
        self.clouds.get(&access.cloud).ok_or_else(|| {
            let message = format!("the operator's configuration has no cloud \"{}\"", access.cloud);
            unanswered("CloudNotConfigured", &message, Fate::NotApplied)
        })
    }

    async fn perform(&self, request: Request<'_>) -> ArmResult {
        let deadline = Instant::now() + self.limit;
        let mut second = false;
        loop {
            let token = timeout_at(deadline, self.identity.token(request.access))
                .await
                .map_err(|_| unanswered("EntraUnreachable", "no token came in time", Fate::NotApplied))??;
            self.turn(&request, deadline).await?;
            let answer = self.attempt(&request, &token, deadline).await?;
            if answer.status == 401 && !second {
                // Revoked, or signed with a key that is not trusted any more. Nothing was done, so it can be sent again.
                self.identity.forget_token(request.access, &token);
                second = true;
                continue;
            }
            let mut secrets = request.body.map(|body| secrets_of(&body.0)).unwrap_or_default();
            secrets.push(token.expose_secret().to_owned());
            return answer::read(&answer, &secrets);
        }
    }

    /// Milliseconds of Azure's time.
    fn now(&self) -> u64 {
        self.on_azures_clock(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn on_azures_clock(&self, ms: u64) -> u64 {
        ms.saturating_mul(1000) / self.permille
    }

    fn on_our_clock(&self, ms: u64) -> u64 {
        ms.saturating_mul(self.permille).div_ceil(1000)
    }

    fn budget<T>(&self, access: &Access, with: impl FnOnce(&mut Budget, &str, &str, u64) -> T) -> T {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        with(&mut budget, &access.subscription, &access.client, self.now())
    }

    /// Waits for the call's turn, if that is soon.
    async fn turn(&self, request: &Request<'_>, deadline: Instant) -> Result<(), AzureError> {
        let class = CallClass::of(request.method);
        let taken = self
            .budget(request.access, |budget, subscription, client, now| budget.take(subscription, client, class, now));
        let wait = taken.map_err(|wait| held_back(request.access, class, self.on_our_clock(wait)))?;
        let wait = Duration::from_millis(self.on_our_clock(wait));
        if wait.is_zero() {
            return Ok(());
        }
        tokio::time::sleep_until(deadline.min(Instant::now() + wait)).await;
        // Azure may have asked another for a pause meanwhile.
        match self
            .budget(request.access, |budget, subscription, client, now| budget.closed(subscription, client, class, now))
        {
            0 => Ok(()),
            closed => Err(held_back(request.access, class, self.on_our_clock(closed))),
        }
    }

    async fn attempt(
        &self,
        request: &Request<'_>,
        token: &SecretString,
        deadline: Instant,
    ) -> Result<Answer, AzureError> {
        let started = Clock::now();
        let result = match self.build(request, token) {
            Ok(built) => exchange(built, deadline).await,
            Err(error) => Err(error),
        };
        let (type_, status) = (resource_type(request.url.path()), result.as_ref().map_or(0, |answer| answer.status));
        let method = request.method.name();
        self.observer.call(method, &type_, status, started.elapsed().as_secs_f64());
        let code = result.as_ref().err().map_or("", |error| error.code.as_str());
        tracing::debug!(method, resource_type = type_, status, code, request_id = request.request_id, "call to ARM");
        if let Ok(answer) = &result {
            self.learn(request, answer);
        }
        result
    }

    fn build(&self, request: &Request<'_>, token: &SecretString) -> Result<RequestBuilder, AzureError> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| unanswered("EntraUnreachable", "the token is no text for a header", Fate::NotApplied))?;
        bearer.set_sensitive(true);
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Post => reqwest::Method::POST,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut built = self
            .http
            .of(&request.access.cloud)
            .request(method, request.url.clone())
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/json")
            .header("x-ms-client-request-id", &request.request_id)
            .header("x-ms-correlation-request-id", &request.request_id)
            .header("x-ms-return-client-request-id", "true");
        match request.body {
            Some(body) => built = built.json(&body.0),
            // Without it ARM's front end answers 411.
            None if request.method != Method::Get => built = built.header(CONTENT_LENGTH, "0"),
            None => {}
        }
        Ok(built)
    }

    fn learn(&self, request: &Request<'_>, answer: &Answer) {
        let class = CallClass::of(request.method);
        self.budget(request.access, |budget, subscription, client, now| {
            for (class, left) in answer::remaining(&answer.headers) {
                budget.remaining(subscription, client, class, left, now);
            }
            if answer.status == 429
                && let Some(pause) = answer::retry_after(&answer.headers)
            {
                budget.close(subscription, client, class, self.on_azures_clock(pause), now);
            }
        });
    }
}

/// The answer that Azure would give, without asking it. The message holds no number: it goes into statuses, which must not
/// change with every pass.
fn held_back(access: &Access, class: CallClass, wait: u64) -> AzureError {
    let message = format!(
        "{} of subscription {} are throttled; the call was held back here until Azure takes them again",
        class.name(),
        access.subscription
    );
    AzureError {
        status: Some(429),
        retry_after: Some(wait),
        ..unanswered("TooManyRequests", &message, Fate::NotApplied)
    }
}
