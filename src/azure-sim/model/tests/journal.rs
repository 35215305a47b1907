//! The journal: what is written down, what is found, and what never stands in it.

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::*;

const HOST: &str = "shop-hubs.servicebus.windows.net";
const TOPIC: &str = "/providers/Microsoft.EventGrid/systemTopics/shop-topic";
const APNS_KEY: &str = "-----BEGIN PRIVATE KEY-----secret-of-apple";
const FCM_KEY: &str = "-----BEGIN PRIVATE KEY-----secret-of-google";
const HANDLE: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf";

fn door(azure: &mut Client, method: &str, path: &str, body: &Value) -> Response {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    azure.raw(method, &format!("/_sim/{path}"), &body)
}

fn asked(azure: &mut Client, query: &str) -> Value {
    let answer = door(azure, "GET", &format!("journal?{query}"), &Value::Null);
    assert_eq!(answer.status, 200, "{query}: {}", answer.value());
    answer.value()
}

fn operations(page: &Value) -> Vec<&str> {
    page["entries"].as_array().expect("a list").iter().filter_map(|e| e["operation"].as_str()).collect()
}

fn sign(key: &str, expiry: u64) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let resource = encode(&format!("https://{HOST}/phones"));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("a key");
    mac.update(format!("{resource}\n{expiry}").as_bytes());
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    let rule = "DefaultFullSharedAccessSignature";
    format!("SharedAccessSignature sr={resource}&sig={}&se={expiry}&skn={rule}", encode(&signature))
}

fn push(azure: &mut Client, signature: &str) -> Response {
    let headers = [
        ("Host", HOST),
        ("Authorization", signature),
        ("ServiceBusNotification-Format", "apple"),
        ("ServiceBusNotification-DeviceHandle", HANDLE),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let body = br#"{"aps":{"alert":"body-of-a-push"}}"#.to_vec();
    let path = "/phones/messages?direct&api-version=2015-04".to_owned();
    handle(&mut azure.world, &Request { method: "POST".into(), path, headers, body }, azure.now)
}

/// Answers what is out: a handshake with its code, a delivery with `status`.
fn answer(azure: &mut Client, status: u16) {
    for call in azure.pass(0) {
        let event: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let body = json!({"validationResponse": event[0]["data"]["validationCode"]}).to_string().into_bytes();
        azure.now += 7;
        answered(&mut azure.world, call.id, Answered::Response { status, headers: vec![], body }, azure.now);
    }
}

/// Everything once: tokens, a linked service, a hub with credentials, a subscription with secrets, phones, pushes, events,
/// refusals. Returns each secret that was seen or used.
fn everything(azure: &mut Client) -> Vec<String> {
    let mut secrets = vec![azure.world.config().client_secret.clone(), azure.token.clone(), HANDLE.to_owned()];
    secrets.extend(
        ["wrong-secret", APNS_KEY, FCM_KEY, "c0de-in-a-query", "static-attribute", "user-of-a-url"].map(str::to_owned),
    );
    secrets.extend(["body-of-a-push", "body-of-an-event", "client-secret-as-id"].map(str::to_owned));
    azure.ask_token(&[("client_secret", "wrong-secret")]);
    azure.ask_token(&[("client_id", "client-secret-as-id"), ("client_secret", "x")]);
    azure.put_service("shop");
    let hub = azure.put_hub();
    let credentials = json!({
        "apnsCredential": {"properties": {"endpoint": "e", "token": APNS_KEY, "keyId": "k", "appId": "t", "appName": "b"}},
        "fcmV1Credential": {"properties": {"clientEmail": "e", "privateKey": FCM_KEY, "projectId": "p"}},
    });
    let update = json!({"location": "westeurope", "properties": credentials});
    assert_eq!(azure.ask("PUT", &hub, NH, update).status, 200);
    azure.ask("POST", &format!("{hub}/pnsCredentials"), NH, Value::Null);
    let rule = format!("{hub}/authorizationRules/DefaultFullSharedAccessSignature");
    let keys = azure.ask("POST", &format!("{rule}/listKeys"), NH, Value::Null).value();
    let service_keys = azure.ask("POST", &format!("{}/listKeys", service("shop")), ACS, Value::Null).value();
    let texts = |value: &Value| -> Vec<String> {
        let members = value.as_object().expect("keys").iter().filter(|(name, _)| *name != "keyName");
        members.filter_map(|(_, v)| v.as_str().map(str::to_owned)).collect()
    };
    secrets.extend(texts(&keys).into_iter().chain(texts(&service_keys)));
    let link = json!({"resourceId": hub, "connectionString": keys["primaryConnectionString"]});
    assert_eq!(azure.ask("POST", &format!("{}/linkNotificationHub", service("shop")), ACS, link).status, 200);
    let topic = format!("{RG}{TOPIC}");
    let kind = "Microsoft.Communication.CommunicationServices";
    let body = json!({"location": "global", "properties": {"source": service("shop"), "topicType": kind}});
    assert_eq!(azure.ask("PUT", &topic, EG, body).status, 201);
    let attribute =
        json!({"name": "x-key", "type": "Static", "properties": {"value": "static-attribute", "isSecret": true}});
    let destination = json!({"endpointType": "WebHook", "properties": {
        "endpointUrl": "https://relay.example:8443/events?code=c0de-in-a-query", "deliveryAttributeMappings": [attribute],
    }});
    let relay = format!("{topic}/eventSubscriptions/relay");
    let made = azure.ask("PUT", &relay, EG, json!({"properties": {"destination": destination}}));
    assert_eq!(made.status, 201, "{}", made.value());
    answer(azure, 200);
    azure.ask("POST", &format!("{relay}/getFullUrl"), EG, Value::Null);
    azure.ask("POST", &format!("{relay}/getDeliveryAttributes"), EG, Value::Null);
    for status in [200, 503] {
        let sms = json!({"service": "shop", "from": "+1555", "to": "+1666", "message": "body-of-an-event"});
        assert_eq!(door(azure, "POST", "sms", &sms).status, 200);
        answer(azure, status);
    }
    let phone = json!({"hub": hub, "user": "ada", "platform": "apple", "handle": HANDLE, "tags": ["gold"]});
    assert_eq!(door(azure, "POST", "phones", &phone).status, 200);
    let good = sign(keys["primaryKey"].as_str().expect("a key"), azure.now / 1000 + 600);
    let bad = sign("no-key", azure.now / 1000 + 600);
    assert_eq!((push(azure, &good).status, push(azure, &bad).status), (201, 401));
    secrets.extend([good, bad]);
    let fault = json!({"operation": "Microsoft.Communication/*", "answer": {"status": 503, "delayMs": 40}, "times": 1});
    assert_eq!(door(azure, "POST", "faults", &fault).status, 200);
    assert_eq!(azure.get(&service("shop"), ACS).status, 503);
    assert_eq!(azure.get("/eventgrid/validate", EG).status, 404);
    secrets
}

#[test]
fn every_part_of_azure_writes_in_it_and_no_secret_stands_in_it_or_in_the_state() {
    let mut azure = instant();
    let secrets = everything(&mut azure);
    let journal = asked(&mut azure, "").to_string();
    let state = door(&mut azure, "GET", "state", &Value::Null).value().to_string();
    for secret in &secrets {
        for (name, text) in [("journal", &journal), ("state", &state)] {
            assert!(!text.contains(secret.as_str()), "{secret} in the {name}: {text}");
        }
    }
    let some = |query: &str| -> Vec<String> {
        let mut seen: Vec<String> = azure
            .world
            .journal_page(&Query::parse(query).expect("a query"))
            .entries
            .iter()
            .map(|e| format!("{} {} {}", e.operation, e.status, e.principal))
            .collect();
        seen.dedup();
        seen
    };
    let client = azure.world.config().client_id.clone();
    let token = |status: u16, who: &str| format!("Microsoft.Entra/token/action {status} {who}");
    assert_eq!(some("plane=entra"), [token(200, &client), token(401, &client), token(400, "")]);
    let grid = |what: &str, status: u16| {
        format!("Microsoft.EventGrid/eventSubscriptions/{what}/action {status} Microsoft.EventGrid")
    };
    assert_eq!(some("plane=outward"), [grid("validation", 200), grid("delivery", 200), grid("delivery", 503)]);
    let sent =
        |status: u16, who: &str| format!("Microsoft.NotificationHubs/DataPlane/directSend/action {status} {who}");
    assert_eq!(some("plane=hubs"), [sent(201, "DefaultFullSharedAccessSignature"), sent(401, "")]);
    assert!(some("plane=arm").contains(&format!("Microsoft.Communication/CommunicationServices/write 201 {client}")));
}

#[test]
fn what_was_called_outwards_says_for_whom_how_long_and_how_it_ended() {
    let mut azure = instant();
    everything(&mut azure);
    let page = asked(&mut azure, "plane=outward&status=503");
    let entry = &page["entries"][0];
    assert_eq!(entry["path"], "relay.example:8443/events");
    assert_eq!(entry["resource"], format!("{RG}{TOPIC}/eventSubscriptions/relay"));
    assert_eq!((&entry["durationMs"], &entry["effect"]), (&json!(7.0), &json!("none")));
    assert!(entry["correlationId"].as_str().is_some_and(|id| id.len() == 36));
    door(&mut azure, "POST", "sms", &json!({"service": "shop", "from": "+1", "to": "+2", "message": "x"}));
    let call = azure.pass(0).remove(0);
    answered(&mut azure.world, call.id, Answered::TimedOut("no answer within 30 s".into()), azure.now);
    let last = azure.world.journal().back().expect("an entry");
    assert_eq!((last.status, last.code.as_deref()), (0, Some("TimedOut")));
}

#[test]
fn a_refusal_has_its_code_a_fault_its_number_and_a_delay_its_time() {
    let mut azure = instant();
    everything(&mut azure);
    let codes = |page: &Value| -> Vec<Value> {
        page["entries"].as_array().expect("a list").iter().map(|e| e["code"].clone()).collect()
    };
    let entra = asked(&mut azure, "plane=entra&status=4xx");
    assert_eq!(codes(&entra), [json!("AADSTS7000215"), json!("AADSTS700016")]);
    assert_eq!(codes(&asked(&mut azure, "plane=hubs&status=401")), [json!("InvalidSignature")]);
    let struck = asked(&mut azure, "status=503&plane=arm");
    let entry = &struck["entries"][0];
    assert_eq!(
        (&entry["fault"], &entry["durationMs"], &entry["code"]),
        (&json!(1), &json!(40.0), &json!("ServiceUnavailable"))
    );
}

#[test]
fn conditions_are_met_together_and_pages_follow_each_other() {
    let mut azure = instant();
    everything(&mut azure);
    let all = asked(&mut azure, "");
    let count = all["entries"].as_array().expect("a list").len();
    let (mut since, mut seen) = (0, 0);
    loop {
        let page = asked(&mut azure, &format!("since={since}&limit=5"));
        let got = page["entries"].as_array().expect("a list").len();
        if got == 0 {
            break;
        }
        (since, seen) = (page["next"].as_u64().expect("a number"), seen + got);
    }
    assert_eq!((seen, json!(since)), (count, all["next"].clone()), "nothing twice, nothing left out");
    let newest = asked(&mut azure, "limit=1");
    assert_eq!(newest["entries"][0], all["entries"][count - 1], "without since, the newest");
    let keys = asked(&mut azure, "operation=microsoft.communication/*&method=post&effect=action,none&path=SHOP");
    assert_eq!(operations(&keys).len(), 2, "{keys}");
    let none = asked(&mut azure, "since=3&operation=Nothing");
    assert_eq!(
        (operations(&none).len(), &none["next"]),
        (0, &all["next"]),
        "what was looked at is not looked at again"
    );
    assert_eq!(operations(&asked(&mut azure, "to=2026-01-01T00:00:00Z")).len(), 0);
    assert_eq!(operations(&asked(&mut azure, &format!("from={START}"))).len(), count);
    assert_eq!(operations(&asked(&mut azure, "principal=nobody")).len(), 0);
}

#[test]
fn mistakes_in_a_question_are_named() {
    let mut azure = instant();
    for (query, said) in [
        ("sinc=1", "there is no 'sinc'; there are since, operation"),
        ("since=x", "'since': 'x' is no whole number"),
        ("since=1&since=2", "'since' is given twice"),
        ("limit=0", "'limit' must be at least 1"),
        ("status=teapot", "'teapot' is neither a status"),
        ("status=9xx", "'9xx' is neither a status"),
        ("effect=boom", "none of create, update, delete, read, action, none"),
        ("plane=data", "none of arm, entra, hubs, outward"),
        ("from=yesterday", "'yesterday' is neither RFC 3339"),
        ("from=2&to=1", "'from' is later than 'to'"),
        ("path=", "'path' is empty"),
        ("method=1", "'1' is no method"),
    ] {
        let answer = door(&mut azure, "GET", &format!("journal?{query}"), &Value::Null);
        assert_eq!(answer.status, 400, "{query}");
        let message = answer.value()["error"].as_str().expect("a sentence").to_owned();
        assert!(message.contains(said), "{query}: {message}");
    }
}

#[test]
fn it_is_bounded_counts_what_it_lost_and_cuts_what_is_too_long() {
    let mut azure = Client::new(Config { journal_capacity: 3, throttle: false, ..Config::default() });
    for _ in 0..5 {
        azure.get(&service("none"), ACS);
    }
    let page = asked(&mut azure, "since=1");
    assert_eq!((operations(&page).len(), &page["missed"], &page["next"]), (3, &json!(2), &json!(6)));
    assert_eq!(asked(&mut azure, "since=3").get("missed"), None);
    azure.get(&format!("{RG}/providers/Microsoft.X/{}", "é".repeat(20_000)), ACS);
    let entry = azure.world.journal().back().expect("an entry").clone();
    assert_eq!(entry.path.chars().count(), 1025);
    assert!(entry.operation.chars().count() <= 257, "{}", entry.operation);
    let headers = vec![("x-ms-correlation-request-id".to_owned(), "x".repeat(4096))];
    handle(&mut azure.world, &Request { method: "GET".into(), path: "/".into(), headers, body: vec![] }, azure.now);
    assert_eq!(azure.world.journal().back().expect("an entry").correlation_id.len(), 36, "an own one instead");
}

#[test]
fn entries_read_back_as_they_were_written() {
    let mut azure = instant();
    everything(&mut azure);
    for entry in azure.world.journal() {
        let written = serde_json::to_string(entry).expect("JSON");
        assert_eq!(serde_json::from_str::<Entry>(&written).expect("an entry"), *entry);
    }
}
