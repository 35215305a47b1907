//! Requests that Event Grid did not send.

use acs_relay::receive::MAX_HANDSHAKE;

use crate::ground::{Ground, KEY, NEXT_KEY, PATH, Target, config, event, route, send};

const VALIDATION: &str = r#"[{"id":"1","topic":"/t","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent",
  "data":{"validationCode":"c"}}]"#;

#[tokio::test]
async fn no_kind_of_forged_delivery_reaches_the_app() {
    let target = Target::start().await;
    let ground = Ground::with(&config(&[route("all", &target.url())])).await;
    let longer = format!("{KEY}0");
    let table: [(&str, u16, &[(&str, &str)]); 12] = [
        ("no key", 401, &[]),
        ("an empty key", 503, &[("acs-relay-key", "")]),
        ("a wrong key", 503, &[("acs-relay-key", NEXT_KEY)]),
        ("the beginning of the key", 503, &[("acs-relay-key", &KEY[..31])]),
        ("more than the key", 503, &[("acs-relay-key", &longer)]),
        ("the key in upper case", 503, &[("acs-relay-key", "0123456789ABCDEF0123456789ABCDEF")]),
        ("two keys, the first right", 401, &[("acs-relay-key", KEY), ("acs-relay-key", "x")]),
        ("two keys, the last right", 401, &[("acs-relay-key", "x"), ("acs-relay-key", KEY)]),
        ("the key under another name", 401, &[("authorization", KEY)]),
        ("another subscription's name", 503, &[("acs-relay-key", KEY), ("aeg-subscription-name", "shop-event")]),
        ("a wrong key with a validation", 503, &[("acs-relay-key", "x"), ("aeg-event-type", "SubscriptionValidation")]),
        ("a validation that is none", 400, &[("aeg-event-type", "SubscriptionValidation")]),
    ];
    for (kind, status, headers) in table {
        let reply = send(ground.events, "POST", PATH, headers, event("1", "a")).await;
        assert_eq!(reply.status, status, "{kind}");
    }
    // A key in the path or the query is no key, and another path is another subscription.
    for path in [format!("{PATH}?acs-relay-key={KEY}"), "/v1/events/other".to_owned()] {
        assert_eq!(send(ground.events, "POST", &path, &[], event("1", "a")).await.status, 401, "{path}");
    }
    assert_eq!(target.count(), 0);
    assert_eq!(ground.deliver(event("1", "a")).await.status, 200);
    assert_eq!(target.count(), 1);
}

#[tokio::test]
async fn no_kind_of_forged_validation_is_answered() {
    let ground = Ground::with(&config(&[])).await;
    let one = VALIDATION.trim_start_matches('[').trim_end_matches(']');
    let table = [
        ("two events", format!("[{one},{one}]")),
        ("no event", "[]".to_owned()),
        ("an object", one.to_owned()),
        ("another type", VALIDATION.replace("SubscriptionValidationEvent", "Other")),
        ("no code", VALIDATION.replace("validationCode", "code")),
        ("an empty code", VALIDATION.replace("\"c\"", "\"\"")),
        ("a code without end", VALIDATION.replace("\"c\"", &format!("\"{}\"", "c".repeat(2000)))),
    ];
    let validation = [("aeg-event-type", "SubscriptionValidation")];
    for (kind, body) in table {
        assert_eq!(send(ground.events, "POST", PATH, &validation, body).await.status, 400, "{kind}");
    }
    let large = format!("{}{VALIDATION}", " ".repeat(MAX_HANDSHAKE));
    assert_eq!(send(ground.events, "POST", PATH, &validation, large).await.status, 413);
    assert_eq!(send(ground.events, "POST", "/v1/events/other", &validation, VALIDATION).await.status, 503);
    let named = [validation[0], ("aeg-subscription-name", "OTHER")];
    assert_eq!(send(ground.events, "POST", PATH, &named, VALIDATION).await.status, 503);
    assert_eq!(send(ground.events, "POST", PATH, &validation, VALIDATION).await.status, 200);
}

#[tokio::test]
async fn only_event_grid_is_granted_deliveries() {
    let ground = Ground::with(&config(&[])).await;
    let table: [&[(&str, &str)]; 5] = [
        &[],
        &[("webhook-request-origin", "*")],
        &[("webhook-request-origin", "eventgrid.azure.net.example.org")],
        &[("webhook-request-origin", "https://eventgrid.azure.net")],
        &[("webhook-request-origin", "eventgrid.azure.net"), ("webhook-request-origin", "example.org")],
    ];
    for headers in table {
        let reply = send(ground.events, "OPTIONS", PATH, headers, "").await;
        assert_eq!(reply.status, 403, "{headers:?}");
        assert!(reply.header("webhook-allowed-origin").is_none() && reply.header("webhook-allowed-rate").is_none());
    }
    assert!(!ground.report().await.handshake.unwrap().granted);
}
