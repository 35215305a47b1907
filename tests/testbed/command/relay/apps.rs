//! The sample app and what stands behind its relay, asked past the relay what they have seen.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

/// Places that one SMS has to reach: the app's own, and two services behind it.
pub(crate) const PLACES: [&str; 3] = ["database", "work-items", "mail"];

/// Where the apps are reached from here.
#[derive(Clone, Debug)]
pub(crate) struct Apps {
    /// The app beside the relay.
    pub(crate) app: String,
    /// The app behind the Services.
    pub(crate) back_office: String,
    http: reqwest::Client,
}

impl Apps {
    /// Two URLs, without a slash at the end.
    pub(crate) fn new(app: &str, back_office: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        Ok(Self { app: app.to_owned(), back_office: back_office.to_owned(), http })
    }

    /// How often each event came to a place, by id. An app that is down has seen nothing.
    pub(crate) async fn seen(&self, place: &str) -> BTreeMap<String, u64> {
        let base = if place == "database" { &self.app } else { &self.back_office };
        let seen = async { self.http.get(format!("{base}/seen")).send().await?.json::<Value>().await };
        let Ok(seen) = seen.await else { return BTreeMap::new() };
        let events = seen.get(place).and_then(Value::as_object).cloned().unwrap_or_default();
        let times = |event: &Value| event.get("times").and_then(Value::as_u64).unwrap_or_default();
        events.iter().map(|(id, event)| (id.clone(), times(event))).collect()
    }

    /// Places that have not seen the event.
    pub(crate) async fn missing(&self, id: &str) -> Vec<&'static str> {
        let mut missing = Vec::new();
        for place in PLACES {
            if !self.seen(place).await.contains_key(id) {
                missing.push(place);
            }
        }
        missing
    }

    /// Whether the app answers.
    pub(crate) async fn is_up(&self) -> bool {
        let answer = self.http.get(format!("{}/healthz", self.app)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Asks the app to push: status and answer of its relay.
    pub(crate) async fn push(&self, push: &Value) -> Result<(u16, Value)> {
        let answer = self.http.post(format!("{}/push", self.app)).json(push).send().await.context("asking the app")?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await.unwrap_or_default()))
    }
}
