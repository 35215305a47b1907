//! What a user may ask of an object: keep it, only look, stop, go on.

use anyhow::Result;
use serde_json::json;
use testbed::wait_for_some;

use crate::harness::{SOON, Story, condition, writes};

#[tokio::test]
async fn a_deleted_service_stays_in_azure_by_default_and_all_else_goes() -> Result<()> {
    let (story, _operator) = Story::begin("retain").await?;
    story.quickstart_ready().await?;
    let service = story.id("CommunicationService", "shop").await?;
    let all =
        ["EventSubscription", "CommunicationService", "NotificationHub", "NotificationHubNamespace", "AzureAccount"];
    // All at once, in any order: each waits for those that need it.
    for kind in all.iter().rev() {
        story.delete(kind, name_of(kind)).await?;
    }
    for kind in all {
        story.gone(kind, name_of(kind)).await?;
    }
    let left = story.resources().await?;
    let kept: Vec<_> = left.keys().filter(|id| !id.contains("/systemtopics/")).collect();
    assert_eq!(kept, [&service], "{:#?}", left.keys());
    // The credential is let go only now.
    let secret = story.object("Secret", "azure-credentials").await?.unwrap();
    assert_eq!(secret["metadata"].get("finalizers"), None);
    Ok(())
}

fn name_of(kind: &str) -> &'static str {
    match kind {
        "AzureAccount" => "default",
        "NotificationHub" => "phones",
        _ => "shop",
    }
}

#[tokio::test]
async fn with_deletion_policy_delete_nothing_is_left() -> Result<()> {
    let (story, _operator) = Story::begin("delete").await?;
    story.quickstart_ready().await?;
    story.patch("CommunicationService", "shop", json!({"spec": {"deletionPolicy": "Delete"}})).await?;
    story.ready("CommunicationService", "shop").await?;
    for (kind, name) in [("EventSubscription", "shop"), ("CommunicationService", "shop")] {
        story.delete(kind, name).await?;
    }
    story.gone("CommunicationService", "shop").await?;
    let left = story.resources().await?;
    assert!(!left.keys().any(|id| id.contains("microsoft.communication") || id.contains("systemtopics")), "{left:#?}");
    // The policy made for the link went with it; the user's own did not.
    assert!(left.keys().any(|id| id.ends_with("/authorizationrules/backend")), "{left:#?}");
    assert!(!left.keys().any(|id| id.contains("/acs-link-")), "{left:#?}");
    Ok(())
}

#[tokio::test]
async fn what_is_needed_waits_and_names_who_needs_it() -> Result<()> {
    let (story, _operator) = Story::begin("in-use").await?;
    story.quickstart_ready().await?;
    let before = story.mark().await?;
    for (kind, name, user) in [
        ("NotificationHub", "phones", "CommunicationService shop"),
        ("NotificationHubNamespace", "shop", "NotificationHub phones"),
        ("CommunicationService", "shop", "EventSubscription shop"),
        ("AzureAccount", "default", "NotificationHubNamespace shop"),
    ] {
        story.delete(kind, name).await?;
        let message = story.reason(kind, name, "Ready", "InUse").await?;
        assert!(message.contains(user), "{kind}: {message}");
    }
    assert_eq!(writes(&story.journal(before).await?), [""; 0]);
    assert_eq!(story.rings().await?["rang"], true);
    story.delete("EventSubscription", "shop").await?;
    story.gone("AzureAccount", "default").await
}

#[tokio::test]
async fn observe_names_the_fields_that_differ_and_writes_nothing() -> Result<()> {
    let (story, _operator) = Story::begin("observe").await?;
    story.quickstart_ready().await?;
    let id = story.id("CommunicationService", "shop").await?;
    story.patch("CommunicationService", "shop", json!({"spec": {"managementPolicy": "Observe"}})).await?;
    story.ready("CommunicationService", "shop").await?;
    let before = story.mark().await?;
    story.door("portal/set", json!({"id": id, "pointer": "/tags/team", "value": "nobody"})).await?;
    let message = story.reason("CommunicationService", "shop", "Ready", "Drifted").await?;
    assert!(message.contains("/tags"), "{message}");
    assert_eq!(writes(&story.journal(before).await?), [""; 0]);
    assert_eq!(story.azure("CommunicationService", "shop").await?["tags"]["team"], "nobody");

    story.patch("CommunicationService", "shop", json!({"spec": {"managementPolicy": "Manage"}})).await?;
    story.ready("CommunicationService", "shop").await?;
    assert_eq!(story.azure("CommunicationService", "shop").await?["tags"]["team"], "shop");
    Ok(())
}

#[tokio::test]
async fn what_is_only_observed_is_never_made_nor_deleted() -> Result<()> {
    let (story, _operator) = Story::begin("look").await?;
    story.secrets().await?;
    let observe = json!({"spec": {"managementPolicy": "Observe", "deletionPolicy": "Delete"}});
    let quickstart = story.quickstart()?.with("NotificationHubNamespace", &observe);
    story.apply_all(&quickstart.without(&["NotificationHub", "CommunicationService", "EventSubscription"])).await?;
    story.reason("NotificationHubNamespace", "shop", "Ready", "NotFound").await?;
    story.delete("NotificationHubNamespace", "shop").await?;
    story.gone("NotificationHubNamespace", "shop").await?;
    assert_eq!(writes(&story.journal(0).await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn suspend_stops_all_work_deletion_included_and_resumes() -> Result<()> {
    let (story, _operator) = Story::begin("suspend").await?;
    story.quickstart_ready().await?;
    let id = story.id("NotificationHubNamespace", "shop").await?;
    story.patch("NotificationHubNamespace", "shop", json!({"spec": {"suspend": true}})).await?;
    let seen =
        |object: &serde_json::Value| condition(object, "Ready").1 == "Suspended" || object["spec"]["suspend"] == true;
    story.until(("NotificationHubNamespace", "shop"), "suspended", seen).await?;
    let before = story.mark().await?;
    story.patch("NotificationHubNamespace", "shop", json!({"spec": {"sku": "Basic"}})).await?;
    story.until(("NotificationHubNamespace", "shop"), "suspended", seen).await?;
    // A neighbour that is not suspended is looked at meanwhile: time went by.
    looked_at(&story, before, 3).await?;
    assert_eq!(writes(&story.journal(before).await?), [""; 0]);
    assert_eq!(story.resources().await?[&id]["sku"]["name"], "Standard");

    story.patch("NotificationHubNamespace", "shop", json!({"spec": {"suspend": false}})).await?;
    story.ready("NotificationHubNamespace", "shop").await?;
    assert_eq!(story.resources().await?[&id]["sku"]["name"], "Basic");

    for (kind, name) in [("EventSubscription", "shop"), ("CommunicationService", "shop"), ("NotificationHub", "phones")]
    {
        story.delete(kind, name).await?;
        story.gone(kind, name).await?;
    }
    story.patch("NotificationHubNamespace", "shop", json!({"spec": {"suspend": true}})).await?;
    story.delete("NotificationHubNamespace", "shop").await?;
    story.until(("NotificationHubNamespace", "shop"), "seen while going", |_| true).await?;
    assert!(story.resources().await?.contains_key(&id));
    story.patch("NotificationHubNamespace", "shop", json!({"spec": {"suspend": false}})).await?;
    story.gone("NotificationHubNamespace", "shop").await?;
    assert!(!story.resources().await?.contains_key(&id));
    Ok(())
}

async fn looked_at(story: &Story, since: u64, times: usize) -> Result<()> {
    wait_for_some("the service to be looked at", SOON, || async {
        let entries = story.journal(since).await.ok()?;
        let reads =
            entries.iter().filter(|entry| entry.method == "GET" && entry.path.contains("communicationServices"));
        (reads.count() >= times).then_some(())
    })
    .await
}
