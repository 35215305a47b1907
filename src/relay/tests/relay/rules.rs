//! Pushes that events make.

use acs_relay::push::payload::MAX_PAYLOAD;
use serde_json::{Value, json};

use crate::ground::{Answer, Ground, Target, route};
use crate::push::ground;

fn rule() -> Value {
    json!([{"name": "message", "filter": {"eventTypes": ["Microsoft.Communication.ChatMessageReceived"], "subject": {}},
        "installationTag": "'user:' + event.data.recipientCommunicationIdentifier.rawId.replace('+', '')",
        "title": "event.data.senderDisplayName", "body": "event.data.messageBody", "expiresAfterSeconds": 3600}])
}

fn seconds(from_now: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(from_now)).to_string()
}

fn chat(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/s", "type": "Microsoft.Communication.ChatMessageReceived",
        "subject": "thread/t/sender/a/recipient/b", "time": seconds(0), "data": {"messageBody": "Hi", "senderDisplayName": "Zoë",
        "senderCommunicationIdentifier": {"rawId": "8:acs:a"}, "recipientCommunicationIdentifier": {"rawId": "4:+1555"}}})
}

async fn pushed(ground: &Ground, result: &str) -> f64 {
    ground.metric(&format!("acs_relay_pushes_total{{rule=\"message\",platform=\"apple\",result=\"{result}\"}}")).await
}

#[tokio::test]
async fn a_chat_message_becomes_one_push_for_each_platform() {
    let (hub, app) = (Target::start().await, Target::start().await);
    hub.answers(201);
    let ground = ground(&hub, &[route("app", &app.url())], &rule()).await;
    assert_eq!(ground.deliver(chat("1").to_string()).await.status, 200);
    assert_eq!(ground.deliver(chat("1").to_string()).await.status, 200);
    assert_eq!((hub.count(), app.count()), (2, 1));
    let mut sent = hub.received();
    sent.sort_by_key(|push| push.header("servicebusnotification-format").to_owned());
    for push in &sent {
        assert_eq!(push.path, "/phones/messages/?api-version=2015-04", "no direct: it is for a tag");
        assert_eq!(push.header("servicebusnotification-tags"), "user:4:1555");
        assert!(!push.headers.contains_key("servicebusnotification-devicehandle"));
    }
    let (apple, fcm) = (&sent[0], &sent[1]);
    assert_eq!((apple.header("apns-push-type"), apple.header("apns-priority")), ("alert", "10"));
    assert_eq!(apple.header("apns-collapse-id").len(), 32);
    let expires: i64 = apple.header("apns-expiration").parse().unwrap();
    assert!((3500..=3601).contains(&(expires - jiff::Timestamp::now().as_second())));
    let payload: Value = serde_json::from_slice(&apple.body).unwrap();
    assert_eq!(payload, json!({"aps": {"alert": {"title": "Zoë", "body": "Hi"}}}));
    let payload: Value = serde_json::from_slice(&fcm.body).unwrap();
    assert_eq!(payload["message"]["notification"], json!({"title": "Zoë", "body": "Hi"}));
    assert_eq!(payload["message"]["android"]["collapse_key"].as_str().unwrap(), apple.header("apns-collapse-id"));
}

#[tokio::test]
async fn events_that_make_no_push_are_counted_told_and_done_with() {
    let hub = Target::start().await;
    hub.answers(201);
    let ground = ground(&hub, &[], &rule()).await;
    let changed = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut event = chat(id);
        change(&mut event);
        event.to_string()
    };
    let stale = changed("1", &|event| event["time"] = json!(seconds(-3700)));
    let own = changed("2", &|event| event["data"]["recipientCommunicationIdentifier"]["rawId"] = json!("8:acs:a"));
    let no_result = changed("3", &|event| drop(event["data"].as_object_mut().unwrap().remove("messageBody")));
    let no_tag =
        changed("4", &|event| event["data"]["recipientCommunicationIdentifier"]["rawId"] = json!("s3cr3t || x"));
    let long_tag =
        changed("5", &|event| event["data"]["recipientCommunicationIdentifier"]["rawId"] = json!("x".repeat(116)));
    let no_data = changed("6", &|event| drop(event.as_object_mut().unwrap().remove("data")));
    for (event, result, count) in [
        (stale, "stale", 1.0),
        (own, "own_message", 1.0),
        (no_result, "no_result", 1.0),
        (no_tag, "no_tag", 1.0),
        (long_tag, "no_tag", 2.0),
        (no_data, "no_result", 2.0),
    ] {
        assert_eq!(ground.deliver(event).await.status, 200, "{result}");
        assert_eq!(pushed(&ground, result).await, count, "{result}");
        let problems = ground.report().await.problems;
        assert!(problems.iter().all(|problem| !problem.contains("s3cr3t")), "{problems:?}");
        if result.starts_with("no_") {
            assert!(problems.iter().any(|problem| problem.starts_with("push rule message: ")), "{result}");
        }
    }
    assert_eq!(hub.count(), 0);
    let almost = changed("7", &|event| event["time"] = json!(seconds(-3500)));
    assert_eq!(ground.deliver(almost).await.status, 200);
    assert_eq!(hub.count(), 2);
    assert!(ground.report().await.problems.is_empty());
}

#[tokio::test]
async fn a_hub_that_fails_for_now_keeps_the_event_with_event_grid_and_one_that_fails_for_good_does_not() {
    let (hub, app) = (Target::start().await, Target::start().await);
    let ground = ground(&hub, &[route("app", &app.url())], &rule()).await;
    hub.answers(Answer { status: 429, headers: vec![("retry-after", "600".to_owned())] });
    assert_eq!(ground.deliver(chat("1").to_string()).await.status, 503);
    assert_eq!((hub.count(), app.count()), (2, 1));
    hub.answers(201);
    assert_eq!(ground.deliver(chat("1").to_string()).await.status, 200);
    assert_eq!((hub.count(), app.count()), (4, 1), "only what is missing is sent again");
    for (id, status, word) in
        [("2", 400, "malformed"), ("3", 403, "forbidden"), ("4", 404, "absent"), ("5", 413, "too_large")]
    {
        hub.answers(status);
        assert_eq!(ground.deliver(chat(id).to_string()).await.status, 200, "{status}");
        assert_eq!(pushed(&ground, word).await, 1.0, "{status}");
        let problems = ground.report().await.problems;
        assert!(problems.iter().any(|p| p.starts_with("push rule message: the last push was lost")), "{problems:?}");
    }
}

#[tokio::test]
async fn a_message_longer_than_a_push_is_cut() {
    let hub = Target::start().await;
    hub.answers(201);
    let ground = ground(&hub, &[], &rule()).await;
    let mut event = chat("1");
    event["data"]["messageBody"] = json!("\u{1F600}\"ë".repeat(3000));
    assert_eq!(ground.deliver(event.to_string()).await.status, 200);
    for push in hub.received() {
        assert!(push.body.len() <= MAX_PAYLOAD && push.body.len() > MAX_PAYLOAD - 16, "{}", push.body.len());
        serde_json::from_slice::<Value>(&push.body).unwrap();
    }
}

/// Such events would go nowhere without a word: no route and no push wants them.
#[tokio::test]
async fn rules_without_a_platform_are_told() {
    let hub = Target::start().await;
    let ground = ground(&hub, &[], &rule()).await;
    assert!(ground.report().await.problems.is_empty());
    let mut config = crate::ground::config(&[]);
    config["push"] = json!({"endpoint": format!("http://{}", hub.address), "platforms": [], "rules": rule()});
    ground.write("config/relay.json", &config.to_string());
    ground.relay().state.reload();
    let problems = ground.report().await.problems;
    assert_eq!(problems, ["push: the hub has credentials for no platform, so that no rule makes a push"]);
}
