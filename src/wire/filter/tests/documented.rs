//! Each sentence of the page on event filtering that can be told true or false.

use serde_json::{Value, json};

use super::passes;

fn filter(operator: &str, key: &str, values: Value) -> Value {
    let name = if values.is_array() { "values" } else { "value" };
    let mut filter = json!({"operatorType": operator, "key": key});
    if !values.is_null() {
        filter[name] = values;
    }
    filter
}

/// Operator, value or values, what stands at `data.key`, whether the event passes.
fn cases() -> Vec<(&'static str, Value, Value, bool)> {
    vec![
        ("NumberIn", json!([5, 1]), json!(5), true),
        ("NumberIn", json!([5, 1]), json!(5.0), true),
        ("NumberIn", json!([5, 1]), json!(4), false),
        ("NumberNotIn", json!([41, 0]), json!(41), false),
        ("NumberNotIn", json!([41, 0]), json!(7), true),
        ("NumberLessThan", json!(100), json!(99.5), true),
        ("NumberLessThan", json!(100), json!(100), false),
        ("NumberLessThanOrEquals", json!(100), json!(100), true),
        ("NumberLessThanOrEquals", json!(100), json!(101), false),
        ("NumberGreaterThan", json!(20), json!(21), true),
        ("NumberGreaterThan", json!(20), json!(20), false),
        ("NumberGreaterThanOrEquals", json!(30), json!(30), true),
        ("NumberGreaterThanOrEquals", json!(30), json!(-30), false),
        ("NumberInRange", json!([[3.25, 999.95], [3000, 4000]]), json!(3.25), true),
        ("NumberInRange", json!([[3.25, 999.95], [3000, 4000]]), json!(4000), true),
        ("NumberInRange", json!([[3.25, 999.95], [3000, 4000]]), json!(1000), false),
        ("NumberNotInRange", json!([[3.25, 999.95], [3000, 4000]]), json!(1000), true),
        ("NumberNotInRange", json!([[3.25, 999.95], [3000, 4000]]), json!(999.95), false),
        ("BoolEquals", json!(true), json!(true), true),
        ("BoolEquals", json!(true), json!(false), false),
        ("BoolEquals", json!(false), json!(false), true),
        ("StringContains", json!(["microsoft", "azure"]), json!("Azure Data Factory"), true),
        ("StringContains", json!(["microsoft", "azure"]), json!("data factory"), false),
        ("StringNotContains", json!(["contoso", "fabrikam"]), json!("at FABRIKAM Ltd"), false),
        ("StringNotContains", json!(["contoso", "fabrikam"]), json!("northwind"), true),
        ("StringBeginsWith", json!(["event", "message"]), json!("Event Hubs"), true),
        ("StringBeginsWith", json!(["event", "message"]), json!("an event"), false),
        ("StringNotBeginsWith", json!(["event", "message"]), json!("an event"), true),
        ("StringNotBeginsWith", json!(["event", "message"]), json!("MESSAGE"), false),
        ("StringEndsWith", json!(["jpg", "jpeg", "png"]), json!("eventgrid.PNG"), true),
        ("StringEndsWith", json!(["jpg", "jpeg", "png"]), json!("png.txt"), false),
        ("StringNotEndsWith", json!(["jpg", "jpeg", "png"]), json!("png.txt"), true),
        ("StringNotEndsWith", json!(["jpg", "jpeg", "png"]), json!("a.jpeg"), false),
        ("StringIn", json!(["contoso", "fabrikam"]), json!("Contoso"), true),
        ("StringIn", json!(["contoso", "fabrikam"]), json!("contoso!"), false),
        ("StringNotIn", json!(["aws", "bridge"]), json!("AWS"), false),
        ("StringNotIn", json!(["aws", "bridge"]), json!("aws!"), true),
        ("IsNullOrUndefined", Value::Null, json!(5), false),
        ("IsNullOrUndefined", Value::Null, json!(""), false),
        ("IsNullOrUndefined", Value::Null, Value::Null, true),
        ("IsNotNull", Value::Null, json!(false), true),
        ("IsNotNull", Value::Null, json!({}), true),
        ("IsNotNull", Value::Null, json!([]), true),
        ("IsNotNull", Value::Null, Value::Null, false),
    ]
}

#[test]
fn every_operator_does_what_its_paragraph_says() {
    for (operator, values, at_key, expected) in cases() {
        let (plain, shouted) = (filter(operator, "data.key", values.clone()), operator.to_uppercase());
        let data = json!({"key": at_key});
        assert_eq!(passes(&plain, &data, false), expected, "{operator} {values} on {at_key}");
        assert_eq!(passes(&filter(&shouted, "data.key", values), &data, true), expected, "{shouted} on {at_key}");
    }
}

/// Operator, value or values, and whether an event without the key passes.
fn absent() -> Vec<(&'static str, Value, bool)> {
    let (text, numbers) = (json!(["x"]), json!([1]));
    let mut cases: Vec<(&'static str, Value, bool)> = vec![
        ("NumberNotIn", numbers.clone(), true),
        ("StringNotIn", text.clone(), true),
        ("IsNullOrUndefined", Value::Null, true),
        ("IsNotNull", Value::Null, false),
        ("NumberIn", numbers, false),
        ("BoolEquals", json!(false), false),
        // The page names neither; unverified.
        ("NumberInRange", json!([[0, 1]]), false),
        ("NumberNotInRange", json!([[0, 1]]), false),
    ];
    for number in ["NumberLessThan", "NumberLessThanOrEquals", "NumberGreaterThan", "NumberGreaterThanOrEquals"] {
        cases.push((number, json!(0), false));
    }
    for string in [
        "StringContains",
        "StringNotContains",
        "StringBeginsWith",
        "StringNotBeginsWith",
        "StringEndsWith",
        "StringNotEndsWith",
        "StringIn",
    ] {
        cases.push((string, text.clone(), false));
    }
    cases
}

#[test]
fn a_key_that_is_absent_passes_where_the_page_says_so() {
    for (operator, values, expected) in absent() {
        let filter = filter(operator, "data.key", values);
        for data in [json!({}), json!({"key": null}), json!({"Key2": 5}), Value::Null, json!("text")] {
            assert_eq!(passes(&filter, &data, true), expected, "{operator} on {data}");
        }
        // What cannot be compared is as good as absent; what is there is not null, all the same.
        if !operator.starts_with("Is") {
            for data in [json!({"key": {}}), json!({"key": {"x": 1}})] {
                assert_eq!(passes(&filter, &data, true), expected, "{operator} on {data}");
            }
            assert_eq!(passes(&filter, &json!({"key": ["x", 1, false]}), false), expected, "{operator} on an array");
        }
    }
}

#[test]
fn values_of_an_array_are_alternatives_and_other_types_among_them_are_ignored() {
    let cases = [
        ("NumberIn", json!([1]), json!(["1", true, null, 1]), true),
        ("NumberIn", json!([1]), json!(["1"]), false),
        ("NumberNotIn", json!([1]), json!([2, 1]), false),
        ("NumberNotIn", json!([1]), json!(["1"]), true),
        ("NumberNotInRange", json!([[0, 1]]), json!([2, 0.5]), false),
        ("NumberNotInRange", json!([[0, 1]]), json!([2]), true),
        ("NumberGreaterThan", json!(5), json!([1, 6]), true),
        ("BoolEquals", json!(false), json!([true, false]), true),
        ("StringContains", json!(["ure", "x"]), json!([7, "AZURE"]), true),
        ("StringNotContains", json!(["ure"]), json!(["a", "AZURE"]), false),
        ("StringNotContains", json!(["ure"]), json!(["a"]), true),
        ("StringNotBeginsWith", json!(["a"]), json!([]), true),
        ("StringNotEndsWith", json!(["a"]), json!(["b", "A"]), false),
        ("StringNotIn", json!(["a"]), json!(["b", "A"]), false),
        ("StringIn", json!(["a"]), json!([]), false),
        // An array of arrays, or of objects, holds nothing to compare.
        ("StringIn", json!(["a"]), json!([["a"], {"a": "a"}]), false),
    ];
    for (operator, values, list, expected) in cases {
        let filter = filter(operator, "data.list", values);
        assert_eq!(passes(&filter, &json!({"list": list}), true), expected, "{operator} on {list}");
    }
}

#[test]
fn keys_name_the_envelope_in_both_spellings_and_members_of_data_as_deep_as_they_lie() {
    let data = json!({"to": "+1", "appEventTypeDetail": {"action": "Started"}, "a.b": "dotted", "list": [{"a": "b"}]});
    let cases = [
        ("id", "event-1", true),
        ("ID", "Event-1", true),
        ("eventid", "Event-1", true),
        ("Subject", "/phonenumber/+15551234", true),
        ("eventType", "microsoft.communication.smsreceived", true),
        ("type", "Microsoft.Communication.SMSReceived", true),
        ("DataVersion", "1.0", true),
        ("eventtypeversion", "1.0", true),
        ("specversion", "1.0", true),
        ("data.to", "+1", true),
        ("Data.to", "+1", true),
        ("data.TO", "+1", false),
        ("to", "+1", false),
        ("subject.x", "/phonenumber/+15551234", false),
        ("data.appEventTypeDetail.action", "started", true),
        ("data.appEventTypeDetail", "started", false),
        ("data.a.b", "dotted", false),
        ("data.list.a", "b", false),
        ("data", "x", false),
    ];
    for (key, value, expected) in cases {
        assert_eq!(passes(&filter("StringIn", key, json!([value])), &data, true), expected, "{key}");
    }
    for key in ["topic", "source"] {
        assert!(passes(&filter("StringEndsWith", key, json!(["/SHOP"])), &data, false), "{key}");
    }
    assert!(passes(&filter("IsNotNull", "data", Value::Null), &data, false));
}

#[test]
fn filters_are_joined_by_and_their_values_by_or() {
    let parse = |advanced: Value| super::SubscriptionFilter::parse(&json!({"advancedFilters": advanced}));
    let lets_through =
        |advanced: Value, data: Value| parse(advanced).expect("a filter").lets_through(&super::event(&data));
    let (a, b) = (filter("StringContains", "data.k", json!(["a"])), filter("StringContains", "data.k", json!(["b"])));
    assert!(lets_through(json!([a, b]), json!({"k": "ab"})));
    assert!(!lets_through(json!([a, b]), json!({"k": "a"})));
    let either = filter("StringContains", "data.k", json!(["a", "b"]));
    assert!(lets_through(json!([either]), json!({"k": "b"})));
}
