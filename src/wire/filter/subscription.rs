//! The whole filter of an event subscription.

use serde_json::Value;

use super::parse::{FilterError, Mistake, whole};
use super::{AdvancedFilter, EventFields, EventFilter, SubjectFilter};

/// The filter of an event subscription, parsed: types, subject, and advanced filters, of which all have to hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubscriptionFilter {
    /// Types and subject.
    pub event: EventFilter,
    /// Advanced filters.
    pub advanced: Vec<AdvancedFilter>,
    /// `enableAdvancedFilteringOnArrays`.
    pub on_arrays: bool,
}

impl SubscriptionFilter {
    /// Parses ARM's `properties.filter`; null is no filter. No type, or `All` among them, is every type.
    ///
    /// # Errors
    /// Says what Event Grid would not take.
    pub fn parse(filter: &Value) -> Result<Self, FilterError> {
        if filter.is_null() {
            return Ok(Self::default());
        }
        if !filter.is_object() {
            return Err(whole(Mistake::WrongShape { member: "filter", wanted: "an object" }));
        }
        let types: Vec<String> = list(filter, "includedEventTypes")?
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| whole(Mistake::WrongShape { member: "includedEventTypes", wanted: "a list of strings" }))?;
        let all = types.iter().any(|name| name.eq_ignore_ascii_case("All"));
        let subject = SubjectFilter {
            begins_with: text(filter, "subjectBeginsWith")?,
            ends_with: text(filter, "subjectEndsWith")?,
            case_sensitive: flag(filter, "isSubjectCaseSensitive")?,
        };
        Ok(Self {
            event: EventFilter { event_types: if all { Vec::new() } else { types }, subject },
            advanced: AdvancedFilter::parse_all(list(filter, "advancedFilters")?)?,
            on_arrays: flag(filter, "enableAdvancedFilteringOnArrays")?,
        })
    }

    /// True if the event passes.
    pub fn lets_through(&self, event: &EventFields<'_>) -> bool {
        self.event.lets_through(event.event_type, event.subject)
            && self.advanced.iter().all(|filter| filter.lets_through(event, self.on_arrays))
    }
}

fn member<'a>(filter: &'a Value, name: &str) -> Option<&'a Value> {
    filter.get(name).filter(|value| !value.is_null())
}

fn list<'a>(filter: &'a Value, name: &'static str) -> Result<&'a [Value], FilterError> {
    match member(filter, name) {
        None => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(whole(Mistake::WrongShape { member: name, wanted: "a list" })),
    }
}

fn text(filter: &Value, name: &'static str) -> Result<String, FilterError> {
    match member(filter, name) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(whole(Mistake::WrongShape { member: name, wanted: "a string" })),
    }
}

fn flag(filter: &Value, name: &'static str) -> Result<bool, FilterError> {
    match member(filter, name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(whole(Mistake::WrongShape { member: name, wanted: "true or false" })),
    }
}
