//! Bodies of JSON: an expression is the whole of a text that is a value.

use serde_json::Value;

use super::{Expression, Properties};

pub(super) fn check(body: &str) -> Result<(), String> {
    let value: Value = serde_json::from_str(body).map_err(|_| "The body of the template is not JSON.".to_owned())?;
    if !value.is_object() {
        return Err("The body of the template is not a JSON object.".into());
    }
    check_value(&value)
}

fn check_value(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => Expression::parse(text).map(drop),
        Value::Array(items) => items.iter().try_for_each(check_value),
        Value::Object(map) => map.values().try_for_each(check_value),
        _ => Ok(()),
    }
}

/// A body that [`check`] has passed.
pub(super) fn render(body: &str, properties: &Properties) -> String {
    let mut value: Value = serde_json::from_str(body).unwrap_or_default();
    fill(&mut value, properties);
    value.to_string()
}

fn fill(value: &mut Value, properties: &Properties) {
    match value {
        Value::String(text) => {
            if let Ok(expression) = Expression::parse(text) {
                let filled = expression.text(properties);
                *value = expression.number(&filled).map_or(Value::String(filled), Value::Number);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, properties)),
        Value::Object(map) => map.values_mut().for_each(|item| fill(item, properties)),
        _ => {}
    }
}
