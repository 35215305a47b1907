//! Event subscriptions on a whole subscription or resource group, and the events of Microsoft.Resources that they get.

use super::delivery::status;
use super::*;

fn on(scope: &str, name: &str) -> String {
    format!("{scope}/providers/Microsoft.EventGrid/eventSubscriptions/{name}")
}

impl Client {
    /// The events that are delivered now, each taken.
    fn told(&mut self) -> Vec<Value> {
        let mut told = Vec::new();
        loop {
            let calls = self.pass(0);
            if calls.is_empty() {
                return told;
            }
            for call in calls {
                let events: Value = serde_json::from_slice(&call.body).expect("JSON");
                told.extend(events.as_array().expect("an array").clone());
                answered(&mut self.world, call.id, status(200), self.now);
            }
        }
    }

    fn told_types(&mut self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let short = |event: &Value| text(&event["eventType"]).replace("Microsoft.Resources.Resource", "");
        self.told().iter().map(|event| (short(event), text(&event["data"]["operationName"]))).collect()
    }
}

#[test]
fn event_subscriptions_live_on_subscriptions_and_groups() {
    for (scope, topic_type) in
        [(SUBSCRIPTION, "Microsoft.Resources.Subscriptions"), (RG, "Microsoft.Resources.ResourceGroups")]
    {
        let mut azure = instant();
        let id = on(scope, "all-writes");
        azure.subscribe(&id, json!({"labels": ["blue"]}));
        let seen = azure.get(&id, EG).value();
        assert_eq!((&seen["id"], &seen["properties"]["topic"]), (&json!(id), &json!(scope)));
        assert_eq!(seen["type"], "Microsoft.EventGrid/eventSubscriptions");
        assert_eq!(seen["properties"]["filter"]["includedEventTypes"].as_array().expect("types").len(), 9);
        let full = azure.ask("POST", &format!("{id}/getFullUrl"), EG, Value::Null).value();
        assert_eq!(full["endpointUrl"], "https://relay.example/e?code=s3cret");
        let patched = azure.ask("PATCH", &id, EG, json!({"labels": ["green"]}));
        assert_eq!((patched.status, &patched.value()["properties"]["labels"]), (201, &json!(["green"])));
        azure.told();
        let grid = format!("{scope}/providers/Microsoft.EventGrid");
        for (middle, expected) in [
            (String::new(), 1),
            (format!("topicTypes/{topic_type}/"), 1),
            ("topicTypes/Microsoft.Communication.CommunicationServices/".to_owned(), 0),
            ("locations/global/".to_owned(), 1),
            ("locations/westeurope/".to_owned(), 0),
        ] {
            let listed = azure.get(&format!("{grid}/{middle}eventSubscriptions"), EG);
            assert_eq!(names(&listed).len(), expected, "{scope} {middle}");
        }
        assert_eq!(names(&azure.get(&format!("{grid}/eventTypes"), EG)).len(), 9);
        let group =
            if scope == RG { RG.to_owned() } else { format!("{SUBSCRIPTION}/resourceGroups/Default-EventGrid") };
        let hidden = azure.get(&format!("{grid}/extensionTopics/default"), EG).value();
        let topic = hidden["properties"]["systemTopic"].as_str().expect("a topic").to_owned();
        assert!(topic.starts_with(&format!("{group}/providers/Microsoft.EventGrid/systemTopics/")), "{topic}");
        assert_eq!(azure.get(&topic, EG).value()["properties"]["topicType"], topic_type.to_lowercase());
        assert_eq!(azure.ask("DELETE", &id, EG, Value::Null).status, 202);
        azure.pass(0);
        assert_eq!((azure.get(&id, EG).status, azure.get(&topic, EG).status), (404, 404));
    }
    let mut azure = instant();
    let nowhere = on(&format!("{SUBSCRIPTION}/resourceGroups/none"), "x-y-z");
    let body = json!({"properties": {"destination": {"endpointType": "WebHook", "properties": {"endpointUrl": "https://a.b/"}}}});
    assert_eq!(refusal(&azure.ask("PUT", &nowhere, EG, body)), (404, "ResourceGroupNotFound".into()));
}

#[test]
fn what_arm_is_asked_to_do_is_told_when_it_is_done() {
    let mut azure = azure();
    azure.put_service("depot");
    azure.pass(70);
    azure.subscribe_slowly(&on(SUBSCRIPTION, "everything"));
    let put = azure.put_service("shop");
    let correlation = put.header("x-ms-correlation-request-id").expect("an id").to_owned();
    assert_eq!(azure.told(), Vec::<Value>::new(), "it has only begun");
    azure.get(&service("shop"), ACS);
    azure.now += 64_000;
    assert_eq!(azure.told().len(), 0);
    azure.now += 1000;
    let told = azure.told();
    let service_id = service("shop");
    let (event, data) = (&told[0], &told[0]["data"]);
    assert_eq!(told.len(), 1, "reads make none");
    assert_eq!(
        (&event["eventType"], &event["dataVersion"]),
        (&json!("Microsoft.Resources.ResourceWriteSuccess"), &json!("2"))
    );
    assert_eq!((&event["topic"], &event["subject"]), (&json!(SUBSCRIPTION), &json!(service_id)));
    let write = json!("Microsoft.Communication/CommunicationServices/write");
    assert_eq!((&data["operationName"], &data["authorization"]["action"]), (&write, &write));
    assert_eq!((&data["status"], &data["resourceProvider"]), (&json!("Succeeded"), &json!("Microsoft.Communication")));
    assert_eq!((&data["correlationId"], &data["resourceUri"]), (&json!(correlation), &json!(service_id)));
    assert_eq!(data["claims"]["appid"], azure.world.config().client_id.clone());
    assert!(data.get("httpRequest").is_none(), "of what was new there is no request (documented)");
    azure.ask("POST", &format!("{service_id}/listKeys"), ACS, Value::Null);
    azure.ask("PATCH", &service_id, ACS, json!({"tags": {"a": "b"}}));
    let told = azure.told();
    assert_eq!(told[0]["data"]["operationName"], "Microsoft.Communication/CommunicationServices/ListKeys/action");
    let request = &told[1]["data"]["httpRequest"];
    assert_eq!(
        (&request["method"], told[1]["eventType"].as_str()),
        (&json!("PATCH"), Some("Microsoft.Resources.ResourceWriteSuccess"))
    );
    assert!(request["url"].as_str().expect("a URL").ends_with(&format!("{service_id}?api-version={ACS}")));
    azure.ask("DELETE", &service_id, ACS, Value::Null);
    assert_eq!(azure.told().len(), 0);
    azure.now += 30_000;
    let deleted = ("DeleteSuccess".to_owned(), "Microsoft.Communication/CommunicationServices/delete".to_owned());
    assert_eq!(azure.told_types(), [deleted]);
    // What is refused, and what changes nothing, is not told.
    assert_eq!(azure.ask("DELETE", &service_id, ACS, Value::Null).status, 204);
    assert_eq!(azure.ask("PATCH", &service_id, ACS, json!({"tags": {}})).status, 404);
    assert_eq!(azure.told().len(), 0);
}

impl Client {
    /// A webhook that agrees, where that takes its time.
    fn subscribe_slowly(&mut self, id: &str) {
        let destination = json!({"endpointType": "WebHook", "properties": {"endpointUrl": "https://relay.example/e"}});
        assert_eq!(self.ask("PUT", id, EG, json!({"properties": {"destination": destination}})).status, 201);
        super::event_grid::grant(self);
        self.pass(11);
        assert_eq!(state(&self.get(id, EG)), "Succeeded");
    }
}

#[test]
fn a_deletion_without_a_record_is_told_when_it_is_over_and_a_failed_operation_as_a_failure() {
    let mut azure = azure();
    azure.subscribe_slowly(&on(SUBSCRIPTION, "everything"));
    azure.put_hub();
    azure.told();
    azure.ask("DELETE", &namespace("shop-hubs"), NH, Value::Null);
    azure.now += 29_000;
    assert_eq!(azure.told().len(), 0);
    azure.now += 1_000;
    let namespace = ("DeleteSuccess".to_owned(), "Microsoft.NotificationHubs/Namespaces/delete".to_owned());
    assert_eq!(azure.told_types(), [namespace]);
    azure.place(json!({"method": "PUT", "path": "/shop", "times": 1, "answer": {"lro": "fail"}}));
    azure.put_service("shop");
    azure.now += 70_000;
    let write = "Microsoft.Communication/CommunicationServices/write";
    assert_eq!(azure.told_types(), [("WriteFailure".to_owned(), write.to_owned())]);
    assert_eq!(azure.ask("DELETE", RG, "2021-04-01", Value::Null).status, 202);
    azure.now += 31_000;
    let group = ("DeleteSuccess".to_owned(), "Microsoft.Resources/subscriptions/resourceGroups/delete".to_owned());
    assert_eq!(azure.told_types(), [group]);
}

#[test]
fn a_group_tells_of_its_own_and_somebody_in_the_portal_is_told_of_too() {
    let mut azure = instant();
    assert_eq!(
        azure
            .ask(
                "PUT",
                &format!("{SUBSCRIPTION}/resourceGroups/rg-other"),
                "2021-04-01",
                json!({"location": "westeurope"})
            )
            .status,
        201
    );
    azure.put_service("shop");
    azure.pass(0);
    azure.subscribe(
        &on(RG, "of-the-group"),
        json!({"filter": {"includedEventTypes": ["Microsoft.Resources.ResourceWriteSuccess"]}}),
    );
    azure.told();
    let elsewhere = service("depot").replace("rg-shop", "rg-other");
    azure.ask("PUT", &elsewhere, ACS, json!({"location": "global", "properties": {"dataLocation": "Europe"}}));
    azure.pass(0);
    assert_eq!(azure.told().len(), 0, "another group's");
    azure.ask("POST", &format!("{}/listKeys", service("shop")), ACS, Value::Null);
    assert_eq!(azure.told().len(), 0, "filtered");
    assert!(azure.world.set_tags(&service("shop"), json!({"owner": "mallory"})));
    let told = azure.told();
    assert_eq!((&told[0]["topic"], &told[0]["data"]["claims"]), (&json!(RG), &json!({})));
    assert_eq!(told[0]["data"]["httpRequest"]["method"], "PATCH");
    assert!(azure.world.unlink_in_portal(&service("shop")));
    let write = ("WriteSuccess".to_owned(), "Microsoft.Communication/CommunicationServices/write".to_owned());
    assert_eq!(azure.told_types(), [write]);
    azure.subscribe(&on(SUBSCRIPTION, "deletions"), json!({"filter": {"includedEventTypes": ["Microsoft.Resources.ResourceDeleteSuccess", "Microsoft.Resources.ResourceActionSuccess"]}}));
    azure.told();
    assert!(azure.world.regenerate_key(&service("shop"), true));
    azure.place(json!({"method": "PATCH", "answer": {"after": {"delete": {"inMs": 5000}}}}));
    azure.ask("PATCH", &service("shop"), ACS, json!({"tags": {"a": "b"}}));
    let key = "Microsoft.Communication/CommunicationServices/RegenerateKey/action".to_owned();
    let write = "Microsoft.Communication/CommunicationServices/write".to_owned();
    let mut told = azure.told_types();
    told.sort();
    assert_eq!(told, [("ActionSuccess".to_owned(), key), ("WriteSuccess".to_owned(), write)]);
    azure.now += 5000;
    let deleted = ("DeleteSuccess".to_owned(), "Microsoft.Communication/CommunicationServices/delete".to_owned());
    assert_eq!(azure.told_types(), [deleted]);
}

#[test]
fn a_system_topic_of_a_subscription_tells_as_well_and_only_of_what_fits() {
    let mut azure = instant();
    let topic = format!("{RG}/providers/Microsoft.EventGrid/systemTopics/whole-subscription");
    let body = |source: &str, topic_type: &str, location: &str| json!({"location": location, "properties": {"source": source, "topicType": topic_type}});
    let of = "Microsoft.Resources.Subscriptions";
    for wrong in [
        body(SUBSCRIPTION, "Microsoft.Resources.ResourceGroups", "global"),
        body(SUBSCRIPTION, of, "westeurope"),
        body(RG, of, "global"),
        body(&format!("{SUBSCRIPTION}/resourceGroups/none"), "Microsoft.Resources.ResourceGroups", "global"),
    ] {
        assert_eq!(azure.ask("PUT", &topic, EG, wrong.clone()).status, 400, "{wrong}");
    }
    assert_eq!(azure.ask("PUT", &topic, EG, body(SUBSCRIPTION, of, "global")).status, 201);
    azure.pass(0);
    azure.subscribe(&format!("{topic}/eventSubscriptions/everything"), json!({}));
    azure.told();
    let tags = format!("{SUBSCRIPTION}/providers/Microsoft.Resources/tags/default");
    azure.ask("PUT", &tags, "2021-04-01", json!({"properties": {"tags": {"a": "b"}}}));
    assert_eq!(azure.told()[0]["topic"], SUBSCRIPTION);
}

#[test]
fn where_nobody_listens_nothing_is_published() {
    let published = |listened: bool| {
        let mut azure = instant();
        if listened {
            azure.subscribe(&on(SUBSCRIPTION, "everything"), json!({}));
            azure.told();
        }
        azure.put_service("shop");
        azure.told();
        azure.totals()["published"].clone()
    };
    assert_eq!((published(false), published(true)), (json!(0), json!(1)));
}

#[test]
fn an_extension_topic_is_found_by_a_scope_that_an_sdk_encoded_and_nothing_else_is() {
    let mut azure = instant();
    azure.put_service("shop");
    azure.pass(0);
    azure.subscribe(&on(&service("shop"), "x-y-z"), json!({}));
    let plain = azure.get(&format!("{}/providers/Microsoft.EventGrid/extensionTopics/default", service("shop")), EG);
    for first in ["", "/"] {
        let scope = format!("{first}{}", service("shop").trim_start_matches('/')).replace('/', "%2F");
        let path = format!("/{scope}/providers/Microsoft.EventGrid/extensionTopics/default");
        let encoded = azure.get(&path, EG);
        assert_eq!((encoded.status, encoded.value()), (200, plain.value()), "{path}");
        let other = path.replace("extensionTopics/default", "eventSubscriptions/x-y-z");
        assert_eq!(refusal(&azure.get(&other, EG)), (400, "InvalidRequestUri".into()));
    }
    let dots = "/subscriptions%2F..%2F../providers/Microsoft.EventGrid/extensionTopics/default";
    assert_eq!(refusal(&azure.get(dots, EG)), (400, "InvalidRequestUri".into()));
}
