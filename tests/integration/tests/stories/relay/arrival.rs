//! From YAML in any order to an event in the app.

use anyhow::Result;
use axum::http::StatusCode;
use serde_json::json;
use testbed::wait_for;

use super::stage::Stage;
use crate::harness::{SOON, condition, writes};

#[tokio::test]
async fn the_subscription_is_made_only_when_the_relay_answers_whatever_came_first() -> Result<()> {
    let stage = Stage::begin("relay-order").await?;
    let story = &stage.story;
    story.quickstart_ready().await?;
    let before = story.mark().await?;
    story.apply(&stage.subscription(&json!({}))).await?;
    let message = story.reason("EventSubscription", "relayed", "Subscribed", "DependencyNotReady").await?;
    assert!(message.contains("EventRelay shop does not exist"), "{message}");

    story.apply(&stage.relay(&json!({}))).await?;
    let message = story.reason("EventRelay", "shop", "Deployed", "NoRelayPods").await?;
    assert!(message.contains("`acs-operator.dev/relay: shop`") && message.contains("spec.template"), "{message}");
    let waits = |text: &str| text.contains("NoRelayPods");
    story
        .until(("EventSubscription", "relayed"), "to say what the relay waits for", |object| {
            waits(&condition(object, "Subscribed").2)
        })
        .await?;

    // A relay that runs, and a public URL that leads nowhere.
    stage.pod("app-1").await?;
    let relay = stage.run("app-1").await?;
    let message = story.reason("EventRelay", "shop", "Reachable", "ProbeFailed").await?;
    assert!(message.contains("/v1/events/relayed-"), "{message}");
    let shaken = story.object("EventRelay", "shop").await?.unwrap()["status"]["handshake"].clone();
    assert_eq!((&shaken["granted"], &shaken["schema"]), (&json!(false), &json!("CloudEventSchemaV1_0")));
    assert_eq!(writes(&story.journal(before).await?), [""; 0], "Azure was told of a relay that does not answer");

    stage.point(&[&relay]);
    story.ready("EventSubscription", "relayed").await?;
    let object = story.ready("EventRelay", "shop").await?;
    let status = &object["status"];
    assert_eq!(status["pods"], json!({"ready": 1, "current": 1, "outdated": 0, "missing": 0}));
    assert_eq!((&status["handshake"]["granted"], &status["url"]), (&json!(true), &json!(stage.front.url())));
    let destination = story.azure("EventSubscription", "relayed").await?["properties"]["destination"].clone();
    let attribute = &destination["properties"]["deliveryAttributeMappings"][0];
    assert_eq!(
        (&attribute["name"], &attribute["properties"]["isSecret"]),
        (&json!(acs_wire::relay::DELIVERY_HEADER), &json!(true))
    );
    let id = stage.sms().await?;
    stage.arrives(&id).await?;
    Ok(())
}

#[tokio::test]
async fn the_handshake_of_the_event_grid_schema_is_made_too() -> Result<()> {
    let stage = Stage::begin("relay-schema").await?;
    let story = &stage.story;
    story.quickstart_ready().await?;
    story.apply(&stage.relay(&json!({}))).await?;
    story.apply(&stage.subscription(&json!({"spec": {"deliverySchema": "EventGridSchema"}}))).await?;
    stage.pod("app-1").await?;
    let relay = stage.run("app-1").await?;
    stage.point(&[&relay]);
    story.ready("EventSubscription", "relayed").await?;
    let object = story.ready("EventRelay", "shop").await?;
    assert_eq!(
        object["status"]["handshake"],
        json!({"granted": true, "schema": "EventGridSchema", "message": "Granted."})
    );
    stage.arrives(&stage.sms().await?).await?;
    Ok(())
}

#[tokio::test]
async fn an_event_that_the_app_refuses_is_kept_and_comes_again() -> Result<()> {
    let stage = Stage::begin("relay-away").await?;
    let _relay = stage.delivering(&json!({})).await?;
    stage.app.answer(StatusCode::SERVICE_UNAVAILABLE);
    let id = stage.sms().await?;
    stage.arrives(&id).await?;
    stage.app.answer(StatusCode::OK);
    let times = || async { stage.app.arrived().iter().filter(|known| **known == id).count() > 1 };
    wait_for("the event to come again", SOON, times).await
}

#[tokio::test]
async fn pods_without_a_relay_and_of_an_earlier_revision_are_counted_and_told() -> Result<()> {
    let stage = Stage::begin("relay-pods").await?;
    let _relay = stage.delivering(&json!({})).await?;
    let story = &stage.story;
    // The copy of a static pod: no admission policy, which another story may have installed, gives it a relay or refuses it.
    let bare = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "old", "labels": {acs_wire::relay::LABEL: "shop"},
            "annotations": {"kubernetes.io/config.mirror": "static"}},
        "spec": {"nodeName": "node", "containers": [{"name": "app", "image": "app"}]}});
    stage.create("Pod", &bare).await?;
    let message = story.reason("EventRelay", "shop", "Deployed", "RelayMissing").await?;
    assert!(message.contains("Pod old") && message.contains("rollout restart"), "{message}");
    let counted = story.object("EventRelay", "shop").await?.unwrap()["status"]["pods"].clone();
    assert_eq!(counted, json!({"ready": 1, "current": 1, "outdated": 0, "missing": 1}));
    story.delete("Pod", "old").await?;
    story.ready("EventRelay", "shop").await?;

    let more = json!({"spec": {"placement": {"resources": {"limits": {"memory": "96Mi"}}}}});
    story.patch("EventRelay", "shop", more).await?;
    let object = story
        .until(("EventRelay", "shop"), "an outdated pod", |object| object["status"]["pods"]["outdated"] == json!(1))
        .await?;
    assert_eq!(object["status"]["pods"], json!({"ready": 1, "current": 0, "outdated": 1, "missing": 0}));
    // It serves all the same.
    story.ready("EventRelay", "shop").await?;
    Ok(())
}
