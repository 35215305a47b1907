//! What others change in Azure is found and put right, once.

use anyhow::Result;
use serde_json::{Value, json};
use testbed::wait_for_some;

use crate::harness::{SOON, Story, creates, writes};

#[tokio::test]
async fn a_tag_edited_in_the_portal_is_put_back_by_one_patch() -> Result<()> {
    let (story, _operator) = Story::begin("drift-tag").await?;
    story.quickstart_ready().await?;
    let id = story.id("CommunicationService", "shop").await?;
    let before = story.mark().await?;
    story.door("portal/set", json!({"id": id, "pointer": "/tags/team", "value": "nobody"})).await?;
    story.door("portal/set", json!({"id": id, "pointer": "/tags/theirs", "value": "stays"})).await?;
    story.until_azure("the tag to be put back", |all| all[&id]["tags"]["team"] == "shop").await?;
    assert_eq!(story.azure("CommunicationService", "shop").await?["tags"]["theirs"], "stays");
    story.ready("CommunicationService", "shop").await?;
    let written = writes(&story.journal(before).await?);
    assert_eq!(written.len(), 1, "{written:#?}");
    Ok(())
}

#[tokio::test]
async fn another_hub_linked_in_the_portal_is_replaced_by_ours() -> Result<()> {
    let (story, _operator) = Story::begin("drift-link").await?;
    story.quickstart_ready().await?;
    let (service, hub) =
        (story.id("CommunicationService", "shop").await?, story.id("NotificationHub", "phones").await?);
    let (namespace, _) = hub.rsplit_once('/').unwrap();
    let other = format!("{namespace}/theirs");
    let body = json!({"location": "westeurope", "properties": {}});
    story.stack.azure.request("PUT", &format!("{other}?api-version=2023-10-01-preview"), Some(&body)).await?.ok()?;
    story.door("portal/link", json!({"service": service, "hub": other})).await?;
    assert_eq!(story.rings().await?["rang"], false);
    story
        .until_azure("our hub to be linked again", |all| {
            let linked = all[&service]["properties"]["notificationHubId"].as_str().unwrap_or_default();
            linked.eq_ignore_ascii_case(&hub)
        })
        .await?;
    story.ready("CommunicationService", "shop").await?;
    assert_eq!(story.rings().await?["rang"], true);
    assert!(
        story.resources().await?.contains_key(&other.to_ascii_lowercase()),
        "someone else's hub is not ours to delete"
    );
    Ok(())
}

#[tokio::test]
async fn a_service_deleted_by_someone_else_is_made_again_once_with_all_that_hangs_on_it() -> Result<()> {
    let (story, _operator) = Story::begin("drift-gone").await?;
    story.quickstart_ready().await?;
    let service = story.id("CommunicationService", "shop").await?;
    let old = story.secret("shop-acs").await?.unwrap();
    let before = story.mark().await?;
    story.door("portal/delete", json!({"id": service})).await?;
    story.until_azure("the service to be there again", |all| all.contains_key(&service)).await?;
    let phones = wait_for_some("a call to ring again", SOON, || async {
        story.rings().await.ok().filter(|answer| answer["rang"] == true)
    });
    phones.await?;
    wait_for_some("the new service's key in the Secret", SOON, || async {
        let new = story.secret("shop-acs").await.ok()??;
        (new["accessKey"] != old["accessKey"]).then_some(())
    })
    .await?;
    story.all_ready().await?;
    assert_eq!(creates(&story.journal(before).await?).get(&service), Some(&1));
    Ok(())
}

/// A namespace takes its hubs along. What the service's pass meets wakes those who made them: their own next look is minutes away.
#[tokio::test]
async fn a_stack_of_which_nothing_is_left_in_azure_is_made_again() -> Result<()> {
    let (story, _operator) = Story::begin("drift-all").await?;
    story.quickstart_ready().await?;
    let service = story.id("CommunicationService", "shop").await?;
    let namespace = story.id("NotificationHubNamespace", "shop").await?;
    let before = story.mark().await?;
    story.door("portal/delete", json!({"id": namespace})).await?;
    story.door("portal/delete", json!({"id": service})).await?;
    let phones = wait_for_some("a call to ring again", SOON * 2, || async {
        story.rings().await.ok().filter(|answer| answer["rang"] == true)
    });
    phones.await?;
    story.all_ready().await?;
    let made = creates(&story.journal(before).await?);
    assert_eq!((made.get(&service), made.get(&namespace)), (Some(&1), Some(&1)), "{made:#?}");
    Ok(())
}

#[tokio::test]
async fn a_key_regenerated_in_the_portal_is_linked_again() -> Result<()> {
    let (story, _operator) = Story::begin("drift-key").await?;
    story.quickstart_ready().await?;
    let hub = story.id("NotificationHub", "phones").await?;
    let resources = story.resources().await?;
    let rule = resources.keys().find(|id| id.starts_with(&hub) && id.contains("/acs-link-")).unwrap();
    story.door("portal/regenerateKey", json!({"id": rule, "key": "primary"})).await?;
    assert_eq!(story.rings().await?["reason"], "KeyStale");
    let rang = wait_for_some("a call to ring again", SOON, || async {
        story.rings().await.ok().filter(|answer| answer["rang"] == true)
    });
    rang.await.map(drop)
}

#[tokio::test]
async fn a_policys_key_regenerated_in_the_portal_reaches_its_secret() -> Result<()> {
    let (story, _operator) = Story::begin("drift-secret").await?;
    story.quickstart_ready().await?;
    let rule = format!("{}/authorizationrules/backend", story.id("NotificationHub", "phones").await?);
    let old = story.secret("phones-backend").await?.unwrap();
    story.door("portal/regenerateKey", json!({"id": rule, "key": "primary"})).await?;
    let keys = format!("{rule}/listKeys?api-version=2023-10-01-preview");
    let valid = story.stack.azure.post(&keys, &Value::Null).await?["primaryKey"].as_str().unwrap().to_owned();
    wait_for_some("the new key in the Secret", SOON, || async {
        let new = story.secret("phones-backend").await.ok()??;
        (new != old && new["connectionString"].contains(&valid)).then_some(())
    })
    .await
}

#[tokio::test]
async fn a_webhook_url_changed_in_its_secret_is_patched_though_azure_never_shows_it() -> Result<()> {
    let (story, _operator) = Story::begin("drift-url").await?;
    story.quickstart_ready().await?;
    let id = story.id("EventSubscription", "shop").await?;
    let before = story.mark().await?;
    // The same endpoint with another code: what Azure shows stays equal.
    let url = story.hook.url("events", "another-code");
    story.secret_with("events", "url", &url).await?;
    wait_for_some("the new URL in Azure", SOON, || async {
        let path = format!("{id}/getFullUrl?api-version=2025-02-15");
        let shown = story.stack.azure.post(&path, &json!({})).await.ok()?;
        (shown["endpointUrl"] == url.as_str()).then_some(())
    })
    .await?;
    story.ready("EventSubscription", "shop").await?;
    let written = writes(&story.journal(before).await?);
    assert_eq!(written.len(), 1, "{written:#?}");
    assert!(written[0].starts_with("PATCH"), "{written:#?}");
    Ok(())
}
