//! Events that nobody tries to deliver any more, and what is counted of all of them.

use super::*;

impl Client {
    fn metrics(&mut self, name: &str) -> Value {
        let shown = self.door("GET", "deliveries", Value::Null);
        let all = shown["subscriptions"].as_array().expect("a list").clone();
        let one = all.into_iter().find(|one| one["subscription"] == subscription(name));
        one.expect("its counters")["metrics"].clone()
    }
}

fn resource(kind: &str, provider: &str) -> Value {
    json!({"endpointType": kind, "properties": {"resourceId": format!("{RG}/providers/{provider}/x")}})
}

fn out_of_reach() -> Vec<Value> {
    vec![
        resource("ServiceBusQueue", "Microsoft.ServiceBus/namespaces/n/queues"),
        resource("ServiceBusTopic", "Microsoft.ServiceBus/namespaces/n/topics"),
        resource("EventHub", "Microsoft.EventHub/namespaces/n/eventhubs"),
        resource("HybridConnection", "Microsoft.Relay/namespaces/n/hybridConnections"),
        resource("AzureFunction", "Microsoft.Web/sites/s/functions"),
        resource("NamespaceTopic", "Microsoft.EventGrid/namespaces/n/topics"),
        json!({"endpointType": "MonitorAlert", "properties": {"severity": "Sev1"}}),
        resource("StorageQueue", "Microsoft.Storage/storageAccounts"),
    ]
}

#[test]
fn a_destination_out_of_reach_says_so_and_its_events_end_with_their_time_to_live() {
    for mut destination in out_of_reach() {
        let kind = destination["endpointType"].as_str().expect("a type").to_owned();
        if kind == "StorageQueue" {
            destination["properties"]["queueName"] = json!("events");
        }
        let mut azure = with_topic(Config { time_scale: 0.001, ..Config::default() });
        let letters = json!({"endpointType": "StorageBlob", "properties": {"resourceId": format!("{RG}/providers/Microsoft.Storage/storageAccounts/s"), "blobContainerName": "lost"}});
        azure.subscribe(
            &subscription("far"),
            json!({"destination": destination, "deadLetterDestination": letters, "retryPolicy": {"eventTimeToLiveInMinutes": 60}}),
        );
        let published = azure.sms();
        assert!(published["matched"][0]["notes"][0].as_str().expect("a note").starts_with("not delivered: "), "{kind}");
        assert!(azure.door("GET", "deliveries", Value::Null)["queues"][0]["note"].is_string(), "{kind}");
        azure.now += 3599;
        azure.pass(0);
        assert_eq!(azure.totals()["pending"], 1, "{kind}");
        azure.now = next_timer(&azure.world).expect("its end");
        azure.pass(0);
        let totals = azure.totals();
        assert_eq!(totals["droppedBecause"], json!({"NotSimulated": 1}), "{kind}");
        assert_eq!((totals["pending"].clone(), totals["deadLettered"].clone()), (json!(0), json!(0)), "{kind}");
        assert_eq!(next_timer(&azure.world), None, "{kind}");
    }
}

#[test]
fn an_expired_subscription_takes_nothing_and_tries_nothing_again() {
    let mut azure = with_topic(Config::default());
    // A minute from the start of the tests' time.
    azure.subscribe(&subscription("relay"), json!({"expirationTimeUtc": "2027-01-15T08:01:00Z"}));
    azure.sms();
    assert_eq!(azure.answer_all(&status(500)), 1);
    azure.now = START + 59_000;
    assert_eq!(azure.answer_all(&status(500)), 1, "it lives");
    azure.now = START + 60_000;
    assert_eq!(azure.sms()["matched"], json!([]));
    azure.now += 120_000;
    assert!(azure.pass(0).is_empty());
    assert_eq!(azure.totals()["droppedBecause"], json!({"SubscriptionExpired": 1}));
    assert_eq!(azure.get(&subscription("relay"), EG).status, 200, "the resource stays");
    let wrong = json!({"properties": {"expirationTimeUtc": "soon", "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": "https://relay.example/e"}}}});
    assert_eq!(azure.ask("PUT", &subscription("soon"), EG, wrong).status, 400);
}

#[test]
fn every_subscription_has_its_counters_and_all_have_theirs() {
    let mut azure = with_topic(Config::default());
    azure.subscribe(&subscription("relay"), json!({"retryPolicy": {"maxDeliveryAttempts": 2}}));
    azure.subscribe(
        &subscription("calls"),
        json!({"filter": {"includedEventTypes": ["Microsoft.Communication.IncomingCall"]}}),
    );
    azure.sms();
    azure.answer_all(&status(200));
    azure.sms();
    azure.answer_all(&status(500));
    azure.now += 12_000;
    azure.answer_all(&status(503));
    azure.door("POST", "events", json!({"service": "shop", "type": "Microsoft.Communication.Telepathy"}));
    let relay = azure.metrics("relay");
    assert_eq!((relay["matched"].clone(), relay["unmatched"].clone()), (json!(2), json!(1)));
    assert_eq!((relay["delivered"].clone(), relay["failed"].clone()), (json!(1), json!(2)));
    assert_eq!(relay["droppedBecause"], json!({"MaxDeliveryAttemptsExceeded": 1}));
    let calls = azure.metrics("calls");
    assert_eq!((calls["matched"].clone(), calls["unmatched"].clone()), (json!(0), json!(3)));
    let totals = azure.totals();
    assert_eq!((totals["published"].clone(), totals["matched"].clone()), (json!(3), json!(2)));
    assert_eq!(totals["unmatched"], 1, "an event that nobody took");
    assert_eq!((totals["failed"].clone(), totals["dropped"].clone()), (json!(2), json!(1)));
}

#[test]
fn on_probation_by_its_own_fault_an_endpoint_may_lose_events_unattempted() {
    for on in [false, true] {
        let mut azure = with_topic(Config::default());
        azure.subscribe(&subscription("relay"), json!({}));
        azure.door("POST", "config", json!({"probationDrops": on}));
        for _ in 0..10 {
            azure.sms();
            assert_eq!(azure.answer_all(&status(404)), 1);
        }
        azure.sms();
        assert!(azure.pass(0).is_empty(), "on probation");
        let totals = azure.totals();
        let lost = totals["droppedBecause"]["UndeliverableDueToProbationCausedByClientError"].clone();
        assert_eq!(lost, if on { json!(1) } else { Value::Null });
        assert_eq!(totals["pending"], if on { 10 } else { 11 });
    }
}

#[test]
fn what_waits_and_what_is_kept_is_bounded_in_bytes_too() {
    let mut azure = with_topic(Config::default());
    let account = format!("{RG}/providers/Microsoft.Storage/storageAccounts/s");
    let lost =
        json!({"endpointType": "StorageBlob", "properties": {"resourceId": account, "blobContainerName": "lost"}});
    let giving_up = json!({"deadLetterDestination": lost, "retryPolicy": {"maxDeliveryAttempts": 1}});
    for name in ["one", "two", "three"] {
        azure.subscribe(&subscription(name), giving_up.clone());
    }
    let data = json!({"text": "x".repeat(1_000_000)});
    let event = json!({"service": "shop", "type": "Microsoft.Communication.SMSReceived", "data": data, "count": 110});
    azure.door("POST", "events", event);
    let full = azure.totals()["droppedBecause"]["QueueFull"].as_u64().expect("some are too many");
    assert!((120..150).contains(&full), "of 330, 66 or so wait for each: {full}");
    // Of each, 32 are out at once: more than the store keeps.
    assert_eq!(azure.answer_all(&status(400)), 96);
    azure.pass(0);
    assert_eq!(azure.totals()["deadLettered"], 96);
    let kept = azure.door("GET", "dead-letters", Value::Null)["deadLetters"].as_array().expect("a list").len();
    assert!((60..=67).contains(&kept), "{kept}");
}
