//! The public URL: what leads there, and what must not be tried.

use anyhow::Result;
use serde_json::json;

use super::stage::Stage;
use crate::harness::condition;

#[tokio::test]
async fn a_private_address_is_not_tried_unless_the_operator_says_so() -> Result<()> {
    let stage = Stage::with("relay-private", &[]).await?;
    let story = &stage.story;
    story.quickstart_ready().await?;
    story.apply(&stage.relay(&json!({}))).await?;
    story.apply(&stage.subscription(&json!({}))).await?;
    stage.pod("app-1").await?;
    let relay = stage.run("app-1").await?;
    stage.point(&[&relay]);
    let message = story.reason("EventRelay", "shop", "Reachable", "ProbeFailed").await?;
    assert!(
        message.contains("private address 127.0.0.1") && message.contains("--probe-private-addresses"),
        "{message}"
    );
    // Who knows better skips it.
    story.patch("EventRelay", "shop", json!({"spec": {"reachability": {"probe": "Skip"}}})).await?;
    story.ready("EventSubscription", "relayed").await?;
    story.reason("EventRelay", "shop", "Reachable", "ProbeSkipped").await?;
    stage.arrives(&stage.sms().await?).await
}

#[tokio::test]
async fn without_gateway_api_a_route_says_so_and_an_ingress_waits_for_its_controller() -> Result<()> {
    let stage = Stage::begin("relay-routes").await?;
    let story = &stage.story;
    let route = json!({"type": "HTTPRoute", "url": null,
        "httpRoute": {"parentRefs": [{"name": "public"}], "hostname": "events.shop.example"}});
    story.apply(&stage.relay(&json!({"spec": {"reachability": route}}))).await?;
    stage.pod("app-1").await?;
    let _relay = stage.run("app-1").await?;
    let message = story.reason("EventRelay", "shop", "Reachable", "GatewayApiMissing").await?;
    assert!(message.contains("gateway.networking.k8s.io"), "{message}");
    // A route that cannot be made keeps the relay from nothing.
    story.until(("EventRelay", "shop"), "Deployed", |object| condition(object, "Deployed").0 == "True").await?;

    let ingress = json!({"type": "Ingress", "httpRoute": null, "probe": "Skip",
        "ingress": {"hostname": "events.shop.example", "className": "public", "annotations": {"example.com/a": "b"}}});
    story.patch("EventRelay", "shop", json!({"spec": {"reachability": ingress}})).await?;
    story.reason("EventRelay", "shop", "Reachable", "RouteNotAccepted").await?;
    let made = story.object("Ingress", "shop-relay").await?.unwrap();
    assert_eq!(made["metadata"]["annotations"]["example.com/a"], json!("b"));
    let paths = &made["spec"]["rules"][0]["http"]["paths"];
    assert_eq!((&paths[0]["path"], paths.as_array().map(Vec::len)), (&json!("/v1/events"), Some(1)));
    let given = json!({"status": {"loadBalancer": {"ingress": [{"ip": "20.50.1.1"}]}}});
    let api = story.api("Ingress");
    api.patch_status("shop-relay", &kube::api::PatchParams::default(), &kube::api::Patch::Merge(given)).await?;
    story.reason("EventRelay", "shop", "Reachable", "ProbeSkipped").await?;
    let object = story.ready("EventRelay", "shop").await?;
    assert_eq!(object["status"]["url"], json!("https://events.shop.example"));

    let back = json!({"type": "URL", "ingress": null, "url": stage.front.url()});
    story.patch("EventRelay", "shop", json!({"spec": {"reachability": back}})).await?;
    story.ready("EventRelay", "shop").await?;
    assert_eq!(story.object("Ingress", "shop-relay").await?, None);
    Ok(())
}
