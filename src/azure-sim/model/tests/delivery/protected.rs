//! Webhooks that Entra protects get a token with every message.

use base64::Engine as _;

use super::*;

const AUDIENCE: &str = "api://relay.example";

fn protected(tenant: &str, attributes: Value) -> Value {
    json!({"destination": {"endpointType": "WebHook", "properties": {
        "endpointUrl": "https://relay.example/e", "azureActiveDirectoryTenantId": tenant,
        "azureActiveDirectoryApplicationIdOrUri": AUDIENCE, "deliveryAttributeMappings": attributes,
    }}})
}

fn authorization(call: &Outbound) -> Vec<&str> {
    let headers = call.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    headers.map(|(_, value)| value.as_str()).collect()
}

fn claims(header: &str) -> Value {
    let token = header.strip_prefix("Bearer ").expect("a bearer token");
    let payload = token.split('.').nth(1).expect("claims");
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64");
    serde_json::from_slice(&payload).expect("JSON")
}

#[test]
fn each_message_carries_a_token_of_event_grid_for_the_application() {
    let mut azure = with_topic(Config::default());
    let tenant = azure.world.config().tenant_id.clone();
    let own = json!([{"name": "Authorization", "type": "Static", "properties": {"value": "Basic eDp5"}}]);
    let made = azure.ask("PUT", &subscription("relay"), EG, json!({"properties": protected(&tenant, own)}));
    assert_eq!(made.status, 201, "{}", made.value());
    let handshake = azure.pass(0);
    assert_eq!(claims(authorization(&handshake[0])[0])["aud"], AUDIENCE);
    let event: Value = serde_json::from_slice(&handshake[0].body).expect("an event");
    let body = json!({"validationResponse": event[0]["data"]["validationCode"]}).to_string().into_bytes();
    answered(&mut azure.world, handshake[0].id, Answered::Response { status: 200, headers: vec![], body }, azure.now);
    azure.sms();
    let calls = azure.pass(0);
    let headers = authorization(&calls[0]);
    assert_eq!(headers.len(), 1, "the token takes the place of an own header: {headers:?}");
    let claims = claims(headers[0]);
    assert_eq!((claims["aud"].clone(), claims["tid"].clone()), (json!(AUDIENCE), json!(tenant)));
    assert_eq!(claims["appid"], "4962773b-9cdb-44cf-a8bf-237846a00ab7");
    assert_eq!(claims["iss"], format!("https://sts.windows.net/{tenant}/"));
    let shown = azure.door("GET", "deliveries", Value::Null).to_string();
    assert!(!shown.contains("Bearer"), "{shown}");
}

#[test]
fn cloud_events_are_asked_for_without_a_token_and_delivered_with_one() {
    let mut azure = with_topic(Config::default());
    let tenant = azure.world.config().tenant_id.clone();
    let mut properties = protected(&tenant, json!([]));
    properties["eventDeliverySchema"] = json!("CloudEventSchemaV1_0");
    azure.ask("PUT", &subscription("relay"), EG, json!({"properties": properties}));
    let handshake = azure.pass(0);
    assert_eq!((handshake[0].method.as_str(), authorization(&handshake[0]).len()), ("OPTIONS", 0));
    let headers = ["WebHook-Allowed-Origin", "WebHook-Allowed-Rate"].map(|n| (n.to_owned(), "*".to_owned())).to_vec();
    answered(&mut azure.world, handshake[0].id, Answered::Response { status: 200, headers, body: vec![] }, azure.now);
    azure.sms();
    assert_eq!(authorization(&azure.pass(0)[0]).len(), 1);
}

#[test]
fn a_directory_that_is_not_there_gives_no_token_and_nothing_is_sent() {
    let mut azure = with_topic(Config::default());
    azure.subscribe(&subscription("relay"), protected("11111111-2222-4333-8444-555555555555", json!([])));
    azure.sms();
    assert!(azure.pass(0).is_empty());
    let attempt = azure.attempts()[0].clone();
    assert_eq!((attempt["outcome"].clone(), attempt["attempt"].clone()), (json!("Retry"), json!(1)));
    assert!(attempt["failure"].as_str().expect("a reason").contains("no directory 11111111"), "{attempt}");
    let next = attempt["nextAttempt"].as_u64().expect("another attempt") - azure.now;
    assert!((300_000..=330_000).contains(&next), "{next}");
    assert_eq!(azure.door("GET", "deliveries", Value::Null)["queues"][0]["inFlight"], 0);
}
