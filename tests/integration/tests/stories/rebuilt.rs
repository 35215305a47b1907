//! The cluster is lost and built again from the same YAML: it finds what it made.

use anyhow::Result;
use serde_json::json;

use crate::harness::{QUICKSTART, SOON, Story, creates, writes};

#[tokio::test]
async fn the_same_yaml_on_a_rebuilt_cluster_makes_nothing_and_deletes_nothing() -> Result<()> {
    let (story, mut operator) = Story::begin("rebuilt").await?;
    story.quickstart_ready().await?;
    let there = story.resources().await?;
    let uid = story.object("CommunicationService", "shop").await?.unwrap()["metadata"]["uid"].clone();
    operator.process().kill().await?;
    // Gone without a trace, as with a lost etcd: no operator saw it, no finalizer held it.
    for (kind, name) in QUICKSTART {
        story.patch(kind, name, json!({"metadata": {"finalizers": null}})).await?;
        story.delete(kind, name).await?;
        story.gone(kind, name).await?;
    }
    for name in ["shop-acs", "phones-backend"] {
        story.gone("Secret", name).await?;
    }
    let before = story.mark().await?;
    operator.restart().await?;
    operator.wait_ready(SOON).await?;
    story.apply_all(&story.quickstart()?).await?;
    story.all_ready().await?;
    assert_ne!(story.object("CommunicationService", "shop").await?.unwrap()["metadata"]["uid"], uid);
    let journal = story.journal(before).await?;
    assert!(creates(&journal).is_empty(), "{:#?}", creates(&journal));
    assert!(!journal.iter().any(|entry| entry.effect == "delete"), "{:#?}", writes(&journal));
    assert_eq!(story.resources().await?.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
    assert_eq!(story.rings().await?["rang"], true);
    for name in ["shop-acs", "phones-backend"] {
        assert!(story.secret(name).await?.is_some());
    }
    Ok(())
}

#[tokio::test]
async fn another_cluster_with_the_same_yaml_makes_its_own() -> Result<()> {
    let (story, mut operator) = Story::begin("another").await?;
    story.quickstart_ready().await?;
    let service = story.id("CommunicationService", "shop").await?;
    operator.process().kill().await?;
    for (kind, name) in QUICKSTART {
        story.patch(kind, name, json!({"metadata": {"finalizers": null}})).await?;
        story.delete(kind, name).await?;
        story.gone(kind, name).await?;
    }
    operator = {
        let mut stack = story.stack.operator_options.clone();
        let id = stack.args.iter().position(|argument| argument == "testbed").unwrap();
        stack.args[id] = "another".to_owned();
        testbed::Operator::start(&testbed::binaries::workspace("acs-operator")?, stack)?
    };
    operator.wait_ready(SOON).await?;
    story.apply_all(&story.quickstart()?).await?;
    story.all_ready().await?;
    assert_ne!(story.id("CommunicationService", "shop").await?, service);
    assert!(story.resources().await?.contains_key(&service));
    Ok(())
}
