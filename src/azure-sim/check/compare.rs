//! Two outcomes of one step: what differs, and what of it counts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::probe::Step;
use super::side::{Outcome, Seen};

/// Headers that clients act on, or that support asks for. Only whether they are there is compared.
pub(super) const HEADERS: [&str; 8] = [
    "azure-asyncoperation",
    "location",
    "retry-after",
    "www-authenticate",
    "etag",
    "x-ms-request-id",
    "x-ms-correlation-request-id",
    "x-ms-failure-cause",
];
/// Where their owner chooses the names of members.
const OPEN: [&str; 2] = ["/tags", "/userAssignedIdentities"];
/// Longest text of a value in a report.
const WIDEST: usize = 60;
/// Seconds that tell how long something takes, as a person would say it.
const CLASSES: [(u64, &str); 4] = [(5, "under 5 s"), (30, "under 30 s"), (180, "under 3 min"), (900, "under 15 min")];

/// One thing that the two sides do not agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What: `status`, `header retry-after`, `body /properties/hostName`, `operation state`, `timing` …
    pub what: String,
    /// What the simulator has there.
    pub simulator: String,
    /// What the endpoint has there.
    pub endpoint: String,
}

/// Everything that differs.
pub(super) fn outcomes(step: &Step, expected: &Outcome, seen: &Outcome) -> Vec<Difference> {
    let mut found = Vec::new();
    answers(step, "", &expected.first, &seen.first, &mut found);
    match (&expected.ended, &seen.ended) {
        (None, None) => {}
        (Some(one), Some(other)) => {
            differ(&mut found, "operation followed by", one.by, other.by);
            differ(&mut found, "operation state", &one.state, &other.state);
            answers(step, "operation ", &one.last, &other.last, &mut found);
        }
        (one, other) => {
            let by = |ended: &Option<super::side::Ended>| ended.as_ref().map_or("none", |ended| ended.by).to_owned();
            differ(&mut found, "operation followed by", &by(one), &by(other));
        }
    }
    if let (Some(one), Some(other)) = (expected.took, seen.took) {
        timing(&mut found, one, other);
    }
    found
}

/// Nobody relies on seconds. What counts is whether something takes a moment or minutes; two times on both sides of a limit
/// that are near each other are no difference.
fn timing(found: &mut Vec<Difference>, one: Duration, other: Duration) {
    let class =
        |took: Duration| CLASSES.iter().find(|(limit, _)| took.as_secs() < *limit).map_or("longer", |class| class.1);
    if one.max(other) > one.min(other) * 2 {
        differ(found, "timing", class(one), class(other));
    }
}

fn differ(found: &mut Vec<Difference>, what: &str, simulator: &str, endpoint: &str) {
    if simulator != endpoint {
        let cut = |text: &str| text.chars().take(WIDEST).collect();
        found.push(Difference { what: what.to_owned(), simulator: cut(simulator), endpoint: cut(endpoint) });
    }
}

fn answers(step: &Step, of: &str, expected: &Seen, seen: &Seen, found: &mut Vec<Difference>) {
    differ(found, &format!("{of}status"), &expected.status.to_string(), &seen.status.to_string());
    for name in HEADERS {
        let is = |seen: &Seen| if seen.headers.contains_key(name) { "present" } else { "absent" };
        differ(found, &format!("{of}header {name}"), is(expected), is(seen));
    }
    let kind = |seen: &Seen| {
        let kind = seen.header("content-type").and_then(|kind| kind.split(';').next()).unwrap_or("absent");
        kind.trim().to_ascii_lowercase()
    };
    differ(found, &format!("{of}header content-type"), &kind(expected), &kind(seen));
    match (expected.json(), seen.json()) {
        (Some(one), Some(other)) => {
            let mut values = step.equal.to_vec();
            values.extend(["/error/code", "/code", "/error/details/0/code"]);
            shapes(&format!("{of}body "), "", &one, &other, found);
            for pointer in values {
                let (one, other) = (one.pointer(pointer), other.pointer(pointer));
                // One that is only on one side was found by its shape.
                if let (Some(one), Some(other)) = (one, other) {
                    differ(found, &format!("{of}body {pointer}"), &plain(one), &plain(other));
                }
            }
        }
        (one, other) => {
            let is = |seen: &Seen, json: &Option<Value>| match json {
                Some(_) => "JSON",
                None if seen.body.is_empty() => "empty",
                None => "text",
            };
            differ(found, &format!("{of}body"), is(expected, &one), is(seen, &other));
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Compares names and types. A list is as its members are together; one that is empty says nothing.
fn shapes(of: &str, at: &str, one: &Value, other: &Value, found: &mut Vec<Difference>) {
    let what = || format!("{of}{}", if at.is_empty() { "/" } else { at });
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            if !OPEN.iter().any(|open| at.ends_with(open)) {
                members(of, at, one, other, found);
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            if let (Some(one), Some(other)) = (together(one), together(other)) {
                shapes(of, &format!("{at}/*"), &one, &other, found);
            }
        }
        _ => differ(found, &what(), kind(one), kind(other)),
    }
}

fn members(of: &str, at: &str, one: &Map<String, Value>, other: &Map<String, Value>, found: &mut Vec<Difference>) {
    let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let here = format!("{at}/{name}");
        match (one.get(name), other.get(name)) {
            (Some(one), Some(other)) => shapes(of, &here, one, other, found),
            (one, other) => {
                let is = |value: Option<&Value>| value.map_or("absent", kind);
                differ(found, &format!("{of}{here}"), is(one), is(other));
            }
        }
    }
}

/// One value with everything that the members of a list have.
fn together(list: &[Value]) -> Option<Value> {
    let mut merged = Map::new();
    for item in list {
        match item {
            Value::Object(members) => merged.extend(members.clone()),
            other => return Some(other.clone()),
        }
    }
    (!list.is_empty()).then_some(Value::Object(merged))
}

/// Counts by what differs, for a last line.
pub(super) fn kinds(differences: &[Difference]) -> BTreeMap<String, usize> {
    differences.iter().fold(BTreeMap::new(), |mut counts, difference| {
        let kind = difference.what.split(' ').find(|word| *word != "operation").unwrap_or("operation").to_owned();
        *counts.entry(kind).or_default() += 1;
        counts
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(one: &Value, other: &Value) -> Vec<String> {
        let mut found = Vec::new();
        shapes("body ", "", one, other, &mut found);
        found.into_iter().map(|d| format!("{} {} {}", d.what, d.simulator, d.endpoint)).collect()
    }

    #[test]
    fn names_and_types_count_and_values_do_not() {
        assert_eq!(found(&json!({"a": 1, "b": "x"}), &json!({"b": "y", "a": 2.5})), [""; 0]);
        assert_eq!(found(&json!({"a": {"b": 1}}), &json!({"a": {"b": "1"}})), ["body /a/b number string"]);
        assert_eq!(found(&json!({"a": 1}), &json!({"b": null})), ["body /a number absent", "body /b absent null"]);
        assert_eq!(found(&json!({"tags": {"a": "1"}}), &json!({"tags": {"b": "1"}})), [""; 0]);
    }

    #[test]
    fn times_differ_when_a_person_would_say_so() {
        let found = |one: u64, other: u64| {
            let mut found = Vec::new();
            timing(&mut found, Duration::from_secs(one), Duration::from_secs(other));
            found.into_iter().map(|d| format!("{} {} {}", d.what, d.simulator, d.endpoint)).collect::<Vec<_>>()
        };
        assert_eq!(found(1, 4), [""; 0], "both take a moment");
        assert_eq!(found(4, 6), [""; 0], "near each other, with a limit between them");
        assert_eq!(found(1, 66), ["timing under 5 s under 3 min"]);
        assert_eq!(found(2000, 20), ["timing longer under 30 s"]);
    }

    #[test]
    fn a_list_is_as_its_members_are_together() {
        let one = json!({"value": [{"a": 1}, {"b": 1}]});
        assert_eq!(found(&one, &json!({"value": [{"b": 1, "a": 1}]})), [""; 0]);
        assert_eq!(found(&one, &json!({"value": []})), [""; 0]);
        assert_eq!(found(&one, &json!({"value": [{"a": 1}]})), ["body /value/*/b number absent"]);
        assert_eq!(found(&one, &json!({"value": {}})), ["body /value array object"]);
    }
}
