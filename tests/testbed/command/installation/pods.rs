//! Operator, relay and app as pods: images from the programs beside this one, and the chart as its users install it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use testbed::{AzureSim, Cluster, Image, binaries, stack, wait_for};

use super::{Installation, Options, RELEASE, VARIABLES, for_relays};
use crate::command::show::Show;

/// Tag of every image.
const TAG: &str = "e2e";
/// What becomes an image, by the name of the program.
const PROGRAMS: [&str; 3] = ["acs-operator", "acs-relay", "sample-app"];
const OPERATOR: [&str; 4] = ["-n", RELEASE, "-l", "app.kubernetes.io/name=acs-operator"];

/// Name of the image of a program.
pub(crate) fn image(program: &str) -> String {
    Image::new(program, TAG).name().to_owned()
}

/// Brings the images onto the node, and installs the chart with nothing of it left out.
pub(super) async fn install(show: &mut Show, all: &Installation, options: &Options) -> Result<()> {
    let images = async {
        for program in PROGRAMS {
            all.cluster.import(&Image::new(program, TAG).program(&binaries::workspace(program)?)?).await?;
        }
        anyhow::Ok(())
    };
    show.step(&format!("images of {}", PROGRAMS.join(", ")), images).await?;
    let values = all.cluster.dir().join("values.json");
    fs::write(&values, values_of(&all.azure, options).to_string()).context("writing the chart's values")?;
    show.step("helm install acs-operator charts/acs-operator", Box::pin(helm(&all.cluster, &all.azure, &values))).await
}

/// Only where images and Azure are differs from what a user would set.
fn values_of(azure: &AzureSim, options: &Options) -> serde_json::Value {
    let variable = |name: &str| json!({"name": name, "value": azure.environment().get(name)});
    let trust = json!({"name": "SSL_CERT_FILE", "value": "/azure/ca.crt"});
    let environment = VARIABLES.iter().filter(|name| **name != "SSL_CERT_FILE").map(|name| variable(name));
    let mut arguments = vec![format!("--timings-permille={}", options.permille)];
    arguments.extend(for_relays(azure).map(str::to_owned));
    json!({
        "image": {"registry": "node.local", "repository": "acs-operator", "tag": TAG},
        "relay": {"image": {"registry": "node.local", "repository": "acs-relay", "tag": TAG}},
        "logFormat": "text",
        "crds": {"keep": false},
        "extraArgs": arguments,
        "extraEnv": environment.chain([trust]).collect::<Vec<_>>(),
        "extraVolumes": [{"name": "azure", "configMap": {"name": "azure"}}],
        "extraVolumeMounts": [{"name": "azure", "mountPath": "/azure", "readOnly": true}],
    })
}

async fn helm(cluster: &Cluster, azure: &AzureSim, values: &Path) -> Result<()> {
    let chart = stack::repository()?.join("charts/acs-operator");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": RELEASE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let ca = fs::read_to_string(azure.ca()).context("reading the simulator's authority")?;
    let trust = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "azure", "namespace": RELEASE},
        "data": {"ca.crt": ca}});
    cluster.apply(&format!("{namespace}\n---\n{trust}")).await?;
    let chart = chart.to_str().context("the path of the chart is not UTF-8")?;
    let values = values.to_str().context("the path of the values is not UTF-8")?;
    let args = ["install", RELEASE, chart, "-n", RELEASE, "--values", values, "--wait", "--timeout", "120s"];
    cluster.helm(args).await?.ok().map(drop)
}

/// Kills the operator's container with all that runs in it, as the kernel would for want of memory.
pub(super) async fn kill(cluster: &Cluster) -> Result<String> {
    let args = [&["get", "pods", "-o", "jsonpath={.items[0].metadata.name}"][..], &OPERATOR].concat();
    let pod = cluster.kubectl(args).await?.ok()?;
    for process in cluster.container_processes(RELEASE, &pod, "operator").await? {
        let process = nix::unistd::Pid::from_raw(i32::try_from(process)?);
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).context("killing the operator")?;
    }
    Ok(format!("kill -9 of the operator's container in pod {pod}"))
}

/// Waits until the killed container runs again and leads.
pub(super) async fn wait_until_back(cluster: &Cluster) -> Result<()> {
    let restarted =
        "jsonpath={.items[0].status.containerStatuses[0].restartCount} {.items[0].status.containerStatuses[0].ready}";
    wait_for("the operator's pod to be ready again", Duration::from_secs(60), || async {
        let args = [&["get", "pods", "-o", restarted][..], &OPERATOR].concat();
        let Ok(Ok(seen)) = cluster.kubectl(args).await.map(testbed::cluster::Output::ok) else { return false };
        seen.split_once(' ').is_some_and(|(count, ready)| count != "0" && ready.trim() == "true")
    })
    .await
}
