//! Which events a filter lets through: one evaluator for Event Grid subscriptions (simulated) and for routes of a relay.

mod advanced;
mod fields;
mod fold;
mod operator;
mod parse;
mod subscription;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use advanced::AdvancedFilter;
pub use fields::EventFields;
use fold::fold;
pub use operator::{Operand, Operator};
pub use parse::{FilterError, Mistake};
pub use subscription::SubscriptionFilter;

/// Filter on an event's subject. Event Grid ignores letter case unless told otherwise; knows no wildcards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubjectFilter {
    /// Beginning of the subject; empty lets every subject through.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub begins_with: String,
    /// End of the subject; empty lets every subject through.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ends_with: String,
    /// True where letter case counts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub case_sensitive: bool,
}

impl SubjectFilter {
    /// True if an event with that subject passes.
    pub fn lets_through(&self, subject: &str) -> bool {
        if self.case_sensitive {
            return subject.starts_with(&self.begins_with) && subject.ends_with(&self.ends_with);
        }
        let subject = fold(subject);
        subject.starts_with(&fold(&self.begins_with)) && subject.ends_with(&fold(&self.ends_with))
    }
}

/// Filter on the type and the subject of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventFilter {
    /// Full names of types, compared without case as Event Grid does; empty lets every type through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_types: Vec<String>,
    /// Filter on the subject.
    pub subject: SubjectFilter,
}

impl EventFilter {
    /// True if an event of that type and subject passes.
    pub fn lets_through(&self, event_type: &str, subject: &str) -> bool {
        let of_type =
            self.event_types.is_empty() || self.event_types.iter().any(|t| t.eq_ignore_ascii_case(event_type));
        of_type && self.subject.lets_through(subject)
    }
}
