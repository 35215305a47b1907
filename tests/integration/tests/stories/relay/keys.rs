//! The delivery key is replaced, and not one event is refused.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use testbed::{RelayProcess, wait_for_some};

use super::stage::Stage;
use crate::harness::{SOON, condition, writes};

async fn keys(stage: &Stage) -> Result<(Option<String>, Option<String>)> {
    let secret = stage.story.secret("shop-delivery").await?.unwrap_or_default();
    Ok((secret.get("current").cloned(), secret.get("next").cloned()))
}

fn refused(metrics: &str) -> Vec<&str> {
    let named = |line: &&str| line.contains("wrong_key") || line.contains("no_key");
    metrics.lines().filter(named).filter(|line| !line.starts_with('#') && !line.ends_with(" 0")).collect()
}

async fn report(relay: &RelayProcess) -> Result<Value> {
    Ok(serde_json::from_str(&relay.get("/v1/report").await?)?)
}

#[tokio::test]
async fn a_key_is_replaced_under_a_stream_of_events_and_none_is_refused() -> Result<()> {
    let stage = Stage::begin("relay-keys").await?;
    let first = stage.delivering(&json!({})).await?;
    stage.pod("app-2").await?;
    let second = stage.run("app-2").await?;
    stage.point(&[&first, &second]);
    let story = &stage.story;
    story.until(("EventRelay", "shop"), "two relays", |object| object["status"]["pods"]["ready"] == json!(2)).await?;
    story.ready("EventRelay", "shop").await?;
    let (old, none) = keys(&stage).await?;
    assert_eq!(none, None);

    // A relay that does not answer holds the replacement up before anything is told to Azure.
    second.process().pause();
    let before = story.mark().await?;
    story.patch("EventRelay", "shop", json!({"spec": {"keyRotation": 1}})).await?;
    let what = "the next key beside the current one";
    wait_for_some(what, SOON, || async { keys(&stage).await.ok().filter(|(_, next)| next.is_some()) }).await?;
    story
        .until(("EventRelay", "shop"), "to wait for the second relay", |object| {
            condition(object, "KeyCurrent").2.contains("app-2")
        })
        .await?;
    assert_eq!(writes(&story.journal(before).await?), [""; 0]);
    second.process().resume();

    let mut sent = Vec::new();
    let done = |object: &Value| condition(object, "KeyCurrent") == ("True".into(), "Succeeded".into(), String::new());
    loop {
        sent.push(stage.sms().await?);
        let relay = story.object("EventRelay", "shop").await?.unwrap_or_default();
        if done(&relay) && relay["status"]["deliveryKey"]["rotation"] == json!(1) {
            break;
        }
        anyhow::ensure!(sent.len() < 2_000, "the replacement does not end: {:#}", relay["status"]);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    sent.push(stage.sms().await?);
    for id in &sent {
        stage.arrives(id).await?;
    }
    let (new, none) = keys(&stage).await?;
    assert!(new != old && none.is_none(), "the old key is still there");
    let status = story.ready("EventRelay", "shop").await?["status"]["deliveryKey"].clone();
    let used = story.ready("EventSubscription", "relayed").await?["status"]["deliveryKey"].clone();
    assert_eq!((&status["current"], status.get("next")), (&used, None));
    for relay in [&first, &second] {
        assert_eq!(refused(&relay.get("/metrics").await?), [""; 0]);
        let known = wait_for_some("the relay to forget the old key", SOON, || async {
            report(relay).await.ok().filter(|report| report["deliveryKeys"] == json!([used]))
        });
        known.await?;
    }
    let patches: Vec<_> = writes(&story.journal(before).await?);
    assert!(patches.len() == 1 && patches[0].starts_with("PATCH"), "{patches:#?}");
    Ok(())
}

/// What Event Grid sends with the old key while nobody has told it of the new one.
#[tokio::test]
async fn a_key_that_was_deleted_by_hand_is_made_anew_and_no_event_is_lost_meanwhile() -> Result<()> {
    let stage = Stage::begin("relay-key-gone").await?;
    let relay = stage.delivering(&json!({})).await?;
    let story = &stage.story;
    let (old, _) = keys(&stage).await?;
    let before = report(&relay).await?["deliveryKeys"].clone();
    // For as long as this holds, Azure cannot be told.
    let operation = "Microsoft.EventGrid/systemTopics/eventSubscriptions/write";
    story.door("faults", json!({"operation": operation, "answer": {"status": 503}})).await?;
    story.delete("Secret", "shop-delivery").await?;
    wait_for_some("the relay to have another key and that alone", SOON, || async {
        let report = report(&relay).await.ok()?;
        (report["deliveryKeys"] != before && report["deliveryKeys"].as_array()?.len() == 1).then_some(())
    })
    .await?;
    let id = stage.sms().await?;
    let refused = wait_for_some("Event Grid to have tried with the old key", SOON, || async {
        let deliveries = story.stack.azure.get("/_sim/deliveries").await.ok()?;
        let tried = |attempt: &&Value| attempt["eventId"] == json!(id) && relayed(attempt);
        deliveries["attempts"].as_array()?.iter().find(tried).cloned()
    });
    assert_eq!(refused.await?["status"], json!(503), "anything else is final");
    assert!(!refused_by(&relay).await?.is_empty() && !stage.app.arrived().contains(&id), "the old key still opens");
    story.stack.azure.request("DELETE", "/_sim/faults", None).await?.ok()?;
    stage.arrives(&id).await?;
    let (new, none) = keys(&stage).await?;
    assert!(new.is_some() && new != old && none.is_none());
    story.ready("EventSubscription", "relayed").await?;
    let totals = story.stack.azure.get("/_sim/deliveries").await?["totals"].clone();
    assert_eq!((&totals["dropped"], &totals["deadLettered"]), (&json!(0), &json!(0)), "{totals}");
    Ok(())
}

/// Whether an attempt went to the event subscription that delivers to the relay.
fn relayed(attempt: &Value) -> bool {
    attempt["subscription"].as_str().is_some_and(|id| id.to_lowercase().contains("/eventsubscriptions/relayed-"))
}

async fn refused_by(relay: &RelayProcess) -> Result<Vec<String>> {
    Ok(refused(&relay.get("/metrics").await?).into_iter().map(str::to_owned).collect())
}

#[tokio::test]
async fn a_replacement_goes_on_after_a_kill() -> Result<()> {
    let mut stage = Stage::begin("relay-kill").await?;
    let _relay = stage.delivering(&json!({})).await?;
    let (old, _) = keys(&stage).await?;
    for rotation in 1..=2 {
        stage.story.patch("EventRelay", "shop", json!({"spec": {"keyRotation": rotation}})).await?;
        wait_for_some("the next key", SOON, || async { keys(&stage).await.ok().filter(|(_, next)| next.is_some()) })
            .await?;
        stage.operator.restart().await?;
        stage
            .story
            .until(("EventRelay", "shop"), "the replacement to end", |object| {
                object["status"]["deliveryKey"]["rotation"] == json!(rotation)
            })
            .await?;
    }
    let (new, none) = keys(&stage).await?;
    assert!(new != old && none.is_none());
    stage.arrives(&stage.sms().await?).await
}
