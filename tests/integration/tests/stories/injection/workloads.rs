//! Pods that controllers make from templates.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use testbed::wait_for_some;

use super::place::{Place, golden, relay_container};
use crate::harness::SOON;

async fn pods(place: &Place) -> Option<Vec<Value>> {
    let list: Value = serde_json::from_str(&place.kubectl(&["get", "pods", "-o", "json"]).await.ok()?).ok()?;
    list["items"].as_array().cloned().filter(|pods| !pods.is_empty())
}

/// No node is here to run them, and none is needed to see what they are given. (A DaemonSet would make none.)
#[tokio::test]
async fn pods_made_by_controllers_get_it() -> Result<()> {
    for kind in ["deployment", "statefulset", "replicaset", "job"] {
        let place = Place::new().await?;
        place.relay("shop").await?;
        let manifest = golden(kind)?;
        let kept = place.keep(&manifest).await?;
        let template = &kept["spec"]["template"];
        assert_eq!(template["spec"].get("initContainers"), None, "{kind}: the user's object is not touched");
        let pods = wait_for_some(&format!("a pod of the {kind}"), SOON, || pods(&place)).await?;
        let pod = pods.first().context("no pod")?;
        assert_eq!(pod["spec"]["initContainers"][0]["name"], acs_wire::relay::CONTAINER, "{kind}");
        assert_eq!(pod["spec"]["initContainers"][0]["restartPolicy"], "Always", "{kind}");
        assert!(!pod["metadata"]["ownerReferences"].is_null(), "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn pods_of_a_cronjob_get_it() -> Result<()> {
    let place = Place::new().await?;
    place.relay("shop").await?;
    place.keep(&golden("cronjob")?).await?;
    place.kubectl(&["create", "job", "now", "--from=cronjob/nightly"]).await?;
    let pods = wait_for_some("a pod of the CronJob", SOON, || pods(&place)).await?;
    assert!(relay_container(&pods[0]).is_some());
    Ok(())
}

/// What Git has is what the cluster runs: every manifest with the relay in it is taken as it is.
#[tokio::test]
async fn manifests_from_git_are_taken_as_they_are() -> Result<()> {
    let place = Place::new().await?;
    // No relay yet: an order in which Git may well apply things.
    for kind in ["deployment", "statefulset", "daemonset", "replicaset", "job", "cronjob"] {
        let mut injected = golden(&format!("{kind}.injected"))?;
        injected["metadata"]["name"] = json!(format!("git-{kind}"));
        let kept = place.keep(&injected).await?;
        let path = if kind == "cronjob" { "/spec/jobTemplate/spec/template" } else { "/spec/template" };
        let (ours, theirs) = (injected.pointer(path).unwrap(), kept.pointer(path).unwrap());
        assert_eq!(ours["spec"]["initContainers"][0]["image"], theirs["spec"]["initContainers"][0]["image"]);
        assert_eq!(theirs["spec"]["initContainers"].as_array().unwrap().len(), 1, "{kind}");
    }
    let pods = wait_for_some("the pods of all but DaemonSet and CronJob", SOON, || async {
        pods(&place).await.filter(|pods| pods.len() >= 6)
    });
    for pod in pods.await? {
        assert_eq!(pod["spec"]["initContainers"].as_array().unwrap().len(), 1, "{}", pod["metadata"]["name"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_deployment_with_a_misspelt_relay_says_so_in_its_status() -> Result<()> {
    let place = Place::new().await?;
    place.relay("shop").await?;
    let mut manifest = golden("deployment")?;
    manifest["spec"]["template"]["metadata"]["labels"][acs_wire::relay::LABEL] = json!("shpo");
    place.keep(&manifest).await?;
    let said = wait_for_some("the Deployment to say it", SOON, || async {
        let deployment = place.kubectl(&["get", "deployment", "shop", "-o", "json"]).await.ok()?;
        let deployment: Value = serde_json::from_str(&deployment).ok()?;
        testbed::stack::condition(&deployment, "ReplicaFailure")?["message"].as_str().map(str::to_owned)
    });
    let said = said.await?;
    assert!(said.contains("no relay for the label acs-operator.dev/relay: \"shpo\""), "{said}");
    assert_eq!(pods(&place).await, None);
    Ok(())
}
