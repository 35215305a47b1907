//! From YAML to a ringing phone.

use anyhow::Result;

use crate::harness::{Story, creates};

#[tokio::test]
async fn the_quickstart_becomes_ready_and_a_call_rings() -> Result<()> {
    let (story, _operator) = Story::begin("create").await?;
    story.quickstart_ready().await?;

    let hub = story.id("NotificationHub", "phones").await?;
    let service = story.azure("CommunicationService", "shop").await?;
    assert_eq!(service["properties"]["notificationHubId"].as_str().unwrap().to_ascii_lowercase(), hub);
    assert_eq!(service["tags"]["team"], "shop");
    assert_eq!(story.rings().await?["rang"], true);

    let backend = story.secret("phones-backend").await?.unwrap();
    assert_eq!(backend.keys().collect::<Vec<_>>(), ["connectionString", "hubName", "policyName"]);
    let connection = story.secret("shop-acs").await?.unwrap();
    assert_eq!(connection.keys().collect::<Vec<_>>(), ["accessKey", "connectionString", "endpoint"]);
    let created = creates(&story.journal(0).await?);
    // Namespace, hub, backend's policy, the link's policy, service, topic, event subscription.
    assert_eq!(created.values().copied().collect::<Vec<_>>(), [1; 7], "{created:#?}");
    Ok(())
}
