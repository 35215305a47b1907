//! What a filter sees of an event, and how a key finds its value there.

use serde_json::Value;

/// The parts of an event that filters compare. The names are those of Event Grid's schema; keys may use those of CloudEvents.
#[derive(Clone, Copy, Debug)]
pub struct EventFields<'a> {
    /// `id`.
    pub id: &'a str,
    /// `topic`; CloudEvents: `source`.
    pub topic: &'a str,
    /// `subject`; empty where the event has none.
    pub subject: &'a str,
    /// `eventType`; CloudEvents: `type`.
    pub event_type: &'a str,
    /// `dataVersion`.
    pub data_version: &'a str,
    /// `data`.
    pub data: &'a Value,
}

/// Where a filter looks. Names of the envelope are taken in any case, as the documentation itself writes them in several;
/// whether Event Grid does so for members of `data` too is in no source: they are compared exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Id,
    Topic,
    Subject,
    EventType,
    DataVersion,
    SpecVersion,
    /// Members within `data`, outermost first; none is `data` itself. A dot always separates: there is no escape (documented).
    Data(Vec<String>),
    /// A name that no event of a system topic has.
    Unknown,
}

impl Key {
    pub(super) fn parse(text: &str) -> Self {
        let mut parts = text.split('.');
        let first = parts.next().unwrap_or_default().to_ascii_lowercase();
        let rest: Vec<String> = parts.map(str::to_owned).collect();
        match (first.as_str(), rest.is_empty()) {
            ("data", _) => Key::Data(rest),
            ("id" | "eventid", true) => Key::Id,
            ("topic" | "source", true) => Key::Topic,
            ("subject", true) => Key::Subject,
            ("eventtype" | "type", true) => Key::EventType,
            ("dataversion" | "eventtypeversion", true) => Key::DataVersion,
            ("specversion", true) => Key::SpecVersion,
            _ => Key::Unknown,
        }
    }

    pub(super) fn find<'a>(&self, event: &EventFields<'a>) -> Found<'a> {
        match self {
            Key::Id => Found::Text(event.id),
            Key::Topic => Found::Text(event.topic),
            Key::Subject => Found::Text(event.subject),
            Key::EventType => Found::Text(event.event_type),
            Key::DataVersion => Found::Text(event.data_version),
            Key::SpecVersion => Found::Text("1.0"),
            Key::Data(path) => {
                let found = path.iter().try_fold(event.data, |value, name| value.get(name.as_str()));
                found.map_or(Found::Nothing, Found::of)
            }
            Key::Unknown => Found::Nothing,
        }
    }
}

/// What stands at a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found<'a> {
    /// Absent, or null.
    Nothing,
    Text(&'a str),
    /// Every number is a double to Event Grid.
    Number(f64),
    Bool(bool),
    Array(&'a [Value]),
    /// An object: no operator compares it (documented for arrays of them).
    Object,
}

impl<'a> Found<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Found::Nothing,
            Value::Bool(flag) => Found::Bool(*flag),
            Value::Number(number) => number.as_f64().map_or(Found::Nothing, Found::Number),
            Value::String(text) => Found::Text(text),
            Value::Array(list) => Found::Array(list),
            Value::Object(_) => Found::Object,
        }
    }
}
