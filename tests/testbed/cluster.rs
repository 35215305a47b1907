//! A real Kubernetes cluster for as long as a value lives.

mod bare;
mod control_plane;
mod kubeconfig;
mod namespace;
pub mod node;
mod pki;
mod tools;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::Value;

use self::control_plane::{Access, ControlPlane};
use crate::parts::{Part, Parts};
use crate::process::Process;
use crate::scratch::Scratch;
use crate::{audit, wait};

pub use crate::ground::Ground;
pub use namespace::TestNamespace;
pub use tools::Output;

/// How to start a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the cluster comes from.
    pub ground: Ground,
    /// Part of the name of its folder, to tell clusters apart.
    pub label: String,
    /// How long it may take until the API server is ready, building not counted.
    pub timeout: Duration,
    /// Further arguments for kube-apiserver, such as feature gates.
    pub apiserver_args: Vec<String>,
    /// Where the pods of a given cluster reach this machine. Clusters that are started here know it themselves.
    pub host_address: Option<Ipv4Addr>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ground: Ground::default(),
            label: "cluster".to_owned(),
            timeout: Duration::from_secs(90),
            apiserver_args: Vec::new(),
            host_address: None,
        }
    }
}

/// A cluster that answers. Dropping it takes down what was started for it, and its folder.
///
/// Nothing in it belongs to a runtime, so one cluster in a `static` can serve tests that each have a runtime of their
/// own. A `static` is never dropped: its processes then end with the test program, its folder goes with the next run.
#[derive(Debug)]
pub struct Cluster {
    // In the order of their end: processes before the folder they write to.
    node: Option<node::Node>,
    processes: Vec<Process>,
    kubeconfig: PathBuf,
    audit_log: Option<PathBuf>,
    ground: Ground,
    host_address: Ipv4Addr,
    scratch: Scratch,
}

impl Cluster {
    /// Starts (or finds) the cluster and waits until its API server is ready.
    pub async fn start(options: Options) -> Result<Self> {
        match &options.ground {
            Ground::Bare => Self::start_bare(&options).await,
            Ground::Node => Self::start_node(&options).await,
            Ground::Given(path) => Self::take(path.clone(), &options).await,
        }
    }

    async fn start_bare(options: &Options) -> Result<Self> {
        let parts = ensure(&[&Part::BARE]).await?;
        let mut attempts_left = 3;
        loop {
            let scratch = Scratch::new(&options.label)?;
            let failed = match bare::start(&parts, &scratch, options).await {
                Ok((access, control_plane)) => {
                    return Ok(Self::of(Ground::Bare, access, control_plane, None, scratch));
                }
                Err(error) => error,
            };
            attempts_left -= 1;
            // Someone else was faster to bind one of the ports.
            if attempts_left == 0 || !format!("{failed:#}").contains("address already in use") {
                scratch.keep();
                return Err(failed);
            }
        }
    }

    async fn start_node(options: &Options) -> Result<Self> {
        // Before minutes of compiling.
        if let Some(reason) = tokio::task::spawn_blocking(node::refusal).await? {
            anyhow::bail!(reason);
        }
        let parts = ensure(&[&Part::BARE, &Part::NODE]).await?;
        let scratch = Scratch::new(&options.label)?;
        match Box::pin(node::start(&parts, &scratch, options)).await {
            Ok((access, control_plane, node)) => Ok(Self::of(Ground::Node, access, control_plane, Some(node), scratch)),
            Err(error) => {
                scratch.keep();
                Err(error)
            }
        }
    }

    fn of(ground: Ground, access: Access, started: ControlPlane, node: Option<node::Node>, scratch: Scratch) -> Self {
        let host_address = node.as_ref().map_or(Ipv4Addr::LOCALHOST, node::Node::host);
        Self {
            node,
            processes: started.processes,
            kubeconfig: access.admin,
            audit_log: Some(started.audit_log),
            ground,
            host_address,
            scratch,
        }
    }

    async fn take(kubeconfig: PathBuf, options: &Options) -> Result<Self> {
        // Children run elsewhere and are told this path.
        let kubeconfig =
            kubeconfig.canonicalize().with_context(|| format!("no kubeconfig {}", kubeconfig.display()))?;
        let scratch = Scratch::new(&options.label)?;
        let ground = Ground::Given(kubeconfig.clone());
        let host_address = options.host_address.unwrap_or(Ipv4Addr::LOCALHOST);
        let (node, processes, audit_log) = (None, Vec::new(), None);
        let cluster = Self { node, processes, kubeconfig, audit_log, ground, host_address, scratch };
        let version = tokio::time::timeout(Duration::from_secs(20), async {
            anyhow::Ok(cluster.client().await?.apiserver_version().await?)
        });
        let path = cluster.kubeconfig.display().to_string();
        version
            .await
            .with_context(|| format!("the cluster of {path} does not answer"))?
            .with_context(|| format!("the cluster of {path} refuses"))?;
        Ok(cluster)
    }

    /// A client with all rights.
    ///
    /// A new one each time, because a client's worker lives in the runtime that made it and dies with it: shared
    /// between tests it would fail in all but the first.
    pub async fn client(&self) -> Result<Client> {
        self.client_of(&self.kubeconfig).await
    }

    /// A client with the rights of another kubeconfig, for example of [`Cluster::service_account_kubeconfig`].
    pub async fn client_of(&self, kubeconfig: &Path) -> Result<Client> {
        kubeconfig::client(kubeconfig).await
    }

    /// The kubeconfig with all rights.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Where the cluster comes from.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// A folder that lives as long as the cluster; logs and whatever goes with it.
    pub fn dir(&self) -> &Path {
        self.scratch.path()
    }

    /// Where a server on this machine must listen for the cluster to reach it: for its pods, where it has a node of its
    /// own or was given with an address for them, and else for its API server.
    pub fn host_address(&self) -> Ipv4Addr {
        self.host_address
    }

    /// The started components, those on a node not counted.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// An error that quotes the log of a component that has ended.
    pub fn check_running(&self) -> Result<()> {
        let keeper = self.node.iter().map(node::Node::keeper);
        self.processes.iter().chain(keeper).try_for_each(Process::check_running)
    }

    /// Keeps the folder after the end, for someone to look at.
    pub fn keep(&self) {
        self.scratch.keep();
    }

    /// The audit log, where the ground has one.
    pub fn audit_log(&self) -> Option<&Path> {
        self.audit_log.as_deref()
    }

    /// The entries of the audit log for which `filter` holds.
    pub fn audit(&self, filter: &audit::Filter) -> Result<Vec<audit::Entry>> {
        audit::read(self.audit_log().context("this ground has no audit log")?, filter)
    }

    /// Makes a namespace of its own for a test, named after `prefix`, and waits until Pods could be created in it.
    pub async fn namespace(&self, prefix: &str) -> Result<TestNamespace> {
        TestNamespace::create(self, prefix).await
    }

    /// A token of a ServiceAccount for `audiences` (none: the API server itself).
    pub async fn service_account_token(&self, namespace: &str, name: &str, audiences: &[&str]) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let audiences = (!audiences.is_empty()).then(|| audiences.iter().map(ToString::to_string).collect());
        let spec =
            TokenRequestSpec { audiences, expiration_seconds: Some(24 * 60 * 60), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        let answer = accounts.create_token_request(name, &PostParams::default(), &request).await;
        let answer = answer.with_context(|| format!("a token for ServiceAccount {namespace}/{name}"))?;
        answer.status.and_then(|status| status.token).context("the answer to a TokenRequest has no token")
    }

    /// A kubeconfig with a ServiceAccount's token, so that a process has exactly the rights of its RBAC. Valid for a day.
    pub async fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let token = self.service_account_token(namespace, name, &[]).await?;
        let path = self.dir().join(format!("{namespace}.{name}.kubeconfig"));
        kubeconfig::with_token(&self.kubeconfig, &token, &path)?;
        Ok(path)
    }

    /// The key set that verifies this cluster's ServiceAccount tokens.
    pub async fn jwks(&self) -> Result<Value> {
        self.get_raw("/openid/v1/jwks").await
    }

    /// The issuer in this cluster's ServiceAccount tokens; different for each cluster started here.
    pub async fn issuer(&self) -> Result<String> {
        let discovery = self.get_raw("/.well-known/openid-configuration").await?;
        Ok(discovery.get("issuer").and_then(Value::as_str).context("the discovery document has no issuer")?.to_owned())
    }

    /// GET of any path of the API server.
    pub async fn get_raw(&self, path: &str) -> Result<Value> {
        let request = http::Request::get(path).body(Vec::new())?;
        self.client().await?.request(request).await.with_context(|| format!("GET {path}"))
    }

    /// Waits until the API server is ready again, for example after it was restarted.
    pub async fn wait_ready(&self, timeout: Duration) -> Result<()> {
        wait::wait_for("the API server to be ready", timeout, || async {
            match self.client().await {
                Ok(client) => kubeconfig::is_ready(&client).await,
                Err(_) => false,
            }
        })
        .await
    }
}

/// Off the runtime: it may take minutes.
async fn ensure(wanted: &[&[Part]]) -> Result<Parts> {
    let wanted = wanted.concat();
    tokio::task::spawn_blocking(move || crate::parts::ensure(&wanted)).await?
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // All at once, so that none is waited for on account of another.
        if let Some(node) = &mut self.node {
            node.end();
        }
        for process in &self.processes {
            process.signal(nix::sys::signal::Signal::SIGTERM);
        }
    }
}
