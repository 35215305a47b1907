//! One event subscription, pass by pass.

pub mod ground;

use acs_wire::relay::delivery_key_fingerprint;
use serde_json::{Value, json};

use self::ground::{GROUP, Ground, secret};
use super::*;
use crate::world::Memory;

#[test]
fn the_end_is_looked_for_when_it_comes_and_not_after() {
    let spec = |more: Value| -> EventSubscriptionSpec { serde_json::from_value(Ground::new(&more).spec).unwrap() };
    let ends = spec(json!({"expirationTime": "1970-01-01T00:01:00Z"}));
    assert_eq!(
        (expires_in(&ends, 59_000), expires_in(&ends, 60_000), expires_in(&ends, 61_000)),
        (Some(1_000), None, None)
    );
    assert_eq!((is_over(&ends, 59_999), is_over(&ends, 60_000)), (false, true));
    let endless = spec(json!({}));
    assert_eq!((expires_in(&endless, 0), is_over(&endless, u64::MAX)), (None, false));
}

#[test]
fn what_was_never_sent_is_sent_once_observing_ends() {
    let mut ground = Ground::made(&json!({}));
    let known = ground.status["destinationFingerprint"].clone();
    // Someone else's, by all that shows, with a query of its own.
    ground.status = Value::Null;
    ground.memory = Memory::default();
    ground.azure.as_mut().unwrap()["properties"]["labels"] = json!([]);
    ground.spec["managementPolicy"] = json!("Observe");
    ground.settle();
    assert_eq!((ground.ready(), ground.sent.len()), (("True", "Ready"), 0));
    assert_eq!(ground.status.get("destinationFingerprint"), None);
    ground.spec["managementPolicy"] = json!("Manage");
    ground.spec["adoptionPolicy"] = json!("Always");
    ground.settle();
    assert_eq!(ground.ready(), ("True", "Ready"), "{:#}", ground.status);
    let sent: Vec<Value> = ground.sent.iter().map(|call| call.body.clone().unwrap().0).collect();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["destination"]["properties"]["endpointUrl"], "https://a.example/e?code=x");
    assert_eq!(ground.status["destinationFingerprint"], known);
}

#[test]
fn one_who_only_looks_does_not_claim_a_relays_next_key() {
    let mut ground = Ground::to_relay();
    let sends = ground.status["deliveryKey"].clone();
    assert_eq!(sends, json!(delivery_key_fingerprint(&ground.key)));
    ground.spec["managementPolicy"] = json!("Observe");
    ground.key = "n".repeat(43);
    ground.settle();
    assert_eq!((&ground.status["deliveryKey"], ground.sent.len()), (&sends, 0));
    ground.spec["managementPolicy"] = json!("Manage");
    ground.settle();
    assert_eq!(ground.status["deliveryKey"], json!(delivery_key_fingerprint(&ground.key)));
    assert_eq!(ground.sent.len(), 1);
}

#[test]
fn one_who_only_looks_says_that_events_visibly_go_elsewhere() {
    let mut ground = Ground::made(&json!({"managementPolicy": "Manage"}));
    ground.spec["managementPolicy"] = json!("Observe");
    ground.shows = Some(("/properties/destination/properties/endpointBaseUrl", json!("https://b.example/e")));
    ground.settle();
    let (status, reason, message) = ground.condition("Ready");
    assert_eq!((status, reason, ground.sent.len()), ("False", "Drifted", 0));
    assert!(message.ends_with("differs in /properties/destination."), "{message}");
    // What does not show may have been changed along with it.
    ground.shows = None;
    ground.settle();
    assert_eq!((ground.ready().0, ground.status.get("destinationFingerprint")), ("True", None));
}

#[test]
fn a_time_that_is_over_is_said_by_the_step_itself() {
    let mut ground = Ground::made(&json!({}));
    ground.spec["expirationTime"] = json!("2020-01-31T00:00:00Z");
    ground.settle();
    let (status, reason, message) = ground.condition("Subscribed");
    assert_eq!((status, reason), ("False", "Expired"));
    assert!(message.contains("2020-01-31T00:00:00Z"), "{message}");
    assert_eq!((ground.ready(), ground.sent.len()), (("False", "Expired"), 0));
}

#[test]
fn an_identity_without_a_topic_is_said_by_the_step_itself_and_nothing_is_sent() {
    let account = format!("{GROUP}/Microsoft.Storage/storageAccounts/a");
    let mut ground = Ground::new(&json!({"deadLetter": {"type": "StorageBlob",
        "storageBlob": {"resourceId": account, "containerName": "lost"}, "identity": {"type": "SystemAssigned"}}}));
    ground.topic = None;
    ground.settle();
    let (status, reason, _) = ground.condition("Subscribed");
    assert_eq!((status, reason, ground.sent.len()), ("False", "TopicRequired", 0));
    // Below the topic that it had, it goes on until it can be made elsewhere.
    let mut ground = Ground { topic: Some("Succeeded"), ..ground };
    ground.settle();
    assert_eq!(ground.ready().0, "True", "{:#}", ground.status);
    ground.sent.clear();
    ground.topic = None;
    ground.settle();
    assert_eq!((ground.ready(), ground.sent.len()), (("False", "TopicRequired"), 0));
}

#[test]
fn a_topic_without_the_identity_stops_only_what_delivers_by_one() {
    let mut plain = Ground::new(&json!({}));
    plain.topic = Some("IdentityMissing");
    plain.settle();
    assert_eq!((plain.ready().0, plain.sent.len()), ("True", 1));
    let account = format!("{GROUP}/Microsoft.Storage/storageAccounts/a");
    let mut ground = Ground::new(&json!({"deadLetter": {"type": "StorageBlob",
        "storageBlob": {"resourceId": account, "containerName": "lost"}, "identity": {"type": "SystemAssigned"}}}));
    ground.topic = Some("IdentityMissing");
    ground.settle();
    let (status, reason, message) = ground.condition("Subscribed");
    assert_eq!((status, reason, message), ("Unknown", "DependencyNotReady", "the topic lacks it"));
    assert_eq!(ground.sent.len(), 0);
    ground.topic = Some("Succeeded");
    ground.settle();
    assert_eq!((ground.ready().0, ground.sent.len()), ("True", 1));
}

#[test]
fn a_secret_that_could_be_guessed_from_its_hash_is_refused_without_being_said() {
    let mut ground = Ground::new(&json!({"deliveryAttributes": [{"name": "x-key", "type": "Static",
        "static": {"valueSecretRef": {"name": "hook", "key": "key"}}}]}));
    ground.secrets.insert("hook".to_owned(), secret("key", "canary-of-15-ch"));
    ground.settle();
    let (status, reason, message) = ground.condition("Subscribed");
    assert_eq!((status, reason, ground.sent.len()), ("False", "SecretInvalid", 0));
    assert!(message.contains("\"hook\"") && message.contains("16") && !message.contains("canary"), "{message}");
    ground.secrets.insert("hook".to_owned(), secret("key", "canary-of-16-chr"));
    ground.settle();
    assert_eq!((ground.ready().0, ground.sent.len()), ("True", 1));
}

#[test]
fn a_destination_that_reads_back_otherwise_is_sent_again_later_each_time_and_said() {
    let mut ground = Ground::made(&json!({}));
    ground.shows = Some(("/properties/destination/properties/endpointBaseUrl", json!("https://b.example/e")));
    let mut sent = Vec::new();
    for _ in 0..200 {
        if ground.pass() {
            sent.push(ground.clock);
        } else {
            assert_eq!(ground.condition("Subscribed").1, "NotConverging", "{:#}", ground.status);
        }
    }
    let pauses: Vec<u64> = sent.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(pauses.len() > 2 && pauses.is_sorted() && pauses.last() > pauses.first(), "{pauses:?}");
    // A read that only lagged is no reason to send it once more.
    let before = ground.sent.len();
    ground.shows = None;
    ground.settle();
    assert_eq!((ground.ready().0, ground.sent.len()), ("True", before));
}
