//! Queues that take events and containers that take dead letters, where the account exists for real.

use base64::Engine as _;

use super::*;
use crate::model::StorageAccount;

fn account_id() -> String {
    format!("{RG}/providers/Microsoft.Storage/storageAccounts/Store")
}

fn with_storage(time_scale: f64) -> Client {
    let store = StorageAccount {
        name: "store".into(),
        queue_endpoint: Some("http://127.0.0.1:10001/store".into()),
        blob_endpoint: Some("http://127.0.0.1:10000/store".into()),
    };
    with_topic(Config { storage_accounts: vec![store], time_scale, ..Config::default() })
}

fn queue(more: Value) -> Value {
    let mut properties = json!({"resourceId": account_id(), "queueName": "events"});
    for (name, value) in more.as_object().expect("an object") {
        properties[name] = value.clone();
    }
    json!({"endpointType": "StorageQueue", "properties": properties})
}

fn lost() -> Value {
    json!({"endpointType": "StorageBlob", "properties": {"resourceId": account_id(), "blobContainerName": "lost"}})
}

#[test]
fn an_event_is_put_into_the_queue_as_an_object_in_base64() {
    for cloud_events in [false, true] {
        let mut azure = with_storage(1.0);
        let schema = if cloud_events { "CloudEventSchemaV1_0" } else { "EventGridSchema" };
        let destination = queue(json!({"queueMessageTimeToLiveInSeconds": -1}));
        azure.subscribe(&subscription("queue"), json!({"destination": destination, "eventDeliverySchema": schema}));
        let published = azure.sms();
        assert_eq!(published["matched"][0].get("notes"), None);
        let calls = azure.pass(0);
        assert_eq!(calls.len(), 1);
        let call = &calls[0];
        let url = "http://127.0.0.1:10001/store/events/messages?messagettl=-1";
        assert_eq!((call.method.as_str(), call.url.as_str()), ("POST", url));
        assert_eq!(call.storage_account.as_deref(), Some("store"));
        assert!(!call.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")));
        let body = String::from_utf8(call.body.clone()).expect("XML");
        let text = body.strip_prefix("<QueueMessage><MessageText>").expect("its beginning");
        let text = text.strip_suffix("</MessageText></QueueMessage>").expect("its end");
        let event = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
        let event: Value = serde_json::from_slice(&event).expect("an object");
        assert_eq!(event["id"], published["ids"][0]);
        assert_eq!(event["data"]["message"], "hello");
        assert_eq!(event.get("specversion").is_some(), cloud_events);
        answered(&mut azure.world, call.id, status(201), azure.now);
        assert_eq!(azure.totals()["delivered"], 1);
    }
}

#[test]
fn a_queue_takes_one_event_per_message_and_fails_by_azures_own_table() {
    for (code, pause) in [(404, Some(300_000)), (401, Some(300_000)), (503, Some(30_000)), (403, None), (413, None)] {
        let mut azure = with_storage(1.0);
        azure.subscribe(&subscription("queue"), json!({"destination": queue(json!({}))}));
        let event = json!({"service": "shop", "type": "Microsoft.Communication.SMSReceived", "count": 3});
        azure.door("POST", "events", event);
        assert_eq!(azure.answer_all(&status(code)), 3);
        for attempt in azure.attempts() {
            assert_eq!(attempt["status"], code);
            match pause {
                Some(least) => {
                    let next = attempt["nextAttempt"].as_u64().expect("another attempt") - azure.now;
                    assert!((least..=least + least / 10).contains(&next), "{code}: {next}");
                }
                None => assert_eq!(attempt["reason"], "UndeliverableDueToClientError"),
            }
        }
    }
}

/// A webhook subscription that gives up at once, into the container.
fn giving_up(azure: &mut Client) {
    let more = json!({"deadLetterDestination": lost(), "retryPolicy": {"maxDeliveryAttempts": 1}});
    azure.subscribe(&subscription("My-Relay"), more);
}

#[test]
fn what_is_given_up_together_lies_in_one_blob_under_the_subscription_and_the_hour() {
    let mut azure = with_storage(1.0);
    giving_up(&mut azure);
    for _ in 0..3 {
        azure.sms();
    }
    for call in azure.pass(0) {
        answered(&mut azure.world, call.id, status(500), azure.now);
    }
    let puts = azure.pass(0);
    let letters: Vec<Vec<Value>> =
        puts.iter().map(|call| serde_json::from_slice(&call.body).expect("an array")).collect();
    assert_eq!(letters.iter().map(Vec::len).sum::<usize>(), 3);
    let put = &puts[0];
    // 1.8 billion seconds: 2027-01-15, 08:00.
    let path = put.url.strip_prefix("http://127.0.0.1:10000/store/lost/MY-RELAY/2027/1/15/8/").expect("the hour");
    assert_eq!((put.method.as_str(), path.len()), ("PUT", "11111111-1111-1111-1111-111111111111.json".len()));
    assert!(put.headers.contains(&("x-ms-blob-type".into(), "BlockBlob".into())));
    assert_eq!(letters[0][0]["deadLetterReason"], "MaxDeliveryAttemptsExceeded");
    assert_eq!(azure.totals()["pending"], 3, "until the store has answered");
    for put in &puts {
        answered(&mut azure.world, put.id, status(201), azure.now);
    }
    let totals = azure.totals();
    assert_eq!((totals["deadLettered"].clone(), totals["pending"].clone()), (json!(3), json!(0)));
    let operation = "Microsoft.EventGrid/eventSubscriptions/deadLetter/action";
    let put = azure.world.journal().iter().filter(|entry| entry.operation == operation).count();
    assert_eq!(put, puts.len(), "calls outwards are in the journal");
    let shown = azure.door("GET", "dead-letters", Value::Null)["deadLetters"].clone();
    assert!(shown[0]["blob"].as_str().expect("a path").starts_with("MY-RELAY/2027/1/15/8/"));
}

#[test]
fn a_container_that_is_missing_loses_its_letters_and_one_out_of_reach_after_four_hours() {
    let mut azure = with_storage(0.001);
    giving_up(&mut azure);
    azure.sms();
    azure.answer_all(&status(500));
    assert_eq!(azure.answer_all(&status(404)), 1);
    assert_eq!(azure.totals()["droppedBecause"], json!({"DeadLetterDestinationNotFound": 1}));
    azure.sms();
    azure.answer_all(&status(500));
    let gave_up = azure.now;
    let mut tries = 0;
    while azure.totals()["pending"] == 1 {
        tries += azure.answer_all(&Answered::Failed("refused".into()));
        azure.now = next_timer(&azure.world).unwrap_or(azure.now).max(azure.now);
    }
    assert!(tries > 5, "{tries}");
    assert!((14_400..=14_400 + 11_000).contains(&(azure.now - gave_up)), "{}", azure.now - gave_up);
    assert_eq!(azure.totals()["droppedBecause"]["DeadLetterDestinationUnavailable"], 1);
}

#[test]
fn a_subscription_that_goes_loses_the_letters_it_could_not_post() {
    let mut azure = with_storage(1.0);
    giving_up(&mut azure);
    azure.sms();
    azure.answer_all(&status(500));
    let put = azure.pass(0);
    azure.ask("DELETE", &subscription("My-Relay"), EG, Value::Null);
    azure.pass(0);
    answered(&mut azure.world, put[0].id, status(503), azure.now);
    assert_eq!(azure.totals()["droppedBecause"], json!({"SubscriptionDeleted": 1}));
    assert_eq!(azure.totals()["pending"], 0);
}

#[test]
fn an_account_that_nobody_named_keeps_its_letters_in_the_simulator() {
    let mut azure = with_topic(Config::default());
    giving_up(&mut azure);
    azure.sms();
    azure.answer_all(&status(500));
    assert!(azure.pass(0).is_empty());
    let letters = azure.door("GET", "dead-letters", Value::Null)["deadLetters"].clone();
    assert_eq!((letters[0]["container"].clone(), letters[0]["blob"].clone()), (json!("lost"), Value::Null));
}
