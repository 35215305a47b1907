//! Two operators: one leads, the other takes over, and Azure never sees both.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;
use testbed::audit::Filter;
use testbed::{Operator, wait_for_some};

use crate::harness::{SOON, Story, creates};
use crate::restart::{sent, slow_azure};

async fn holder(story: &Story) -> Option<String> {
    let leases: Api<Lease> = Api::namespaced(story.client.clone(), story.stack.home.name());
    let spec = leases.get_opt("acs-operator").await.ok()??.spec?;
    spec.holder_identity.filter(|holder| !holder.is_empty())
}

async fn held_by(story: &Story, name: &str) -> Result<()> {
    let prefix = format!("{name}-");
    wait_for_some(&format!("{name} to lead"), SOON, || async {
        holder(story).await?.starts_with(&prefix).then_some(())
    })
    .await
}

async fn pair(story: &Story) -> Result<(Operator, Operator)> {
    let first = story.stack.start_operator("first")?;
    held_by(story, "first").await?;
    let second = story.stack.start_operator("second")?;
    second.wait_ready(SOON).await?;
    Ok((first, second))
}

/// Terms in the order in which they were written, for each object: none may go back. Returns all there were.
fn terms_never_go_back(story: &Story) -> Result<BTreeSet<i64>> {
    let writes = Filter::default().namespace(story.namespace()).group(acs_wire::GROUP).subresource("status").writes();
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    let mut terms = BTreeSet::new();
    let mut accepted: Vec<_> = story.cluster.audit(&writes)?.into_iter().filter(|entry| entry.code == 200).collect();
    accepted.sort_by_key(|entry| entry.time);
    for entry in accepted {
        let term =
            entry.request.as_ref().and_then(|body| body.pointer("/status/leaderEpoch")?.as_i64()).unwrap_or_default();
        terms.insert(term);
        let before = last.insert(format!("{}/{}", entry.resource, entry.name), term).unwrap_or_default();
        assert!(term >= before, "{} {}: term {term} after {before}", entry.resource, entry.name);
    }
    Ok(terms)
}

#[tokio::test]
async fn when_the_leader_is_killed_the_other_takes_over_and_makes_nothing_twice() -> Result<()> {
    let story = slow_azure("leaders").await?;
    let (first, _second) = pair(&story).await?;
    story.secrets().await?;
    story.apply_all(&story.quickstart()?).await?;
    sent(&story, 0, "PUT", "Microsoft.Communication/CommunicationServices/write").await?;
    first.process().kill().await?;
    held_by(&story, "second").await?;
    story.all_ready().await?;
    let created = creates(&story.journal(0).await?);
    assert_eq!(created.values().copied().collect::<Vec<_>>(), [1; 7], "{created:#?}");
    assert_eq!(terms_never_go_back(&story)?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_leader_that_slept_through_its_term_ends_and_writes_nothing_more() -> Result<()> {
    let story = slow_azure("sleeper").await?;
    let (first, _second) = pair(&story).await?;
    story.secrets().await?;
    story.apply_all(&story.quickstart()?).await?;
    sent(&story, 0, "PUT", "Microsoft.Communication/CommunicationServices/write").await?;
    first.process().pause();
    held_by(&story, "second").await?;
    story.ready("NotificationHub", "phones").await?;
    first.process().resume();
    let ended = tokio::time::timeout(SOON, first.process().wait()).await??;
    assert_eq!(ended.code(), Some(1), "a leader that lost its lease ends, and says so by its exit code");
    story.all_ready().await?;
    let created = creates(&story.journal(0).await?);
    assert_eq!(created.values().copied().collect::<Vec<_>>(), [1; 7], "{created:#?}");
    assert_eq!(terms_never_go_back(&story)?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn told_to_stop_it_ends_within_five_seconds_and_hands_the_lease_over() -> Result<()> {
    let story = slow_azure("graceful").await?;
    let (first, _second) = pair(&story).await?;
    story.secrets().await?;
    story.apply_all(&story.quickstart()?).await?;
    sent(&story, 0, "PUT", "Microsoft.Communication/CommunicationServices/write").await?;
    let started = Instant::now();
    let ended = first.process().terminate(Duration::from_secs(10)).await?;
    assert_eq!(ended.code(), Some(0), "{}", first.process().last_words());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    held_by(&story, "second").await?;
    story.all_ready().await?;
    let created = creates(&story.journal(0).await?);
    assert_eq!(created.values().copied().collect::<Vec<_>>(), [1; 7], "{created:#?}");
    Ok(())
}

#[tokio::test]
async fn alone_it_leaves_the_lease_free_when_told_to_stop() -> Result<()> {
    let (story, operator) = Story::begin("free").await?;
    assert!(holder(&story).await.is_some());
    operator.process().terminate(Duration::from_secs(10)).await?;
    assert_eq!(holder(&story).await, None);
    Ok(())
}

#[tokio::test]
async fn a_lease_that_someone_deleted_brings_no_smaller_term() -> Result<()> {
    let (story, mut operator) = Story::begin("lost-lease").await?;
    story.quickstart_ready().await?;
    operator.process().kill().await?;
    let leases: Api<Lease> = Api::namespaced(story.client.clone(), story.stack.home.name());
    leases.delete("acs-operator", &DeleteParams::default()).await?;
    // A term begins with the second of its time; at this scale the whole life before fits into one.
    let second = Timestamp::now().as_second();
    wait_for_some("the next second", SOON, || async { (Timestamp::now().as_second() > second).then_some(()) }).await?;
    operator.restart().await?;
    operator.wait_ready(SOON).await?;
    story.patch("CommunicationService", "shop", json!({"spec": {"tags": {"team": "next"}}})).await?;
    story.ready("CommunicationService", "shop").await?;
    assert_eq!(story.azure("CommunicationService", "shop").await?["tags"]["team"], "next");
    assert_eq!(terms_never_go_back(&story)?.len(), 2);
    Ok(())
}
