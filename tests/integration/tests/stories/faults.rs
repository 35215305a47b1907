//! Azure refuses: each refusal is named with what to do, and ends by itself once its cause is gone.

use anyhow::Result;
use serde_json::{Value, json};
use testbed::{stack, wait_for_some};

use crate::harness::{SOON, Story, condition, creates, writes};

/// What is blocked is tried again at once when asked, not only after the slow pause.
async fn nudge(story: &Story, kind: &str, name: &str) -> Result<()> {
    let annotations = json!({acs_wire::ANNOTATION_RECONCILE_AT: story.mark().await?.to_string()});
    story.patch(kind, name, json!({"metadata": {"annotations": annotations}})).await
}

#[tokio::test]
async fn a_missing_resource_group_is_named_and_heals_when_it_is_made() -> Result<()> {
    let (story, _operator) = Story::begin("group").await?;
    story.secrets().await?;
    let account = json!({"spec": {"resourceGroup": "rg-later"}});
    story.apply_all(&story.quickstart()?.with("AzureAccount", &account)).await?;
    let message = story.reason("CommunicationService", "shop", "Ready", "ResourceGroupNotFound").await?;
    assert!(message.contains("rg-later"), "{message}");
    story.reason("NotificationHubNamespace", "shop", "Ready", "ResourceGroupNotFound").await?;
    assert!(creates(&story.journal(0).await?).is_empty());
    story.door("config", json!({"addGroup": "rg-later"})).await?;
    nudge(&story, "CommunicationService", "shop").await?;
    nudge(&story, "NotificationHubNamespace", "shop").await?;
    story.all_ready().await
}

#[tokio::test]
async fn what_is_blocked_is_tried_again_slowly_without_being_asked() -> Result<()> {
    let (story, _operator) = Story::begin("slowly").await?;
    story.secrets().await?;
    let account = json!({"spec": {"resourceGroup": "rg-later"}});
    let quickstart = story.quickstart()?.with("AzureAccount", &account);
    story.apply_all(&quickstart.without(&["NotificationHub", "CommunicationService", "EventSubscription"])).await?;
    story.reason("NotificationHubNamespace", "shop", "Ready", "ResourceGroupNotFound").await?;
    let object = story.object("NotificationHubNamespace", "shop").await?.unwrap();
    assert_eq!(condition(&object, "Stalled").0, "True");
    let before = story.mark().await?;
    story.door("config", json!({"addGroup": "rg-later"})).await?;
    story.ready("NotificationHubNamespace", "shop").await?;
    // One look, not many.
    let looks = story.journal(before).await?.into_iter().filter(|entry| entry.effect == "none").count();
    assert!(looks <= 2, "{looks}");
    Ok(())
}

#[tokio::test]
async fn an_unregistered_provider_comes_with_the_command_that_registers_it() -> Result<()> {
    let (story, _operator) = Story::begin("provider").await?;
    story.secrets().await?;
    story.door("config", json!({"unregisterProvider": "Microsoft.EventGrid"})).await?;
    story.apply_all(&story.quickstart()?).await?;
    let message = story.reason("CommunicationService", "shop", "TopicReady", "ProviderNotRegistered").await?;
    assert!(message.contains("az provider register --namespace Microsoft.EventGrid"), "{message}");
    story.door("config", json!({"registerProvider": "Microsoft.EventGrid"})).await?;
    nudge(&story, "CommunicationService", "shop").await?;
    story.all_ready().await
}

#[tokio::test]
async fn a_name_that_a_stranger_holds_is_refused_and_another_is_taken() -> Result<()> {
    let (story, _operator) = Story::begin("name").await?;
    story.secrets().await?;
    story.door("config", json!({"takeName": "contoso"})).await?;
    let named = json!({"spec": {"azureName": "contoso"}});
    story.apply_all(&story.quickstart()?.with("CommunicationService", &named)).await?;
    let message = story.reason("CommunicationService", "shop", "Ready", "NameTaken").await?;
    assert!(message.contains("azureName"), "{message}");
    // The name cannot change: the object is deleted, and made again with another.
    story.patch("CommunicationService", "shop", json!({"spec": {"deletionPolicy": "Delete"}})).await?;
    story.delete("CommunicationService", "shop").await?;
    story.gone("CommunicationService", "shop").await?;
    story.apply(&story.quickstart()?.get("CommunicationService")).await?;
    story.all_ready().await
}

#[tokio::test]
async fn a_missing_role_is_named_by_its_action_and_heals_when_granted() -> Result<()> {
    let (story, _operator) = Story::begin("role").await?;
    story.secrets().await?;
    let write = "Microsoft.NotificationHubs/Namespaces/NotificationHubs/write";
    let fault = story.door("faults", json!({"operation": write, "answer": {"status": 403}})).await?;
    story.apply_all(&story.quickstart()?).await?;
    let message = story.reason("NotificationHub", "phones", "Ready", "AuthorizationFailed").await?;
    assert!(message.to_ascii_lowercase().contains(&write.to_ascii_lowercase()), "{message}");
    assert!(message.contains("correlation id"), "{message}");
    let path = format!("/_sim/faults/{}", fault["id"]);
    story.stack.azure.request("DELETE", &path, None).await?.ok()?;
    nudge(&story, "NotificationHub", "phones").await?;
    story.all_ready().await
}

#[tokio::test]
async fn throttled_it_waits_as_long_as_azure_says() -> Result<()> {
    let (story, _operator) = Story::begin("throttle").await?;
    story.secrets().await?;
    let (quickstart, later) = (story.quickstart()?, ["CommunicationService", "EventSubscription"]);
    story.apply_all(&quickstart.clone().without(&later)).await?;
    story.ready("NotificationHub", "phones").await?;
    let operation = "Microsoft.Communication/CommunicationServices/write";
    let answer = json!({"status": 429, "retryAfter": 5, "code": "TooManyRequests"});
    story.door("faults", json!({"operation": operation, "times": 1, "answer": answer})).await?;
    story.apply(&quickstart.get("CommunicationService")).await?;
    story.reason("CommunicationService", "shop", "Ready", "Throttled").await?;
    // A change elsewhere, of the same budget.
    story.patch("NotificationHubNamespace", "shop", json!({"spec": {"sku": "Basic"}})).await?;
    story.apply(&quickstart.get("EventSubscription")).await?;
    story.all_ready().await?;
    assert_eq!(story.azure("NotificationHubNamespace", "shop").await?["sku"]["name"], "Basic");
    let puts: Vec<_> = story.journal(0).await?.into_iter().filter(|entry| entry.is("PUT", operation)).collect();
    assert_eq!(puts.iter().map(|entry| entry.status).collect::<Vec<_>>(), [429, 201]);
    assert!(puts[0].fault.is_some());
    let pause = puts[1].time - puts[0].time;
    assert!((5_000..20_000).contains(&pause), "{pause} ms");
    // ARM's budget for writes is one: no other write was tried meanwhile.
    let early = story.journal(puts[0].sequence).await?.into_iter().filter(|entry| entry.time < puts[0].time + 5_000);
    assert_eq!(writes(&early.collect::<Vec<_>>()), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn errors_that_pass_are_outlived_and_nothing_is_made_twice() -> Result<()> {
    let (story, _operator) = Story::begin("passing").await?;
    story.secrets().await?;
    for (operation, answer) in [
        ("Microsoft.NotificationHubs/Namespaces/write", json!({"drop": "after"})),
        ("Microsoft.NotificationHubs/Namespaces/NotificationHubs/write", json!({"status": 504, "performed": true})),
        ("Microsoft.Communication/CommunicationServices/write", json!({"drop": "before"})),
        ("Microsoft.Communication/CommunicationServices/LinkNotificationHub/action", json!({"status": 503})),
        ("Microsoft.EventGrid/systemTopics/write", json!({"status": 500, "performed": true})),
        ("Microsoft.EventGrid/systemTopics/eventSubscriptions/write", json!({"status": 502, "performed": true})),
    ] {
        story.door("faults", json!({"operation": operation, "times": 1, "answer": answer})).await?;
    }
    story.apply_all(&story.quickstart()?).await?;
    story.all_ready().await?;
    assert_eq!(story.rings().await?["rang"], true);
    let created = creates(&story.journal(0).await?);
    assert_eq!(created.values().copied().collect::<Vec<_>>(), [1; 7], "{created:#?}");
    let faults = story.stack.azure.get("/_sim/faults").await?;
    assert!(faults["faults"].as_array().unwrap().iter().all(|fault| fault["hits"] == 1), "{faults:#}");
    Ok(())
}

#[tokio::test]
async fn a_handshake_that_fails_is_named_and_heals_when_the_endpoint_answers() -> Result<()> {
    let (story, _operator) = Story::begin("handshake").await?;
    story.hook.refuse(true);
    story.secrets().await?;
    story.apply_all(&story.quickstart()?).await?;
    let message = story.reason("EventSubscription", "shop", "Subscribed", "WebhookValidationFailed").await?;
    assert!(message.contains("handshake") && !message.contains(&story.canary), "{message}");
    story.hook.refuse(false);
    story.all_ready().await?;
    assert!(story.hook.handshakes() >= 2);
    assert!(story.hook.paths().iter().all(|path| path == "/events"));
    Ok(())
}

#[tokio::test]
async fn a_hub_in_another_subscription_is_refused_before_azure_is_asked() -> Result<()> {
    let other = "11111111-2222-4333-8444-555555555555";
    let mut options = stack::Options::default();
    options.azure.args = vec!["--subscription".to_owned(), other.to_owned()];
    let story = Story::prepare("subscription", options).await?;
    let _operator = story.stack.run_operator().await?;
    story.door("config", json!({"subscriptionId": other, "addGroup": "rg-shop"})).await?;
    story.secrets().await?;
    let mut account: Value = story.quickstart()?.get("AzureAccount");
    account["metadata"]["name"] = json!("other");
    account["spec"]["subscriptionId"] = json!(other);
    story.apply(&account).await?;
    let elsewhere = json!({"spec": {"accountRef": {"name": "other"}}});
    story.apply_all(&story.quickstart()?.with("NotificationHubNamespace", &elsewhere)).await?;
    story.ready("NotificationHub", "phones").await?;
    let message = story.reason("CommunicationService", "shop", "Linked", "WrongSubscription").await?;
    assert!(message.contains(other), "{message}");
    assert!(!writes(&story.journal(0).await?).iter().any(|write| write.contains("linkNotificationHub")));
    // What does not depend on the link works.
    story.ready("EventSubscription", "shop").await.map(drop)
}

#[tokio::test]
async fn a_link_taken_out_of_the_spec_stays_and_says_so() -> Result<()> {
    let (story, _operator) = Story::begin("unlink").await?;
    story.quickstart_ready().await?;
    let before = story.mark().await?;
    story.patch("CommunicationService", "shop", json!({"spec": {"notificationHub": null}})).await?;
    let message = story.reason("CommunicationService", "shop", "Linked", "UnlinkUnsupported").await?;
    assert!(message.contains("no unlink"), "{message}");
    assert_eq!(story.rings().await?["rang"], true);
    assert_eq!(writes(&story.journal(before).await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn without_a_topic_of_its_own_a_subscription_is_put_on_the_service() -> Result<()> {
    let (story, _operator) = Story::begin("scope").await?;
    story.secrets().await?;
    let none = json!({"spec": {"systemTopic": {"type": "None"}}});
    story.apply_all(&story.quickstart()?.with("CommunicationService", &none)).await?;
    story.all_ready().await?;
    let (service, id) = (story.id("CommunicationService", "shop").await?, story.id("EventSubscription", "shop").await?);
    assert!(id.starts_with(&format!("{service}/providers/microsoft.eventgrid/eventsubscriptions/")), "{id}");
    assert!(story.resources().await?.contains_key(&id));
    // Azure makes itself a topic for it, which policy does not see: what is not made is one of ours.
    assert!(!writes(&story.journal(0).await?).iter().any(|write| write.contains("systemTopics")));
    story.delete("EventSubscription", "shop").await?;
    story.gone("EventSubscription", "shop").await?;
    assert!(!story.resources().await?.contains_key(&id));
    Ok(())
}

#[tokio::test]
async fn events_can_go_to_a_storage_queue_and_come_back_to_a_webhook() -> Result<()> {
    let (story, _operator) = Story::begin("queue").await?;
    story.secrets().await?;
    let subscription = story.stack.azure.subscription_id();
    let account = format!(
        "/subscriptions/{subscription}/resourceGroups/rg-shop/providers/Microsoft.Storage/storageAccounts/contoso"
    );
    let queue = json!({"resourceId": account, "queueName": "events", "messageTimeToLiveSeconds": 300});
    let destination =
        json!({"spec": {"destination": {"type": "StorageQueue", "webHook": null, "storageQueue": queue}}});
    story.apply_all(&story.quickstart()?.with("EventSubscription", &destination)).await?;
    story.all_ready().await?;
    let there = story.azure("EventSubscription", "shop").await?["properties"]["destination"].clone();
    assert_eq!((&there["endpointType"], &there["properties"]["queueName"]), (&json!("StorageQueue"), &json!("events")));
    let hook = json!({"urlSecretRef": {"name": "events", "key": "url"}});
    let back = json!({"spec": {"destination": {"type": "WebHook", "webHook": hook, "storageQueue": null}}});
    story.patch("EventSubscription", "shop", back).await?;
    story.ready("EventSubscription", "shop").await?;
    let there = story.azure("EventSubscription", "shop").await?["properties"]["destination"].clone();
    assert_eq!(there["endpointType"], "WebHook");
    Ok(())
}

#[tokio::test]
async fn a_rotation_misses_not_one_call() -> Result<()> {
    let mut options = stack::Options::default();
    options.azure.profile = Some("azure".to_owned());
    // Azure propagates as slowly, in proportion, as the operator waits for.
    options.azure.time_scale = Some(0.02);
    let story = Story::prepare("rotate", options).await?;
    let _operator = story.stack.run_operator().await?;
    story.quickstart_ready().await?;
    let first = wait_for_some("the first link to reach phones", SOON, || async {
        story.rings().await.ok().filter(|answer| answer["rang"] == true)
    });
    first.await?;
    let rule = story.resources().await?.into_keys().find(|id| id.contains("/acs-link-")).unwrap();
    let path = format!("{rule}/listKeys?api-version=2023-10-01-preview");
    let old = story.stack.azure.post(&path, &Value::Null).await?["primaryKey"].clone();
    story.patch("CommunicationService", "shop", json!({"spec": {"notificationHub": {"keyRotation": 1}}})).await?;
    wait_for_some("the old key to end", SOON, || async {
        let keys = story.stack.azure.post(&path, &Value::Null).await.ok()?;
        let answer = story.rings().await.ok()?;
        assert_eq!(answer["rang"], true, "a call was missed: {answer}");
        (keys["primaryKey"] != old).then_some(())
    })
    .await?;
    story.ready("CommunicationService", "shop").await?;
    assert_eq!(story.rings().await?["rang"], true);
    Ok(())
}
