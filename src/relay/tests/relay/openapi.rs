//! The description of the app's door, held against what is there.

use std::collections::BTreeSet;

use acs_relay::push::direct::{Code, HEADERS, PUSH_TYPES};
use acs_relay::push::local::OPENAPI;
use acs_relay::push::payload::MAX_PAYLOAD;
use acs_wire::relay::config::Platform;
use acs_wire::relay::paths;
use serde_json::{Value, json};

use crate::ground::{Ground, Target, config, event, route, send};

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn it_is_served_as_committed() {
    let ground = Ground::with(&config(&[])).await;
    let reply = send(ground.local, "GET", paths::OPENAPI, &[], "").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert_eq!(reply.body.as_ref(), OPENAPI.as_bytes());
    assert_eq!(document()["openapi"], "3.1.0");
}

#[test]
fn it_names_every_path_every_status_and_every_code() {
    let document = document();
    let named: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(named, [paths::PUSH_DIRECT, paths::OPENAPI].map(str::to_owned).into());
    let responses = document["paths"][paths::PUSH_DIRECT]["post"]["responses"].as_object().unwrap();
    // Not answers of this operation.
    let others = [Code::UnknownPath, Code::WrongMethod];
    let codes: Vec<_> = Code::all().into_iter().filter(|code| !others.contains(code)).collect();
    let statuses: BTreeSet<_> = codes.iter().map(|code| code.status().as_u16().to_string()).collect();
    assert_eq!(responses.keys().cloned().collect::<BTreeSet<_>>(), statuses);
    for code in codes {
        let description = responses[&code.status().as_u16().to_string()]["description"].as_str().unwrap();
        assert!(description.contains(&format!("`{}`", code.word())), "{}: {description}", code.word());
    }
    let words: BTreeSet<_> = Code::all().iter().map(|code| code.word().to_owned()).collect();
    assert_eq!(texts(&document["components"]["schemas"]["Answer"]["properties"]["code"]["enum"]), words);
}

#[test]
fn its_request_is_the_one_that_is_read() {
    let request = &document()["components"]["schemas"]["DirectPush"];
    let platforms = [Platform::Apple, Platform::FcmV1].map(|platform| platform.format().to_owned());
    assert_eq!(texts(&request["properties"]["platform"]["enum"]), platforms.into());
    assert_eq!(texts(&request["required"]), ["platform", "deviceHandle", "payload"].map(str::to_owned).into());
    assert_eq!(request["additionalProperties"], false);
    let headers = &request["properties"]["headers"];
    let named: BTreeSet<_> = headers["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(named, HEADERS.map(str::to_owned).into());
    assert_eq!(texts(&headers["properties"]["apns-push-type"]["enum"]), PUSH_TYPES.map(str::to_owned).into());
    assert!(request["properties"]["payload"]["description"].as_str().unwrap().contains(&MAX_PAYLOAD.to_string()));
}

#[tokio::test]
async fn what_the_app_receives_is_described() {
    let target = Target::start().await;
    let mut structured = route("structured", &target.url());
    structured["encoding"] = json!("Structured");
    let ground = Ground::with(&config(&[route("binary", &target.url()), structured])).await;
    assert_eq!(ground.deliver(event("1", "a")).await.status, 200);
    let webhook = &document()["webhooks"]["event"]["post"];
    let parameters = webhook["parameters"].as_array().unwrap();
    let described: BTreeSet<_> =
        parameters.iter().map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect();
    let content = webhook["requestBody"]["content"].as_object().unwrap();
    for received in target.received() {
        for name in received.headers.keys().filter(|name| name.as_str().starts_with("ce-")) {
            assert!(described.contains(name.as_str()), "{name}");
        }
        let content_type = received.header("content-type").split(';').next().unwrap();
        assert!(content.contains_key(content_type), "{content_type}");
    }
    assert!(described.contains("acs-relay-delivery-count"));
}
