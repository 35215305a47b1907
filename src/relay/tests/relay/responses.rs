//! Every row of the table of answers, over HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use acs_relay::receive::Outcome;
use acs_relay::serve::Limits;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::ground::{Ground, KEY, PATH, Reply, Target, config, event, route, send, until};

const VALIDATION: &str = r#"[{"id":"1","topic":"/t","subject":"","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent",
  "eventTime":"2026-01-01T00:00:00Z","data":{"validationCode":"code \"1\"","validationUrl":"https://x/"},"dataVersion":"1"}]"#;

/// Tells what was seen of an outcome: status by the answer, word by the counter.
struct Seen(BTreeSet<&'static str>);

impl Seen {
    async fn check(&mut self, ground: &Ground, outcome: Outcome, reply: &Reply) {
        assert_eq!(reply.status, outcome.status().as_u16(), "{outcome:?}: {:?}", reply.body);
        let line = format!("acs_relay_requests_total{{outcome=\"{}\"}}", outcome.label());
        assert!(ground.metric(&line).await >= 1.0, "{outcome:?} was not counted");
        assert_eq!(reply.header("retry-after").is_some(), reply.status == 503, "{outcome:?}");
        if outcome != Outcome::Granted {
            assert!(reply.header("webhook-allowed-origin").is_none(), "{outcome:?}");
        }
        self.0.insert(outcome.label());
    }
}

#[tokio::test]
async fn every_row_of_the_table_is_answered_and_counted() {
    let mut seen = Seen(BTreeSet::new());
    successes(&mut seen).await;
    refusals(&mut seen).await;
    not_yet(&mut seen).await;
    bounds(&mut seen).await;
    let missing: Vec<_> = Outcome::ALL.iter().map(|o| o.label()).filter(|label| !seen.0.contains(label)).collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
}

async fn successes(seen: &mut Seen) {
    let target = Target::start().await;
    let mut only_sms = route("sms", &target.url());
    only_sms["filter"]["eventTypes"] = json!(["microsoft.communication.SMSRECEIVED"]);
    let ground = Ground::with(&config(&[only_sms])).await;

    let reply = ground.deliver(event("1", "a")).await;
    assert!(reply.body.is_empty());
    seen.check(&ground, Outcome::Delivered, &reply).await;
    seen.check(&ground, Outcome::Duplicate, &ground.deliver(event("1", "a")).await).await;
    assert_eq!(target.count(), 1);
    let other = event("2", "a").replace("SMSReceived", "IncomingCall");
    seen.check(&ground, Outcome::Unrouted, &ground.deliver(other).await).await;

    let validation = [("aeg-event-type", "SubscriptionValidation"), ("aeg-subscription-name", "SHOP-EVENTS")];
    let reply = send(ground.events, "POST", PATH, &validation, VALIDATION).await;
    assert_eq!(reply.json(), json!({"validationResponse": "code \"1\""}));
    assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    seen.check(&ground, Outcome::Validated, &reply).await;
    let handshake = ground.report().await.handshake.unwrap();
    assert!(handshake.granted && handshake.schema == "EventGridSchema" && handshake.subscription == "shop-events");

    let origin = [("WebHook-Request-Origin", "eventgrid.azure.net"), ("WebHook-Request-Rate", "120")];
    let reply = send(ground.events, "OPTIONS", PATH, &origin, "").await;
    assert_eq!(reply.header("webhook-allowed-origin"), Some("eventgrid.azure.net"));
    assert_eq!(reply.header("webhook-allowed-rate"), Some("*"));
    assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
    seen.check(&ground, Outcome::Granted, &reply).await;
    assert_eq!(ground.report().await.handshake.unwrap().schema, "CloudEventSchemaV1_0");

    for word in ["SubscriptionDeletion", "Unsubscribe"] {
        let headers = [("acs-relay-key", KEY), ("aeg-event-type", word)];
        let reply = send(ground.events, "POST", PATH, &headers, event("3", "a")).await;
        seen.check(&ground, Outcome::SubscriptionEnded, &reply).await;
    }
    assert_eq!(target.count(), 1);
    let unknown_word = [("acs-relay-key", KEY), ("aeg-event-type", "SomethingNew")];
    assert_eq!(send(ground.events, "POST", PATH, &unknown_word, event("4", "a")).await.status, 200);
    assert_eq!(target.count(), 2);
}

async fn refusals(seen: &mut Seen) {
    let target = Target::start().await;
    let ground = Ground::with(&config(&[route("all", &target.url())])).await;
    for body in ["", "x", "[]", "{}", "[{}]", "null", r#"{"specversion":"1.0","id":"","source":"/s","type":"t"}"#] {
        seen.check(&ground, Outcome::Malformed, &ground.deliver(body.to_owned()).await).await;
    }
    let post =
        async |path: &str, headers: &[(&str, &str)]| send(ground.events, "POST", path, headers, event("1", "a")).await;
    seen.check(&ground, Outcome::NoKey, &post(PATH, &[]).await).await;
    let stranger = [("WebHook-Request-Origin", "example.org")];
    seen.check(&ground, Outcome::OriginRefused, &send(ground.events, "OPTIONS", PATH, &stranger, "").await).await;
    for path in ["/", "/v1/events", "/v1/events/", "/v1/events/a/b", "/metrics", "/v1/push/direct"] {
        seen.check(&ground, Outcome::UnknownPath, &post(path, &[("acs-relay-key", KEY)]).await).await;
    }
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let reply = send(ground.events, method, PATH, &[], "").await;
        assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
        seen.check(&ground, Outcome::WrongMethod, &reply).await;
    }
    target.answers(500);
    seen.check(&ground, Outcome::DeliveryFailed, &ground.deliver(event("5", "a")).await).await;
    let before = target.count();
    assert_eq!(before, 1, "only the last one may reach the app");
}

async fn not_yet(seen: &mut Seen) {
    let ground = Ground::empty(Limits::default()).await;
    seen.check(&ground, Outcome::NoDeliveryKey, &ground.deliver(event("1", "a")).await).await;
    ground.write("delivery/current", KEY);
    ground.relay().state.reload();
    seen.check(&ground, Outcome::NotConfigured, &ground.deliver(event("1", "a")).await).await;
    let origin = [("WebHook-Request-Origin", "eventgrid.azure.net")];
    seen.check(&ground, Outcome::NotConfigured, &send(ground.events, "OPTIONS", PATH, &origin, "").await).await;
    ground.write("config/relay.json", &config(&[]).to_string());
    ground.relay().state.reload();
    let headers = [("acs-relay-key", KEY)];
    let reply = send(ground.events, "POST", "/v1/events/other", &headers, event("1", "a")).await;
    seen.check(&ground, Outcome::UnknownSubscription, &reply).await;
    let reply = send(ground.events, "OPTIONS", "/v1/events/other", &origin, "").await;
    seen.check(&ground, Outcome::UnknownSubscription, &reply).await;
    in_doubt(seen, &ground).await;
    ground.relay().state.lifecycle.drain();
    seen.check(&ground, Outcome::Draining, &ground.deliver(event("1", "a")).await).await;
}

/// What either side may have an old word of: the URL, the key, the subscription.
async fn in_doubt(seen: &mut Seen, ground: &Ground) {
    let right = [("acs-relay-key", KEY)];
    let post =
        async |path: &str, headers: &[(&str, &str)]| send(ground.events, "POST", path, headers, event("1", "a")).await;
    seen.check(ground, Outcome::WrongKey, &post(PATH, &[("acs-relay-key", "wrong")]).await).await;
    let mismatch = [right[0], ("aeg-subscription-name", "OTHER")];
    seen.check(ground, Outcome::SubscriptionMismatch, &post(PATH, &mismatch).await).await;
    for prefix in ["/old", "/very/old"] {
        seen.check(ground, Outcome::UnknownPrefix, &post(&format!("{prefix}{PATH}"), &right).await).await;
    }
    seen.check(ground, Outcome::UnknownPath, &post("/old/v1/events/", &right).await).await;
}

async fn bounds(seen: &mut Seen) {
    let target = Target::start().await;
    let limits = Limits {
        requests: 1,
        answer: Duration::from_millis(400),
        body: Duration::from_millis(300),
        ..Limits::default()
    };
    let ground = Ground::with_limits(&config(&[route("all", &target.url())]), limits).await;
    target.hold(true);
    let (slow, ()) = tokio::join!(ground.deliver(event("1", "a")), async {
        until("the first request is under way", || target.under_way() == 1).await;
        seen.check(&ground, Outcome::Overloaded, &ground.deliver(event("2", "a")).await).await;
    });
    seen.check(&ground, Outcome::TimedOut, &slow).await;
    target.hold(false);

    let large = format!("{}{}", " ".repeat(acs_relay::receive::MAX_BODY), event("3", "a"));
    seen.check(&ground, Outcome::TooLarge, &ground.deliver(large).await).await;

    let little = Limits { bodies: 100, ..Limits::default() };
    let cramped = Ground::with_limits(&config(&[route("all", &target.url())]), little).await;
    seen.check(&cramped, Outcome::Overloaded, &cramped.deliver(event("4", "a")).await).await;
    let small = r#"{"specversion":"1.0","id":"1","source":"/s","type":"T"}"#;
    // What was refused gave its room back.
    seen.check(&cramped, Outcome::Delivered, &cramped.deliver(small).await).await;

    let mut stream = TcpStream::connect(ground.events).await.unwrap();
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nacs-relay-key: {KEY}\r\ncontent-length: 100\r\n\r\n{{");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let line = "acs_relay_requests_total{outcome=\"body_incomplete\"}";
    assert!(ground.metric(line).await >= 1.0);
    seen.0.insert(Outcome::BodyIncomplete.label());
}
