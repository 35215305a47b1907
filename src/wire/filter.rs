//! Which events a filter lets through: one evaluator for Event Grid subscriptions (simulated) and for routes of a relay.

use serde::{Deserialize, Serialize};

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
        let subject = subject.to_lowercase();
        subject.starts_with(&self.begins_with.to_lowercase()) && subject.ends_with(&self.ends_with.to_lowercase())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_subjects_are_compared_without_case_unless_asked() {
        let mut filter = EventFilter {
            event_types: vec!["Microsoft.Communication.SMSReceived".to_owned()],
            subject: SubjectFilter { begins_with: "/PhoneNumber/".to_owned(), ..SubjectFilter::default() },
        };
        assert!(filter.lets_through("microsoft.communication.smsreceived", "/phonenumber/1"));
        assert!(!filter.lets_through("Microsoft.Communication.IncomingCall", "/phonenumber/1"));
        assert!(!filter.lets_through("Microsoft.Communication.SMSReceived", "phonenumber/1"));
        filter.subject.case_sensitive = true;
        assert!(!filter.lets_through("Microsoft.Communication.SMSReceived", "/phonenumber/1"));
    }

    #[test]
    fn an_empty_filter_lets_everything_through() {
        assert!(EventFilter::default().lets_through("A.B", ""));
    }
}
