//! What Microsoft documents of filters, case by case; and what has to hold for every filter.

mod documented;
mod limits;
mod properties;

use serde_json::{Value, json};

use super::*;

/// Whether an event with that data passes one advanced filter.
pub(super) fn passes(filter: &Value, data: &Value, on_arrays: bool) -> bool {
    let filter = json!({"advancedFilters": [filter], "enableAdvancedFilteringOnArrays": on_arrays});
    SubscriptionFilter::parse(&filter).expect("a filter").lets_through(&event(data))
}

pub(super) fn event(data: &Value) -> EventFields<'_> {
    EventFields {
        id: "Event-1",
        topic: "/subscriptions/6A1D/providers/microsoft.communication/communicationservices/shop",
        subject: "/phonenumber/+15551234",
        event_type: "Microsoft.Communication.SMSReceived",
        data_version: "1.0",
        data,
    }
}

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
    for filter in [Value::Null, json!({}), json!({"includedEventTypes": null, "advancedFilters": null})] {
        assert!(SubscriptionFilter::parse(&filter).expect("a filter").lets_through(&event(&Value::Null)));
    }
}

#[test]
fn all_is_every_type_and_each_part_of_a_filter_has_to_hold() {
    let parse = |filter: Value| SubscriptionFilter::parse(&filter).expect("a filter");
    let data = json!({"to": "+1"});
    let to = |number: &str| json!([{"operatorType": "StringIn", "key": "data.to", "values": [number]}]);
    assert!(parse(json!({"includedEventTypes": ["All"], "advancedFilters": to("+1")})).lets_through(&event(&data)));
    assert!(!parse(json!({"includedEventTypes": ["All"], "advancedFilters": to("+2")})).lets_through(&event(&data)));
    assert!(!parse(json!({"includedEventTypes": ["A.B"], "advancedFilters": to("+1")})).lets_through(&event(&data)));
    assert!(!parse(json!({"subjectEndsWith": "x", "advancedFilters": to("+1")})).lets_through(&event(&data)));
}

#[test]
fn a_greek_sigma_is_one_letter_wherever_it_stands() {
    let subject = SubjectFilter { begins_with: "ΟΔΟΣ".to_owned(), ..SubjectFilter::default() };
    for text in ["οδος", "οδοσ7", "ΟΔΟΣ/7", "οδοςα"] {
        assert!(subject.lets_through(text), "{text}");
    }
}
