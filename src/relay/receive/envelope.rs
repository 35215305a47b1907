//! Events as they arrive, in either schema, object or array: decided by the first token, never by content type. `data` is not
//! parsed: it stays the very bytes that were received.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Longest attribute, in bytes.
pub const MAX_ATTRIBUTE: usize = 4096;
/// Most extension attributes that are kept.
const MAX_EXTENSIONS: usize = 32;
/// Most events in a request: what Event Grid allows.
pub const MAX_EVENTS: usize = 5000;

/// What an event carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Nothing.
    None,
    /// JSON, equal to the byte.
    Json(Bytes),
    /// Bytes, as the JSON text (with its quotes) that holds their base64.
    Base64(Bytes),
}

/// An event, in the words of CloudEvents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Where it comes from; `topic` in the Event Grid schema.
    pub source: String,
    /// Its type.
    pub event_type: String,
    /// What it is about.
    pub subject: Option<String>,
    /// When, as it was written.
    pub time: Option<String>,
    /// What it carries.
    pub data: Payload,
    /// Content type of the data.
    pub content_type: Option<String>,
    /// Schema of the data.
    pub schema: Option<String>,
    /// Further attributes: name, and value as JSON.
    pub extensions: Vec<(String, Bytes)>,
}

/// Not an event, or none that could ever be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// All events of a request.
///
/// # Errors
/// When there is none, or one is malformed.
pub fn parse(body: &Bytes) -> Result<Vec<Event>, Malformed> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let parsed: Vec<Parsed<'_>> = match first {
        Some(b'{') => vec![serde_json::from_slice(body).map_err(|_| Malformed)?],
        Some(b'[') => serde_json::from_slice::<Batch<'_>>(body).map_err(|_| Malformed)?.0,
        _ => return Err(Malformed),
    };
    if parsed.is_empty() {
        return Err(Malformed);
    }
    parsed.into_iter().map(|event| event.complete(body)).collect()
}

/// Counted while it is read: two megabytes of `{},` would otherwise take a hundred times their size first.
struct Batch<'a>(Vec<Parsed<'a>>);

impl<'de> Deserialize<'de> for Batch<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Events;
        impl<'de> Visitor<'de> for Events {
            type Value = Batch<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("events")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
                let mut events = Vec::new();
                while let Some(event) = sequence.next_element()? {
                    if events.len() == MAX_EVENTS {
                        return Err(A::Error::custom("too many"));
                    }
                    events.push(event);
                }
                Ok(Batch(events))
            }
        }
        deserializer.deserialize_seq(Events)
    }
}

/// Members as they stand there.
#[derive(Default)]
struct Parsed<'a> {
    specversion: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    source: Option<Cow<'a, str>>,
    topic: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    event_type: Option<Cow<'a, str>>,
    subject: Option<Cow<'a, str>>,
    time: Option<Cow<'a, str>>,
    event_time: Option<Cow<'a, str>>,
    content_type: Option<Cow<'a, str>>,
    schema: Option<Cow<'a, str>>,
    data_version: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
    data_base64: Option<&'a RawValue>,
    extensions: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl Parsed<'_> {
    fn complete(self, body: &Bytes) -> Result<Event, Malformed> {
        let cloud_events = match &self.specversion {
            Some(version) if version.starts_with("1.") => true,
            Some(_) => return Err(Malformed),
            None => false,
        };
        let raw = |value: &RawValue| body.slice_ref(value.get().as_bytes());
        let (source, event_type, time) = if cloud_events {
            (self.source, self.kind, self.time)
        } else {
            (self.topic, self.event_type, self.event_time)
        };
        let extensions = if cloud_events {
            self.extensions.iter().map(|(name, value)| (name.clone().into_owned(), raw(value))).collect()
        } else {
            self.data_version.iter().map(|value| ("dataversion".to_owned(), raw(value))).collect()
        };
        let data = match (self.data, self.data_base64) {
            (Some(_), Some(_)) => return Err(Malformed),
            (Some(json), None) => Payload::Json(raw(json)),
            // Looked at here, so that a target never gets an empty body in place of what cannot be decoded.
            (None, Some(text)) => octets(text.get().as_bytes()).map(|_| Payload::Base64(raw(text)))?,
            (None, None) => Payload::None,
        };
        Ok(Event {
            id: required(self.id)?,
            source: required(source)?,
            event_type: required(event_type)?,
            subject: optional(self.subject)?,
            time: optional(time)?,
            data,
            content_type: optional(self.content_type)?,
            schema: optional(self.schema)?,
            extensions,
        })
    }
}

/// The bytes that the JSON text of a base64 holds.
///
/// # Errors
/// When it is no text, or no base64.
pub fn octets(json: &[u8]) -> Result<Bytes, Malformed> {
    let text: String = serde_json::from_slice(json).map_err(|_| Malformed)?;
    BASE64_STANDARD.decode(text).map(Bytes::from).map_err(|_| Malformed)
}

fn optional(text: Option<Cow<'_, str>>) -> Result<Option<String>, Malformed> {
    match text {
        Some(text) if text.len() > MAX_ATTRIBUTE => Err(Malformed),
        Some(text) if text.is_empty() => Ok(None),
        other => Ok(other.map(Cow::into_owned)),
    }
}

fn required(text: Option<Cow<'_, str>>) -> Result<String, Malformed> {
    optional(text)?.ok_or(Malformed)
}

/// A text that is borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Parsed<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Parsed<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut event = Parsed::default();
                while let Some(Text(name)) = map.next_key()? {
                    event.member(name, &mut map)?;
                }
                Ok(event)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'de> Parsed<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "specversion" => text(&mut self.specversion, map),
            "id" => text(&mut self.id, map),
            "source" => text(&mut self.source, map),
            "topic" => text(&mut self.topic, map),
            "type" => text(&mut self.kind, map),
            "eventType" => text(&mut self.event_type, map),
            "subject" => text(&mut self.subject, map),
            "time" => text(&mut self.time, map),
            "eventTime" => text(&mut self.event_time, map),
            "datacontenttype" => text(&mut self.content_type, map),
            "dataschema" => text(&mut self.schema, map),
            "dataVersion" => raw(&mut self.data_version, map),
            "data" => raw(&mut self.data, map),
            "data_base64" => raw(&mut self.data_base64, map),
            "metadataVersion" => map.next_value::<IgnoredAny>().map(|_| ()),
            _ if self.extensions.iter().any(|(there, _)| *there == name) => Err(A::Error::custom("twice")),
            _ if self.extensions.len() >= MAX_EXTENSIONS => map.next_value::<IgnoredAny>().map(|_| ()),
            _ => {
                self.extensions.push((name, map.next_value()?));
                Ok(())
            }
        }
    }
}

/// A member that is there twice could mean two things to two readers: refused.
fn text<'de, A: MapAccess<'de>>(place: &mut Option<Cow<'de, str>>, map: &mut A) -> Result<(), A::Error> {
    if place.is_some() {
        return Err(A::Error::custom("twice"));
    }
    *place = map.next_value::<Option<Text<'de>>>()?.map(|Text(text)| text);
    Ok(())
}

fn raw<'de, A: MapAccess<'de>>(place: &mut Option<&'de RawValue>, map: &mut A) -> Result<(), A::Error> {
    if place.is_some() {
        return Err(A::Error::custom("twice"));
    }
    *place = Some(map.next_value()?);
    Ok(())
}

#[cfg(test)]
mod tests;
