//! The one table of keys: what the types take, no more and no less.

use super::super::super::faults::keys::{KEYS, Takes};
use super::*;

const PAGE: &str = include_str!("../../../../../docs/simulator-faults.md");

/// The names in a refusal of serde's: ``unknown field `x`, expected one of `a`, `b` ``.
fn expected(place: impl Fn(Value) -> Value) -> Vec<String> {
    let error = serde_json::from_value::<Fault>(place(json!({"zz": 1}))).expect_err("a key that is none").to_string();
    let (_, names) = error.split_once("expected ").expect(&error);
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The names that the table has directly beneath `at`.
fn listed(at: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for key in &KEYS {
        let rest = if at.is_empty() { Some(key.at) } else { key.at.strip_prefix(at).and_then(|r| r.strip_prefix('/')) };
        let name = rest.and_then(|rest| rest.split('/').next()).map(str::to_owned);
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}

#[test]
fn the_table_has_the_keys_that_the_types_take() {
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let whole = |value: Value| value;
    let answer = |value: Value| json!({"answer": value});
    for (at, taken) in [
        ("", expected(whole)),
        ("answer", expected(answer)),
        ("answer/after", expected(|v| answer(json!({"after": v})))),
        ("answer/after/delete", expected(|v| answer(json!({"after": {"delete": v}})))),
        ("answer/after/set", expected(|v| answer(json!({"after": {"set": v}})))),
        ("answer/lro/late", expected(|v| answer(json!({"lro": {"late": v}})))),
    ] {
        assert_eq!(sorted(listed(at)), sorted(taken), "beneath '{at}'");
    }
}

#[test]
fn the_words_of_the_table_are_those_that_the_types_take() {
    let of = |at: &str| match KEYS.iter().find(|key| key.at == at).map(|key| key.takes) {
        Some(Takes::Word(words)) => words.iter().map(|w| (*w).to_owned()).collect(),
        _ => Vec::<String>::new(),
    };
    assert_eq!(of("plane"), expected(|v| json!({"plane": v})));
    assert_eq!(of("answer/drop"), expected(|v| json!({"answer": {"drop": v}})));
    let mut lros = of("answer/lro");
    lros.push("late".into());
    assert_eq!(lros, expected(|v| json!({"answer": {"lro": v}})));
}

#[test]
fn the_door_shows_the_table_and_the_page_explains_each_key() {
    let mut azure = instant();
    let shown = azure.raw("GET", "/_sim/faults/keys", b"").value();
    let keys = shown["keys"].as_array().expect("a list");
    assert_eq!(keys.len(), KEYS.len());
    assert_eq!(keys[1]["takes"], json!({"word": ["arm", "entra", "hubs", "outward"]}));
    assert_eq!(keys[10]["takes"], json!({"number": [200, 599]}));
    assert_eq!(keys[18]["planes"], json!(["arm"]));
    for key in &KEYS {
        let name = key.at.rsplit('/').next().expect("a name");
        let words = ["`", " ", "{"].map(|before| format!("{before}{name}"));
        assert!(words.iter().any(|word| PAGE.contains(word)), "docs/simulator-faults.md does not speak of {name}");
    }
}

#[test]
fn a_key_is_refused_where_it_says_nothing() {
    let mut azure = instant();
    for (plane, answer, why) in [
        ("hubs", json!({"status": 503, "code": "Busy"}), ["'code'", "arm or entra", "hubs"]),
        ("outward", json!({"staleMs": 5}), ["'staleMs'", "arm", "outward"]),
        ("entra", json!({"after": {"delete": {}}}), ["'delete'", "arm", "entra"]),
    ] {
        let refused =
            azure.raw("POST", "/_sim/faults", json!({"plane": plane, "answer": answer}).to_string().as_bytes());
        let error = refused.value()["error"].as_str().unwrap_or_default().to_owned();
        assert!(refused.status == 400 && why.iter().all(|word| error.contains(word)), "{plane}: {error}");
    }
    for answer in [
        json!({"after": {"set": {"pointer": "/tags", "inMs": 86_400_001}}}),
        json!({"after": {"delete": {"inMs": 86_400_001}}}),
        json!({"after": {"delete": {"id": "x"}}}),
        json!({"after": {"set": {"pointer": "tags"}}}),
        json!({"lro": {"late": {"ms": 86_400_001}}}),
        json!({"delayMs": 86_400_001}),
    ] {
        let refused = azure.raw("POST", "/_sim/faults", json!({"answer": answer}).to_string().as_bytes());
        assert_eq!(refused.status, 400, "{answer}");
    }
}
