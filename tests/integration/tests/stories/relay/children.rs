//! What is made in the cluster for a relay: all that belongs to it, nothing of others, and nothing at rest.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use testbed::audit::Filter;
use testbed::{wait_for, wait_for_some};

use super::stage::Stage;
use crate::harness::{SOON, condition};

const KINDS: [&str; 6] = ["ConfigMap", "Service", "Deployment", "PodDisruptionBudget", "NetworkPolicy", "Ingress"];

async fn versions(stage: &Stage) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for kind in KINDS {
        if let Some(object) = stage.story.object(kind, "shop-relay").await? {
            found
                .insert(kind.to_owned(), object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned());
        }
    }
    for (kind, name) in [("EventRelay", "shop"), ("EventSubscription", "relayed"), ("Secret", "shop-delivery")] {
        if let Some(object) = stage.story.object(kind, name).await? {
            found.insert(format!("{kind} {name}"), object["metadata"]["resourceVersion"].to_string());
        }
    }
    Ok(found)
}

#[tokio::test]
async fn at_rest_and_after_a_restart_nothing_is_written() -> Result<()> {
    let mut stage = Stage::begin("relay-rest").await?;
    let _relay = stage.delivering(&json!({})).await?;
    let before = versions(&stage).await?;
    let mark = stage.story.mark().await?;
    assert_eq!(before.keys().filter(|kind| KINDS.contains(&kind.as_str())).count(), 2, "{before:?}");
    let since = Timestamp::now();
    stage.operator.restart().await?;
    stage.operator.wait_ready(SOON).await?;
    // Each pass of a relay lists its pods.
    let looked = || async {
        let asked = by_the_operator(&stage).since(since);
        let asked = stage.story.cluster.audit(&asked).unwrap_or_default();
        asked.iter().filter(|entry| entry.verb == "list" && entry.uri.contains("relay%3Dshop")).count() > 3
    };
    wait_for("some passes of the relay", SOON, looked).await?;
    assert_eq!(versions(&stage).await?, before);
    let written = stage.story.cluster.audit(&by_the_operator(&stage).since(since).writes())?;
    let written = written.iter().filter(|entry| entry.resource != "leases");
    let said: Vec<String> = written.map(|entry| format!("{} {}", entry.verb, entry.uri)).collect();
    assert_eq!(said, [""; 0]);
    assert!(stage.story.journal(mark).await?.iter().all(|entry| !entry.is_write()));
    Ok(())
}

fn by_the_operator(stage: &Stage) -> Filter {
    Filter::default().service_account(stage.story.stack.home.name(), "acs-operator")
}

#[tokio::test]
async fn what_someone_changes_or_deletes_is_made_again_and_strangers_are_left_alone() -> Result<()> {
    let stage = Stage::begin("relay-children").await?;
    let story = &stage.story;
    let strange =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop-relay"}, "data": {"a": "b"}});
    story.apply(&strange).await?;
    story.apply(&stage.relay(&json!({}))).await?;
    let message = story.reason("EventRelay", "shop", "Deployed", "ChildConflict").await?;
    assert!(message.contains("ConfigMap \"shop-relay\""), "{message}");
    assert_eq!(story.object("ConfigMap", "shop-relay").await?.unwrap()["data"], json!({"a": "b"}));
    story.delete("ConfigMap", "shop-relay").await?;
    // Nobody watches what is not ours: an edit is what brings the next look at once.
    story
        .patch("EventRelay", "shop", json!({"metadata": {"annotations": {"acs-operator.dev/reconcile-at": "1"}}}))
        .await?;
    story.reason("EventRelay", "shop", "Deployed", "NoRelayPods").await?;

    let config = |map: &Value| map["data"]["relay.json"].as_str().unwrap_or_default().to_owned();
    let made = config(&story.object("ConfigMap", "shop-relay").await?.unwrap());
    assert!(made.contains("\"relay\": \"shop\""), "{made}");
    story.patch("ConfigMap", "shop-relay", json!({"data": {"relay.json": "{}"}})).await?;
    let healed = || async {
        let map = story.object("ConfigMap", "shop-relay").await.ok().flatten().unwrap_or_default();
        config(&map) == made
    };
    wait_for("the ConfigMap to be as it was", SOON, healed).await?;
    story.delete("Service", "shop-relay").await?;
    let again = wait_for_some("the Service to be there again", SOON, || async {
        story.object("Service", "shop-relay").await.ok().flatten()
    });
    let service = again.await?;
    assert_eq!(service["spec"]["publishNotReadyAddresses"], json!(true));
    assert_eq!(service["spec"]["ports"][0]["targetPort"], json!(8470));
    Ok(())
}

#[tokio::test]
async fn a_deployment_serves_is_scaled_through_the_relay_and_goes_with_its_placement() -> Result<()> {
    let stage = Stage::begin("relay-own").await?;
    let story = &stage.story;
    story.quickstart_ready().await?;
    let target = json!({"type": "HTTP", "http": {"service": {"name": "app"}, "port": 80, "path": "/"}});
    let routes = json!([{"name": "sms", "eventTypes": ["A.B"], "target": target}]);
    let own = json!({"spec": {"placement": {"type": "Deployment", "deployment": {"replicas": 1}}, "routes": routes}});
    story.apply(&stage.relay(&own)).await?;
    story.apply(&stage.subscription(&json!({}))).await?;
    let pod = wait_for_some("the Deployment's pod", SOON, || async {
        let pods = story.list("Pod").await.ok()?;
        pods.into_iter().find(|pod| pod["metadata"]["labels"][acs_wire::relay::LABEL] == json!("shop"))
    });
    let pod = pod.await?;
    let spec = &pod["spec"];
    assert!(spec.get("initContainers").is_none() && spec["containers"][0]["readinessProbe"].is_object(), "{spec:#}");
    assert_eq!(spec["automountServiceAccountToken"], json!(false));
    let relay = stage.run(pod["metadata"]["name"].as_str().unwrap_or_default()).await?;
    stage.point(&[&relay]);
    story.ready("EventSubscription", "relayed").await?;
    let object = story.ready("EventRelay", "shop").await?;
    assert_eq!(
        (&object["status"]["replicas"], &object["status"]["selector"]),
        (&json!(1), &json!("acs-operator.dev/relay=shop"))
    );
    assert_eq!(object["status"].get("injection"), None);

    let scale = ["scale", "eventrelay/shop", "--replicas=0", "-n", story.namespace()];
    story.cluster.kubectl(scale).await?.ok()?;
    let message = story.reason("EventRelay", "shop", "Deployed", "ScaledToZero").await?;
    assert!(message.contains("nobody takes events"), "{message}");
    assert_eq!(story.object("Deployment", "shop-relay").await?.unwrap()["spec"]["replicas"], json!(0));

    let beside = stage.relay(&json!({}))["spec"]["routes"].clone();
    let sidecar = json!({"spec": {"placement": {"type": "Sidecar", "deployment": null}, "routes": beside}});
    story.patch("EventRelay", "shop", sidecar).await?;
    story
        .until(("EventRelay", "shop"), "no Deployment", |object| condition(object, "Deployed").1 == "NoRelayPods")
        .await?;
    for kind in ["Deployment", "PodDisruptionBudget", "NetworkPolicy"] {
        wait_for(&format!("{kind} to be gone"), SOON, || async {
            story.object(kind, "shop-relay").await.is_ok_and(|found| found.is_none())
        })
        .await?;
    }
    Ok(())
}
