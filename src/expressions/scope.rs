//! What expressions see: `event`.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, ExecutionError, Program, Value};

use crate::{EvaluationError, MAX_EVENT, MAX_VALUES, functions};

/// An event, in the words of CloudEvents.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Its id.
    pub id: &'a str,
    /// Where it comes from.
    pub source: &'a str,
    /// Its type.
    pub event_type: &'a str,
    /// What it is about.
    pub subject: &'a str,
    /// When, as it was written.
    pub time: &'a str,
    /// `data` as JSON.
    pub data: &'a str,
}

/// An event made ready for expressions.
pub struct Scope {
    context: Context<'static, 'static>,
}

impl Scope {
    /// Reads an event.
    ///
    /// # Errors
    /// When its `data` is no JSON, or too long.
    pub fn new(event: &Event<'_>) -> Result<Self, EvaluationError> {
        if event.data.len() > MAX_EVENT {
            return Err(EvaluationError::TooLong("data of the event is longer than 64 KiB"));
        }
        let data = serde_json::from_str(event.data).map_err(|_| EvaluationError::NoJson)?;
        if values(&data) > MAX_VALUES {
            return Err(EvaluationError::TooLong("data of the event has more than 2048 values"));
        }
        let texts = [
            ("id", event.id),
            ("source", event.source),
            ("type", event.event_type),
            ("subject", event.subject),
            ("time", event.time),
        ];
        let mut members: HashMap<Key, Value> =
            texts.into_iter().map(|(name, text)| (Key::from(name.to_owned()), Value::from(text))).collect();
        members.insert(Key::from("data".to_owned()), value(data));
        let mut context = Context::with_env(functions::environment());
        context.add_variable_from_value("event", Value::Map(Map { map: Arc::new(members) }));
        Ok(Self { context })
    }

    pub(crate) fn resolve(&self, program: &Program) -> Result<Value, ExecutionError> {
        program.execute(&self.context)
    }
}

/// How many values there are, those that hold others included.
fn values(json: &serde_json::Value) -> usize {
    match json {
        serde_json::Value::Array(items) => 1 + items.iter().map(values).sum::<usize>(),
        serde_json::Value::Object(members) => 1 + members.values().map(values).sum::<usize>(),
        _ => 1,
    }
}

/// Whole numbers become `int` where they fit: literals of expressions are `int` too, and CEL does not mix them with `uint`.
fn value(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(yes),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(whole)) => Value::UInt(whole),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text),
        Json::Array(items) => Value::List(Arc::new(items.into_iter().map(value).collect())),
        Json::Object(members) => {
            let members = members.into_iter().map(|(name, member)| (Key::from(name), value(member)));
            Value::Map(Map { map: Arc::new(members.collect()) })
        }
    }
}
