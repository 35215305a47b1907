//! A relay behind a Gateway: the real API server, with Gateway API's own CRDs, takes the route. No gateway runs here: the test
//! writes into the status what a gateway's controller would, and a front that ends TLS stands where its listener would be.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use testbed::front::Front;
use testbed::{wait_for, wait_for_some};

use super::stage::Stage;
use crate::harness::{SOON, cluster_with_gateways, condition, writes};

const CONTROLLER: &str = "gateways.example/controller";
/// The one name that leads to this machine without anybody's DNS.
const HOSTNAME: &str = "localhost";

async fn begin(prefix: &str) -> Result<Stage> {
    Stage::on(cluster_with_gateways().await?, prefix, &["--probe-private-addresses"]).await
}

fn gateway(name: &str) -> Value {
    let tls = json!({"mode": "Terminate", "certificateRefs": [{"name": "public"}]});
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": name},
        "spec": {"gatewayClassName": "public",
            "listeners": [{"name": "https", "port": 443, "protocol": "HTTPS", "tls": tls}]}})
}

fn behind(parents: &Value, hostname: &str) -> Value {
    json!({"spec": {"reachability": {"type": "HTTPRoute", "url": null,
        "httpRoute": {"parentRefs": parents, "hostname": hostname}}}})
}

/// Waits for the route in its newest form, and returns it.
async fn route(stage: &Stage, hostname: &str) -> Result<Value> {
    wait_for_some(&format!("the route for {hostname}"), SOON, || async {
        let route = stage.story.object("HTTPRoute", "shop-relay").await.ok()??;
        (route["spec"]["hostnames"] == json!([hostname])).then_some(route)
    })
    .await
}

/// One condition of a route or a listener, about that generation.
fn says(type_: &str, status: &str, reason: &str, message: &str, generation: &Value) -> Value {
    json!({"type": type_, "status": status, "reason": reason, "message": message, "observedGeneration": generation,
        "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

fn parent_says(parent: &Value, conditions: &[Value]) -> Value {
    json!({"parentRef": parent, "controllerName": CONTROLLER, "conditions": conditions})
}

/// What a controller says of the route for one parent, and for no other.
async fn controller_says(stage: &Stage, parent: &Value, conditions: &[Value]) -> Result<()> {
    let parents = json!([parent_says(parent, conditions)]);
    write_status(stage, "HTTPRoute", "shop-relay", &json!({"status": {"parents": parents}})).await
}

async fn write_status(stage: &Stage, kind: &str, name: &str, status: &Value) -> Result<()> {
    let api = stage.story.api(kind);
    let written = api.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await;
    written.with_context(|| format!("writing the status of {kind} {name}")).map(drop)
}

/// Waits until the relay's condition has these words.
async fn reachable_says(stage: &Stage, words: &str) -> Result<()> {
    let relay = ("EventRelay", "shop");
    let said = stage.story.until(relay, words, |object| condition(object, "Reachable").2.contains(words));
    said.await.map(drop)
}

/// A front at the public port of the name. None where only others may listen there: ports below 1024 may be reserved for root.
async fn front(stage: &Stage) -> Result<Option<Front>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 443));
    let busy = |error: &anyhow::Error, kind: std::io::ErrorKind| {
        error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == kind)
    };
    // Another run of these stories on this machine may have it for a moment.
    wait_for_some("port 443 of localhost to be free", SOON * 2, || async {
        match Front::start_at(&stage.story.stack.azure, HOSTNAME, address).await {
            Err(error) if busy(&error, std::io::ErrorKind::AddrInUse) => None,
            Err(error) if busy(&error, std::io::ErrorKind::PermissionDenied) => Some(Ok(None)),
            other => Some(other.map(Some)),
        }
    })
    .await?
}

#[tokio::test]
async fn a_route_that_the_gateway_takes_leads_to_a_subscription() -> Result<()> {
    let stage = begin("gateway").await?;
    let story = &stage.story;
    story.quickstart_ready().await?;
    story.apply(&gateway("public")).await?;
    let parent = json!({"name": "public", "sectionName": "https"});
    story.apply(&stage.relay(&behind(&json!([parent]), HOSTNAME))).await?;
    story.apply(&stage.subscription(&json!({}))).await?;
    stage.pod("app-1").await?;
    let relay = stage.run("app-1").await?;
    let before = story.mark().await?;

    let made = route(&stage, HOSTNAME).await?;
    let rule = &made["spec"]["rules"][0];
    assert_eq!(made["spec"]["rules"].as_array().map(Vec::len), Some(1));
    assert_eq!(rule["matches"], json!([{"path": {"type": "PathPrefix", "value": "/v1/events"}}]));
    let backend = &rule["backendRefs"][0];
    assert_eq!(
        (&backend["name"], &backend["port"], &backend["kind"]),
        (&json!("shop-relay"), &json!(80), &json!("Service"))
    );
    reachable_says(&stage, "No controller has said anything of the HTTPRoute for Gateway public yet").await?;

    // A word about an earlier form of the route is none about this one.
    let generation = made["metadata"]["generation"].clone();
    let took = |generation: &Value| ["Accepted", "ResolvedRefs"].map(|it| says(it, "True", it, "", generation));
    controller_says(&stage, &parent, &took(&json!(0))).await?;
    reachable_says(&stage, "Gateway public has not said Accepted yet").await?;
    controller_says(&stage, &parent, &took(&generation)[..1]).await?;
    reachable_says(&stage, "Gateway public has not said ResolvedRefs yet").await?;
    assert_eq!(writes(&story.journal(before).await?), [""; 0], "Azure was told of a route that nobody took");

    let programmed = says("Programmed", "True", "Programmed", "", &json!(1));
    write_status(&stage, "Gateway", "public", &json!({"status": {"conditions": [programmed]}})).await?;
    controller_says(&stage, &parent, &took(&generation)).await?;
    let Some(front) = front(&stage).await? else {
        println!(
            "left out: nobody but root may listen on port 443 here, so that nothing leads from the route to the relay"
        );
        return Ok(());
    };
    story.reason("EventRelay", "shop", "Reachable", "ProbeFailed").await?;
    front.point_at(&[relay.events()]);
    story.ready("EventSubscription", "relayed").await?;
    let object = story.ready("EventRelay", "shop").await?;
    assert_eq!(
        (&object["status"]["url"], &object["status"]["handshake"]["granted"]),
        (&json!("https://localhost"), &json!(true))
    );
    stage.arrives(&stage.sms().await?).await
}

#[tokio::test]
async fn a_route_that_is_refused_says_why_follows_its_hostname_and_goes_with_the_relay() -> Result<()> {
    let stage = begin("gateway-no").await?;
    let story = &stage.story;
    let infra = story.cluster.namespace("infra").await?;
    let parent = json!({"name": "public", "namespace": infra.name()});
    let relay = stage.relay(&behind(&json!([parent]), "events.shop.example"));
    story.apply(&relay).await?;
    stage.pod("app-1").await?;
    let _relay = stage.run("app-1").await?;
    let made = route(&stage, "events.shop.example").await?;
    assert_eq!(made["spec"]["parentRefs"][0]["namespace"], json!(infra.name()));
    // A Gateway of the same name in this namespace is another one.
    let (kind, generation) = ("Accepted", made["metadata"]["generation"].clone());
    let near = json!({"name": "public", "namespace": story.namespace()});
    let took = ["Accepted", "ResolvedRefs"].map(|it| says(it, "True", it, "", &generation));
    let why = "the listener takes no routes from this namespace";
    let refused = says(kind, "False", "NotAllowedByListeners", why, &generation);
    let both = json!([parent_says(&near, &took), parent_says(&parent, &[refused])]);
    write_status(&stage, "HTTPRoute", "shop-relay", &json!({"status": {"parents": both}})).await?;
    reachable_says(&stage, &format!("Gateway public says Accepted=False (NotAllowedByListeners): {why}")).await?;
    story.reason("EventRelay", "shop", "Reachable", "RouteNotAccepted").await?;
    let unresolved = says("ResolvedRefs", "False", "BackendNotFound", "no Service shop-relay", &generation);
    controller_says(&stage, &parent, &[says(kind, "True", kind, "", &generation), unresolved]).await?;
    reachable_says(&stage, "ResolvedRefs=False (BackendNotFound): no Service shop-relay").await?;

    // Another hostname is another generation, of which nobody has said anything.
    story.apply(&stage.relay(&behind(&json!([parent]), "calls.shop.example"))).await?;
    let made = route(&stage, "calls.shop.example").await?;
    assert_ne!(made["metadata"]["generation"], generation);
    reachable_says(&stage, "Gateway public has not said Accepted yet").await?;
    story
        .until(("EventRelay", "shop"), "the new URL", |object| {
            object["status"]["url"] == json!("https://calls.shop.example")
        })
        .await?;

    // Nothing but the owner reference takes it away: the operator is not there.
    stage.operator.process().pause();
    let owner = &made["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["controller"]), (&json!("EventRelay"), &json!(true)));
    let uid = owner["uid"].clone();
    assert_eq!(uid, story.object("EventRelay", "shop").await?.context("no relay")?["metadata"]["uid"]);
    story.patch("EventRelay", "shop", json!({"metadata": {"finalizers": []}})).await?;
    story.delete("EventRelay", "shop").await?;
    wait_for("the route to be collected", SOON, || async {
        story.object("HTTPRoute", "shop-relay").await.is_ok_and(|route| route.is_none())
    })
    .await?;
    stage.operator.process().resume();
    Ok(())
}

#[tokio::test]
async fn what_a_relay_may_ask_for_gateway_api_takes_and_what_it_refuses_is_refused_before() -> Result<()> {
    let stage = begin("gateway-odd").await?;
    let story = &stage.story;
    for hostname in ["events.shop.example", "a", "xn--bcher-kva.example", "1.example"] {
        // As many parents as may be named, each in one of the forms there are.
        let parents: Vec<Value> = (0..8)
            .map(|number| match number % 3 {
                0 => json!({"name": format!("public-{number}")}),
                1 => json!({"name": "public", "sectionName": format!("https-{number}")}),
                _ => json!({"name": format!("public-{number}"), "namespace": "infra"}),
            })
            .collect();
        story.apply(&stage.relay(&behind(&json!(parents), hostname))).await?;
        let made = route(&stage, hostname).await?;
        assert_eq!(made["spec"]["parentRefs"].as_array().map(Vec::len), Some(8), "{hostname}");
    }
    // What the route's own rules refuse is refused where it is written.
    let twice = json!([{"name": "public"}, {"name": "public", "sectionName": "https"}]);
    let refused = story.apply(&stage.relay(&behind(&twice, "events.shop.example"))).await;
    let error = format!("{:#}", refused.err().context("the same Gateway twice was taken")?);
    assert!(error.contains("`parentRefs` must each name another Gateway"), "{error}");
    let mut made = route(&stage, "1.example").await?;
    made["metadata"] = json!({"name": "other"});
    made["spec"]["parentRefs"] = twice;
    let refused = story.apply(&made).await;
    let error = format!("{:#}", refused.err().context("Gateway API took the same Gateway twice")?);
    assert!(error.contains("sectionName must be specified"), "{error}");
    Ok(())
}
