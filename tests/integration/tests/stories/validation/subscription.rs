//! Rules of `EventSubscription`.

use anyhow::Result;
use serde_json::{Value, json};

use super::rules::{OTHER, Rule, change, creation, fixed, named, spec};
use super::{Room, with};

const KIND: &str = "EventSubscription";

pub(super) fn rules() -> Vec<Rule> {
    [whole(), operands(), values()].into_iter().flatten().collect()
}

/// What is said of every event subscription.
fn whole() -> Vec<Rule> {
    let to = |value: Value| spec(json!({"destination": value}));
    let account = format!("/subscriptions/{OTHER}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a");
    let queue = json!({"resourceId": account, "queueName": "events"});
    let secret = json!({"name": "s", "key": "k"});
    vec![
        creation(
            KIND,
            "exactly one of `url` and `urlSecretRef` must be set",
            vec![to(json!({"webHook": {"url": null, "urlSecretRef": secret}}))],
            vec![to(json!({"webHook": {"urlSecretRef": secret}})), to(json!({"webHook": {"url": null}}))],
        ),
        creation(
            KIND,
            "`webHook` must be set exactly when `type` is \"WebHook\"",
            vec![json!({})],
            vec![to(json!({"webHook": null})), to(json!({"type": "StorageQueue", "storageQueue": queue}))],
        ),
        creation(
            KIND,
            "`storageQueue` must be set exactly when `type` is \"StorageQueue\"",
            vec![to(json!({"type": "StorageQueue", "storageQueue": queue, "webHook": null}))],
            vec![to(json!({"storageQueue": queue})), to(json!({"type": "StorageQueue", "webHook": null}))],
        ),
        creation(
            KIND,
            "`eventRelayRef` must be set exactly when `type` is \"EventRelay\"",
            vec![to(json!({"type": "EventRelay", "eventRelayRef": {"name": "r"}, "webHook": null}))],
            vec![to(json!({"eventRelayRef": {"name": "r"}})), to(json!({"type": "EventRelay", "webHook": null}))],
        ),
        change(
            KIND,
            "`source` may not change: delete and create again",
            json!({}),
            vec![spec(json!({"eventTypes": ["Microsoft.Communication.SMSReceived"]}))],
            vec![spec(json!({"source": {"serviceRef": {"name": "other"}}}))],
        ),
        fixed(KIND, "`azureName` may not change: delete and create again", "azureName", [json!("one"), json!("two")]),
        fixed(
            KIND,
            "`deliverySchema` may not change: delete and create again",
            "deliverySchema",
            [json!("EventGridSchema"), json!("CloudEventSchemaV1_0")],
        ),
        creation(KIND, "`metadata.name` must be at most 50 characters", vec![named(50)], vec![named(51)]),
    ]
}

/// An advanced filter with an operator, and members beside its key.
fn filter(operator: &str, members: &Value) -> Value {
    let mut filter = json!({"operatorType": operator, "key": "data.k"});
    crate::harness::merge(&mut filter, members);
    filter
}

fn filters(list: &[Value]) -> Value {
    spec(json!({"advancedFilters": list}))
}

fn operands() -> Vec<Rule> {
    let one = |operator: &str, members: Value| filters(&[filter(operator, &members)]);
    let (text, number) = (json!({"strings": ["a"]}), json!({"number": 1}));
    let unless = |member: &str, of: &str| creation_of_filter(member, of);
    vec![
        unless("strings", "begins with \"String\"").with(
            [
                "StringIn",
                "StringNotIn",
                "StringBeginsWith",
                "StringNotBeginsWith",
                "StringEndsWith",
                "StringNotEndsWith",
                "StringContains",
                "StringNotContains",
            ]
            .map(|operator| one(operator, text.clone())),
            [one("StringIn", json!({})), one("IsNotNull", text.clone()), one("StringIn", number.clone())],
        ),
        unless("numbers", "is \"NumberIn\" or \"NumberNotIn\"").with(
            ["NumberIn", "NumberNotIn"].map(|operator| one(operator, json!({"numbers": [1, "-2.5"]}))),
            [
                one("NumberIn", json!({})),
                one("NumberLessThan", json!({"numbers": [1]})),
                one("NumberNotIn", text.clone()),
            ],
        ),
        unless("ranges", "is \"NumberInRange\" or \"NumberNotInRange\"").with(
            ["NumberInRange", "NumberNotInRange"]
                .map(|operator| one(operator, json!({"ranges": [{"from": 1, "to": 2}]}))),
            [one("NumberInRange", json!({})), one("NumberIn", json!({"ranges": [{"from": 1, "to": 2}]}))],
        ),
        unless("number", "begins with \"NumberLessThan\" or \"NumberGreaterThan\"").with(
            ["NumberLessThan", "NumberLessThanOrEquals", "NumberGreaterThan", "NumberGreaterThanOrEquals"]
                .map(|operator| one(operator, number.clone())),
            [one("NumberLessThan", json!({})), one("NumberIn", number.clone()), one("BoolEquals", number.clone())],
        ),
        unless("boolean", "is \"BoolEquals\"").with(
            [one("BoolEquals", json!({"boolean": false}))],
            [one("BoolEquals", json!({})), one("IsNullOrUndefined", json!({"boolean": true}))],
        ),
    ]
}

fn values() -> Vec<Rule> {
    let range =
        |from: Value, to: Value| filters(&[filter("NumberInRange", &json!({"ranges": [{"from": from, "to": to}]}))]);
    let strings = |count: usize| filter("StringIn", &json!({"strings": vec!["a"; count]}));
    vec![
        creation(
            KIND,
            "`from` must be at most `to`: no number is in the range else",
            vec![range(json!(1), json!(1)), range(json!("-1.5"), json!(10)), range(json!(2), json!("10.5"))],
            vec![range(json!(2), json!(1)), range(json!("10.5"), json!("2.5")), range(json!("1.5"), json!(1))],
        ),
        creation(
            KIND,
            "`advancedFilters` must have at most 25 values over all of them; an operator that takes none counts as one",
            vec![
                filters(&[strings(25)]),
                filters(&[strings(12), strings(12), filter("IsNotNull", &json!({}))]),
                filters(&vec![filter("IsNotNull", &json!({})); 25]),
            ],
            vec![
                filters(&[strings(25), filter("IsNotNull", &json!({}))]),
                filters(&[strings(13), strings(13)]),
                filters(&[strings(13), filter("NumberIn", &json!({"numbers": vec![1; 13]}))]),
            ],
        ),
    ]
}

/// A rule that a member of an advanced filter is there exactly for some operators.
struct Unless(String);

fn creation_of_filter(member: &str, of: &str) -> Unless {
    Unless(format!("`{member}` must be set exactly when `operatorType` {of}"))
}

impl Unless {
    fn with<const A: usize, const R: usize>(self, accept: [Value; A], reject: [Value; R]) -> Rule {
        creation(KIND, self.0.leak(), accept.into(), reject.into())
    }
}

#[tokio::test]
async fn filters_of_the_wrong_shape_are_refused_and_the_field_is_named() -> Result<()> {
    let room = Room::make("filter-shapes").await?;
    let filter = |members: Value| json!({"advancedFilters": [filter("StringIn", &members)]});
    let number = |number: Value| filter(json!({"operatorType": "NumberLessThan", "number": number}));
    let none = json!({"operatorType": "IsNotNull", "key": "id"});
    let text = |text: String| filter(json!({"key": "data.a b.c-d", "strings": [text]}));
    room.refuses(&[
        (KIND, filter(json!({"operatorType": "Like"})), "advancedFilters[0].operatorType"),
        (KIND, filter(json!({"strings": ["a"], "key": "from"})), "advancedFilters[0].key"),
        (KIND, filter(json!({"strings": ["a"], "key": "data..from"})), "advancedFilters[0].key"),
        (KIND, filter(json!({"strings": ["a"], "key": "subject.x"})), "advancedFilters[0].key"),
        (KIND, text("é".repeat(513)), "advancedFilters[0].strings[0]"),
        (KIND, filter(json!({"strings": []})), "advancedFilters[0].strings"),
        (KIND, filter(json!({"strings": vec!["a"; 26]})), "advancedFilters[0].strings"),
        (KIND, number(json!(2.5)), "advancedFilters[0].number"),
        (KIND, number(json!("1e3")), "advancedFilters[0].number"),
        (KIND, number(json!(9_007_199_254_740_992_i64)), "advancedFilters[0].number"),
        (KIND, number(json!(-9_007_199_254_740_992_i64)), "advancedFilters[0].number"),
        (KIND, json!({"advancedFilters": vec![none; 26]}), "advancedFilters"),
        (KIND, json!({"eventTypes": ["A.B", "A.B"]}), "spec.eventTypes[1]"),
    ])
    .await;
    for spec in [text("é".repeat(512)), text(String::new()), number(json!("-0.25")), number(json!(-7))] {
        room.create(&with(KIND, &json!({"spec": spec}))).await.map_err(anyhow::Error::msg)?;
    }
    Ok(())
}
