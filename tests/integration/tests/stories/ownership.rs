//! Nothing is stolen: what others made is taken over when asked for, left alone otherwise.

use anyhow::Result;
use serde_json::{Value, json};
use testbed::wait_for_some;

use crate::harness::{SOON, Story, writes};

const HUBS: &str = "2023-10-01-preview";

async fn stranger(story: &Story, id: &str, version: &str, body: Value) -> Result<()> {
    story.stack.azure.request("PUT", &format!("{id}?api-version={version}"), Some(&body)).await?.ok().map(drop)
}

fn in_group(story: &Story, rest: &str) -> String {
    format!("/subscriptions/{}/resourceGroups/rg-shop/providers/{rest}", story.stack.azure.subscription_id())
}

#[tokio::test]
async fn a_namespace_that_exists_is_adopted_when_asked_and_kept_at_the_end() -> Result<()> {
    let (story, _operator) = Story::begin("adopt").await?;
    let id = in_group(&story, "Microsoft.NotificationHubs/namespaces/contoso-push");
    let body = json!({"location": "westeurope", "sku": {"name": "Standard"}, "tags": {"theirs": "1"}});
    stranger(&story, &id, HUBS, body).await?;
    let before = story.mark().await?;
    story.secrets().await?;
    let adopt = json!({"spec": {"azureName": "contoso-push", "adoptionPolicy": "Always"}});
    story.apply_all(&story.quickstart()?.with("NotificationHubNamespace", &adopt)).await?;
    story.all_ready().await?;
    let object = story.ready("NotificationHubNamespace", "shop").await?;
    assert_eq!(object["status"]["adopted"], true);
    let tags = story.azure("NotificationHubNamespace", "shop").await?["tags"].clone();
    assert_eq!(tags["theirs"], "1");
    assert!(tags["acs-operator-owner"].as_str().unwrap().ends_with("/NotificationHubNamespace/shop"), "{tags}");
    assert!(!crate::harness::creates(&story.journal(before).await?).contains_key(&id.to_ascii_lowercase()));

    // The default of the kind is Delete; for what was adopted it is Retain.
    for (kind, name) in [
        ("EventSubscription", "shop"),
        ("CommunicationService", "shop"),
        ("NotificationHub", "phones"),
        ("NotificationHubNamespace", "shop"),
    ] {
        story.delete(kind, name).await?;
        story.gone(kind, name).await?;
    }
    assert!(story.resources().await?.contains_key(&id.to_ascii_lowercase()));
    Ok(())
}

#[tokio::test]
async fn a_strangers_service_is_refused_and_not_touched() -> Result<()> {
    let (story, _operator) = Story::begin("refuse").await?;
    let id = in_group(&story, "Microsoft.Communication/communicationServices/contoso-shop");
    let body = json!({"location": "global", "properties": {"dataLocation": "Europe"}, "tags": {"theirs": "1"}});
    stranger(&story, &id, "2023-04-01", body).await?;
    let before = story.mark().await?;
    story.secrets().await?;
    let named = json!({"spec": {"azureName": "contoso-shop", "deletionPolicy": "Delete"}});
    story.apply_all(&story.quickstart()?.with("CommunicationService", &named)).await?;
    let message = story.reason("CommunicationService", "shop", "Ready", "Conflict").await?;
    assert!(message.contains("adoptionPolicy: Always"), "{message}");
    let untouched = |entries: &[crate::harness::Entry]| {
        let of_it = entries.iter().filter(|entry| entry.path.to_ascii_lowercase().contains("/contoso-shop"));
        writes(&of_it.cloned().collect::<Vec<_>>())
    };
    assert_eq!(untouched(&story.journal(before).await?), [""; 0]);
    // Nor at the end, though the object asks for deletion.
    for (kind, name) in [("EventSubscription", "shop"), ("CommunicationService", "shop")] {
        story.delete(kind, name).await?;
        story.gone(kind, name).await?;
    }
    assert_eq!(untouched(&story.journal(before).await?), [""; 0]);
    assert_eq!(story.resources().await?[&id.to_ascii_lowercase()]["tags"], json!({"theirs": "1"}));
    Ok(())
}

#[tokio::test]
async fn a_conflict_ends_as_soon_as_adoption_is_allowed() -> Result<()> {
    let (story, _operator) = Story::begin("allow").await?;
    let id = in_group(&story, "Microsoft.NotificationHubs/namespaces/contoso-push");
    stranger(&story, &id, HUBS, json!({"location": "westeurope", "sku": {"name": "Standard"}})).await?;
    story.secrets().await?;
    let named = json!({"spec": {"azureName": "contoso-push"}});
    story.apply_all(&story.quickstart()?.with("NotificationHubNamespace", &named)).await?;
    story.reason("NotificationHubNamespace", "shop", "Ready", "Conflict").await?;
    let started = std::time::Instant::now();
    story.patch("NotificationHubNamespace", "shop", json!({"spec": {"adoptionPolicy": "Always"}})).await?;
    story.ready("NotificationHubNamespace", "shop").await?;
    // The slow retry of what is blocked comes after 36 s at this scale: it was the change that woke it.
    assert!(started.elapsed().as_secs() < 25, "{:?}", started.elapsed());
    Ok(())
}

#[tokio::test]
async fn a_secret_of_that_name_that_is_not_ours_is_not_overwritten() -> Result<()> {
    let (story, _operator) = Story::begin("theirs").await?;
    story.secrets().await?;
    story.secret_with("shop-acs", "password", "theirs").await?;
    story.apply_all(&story.quickstart()?).await?;
    let message = story.reason("CommunicationService", "shop", "ConnectionPublished", "SecretConflict").await?;
    assert!(message.contains("shop-acs"), "{message}");
    let theirs = story.secret("shop-acs").await?.unwrap();
    assert_eq!(theirs, [("password".to_owned(), "theirs".to_owned())].into());
    // The rest of the service works meanwhile.
    story
        .until(("CommunicationService", "shop"), "Linked", |object| {
            crate::harness::condition(object, "Linked").0 == "True"
        })
        .await?;

    story.delete("Secret", "shop-acs").await?;
    story.all_ready().await?;
    assert!(story.secret("shop-acs").await?.unwrap().contains_key("accessKey"));
    Ok(())
}

#[tokio::test]
async fn a_system_topic_that_the_service_has_already_is_used_and_not_deleted() -> Result<()> {
    let (story, _operator) = Story::begin("topic").await?;
    story.secrets().await?;
    let quickstart = story.quickstart()?.with("CommunicationService", &json!({"spec": {"deletionPolicy": "Delete"}}));
    // The service first, so that someone else can be faster with the topic.
    let none = json!({"spec": {"systemTopic": {"type": "None"}}});
    story.apply_all(&quickstart.clone().without(&["EventSubscription"]).with("CommunicationService", &none)).await?;
    story.ready("CommunicationService", "shop").await?;
    let service = story.azure("CommunicationService", "shop").await?["id"].clone();
    let topic = in_group(&story, "Microsoft.EventGrid/systemTopics/theirs");
    let properties = json!({"source": service, "topicType": "Microsoft.Communication.CommunicationServices"});
    stranger(&story, &topic, "2025-02-15", json!({"location": "global", "properties": properties})).await?;
    story.patch("CommunicationService", "shop", json!({"spec": {"systemTopic": null}})).await?;
    story.apply(&quickstart.get("EventSubscription")).await?;
    story.ready("EventSubscription", "shop").await?;
    let subscription = story.id("EventSubscription", "shop").await?;
    assert!(subscription.starts_with(&format!("{}/eventsubscriptions/", topic.to_ascii_lowercase())), "{subscription}");

    // It gets no identity from us either: it has to have it. What needs none is delivered all the same.
    let managed = json!({"type": "Managed", "identity": {"type": "SystemAssigned"}});
    story.patch("CommunicationService", "shop", json!({"spec": {"systemTopic": managed}})).await?;
    let message = story.reason("CommunicationService", "shop", "TopicReady", "IdentityMissing").await?;
    story.all_ready().await?;
    assert!(message.contains("systemTopics/theirs") && message.contains("`systemTopic.identity`"), "{message}");
    assert_eq!(story.resources().await?[&topic.to_ascii_lowercase()].get("identity"), None);
    let given = json!({"id": topic, "pointer": "/identity", "value": {"type": "SystemAssigned"}});
    story.door("portal/set", given).await?;
    story.patch("CommunicationService", "shop", json!({"spec": {"tags": {"looked": "again"}}})).await?;
    story.reason("CommunicationService", "shop", "TopicReady", "Succeeded").await?;
    story.ready("CommunicationService", "shop").await?;

    story.delete("EventSubscription", "shop").await?;
    story.delete("CommunicationService", "shop").await?;
    story.gone("CommunicationService", "shop").await?;
    wait_for_some("the service to be gone", SOON, || async {
        let all = story.resources().await.ok()?;
        (!all.contains_key(&service.as_str()?.to_ascii_lowercase())).then_some(())
    })
    .await?;
    assert!(story.resources().await?.contains_key(&topic.to_ascii_lowercase()));
    Ok(())
}
