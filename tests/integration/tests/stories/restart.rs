//! `kill -9` in the middle of every long-running operation: nothing is made twice, nothing is forgotten.

use anyhow::Result;
use serde_json::json;
use testbed::{stack, wait_for_some};

use crate::harness::{Quickstart, SOON, Story, creates};

const SERVICE: &str = "Microsoft.Communication/CommunicationServices";
const NAMESPACE: &str = "Microsoft.NotificationHubs/Namespaces";
const HUB: &str = "Microsoft.NotificationHubs/Namespaces/NotificationHubs";
const TOPIC: &str = "Microsoft.EventGrid/systemTopics";
const SUBSCRIPTION: &str = "Microsoft.EventGrid/systemTopics/eventSubscriptions";

/// Azure as slow as it is, twenty times faster: operations last longer than a restart.
pub(crate) async fn slow_azure(prefix: &str) -> Result<Story> {
    let mut options = stack::Options::default();
    options.azure.profile = Some("azure".to_owned());
    options.azure.time_scale = Some(0.05);
    Story::prepare(prefix, options).await
}

pub(crate) async fn sent(story: &Story, since: u64, method: &str, operation: &str) -> Result<()> {
    wait_for_some(&format!("{method} {operation}"), SOON, || async {
        story.journal(since).await.ok()?.iter().any(|entry| entry.is(method, operation)).then_some(())
    })
    .await
}

pub(crate) fn disposable(story: &Story) -> Result<Quickstart> {
    Ok(story.quickstart()?.with("CommunicationService", &json!({"spec": {"deletionPolicy": "Delete"}})))
}

/// The operator dies as soon as Azure has the request: either it was about to read the answer, or it never comes.
async fn killed_while_creating(prefix: &str, resource: &str, answered: bool) -> Result<()> {
    let story = slow_azure(prefix).await?;
    let operation = format!("{resource}/write");
    if !answered {
        let fault = json!({"operation": operation, "method": "PUT", "times": 1, "answer": {"delayMs": 20_000}});
        story.door("faults", fault).await?;
    }
    let mut operator = story.stack.run_operator().await?;
    story.secrets().await?;
    story.apply_all(&disposable(&story)?).await?;
    sent(&story, 0, "PUT", &operation).await?;
    operator.restart().await?;
    story.all_ready().await?;
    let created = creates(&story.journal(0).await?);
    assert_eq!(created.values().copied().collect::<Vec<_>>(), [1; 7], "{created:#?}");
    let there = story.resources().await?;
    // Rules of these names are made by Azure itself.
    let ours: Vec<_> = there.keys().filter(|id| !id.contains("/default") && !id.contains("/root")).collect();
    assert_eq!(ours, created.keys().collect::<Vec<_>>());
    Ok(())
}

macro_rules! killed_while_creating {
    ($($name:ident: $prefix:literal, $resource:expr, $answered:literal;)+) => {$(
        #[tokio::test]
        async fn $name() -> Result<()> {
            killed_while_creating($prefix, $resource, $answered).await
        }
    )+};
}

killed_while_creating! {
    killed_while_a_service_is_made_it_is_made_once: "k-service", SERVICE, true;
    killed_before_the_answer_about_a_service_it_is_made_once: "k-service-a", SERVICE, false;
    killed_while_a_namespace_is_made_it_is_made_once: "k-ns", NAMESPACE, true;
    killed_before_the_answer_about_a_namespace_it_is_made_once: "k-ns-a", NAMESPACE, false;
    killed_before_the_answer_about_a_hub_it_is_made_once: "k-hub-a", HUB, false;
    killed_while_a_topic_is_made_it_is_made_once: "k-topic", TOPIC, true;
    killed_before_the_answer_about_a_topic_it_is_made_once: "k-topic-a", TOPIC, false;
    killed_while_a_subscription_is_made_it_is_made_once: "k-sub", SUBSCRIPTION, true;
    killed_before_the_answer_about_a_subscription_it_is_made_once: "k-sub-a", SUBSCRIPTION, false;
}

#[tokio::test]
async fn killed_before_the_answer_to_a_link_it_is_linked_in_the_end() -> Result<()> {
    let story = Story::prepare("k-link", stack::Options::default()).await?;
    let operation = format!("{SERVICE}/LinkNotificationHub/action");
    // Nothing was done: the link cannot be seen, so it has to be sent again.
    let fault = json!({"operation": operation, "times": 1, "answer": {"delayMs": 20_000, "status": 504}});
    story.door("faults", fault).await?;
    let mut operator = story.stack.run_operator().await?;
    story.secrets().await?;
    story.apply_all(&story.quickstart()?).await?;
    sent(&story, 0, "POST", &operation).await?;
    operator.restart().await?;
    story.all_ready().await?;
    assert_eq!(story.rings().await?["rang"], true);
    Ok(())
}

async fn killed_while_deleting(prefix: &str, answered: bool) -> Result<()> {
    let story = slow_azure(prefix).await?;
    let mut operator = story.stack.run_operator().await?;
    story.secrets().await?;
    story.apply_all(&disposable(&story)?).await?;
    story.all_ready().await?;
    let operation = format!("{SERVICE}/delete");
    if !answered {
        let fault = json!({"operation": operation, "times": 1, "answer": {"delayMs": 20_000}});
        story.door("faults", fault).await?;
    }
    let before = story.mark().await?;
    story.delete("EventSubscription", "shop").await?;
    story.delete("CommunicationService", "shop").await?;
    sent(&story, before, "DELETE", &operation).await?;
    assert!(story.object("CommunicationService", "shop").await?.is_some(), "held until Azure says 404");
    operator.restart().await?;
    story.gone("CommunicationService", "shop").await?;
    let left = story.resources().await?;
    assert!(!left.keys().any(|id| id.contains("microsoft.communication") || id.contains("systemtopics")), "{left:#?}");
    assert!(creates(&story.journal(before).await?).is_empty());
    Ok(())
}

#[tokio::test]
async fn killed_while_a_service_is_deleted_it_is_gone_in_the_end() -> Result<()> {
    killed_while_deleting("k-delete", true).await
}

#[tokio::test]
async fn killed_before_the_answer_about_a_deletion_it_is_gone_in_the_end() -> Result<()> {
    killed_while_deleting("k-delete-a", false).await
}
