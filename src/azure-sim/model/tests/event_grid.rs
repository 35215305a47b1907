use super::*;

fn topic(name: &str) -> String {
    format!("{RG}/providers/Microsoft.EventGrid/systemTopics/{name}")
}

fn topic_body() -> Value {
    json!({
        "location": "global",
        "properties": {"source": service("shop"), "topicType": "Microsoft.Communication.CommunicationServices"},
    })
}

pub(super) fn with_topic(mut azure: Client) -> Client {
    azure.put_service("shop");
    azure.pass(70);
    assert_eq!(azure.ask("PUT", &topic("shop-topic"), EG, topic_body()).status, 201);
    azure.pass(11);
    azure
}

pub(super) fn subscription() -> String {
    format!("{}/eventSubscriptions/relay", topic("shop-topic"))
}

fn webhook(url: &str) -> Value {
    json!({"endpointType": "WebHook", "properties": {"endpointUrl": url}})
}

pub(super) fn put_webhook(azure: &mut Client, url: &str) -> Response {
    azure.ask("PUT", &subscription(), EG, json!({"properties": {"destination": webhook(url)}}))
}

fn say(status: u16, headers: &[(&str, &str)], body: &str) -> Answered {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Answered::Response { status, headers, body: body.into() }
}

/// Answers the one call that is out with the code it carries.
pub(super) fn grant(azure: &mut Client) {
    let calls = azure.pass(0);
    assert_eq!(calls.len(), 1);
    let event: Value = serde_json::from_slice(&calls[0].body).expect("an event");
    let code = &event[0]["data"]["validationCode"];
    answered(&mut azure.world, calls[0].id, say(200, &[], &json!({"validationResponse": code}).to_string()), azure.now);
}

#[test]
fn one_topic_per_source() {
    let mut azure = with_topic(azure());
    assert_eq!(azure.ask("PUT", &topic("shop-topic"), EG, topic_body()).status, 200);
    let second = azure.ask("PUT", &topic("another"), EG, topic_body());
    assert_eq!(refusal(&second), (400, "InvalidRequest".into()));
    let message = second.value()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.starts_with("There is an existing tracked system topic for the given source"), "{message}");
    let mut body = topic_body();
    body["properties"]["source"] = json!(service("other"));
    let moved = azure.ask("PUT", &topic("shop-topic"), EG, body.clone());
    assert_eq!(moved.value()["error"]["message"], "System topic source cannot be modified.");
    assert_eq!(azure.ask("PUT", &topic("another"), EG, body).status, 400);
    let list = azure.get(&format!("{RG}/providers/Microsoft.EventGrid/systemTopics"), EG).value();
    assert_eq!(list["value"][0]["properties"]["provisioningState"], "Succeeded");
    let found = azure.get(&format!("{}/providers/Microsoft.EventGrid/extensionTopics/default", service("shop")), EG);
    assert_eq!(found.value()["properties"]["systemTopic"], topic("shop-topic"));
}

#[test]
fn tags_change_at_once_and_an_identity_by_an_operation() {
    let mut azure = with_topic(azure());
    let tagged = azure.ask("PATCH", &topic("shop-topic"), EG, json!({"tags": {"a": "b"}}));
    assert_eq!((tagged.status, tagged.value()["tags"].clone()), (200, json!({"a": "b"})));
    let identified = azure.ask("PATCH", &topic("shop-topic"), EG, json!({"identity": {"type": "SystemAssigned"}}));
    assert_eq!(identified.status, 201);
    assert!(identified.value()["identity"]["principalId"].is_string());
    let operation = identified.header("azure-asyncoperation").expect("an operation").to_owned();
    assert_eq!(azure.follow(&operation).value()["status"], "InProgress");
    azure.pass(11);
    assert_eq!(azure.follow(&operation).value()["status"], "Succeeded");
}

#[test]
fn a_webhook_that_returns_the_code_is_subscribed_with_defaults_filled_in() {
    let mut azure = with_topic(azure());
    let created = put_webhook(&mut azure, "https://relay.example/events?code=secret");
    assert_eq!((created.status, state(&created)), (201, "Creating".to_owned()));
    grant(&mut azure);
    assert_eq!(state(&azure.get(&subscription(), EG)), "Creating");
    azure.pass(11);
    let read = azure.get(&subscription(), EG).value();
    let properties = &read["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    let destination = &properties["destination"]["properties"];
    assert!(destination["endpointUrl"].is_null());
    assert_eq!(destination["endpointBaseUrl"], "https://relay.example/events");
    assert_eq!(
        (&destination["maxEventsPerBatch"], &destination["preferredBatchSizeInKilobytes"]),
        (&json!(1), &json!(64))
    );
    assert_eq!(properties["filter"]["subjectBeginsWith"], "");
    assert_eq!(properties["filter"]["includedEventTypes"].as_array().expect("types").len(), 54);
    assert_eq!(properties["retryPolicy"], json!({"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}));
    assert_eq!(properties["eventDeliverySchema"], "EventGridSchema");
    assert!(
        properties["topic"].as_str().expect("a topic").contains("/microsoft.communication/communicationservices/shop")
    );
    let full = azure.ask("POST", &format!("{}/getFullUrl", subscription()), EG, Value::Null).value();
    assert_eq!(full["endpointUrl"], "https://relay.example/events?code=secret");
}

#[test]
fn a_refusing_webhook_fails_the_operation_and_leaves_nothing() {
    let cases = [
        say(202, &[], ""),
        say(404, &[], "default backend"),
        say(200, &[], &json!({"validationResponse": "wrong"}).to_string()),
    ];
    for answer in cases {
        let mut azure = with_topic(azure());
        let created = put_webhook(&mut azure, "https://relay.example/events");
        assert_eq!(created.status, 201);
        let operation = created.header("azure-asyncoperation").expect("an operation").to_owned();
        let calls = azure.pass(0);
        answered(&mut azure.world, calls[0].id, answer, azure.now);
        azure.pass(11);
        let ended = azure.follow(&operation).value();
        assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("Failed"), &json!("Url validation")));
        let gone = azure.get(&subscription(), EG);
        assert_eq!(refusal(&gone), (404, "ResourceNotFound".into()));
        assert_eq!(gone.value()["error"]["message"], "Event subscription doesn't exist.");
    }
}

#[test]
fn a_silent_webhook_is_asked_once_more_after_five_seconds() {
    let mut azure = with_topic(azure());
    put_webhook(&mut azure, "https://relay.example/events");
    let calls = azure.pass(0);
    assert_eq!((calls.len(), calls[0].method.as_str()), (1, "POST"));
    let header = |name: &str| calls[0].headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    assert_eq!(header("aeg-event-type").as_deref(), Some("SubscriptionValidation"));
    assert_eq!(header("aeg-subscription-name").as_deref(), Some("RELAY"));
    answered(&mut azure.world, calls[0].id, Answered::Failed("connection refused".into()), azure.now);
    assert_eq!(azure.pass(4).len(), 0);
    let again = azure.pass(1);
    assert_eq!(again.len(), 1);
    answered(&mut azure.world, again[0].id, Answered::Failed("connection refused".into()), azure.now);
    azure.pass(11);
    assert_eq!(azure.get(&subscription(), EG).status, 404);
}

#[test]
fn a_webhook_without_the_code_may_be_validated_by_hand_for_ten_minutes() {
    for fetched in [true, false] {
        let mut azure = with_topic(azure());
        put_webhook(&mut azure, "https://relay.example/events");
        let calls = azure.pass(0);
        let event: Value = serde_json::from_slice(&calls[0].body).expect("an event");
        answered(&mut azure.world, calls[0].id, say(200, &[], "{}"), azure.now);
        assert_eq!(state(&azure.get(&subscription(), EG)), "AwaitingManualAction");
        azure.pass(590);
        if fetched {
            let url = event[0]["data"]["validationUrl"].as_str().expect("a URL").to_owned();
            assert_eq!(azure.follow(&url).status, 200);
        }
        azure.pass(11);
        assert_eq!(azure.get(&subscription(), EG).status, if fetched { 200 } else { 404 });
    }
}

#[test]
fn cloud_events_are_asked_for_by_options() {
    let origin = ("webhook-allowed-origin", "eventgrid.azure.net");
    let cases: [(&[(&str, &str)], u16); 4] = [
        (&[origin, ("webhook-allowed-rate", "*")], 200),
        (&[("webhook-allowed-origin", "*"), ("webhook-allowed-rate", "120")], 200),
        (&[origin], 404),
        (&[("webhook-allowed-origin", "elsewhere.example"), ("webhook-allowed-rate", "*")], 404),
    ];
    for (headers, expected) in cases {
        let mut azure = with_topic(instant());
        let properties =
            json!({"eventDeliverySchema": "CloudEventSchemaV1_0", "destination": webhook("https://relay.example/e")});
        azure.ask("PUT", &subscription(), EG, json!({"properties": properties}));
        let calls = azure.pass(0);
        assert_eq!(calls[0].method, "OPTIONS");
        answered(&mut azure.world, calls[0].id, say(200, headers, ""), azure.now);
        assert_eq!(azure.get(&subscription(), EG).status, expected, "{headers:?}");
    }
}

#[test]
fn an_update_is_validated_too_and_a_failed_one_leaves_the_old_delivery() {
    let mut azure = with_topic(instant());
    put_webhook(&mut azure, "https://relay.example/old");
    grant(&mut azure);
    // Flat: no wrapper.
    let patched = azure.ask("PATCH", &subscription(), EG, json!({"destination": webhook("https://relay.example/new")}));
    assert_eq!((patched.status, state(&patched)), (201, "Updating".to_owned()));
    let calls = azure.pass(0);
    answered(&mut azure.world, calls[0].id, say(500, &[], ""), azure.now);
    let read = azure.get(&subscription(), EG);
    assert_eq!(state(&read), "Failed");
    assert_eq!(read.value()["properties"]["destination"]["properties"]["endpointBaseUrl"], "https://relay.example/old");
    let labelled = azure.ask("PATCH", &subscription(), EG, json!({"labels": ["x"]}));
    assert_eq!(labelled.status, 201);
    grant(&mut azure);
    let read = azure.get(&subscription(), EG);
    assert_eq!((state(&read), read.value()["properties"]["labels"].clone()), ("Succeeded".to_owned(), json!(["x"])));
}

#[test]
fn secret_attributes_are_clear_in_the_answer_and_hidden_afterwards() {
    let mut azure = with_topic(instant());
    let mut destination = webhook("https://relay.example/e");
    destination["properties"]["deliveryAttributeMappings"] =
        json!([{"name": "x-key", "type": "Static", "properties": {"value": "s3cret", "isSecret": true}}]);
    let body = json!({"properties": {"destination": destination}});
    let pointer = "/properties/destination/properties/deliveryAttributeMappings/0/properties/value";
    let written = azure.ask("PUT", &subscription(), EG, body).value();
    assert_eq!(written.pointer(pointer), Some(&json!("s3cret")));
    let calls = azure.pass(0);
    assert!(calls[0].headers.contains(&("x-key".to_owned(), "s3cret".to_owned())));
    assert_eq!(azure.get(&subscription(), EG).value().pointer(pointer), Some(&json!("Hidden")));
    let path = format!("{}/getDeliveryAttributes", subscription());
    let shown = azure.ask("POST", &path, EG, Value::Null).value();
    assert_eq!(shown["value"][0]["properties"]["value"], "s3cret");
}

#[test]
fn destinations_and_filters_are_checked() {
    let queue = |account: &str, name: &str| json!({"destination": {"endpointType": "StorageQueue", "properties": {"resourceId": account, "queueName": name}}});
    let account = format!("{RG}/providers/Microsoft.Storage/storageAccounts/shopstore");
    let filtered = |filter: Value| {
        let mut properties = queue(&account, "events");
        properties["filter"] = json!({"advancedFilters": filter});
        properties
    };
    let values: Vec<u32> = (0..26).collect();
    let cases = [
        (json!({"destination": webhook("http://relay.example/e")}), 400),
        (json!({"destination": webhook("relay")}), 400),
        (json!({"destination": {"endpointType": "Pigeon", "properties": {}}}), 400),
        (json!({}), 400),
        (queue(&account, "events"), 201),
        (queue(&account, "Events!"), 400),
        (queue("/subscriptions/x", "events"), 400),
        (json!({"destination": {"endpointType": "EventHub", "properties": {"resourceId": format!("{RG}/x")}}}), 400),
        (
            json!({"destination": {"endpointType": "EventHub", "properties": {
                "resourceId": format!("{RG}/providers/Microsoft.EventHub/namespaces/n/eventhubs/e")}}}),
            201,
        ),
        (filtered(json!([{"operatorType": "NumberIn", "key": "data.n", "values": [2]}])), 201),
        (filtered(json!([{"operatorType": "NumberIn", "key": "data.n", "values": values}])), 400),
        (filtered(json!([{"operatorType": "IsNotNull", "key": "data.n"}])), 201),
        (filtered(json!([{"operatorType": "Like", "key": "data.n", "value": "x"}])), 400),
    ];
    for (properties, status) in cases {
        let mut azure = with_topic(instant());
        let response = azure.ask("PUT", &subscription(), EG, json!({"properties": properties}));
        assert_eq!(response.status, status, "{properties}");
        if status == 201 {
            let read = azure.get(&subscription(), EG);
            assert_eq!(state(&read), "Succeeded");
            let numbers = read.value().pointer("/properties/filter/advancedFilters/0/values").cloned();
            assert!(numbers.is_none_or(|n| n == json!([2.0])));
        }
    }
}

#[test]
fn at_extension_scope_a_topic_is_made_and_goes_with_the_last_subscription() {
    let mut azure = instant();
    azure.put_service("shop");
    let id = format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/relay", service("shop"));
    let body = json!({"properties": {"destination": webhook("https://relay.example/e")}});
    let created = azure.ask("PUT", &id, EG, body.clone());
    assert_eq!(created.status, 201);
    assert!(created.header("x-ms-ratelimit-remaining-subscription-writes").is_none());
    grant(&mut azure);
    assert_eq!(azure.get(&id, EG).value()["type"], "Microsoft.EventGrid/eventSubscriptions");
    let topics = format!("{RG}/providers/Microsoft.EventGrid/systemTopics");
    let made = azure.get(&topics, EG).value();
    assert!(made["value"][0]["name"].as_str().expect("a name").starts_with("shop-"));
    let list = azure.get(&format!("{}/providers/Microsoft.EventGrid/eventSubscriptions", service("shop")), EG).value();
    assert_eq!(list["value"].as_array().expect("a list").len(), 1);
    assert_eq!(azure.ask("DELETE", &id, EG, Value::Null).status, 202);
    assert_eq!(azure.get(&id, EG).status, 404);
    assert_eq!(azure.get(&topics, EG).value()["value"], json!([]));
    let on_topic = format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/relay", topic("shop-topic"));
    assert_eq!(refusal(&azure.ask("PUT", &on_topic, EG, body)), (400, "InvalidRequest".into()));
}

#[test]
fn deletion_has_both_headers_and_a_topic_takes_its_subscriptions_along() {
    let mut azure = with_topic(azure());
    put_webhook(&mut azure, "https://relay.example/e");
    grant(&mut azure);
    azure.pass(11);
    let deleted = azure.ask("DELETE", &topic("shop-topic"), EG, Value::Null);
    assert_eq!(deleted.status, 202);
    let location = deleted.header("location").expect("a location").to_owned();
    let operation = deleted.header("azure-asyncoperation").expect("an operation").to_owned();
    assert!(location.contains("/operationResults/"));
    assert_eq!((azure.follow(&location).status, azure.follow(&operation).status), (202, 200));
    azure.pass(11);
    assert_eq!((azure.follow(&location).status, azure.get(&subscription(), EG).status), (200, 404));
    assert_eq!(azure.follow(&operation).value()["status"], "Succeeded");
}

#[test]
fn event_grids_operations_fail_hang_or_get_lost_by_a_fault() {
    for (lro, status, resource) in [
        (LroFault::Fail, json!("Failed"), 404),
        (LroFault::Endless, json!("InProgress"), 200),
        (LroFault::Lost, Value::Null, 200),
    ] {
        let mut azure = with_topic(azure());
        let answer = FaultAnswer { lro: Some(lro), ..FaultAnswer::default() };
        azure.world.place_fault(Fault { method: Some("PUT".into()), answer, ..Fault::default() });
        let url = put_webhook(&mut azure, "https://relay.example/e").header("azure-asyncoperation").map(str::to_owned);
        if lro == LroFault::Lost {
            grant(&mut azure);
        }
        azure.pass(11);
        assert_eq!(azure.follow(&url.expect("an operation")).value()["status"], status);
        let read = azure.get(&subscription(), EG);
        assert_eq!(read.status, resource, "{lro:?}");
        assert_eq!(state(&read) == "Succeeded", lro == LroFault::Lost);
    }
}

#[test]
fn now_and_then_a_fresh_subscription_is_not_read_at_the_first_go() {
    let run = |seed: u64, hiccups: bool| {
        let config = Config { seed, hiccups, profile: Profile::Azure, throttle: false, ..Config::default() };
        let mut azure = with_topic(Client::new(config));
        let account = format!("{RG}/providers/Microsoft.Storage/storageAccounts/box");
        let queue =
            json!({"endpointType": "StorageQueue", "properties": {"resourceId": account, "queueName": "events"}});
        let mut failed = Vec::new();
        for number in 0..200 {
            let id = format!("{}/eventSubscriptions/number-{number}", topic("shop-topic"));
            assert_eq!(azure.ask("PUT", &id, EG, json!({"properties": {"destination": queue}})).status, 201);
            assert_eq!(azure.get(&id, EG).status, 200, "it is being made");
            azure.pass(10);
            let read = azure.get(&id, EG);
            if read.status != 200 {
                assert_eq!(refusal(&read), (500, "InternalServerError".into()));
                failed.push(number);
            }
            azure.pass(3);
            assert_eq!(state(&azure.get(&id, EG)), "Succeeded");
        }
        failed
    };
    let failed = run(1, true);
    assert!((1..10).contains(&failed.len()), "{failed:?}");
    assert_eq!((run(1, true), run(1, false)), (failed.clone(), vec![]));
    assert_ne!(run(2, true), failed);
}

#[test]
fn a_source_has_five_hundred_subscriptions_and_no_more() {
    let mut azure = with_topic(instant());
    let account = format!("{RG}/providers/Microsoft.Storage/storageAccounts/box");
    let queue = json!({"endpointType": "StorageQueue", "properties": {"resourceId": account, "queueName": "events"}});
    let mut put = |scope: &str, number: usize| {
        let id = format!("{scope}/eventSubscriptions/number-{number}");
        let answer = azure.ask("PUT", &id, EG, json!({"properties": {"destination": queue}}));
        azure.pass(0);
        answer.status
    };
    let scope = format!("{}/providers/Microsoft.EventGrid", service("shop"));
    for number in 0..250 {
        assert_eq!((put(&topic("shop-topic"), number), put(&scope, number)), (201, 201), "{number}");
    }
    assert_eq!((put(&topic("shop-topic"), 250), put(&scope, 250)), (400, 400));
    assert_eq!((put(&topic("shop-topic"), 7), put(&scope, 7)), (201, 201), "an update is none more");
}

#[test]
fn one_of_the_two_urls_names_the_port_of_https() {
    let base_url = "https://management.test".to_owned();
    let mut azure = with_topic(Client::new(Config { base_url, throttle: false, ..Config::default() }));
    let deleted = azure.ask("DELETE", &topic("shop-topic"), EG, Value::Null);
    let header = |name: &str| deleted.header(name).expect("a URL").to_owned();
    let (status, result) = (header("azure-asyncoperation"), header("location"));
    assert!(status.starts_with("https://management.test:443/subscriptions/"), "{status}");
    assert!(result.starts_with("https://management.test/subscriptions/"), "{result}");
}
