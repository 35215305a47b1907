//! Whose identity: what is missing or wrong is named, and heals as soon as it is put right.

use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};

use crate::harness::{Story, condition};

/// Half of the slow retry of what is blocked, which is 36 s at this scale: what heals sooner was woken by the change.
const PROMPTLY: u64 = 18;

#[tokio::test]
async fn a_missing_secret_is_named_and_its_arrival_heals_without_a_restart() -> Result<()> {
    let (story, _operator) = Story::begin("missing").await?;
    story.apply_all(&story.quickstart()?).await?;
    let message = story.reason("AzureAccount", "default", "Ready", "SecretNotFound").await?;
    assert!(message.contains("azure-credentials"), "{message}");
    let says_why =
        |object: &Value| condition(object, "Ready").2 == "AzureAccount default is not Ready (SecretNotFound).";
    story.until(("NotificationHubNamespace", "shop"), "to say what it waits for", says_why).await?;
    let started = Instant::now();
    story.secrets().await?;
    story.all_ready().await?;
    assert!(started.elapsed().as_secs() < PROMPTLY, "{:?}", started.elapsed());
    Ok(())
}

#[tokio::test]
async fn a_missing_key_and_a_wrong_secret_are_told_apart() -> Result<()> {
    let (story, _operator) = Story::begin("wrong").await?;
    story.secrets().await?;
    story.patch("Secret", "azure-credentials", json!({"data": null, "stringData": {"other": "x"}})).await?;
    story.apply(&story.quickstart()?.get("AzureAccount")).await?;
    let message = story.reason("AzureAccount", "default", "Ready", "SecretKeyNotFound").await?;
    assert!(message.contains("azure-credentials") && message.contains("clientSecret"), "{message}");

    story.patch("Secret", "azure-credentials", json!({"stringData": {"clientSecret": "not-the-secret"}})).await?;
    let message = story.reason("AzureAccount", "default", "Ready", "AuthenticationFailed").await?;
    assert!(message.contains("AADSTS7000215"), "{message}");
    assert!(!message.contains("not-the-secret"), "{message}");

    let started = Instant::now();
    let good = story.variable("AZURE_CLIENT_SECRET");
    story.patch("Secret", "azure-credentials", json!({"stringData": {"clientSecret": good}})).await?;
    story.ready("AzureAccount", "default").await?;
    assert!(started.elapsed().as_secs() < PROMPTLY, "{:?}", started.elapsed());
    Ok(())
}

#[tokio::test]
async fn a_rotated_client_secret_is_taken_up_while_everything_stays_ready() -> Result<()> {
    let (story, _operator) = Story::begin("rotated").await?;
    story.quickstart_ready().await?;
    let client = story.variable("AZURE_CLIENT_ID");
    let secret = json!({"secret": {"clientId": client, "clientSecret": "the-next-one"}});
    story.door("config", secret).await?;
    story.secret_with("azure-credentials", "clientSecret", "the-next-one").await?;
    story.door("config", json!({"expireTokens": true})).await?;
    story.patch("CommunicationService", "shop", json!({"spec": {"tags": {"team": "next"}}})).await?;
    story.ready("CommunicationService", "shop").await?;
    assert_eq!(story.azure("CommunicationService", "shop").await?["tags"]["team"], "next");
    Ok(())
}

#[tokio::test]
async fn an_unknown_application_and_an_unknown_tenant_say_what_entra_said() -> Result<()> {
    let (story, _operator) = Story::begin("unknown").await?;
    story.secrets().await?;
    let nobody = "0c7e1d2a-0000-4000-8000-000000000003";
    let account = json!({"spec": {"identity": {"servicePrincipal": {"clientId": nobody}}}});
    story.apply(&story.quickstart()?.with("AzureAccount", &account).get("AzureAccount")).await?;
    let message = story.reason("AzureAccount", "default", "Ready", "AuthenticationFailed").await?;
    assert!(message.contains("AADSTS700016"), "{message}");
    let right = json!({"spec": {"identity": {"servicePrincipal": {"clientId": story.variable("AZURE_CLIENT_ID")}}}});
    story.patch("AzureAccount", "default", right).await?;
    story.ready("AzureAccount", "default").await?;
    story.patch("AzureAccount", "default", json!({"spec": {"tenantId": nobody}})).await?;
    let message = story.reason("AzureAccount", "default", "Ready", "AuthenticationFailed").await?;
    assert!(message.contains("AADSTS90002"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_cloud_that_is_not_configured_is_named_with_those_that_are() -> Result<()> {
    let (story, _operator) = Story::begin("cloud").await?;
    story.secrets().await?;
    let account = json!({"spec": {"cloud": "Moon"}});
    story.apply(&story.quickstart()?.with("AzureAccount", &account).get("AzureAccount")).await?;
    let message = story.reason("AzureAccount", "default", "Ready", "CloudNotConfigured").await?;
    assert!(message.contains("Moon") && message.contains("Public"), "{message}");
    assert!(story.journal(0).await?.is_empty());
    Ok(())
}

/// The account of `examples/workload-identity`, with this Azure's ids.
pub(crate) fn federated(story: &Story) -> Value {
    let client = story.variable("AZURE_CLIENT_ID");
    json!({"spec": {"identity": {"type": "WorkloadIdentity", "servicePrincipal": null,
        "workloadIdentity": {"clientId": client}}}})
}

/// Lets Azure trust a ServiceAccount of the story's namespace, by this cluster's own keys.
pub(crate) async fn trust(story: &Story, account: &str) -> Result<()> {
    let subject = format!("system:serviceaccount:{}:{account}", story.namespace());
    let (issuer, jwks) = (story.cluster.issuer().await?, story.cluster.jwks().await?);
    let client = story.variable("AZURE_CLIENT_ID");
    let record = json!({"clientId": client, "issuer": issuer, "subject": subject, "jwks": jwks});
    story.door("federation", record).await.map(drop)
}

pub(crate) async fn service_account(story: &Story, name: &str) -> Result<()> {
    story.apply(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})).await
}

#[tokio::test]
async fn workload_identity_needs_no_secret_at_all() -> Result<()> {
    let (story, _operator) = Story::begin("federated").await?;
    story.secrets().await?;
    story.delete("Secret", "azure-credentials").await?;
    story.apply_all(&story.quickstart()?.with("AzureAccount", &federated(&story))).await?;
    let message = story.reason("AzureAccount", "default", "Ready", "CredentialUnavailable").await?;
    assert!(message.contains("acs-operator-azure"), "{message}");
    service_account(&story, "acs-operator-azure").await?;
    // Azure does not trust it yet, and says which subject it would have to.
    story
        .patch(
            "AzureAccount",
            "default",
            json!({"metadata": {"annotations": {acs_wire::ANNOTATION_RECONCILE_AT: "1"}}}),
        )
        .await?;
    let message = story.reason("AzureAccount", "default", "Ready", "AuthenticationFailed").await?;
    assert!(message.contains("AADSTS70021"), "{message}");
    trust(&story, "acs-operator-azure").await?;
    story
        .patch(
            "AzureAccount",
            "default",
            json!({"metadata": {"annotations": {acs_wire::ANNOTATION_RECONCILE_AT: "2"}}}),
        )
        .await?;
    story.all_ready().await?;
    assert_eq!(story.rings().await?["rang"], true);
    Ok(())
}

#[tokio::test]
async fn a_service_account_that_the_operators_configuration_does_not_allow_is_refused() -> Result<()> {
    let (story, _operator) = Story::begin("taken").await?;
    service_account(&story, "builder").await?;
    trust(&story, "builder").await?;
    let named = json!({"spec": {"identity": {"workloadIdentity": {"serviceAccountName": "builder"}}}});
    let quickstart = story.quickstart()?.with("AzureAccount", &federated(&story)).with("AzureAccount", &named);
    story.apply(&quickstart.get("AzureAccount")).await?;
    let message = story.reason("AzureAccount", "default", "Ready", "ServiceAccountNotAllowed").await?;
    assert!(message.contains("builder") && message.contains("acs-operator-azure"), "{message}");
    assert!(story.journal(0).await?.is_empty());
    let object = story.object("AzureAccount", "default").await?.unwrap();
    assert_eq!(condition(&object, "Stalled").0, "True");
    Ok(())
}
