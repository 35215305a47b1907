//! What a subscription's advanced filters do: in Azure as declared, and to an SMS.

use anyhow::Result;
use serde_json::json;
use testbed::wait_for_some;

use crate::harness::{SOON, Story, writes};

const SHOP: (&str, &str) = ("EventSubscription", "shop");

/// How many event subscriptions let a text message through.
async fn sms(story: &Story, from: &str, message: &str) -> Result<usize> {
    let service = story.id("CommunicationService", "shop").await?;
    let sms = json!({"service": service, "from": from, "to": "+15550009999", "message": message});
    Ok(story.door("sms", sms).await?["matched"].as_array().map_or(0, Vec::len))
}

/// Events that Event Grid delivered to the webhook, by their own word.
async fn delivered(story: &Story) -> Result<u64> {
    Ok(story.stack.azure.get("/_sim/deliveries").await?["totals"]["delivered"].as_u64().unwrap_or_default())
}

#[tokio::test]
async fn an_sms_that_a_filter_drops_stays_away_and_one_that_it_passes_arrives() -> Result<()> {
    let (story, _operator) = Story::begin("filters").await?;
    story.quickstart_ready().await?;
    assert_eq!(sms(&story, "+15550001", "no filter yet").await?, 1);
    let before = story.mark().await?;
    let filters = json!([
        {"operatorType": "StringBeginsWith", "key": "data.from", "strings": ["+4930", "+4940"]},
        {"operatorType": "StringNotContains", "key": "data.message", "strings": ["advertisement"]},
        {"operatorType": "IsNotNull", "key": "data.receivedTimestamp"},
        {"operatorType": "NumberNotIn", "key": "data.segmentCount", "numbers": [7, "7.5"]},
    ]);
    story.patch(SHOP.0, SHOP.1, json!({"spec": {"advancedFilters": filters}})).await?;
    story.ready(SHOP.0, SHOP.1).await?;
    let written = writes(&story.journal(before).await?);
    assert!(written.len() == 1 && written[0].starts_with("PATCH"), "{written:#?}");
    let shown = story.azure(SHOP.0, SHOP.1).await?["properties"]["filter"]["advancedFilters"].clone();
    assert_eq!(shown[3], json!({"operatorType": "NumberNotIn", "key": "data.segmentCount", "values": [7.0, 7.5]}));

    let so_far = wait_for_some("the first SMS to arrive", SOON, || async {
        delivered(&story).await.ok().filter(|count| *count == 1)
    });
    so_far.await?;
    assert_eq!(sms(&story, "+15550001", "hello").await?, 0, "another area");
    assert_eq!(sms(&story, "+49301234", "An ADVERTISEMENT").await?, 0, "a word that is not wanted, in any case");
    assert_eq!(sms(&story, "+49401234", "hello").await?, 1);
    let arrived = wait_for_some("the other to arrive", SOON, || async {
        delivered(&story).await.ok().filter(|count| *count == 2)
    });
    arrived.await?;

    // Taken out again, all pass; and at rest nothing is written, though Azure shows doubles.
    story.patch(SHOP.0, SHOP.1, json!({"spec": {"advancedFilters": null}})).await?;
    story.ready(SHOP.0, SHOP.1).await?;
    assert_eq!(sms(&story, "+15550001", "An advertisement").await?, 1);
    assert_eq!(writes(&story.journal(before).await?).len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_filter_that_someone_adds_in_the_portal_is_taken_out_again() -> Result<()> {
    let (story, _operator) = Story::begin("drift-filter").await?;
    story.quickstart_ready().await?;
    let id = story.id(SHOP.0, SHOP.1).await?;
    let pointer = "/properties/filter/advancedFilters";
    let theirs = json!([{"operatorType": "StringIn", "key": "data.from", "values": ["+1"]}]);
    story.door("portal/set", json!({"id": id, "pointer": pointer, "value": theirs})).await?;
    story
        .until_azure("the filter to be gone", |all| {
            all[&id].pointer(pointer).is_none_or(|list| list.as_array().is_some_and(Vec::is_empty))
        })
        .await?;
    story.ready(SHOP.0, SHOP.1).await?;
    assert_eq!(sms(&story, "+15550001", "hello").await?, 1);
    Ok(())
}

#[tokio::test]
async fn one_who_only_looks_says_that_the_filters_differ() -> Result<()> {
    let (story, _operator) = Story::begin("observe-filter").await?;
    story.quickstart_ready().await?;
    story
        .patch(
            SHOP.0,
            SHOP.1,
            json!({"spec": {"managementPolicy": "Observe",
        "advancedFilters": [{"operatorType": "BoolEquals", "key": "data.done", "boolean": true}],
        "advancedFilteringOnArrays": "Enabled"}}),
        )
        .await?;
    let message = story.reason(SHOP.0, SHOP.1, "Ready", "Drifted").await?;
    assert!(message.contains("/properties/filter/advancedFilters"), "{message}");
    assert!(message.contains("/properties/filter/enableAdvancedFilteringOnArrays"), "{message}");
    Ok(())
}
