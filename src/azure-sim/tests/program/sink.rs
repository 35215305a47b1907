//! `/_sim/sink`: event subscriptions for whom there is no app yet. Event Grid, the webhook and the network between them are
//! one real process.

use std::time::Duration;

use serde_json::{Value, json};

use crate::simulator::{Client, Simulator};

/// Somebody with a token at one resource group.
struct Arm {
    client: Client,
    token: String,
    group: String,
}

impl Arm {
    async fn send(&self, method: &str, path: &str, version: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{}/providers/{path}?api-version={version}", self.client.url, self.group);
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.client.http.request(method, url).bearer_auth(&self.token);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// Makes something, and waits until it has settled.
    async fn made(&self, path: &str, version: &str, body: &Value) -> Value {
        let (status, told) = self.send("PUT", path, version, body).await;
        assert!(status < 300, "{path}: {status} {told}");
        for _ in 0..600 {
            let (_, seen) = self.send("GET", path, version, &Value::Null).await;
            let state = seen["properties"]["provisioningState"].as_str().unwrap_or_default().to_owned();
            if state == "Succeeded" {
                return seen;
            }
            assert_ne!(state, "Failed", "{path}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} does not settle");
    }
}

#[tokio::test]
async fn it_agrees_to_both_handshakes_and_takes_every_event() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let client = simulator.client();
    let group = format!("/subscriptions/{}/resourceGroups/rg-shop", simulator.subscription());
    let arm = Arm { token: client.token(dir.path()).await, client, group };
    let service = "Microsoft.Communication/communicationServices/contoso-shop";
    arm.made(service, "2025-05-01", &json!({"location": "global", "properties": {"dataLocation": "Europe"}})).await;
    let source = format!("{}/providers/{service}", arm.group);
    let topic = json!({"location": "global",
        "properties": {"source": source, "topicType": "Microsoft.Communication.CommunicationServices"}});
    arm.made("Microsoft.EventGrid/systemTopics/events", "2025-02-15", &topic).await;
    for schema in ["EventGridSchema", "CloudEventSchemaV1_0"] {
        let endpoint = format!("{}/_sim/sink/{schema}?code=1", arm.client.url);
        let subscription = json!({"properties": {"eventDeliverySchema": schema,
            "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": endpoint}}}});
        let path = format!("Microsoft.EventGrid/systemTopics/events/eventSubscriptions/{}", schema.replace('_', "-"));
        arm.made(&path, "2025-02-15", &subscription).await;
    }
    // One by POST with a code, one by OPTIONS.
    let asked = arm.client.get("/_sim/journal?plane=outward").await;
    let asked: Vec<_> =
        asked["entries"].as_array().expect("entries").iter().map(|e| (&e["method"], &e["status"])).collect();
    assert_eq!(asked, [(&json!("POST"), &json!(200)), (&json!("OPTIONS"), &json!(200))]);

    let sms = json!({"service": "contoso-shop", "from": "+15555550100", "to": "+15555550199", "message": "Hello"});
    let published = arm.client.post("/_sim/sms", &sms).await;
    assert_eq!(published["matched"].as_array().map(Vec::len), Some(2), "{published}");
    let mut delivered = Vec::new();
    for _ in 0..600 {
        let attempts = arm.client.get("/_sim/deliveries").await["attempts"].clone();
        delivered = attempts.as_array().expect("attempts").iter().map(|attempt| attempt["outcome"].clone()).collect();
        if delivered.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(delivered, ["Delivered", "Delivered"]);
}

#[tokio::test]
async fn what_is_no_event_is_taken_and_what_no_webhook_takes_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let client = simulator.client();
    let sink = format!("{}/_sim/sink", client.url);
    for body in ["", "no JSON", "[]", "[{}]", r#"{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent"}"#] {
        let answer = client.http.post(&sink).body(body).send().await.expect("an answer");
        assert_eq!((answer.status().as_u16(), answer.json::<Value>().await.expect("JSON")), (200, json!({})), "{body}");
    }
    let validation = json!([{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "c0de"}}]);
    let answer = client.http.post(&sink).json(&validation).send().await.expect("an answer");
    assert_eq!(answer.json::<Value>().await.expect("JSON"), json!({"validationResponse": "c0de"}));
    assert_eq!(client.http.get(&sink).send().await.expect("an answer").status(), 405);
}
