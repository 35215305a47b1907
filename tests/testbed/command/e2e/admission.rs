//! A labelled Deployment gets its relay, and events reach it over the network.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testbed::wait_for_some;

use super::super::installation::Installation;
use super::super::objects::text;
use super::super::quickstart::Quickstart;
use super::super::show::seconds;
use super::super::story::{OBJECTS, SHOP, Story};
use super::{PODS, pod, rollout};

pub(in super::super) async fn admit(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("The app gets its relay at admission, and Event Grid gets its endpoint");
    let example = example(story.all)?;
    story.show.did(&format!("kubectl -n {SHOP} apply -f examples/relay/"));
    story.show.detail("a copy with the name of the image here; events.shop.example is a front on this machine that ends TLS, as no gateway runs here");
    let started = Instant::now();
    let folder = example.folder().display().to_string();
    story.all.cluster.kubectl(["-n", SHOP, "apply", "-f", &folder]).await?.ok()?;
    story.all.front.point_at(&[service_address(story.all, "shop-relay").await?]);
    rollout(story, "app").await?;
    rollout(story, "back-office").await?;
    story.until_so_many_ready(SHOP, OBJECTS + 2).await?;
    let claim = format!("relay and event subscription are Ready after {}", seconds(started.elapsed()));
    story.show.check(&claim, true, String::new);
    look_at_the_pod(story).await?;
    misspell(story).await
}

fn image(all: &Installation) -> Result<String> {
    all.image("sample-app").context("nothing of this project can run in pods here")
}

/// A copy of the example with the names that things have here.
pub(in super::super) fn example(all: &Installation) -> Result<Quickstart> {
    let example = Quickstart::copy_relay(all.cluster.dir().join("relay"))?;
    example.edit("10-relay.yaml", "https://events.shop.example", &all.front.url())?;
    for _ in 0..2 {
        example.edit("30-app.yaml", "ghcr.io/acs-operator/sample-app:0.1.0", &image(all)?)?;
    }
    Ok(example)
}

/// Where a relay's Service is reached from this machine.
pub(in super::super) async fn service_address(all: &Installation, name: &str) -> Result<SocketAddr> {
    let found = wait_for_some("the relay's Service", PODS, || async {
        let args = ["-n", SHOP, "get", "service", name, "-o", "json"];
        let service: Value = serde_json::from_str(&all.cluster.kubectl(args).await.ok()?.ok().ok()?).ok()?;
        let ports = service.pointer("/spec/ports")?.as_array()?.clone();
        let events = ports.iter().find(|port| text(port, "/name") == "events")?;
        let port = events.get("port").and_then(Value::as_u64)?;
        format!("{}:{port}", text(&service, "/spec/clusterIP")).parse().ok()
    });
    let own = found.await.context("waiting for the relay's Service")?;
    all.service_address(SHOP, name, own).await
}

async fn look_at_the_pod(story: &mut Story<'_>) -> Result<()> {
    let pod = pod(story.all, "app").await?;
    let first = pod.pointer("/spec/initContainers/0").cloned().unwrap_or_default();
    let native = text(&first, "/name") == "acs-relay" && text(&first, "/restartPolicy") == "Always";
    story.show.check("the relay is the first container, a native sidecar", native, || first.to_string());
    let status = |list: &str, name: &str| {
        let statuses = pod.pointer(list).and_then(Value::as_array).into_iter().flatten();
        statuses.clone().find(|status| text(status, "/name") == name).cloned().unwrap_or_default()
    };
    let relay = status("/status/initContainerStatuses", "acs-relay");
    let app = status("/status/containerStatuses", "app");
    let since = |status: &Value| text(status, "/state/running/startedAt").to_owned();
    let before = !since(&relay).is_empty() && since(&relay) <= since(&app);
    story.show.check("it started before the app", before, || format!("relay {}, app {}", since(&relay), since(&app)));
    let token = "/var/run/secrets/kubernetes.io/serviceaccount";
    let mounts = first.get("volumeMounts").and_then(Value::as_array).cloned().unwrap_or_default();
    let over = mounts.iter().find(|mount| text(mount, "/mountPath") == token).cloned().unwrap_or_default();
    let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array).cloned().unwrap_or_default();
    let empty = volumes.iter().any(|it| text(it, "/name") == text(&over, "/name") && it.get("emptyDir").is_some());
    story.show.check("no token of Kubernetes is in it", empty, || Value::from(mounts).to_string());
    Ok(())
}

/// A label that names no relay must not start an app without one.
async fn misspell(story: &mut Story<'_>) -> Result<()> {
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "misspelt", "namespace": SHOP, "labels": {"acs-operator.dev/relay": "shoop"}},
        "spec": {"containers": [{"name": "app", "image": image(story.all)?}]}});
    story.show.did("kubectl apply -f -   of a pod with the label acs-operator.dev/relay: shoop");
    let answer = story.all.cluster.kubectl_with_input(["apply", "-f", "-"], &pod.to_string()).await?;
    let denied = !answer.success() && answer.stderr.contains("shoop");
    story.show.check("a misspelt name is denied, and the sentence names it", denied, || answer.stderr.clone());
    if denied {
        story.show.detail(answer.stderr.lines().last().unwrap_or_default());
    }
    Ok(())
}
