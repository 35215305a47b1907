//! `kill -9` in the middle of a creation.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use super::super::in_azure::{Request, Resources, journal};
use super::super::objects::{self, PLURALS, text};
use super::super::show::seconds;
use super::super::story::{SECOND, SOON, Story};

pub(in super::super) async fn crash(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("The operator is killed in the middle of a creation, and goes on where it was");
    let (_, since) = journal(&story.all.azure, 0).await?;
    story.apply(SECOND).await?;
    let under_way = wait_for_open_calls(story).await?;
    let killed = story.all.kill_operator().await?;
    story.show.did(&killed);
    let announced = open_calls(story).await?;
    story
        .show
        .check("status says what was under way", !announced.is_empty(), || format!("before the kill: {under_way:?}"));
    for call in &announced {
        story.show.detail(call);
    }
    let started = Instant::now();
    let restarted = story.all.restart_operator().await?;
    story.show.did(restarted);
    story.until_ready(SECOND).await?;
    story.show.check(
        &format!("the new process has everything Ready after {}", seconds(started.elapsed())),
        true,
        String::new,
    );
    let made = created_since(story, since).await?;
    let twice: Vec<_> = made.iter().filter(|(_, times)| **times != 1).collect();
    let claim = format!("each of the {} resources was PUT exactly once, says Azure's journal", made.len());
    story.show.check(&claim, twice.is_empty() && made.len() >= 7, || format!("{twice:?} of {made:?}"));
    Ok(())
}

/// Waits until a call is announced in status while Azure works: the worst moment to die.
async fn wait_for_open_calls(story: &Story<'_>) -> Result<Vec<String>> {
    let deadline = Instant::now() + SOON;
    loop {
        let open = open_calls(story).await?;
        let state = story.all.azure.get("/_sim/state").await?;
        let running = state.get("runningOperations").and_then(Value::as_u64).unwrap_or_default();
        if (!open.is_empty() && running > 0) || Instant::now() > deadline {
            return Ok(open);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn open_calls(story: &Story<'_>) -> Result<Vec<String>> {
    let mut open = Vec::new();
    for plural in PLURALS {
        for object in objects::list(&story.all.client, Some(SECOND), plural).await? {
            let name = format!("{}/{}", text(&object, "/kind"), text(&object, "/metadata/name"));
            let calls = object.pointer("/status/operations").and_then(Value::as_array).cloned().unwrap_or_default();
            open.extend(calls.iter().map(|call| {
                let resource = text(call, "/resource").rsplit('/').next().unwrap_or_default().to_owned();
                format!("{name}: {} {resource} ({})", text(call, "/verb"), text(call, "/step"))
            }));
        }
    }
    Ok(open)
}

/// How often each resource of the second namespace was PUT.
async fn created_since(story: &Story<'_>, since: u64) -> Result<BTreeMap<String, usize>> {
    let (requests, _) = journal(&story.all.azure, since).await?;
    let mut roots = Vec::new();
    for (plural, name) in
        [("notificationhubnamespaces", "shop"), ("communicationservices", "shop"), ("eventsubscriptions", "shop")]
    {
        roots.push(story.azure_id(SECOND, plural, name).await?.to_ascii_lowercase());
    }
    // The topic is named after the service but lies beside it.
    let topic = roots.last().and_then(|id| id.split("/eventsubscriptions/").next()).unwrap_or_default().to_owned();
    roots.push(topic);
    let resources = Resources::read(&story.all.azure).await?;
    let ours = |path: &str| roots.iter().any(|root| path == root || path.starts_with(&format!("{root}/")));
    let puts = |request: &&Request| request.method == "PUT" && request.status < 400;
    let mut made = BTreeMap::new();
    for request in requests.iter().filter(puts) {
        let path = request.path.to_ascii_lowercase();
        if ours(&path) && resources.get(&path).is_some() {
            *made.entry(path.rsplit("/providers/").next().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    Ok(made)
}
