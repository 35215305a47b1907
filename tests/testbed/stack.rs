//! The whole stack for one namespace: the simulator, and the operator with exactly the rights that the chart gives it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{AzureSim, Cluster, Operator, TestNamespace, azure_sim, binaries, operator, wait_for_some};

/// Name of the Secret with the client secret, and of its key, in [`Stack::account`].
pub const CLIENT_SECRET: (&str, &str) = ("azure", "clientSecret");

/// How to start a stack.
#[derive(Clone, Debug)]
pub struct Options {
    /// Options of the simulator.
    pub azure: azure_sim::Options,
    /// Scale of the operator's durations, in thousandths.
    pub permille: u64,
    /// The cluster's name in owner tags.
    pub cluster_id: String,
    /// Further arguments of the operator.
    pub args: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            azure: azure_sim::Options { profile: Some("instant".to_owned()), ..azure_sim::Options::default() },
            permille: 20,
            cluster_id: "testbed".to_owned(),
            args: Vec::new(),
        }
    }
}

/// The simulator and an operator that watches one namespace.
#[derive(Debug)]
pub struct Stack {
    /// The namespace that is watched.
    pub namespace: TestNamespace,
    /// Where the operator would run: its ServiceAccount and its Lease outlive the watched namespace.
    pub home: TestNamespace,
    /// Azure.
    pub azure: AzureSim,
    /// How the operator is started; a second one starts with another identity.
    pub operator_options: operator::Options,
}

/// Installs the CRDs and the users' roles once for a cluster; each stack then brings its own rights.
///
/// # Errors
/// When kubectl refuses.
pub async fn install_crds(cluster: &Cluster) -> Result<()> {
    let crds = repository()?.join("crds");
    let path = crds.to_str().context("the path of the CRDs is not UTF-8")?;
    cluster.kubectl(["apply", "--server-side", "--force-conflicts", "-f", path]).await?.ok()?;
    let all = ["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"];
    cluster.kubectl(all).await?.ok().map(drop)
}

/// Installs the CRDs of Gateway API, and waits until they are served.
///
/// # Errors
/// When they cannot be had, or kubectl refuses.
pub async fn install_gateway_api(cluster: &Cluster) -> Result<()> {
    let crds = tokio::task::spawn_blocking(crate::parts::gateway_api).await??;
    let path = crds.to_str().context("the path of the CRDs of Gateway API is not UTF-8")?;
    cluster.kubectl(["apply", "--server-side", "-f", path]).await?.ok()?;
    let all = ["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"];
    cluster.kubectl(all).await?.ok().map(drop)
}

/// Root of this repository: the folder with `charts`.
///
/// # Errors
/// When this program runs far from it.
pub fn repository() -> Result<PathBuf> {
    let built_in = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let here = std::env::current_dir()?;
    let mut candidates = here.ancestors().chain(built_in.ancestors());
    candidates
        .find(|folder| folder.join("charts/acs-operator/Chart.yaml").is_file())
        .map(std::path::Path::to_owned)
        .context("charts/acs-operator was not found: run this inside the repository")
}

impl Stack {
    /// A namespace, Azure, and the rights; no operator yet.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn prepare(cluster: &Cluster, prefix: &str, options: Options) -> Result<Self> {
        let namespace = cluster.namespace(prefix).await?;
        let home = cluster.namespace(&format!("{prefix}-operator")).await?;
        let azure = AzureSim::start(&binaries::workspace("azure-sim")?, options.azure.clone()).await?;
        install_rights(cluster, &home, &namespace).await?;
        let kubeconfig = cluster.service_account_kubeconfig(&home, "acs-operator").await?;
        let logs = cluster.dir().join(format!("logs-{}", &*namespace));
        std::fs::create_dir_all(&logs)?;
        let mut args: Vec<String> = [
            ("--watch-namespace", namespace.to_string()),
            ("--role-binding", "acs-operator".to_owned()),
            ("--lease-namespace", home.to_string()),
            ("--cluster-id", options.cluster_id.clone()),
            ("--timings-permille", options.permille.to_string()),
            ("--log-format", "text".to_owned()),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect();
        args.extend(options.args.clone());
        let environment: BTreeMap<_, _> = azure.environment().clone();
        let operator_options = operator::Options { kubeconfig, logs, environment, args, identity: None };
        Ok(Self { namespace, home, azure, operator_options })
    }

    /// Starts an operator. A second one gets another name.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_operator(&self, identity: &str) -> Result<Operator> {
        let options = operator::Options { identity: Some(identity.to_owned()), ..self.operator_options.clone() };
        Operator::start(&binaries::workspace("acs-operator")?, options)
    }

    /// Starts an operator and waits until it is ready.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn run_operator(&self) -> Result<Operator> {
        let operator = self.start_operator("operator")?;
        operator.wait_ready(Duration::from_secs(30)).await?;
        Ok(operator)
    }

    /// YAML of the account `default` with a client secret, and of that Secret.
    pub fn account(&self) -> String {
        let variable = |name: &str| self.azure.environment().get(name).cloned().unwrap_or_default();
        let (secret, key) = CLIENT_SECRET;
        let objects = [
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret, "namespace": *self.namespace},
                   "stringData": {key: variable("AZURE_CLIENT_SECRET")}}),
            json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "AzureAccount",
                   "metadata": {"name": "default", "namespace": *self.namespace},
                   "spec": {"subscriptionId": self.azure.subscription_id(), "tenantId": self.azure.tenant_id(),
                            "resourceGroup": "rg-shop",
                            "identity": {"type": "ServicePrincipal", "servicePrincipal": {
                                "clientId": variable("AZURE_CLIENT_ID"), "secretRef": {"name": secret, "key": key}}}}}),
        ];
        objects.map(|object| object.to_string()).join("\n---\n")
    }

    /// An object of this namespace, as kubectl prints it; none if it is gone.
    ///
    /// # Errors
    /// When kubectl fails otherwise.
    pub async fn get(&self, cluster: &Cluster, kind: &str, name: &str) -> Result<Option<Value>> {
        let args = ["get", kind, name, "-n", &self.namespace, "-o", "json", "--ignore-not-found"];
        let text = cluster.kubectl(args).await?.ok()?;
        if text.trim().is_empty() { Ok(None) } else { Ok(Some(serde_json::from_str(&text)?)) }
    }

    /// Waits until a condition of an object, for its present generation, has that status and one of those reasons (none
    /// given: any), and returns the object. The error shows what was there instead.
    ///
    /// # Errors
    /// When it has not in time.
    pub async fn wait_condition(
        &self,
        cluster: &Cluster,
        target: (&str, &str),
        (type_, status): (&str, &str),
        reasons: &[&str],
        timeout: Duration,
    ) -> Result<Value> {
        let (kind, name) = target;
        let what = format!("{kind} {name} to have {type_}={status} {reasons:?}");
        let found = wait_for_some(&what, timeout, || async {
            let object = self.get(cluster, kind, name).await.ok()??;
            let condition = condition(&object, type_)?;
            let has = |member: &str| condition.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
            let seen = object.pointer("/status/observedGeneration") == object.pointer("/metadata/generation");
            (seen && has("status") == status && (reasons.is_empty() || reasons.contains(&has("reason").as_str())))
                .then_some(object)
        });
        match found.await {
            Ok(object) => Ok(object),
            Err(error) => {
                let last = self.get(cluster, kind, name).await?;
                let last = last.as_ref().and_then(|object| object.get("status")).cloned().unwrap_or_default();
                Err(error.context(format!("its status is {last:#}")))
            }
        }
    }

    /// Resources in Azure, by id.
    ///
    /// # Errors
    /// When the simulator does not answer.
    pub async fn resources(&self) -> Result<BTreeMap<String, Value>> {
        let state = self.azure.get("/_sim/state").await?;
        let resources = state.get("resources").context("the simulator's state has no resources")?;
        Ok(serde_json::from_value(resources.clone())?)
    }
}

/// A condition of an object.
pub fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|condition| condition.get("type").and_then(Value::as_str) == Some(type_))
}

/// The chart's own roles, by the real helm, for the watched namespace alone.
async fn install_rights(cluster: &Cluster, home: &TestNamespace, watched: &TestNamespace) -> Result<()> {
    let chart = repository()?.join("charts/acs-operator");
    let chart = chart.to_str().context("the path of the chart is not UTF-8")?;
    let watch = format!("watchNamespaces={{{}}}", &**watched);
    let args = [
        "install",
        "acs-operator",
        chart,
        "-n",
        home,
        "--set",
        &watch,
        "--set",
        // Admission policies are one for a cluster; stories that need them install them.
        "replicas=0,crds.install=false,clusterId=testbed,relay.injection.mode=None",
        "--set",
        "rbac.aggregate.view=false,rbac.aggregate.edit=false",
    ];
    cluster.helm(args).await?.ok().map(drop)
}
