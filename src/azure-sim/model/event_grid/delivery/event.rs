//! One event, in both schemas.

use acs_wire::filter::EventFields;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::super::json;

/// What somebody wants published.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// Made up when absent.
    pub(crate) id: Option<String>,
    pub(crate) kind: String,
    pub(crate) subject: String,
    pub(crate) data: Value,
    /// RFC 3339; the moment of publishing when absent.
    pub(crate) time: Option<String>,
}

/// The schema a subscription asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    EventGrid,
    CloudEvents,
}

impl Schema {
    pub(super) fn of(properties: &Value) -> Self {
        match json::text(properties, &["eventDeliverySchema"]) {
            Some("CloudEventSchemaV1_0") => Self::CloudEvents,
            _ => Self::EventGrid,
        }
    }
}

/// A published event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) topic: String,
    pub(super) subject: String,
    pub(super) kind: String,
    pub(super) time: String,
    pub(super) data: Value,
    /// Milliseconds since 1970.
    pub(super) published: u64,
}

/// Version of the data of every event of Communication Services.
pub(super) const DATA_VERSION: &str = "1.0";

impl Event {
    /// What filters see of it. Communication Services publishes in Event Grid's schema, whatever a subscription delivers.
    pub(super) fn fields(&self) -> EventFields<'_> {
        EventFields {
            id: &self.id,
            topic: &self.topic,
            subject: &self.subject,
            event_type: &self.kind,
            data_version: DATA_VERSION,
            data: &self.data,
        }
    }

    pub(super) fn envelope(&self, schema: Schema) -> Value {
        match schema {
            Schema::EventGrid => json!({
                "id": self.id, "topic": self.topic, "subject": self.subject, "eventType": self.kind,
                "eventTime": self.time, "data": self.data, "dataVersion": DATA_VERSION, "metadataVersion": "1",
            }),
            Schema::CloudEvents => {
                let mut event = json!({
                    "specversion": "1.0", "id": self.id, "source": self.topic, "type": self.kind, "time": self.time,
                    "data": self.data,
                });
                // An attribute of CloudEvents is never empty.
                if !self.subject.is_empty() {
                    json::put(&mut event, &["subject"], self.subject.clone());
                }
                event
            }
        }
    }

    /// What a dynamic delivery attribute takes from the event: `subject`, `data.to`, with or without a leading `$.`.
    pub(super) fn field(&self, path: &str) -> Option<String> {
        let envelope = self.envelope(Schema::EventGrid);
        let steps: Vec<&str> = path.strip_prefix("$.").unwrap_or(path).split('.').collect();
        match json::at(&envelope, &steps)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }
}
