//! Rollouts under a stream of events.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::{AzureSim, wait_for};

use super::super::relay::{Attempt, attempts, send_sms};
use super::super::story::{SHOP, Story};
use super::{PODS, apps, rollout, scale};

/// Between two events.
const PAUSE: Duration = Duration::from_millis(50);
/// Places whose app is not rolled: what they saw can be counted afterwards.
const COUNTED: [&str; 2] = ["work-items", "mail"];

pub(super) async fn stream(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("App and relay are rolled under a stream of events, and none is lost");
    scale(story, 2).await?;
    rollout(story, "app").await?;
    let before = outdated(story).await?;
    story.show.did("kubectl patch acsrelay shop …   more memory for the relay, so another container in new pods");
    let patch = r#"{"spec":{"placement":{"resources":{"requests":{"memory":"20Mi"}}}}}"#;
    story.all.cluster.kubectl(["-n", SHOP, "patch", "acsrelay", "shop", "--type=merge", "-p", patch]).await?.ok()?;
    let seen =
        wait_for("status to show the old pods", PODS, || async { outdated(story).await.is_ok_and(|count| count == 2) });
    let seen = story.show.waiting("the operator looks at the pods", seen).await.is_ok();
    let now = outdated(story).await?;
    story.show.check("status says that two pods have an outdated relay", before == 0 && seen, || {
        format!("{before}, then {now}")
    });
    story.show.did(&format!("kubectl -n {SHOP} rollout restart deploy/app   while an SMS arrives every 50 ms"));
    let (ids, rolled) = events_during(story).await?;
    rolled?;
    let current =
        wait_for("status to show the new pods", PODS, || async { outdated(story).await.is_ok_and(|count| count == 0) });
    let current = story.show.waiting("the operator looks at the pods", current).await.is_ok();
    story.show.check("status says that no pod has an outdated relay", current, || "some have".to_owned());
    count(story, &ids).await?;
    scale(story, 1).await?;
    rollout(story, "app").await
}

/// Pods whose relay is another than new pods would get.
async fn outdated(story: &Story<'_>) -> Result<u64> {
    let relay = story.object(SHOP, "eventrelays", "shop").await?;
    Ok(relay.pointer("/status/pods/outdated").and_then(Value::as_u64).unwrap_or_default())
}

/// Sends events until the rollout is over; their ids.
async fn events_during(story: &Story<'_>) -> Result<(BTreeSet<String>, Result<()>)> {
    let (azure, service) = (&story.all.azure, &story.line.service);
    story.all.cluster.kubectl(["-n", SHOP, "rollout", "restart", "deploy/app"]).await?.ok()?;
    let mut rolled = std::pin::pin!(rollout(story, "app"));
    let (mut ids, mut clock) = (BTreeSet::new(), tokio::time::interval(PAUSE));
    loop {
        tokio::select! {
            done = &mut rolled => return Ok((ids, done)),
            _ = clock.tick() => {
                ids.insert(send_sms(azure, service, "Another one").await?);
            }
        }
    }
}

async fn count(story: &mut Story<'_>, ids: &BTreeSet<String>) -> Result<()> {
    let apps = apps(story).await?;
    let arrived = wait_for("every event to arrive", PODS, || async {
        for place in COUNTED {
            let seen = apps.seen(place).await;
            if !ids.iter().all(|id| seen.contains_key(id)) {
                return false;
            }
        }
        true
    });
    let arrived = story.show.waiting("Event Grid tries the last ones again", arrived).await.is_ok();
    let mut words = Vec::new();
    for place in COUNTED {
        let seen = apps.seen(place).await;
        let missing = ids.iter().filter(|id| !seen.contains_key(*id)).count();
        let twice = ids.iter().filter(|id| seen.get(*id).is_some_and(|times| *times > 1)).count();
        words.push(format!("{place}: {missing} missing, {twice} more than once"));
    }
    let claim = format!("all {} events arrived ({})", ids.len(), words.join("; "));
    story.show.check(&claim, arrived && ids.len() > 20, || format!("of {}: {}", ids.len(), words.join("; ")));
    let azure = &story.all.azure;
    let done = wait_for("every event to be acknowledged", PODS, || async {
        unanswered(azure, ids).await.is_ok_and(|open| open == 0)
    });
    let done = story.show.waiting("Event Grid tries the last ones again", done).await.is_ok();
    let open = unanswered(azure, ids).await?;
    story.show.check("each was acknowledged in the end", done, || format!("{open} were not"));
    let lost = lost(story).await?;
    story.show.check("none was dropped, none went to a dead letter", lost == 0, || format!("{lost} did"));
    Ok(())
}

/// How many of the events the relay has not acknowledged.
async fn unanswered(azure: &AzureSim, ids: &BTreeSet<String>) -> Result<usize> {
    let taken = |attempt: &Attempt| attempt.status == Some(200) && attempt.is_of_the_relay();
    let answered: BTreeSet<String> =
        attempts(azure).await?.into_iter().filter(taken).map(|attempt| attempt.event_id).collect();
    Ok(ids.difference(&answered).count())
}

async fn lost(story: &Story<'_>) -> Result<u64> {
    let deliveries = story.all.azure.get("/_sim/deliveries").await?;
    let total = |name: &str| deliveries.pointer(&format!("/totals/{name}")).and_then(Value::as_u64);
    let totals = total("dropped").zip(total("deadLettered"));
    totals.map(|(dropped, dead)| dropped + dead).context("the simulator shows no totals")
}
