//! Where these stories play: policies installed once, a namespace each, relays with a published injection.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use testbed::cluster::{Output, TestNamespace};
use testbed::{Cluster, wait_for_some};
use tokio::sync::OnceCell;

use crate::harness::{SOON, cluster};

/// Name of the release with the policies, and of its namespace.
pub(crate) const RELEASE: &str = "injection";

static POLICIES: OnceCell<()> = OnceCell::const_new();

/// The chart's policies, by the real helm, which asks the API server what it serves. They are cluster-scoped, and mind nothing but
/// labelled pods.
pub(crate) async fn policies() -> Result<&'static Cluster> {
    let cluster = cluster().await?;
    POLICIES.get_or_try_init(|| install(cluster)).await?;
    Ok(cluster)
}

async fn install(cluster: &'static Cluster) -> Result<()> {
    let chart = testbed::stack::repository()?.join("charts/acs-operator");
    let chart = chart.to_str().context("the path of the chart is not UTF-8")?;
    let values = "replicas=0,crds.install=false,rbac.create=false,rbac.aggregate.view=false,rbac.aggregate.edit=false";
    let args = ["upgrade", "--install", RELEASE, chart, "-n", RELEASE, "--create-namespace", "--set", values];
    cluster.helm(args).await?.ok()?;
    // The API server takes up policies some time after it was given them.
    let place = Place { cluster, namespace: cluster.namespace("injection-probe").await? };
    place.relay("shop").await?;
    wait_for_some("the policies to be in force", SOON, || async {
        let refused = !place.try_pod(&labelled("shpo")).await.ok()?.success();
        let injected = place.dry_run(&labelled("shop")).await.is_ok_and(|pod| relay_container(&pod).is_some());
        (refused && injected).then_some(())
    })
    .await
}

/// A namespace with the policies in force.
pub(crate) struct Place {
    pub(crate) cluster: &'static Cluster,
    pub(crate) namespace: TestNamespace,
}

impl Place {
    pub(crate) async fn new() -> Result<Self> {
        let cluster = policies().await?;
        Ok(Self { cluster, namespace: cluster.namespace("injection").await? })
    }

    /// A relay with placement Sidecar whose injection is the golden one. Returns when admission sees it.
    pub(crate) async fn relay(&self, name: &str) -> Result<()> {
        self.relay_with(name, &golden("injection")?).await?;
        wait_for_some("admission to see the relay", SOON, || async { self.dry_run(&labelled(name)).await.ok() })
            .await
            .map(drop)
    }

    /// A relay with placement Sidecar and that injection, which is one of the relay `shop`: its volumes are named anew.
    pub(crate) async fn relay_with(&self, name: &str, injection: &Value) -> Result<()> {
        let injection: Value = serde_json::from_str(&injection.to_string().replace("shop-", &format!("{name}-")))?;
        self.bare_relay(name, "Sidecar").await?;
        let status = json!({"status": {"injection": injection}});
        let relays = self.relays().await?;
        relays.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await?;
        Ok(())
    }

    /// A relay of which no operator has taken notice.
    pub(crate) async fn bare_relay(&self, name: &str, placement: &str) -> Result<()> {
        let http = json!({"port": 8080, "path": "/events", "service": {"name": "app"}});
        let relay = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "EventRelay", "metadata": {"name": name},
            "spec": {"placement": {"type": placement}, "reachability": {"type": "URL", "url": "https://events.shop.example"},
                "routes": [{"name": "orders", "eventTypes": ["Microsoft.Communication.SMSReceived"],
                    "target": {"type": "HTTP", "http": http}}]}});
        self.relays().await?.create(&PostParams::default(), &serde_json::from_value(relay)?).await?;
        Ok(())
    }

    async fn relays(&self) -> Result<Api<DynamicObject>> {
        let kind = GroupVersionKind::gvk(acs_wire::GROUP, acs_wire::VERSION, "EventRelay");
        let resource = ApiResource::from_gvk_with_plural(&kind, "eventrelays");
        Ok(Api::namespaced_with(self.cluster.client().await?, &self.namespace, &resource))
    }

    /// The manifest as the server would keep it.
    pub(crate) async fn dry_run(&self, manifest: &Value) -> Result<Value> {
        Ok(serde_json::from_str(&self.create(manifest, &["--dry-run=server"]).await?.ok()?)?)
    }

    pub(crate) async fn try_pod(&self, manifest: &Value) -> Result<Output> {
        self.create(manifest, &["--dry-run=server"]).await
    }

    /// Creates it for good.
    pub(crate) async fn keep(&self, manifest: &Value) -> Result<Value> {
        Ok(serde_json::from_str(&self.create(manifest, &[]).await?.ok()?)?)
    }

    async fn create(&self, manifest: &Value, more: &[&str]) -> Result<Output> {
        let args = ["create", "-n", &self.namespace, "-o", "json", "-f", "-"].into_iter().chain(more.iter().copied());
        self.cluster.kubectl_with_input(args, &manifest.to_string()).await
    }

    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let args = ["-n", &self.namespace].into_iter().chain(arguments.iter().copied());
        self.cluster.kubectl(args).await?.ok()
    }
}

pub(crate) fn golden_folder() -> Result<PathBuf> {
    Ok(testbed::stack::repository()?.join("src/core/relay/golden"))
}

/// A golden file: manifests as users write them, and what the pure function makes of them for the relay `shop`.
pub(crate) fn golden(name: &str) -> Result<Value> {
    let path = golden_folder()?.join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_saphyr::from_str(&text).with_context(|| path.display().to_string())
}

/// Names of the golden inputs that begin so.
pub(crate) fn golden_names(prefix: &str) -> Result<Vec<String>> {
    let files = std::fs::read_dir(golden_folder()?)?.flatten();
    let names = files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".yaml")?.to_owned()));
    let mut names: Vec<_> = names.filter(|name| name.starts_with(prefix) && !name.ends_with(".injected")).collect();
    names.sort();
    ensure!(!names.is_empty(), "no golden file begins with {prefix}");
    Ok(names)
}

pub(crate) fn labelled(relay: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app", "labels": {acs_wire::relay::LABEL: relay}},
        "spec": {"containers": [{"name": "app", "image": "registry.example/shop:1"}]}})
}

pub(crate) fn relay_container(pod: &Value) -> Option<&Value> {
    let containers = pod["spec"]["initContainers"].as_array()?;
    containers.iter().find(|container| container["name"] == acs_wire::relay::CONTAINER)
}
