//! A node that runs real pods, in namespaces of its own.
//!
//! ```text
//!  this process ──orders──► pid 1 of the node          containerd, kubelet, kube-proxy, coredns
//!       │                      ▲ network, mounts, processes of its own
//!       ├─ etcd, API server,   │
//!       │  controllers      keeper: makes the namespaces and the cable, and cleans up after the end
//!       └──────── 10.254.N.1 ══╧══ 10.254.N.2          pods 10.244.N.0/24, Services 10.96.N.0/24
//! ```
//!
//! The end of the orders, for whatever reason, is the end of pid 1, and with it the kernel ends everything in there.

mod cgroups;
mod components;
#[cfg(target_os = "linux")]
mod init;
mod keeper;
mod network;
mod order;
mod requirements;

use std::io::PipeWriter;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::{Node as NodeObject, Pod};
use kube::Api;
use tokio::process::Command;

use self::components::{Components, PAUSE};
use self::order::{Made, Order};
use super::control_plane::{self, Access, ControlPlane, Place};
use super::pki::Identity;
use super::{Cluster, Options, kubeconfig};
use crate::images::Image;
use crate::parts::{Part, Parts};
use crate::process::Process;
use crate::scratch::Scratch;
use crate::{ports, wait};

#[cfg(target_os = "linux")]
pub use init::run as init;
pub use keeper::keep;
pub use network::Network;
pub use requirements::refusal;

const MADE_WITHIN: Duration = Duration::from_secs(20);
/// The keeper waits for the last process and removes the cgroups: normally two seconds at most.
const DOWN_WITHIN: Duration = Duration::from_secs(20);

/// The node of a cluster of ground `node`.
#[derive(Debug)]
pub struct Node {
    /// Dropped, the node ends.
    orders: Option<PipeWriter>,
    keeper: Process,
    init: u32,
    network: Network,
    ctr: PathBuf,
}

/// Starts a whole cluster and waits until its node is Ready.
pub(super) async fn start(parts: &Parts, scratch: &Scratch, options: &Options) -> Result<(Access, ControlPlane, Node)> {
    let deadline = Instant::now() + options.timeout;
    let dir = scratch.path();
    let node = Node::make(parts, scratch).await?;
    let network = node.network;
    let place = Place { address: network.host(), port: ports::free()?, services: network.services(), nodes: true };
    let access = Access::prepare(dir, &place)?;
    let components = Components { parts, dir, network, access: &access };
    components.certificates()?;
    node.order(&components.containerd()?)?;
    let image = Image::new(PAUSE.0, PAUSE.1).program(parts.path(Part::Pause)?)?;
    let (control_plane, image) = tokio::join!(
        control_plane::start(parts, scratch, &place, &access, options),
        node.import_first(&image, dir, deadline)
    );
    let mut control_plane = control_plane?;
    image?;
    for order in [components.kubelet()?, components.proxy()?, components.coredns()?] {
        node.order(&order)?;
    }
    control_plane.processes.insert(0, start_scheduler(parts, scratch, &access)?);
    node.wait_ready(&access, &control_plane, deadline).await?;
    Ok((access, control_plane, node))
}

fn start_scheduler(parts: &Parts, scratch: &Scratch, access: &Access) -> Result<Process> {
    let config = scratch.path().join("scheduler.kubeconfig");
    access.kubeconfig(&Identity::scheduler(), &config)?;
    Process::of("kube-scheduler", parts.path(Part::KubeScheduler)?)
        .bare_environment()
        .grace(Duration::from_millis(200))
        .arg(format!("--kubeconfig={}", config.display()))
        .args(["--leader-elect=false", "--secure-port=0"])
        .spawn(scratch.path())
}

impl Node {
    async fn make(parts: &Parts, scratch: &Scratch) -> Result<Self> {
        let testbed = crate::binaries::beside_this("testbed").context("the program testbed is not beside this one")?;
        let (input, orders) = std::io::pipe().context("making a pipe")?;
        let keeper = Process::of("node", testbed)
            .tied_by(input)
            .grace(DOWN_WITHIN)
            .arg("node-keep")
            .arg("--dir")
            .arg(scratch.path())
            .spawn(scratch.path())?;
        let line = keeper.wait_for_stdout_line(MADE_WITHIN, |line| line.starts_with('{')).await?;
        let made: Made = serde_json::from_str(&line).context("reading what the node's keeper said")?;
        let network = Network::new(made.number);
        Ok(Self { orders: Some(orders), keeper, init: made.init, network, ctr: parts.path(Part::Ctr)?.to_owned() })
    }

    fn order(&self, order: &Order) -> Result<()> {
        let Some(pipe) = &self.orders else { bail!("the node has ended") };
        order.send(pipe)
    }

    /// Its name in the cluster.
    pub fn name(&self) -> String {
        self.network.name()
    }

    /// Its addresses, and the one of this machine as pods see it.
    pub fn network(&self) -> Network {
        self.network
    }

    /// Where pods reach this machine.
    pub(super) fn host(&self) -> Ipv4Addr {
        self.network.host()
    }

    /// Its pid 1, as this machine counts.
    pub fn init(&self) -> u32 {
        self.init
    }

    /// containerd's socket, as this machine sees it: it lies in a file system that only the node has mounted, and the
    /// node's pid 1 leads there.
    pub fn containerd(&self) -> PathBuf {
        format!("/proc/{}/root{}", self.init, components::CONTAINERD).into()
    }

    /// The process that runs for as long as the node does.
    pub(super) fn keeper(&self) -> &Process {
        &self.keeper
    }

    /// Begins the end, without waiting for it.
    pub(super) fn end(&mut self) {
        self.orders = None;
    }

    /// containerd takes a moment until it listens.
    async fn import_first(&self, image: &Image, dir: &std::path::Path, deadline: Instant) -> Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        let listens = || async { self.keeper.check_running().is_err() || self.ctr(&["version"]).await.is_ok() };
        wait::wait_for("containerd to listen", left, listens).await.context(format!("see {}", dir.display()))?;
        self.keeper.check_running()?;
        self.import(image, dir).await
    }

    async fn import(&self, image: &Image, dir: &std::path::Path) -> Result<()> {
        let archive = tempfile::Builder::new().prefix("image-").suffix(".tar").tempfile_in(dir);
        let archive = archive.context("making a file for an image")?;
        let (written, path) = (image.clone(), archive.path().to_owned());
        let path = tokio::task::spawn_blocking(move || written.write(&path).map(|()| path)).await??;
        let path = path.to_str().context("the path of an image is not UTF-8")?;
        let done = self.ctr(&["--namespace", "k8s.io", "images", "import", "--snapshotter", "overlayfs", path]).await;
        done.with_context(|| format!("bringing the image {} onto the node", image.name()))
    }

    async fn ctr(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(&self.ctr);
        command.arg("--address").arg(self.containerd()).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.context("starting ctr")?;
        ensure!(output.status.success(), "ctr: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }

    async fn wait_ready(&self, access: &Access, control_plane: &ControlPlane, deadline: Instant) -> Result<()> {
        let nodes: Api<NodeObject> = Api::all(kubeconfig::client(&access.admin).await?);
        let name = self.name();
        loop {
            self.keeper.check_running()?;
            control_plane.processes.iter().try_for_each(Process::check_running)?;
            let look = tokio::time::timeout(Duration::from_secs(2), nodes.get_opt(&name));
            let node = look.await.ok().and_then(Result::ok).flatten();
            let conditions = node.and_then(|node| node.status?.conditions).unwrap_or_default();
            let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
            if ready.is_some_and(|condition| condition.status == "True") {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let why = ready.and_then(|condition| condition.message.clone()).unwrap_or("it is unknown".to_owned());
                bail!("the node did not become Ready in time: {why}; kubelet.log has more");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// There are no namespaces on other systems, and [`refusal`] says so before anyone comes here.
#[cfg(not(target_os = "linux"))]
pub fn init(_dir: &std::path::Path) -> Result<std::convert::Infallible> {
    bail!("a node needs Linux")
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

impl Cluster {
    /// The node, where the ground has one of its own.
    pub fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    fn own_node(&self) -> Result<&Node> {
        self.node.as_ref().context("this ground has no node of its own: set CLUSTER=node")
    }

    /// Brings an image onto the node. Pods name it as [`Image::name`] does and must not ask for `Always` pulling.
    pub async fn import(&self, image: &Image) -> Result<()> {
        self.own_node()?.import(image, self.dir()).await
    }

    /// The processes of a running container, as this machine counts: for signals that nobody in the cluster sends.
    pub async fn container_processes(&self, namespace: &str, pod: &str, container: &str) -> Result<Vec<u32>> {
        let node = self.own_node()?;
        let pods: Api<Pod> = Api::namespaced(self.client().await?, namespace);
        let status = pods.get(pod).await.with_context(|| format!("reading Pod {namespace}/{pod}"))?.status;
        let status = status.unwrap_or_default();
        let lists = [status.init_container_statuses, status.container_statuses];
        let found = lists.into_iter().flatten().flatten().find(|status| status.name == container);
        let id = found.and_then(|status| status.container_id);
        let id = id.with_context(|| format!("the container {container} of Pod {namespace}/{pod} does not run"))?;
        let id = id.trim_start_matches("containerd://");
        let processes = cgroups::processes(&node.name(), id);
        ensure!(!processes.is_empty(), "the container {container} of Pod {namespace}/{pod} has no process any more");
        Ok(processes)
    }
}
