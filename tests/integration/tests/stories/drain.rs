//! A namespace is deleted with everything in it: nothing stays behind, in Azure or in Kubernetes.

use anyhow::Result;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;
use testbed::audit::Filter;
use testbed::wait_for_some;

use crate::credentials::{federated, service_account, trust};
use crate::harness::{SOON, Story};
use crate::restart::{disposable, sent, slow_azure};

async fn delete_namespace(story: &Story) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(story.client.clone());
    namespaces.delete(story.namespace(), &DeleteParams::default()).await.map(drop)?;
    Ok(())
}

async fn drained(story: &Story) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(story.client.clone());
    let gone = wait_for_some("the namespace to be gone", SOON, || async {
        matches!(namespaces.get_opt(story.namespace()).await, Ok(None)).then_some(())
    });
    if let Err(error) = gone.await {
        let mut left = Vec::new();
        for (kind, _) in crate::harness::QUICKSTART {
            left.extend(story.list(kind).await?.into_iter().map(|object| json!([kind, object["status"]])));
        }
        return Err(error.context(format!("left in it: {:#}", json!(left))));
    }
    let left = story.resources().await?;
    assert!(left.is_empty(), "{:#?}", left.keys());
    Ok(())
}

#[tokio::test]
async fn a_deleted_namespace_drains_though_the_operator_is_killed_in_the_middle() -> Result<()> {
    let story = slow_azure("drain").await?;
    let mut operator = story.stack.run_operator().await?;
    story.secrets().await?;
    story.apply_all(&disposable(&story)?).await?;
    story.all_ready().await?;
    let before = story.mark().await?;
    delete_namespace(&story).await?;
    sent(&story, before, "DELETE", "Microsoft.Communication/CommunicationServices/delete").await?;
    operator.restart().await?;
    drained(&story).await
}

#[tokio::test]
async fn with_workload_identity_the_kept_assertion_outlives_the_right_to_a_new_one() -> Result<()> {
    let story = slow_azure("drain-wi").await?;
    let mut operator = story.stack.run_operator().await?;
    service_account(&story, "acs-operator-azure").await?;
    trust(&story, "acs-operator-azure").await?;
    story.secrets().await?;
    story.apply_all(&disposable(&story)?.with("AzureAccount", &federated(&story))).await?;
    story.all_ready().await?;
    let kept = "acs-operator-assertion-default";
    assert!(story.secret(kept).await?.unwrap().is_empty(), "nothing is kept before it is needed");

    let before = story.mark().await?;
    delete_namespace(&story).await?;
    sent(&story, before, "DELETE", "Microsoft.Communication/CommunicationServices/delete").await?;
    wait_for_some("the assertion to be kept", SOON, || async {
        story.secret(kept).await.ok()??.contains_key("assertion").then_some(())
    })
    .await?;
    let (restarted, since) = (story.mark().await?, Timestamp::now());
    operator.restart().await?;
    // Tokens of the process before are no use to anyone either.
    story.door("config", json!({"expireTokens": true})).await?;
    drained(&story).await?;

    // Nothing but what was kept can have signed in: no new assertion was to be had.
    let tokens = Filter::default().namespace(story.namespace()).resource("serviceaccounts").subresource("token");
    let granted = story.cluster.audit(&tokens.since(since))?.into_iter().filter(|entry| entry.code == 201);
    assert_eq!(granted.count(), 0);
    let signed_in = story.journal(restarted).await?.into_iter().filter(|entry| entry.operation.contains("token"));
    assert!(signed_in.filter(|entry| entry.status == 200).count() > 0);
    Ok(())
}

#[tokio::test]
async fn a_namespace_whose_credential_was_never_good_can_be_deleted() -> Result<()> {
    let (story, _operator) = Story::begin("drain-bad").await?;
    story.secrets().await?;
    story.secret_with("azure-credentials", "clientSecret", "never-good").await?;
    story.apply_all(&story.quickstart()?).await?;
    story.reason("AzureAccount", "default", "Ready", "AuthenticationFailed").await?;
    story.reason("EventSubscription", "shop", "Ready", "DependencyNotReady").await?;
    delete_namespace(&story).await?;
    drained(&story).await
}
