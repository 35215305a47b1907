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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Bytes of the envelope, about: what keeping it costs.
    pub(super) size: usize,
}

impl Event {
    /// Version of its data: of events of Communication Services, and of Microsoft.Resources (both documented).
    pub(super) fn data_version(&self) -> &'static str {
        if self.kind.starts_with("Microsoft.Resources.") { "2" } else { "1.0" }
    }

    /// What filters see of it. Communication Services publishes in Event Grid's schema, whatever a subscription delivers.
    pub(super) fn fields(&self) -> EventFields<'_> {
        EventFields {
            id: &self.id,
            topic: &self.topic,
            subject: &self.subject,
            event_type: &self.kind,
            data_version: self.data_version(),
            data: &self.data,
        }
    }

    pub(super) fn envelope(&self, schema: Schema) -> Value {
        match schema {
            Schema::EventGrid => json!({
                "id": self.id, "topic": self.topic, "subject": self.subject, "eventType": self.kind,
                "eventTime": self.time, "data": self.data, "dataVersion": self.data_version(), "metadataVersion": "1",
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

    /// What a dynamic delivery attribute takes from the event, by JSONPath as far as it names one value: `subject`,
    /// `$.data.to`, `data['to']`, `data.list[0]`. Texts, numbers and booleans only (documented).
    pub(super) fn field(&self, path: &str) -> Option<String> {
        let envelope = self.envelope(Schema::EventGrid);
        let mut value = &envelope;
        for step in steps(path)? {
            value = match step {
                Step::Member(name) => value.get(name)?,
                Step::Element(index) => value.get(index)?,
            };
        }
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Member(&'a str),
    Element(usize),
}

/// `None` for a path that names no single value.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (index, after) = inside.split_once(']')?;
            let quoted = ['\'', '"'].iter().find_map(|quote| index.strip_prefix(*quote)?.strip_suffix(*quote));
            steps.push(match quoted {
                Some(name) => Step::Member(name),
                None => Step::Element(index.parse().ok()?),
            });
            rest = after;
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if name.is_empty() {
                return None;
            }
            steps.push(Step::Member(name));
            rest = after;
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_value_or_none() {
        let event = Event {
            id: "1".into(),
            topic: "/t".into(),
            subject: "/s".into(),
            kind: "A.B".into(),
            time: "2026-01-01T00:00:00Z".into(),
            data: json!({"to": "+1", "n": 2.5, "on": true, "list": [{"a.b": "deep"}, "x"], "none": null}),
            published: 0,
            size: 0,
        };
        let cases = [
            ("subject", Some("/s")),
            ("$.data.to", Some("+1")),
            ("data['to']", Some("+1")),
            ("$['data'][\"n\"]", Some("2.5")),
            ("data.on", Some("true")),
            ("data.list[1]", Some("x")),
            ("data.list[0]['a.b']", Some("deep")),
            ("data.list", None),
            ("data.list[2]", None),
            ("data.list[*]", None),
            ("data.none", None),
            ("data..to", None),
            ("data.", None),
            ("$", None),
            ("data[", None),
        ];
        for (path, expected) in cases {
            assert_eq!(event.field(path).as_deref(), expected, "{path}");
        }
    }
}
