//! Faults of what Azure sends: deliveries, handshakes, and pushes that apps ask the data plane for.

use super::super::delivery::{status, with_topic};
use super::*;

fn subscription() -> String {
    format!("{}/eventSubscriptions/one", super::super::delivery::topic())
}

/// A subscription that has agreed.
fn subscribed() -> Client {
    let mut azure = with_topic(Config::default());
    azure.subscribe(&subscription(), json!({}));
    azure
}

fn last(azure: &Client) -> &Entry {
    azure.world.journal().iter().rev().find(|entry| entry.plane == Plane::Outward).expect("a call outwards")
}

#[test]
fn a_delivery_fails_as_if_the_receiver_had_and_is_tried_again() {
    for (answer, expected, code) in [
        (json!({"status": 503}), 503, None),
        (json!({"stormMs": 100}), 429, None),
        (json!({"drop": "before"}), 0, Some("ConnectionFailed")),
    ] {
        let mut azure = subscribed();
        let id = azure.place(json!({"plane": "outward", "path": "relay.example/e", "times": 1, "answer": answer}));
        azure.sms();
        assert!(azure.pass(0).is_empty(), "{answer}: it never left");
        let entry = last(&azure);
        assert_eq!((entry.status, entry.fault, entry.code.as_deref()), (expected, Some(id), code), "{answer}");
        assert_eq!(azure.totals()["failed"], 1, "{answer}");
        assert_eq!(azure.pass(60).len(), 1, "{answer}: the next attempt is a real one");
    }
}

#[test]
fn the_attempt_after_a_struck_one_arrives() {
    let mut azure = subscribed();
    azure.place(json!({"plane": "outward", "times": 1, "answer": {"status": 500}}));
    azure.sms();
    assert!(azure.pass(0).is_empty());
    let again = azure.pass(60);
    assert_eq!(again.len(), 1);
    answered(&mut azure.world, again[0].id, status(200), azure.now);
    assert_eq!((azure.totals()["failed"].clone(), azure.totals()["delivered"].clone()), (json!(1), json!(1)));
}

#[test]
fn an_answer_that_is_lost_means_that_the_event_arrives_twice() {
    for answer in [json!({"drop": "after"}), json!({"status": 504, "performed": true})] {
        let mut azure = subscribed();
        azure.place(json!({"plane": "outward", "times": 1, "answer": answer}));
        azure.sms();
        let first = azure.pass(0);
        assert_eq!(first.len(), 1, "{answer}: it left");
        answered(&mut azure.world, first[0].id, status(200), azure.now);
        assert_eq!(azure.totals()["delivered"], 0, "{answer}");
        let second = azure.pass(60);
        assert_eq!(second.len(), 1, "{answer}");
        let id = |call: &Outbound| serde_json::from_slice::<Value>(&call.body).expect("JSON")[0]["id"].clone();
        assert_eq!(id(&first[0]), id(&second[0]), "the same event");
        answered(&mut azure.world, second[0].id, status(200), azure.now);
        assert_eq!(azure.totals()["delivered"], 1, "{answer}");
    }
}

#[test]
fn a_delayed_delivery_leaves_later_and_a_delayed_failure_is_known_later() {
    let mut azure = subscribed();
    azure.place(json!({"plane": "outward", "times": 1, "answer": {"delayMs": 5000}}));
    azure.sms();
    assert!(azure.pass(4).is_empty());
    assert_eq!(azure.pass(1).len(), 1);
    let mut azure = subscribed();
    azure.place(json!({"plane": "outward", "times": 1, "answer": {"delayMs": 5000, "status": 500}}));
    azure.sms();
    assert!(azure.pass(4).is_empty());
    assert_eq!(azure.totals()["failed"], 0);
    azure.pass(1);
    assert_eq!(azure.totals()["failed"], 1);
}

#[test]
fn a_held_call_is_not_made_by_a_restart() {
    let mut azure = subscribed();
    azure.place(json!({"plane": "outward", "times": 1, "answer": {"delayMs": 5000, "status": 500}}));
    azure.sms();
    assert!(azure.pass(0).is_empty());
    azure.world.call_again();
    assert!(azure.pass(0).is_empty());
    azure.pass(5);
    assert_eq!(azure.totals()["failed"], 1);
}

#[test]
fn a_handshake_is_struck_too_and_the_subscription_fails() {
    let mut azure = with_topic(Config::default());
    azure.place(json!({"plane": "outward", "operation": "Microsoft.EventGrid/eventSubscriptions/validation/*", "answer": {"status": 404}}));
    let destination = json!({"endpointType": "WebHook", "properties": {"endpointUrl": "https://relay.example/e"}});
    let made = azure.ask("PUT", &subscription(), EG, json!({"properties": {"destination": destination}}));
    assert_eq!(made.status, 201);
    let operation = made.header("azure-asyncoperation").expect("an operation").to_owned();
    assert!(azure.pass(0).is_empty());
    assert_eq!(azure.follow(&operation).value()["error"]["code"], "Url validation");
}

#[test]
fn the_data_plane_of_hubs_fails_in_its_own_words_and_drops() {
    let mut azure = instant();
    let hub = azure.put_hub();
    azure.place(json!({"plane": "hubs", "operation": "Microsoft.NotificationHubs/DataPlane/*", "times": 1, "answer": {"status": 503, "retryAfter": 3}}));
    azure.place(json!({"plane": "hubs", "times": 1, "answer": {"drop": "before"}}));
    let headers = vec![("Host".to_owned(), "shop-hubs.servicebus.windows.net".to_owned())];
    let path = format!("/{}/messages/?api-version=2020-06", hub.rsplit('/').next().expect("a name"));
    let request = Request { method: "POST".into(), path, headers, body: b"{}".to_vec() };
    let down = handle(&mut azure.world, &request, azure.now);
    assert_eq!((down.status, down.header("retry-after")), (503, Some("3")));
    assert!(down.header("content-type").expect("a type").contains("xml"));
    assert_eq!(handle(&mut azure.world, &request, azure.now).header(DROP_HEADER), Some("before"));
    assert_eq!(handle(&mut azure.world, &request, azure.now).status, 401);
    assert!(azure.placed("unfired").is_empty());
}
