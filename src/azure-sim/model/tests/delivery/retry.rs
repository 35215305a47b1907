//! What follows from each answer: pauses, probation, dead letters.

use super::*;

#[test]
fn a_failed_delivery_is_tried_again_by_the_schedule_until_it_is_taken() {
    // A thousand times as fast: an hour is 3.6 s.
    let mut azure = with_topic(Config { time_scale: 0.001, ..Config::default() });
    azure.subscribe(&subscription("relay"), json!({}));
    azure.sms();
    for (attempt, pause) in [10, 30, 60, 300, 600].into_iter().enumerate() {
        let calls = azure.pass(0);
        assert_eq!(calls.len(), 1, "attempt {attempt}");
        let count = calls[0].headers.iter().find(|(n, _)| n == "aeg-delivery-count").map(|(_, v)| v.clone());
        assert_eq!(count, Some(attempt.to_string()));
        answered(&mut azure.world, calls[0].id, status(500), azure.now);
        let due = next_timer(&azure.world).expect("a retry") - azure.now;
        assert!((pause..=pause + pause / 10).contains(&due), "attempt {attempt}: {due} for {pause}");
        azure.now += pause - 1;
        assert!(azure.pass(0).is_empty(), "not before the schedule says so");
        azure.now += pause / 10 + 1;
    }
    assert_eq!(azure.answer_all(&status(204)), 1);
    let outcomes: Vec<Value> = azure.attempts().iter().map(|a| a["outcome"].clone()).collect();
    assert_eq!(outcomes, ["Retry", "Retry", "Retry", "Retry", "Retry", "Delivered"]);
    assert_eq!(azure.totals()["delivered"], 1);
    assert_eq!(next_timer(&azure.world), None);
}

#[test]
fn some_statuses_ask_for_longer_pauses_and_some_for_none() {
    for (code, pause) in [
        (404, Some(300_000)),
        (408, Some(120_000)),
        (503, Some(30_000)),
        (400, None),
        (401, None),
        (403, None),
        (413, None),
    ] {
        let mut azure = with_topic(Config::default());
        azure.subscribe(&subscription("relay"), json!({}));
        azure.sms();
        assert_eq!(azure.answer_all(&status(code)), 1);
        let attempt = azure.attempts()[0].clone();
        assert_eq!(attempt["status"], code);
        match pause {
            Some(least) => {
                let next = attempt["nextAttempt"].as_u64().expect("another attempt") - azure.now;
                assert!((least..=least + least / 10).contains(&next), "{code}: {next}");
            }
            None => {
                assert_eq!(
                    (attempt["outcome"].clone(), attempt["reason"].clone()),
                    (json!("Dropped"), json!("UndeliverableDueToClientError"))
                );
                assert_eq!(azure.totals()["droppedBecause"], json!({"UndeliverableDueToClientError": 1}));
            }
        }
    }
}

fn dead_letter() -> Value {
    json!({"endpointType": "StorageBlob", "properties": {"resourceId": format!("{RG}/providers/Microsoft.Storage/storageAccounts/store"), "blobContainerName": "lost"}})
}

#[test]
fn what_nobody_takes_lies_in_the_dead_letter_store_after_five_minutes() {
    for cloud_events in [false, true] {
        let mut azure = with_topic(Config::default());
        let schema = if cloud_events { "CloudEventSchemaV1_0" } else { "EventGridSchema" };
        azure.subscribe(&subscription("relay"), json!({
            "eventDeliverySchema": schema, "deadLetterDestination": dead_letter(), "retryPolicy": {"maxDeliveryAttempts": 2},
        }));
        // As slow as Azure from here on: what `instant` shortens is the wait for the store.
        azure.sms();
        azure.answer_all(&status(500));
        azure.pass(0);
        azure.now += 11_000;
        assert_eq!(azure.answer_all(&status(404)), 1);
        azure.pass(0);
        let letters = azure.door("GET", "dead-letters", Value::Null)["deadLetters"].clone();
        let (letter, record) = (&letters[0], &letters[0]["record"]);
        assert_eq!(
            (letter["container"].clone(), letter["subscription"].clone()),
            (json!("lost"), json!(subscription("relay")))
        );
        let member = |name: &str| record[if cloud_events { name.to_lowercase() } else { name.to_owned() }].clone();
        assert_eq!(member("deadLetterReason"), "MaxDeliveryAttemptsExceeded");
        assert_eq!((member("deliveryAttempts"), member("lastDeliveryOutcome")), (json!(2), json!("NotFound")));
        assert!(member("publishTime").is_string() && member("lastDeliveryAttemptTime").is_string());
        assert_eq!(record["data"]["message"], "hello");
        let totals = azure.totals();
        assert_eq!(
            (totals["deadLettered"].clone(), totals["dropped"].clone(), totals["pending"].clone()),
            (json!(1), json!(0), json!(0))
        );
    }
}

#[test]
fn the_dead_letter_store_takes_its_five_minutes_where_azure_is_slow() {
    let mut azure = with_topic(Config { profile: Profile::Azure, time_scale: 0.001, ..Config::default() });
    azure.pass(1);
    let _ = azure.ask(
        "PUT",
        &topic(),
        EG,
        json!({"location": "global", "properties": {
        "source": service("shop"), "topicType": "Microsoft.Communication.CommunicationServices"}}),
    );
    azure.pass(1);
    let properties = json!({"destination": {"endpointType": "WebHook", "properties": {"endpointUrl": "https://relay.example/e"}},
        "eventDeliverySchema": "CloudEventSchemaV1_0", "deadLetterDestination": dead_letter()});
    assert_eq!(azure.ask("PUT", &subscription("relay"), EG, json!({"properties": properties})).status, 201);
    let headers = ["WebHook-Allowed-Origin", "WebHook-Allowed-Rate"].map(|n| (n.to_owned(), "*".to_owned())).to_vec();
    azure.answer_all(&Answered::Response { status: 200, headers, body: vec![] });
    azure.pass(1);
    azure.sms();
    azure.answer_all(&status(400));
    azure.now += 299;
    assert_eq!(azure.totals()["pending"], 1);
    azure.now += 1;
    assert_eq!((azure.totals()["pending"].clone(), azure.totals()["deadLettered"].clone()), (json!(0), json!(1)));
}

#[test]
fn time_to_live_is_looked_at_when_the_next_attempt_is_due() {
    let mut azure = with_topic(Config::default());
    azure.subscribe(&subscription("relay"), json!({"retryPolicy": {"eventTimeToLiveInMinutes": 1}}));
    azure.sms();
    azure.answer_all(&status(404));
    azure.pass(61);
    assert_eq!(azure.totals()["pending"], 1, "over, but not looked at");
    assert!(azure.pass(300).is_empty());
    let last = azure.attempts().pop().expect("an end");
    assert_eq!((last["outcome"].clone(), last["reason"].clone()), (json!("Dropped"), json!("TimeToLiveExceeded")));
}

#[test]
fn after_ten_failures_in_a_row_new_events_wait_too_until_one_is_taken() {
    let mut azure = with_topic(Config::default());
    azure.subscribe(&subscription("relay"), json!({}));
    for _ in 0..10 {
        azure.sms();
        assert_eq!(azure.answer_all(&status(500)), 1);
    }
    azure.sms();
    assert!(azure.pass(0).is_empty(), "on probation");
    // It rests ten seconds; then one request tries, and fails: twenty more.
    let tries = azure.pass(10);
    assert_eq!(tries.len(), 1);
    answered(&mut azure.world, tries[0].id, status(500), azure.now);
    assert!(azure.pass(19).is_empty());
    let tries = azure.pass(1);
    assert_eq!(tries.len(), 1);
    answered(&mut azure.world, tries[0].id, status(200), azure.now);
    for _ in 0..4 {
        azure.answer_all(&status(200));
        azure.now += 70_000;
    }
    assert_eq!(azure.totals()["delivered"], 11);
}

#[test]
fn a_dead_letter_destination_is_a_container_of_a_storage_account() {
    let mut azure = with_topic(Config::default());
    let with = |destination: Value| {
        let endpoint = json!({"endpointUrl": "https://relay.example/e"});
        let webhook = json!({"endpointType": "WebHook", "properties": endpoint});
        json!({"properties": {"destination": webhook, "deadLetterDestination": destination}})
    };
    let mut nameless = dead_letter();
    nameless["properties"]["blobContainerName"] = json!("");
    let mut elsewhere = dead_letter();
    elsewhere["properties"]["resourceId"] = json!("/subscriptions/x");
    let queue = json!({"endpointType": "StorageQueue", "properties": {}});
    for wrong in [nameless, elsewhere, queue, json!({})] {
        assert_eq!(azure.ask("PUT", &subscription("relay"), EG, with(wrong)).status, 400);
    }
    assert_eq!(azure.ask("PUT", &subscription("relay"), EG, with(dead_letter())).status, 201);
}

#[test]
fn probation_holds_up_no_dead_letter() {
    let mut azure = with_topic(Config::default());
    azure.subscribe(
        &subscription("relay"),
        json!({"deadLetterDestination": dead_letter(), "retryPolicy": {"maxDeliveryAttempts": 1}}),
    );
    for _ in 0..10 {
        azure.sms();
        assert_eq!(azure.answer_all(&status(500)), 1);
    }
    azure.sms();
    assert!(azure.pass(0).is_empty(), "on probation");
    let totals = azure.totals();
    assert_eq!((totals["deadLettered"].clone(), totals["pending"].clone()), (json!(10), json!(1)));
}
