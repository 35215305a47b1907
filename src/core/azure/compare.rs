//! When what Azure shows is what was wanted: it changes letter case, fills in defaults, and echoes integers as doubles.

use serde_json::{Value, json};

use super::call::Body;
use super::descriptor::Field;

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Byte by byte.
    Exact,
    /// Without letter case: Azure changes it at will.
    IgnoreCase,
    /// A region: Azure answers `West Europe` to `westeurope`.
    Region,
    /// A list in any order.
    Set,
    /// Every wanted entry is there; other entries are someone else's.
    Contains,
    /// Advanced filters, in any order: all have to hold, and their values are alternatives.
    Filters,
    /// Azure never shows it: nothing to compare.
    Unseen,
}

/// True if the observed resource has what the field wants.
pub(super) fn same(field: &Field, observed: &Body) -> bool {
    let there = observed.at(field.path);
    let Some(there) = there else { return wants_nothing(&field.want) || field.compare == Compare::Unseen };
    match field.compare {
        Compare::Unseen => true,
        Compare::Exact => *there == field.want || (there.as_f64().is_some() && there.as_f64() == field.want.as_f64()),
        Compare::IgnoreCase => text(there).eq_ignore_ascii_case(text(&field.want)),
        Compare::Region => region(text(there)) == region(text(&field.want)),
        Compare::Set => set_of(there) == set_of(&field.want),
        Compare::Filters => filters_of(there) == filters_of(&field.want),
        Compare::Contains => match (there, &field.want) {
            (Value::Object(there), Value::Object(want)) => {
                want.iter().all(|(key, value)| there.get(key) == Some(value))
            }
            _ => false,
        },
    }
}

/// True for a value that reads back as well when it is left out.
pub(super) fn wants_nothing(want: &Value) -> bool {
    match want {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn region(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

fn set_of(value: &Value) -> Vec<String> {
    let mut items: Vec<String> = value.as_array().into_iter().flatten().map(|item| text(item).to_owned()).collect();
    items.sort_unstable();
    items.dedup();
    items
}

/// Each filter as a text that is the same for the same filter; sorted.
fn filters_of(value: &Value) -> Vec<String> {
    let mut filters: Vec<String> = value.as_array().into_iter().flatten().map(filter).collect();
    filters.sort_unstable();
    filters
}

fn filter(value: &Value) -> String {
    let member = |name: &str| value.get(name).filter(|member| !member.is_null());
    let operator = member("operatorType").map(text).unwrap_or_default().to_ascii_lowercase();
    let mut values: Vec<String> =
        member("values").and_then(Value::as_array).into_iter().flatten().map(|one| doubles(one).to_string()).collect();
    values.sort_unstable();
    json!([operator, member("key"), member("value").map(doubles), values]).to_string()
}

fn doubles(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(list) => list.iter().map(doubles).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equal(want: Value, there: Value) -> bool {
        let path = "/properties/filter/advancedFilters";
        let field = Field { path, want, compare: Compare::Filters, mutable: true };
        same(&field, &Body(json!({"properties": {"filter": {"advancedFilters": there}}})))
    }

    #[test]
    fn filters_are_equal_as_azure_shows_them_and_differ_where_it_matters() {
        let number = json!({"operatorType": "NumberIn", "key": "data.n", "values": [2, 1]});
        let text = json!({"operatorType": "StringContains", "key": "data.s", "values": ["a", "b"]});
        let limit = json!({"operatorType": "NumberLessThan", "key": "data.n", "value": 5});
        let range = json!({"operatorType": "NumberInRange", "key": "data.n", "values": [[1, 2], [3.5, 4]]});
        let wanted = json!([number, text, limit, range]);
        let shown = json!([
            {"operatorType": "NumberInRange", "key": "data.n", "values": [[1.0, 2.0], [3.5, 4.0]]},
            {"operatorType": "numberin", "key": "data.n", "values": [1.0, 2.0]},
            {"operatorType": "StringContains", "key": "data.s", "values": ["b", "a"], "value": null},
            {"operatorType": "NumberLessThan", "key": "data.n", "value": 5.0},
        ]);
        assert!(equal(wanted.clone(), shown));
        assert!(equal(json!([]), Value::Null) && equal(json!([]), json!([])));
        for (wanted, shown) in [
            (json!([]), json!([text])),
            (json!([text]), json!([])),
            (json!([text]), json!([text, text])),
            (json!([range]), json!([{"operatorType": "NumberInRange", "key": "data.n", "values": [[2, 1], [3.5, 4]]}])),
            (json!([text]), json!([{"operatorType": "StringContains", "key": "data.s", "values": ["A", "b"]}])),
            (json!([text]), json!([{"operatorType": "StringContains", "key": "data.S", "values": ["a", "b"]}])),
            (json!([limit]), json!([{"operatorType": "NumberLessThan", "key": "data.n", "value": 6}])),
        ] {
            assert!(!equal(wanted.clone(), shown.clone()), "{wanted} {shown}");
        }
    }
}
