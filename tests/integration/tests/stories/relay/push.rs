//! How a relay may push, and the order in which relay and hub go.

use anyhow::Result;
use serde_json::{Value, json};
use testbed::wait_for;

use super::stage::Stage;
use crate::harness::SOON;

fn pushing(rules: Value) -> Value {
    json!({"spec": {"push": {"hubRef": {"name": "phones"}, "rules": rules}}})
}

fn rule(types: &[&str], body: &str) -> Value {
    json!({"name": "message", "eventTypes": types, "installationTag": "'user:a'", "alert": {"body": body}})
}

#[tokio::test]
async fn the_relay_gets_a_policy_of_its_own_and_the_hub_waits_for_it() -> Result<()> {
    let stage = Stage::begin("relay-push").await?;
    let story = &stage.story;
    let _relay = stage.delivering(&pushing(json!([rule(&["A.B"], "event.subject")]))).await?;
    let object = story.ready("EventRelay", "shop").await?;
    let policy = object["status"]["pushPolicyId"].as_str().unwrap_or_default().to_ascii_lowercase();
    assert_eq!(story.resources().await?[&policy]["properties"]["rights"], json!(["Send"]));
    let secret = story.secret("shop-push").await?.unwrap();
    let name = policy.rsplit('/').next().unwrap_or_default();
    assert!(secret["connectionString"].contains(&format!("SharedAccessKeyName={name};")), "another policy's key");
    assert!(story.id("NotificationHub", "phones").await?.ends_with(&secret["hubName"].to_ascii_lowercase()));

    // A call still rings: the link's policy is another one.
    assert_eq!(story.rings().await?["rang"], true);
    story.delete("NotificationHub", "phones").await?;
    story.delete("EventRelay", "shop").await?;
    let message = story.reason("EventRelay", "shop", "Ready", "InUse").await?;
    assert!(message.contains("EventSubscription relayed"), "{message}");
    assert!(story.resources().await?.contains_key(&policy), "it pushes until it goes");
    story.delete("EventSubscription", "relayed").await?;
    story.gone("EventRelay", "shop").await?;
    assert!(!story.resources().await?.contains_key(&policy));
    for (kind, name) in [("Secret", "shop-push"), ("Secret", "shop-delivery"), ("ConfigMap", "shop-relay")] {
        wait_for(&format!("{kind} {name} to go with its owner"), SOON, || async {
            story.object(kind, name).await.is_ok_and(|found| found.is_none())
        })
        .await?;
    }
    let message = story.reason("NotificationHub", "phones", "Ready", "InUse").await?;
    assert!(message.contains("CommunicationService shop") && !message.contains("EventRelay"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_relay_that_pushes_no_more_leaves_no_policy_and_no_secret() -> Result<()> {
    let stage = Stage::begin("relay-unpush").await?;
    let story = &stage.story;
    let _relay = stage.delivering(&pushing(json!([]))).await?;
    let object = story.ready("EventRelay", "shop").await?;
    let policy = object["status"]["pushPolicyId"].as_str().unwrap_or_default().to_ascii_lowercase();
    assert!(story.resources().await?.contains_key(&policy));
    story.patch("EventRelay", "shop", json!({"spec": {"push": null}})).await?;
    story.until(("EventRelay", "shop"), "no policy", |object| object["status"].get("pushPolicyId").is_none()).await?;
    story.ready("EventRelay", "shop").await?;
    assert!(!story.resources().await?.contains_key(&policy));
    assert_eq!(story.secret("shop-push").await?, None);
    Ok(())
}

#[tokio::test]
async fn a_wrong_rule_is_told_with_its_place_and_two_rings_are_warned_of() -> Result<()> {
    let stage = Stage::begin("relay-rules").await?;
    let story = &stage.story;
    story.quickstart_ready().await?;
    story.apply(&stage.relay(&pushing(json!([rule(&["A.B"], "event.data.")])))).await?;
    let message = story.reason("EventRelay", "shop", "RulesValid", "InvalidExpression").await?;
    assert!(
        message.contains("\"message\"") && message.contains("`alert.body`") && message.contains("line 1"),
        "{message}"
    );
    let calls = pushing(json!([rule(&["Microsoft.Communication.IncomingCall"], "'call'")]));
    story.patch("EventRelay", "shop", calls).await?;
    let message = story.reason("EventRelay", "shop", "RulesValid", "DoubleRing").await?;
    assert!(message.contains("CommunicationService shop") && message.contains("ring twice"), "{message}");
    Ok(())
}
