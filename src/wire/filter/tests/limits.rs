//! What Event Grid does not take.

use serde_json::{Value, json};

use super::{FilterError, Mistake, Operand, Operator, SubscriptionFilter};

fn refused(advanced: Value) -> FilterError {
    SubscriptionFilter::parse(&json!({"advancedFilters": advanced})).expect_err("a mistake")
}

fn one(filter: Value) -> Mistake {
    let error = refused(json!([{"operatorType": "IsNotNull", "key": "data"}, filter]));
    assert!(error.to_string().starts_with("advancedFilters[1]: "), "{error}");
    error.mistake
}

#[test]
fn twenty_five_filters_and_twenty_five_values_over_all_of_them() {
    let filter = |values: usize| json!({"operatorType": "NumberIn", "key": "data.n", "values": vec![1; values]});
    let fits = |advanced: Value| SubscriptionFilter::parse(&json!({"advancedFilters": advanced})).is_ok();
    assert!(fits(json!(vec![filter(1); 25])));
    assert!(fits(json!([filter(25)])));
    assert!(fits(json!([filter(12), filter(13)])));
    assert_eq!(refused(json!([filter(12), filter(14)])).mistake, Mistake::TooManyValues(26));
    assert_eq!(refused(json!(vec![filter(1); 26])).mistake, Mistake::TooManyFilters(26));
    let range = json!({"operatorType": "NumberInRange", "key": "data.n", "values": vec![[1, 2]; 25]});
    assert!(fits(json!([range])), "a range is one value");
}

#[test]
fn a_string_has_512_characters() {
    let filter = |length: usize| json!({"operatorType": "StringIn", "key": "data.s", "values": ["é".repeat(length)]});
    assert!(SubscriptionFilter::parse(&json!({"advancedFilters": [filter(512)]})).is_ok());
    assert_eq!(one(filter(513)), Mistake::TooLong);
    assert_eq!(one(json!({"operatorType": "IsNotNull", "key": "k".repeat(513)})), Mistake::TooLong);
}

#[test]
fn each_operator_takes_its_own_values() {
    let cases = [
        ("NumberLessThan", json!({"value": "5"})),
        ("NumberLessThan", json!({"values": [5]})),
        ("NumberIn", json!({"values": []})),
        ("NumberIn", json!({"values": [1, "2"]})),
        ("NumberIn", json!({"value": 1})),
        ("NumberInRange", json!({"values": [1, 2]})),
        ("NumberInRange", json!({"values": [[1, 2, 3]]})),
        ("NumberNotInRange", json!({"values": [[1]]})),
        ("BoolEquals", json!({"value": "true"})),
        ("BoolEquals", json!({})),
        ("StringIn", json!({"values": "a"})),
        ("StringContains", json!({"values": [1]})),
        ("StringNotIn", json!({"values": null})),
    ];
    for (operator, mut filter) in cases {
        filter["operatorType"] = json!(operator);
        filter["key"] = json!("data.k");
        assert!(matches!(one(filter.clone()), Mistake::WrongValue { .. }), "{filter}");
    }
}

#[test]
fn an_operator_and_a_key_are_needed() {
    assert_eq!(one(json!({"operatorType": "Like", "key": "id"})), Mistake::UnknownOperator("Like".into()));
    assert_eq!(one(json!({"key": "id"})), Mistake::UnknownOperator(String::new()));
    assert_eq!(one(json!({"operatorType": "IsNotNull"})), Mistake::NoKey);
    assert_eq!(one(json!({"operatorType": "IsNotNull", "key": ""})), Mistake::NoKey);
    assert!(matches!(one(json!("IsNotNull")), Mistake::WrongShape { .. }));
}

#[test]
fn members_of_the_filter_have_their_types() {
    for (filter, member) in [
        (json!([]), "filter"),
        (json!({"includedEventTypes": "All"}), "includedEventTypes"),
        (json!({"includedEventTypes": [1]}), "includedEventTypes"),
        (json!({"subjectBeginsWith": 1}), "subjectBeginsWith"),
        (json!({"isSubjectCaseSensitive": "yes"}), "isSubjectCaseSensitive"),
        (json!({"enableAdvancedFilteringOnArrays": 1}), "enableAdvancedFilteringOnArrays"),
        (json!({"advancedFilters": {}}), "advancedFilters"),
    ] {
        let error = SubscriptionFilter::parse(&filter).expect_err("a mistake");
        assert!(error.to_string().starts_with(&format!("'{member}' must be")), "{error}");
    }
}

#[test]
fn every_operator_is_known_by_its_name_and_takes_what_the_table_says() {
    for operator in Operator::ALL {
        assert_eq!(serde_json::to_value(operator).expect("a name"), operator.name());
        let mut filter = json!({"operatorType": operator.name(), "key": "data.k"});
        let mut fits = |member: &str, value: Value| {
            filter[member] = value;
            SubscriptionFilter::parse(&json!({"advancedFilters": [filter.clone()]})).is_ok()
        };
        let found = match operator.operand() {
            Operand::Nothing => fits("key", json!("data")),
            Operand::Number => !fits("values", json!([1])) && fits("value", json!(1.5)),
            Operand::Boolean => !fits("value", json!(1)) && fits("value", json!(false)),
            Operand::Numbers => !fits("values", json!([[1, 2]])) && fits("values", json!([1, 2.5])),
            Operand::Ranges => !fits("values", json!([1, 2])) && fits("values", json!([[1, 2.5]])),
            Operand::Strings => !fits("values", json!([1])) && fits("values", json!(["a"])),
        };
        assert!(found, "{operator:?}");
    }
}
