//! Filters hold events back; what each operator means is told beside the evaluator.

use super::*;

fn advanced(filters: Value) -> Value {
    json!({"filter": {"advancedFilters": filters}})
}

#[test]
fn an_advanced_filter_lets_some_events_through_and_holds_others_back() {
    let mut azure = with_topic(Config::default());
    let to = |number: &str| advanced(json!([{"operatorType": "StringEndsWith", "key": "data.to", "values": [number]}]));
    azure.subscribe(&subscription("six"), to("666"));
    azure.subscribe(&subscription("seven"), to("777"));
    let published = azure.sms();
    assert_eq!(published["matched"].as_array().map(Vec::len), Some(1), "{published}");
    assert_eq!(published["matched"][0]["id"], subscription("six"));
    assert_eq!(published["matched"][0].get("notes"), None);
    assert_eq!(azure.answer_all(&status(200)), 1);
}

#[test]
fn every_event_of_a_series_is_asked_for_itself() {
    let mut azure = with_topic(Config::default());
    azure.subscribe(
        &subscription("odd"),
        advanced(json!([{"operatorType": "StringIn", "key": "id", "values": ["E-1", "E-3"]}])),
    );
    let event = json!({"service": "shop", "type": "Microsoft.Communication.SMSReceived", "id": "e", "count": 5});
    azure.door("POST", "events", event);
    assert_eq!(azure.totals()["matched"], 2);
    assert_eq!(azure.answer_all(&status(200)), 2);
}

#[test]
fn arrays_are_looked_into_where_the_subscription_says_so() {
    let mut azure = with_topic(Config::default());
    for on_arrays in [false, true] {
        let mut filter = advanced(json!([{"operatorType": "NumberGreaterThan", "key": "data.list", "value": 2}]));
        filter["filter"]["enableAdvancedFilteringOnArrays"] = json!(on_arrays);
        azure.subscribe(&subscription("list"), filter);
        let data = json!({"list": [1, "x", 3]});
        let event = json!({"service": "shop", "type": "Microsoft.Communication.SMSReceived", "data": data});
        let matched = azure.door("POST", "events", event)["matched"].as_array().map(Vec::len);
        assert_eq!(matched, Some(usize::from(on_arrays)));
    }
}

#[test]
fn a_filter_that_cannot_be_evaluated_is_refused_with_the_reason() {
    let mut azure = with_topic(Config::default());
    let destination = json!({"endpointType": "WebHook", "properties": {"endpointUrl": "https://relay.example/e"}});
    for (filters, reason) in [
        (json!([{"operatorType": "Like", "key": "id", "values": ["x"]}]), "there is no operator 'Like'"),
        (json!([{"operatorType": "NumberIn", "key": "data.n", "values": ["1"]}]), "'NumberIn' takes a list of numbers"),
        (json!([{"operatorType": "StringIn", "key": "id", "values": vec!["x"; 26]}]), "26 values"),
    ] {
        let mut properties = advanced(filters);
        properties["destination"] = destination.clone();
        let answer = azure.ask("PUT", &subscription("bad"), EG, json!({"properties": properties}));
        assert_eq!((answer.status, answer.value()["error"]["code"].clone()), (400, json!("InvalidRequest")));
        let message = answer.value()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains(reason), "{message}");
    }
}
