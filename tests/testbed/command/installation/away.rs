//! A cluster that somebody uses: nothing of theirs is taken for ours, and nothing of ours stays.

use anyhow::{Context, Result, bail, ensure};
use kube::Client;
use testbed::Cluster;

use super::{RELEASE, is_given};
use crate::command::NAMESPACES;
use crate::command::objects::{self, PLURALS, text};

/// # Errors
/// When the cluster has what this would bring.
pub(super) async fn refuse_leftovers(cluster: &Cluster, client: &Client) -> Result<()> {
    if !is_given(cluster) {
        return Ok(());
    }
    for namespace in NAMESPACES.into_iter().chain([RELEASE]) {
        if objects::namespace_exists(client, namespace).await? {
            bail!("the cluster has a namespace {namespace} already; delete it first, or use another cluster");
        }
    }
    let kinds = cluster.kubectl(["get", "crds", "-o", "name"]).await?.ok()?;
    if let Some(kind) = kinds.lines().find(|line| line.ends_with(acs_wire::GROUP)) {
        bail!("the cluster has {kind} already, so perhaps an operator that is in use; use another cluster");
    }
    Ok(())
}

/// Takes out everything: namespaces while the operator can still drain them, then the release with its CRDs, then its namespace.
/// Goes on after a failure, and tells all of them.
pub(super) async fn take_out(cluster: &Cluster, client: &Client, namespaces: &[&str]) -> Result<()> {
    let mut left = Vec::new();
    for namespace in namespaces {
        let args = ["delete", "namespace", namespace, "--ignore-not-found", "--timeout=60s"];
        if cluster.kubectl(args).await?.success() {
            continue;
        }
        // An operator that is broken drains nothing, and the simulated Azure ends with this program.
        release(cluster, client, namespace).await.context("releasing what is held in Azure")?;
        left.extend(cluster.kubectl(args).await?.ok().err().map(|error| format!("{error:#}")));
    }
    let uninstalled = cluster.helm(["uninstall", RELEASE, "-n", RELEASE, "--ignore-not-found", "--wait"]).await?;
    left.extend(uninstalled.ok().err().map(|error| format!("{error:#}")));
    let args = ["delete", "namespace", RELEASE, "--ignore-not-found", "--timeout=60s"];
    left.extend(cluster.kubectl(args).await?.ok().err().map(|error| format!("{error:#}")));
    ensure!(left.is_empty(), "left in the cluster: {}", left.join("; "));
    Ok(())
}

/// Takes our finalizer from everything that has one.
async fn release(cluster: &Cluster, client: &Client, namespace: &str) -> Result<()> {
    let none = r#"{"metadata":{"finalizers":null}}"#;
    for plural in PLURALS.into_iter().map(|plural| format!("{plural}.{}", acs_wire::GROUP)) {
        let short = plural.split('.').next().unwrap_or_default();
        for object in objects::list(client, Some(namespace), short).await? {
            let name = text(&object, "/metadata/name").to_owned();
            let args = ["-n", namespace, "patch", &plural, &name, "--type=merge", "-p", none];
            cluster.kubectl(args).await?;
        }
    }
    let secrets = cluster.kubectl(["-n", namespace, "get", "secrets", "-o", "name"]).await?.ok()?;
    for secret in secrets.lines() {
        cluster.kubectl(["-n", namespace, "patch", secret, "--type=merge", "-p", none]).await?;
    }
    Ok(())
}
