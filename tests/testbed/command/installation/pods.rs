//! Operator, relay and app as pods, and the chart as its users install it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use serde_json::json;
use testbed::{AzureSim, Cluster, stack, wait_for};

use super::images::Images;
use super::{Installation, Options, RELEASE, VARIABLES, for_relays};
use crate::command::show::Show;

const LABEL: &str = "app.kubernetes.io/name=acs-operator";
const OPERATOR: [&str; 4] = ["-n", RELEASE, "-l", LABEL];

/// Installs the chart with nothing of it left out.
pub(super) async fn install(show: &mut Show, all: &Installation, images: &Images, options: &Options) -> Result<()> {
    let values = all.cluster.dir().join("values.json");
    let text = values_of(&all.azure, images, options).to_string();
    fs::write(&values, text).context("writing the chart's values")?;
    show.step("helm install acs-operator charts/acs-operator", Box::pin(helm(&all.cluster, &all.azure, &values))).await
}

/// Only where images and Azure are differs from what a user would set.
fn values_of(azure: &AzureSim, images: &Images, options: &Options) -> serde_json::Value {
    let variable = |name: &str| json!({"name": name, "value": azure.environment().get(name)});
    let trust = json!({"name": "SSL_CERT_FILE", "value": "/azure/ca.crt"});
    let environment = VARIABLES.iter().filter(|name| **name != "SSL_CERT_FILE").map(|name| variable(name));
    let mut arguments = vec![format!("--timings-permille={}", options.permille)];
    arguments.extend(for_relays(azure).map(str::to_owned));
    let image = |program: &str| json!({"registry": images.prefix(), "repository": program, "tag": images.tag()});
    json!({
        "image": image("acs-operator"),
        "relay": {"image": image("acs-relay")},
        "logFormat": "text",
        "crds": {"keep": false},
        "extraArgs": arguments,
        "extraEnv": environment.chain([trust]).collect::<Vec<_>>(),
        "extraVolumes": [{"name": "azure", "configMap": {"name": "azure"}}],
        "extraVolumeMounts": [{"name": "azure", "mountPath": "/azure", "readOnly": true}],
    })
}

/// The namespace of the release, with the strictest rules for its pods.
pub(super) async fn make_namespace(cluster: &Cluster) -> Result<()> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": RELEASE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    cluster.apply(&namespace.to_string()).await.map(drop)
}

async fn helm(cluster: &Cluster, azure: &AzureSim, values: &Path) -> Result<()> {
    let chart = stack::repository()?.join("charts/acs-operator");
    let ca = fs::read_to_string(azure.ca()).context("reading the simulator's authority")?;
    let trust = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "azure", "namespace": RELEASE},
        "data": {"ca.crt": ca}});
    cluster.apply(&trust.to_string()).await?;
    let chart = chart.to_str().context("the path of the chart is not UTF-8")?;
    let values = values.to_str().context("the path of the values is not UTF-8")?;
    let args = ["install", RELEASE, chart, "-n", RELEASE, "--values", values, "--wait", "--timeout", "120s"];
    cluster.helm(args).await?.ok().map(drop)
}

/// Kills the operator's container with all that runs in it, as the kernel would for want of memory. On a node that is not ours
/// only the API server can be asked: the pod is deleted without any grace, which kills it as well.
pub(super) async fn kill(cluster: &Cluster) -> Result<String> {
    let pod = pod(cluster).await?;
    if cluster.node().is_none() {
        // Not by kubectl: while that starts, Azure would be done.
        let pods: Api<Pod> = Api::namespaced(cluster.client().await?, RELEASE);
        pods.delete(&pod, &DeleteParams::default().grace_period(0)).await.context("deleting the operator's pod")?;
        return Ok(format!("kubectl -n {RELEASE} delete pod {pod} --force --grace-period=0"));
    }
    for process in cluster.container_processes(RELEASE, &pod, "operator").await? {
        let process = nix::unistd::Pid::from_raw(i32::try_from(process)?);
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).context("killing the operator")?;
    }
    Ok(format!("kill -9 of the operator's container in pod {pod}"))
}

async fn pod(cluster: &Cluster) -> Result<String> {
    let pods: Api<Pod> = Api::namespaced(cluster.client().await?, RELEASE);
    let found = pods.list(&ListParams::default().labels(LABEL)).await.context("looking for the operator's pod")?;
    found.items.into_iter().find_map(|pod| pod.metadata.name).context("the operator has no pod")
}

/// Waits until the killed container runs again, or another pod in its place, and leads. Returns what brought it back.
pub(super) async fn wait_until_back(cluster: &Cluster) -> Result<&'static str> {
    if cluster.node().is_none() {
        let args = ["-n", RELEASE, "rollout", "status", "deploy/acs-operator", "--timeout=90s"];
        cluster.kubectl(args).await?.ok()?;
        return Ok("its Deployment starts another");
    }
    let restarted =
        "jsonpath={.items[0].status.containerStatuses[0].restartCount} {.items[0].status.containerStatuses[0].ready}";
    wait_for("the operator's pod to be ready again", Duration::from_secs(60), || async {
        let args = [&["get", "pods", "-o", restarted][..], &OPERATOR].concat();
        let Ok(Ok(seen)) = cluster.kubectl(args).await.map(testbed::cluster::Output::ok) else { return false };
        seen.split_once(' ').is_some_and(|(count, ready)| count != "0" && ready.trim() == "true")
    })
    .await?;
    Ok("the kubelet starts it again")
}
