//! A changed spec reaches Azure, and nothing that others put there is lost.

use anyhow::Result;
use serde_json::json;

use crate::harness::{Story, writes};

#[tokio::test]
async fn changed_tags_reach_the_service_and_those_of_others_stay() -> Result<()> {
    let (story, _operator) = Story::begin("tags").await?;
    story.quickstart_ready().await?;
    let id = story.id("CommunicationService", "shop").await?;
    story.door("portal/set", json!({"id": id, "pointer": "/tags/cost-center", "value": "42"})).await?;

    story.patch("CommunicationService", "shop", json!({"spec": {"tags": {"team": "phones", "stage": "live"}}})).await?;
    story.ready("CommunicationService", "shop").await?;
    let tags = story.azure("CommunicationService", "shop").await?["tags"].clone();
    assert_eq!((&tags["team"], &tags["stage"], &tags["cost-center"]), (&json!("phones"), &json!("live"), &json!("42")));
    assert_eq!(story.rings().await?["rang"], true);
    Ok(())
}

#[tokio::test]
async fn another_sku_and_other_event_types_are_one_change_each() -> Result<()> {
    let (story, _operator) = Story::begin("sku").await?;
    story.quickstart_ready().await?;
    let before = story.mark().await?;
    story.patch("NotificationHubNamespace", "shop", json!({"spec": {"sku": "Basic"}})).await?;
    story.ready("NotificationHubNamespace", "shop").await?;
    assert_eq!(story.azure("NotificationHubNamespace", "shop").await?["sku"]["name"], "Basic");

    let types = json!(["Microsoft.Communication.SMSReceived", "Microsoft.Communication.SomethingOfTomorrow"]);
    let subject = json!({"beginsWith": "/phonenumber/"});
    story.patch("EventSubscription", "shop", json!({"spec": {"eventTypes": types, "subject": subject}})).await?;
    story.ready("EventSubscription", "shop").await?;
    let filter = story.azure("EventSubscription", "shop").await?["properties"]["filter"].clone();
    assert_eq!((&filter["includedEventTypes"], &filter["subjectBeginsWith"]), (&types, &json!("/phonenumber/")));
    let written = writes(&story.journal(before).await?);
    assert_eq!(written.len(), 2, "{written:#?}");
    assert!(written.iter().all(|write| write.starts_with("PATCH")), "{written:#?}");
    Ok(())
}

#[tokio::test]
async fn a_policys_rights_change_and_a_policy_taken_out_takes_its_secret_along() -> Result<()> {
    let (story, _operator) = Story::begin("policy").await?;
    story.quickstart_ready().await?;
    let rule = format!("{}/authorizationrules/backend", story.id("NotificationHub", "phones").await?);
    let policy = json!({"name": "backend", "rights": ["Listen", "Send"], "secretName": "phones-backend"});
    story.patch("NotificationHub", "phones", json!({"spec": {"accessPolicies": [policy]}})).await?;
    story.ready("NotificationHub", "phones").await?;
    let mut rights = story.resources().await?[&rule]["properties"]["rights"].as_array().unwrap().clone();
    rights.sort_by_key(ToString::to_string);
    assert_eq!(rights, [json!("Listen"), json!("Send")]);

    story.patch("NotificationHub", "phones", json!({"spec": {"accessPolicies": null}})).await?;
    story.ready("NotificationHub", "phones").await?;
    assert!(!story.resources().await?.contains_key(&rule));
    assert_eq!(story.secret("phones-backend").await?, None);
    // The link has a policy of its own, which was not meant.
    assert_eq!(story.rings().await?["rang"], true);
    Ok(())
}

#[tokio::test]
async fn a_policys_secret_can_be_renamed() -> Result<()> {
    let (story, _operator) = Story::begin("rename").await?;
    story.quickstart_ready().await?;
    let old = story.secret("phones-backend").await?.unwrap();
    let policy = json!({"name": "backend", "rights": ["Send"], "secretName": "push"});
    story.patch("NotificationHub", "phones", json!({"spec": {"accessPolicies": [policy]}})).await?;
    story.ready("NotificationHub", "phones").await?;
    assert_eq!(story.secret("push").await?.unwrap(), old);
    assert_eq!(story.secret("phones-backend").await?, None);
    Ok(())
}
