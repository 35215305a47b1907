//! Push credentials and webhook URLs from Secrets: what is wrong with them is said without saying what is in them.

use anyhow::Result;
use serde_json::json;

use crate::harness::{Story, p8, writes};

#[tokio::test]
async fn malformed_push_credentials_are_named_and_never_quoted() -> Result<()> {
    let (story, _operator) = Story::begin("p8").await?;
    story.secrets().await?;
    story.secret_with("apns", "AuthKey.p8", "canary-that-is-no-key").await?;
    story.apply_all(&story.quickstart()?).await?;
    let message = story.reason("NotificationHub", "phones", "CredentialsApplied", "SecretInvalid").await?;
    assert!(message.contains("\"apns\"") && message.contains("AuthKey.p8") && !message.contains("canary"), "{message}");

    story.secret_with("apns", "AuthKey.p8", &p8()?).await?;
    story.secret_with("fcm", "service-account.json", r#"{"client_email": "canary", "project_id": "p"}"#).await?;
    let message = story.until(("NotificationHub", "phones"), "the other Secret to be named", |object| {
        crate::harness::condition(object, "CredentialsApplied").2.contains("\"fcm\"")
    });
    let message = crate::harness::condition(&message.await?, "CredentialsApplied").2;
    assert!(message.contains("private_key") && !message.contains("canary"), "{message}");

    story.secrets().await?;
    story.all_ready().await?;
    assert_eq!(story.rings().await?["rang"], true);
    Ok(())
}

#[tokio::test]
async fn a_secret_without_the_key_and_a_url_without_tls_are_refused() -> Result<()> {
    let (story, _operator) = Story::begin("url").await?;
    story.secrets().await?;
    story.delete("Secret", "events").await?;
    story.secret_with("events", "address", "https://example.com/").await?;
    story.apply_all(&story.quickstart()?).await?;
    let message = story.reason("EventSubscription", "shop", "Ready", "SecretKeyNotFound").await?;
    assert!(message.contains("\"events\"") && message.contains("\"url\""), "{message}");
    story.secret_with("events", "url", "http://canary.example.com/").await?;
    let message = story.reason("EventSubscription", "shop", "Ready", "SecretInvalid").await?;
    assert!(!message.contains("canary"), "{message}");
    assert!(!writes(&story.journal(0).await?).iter().any(|write| write.contains("eventSubscriptions")));
    story.secret_with("events", "url", &story.hook.url("events", &story.canary)).await?;
    story.ready("EventSubscription", "shop").await.map(drop)
}

#[tokio::test]
async fn changed_push_credentials_are_sent_again_and_unchanged_ones_are_not() -> Result<()> {
    let (story, mut operator) = Story::begin("push").await?;
    story.quickstart_ready().await?;
    let before = story.mark().await?;
    // What was sent last is on record: a new process need not send it again.
    operator.restart().await?;
    operator.wait_ready(crate::harness::SOON).await?;
    story.patch("NotificationHub", "phones", json!({"spec": {"tags": {"a": "1"}}})).await?;
    story.ready("NotificationHub", "phones").await?;
    let hub = story.id("NotificationHub", "phones").await?;
    let patches = |entries: &[crate::harness::Entry]| {
        let of_hub = entries.iter().filter(|entry| entry.method == "PATCH" && entry.path.eq_ignore_ascii_case(&hub));
        of_hub.count()
    };
    assert_eq!(patches(&story.journal(before).await?), 1, "the tag alone");
    story.secret_with("apns", "AuthKey.p8", &p8()?).await?;
    testbed::wait_for_some("the new key to be sent", crate::harness::SOON, || async {
        (patches(&story.journal(before).await.ok()?) == 2).then_some(())
    })
    .await
}

#[tokio::test]
async fn a_deleted_connection_secret_is_written_again() -> Result<()> {
    let (story, _operator) = Story::begin("rewrite").await?;
    story.quickstart_ready().await?;
    for name in ["shop-acs", "phones-backend"] {
        let old = story.secret(name).await?.unwrap();
        story.delete("Secret", name).await?;
        let again = testbed::wait_for_some(name, crate::harness::SOON, || async { story.secret(name).await.ok()? });
        assert_eq!(again.await?, old);
    }
    Ok(())
}
