//! Whom events go to, and whom the simulator cannot reach.

use serde_json::Value;

use super::super::super::config::Config;
use super::super::super::json;
use super::super::destination;

/// Where the events of a subscription go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// By POST, to this URL.
    WebHook(String),
    Queue(StorageQueue),
    /// Not delivered, and why. Events wait until their time to live is over; then they are dropped, and not dead-lettered:
    /// a dead letter would say that Azure had failed to deliver.
    OutOfReach(String),
}

/// A queue of a storage account that exists for real.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StorageQueue {
    pub(super) account: String,
    pub(super) endpoint: String,
    pub(super) name: String,
    /// Seconds that a message waits to be read; -1 is for ever. Seven days when absent (documented).
    pub(super) time_to_live: Option<i64>,
}

impl Target {
    pub(super) fn of(config: &Config, properties: &Value) -> Self {
        if let Some(url) = destination::webhook(properties) {
            return Self::WebHook(url.to_owned());
        }
        let kind = endpoint_type(properties);
        if !kind.eq_ignore_ascii_case("StorageQueue") {
            return Self::OutOfReach(format!(
                "not delivered: the simulator reaches webhooks and storage queues, not destinations of type {kind}; their \
                 events wait until their time to live is over, and are dropped then"
            ));
        }
        queue(config, properties).map_or_else(|| Self::OutOfReach(unknown_account(properties)), Self::Queue)
    }

    /// Why it takes nothing, if it does not.
    pub(super) fn note(&self) -> Option<&str> {
        match self {
            Self::OutOfReach(why) => Some(why),
            Self::WebHook(_) | Self::Queue(_) => None,
        }
    }
}

fn queue(config: &Config, properties: &Value) -> Option<StorageQueue> {
    let queue = json::at(destination::of(properties)?, &["properties"])?;
    let account = config.storage_account(json::text(queue, &["resourceId"])?)?;
    Some(StorageQueue {
        account: account.name.clone(),
        endpoint: account.queue_endpoint.clone()?,
        name: json::text(queue, &["queueName"])?.to_owned(),
        time_to_live: json::at(queue, &["queueMessageTimeToLiveInSeconds"]).and_then(Value::as_i64),
    })
}

fn unknown_account(properties: &Value) -> String {
    let id = destination::of(properties).and_then(|d| json::text(d, &["properties", "resourceId"])).unwrap_or_default();
    format!(
        "not delivered: the simulator was started without --storage for the account of '{id}'; its events wait until their \
         time to live is over, and are dropped then"
    )
}

pub(super) fn endpoint_type(properties: &Value) -> String {
    destination::of(properties).and_then(|d| json::text(d, &["endpointType"])).unwrap_or_default().to_owned()
}
