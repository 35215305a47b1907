//! What Event Grid makes of a filter: checks, defaults, and how it reads back.

use acs_wire::filter::SubscriptionFilter;
use serde_json::{Map, Value, json};

use super::super::refusal::Refusal;
use super::source::TopicType;

/// The filter as it reads back: defaults filled in, integers as doubles, a false case flag dropped (recorded).
/// The event types are filled in for sources that are simulated.
pub(super) fn canonical(sent: Option<&Value>, source: &str) -> Result<Value, Refusal> {
    // The same parser as at every publishing: what is taken here can be evaluated there. Azure's wording is in no source.
    SubscriptionFilter::parse(sent.unwrap_or(&Value::Null))
        .map_err(|error| Refusal::invalid_request(format!("The event subscription filter is invalid: {error}.")))?;
    let mut filter: Map<String, Value> = sent.and_then(Value::as_object).cloned().unwrap_or_default();
    for name in ["subjectBeginsWith", "subjectEndsWith"] {
        if filter.get(name).is_none_or(Value::is_null) {
            filter.insert(name.into(), "".into());
        }
    }
    let types = filter.get("includedEventTypes").and_then(Value::as_array);
    let is_all = |name: &Value| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case("All"));
    let all = types.is_none_or(|types| types.iter().any(is_all));
    if let Some(of) = TopicType::of(source).filter(|_| all) {
        filter.insert("includedEventTypes".into(), of.events.to_vec().into());
    }
    if filter.get("isSubjectCaseSensitive") == Some(&Value::Bool(false)) {
        filter.remove("isSubjectCaseSensitive");
    }
    if let Some(Value::Array(advanced)) = filter.get_mut("advancedFilters") {
        advanced.iter_mut().for_each(doubles);
    }
    Ok(filter.into())
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
