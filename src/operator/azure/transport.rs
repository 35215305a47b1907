//! Our HTTP client, as Azure's libraries take one: it makes one exchange and remembers the answer.
//!
//! It is remembered because the identity library loses the status of a refusal that it cannot read: an error page, or a
//! description with an escaped character in it.

use std::sync::{Mutex, PoisonError};

use acs_core::azure::error::AzureError;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use reqwest::Client;
use tokio::time::Instant;

use super::http::{Answer, exchange};

/// One exchange that ends before `deadline`. Only token requests go this way, and those are POSTs.
pub struct OneExchange {
    http: Client,
    deadline: Instant,
    outcome: Mutex<Option<Result<Answer, AzureError>>>,
}

impl std::fmt::Debug for OneExchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OneExchange").finish_non_exhaustive()
    }
}

impl OneExchange {
    pub fn new(http: Client, deadline: Instant) -> Self {
        Self { http, deadline, outcome: Mutex::default() }
    }

    /// What came of it; `None` if nothing was sent.
    pub fn outcome(&self) -> Option<Result<Answer, AzureError>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait::async_trait]
impl HttpClient for OneExchange {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let Body::Bytes(body) = request.body() else {
            return Err(Error::with_message(ErrorKind::Other, "a token request is no stream"));
        };
        let mut sent = self.http.post(request.url().clone()).body(body.clone());
        for (name, value) in request.headers().iter() {
            sent = sent.header(name.as_str(), value.as_str());
        }
        let outcome = exchange(sent, self.deadline).await;
        // The library logs this error; ours holds neither URL nor body.
        let response = match &outcome {
            Ok(answer) => Ok(AsyncRawResponse::from_bytes(answer.status.into(), Headers::new(), answer.body.clone())),
            Err(error) => Err(Error::with_message(ErrorKind::Other, error.message.clone())),
        };
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        response
    }
}
