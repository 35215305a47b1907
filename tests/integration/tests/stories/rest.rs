//! At rest nothing is written, and what is said is said once.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use testbed::audit::Filter;
use testbed::wait_for_some;

use crate::harness::{QUICKSTART, SOON, Story, writes};

/// Waits until the service was looked at `times` more: each look is a resync.
async fn resyncs(story: &Story, times: usize) -> Result<()> {
    let since = story.mark().await?;
    wait_for_some(&format!("{times} resyncs"), SOON, || async {
        let entries = story.journal(since).await.ok()?;
        let looks =
            entries.iter().filter(|entry| entry.method == "GET" && entry.path.ends_with("ommunicationServices"));
        (looks.count() >= times).then_some(())
    })
    .await
}

fn by_the_operator(story: &Story) -> Filter {
    Filter::default().service_account(story.stack.home.name(), "acs-operator")
}

#[tokio::test]
async fn at_rest_nothing_is_written_to_azure_nor_to_the_api_server_but_the_lease() -> Result<()> {
    let (story, _operator) = Story::begin("quiet").await?;
    story.quickstart_ready().await?;
    resyncs(&story, 2).await?;
    let (before, since) = (story.mark().await?, Timestamp::now());
    let versions = versions(&story).await?;
    resyncs(&story, 12).await?;
    let journal = story.journal(before).await?;
    assert_eq!(writes(&journal), [""; 0]);
    let written = story.cluster.audit(&by_the_operator(&story).since(since).writes())?;
    let said: Vec<_> = written
        .iter()
        .filter(|entry| entry.resource != "leases")
        .map(|entry| format!("{} {}", entry.verb, entry.uri))
        .collect();
    assert_eq!(said, [""; 0]);
    assert!(written.iter().any(|entry| entry.resource == "leases"), "or the audit log says nothing of this operator");
    assert_eq!(self::versions(&story).await?, versions);
    Ok(())
}

async fn versions(story: &Story) -> Result<BTreeMap<(String, String), String>> {
    let mut found = BTreeMap::new();
    for kind in QUICKSTART.map(|(kind, _)| kind).into_iter().chain(["Secret"]) {
        for object in story.list(kind).await? {
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            found.insert((kind.to_owned(), name), object["metadata"]["resourceVersion"].to_string());
        }
    }
    Ok(found)
}

#[tokio::test]
async fn events_tell_what_changed_and_do_not_repeat_themselves() -> Result<()> {
    let (story, _operator) = Story::begin("events").await?;
    story.quickstart_ready().await?;
    let of_service = async || -> Result<Vec<(String, String)>> {
        let events = story.list("Event").await?;
        let mut told: Vec<_> =
            events.iter().filter(|event| event["regarding"]["kind"] == "CommunicationService").collect();
        told.sort_by_key(|event| event["eventTime"].to_string());
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        Ok(told.iter().map(|event| (text(&event["type"]), text(&event["reason"]))).collect())
    };
    let ready = ("Normal".to_owned(), "Ready".to_owned());
    wait_for_some("an Event that says Ready", SOON, || async {
        of_service().await.ok()?.contains(&ready).then_some(())
    })
    .await?;
    resyncs(&story, 2).await?;
    let told = of_service().await?;
    resyncs(&story, 5).await?;
    assert_eq!(of_service().await?, told);
    // What a person has to mend is a Warning.
    story.patch("CommunicationService", "shop", json!({"spec": {"managementPolicy": "Observe"}})).await?;
    let id = story.id("CommunicationService", "shop").await?;
    story.door("portal/set", json!({"id": id, "pointer": "/tags/team", "value": "nobody"})).await?;
    story.reason("CommunicationService", "shop", "Ready", "Drifted").await?;
    let drifted = ("Warning".to_owned(), "Drifted".to_owned());
    wait_for_some("a Warning", SOON, || async { of_service().await.ok()?.contains(&drifted).then_some(()) }).await
}

#[tokio::test]
async fn a_new_process_at_rest_writes_nothing_either() -> Result<()> {
    let (story, mut operator) = Story::begin("again").await?;
    story.quickstart_ready().await?;
    resyncs(&story, 2).await?;
    let (before, since) = (story.mark().await?, Timestamp::now());
    operator.restart().await?;
    operator.wait_ready(SOON).await?;
    resyncs(&story, 4).await?;
    assert_eq!(writes(&story.journal(before).await?), [""; 0]);
    let written = story.cluster.audit(&by_the_operator(&story).since(since).writes())?;
    let said: Vec<_> = written
        .iter()
        .filter(|entry| entry.resource != "leases")
        .map(|entry| format!("{} {}", entry.verb, entry.uri))
        .collect();
    assert_eq!(said, [""; 0]);
    Ok(())
}
