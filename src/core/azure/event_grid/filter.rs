//! The filter of an event subscription, as ARM takes it.

use acs_wire::filter::Operand;
use serde_json::{Value, json};

use super::field;
use crate::azure::descriptor::{Compare, Field, set};
use crate::kinds::subscription::{
    AdvancedFilter, Decimal, EventSubscriptionSpec, FilteringOnArrays, LetterCase, NumberRange,
};

pub(super) fn fields(spec: &EventSubscriptionSpec) -> Vec<Field> {
    let subject = spec.subject.clone().unwrap_or_default();
    let begins = subject.begins_with.map(|part| part.0).unwrap_or_default();
    let ends = subject.ends_with.map(|part| part.0).unwrap_or_default();
    let sensitive = subject.case == Some(LetterCase::Sensitive);
    let mut fields = vec![
        field("/properties/filter/subjectBeginsWith", json!(begins), Compare::Exact, true),
        field("/properties/filter/subjectEndsWith", json!(ends), Compare::Exact, true),
    ];
    // `null` means Azure's default list, which is then not ours to compare.
    if spec.event_types.is_empty() {
        fields.push(field("/properties/filter/includedEventTypes", Value::Null, Compare::Unseen, true));
    } else {
        let types: Vec<&str> = spec.event_types.iter().map(|name| name.0.as_str()).collect();
        fields.push(field("/properties/filter/includedEventTypes", json!(types), Compare::Set, true));
    }
    // The service drops `false` when read back; the comparison takes an absent `false` for equal.
    fields.push(field("/properties/filter/isSubjectCaseSensitive", json!(sensitive), Compare::Exact, true));
    let advanced: Vec<Value> = spec.advanced_filters.iter().map(advanced).collect();
    fields.push(field("/properties/filter/advancedFilters", json!(advanced), Compare::Filters, true));
    let on_arrays = spec.advanced_filtering_on_arrays == Some(FilteringOnArrays::Enabled);
    fields.push(field("/properties/filter/enableAdvancedFilteringOnArrays", json!(on_arrays), Compare::Exact, true));
    fields
}

/// As ARM takes it: several values as `values`, a single one as `value`.
fn advanced(filter: &AdvancedFilter) -> Value {
    let operator = filter.operator_type;
    let numbers = |list: &Option<Vec<Decimal>>| list.iter().flatten().map(Decimal::json).collect::<Value>();
    let operand = match operator.operand() {
        Operand::Nothing => None,
        Operand::Number => Some(("/value", filter.number.as_ref().map_or(Value::Null, Decimal::json))),
        Operand::Boolean => Some(("/value", json!(filter.boolean))),
        Operand::Numbers => Some(("/values", numbers(&filter.numbers))),
        Operand::Ranges => {
            let pair = |range: &NumberRange| json!([range.from.json(), range.to.json()]);
            Some(("/values", filter.ranges.iter().flatten().map(pair).collect()))
        }
        Operand::Strings => Some(("/values", json!(filter.strings))),
    };
    let mut arm = json!({"operatorType": operator.name(), "key": filter.key.0});
    if let Some((member, value)) = operand {
        set(&mut arm, member, value);
    }
    arm
}

#[cfg(test)]
mod tests {
    use acs_wire::filter::{Operator, SubscriptionFilter};

    use super::*;

    fn spec(filters: Value) -> EventSubscriptionSpec {
        let spec = json!({"source": {"serviceRef": {"name": "shop"}}, "advancedFilters": filters,
            "advancedFilteringOnArrays": "Enabled", "destination": {"type": "WebHook", "webHook": {"url": "https://a.example"}}});
        serde_json::from_value(spec).unwrap()
    }

    fn arm(spec: &EventSubscriptionSpec) -> Value {
        let mut body = json!({});
        fields(spec).iter().for_each(|field| set(&mut body, field.path, field.want.clone()));
        body["properties"]["filter"].clone()
    }

    /// The evaluator's own parser takes what is sent, for every operator.
    #[test]
    fn every_operator_reaches_azure_with_what_it_takes() {
        let filters: Vec<Value> = Operator::ALL
            .into_iter()
            .map(|operator| {
                let mut filter = json!({"operatorType": operator.name(), "key": "data.n"});
                let (member, value) = match operator.operand() {
                    Operand::Nothing => return filter,
                    Operand::Number => ("number", json!("2.5")),
                    Operand::Numbers => ("numbers", json!([1, "-0.5"])),
                    Operand::Ranges => ("ranges", json!([{"from": 1, "to": "3.5"}])),
                    Operand::Boolean => ("boolean", json!(false)),
                    Operand::Strings => ("strings", json!(["a"])),
                };
                filter[member] = value;
                filter
            })
            .collect();
        let sent = arm(&spec(json!(filters)));
        let parsed = SubscriptionFilter::parse(&sent).unwrap();
        assert_eq!((parsed.advanced.len(), parsed.on_arrays), (Operator::ALL.len(), true));
        let of = |operator: &str| {
            let list = sent["advancedFilters"].as_array().unwrap();
            list.iter().find(|filter| filter["operatorType"] == operator).unwrap().clone()
        };
        let key = "data.n";
        assert_eq!(of("IsNotNull"), json!({"operatorType": "IsNotNull", "key": key}));
        assert_eq!(of("NumberLessThan"), json!({"operatorType": "NumberLessThan", "key": key, "value": 2.5}));
        assert_eq!(of("NumberNotIn"), json!({"operatorType": "NumberNotIn", "key": key, "values": [1, -0.5]}));
        assert_eq!(of("NumberInRange"), json!({"operatorType": "NumberInRange", "key": key, "values": [[1, 3.5]]}));
        assert_eq!(of("BoolEquals"), json!({"operatorType": "BoolEquals", "key": key, "value": false}));
        assert_eq!(of("StringIn"), json!({"operatorType": "StringIn", "key": key, "values": ["a"]}));
    }
}
