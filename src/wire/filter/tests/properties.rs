//! What has to hold for every filter and every event.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::passes;

/// A few letters, so that values meet; with capitals and a letter beyond ASCII.
fn text() -> impl Strategy<Value = String> {
    "[aAbBéÉ]{0,4}"
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        (-3i32..3).prop_map(Value::from),
        (-3i32..3).prop_map(|n| json!(f64::from(n) / 2.0)),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!({"a": 1})),
    ]
}

/// What stands at `data.k`; `None` where nothing does.
fn at_key() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        scalar().prop_map(Some),
        prop::collection::vec(scalar(), 0..4).prop_map(|list| Some(Value::Array(list))),
    ]
}

fn data(at_key: &Option<Value>) -> Value {
    at_key.as_ref().map_or_else(|| json!({}), |value| json!({"k": value}))
}

fn strings() -> impl Strategy<Value = Value> {
    prop::collection::vec(text(), 1..4).prop_map(Value::from)
}

fn numbers() -> impl Strategy<Value = Value> {
    prop::collection::vec(-3i32..3, 1..4).prop_map(Value::from)
}

fn ranges() -> impl Strategy<Value = Value> {
    prop::collection::vec((-3i32..3, 0i32..3), 1..4)
        .prop_map(|pairs| pairs.into_iter().map(|(low, more)| json!([low, low + more])).collect())
}

/// An operator, its Not form, and values for them.
fn pair() -> impl Strategy<Value = (&'static str, &'static str, Value)> {
    let of_strings = prop_oneof![
        Just(("StringIn", "StringNotIn")),
        Just(("StringContains", "StringNotContains")),
        Just(("StringBeginsWith", "StringNotBeginsWith")),
        Just(("StringEndsWith", "StringNotEndsWith")),
    ];
    prop_oneof![
        (of_strings, strings()).prop_map(|((is, not), values)| (is, not, values)),
        numbers().prop_map(|values| ("NumberIn", "NumberNotIn", values)),
        ranges().prop_map(|values| ("NumberInRange", "NumberNotInRange", values)),
    ]
}

fn filter(operator: &str, values: &Value) -> Value {
    json!({"operatorType": operator, "key": "data.k", "values": values})
}

fn comparable(operator: &str, value: &Value) -> bool {
    if operator.starts_with("Number") { value.is_number() } else { value.is_string() }
}

fn swap_case(text: &str) -> String {
    let swap = |c: char| if c.is_lowercase() { c.to_uppercase().to_string() } else { c.to_lowercase().to_string() };
    text.chars().map(swap).collect()
}

fn swapped(value: &Value) -> Value {
    match value {
        Value::String(text) => swap_case(text).into(),
        Value::Array(list) => list.iter().map(swapped).collect(),
        other => other.clone(),
    }
}

fn reversed(value: &Value) -> Value {
    value.as_array().map_or_else(|| value.clone(), |list| list.iter().rev().cloned().collect())
}

proptest! {
    #[test]
    fn of_an_operator_and_its_not_form_exactly_one_passes_where_there_is_something_to_compare(
        (is, not, values) in pair(), value in at_key(), on_arrays in any::<bool>(),
    ) {
        let (data, is_array) = (data(&value), value.as_ref().is_some_and(Value::is_array));
        let there = (is_array && on_arrays) || value.as_ref().is_some_and(|v| comparable(is, v));
        let (is_so, is_not) = (passes(&filter(is, &values), &data, on_arrays), passes(&filter(not, &values), &data, on_arrays));
        if there {
            prop_assert_ne!(is_so, is_not);
        } else {
            prop_assert!(!is_so, "{} passed without anything to compare", is);
            prop_assert_eq!(is_not, matches!(not, "StringNotIn" | "NumberNotIn"));
        }
    }

    #[test]
    fn neither_the_order_of_values_nor_that_of_an_array_matters(
        (is, not, values) in pair(), value in at_key(), on_arrays in any::<bool>(),
    ) {
        for operator in [is, not] {
            let expected = passes(&filter(operator, &values), &data(&value), on_arrays);
            prop_assert_eq!(passes(&filter(operator, &reversed(&values)), &data(&value), on_arrays), expected);
            let turned = value.as_ref().map(reversed);
            prop_assert_eq!(passes(&filter(operator, &values), &data(&turned), on_arrays), expected);
        }
    }

    #[test]
    fn letter_case_never_matters_to_advanced_filters((is, not, values) in pair(), value in at_key()) {
        for operator in [is, not] {
            let expected = passes(&filter(operator, &values), &data(&value), true);
            prop_assert_eq!(passes(&filter(operator, &swapped(&values)), &data(&value), true), expected);
            prop_assert_eq!(passes(&filter(operator, &values), &data(&value.as_ref().map(swapped)), true), expected);
        }
    }

    #[test]
    fn a_filter_of_several_values_passes_where_one_of_them_does((is, not, values) in pair(), value in at_key()) {
        let alone: Vec<(bool, bool)> = values.as_array().expect("a list").iter().map(|one| {
            let one = json!([one]);
            (passes(&filter(is, &one), &data(&value), true), passes(&filter(not, &one), &data(&value), true))
        }).collect();
        prop_assert_eq!(passes(&filter(is, &values), &data(&value), true), alone.iter().any(|(is, _)| *is));
        prop_assert_eq!(passes(&filter(not, &values), &data(&value), true), alone.iter().all(|(_, not)| *not));
    }

    #[test]
    fn null_or_undefined_is_the_opposite_of_not_null(value in at_key(), on_arrays in any::<bool>()) {
        let ask = |operator: &str| passes(&json!({"operatorType": operator, "key": "data.k"}), &data(&value), on_arrays);
        prop_assert_ne!(ask("IsNullOrUndefined"), ask("IsNotNull"));
        prop_assert_eq!(ask("IsNotNull"), value.as_ref().is_some_and(|v| !v.is_null()));
    }

    #[test]
    fn comparisons_of_numbers_agree_with_each_other(n in -3i32..3, limit in -3i32..3) {
        let ask = |operator: &str| {
            passes(&json!({"operatorType": operator, "key": "data.k", "value": limit}), &json!({"k": n}), false)
        };
        prop_assert_ne!(ask("NumberLessThan"), ask("NumberGreaterThanOrEquals"));
        prop_assert_ne!(ask("NumberGreaterThan"), ask("NumberLessThanOrEquals"));
        prop_assert_eq!(ask("NumberLessThanOrEquals") && ask("NumberGreaterThanOrEquals"), n == limit);
    }
}
