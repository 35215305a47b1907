//! When what Azure shows is what was wanted: it changes letter case, fills in defaults, and echoes integers as doubles.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

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
    /// Every wanted member is there, as deep as it lies; texts without letter case, for they are names and ids.
    Within,
    /// Managed identities: the wanted ones are there; other ones are someone else's.
    Identity,
    /// The same moment.
    Instant,
    /// It may not be there.
    Absent,
    /// Azure never shows it: nothing to compare.
    Unseen,
}

/// True if the observed resource has what the field wants.
pub(super) fn same(field: &Field, observed: &Body) -> bool {
    let there = observed.at(field.path);
    let Some(there) = there else { return wants_nothing(&field.want) || field.compare == Compare::Unseen };
    match field.compare {
        Compare::Unseen => true,
        Compare::Absent => wants_nothing(there),
        Compare::Within => within(&field.want, there),
        Compare::Identity => has_identity(&field.want, there),
        Compare::Instant => instant(text(there)).is_some() && instant(text(there)) == instant(text(&field.want)),
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

/// True if all that is wanted is there.
pub(super) fn within(want: &Value, there: &Value) -> bool {
    match (want, there) {
        (Value::Object(want), Value::Object(there)) => {
            want.iter().all(|(name, want)| there.get(name).is_some_and(|there| within(want, there)))
        }
        (Value::String(want), Value::String(there)) => want.eq_ignore_ascii_case(there),
        (Value::Number(want), Value::Number(there)) => want.as_f64() == there.as_f64(),
        (want, there) => want == there,
    }
}

/// Types of identity, which Azure lists in one text.
fn identity_types(identity: &Value) -> impl Iterator<Item = &str> {
    identity.get("type").map(text).unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty())
}

fn user_assigned(identity: &Value) -> impl Iterator<Item = &str> {
    let members = identity.get("userAssignedIdentities").and_then(Value::as_object);
    members.into_iter().flat_map(|members| members.keys().map(String::as_str))
}

/// True if the identities that are wanted are there.
pub(super) fn has_identity(want: &Value, there: &Value) -> bool {
    identity_types(want).all(|want| identity_types(there).any(|there| there.eq_ignore_ascii_case(want)))
        && user_assigned(want).all(|want| user_assigned(there).any(|there| there.eq_ignore_ascii_case(want)))
}

/// Identities of both, as ARM takes them: PATCH replaces them all.
pub(super) fn both_identities(there: Option<&Value>, want: &Value) -> Value {
    let both = [there.unwrap_or(&Value::Null), want];
    let has = |name: &str| both.iter().any(|one| identity_types(one).any(|found| found.eq_ignore_ascii_case(name)));
    let types: Vec<&str> = ["SystemAssigned", "UserAssigned"].into_iter().filter(|name| has(name)).collect();
    let mut identity = json!({"type": types.join(", ")});
    let theirs: Vec<&str> = there.into_iter().flat_map(user_assigned).collect();
    // As Azure spells it, where it is there already.
    let ours = user_assigned(want).filter(|id| !theirs.iter().any(|there| there.eq_ignore_ascii_case(id)));
    let ids: Map<String, Value> = theirs.iter().copied().chain(ours).map(|id| (id.to_owned(), json!({}))).collect();
    if let (Some(members), false) = (identity.as_object_mut(), ids.is_empty()) {
        members.insert("userAssignedIdentities".to_owned(), Value::Object(ids));
    }
    identity
}

/// A moment as Azure writes it: without a zone it is in UTC.
fn instant(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
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

    fn compared(compare: Compare, want: Value, there: Value) -> bool {
        same(&Field { path: "/member", want, compare, mutable: true }, &Body(json!({"member": there})))
    }

    fn equal(want: Value, there: Value) -> bool {
        compared(Compare::Filters, want, there)
    }

    #[test]
    fn a_moment_is_the_same_however_it_is_written() {
        let same = |there: &str| compared(Compare::Instant, json!("2027-01-31T00:00:00Z"), json!(there));
        for there in
            ["2027-01-31T00:00:00Z", "2027-01-31T00:00:00.0000000Z", "2027-01-31T01:00:00+01:00", "2027-01-31T00:00:00"]
        {
            assert!(same(there), "{there}");
        }
        assert!(!same("2027-01-31T00:00:01Z") && !same("tomorrow"));
        assert!(!compared(Compare::Instant, json!("2027-01-31T00:00:00Z"), Value::Null));
    }

    #[test]
    fn what_is_within_may_have_more_beside_it_and_what_is_absent_may_not_be_there() {
        let store = json!({"endpointType": "StorageBlob", "properties": {"resourceId": "/subscriptions/a"}});
        let shown = |id: &str| json!({"endpointType": "StorageBlob", "properties": {"resourceId": id, "more": 1}});
        let within = |there: Value| compared(Compare::Within, store.clone(), there);
        assert!(within(shown("/Subscriptions/A")) && !within(shown("/subscriptions/b")) && !within(Value::Null));
        assert!(!within(json!({"properties": {"resourceId": "/subscriptions/a"}})));
        assert!(compared(Compare::Within, json!({"n": 30}), json!({"n": 30.0})));
        assert!(
            compared(Compare::Absent, Value::Null, Value::Null)
                && !compared(Compare::Absent, Value::Null, json!({"a": 1}))
        );
    }

    #[test]
    fn an_identity_that_azure_spells_otherwise_is_sent_once() {
        let of = |id: &str| json!({"type": "UserAssigned", "userAssignedIdentities": {id: {}}});
        let both = both_identities(Some(&of("/subscriptions/a/I")), &of("/Subscriptions/A/i"));
        assert_eq!(both, of("/subscriptions/a/I"));
        let both = both_identities(Some(&of("/a")), &of("/b"));
        assert_eq!(both["userAssignedIdentities"], json!({"/a": {}, "/b": {}}));
        assert_eq!(both_identities(None, &of("/b")), of("/b"));
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
