//! What Event Grid makes of a filter: checks, defaults, and how it reads back.

use acs_wire::event_types;
use serde_json::{Map, Value, json};

use super::super::json;
use super::super::refusal::Refusal;

const SINGLE: [&str; 5] =
    ["NumberLessThan", "NumberGreaterThan", "NumberLessThanOrEquals", "NumberGreaterThanOrEquals", "BoolEquals"];
const MANY: [&str; 12] = [
    "NumberIn",
    "NumberNotIn",
    "StringIn",
    "StringNotIn",
    "StringBeginsWith",
    "StringEndsWith",
    "StringContains",
    "StringNotBeginsWith",
    "StringNotEndsWith",
    "StringNotContains",
    "NumberInRange",
    "NumberNotInRange",
];
const NONE: [&str; 2] = ["IsNullOrUndefined", "IsNotNull"];

/// The filter as it reads back: defaults filled in, integers as doubles, a false case flag dropped (recorded).
/// The event types are filled in for Communication Services only: those of other sources are not simulated.
pub(super) fn canonical(sent: Option<&Value>, source: &str) -> Result<Value, Refusal> {
    let mut filter: Map<String, Value> = match sent {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) => map.clone(),
        Some(_) => return Err(Refusal::invalid_request("The event subscription filter must be an object.")),
    };
    for name in ["subjectBeginsWith", "subjectEndsWith"] {
        if filter.get(name).is_none_or(Value::is_null) {
            filter.insert(name.into(), "".into());
        }
    }
    let all = match filter.get("includedEventTypes") {
        None | Some(Value::Null) => true,
        Some(Value::Array(types)) => types.iter().any(|t| t == "All"),
        Some(_) => return Err(Refusal::invalid_request("includedEventTypes must be a list.")),
    };
    if all && source.to_ascii_lowercase().contains("/providers/microsoft.communication/") {
        filter.insert("includedEventTypes".into(), event_types::COMMUNICATION.to_vec().into());
    }
    if filter.get("isSubjectCaseSensitive") == Some(&Value::Bool(false)) {
        filter.remove("isSubjectCaseSensitive");
    }
    if let Some(Value::Array(advanced)) = filter.get_mut("advancedFilters") {
        check(advanced)?;
        advanced.iter_mut().for_each(doubles);
    }
    Ok(filter.into())
}

/// 25 filters, and 25 values over all of them; 512 characters per string (documented).
fn check(advanced: &[Value]) -> Result<(), Refusal> {
    let mut values = 0;
    for filter in advanced {
        let operator = json::text(filter, &["operatorType"]).unwrap_or_default();
        let is = |known: &[&str]| known.iter().any(|k| k.eq_ignore_ascii_case(operator));
        let list = json::at(filter, &["values"]).and_then(Value::as_array);
        let fits = if is(&SINGLE) {
            json::at(filter, &["value"]).is_some()
        } else if is(&MANY) {
            list.is_some_and(|l| !l.is_empty())
        } else {
            is(&NONE)
        };
        if !fits || json::text(filter, &["key"]).is_none_or(str::is_empty) {
            return Err(Refusal::invalid_request(format!("The advanced filter '{operator}' is not valid.")));
        }
        values += list.map_or(1, Vec::len);
        let long = |v: &Value| v.as_str().is_some_and(|s| s.chars().count() > 512);
        if list.is_some_and(|l| l.iter().any(long)) {
            return Err(Refusal::invalid_request("A string of an advanced filter is longer than 512 characters."));
        }
    }
    if advanced.len() > 25 || values > 25 {
        return Err(Refusal::invalid_request(
            "The total number of advanced filters and of their values must not exceed 25.",
        ));
    }
    Ok(())
}

fn doubles(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(double) = number.as_f64() {
                *value = json!(double);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(doubles),
        Value::Object(map) => map.values_mut().for_each(doubles),
        _ => {}
    }
}
