//! Delivery: to whom, in what shape, and in what bounds.

mod ends;
mod filters;
mod protected;
mod retry;
mod storage;

use super::*;

pub(super) fn topic() -> String {
    format!("{RG}/providers/Microsoft.EventGrid/systemTopics/shop-topic")
}

fn subscription(name: &str) -> String {
    format!("{}/eventSubscriptions/{name}", topic())
}

pub(super) fn with_topic(config: Config) -> Client {
    let mut azure = Client::new(Config { throttle: false, ..config });
    azure.put_service("shop");
    let body = json!({
        "location": "global",
        "properties": {"source": service("shop"), "topicType": "Microsoft.Communication.CommunicationServices"},
    });
    assert_eq!(azure.ask("PUT", &topic(), EG, body).status, 201);
    azure
}

pub(super) fn status(status: u16) -> Answered {
    Answered::Response { status, headers: vec![], body: vec![] }
}

impl Client {
    pub(super) fn door(&mut self, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let response = self.raw(method, &format!("/_sim/{path}"), &body);
        assert_eq!(response.status, 200, "{path}: {}", response.value());
        response.value()
    }

    /// Answers every call that is out.
    fn answer_all(&mut self, answer: &Answered) -> usize {
        let calls = self.pass(0);
        for call in &calls {
            answered(&mut self.world, call.id, answer.clone(), self.now);
        }
        calls.len()
    }

    /// A webhook subscription that has agreed, with these properties beside or instead of the usual ones.
    pub(super) fn subscribe(&mut self, id: &str, more: Value) {
        let mut properties = json!({
            "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": "https://relay.example/e?code=s3cret"}},
        });
        for (name, value) in more.as_object().expect("an object") {
            properties[name] = value.clone();
        }
        let made = self.ask("PUT", id, EG, json!({"properties": properties}));
        assert_eq!(made.status, 201, "{}", made.value());
        for call in self.pass(0) {
            let event: Value = serde_json::from_slice(&call.body).unwrap_or_default();
            let code = json!({"validationResponse": event[0]["data"]["validationCode"]}).to_string();
            let headers = ["WebHook-Allowed-Origin", "WebHook-Allowed-Rate"].map(|n| (n.to_owned(), "*".to_owned()));
            let answer = Answered::Response { status: 200, headers: headers.into(), body: code.into_bytes() };
            answered(&mut self.world, call.id, answer, self.now);
        }
        assert_eq!(state(&self.get(id, EG)), "Succeeded");
    }

    pub(super) fn sms(&mut self) -> Value {
        self.door("POST", "sms", json!({"service": "shop", "from": "+1555", "to": "+1666", "message": "hello"}))
    }

    pub(super) fn totals(&mut self) -> Value {
        self.door("GET", "deliveries", Value::Null)["totals"].clone()
    }

    fn attempts(&mut self) -> Vec<Value> {
        self.door("GET", "deliveries", Value::Null)["attempts"].as_array().expect("a list").clone()
    }
}

#[test]
fn an_event_reaches_every_subscription_whose_filter_lets_it_through() {
    let mut azure = with_topic(Config::default());
    azure.subscribe(&subscription("all"), json!({}));
    azure.subscribe(
        &subscription("sms"),
        json!({"filter": {"includedEventTypes": ["microsoft.communication.smsreceived"]}}),
    );
    azure.subscribe(
        &subscription("calls"),
        json!({"filter": {"includedEventTypes": ["Microsoft.Communication.IncomingCall"]}}),
    );
    azure.subscribe(&subscription("begins"), json!({"filter": {"subjectBeginsWith": "/PHONEnumber/"}}));
    let strict = json!({"filter": {"subjectBeginsWith": "/PHONEnumber/", "isSubjectCaseSensitive": true}});
    azure.subscribe(&subscription("strict"), strict);
    let extension = format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/extension", service("shop"));
    azure.subscribe(&extension, json!({"filter": {"subjectEndsWith": "1555"}}));
    azure.subscribe(&subscription("expired"), json!({"expirationTimeUtc": "2020-01-01T00:00:00Z"}));
    let published = azure.sms();
    let mut matched: Vec<String> = published["matched"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|m| m["id"].as_str().expect("an id").to_owned())
        .collect();
    matched.sort();
    assert_eq!(matched, [extension, subscription("all"), subscription("begins"), subscription("sms")]);
    assert_eq!(azure.answer_all(&status(200)), 4);
    let totals = azure.totals();
    assert_eq!((totals["published"].clone(), totals["matched"].clone()), (json!(1), json!(4)));
    assert_eq!((totals["delivered"].clone(), totals["pending"].clone()), (json!(4), json!(0)));
}

#[test]
fn a_type_of_the_future_goes_to_those_who_named_it() {
    let mut azure = with_topic(Config::default());
    azure.subscribe(&subscription("default"), json!({}));
    azure.subscribe(
        &subscription("future"),
        json!({"filter": {"includedEventTypes": ["Microsoft.Communication.Telepathy"]}}),
    );
    let event = json!({"source": service("shop"), "type": "Microsoft.Communication.Telepathy", "data": {"n": 1}, "id": "one", "count": 2});
    let published = azure.door("POST", "events", event);
    assert_eq!(published["ids"], json!(["one-0", "one-1"]));
    assert_eq!(published["matched"][0]["id"], subscription("future"));
    assert_eq!(published["matched"].as_array().expect("a list").len(), 1);
}

#[test]
fn deliveries_carry_the_documented_envelope_and_headers() {
    for cloud_events in [false, true] {
        let mut azure = with_topic(Config::default());
        let schema = if cloud_events { "CloudEventSchemaV1_0" } else { "EventGridSchema" };
        let attributes = json!([
            {"name": "acs-relay-key", "type": "Static", "properties": {"value": "k3y", "isSecret": true}},
            {"name": "x-to", "type": "Dynamic", "properties": {"sourceField": "data.to"}},
            {"name": "x-broken", "type": "Static", "properties": {"value": "line\nbreak"}},
        ]);
        let endpoint =
            json!({"endpointUrl": "https://relay.example/e?code=s3cret", "deliveryAttributeMappings": attributes});
        let destination = json!({"endpointType": "WebHook", "properties": endpoint});
        azure.subscribe(&subscription("relay"), json!({"eventDeliverySchema": schema, "destination": destination}));
        let id = azure.sms()["ids"][0].clone();
        let calls = azure.pass(0);
        assert_eq!(calls.len(), 1);
        let call = &calls[0];
        assert_eq!((call.method.as_str(), call.url.as_str()), ("POST", "https://relay.example/e?code=s3cret"));
        assert_eq!(call.timeout_ms, 30_000);
        let header = |name: &str| call.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(header("aeg-event-type"), Some("Notification"));
        assert_eq!(header("aeg-subscription-name"), Some("RELAY"));
        assert_eq!(header("aeg-delivery-count"), Some("0"));
        assert_eq!(header("acs-relay-key"), Some("k3y"));
        assert_eq!(header("x-to"), Some("+1666"));
        assert_eq!(header("x-broken"), None);
        assert!(header("aeg-output-event-id").is_some() && header("x-ms-request-id").is_some());
        let body: Value = serde_json::from_slice(&call.body).expect("JSON");
        let data = if cloud_events {
            assert_eq!(header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
            assert_eq!((header("aeg-data-version"), header("aeg-metadata-version")), (None, Some("1.0")));
            assert_eq!(header("WebHook-Request-Origin"), Some("eventgrid.azure.net"));
            assert_eq!((body["specversion"].clone(), body["id"].clone()), (json!("1.0"), id));
            assert_eq!(body["source"].as_str().expect("a source").to_lowercase(), service("shop").to_lowercase());
            &body["data"]
        } else {
            assert_eq!(header("content-type"), Some("application/json; charset=utf-8"));
            assert_eq!((header("aeg-data-version"), header("aeg-metadata-version")), (Some("1.0"), Some("1")));
            assert_eq!((body[0]["dataVersion"].clone(), body[0]["id"].clone()), (json!("1.0"), id));
            assert_eq!(body[0]["eventType"], "Microsoft.Communication.SMSReceived");
            assert_eq!(body[0]["subject"], "/phonenumber/+1555");
            &body[0]["data"]
        };
        assert_eq!((data["from"].clone(), data["message"].clone()), (json!("+1555"), json!("hello")));
        let shown = azure.door("GET", "deliveries", Value::Null).to_string()
            + &azure.door("GET", "state", Value::Null).to_string();
        assert!(!shown.contains("k3y") && !shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn batches_hold_what_is_due_and_fail_as_one() {
    let mut azure = with_topic(Config::default());
    let endpoint =
        json!({"endpointUrl": "https://relay.example/e", "maxEventsPerBatch": 10, "preferredBatchSizeInKilobytes": 2});
    let destination = json!({"endpointType": "WebHook", "properties": endpoint});
    azure.subscribe(
        &subscription("relay"),
        json!({"eventDeliverySchema": "CloudEventSchemaV1_0", "destination": destination}),
    );
    let event = |size: usize, count: usize| json!({"service": "shop", "type": "Microsoft.Communication.SMSReceived", "data": {"text": "x".repeat(size)}, "count": count});
    azure.door("POST", "events", event(1, 12));
    let calls = azure.pass(0);
    let sizes: Vec<usize> =
        calls.iter().map(|c| serde_json::from_slice::<Vec<Value>>(&c.body).expect("an array").len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 12);
    assert!(sizes.len() > 1 && sizes[0] > 1 && calls.iter().all(|c| c.body.len() <= 2 * 1024 + 2), "{sizes:?}");
    assert!(
        calls[0].headers.contains(&("content-type".into(), "application/cloudevents-batch+json; charset=utf-8".into()))
    );
    for call in &calls {
        answered(&mut azure.world, call.id, status(500), azure.now);
    }
    assert_eq!(azure.attempts().iter().filter(|a| a["outcome"] == "Retry").count(), 12, "all or none");
    let again = azure.pass(12);
    assert!(!again.is_empty());
    azure.door("POST", "events", event(5000, 2));
    let larger: Vec<usize> = azure.pass(0).iter().map(|c| c.body.len()).collect();
    assert!(larger.len() == 2 && larger.iter().all(|l| *l > 5000), "one that is larger goes alone");
}

#[test]
fn an_update_delivers_the_old_way_until_the_new_one_has_agreed() {
    let mut azure = with_topic(Config::default());
    azure.subscribe(&subscription("relay"), json!({}));
    let moved = json!({"endpointType": "WebHook", "properties": {"endpointUrl": "https://new.example/e"}});
    assert_eq!(azure.ask("PATCH", &subscription("relay"), EG, json!({"destination": moved})).status, 201);
    let handshake = azure.pass(0);
    azure.sms();
    let old = azure.pass(0);
    assert!(old[0].url.starts_with("https://relay.example/"));
    answered(&mut azure.world, old[0].id, status(500), azure.now);
    let event: Value = serde_json::from_slice(&handshake[0].body).expect("an event");
    let body = json!({"validationResponse": event[0]["data"]["validationCode"]}).to_string().into_bytes();
    answered(&mut azure.world, handshake[0].id, Answered::Response { status: 200, headers: vec![], body }, azure.now);
    assert!(azure.pass(12)[0].url.starts_with("https://new.example/"), "what waited goes the new way");
}

#[test]
fn a_subscription_that_never_agreed_gets_nothing() {
    let mut azure = with_topic(Config::default());
    let destination = json!({"endpointType": "WebHook", "properties": {"endpointUrl": "https://relay.example/e"}});
    let body = json!({"properties": {"destination": destination}});
    azure.ask("PUT", &subscription("mute"), EG, body.clone());
    azure.answer_all(&status(200));
    assert_eq!(state(&azure.get(&subscription("mute"), EG)), "AwaitingManualAction");
    assert_eq!(azure.sms()["matched"], json!([]));
    // Nor after a second PUT that is refused: there is nothing to return to.
    azure.ask("PUT", &subscription("mute"), EG, body);
    azure.answer_all(&status(403));
    assert_eq!(azure.get(&subscription("mute"), EG).status, 404);
}

#[test]
fn a_deleted_subscription_drops_its_queue_and_its_webhook_is_told() {
    let mut azure = with_topic(Config { deletion_notices: true, ..Config::default() });
    azure.subscribe(&subscription("relay"), json!({}));
    azure.sms();
    azure.answer_all(&status(500));
    azure.sms();
    let out = azure.pass(0);
    assert_eq!(azure.ask("DELETE", &subscription("relay"), EG, Value::Null).status, 202);
    let notices = azure.pass(0);
    assert_eq!(notices.len(), 1);
    assert!(notices[0].headers.contains(&("aeg-event-type".into(), "SubscriptionDeletion".into())));
    let event: Value = serde_json::from_slice(&notices[0].body).expect("an event");
    assert_eq!(event[0]["eventType"], "Microsoft.EventGrid.SubscriptionDeletedEvent");
    assert_eq!(event[0]["data"]["eventSubscriptionId"], subscription("relay"));
    answered(&mut azure.world, notices[0].id, status(500), azure.now);
    answered(&mut azure.world, out[0].id, status(500), azure.now);
    assert!(azure.pass(3600).is_empty());
    assert_eq!(azure.totals()["droppedBecause"], json!({"SubscriptionDeleted": 2}));
    assert_eq!(azure.totals()["pending"], 0);
}

#[test]
fn a_storage_queue_keeps_its_events_pending_and_says_why() {
    let mut azure = with_topic(Config::default());
    let account = format!("{RG}/providers/Microsoft.Storage/storageAccounts/store");
    let queue = json!({"endpointType": "StorageQueue", "properties": {"resourceId": account, "queueName": "events"}});
    azure.subscribe(&subscription("queue"), json!({"destination": queue}));
    let published = azure.sms();
    assert!(published["matched"][0]["notes"][0].as_str().expect("a note").contains("not delivered"));
    assert!(azure.pass(3600).is_empty());
    let shown = azure.door("GET", "deliveries", Value::Null);
    assert_eq!((shown["totals"]["pending"].clone(), shown["totals"]["delivered"].clone()), (json!(1), json!(0)));
    assert!(shown["queues"][0]["note"].is_string());
}

#[test]
fn queues_are_bounded_and_so_is_what_is_out_at_once() {
    let mut azure = with_topic(Config::default());
    azure.subscribe(&subscription("relay"), json!({}));
    let event = json!({"service": "shop", "type": "Microsoft.Communication.SMSReceived", "count": 10_000});
    azure.door("POST", "events", event.clone());
    assert_eq!(azure.pass(0).len(), 32);
    azure.door("POST", "events", event);
    let totals = azure.totals();
    assert_eq!(
        (totals["pending"].clone(), totals["droppedBecause"].clone()),
        (json!(10_032), json!({"QueueFull": 9_968}))
    );
}

#[test]
fn the_doors_refuse_what_event_grid_would_not_take() {
    let mut azure = with_topic(Config::default());
    let cases = [
        (json!({"service": "none", "type": "t"}), 404),
        (json!({"source": service("none"), "type": "t"}), 404),
        (json!({"service": "shop", "source": "/x", "type": "t"}), 400),
        (json!({"type": "t"}), 400),
        (json!({"service": "shop"}), 400),
        (json!({"service": "shop", "type": "t", "count": 0}), 400),
        (json!({"service": "shop", "type": "t", "time": "yesterday"}), 400),
        (json!({"service": "shop", "type": "t", "data": "x".repeat(1024 * 1024)}), 400),
    ];
    for (body, expected) in cases {
        assert_eq!(azure.raw("POST", "/_sim/events", body.to_string().as_bytes()).status, expected);
    }
}

#[test]
fn chat_and_calls_are_shaped_as_documented() {
    let mut azure = with_topic(Config::default());
    azure.subscribe(&subscription("relay"), json!({}));
    let event = |azure: &mut Client| -> Value {
        let calls = azure.pass(0);
        let events: Value = serde_json::from_slice(&calls[0].body).expect("an array");
        events[0].clone()
    };
    azure.door(
        "POST",
        "chat",
        json!({"service": "shop", "thread": "19:t", "sender": "8:acs:ada", "recipient": "8:acs:bob", "message": "hi"}),
    );
    let chat = event(&mut azure);
    assert_eq!(chat["subject"], "thread/19:t/sender/8:acs:ada/recipient/8:acs:bob");
    assert_eq!(chat["data"]["recipientCommunicationIdentifier"]["communicationUser"]["id"], "8:acs:bob");
    assert_eq!((chat["data"]["messageBody"].clone(), chat["data"]["threadId"].clone()), (json!("hi"), json!("19:t")));
    let called = azure.door("POST", "call", json!({"service": "shop", "to": "8:acs:bob", "from": "4:+1555"}));
    assert_eq!((called["rang"].clone(), called["reason"].clone()), (json!(false), json!("NotLinked")));
    assert_eq!(called["event"]["matched"].as_array().expect("a list").len(), 1);
    let call = event(&mut azure);
    assert_eq!(
        (call["eventType"].clone(), call["subject"].clone()),
        (json!("Microsoft.Communication.IncomingCall"), json!("/caller/4:+1555/recipient/8:acs:bob"))
    );
    assert_eq!(call["data"]["from"]["phoneNumber"]["value"], "+1555");
    assert_eq!(call["data"]["incomingCallContext"].as_str().expect("a token").split('.').count(), 3);
}

#[test]
fn attributes_that_a_put_leaves_out_are_gone_and_a_patch_keeps_them() {
    let mut azure = with_topic(Config::default());
    let with = |attributes: Value| json!({"endpointType": "WebHook", "properties": {"endpointUrl": "https://relay.example/e", "deliveryAttributeMappings": attributes}});
    let secret = |value: &str| json!({"name": "acs-relay-key", "type": "Static", "properties": {"value": value, "isSecret": true}});
    azure.subscribe(&subscription("relay"), json!({"destination": with(json!([secret("one")]))}));
    let sent = |azure: &mut Client| {
        azure.sms();
        let calls = azure.pass(0);
        let found = calls[0].headers.iter().find(|(n, _)| n == "acs-relay-key").map(|(_, v)| v.clone());
        answered(&mut azure.world, calls[0].id, status(200), azure.now);
        found
    };
    assert_eq!(sent(&mut azure).as_deref(), Some("one"));
    azure.ask("PATCH", &subscription("relay"), EG, json!({"labels": ["x"]}));
    azure.subscribe_again();
    assert_eq!(sent(&mut azure).as_deref(), Some("one"));
    azure.subscribe(&subscription("relay"), json!({}));
    assert_eq!(sent(&mut azure), None);
    for bad in [
        json!([{"name": "aeg-own", "type": "Static", "properties": {"value": "v"}}]),
        json!([secret(&"v".repeat(4097))]),
        Value::Array(vec![secret("v"); 11]),
    ] {
        let body = json!({"properties": {"destination": with(bad)}});
        assert_eq!(azure.ask("PUT", &subscription("relay"), EG, body).status, 400);
    }
}

impl Client {
    /// Answers the one handshake that is out.
    fn subscribe_again(&mut self) {
        for call in self.pass(0) {
            let event: Value = serde_json::from_slice(&call.body).expect("an event");
            let body = json!({"validationResponse": event[0]["data"]["validationCode"]}).to_string().into_bytes();
            answered(&mut self.world, call.id, Answered::Response { status: 200, headers: vec![], body }, self.now);
        }
    }
}
