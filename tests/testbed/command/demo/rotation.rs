//! Keys: replaced without a missed call when we do it, and healed when somebody else does.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use testbed::wait_for;

use super::super::objects::text;
use super::super::show::seconds;
use super::super::story::{SHOP, SOON, Story};
use super::SCALE;

const HUBS: &str = "api-version=2023-10-01-preview";
/// Calls go on for as long after a rotation, should anything still change.
const AFTERWARDS: Duration = Duration::from_secs(1);

pub(super) async fn rotate(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("The linked key is replaced, and every call rings meanwhile");
    let before = keys(story).await?;
    let slot = linked_key(&story.service().await?);
    let old = before.pointer(&slot).cloned().unwrap_or_default();
    story.quickstart.edit(
        "30-communication-service.yaml",
        "      name: phones\n",
        "      name: phones\n    keyRotation: 1\n",
    )?;
    story.show.did("spec.notificationHub.keyRotation: 1   in 30-communication-service.yaml");
    story.apply_files(SHOP).await?;
    story.show.detail("the other key is linked, Azure's 10 minutes (here 6 s) are waited out, then the old key ends; calls go on all the time");
    let started = Instant::now();
    let finished = async {
        let done = wait_for("the rotation to end", SOON, || async {
            let link = story.service().await.ok().and_then(|service| service.pointer("/status/link").cloned());
            link.is_some_and(|link| link.get("keyRotation") == Some(&json!(1)) && link.get("retiring").is_none())
        });
        let done = done.await.is_ok();
        let took = started.elapsed();
        tokio::time::sleep(AFTERWARDS).await;
        Ok((done, took))
    };
    let calling = Box::pin(story.line.during(&story.all.azure, finished));
    let ((done, took), calls) = story.show.waiting("calling Anna all the time", calling).await?;
    story.show.check(&format!("the rotation is done after {}", seconds(took)), done, || "it is not".to_owned());
    story.show.check(&format!("{} calls, not one missed", calls.made), calls.missed == 0 && calls.made > 50, || {
        calls.words()
    });
    let after = keys(story).await?;
    let still = [after.get("primaryKey"), after.get("secondaryKey")].contains(&Some(&old));
    story.show.check("the old key is no longer valid", !still && !old.is_null(), || "it still is".to_owned());
    Ok(())
}

pub(super) async fn regenerate(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("Somebody regenerates the linked key in the portal; it is put right");
    let service = story.service().await?;
    let key = if linked_key(&service) == "/secondaryKey" { "secondary" } else { "primary" };
    let policy = policy_id(&service);
    story.show.did(&format!("portal: regenerate the {key} key of {}", policy.rsplit('/').next().unwrap_or_default()));
    story.all.azure.post("/_sim/portal/regenerateKey", &json!({"id": policy, "key": key})).await?;
    let line = story.line.clone();
    let (missed, before) = line.until_silent(&story.all.azure, SOON).await?;
    story.show.check(
        &format!("Azure pushes with a dead key and tells nobody: {}", missed.message),
        !missed.rang,
        || before.words(),
    );
    let rings = line.until_it_rings(&story.all.azure, SOON);
    let (heard, silence) = story.show.waiting("calling Anna until her phone rings", rings).await?;
    story.show.check(
        &format!("the phone rings again after {}", seconds(silence.silence)),
        line.is_ours(&heard),
        || silence.words(),
    );
    let minutes = silence.silence.as_secs_f64() / SCALE / 60.0;
    story.show.detail(&format!("{minutes:.0} minutes of Azure's time: keys are compared every 10 minutes or so; then Azure takes 10 until pushes use the new one"));
    Ok(())
}

fn policy_id(service: &Value) -> String {
    format!("{}/authorizationRules/{}", text(service, "/status/link/hubId"), text(service, "/status/link/policyName"))
}

/// Where the linked key stands in the answer of listKeys.
fn linked_key(service: &Value) -> String {
    let secondary = text(service, "/status/link/key") == "Secondary";
    if secondary { "/secondaryKey".to_owned() } else { "/primaryKey".to_owned() }
}

async fn keys(story: &Story<'_>) -> Result<Value> {
    let policy = policy_id(&story.service().await?);
    story.all.azure.post(&format!("{policy}/listKeys?{HUBS}"), &json!({})).await
}
