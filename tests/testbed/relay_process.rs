//! The relay of an admitted pod, run as a process: on ground `bare` there is no kubelet, and this stands for it. Program,
//! arguments and variables are those of the pod's own container; its volumes are written to a folder and kept up to date, each
//! swapped at once as a kubelet does; and the pod's status says what a kubelet would say.

mod volumes;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::scratch::Scratch;
use crate::{Process, binaries, wait_for_some};
use volumes::Volumes;

/// Name of the relay's container in any pod.
const CONTAINER: &str = "acs-relay";
/// Ports that it listens on, as in a pod: events, the app's door, ops.
const PORTS: [u16; 3] = [8470, 8471, 8472];
/// Folders in the container, and the variables that move them.
const FOLDERS: [(&str, &str); 3] = [
    ("/etc/acs-relay/config", "ACS_RELAY_CONFIG_DIR"),
    ("/etc/acs-relay/delivery", "ACS_RELAY_DELIVERY_DIR"),
    ("/etc/acs-relay/push", "ACS_RELAY_PUSH_DIR"),
];
/// A kubelet takes up to a minute and a half.
const REFRESH: Duration = Duration::from_millis(200);
const START_WITHIN: Duration = Duration::from_secs(20);

/// How to run it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where its log goes; a folder that outlives it.
    pub logs: PathBuf,
    /// Further variables, over those of the container.
    pub environment: BTreeMap<String, String>,
}

/// A running relay. Dropped, it ends, and its volumes with it; the pod stays as it is.
pub struct RelayProcess {
    process: Process,
    client: Client,
    namespace: String,
    pod: String,
    init: bool,
    address: Ipv4Addr,
    refresh: tokio::task::JoinHandle<()>,
    _scratch: Scratch,
}

impl RelayProcess {
    /// Starts the relay of a pod that exists and was admitted, and says in the pod's status that it runs.
    ///
    /// # Errors
    /// When the pod has no relay, a volume is missing, or the program does not start.
    pub async fn start(client: &Client, namespace: &str, pod: &str, options: Options) -> Result<Self> {
        let admitted = Api::<Pod>::namespaced(client.clone(), namespace).get(pod).await.context("reading the pod")?;
        let spec = admitted.spec.context("the pod has no spec")?;
        let named = |container: &&Container| container.name == CONTAINER;
        let in_init = spec.init_containers.iter().flatten().find(named);
        let init = in_init.is_some();
        let container = in_init.or_else(|| spec.containers.iter().find(named));
        let container = container.with_context(|| format!("pod {pod} has no container {CONTAINER}"))?.clone();
        let scratch = Scratch::new("relay")?;
        let volumes = Volumes::of(client, namespace, &spec, &container, scratch.path());
        volumes.write().await?;
        let address = free_address()?;
        let process = run(&container, &volumes, address, pod, &options)?;
        let refresh = tokio::spawn(keep(volumes));
        let (client, namespace, pod) = (client.clone(), namespace.to_owned(), pod.to_owned());
        let relay = Self { process, client, namespace, pod, init, address, refresh, _scratch: scratch };
        relay.wait_started().await?;
        relay.report(true).await?;
        Ok(relay)
    }

    /// Address of the pod.
    pub fn address(&self) -> IpAddr {
        self.address.into()
    }

    /// Where it takes events.
    pub fn events(&self) -> SocketAddr {
        let [events, ..] = PORTS;
        SocketAddr::new(self.address(), events)
    }

    /// The app's door.
    pub fn local(&self) -> SocketAddr {
        let [_, local, _] = PORTS;
        SocketAddr::new(self.address(), local)
    }

    /// Health, metrics and report.
    pub fn ops(&self) -> SocketAddr {
        let [.., ops] = PORTS;
        SocketAddr::new(self.address(), ops)
    }

    /// The process: to pause or to look at it.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// What it serves on the ops port.
    ///
    /// # Errors
    /// When it does not answer 200.
    pub async fn get(&self, path: &str) -> Result<String> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let answer = http.get(format!("http://{}{path}", self.ops())).send().await?.error_for_status()?;
        Ok(answer.text().await?)
    }

    /// SIGTERM, as a kubelet sends it, and waits until it has ended; then the pod's status says so.
    ///
    /// # Errors
    /// When it does not end in time, or the status cannot be written.
    pub async fn stop(&self) -> Result<()> {
        self.process.terminate(Duration::from_secs(40)).await?;
        self.report(false).await
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When the pod's status cannot be written.
    pub async fn kill(&self) -> Result<()> {
        self.process.kill().await?;
        self.report(false).await
    }

    async fn wait_started(&self) -> Result<()> {
        let started = wait_for_some("the relay to start", START_WITHIN, || async {
            match self.process.check_running() {
                Err(ended) => Some(Err(ended)),
                Ok(()) => self.get("/livez").await.is_ok().then_some(Ok(())),
            }
        });
        started.await.with_context(|| self.process.last_words())?
    }

    /// Writes what a kubelet would say of the pod.
    async fn report(&self, runs: bool) -> Result<()> {
        let now = k8s_openapi::jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let state = if runs {
            json!({"running": {"startedAt": now}})
        } else {
            json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}})
        };
        let container = json!({"name": CONTAINER, "image": CONTAINER, "imageID": "", "ready": runs, "started": runs,
            "restartCount": 0, "state": state});
        let ready = json!({"type": "Ready", "status": if runs { "True" } else { "False" }, "lastTransitionTime": now});
        let list = if self.init { "initContainerStatuses" } else { "containerStatuses" };
        let status = json!({"status": {"phase": "Running", "podIP": self.address, "podIPs": [{"ip": self.address}],
            "conditions": [ready], list: [container]}});
        let api = Api::<Pod>::namespaced(self.client.clone(), &self.namespace);
        let written = api.patch_status(&self.pod, &PatchParams::default(), &Patch::Strategic(status)).await;
        written.with_context(|| format!("writing the status of pod {}", self.pod)).map(drop)
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        self.refresh.abort();
    }
}

async fn keep(volumes: Volumes) {
    loop {
        tokio::time::sleep(REFRESH).await;
        // What is gone stays mounted as it was, as with a kubelet.
        let _ = volumes.write().await;
    }
}

fn run(container: &Container, volumes: &Volumes, address: Ipv4Addr, pod: &str, options: &Options) -> Result<Process> {
    let image = container.image.as_deref().unwrap_or_default();
    let program = binaries::workspace(program_of(image)?)?;
    let given = container.env.iter().flatten().filter_map(|env| Some((env.name.clone(), env.value.clone()?)));
    let [events, local, ops] = PORTS.map(|port| SocketAddr::new(address.into(), port).to_string());
    let moved = FOLDERS.iter().filter_map(|(folder, variable)| Some((*variable, volumes.folder(folder)?)));
    Process::of(format!("relay-{pod}"), program)
        .bare_environment()
        .args(container.args.iter().flatten())
        .envs(given)
        .envs(moved)
        .env("ACS_RELAY_EVENTS_LISTEN", events)
        .env("ACS_RELAY_LOCAL_LISTEN", local)
        .env("ACS_RELAY_OPS_LISTEN", ops)
        .envs(&options.environment)
        .spawn(&options.logs)
}

/// The program in an image of this project: the last part of its name.
fn program_of(image: &str) -> Result<&str> {
    let name = image.rsplit('/').next().unwrap_or_default();
    let name = name.split([':', '@']).next().unwrap_or_default();
    if name == "acs-relay" { Ok(name) } else { bail!("the image {image} holds no program of this workspace") }
}

/// An address of loopback of its own, where all ports of a relay are free: each pod has one.
fn free_address() -> Result<Ipv4Addr> {
    for _ in 0..100 {
        let [a, b, c]: [u8; 3] = rand::random();
        let address = Ipv4Addr::new(127, 64 + a % 128, b, 1 + c % 250);
        if PORTS.iter().all(|port| TcpListener::bind((address, *port)).is_ok()) {
            return Ok(address);
        }
    }
    bail!("no address of 127.0.0.0/8 has the ports {PORTS:?} free")
}

/// Where a pod's status says it is.
pub fn pod_address(pod: &Value) -> Option<IpAddr> {
    pod.pointer("/status/podIP")?.as_str()?.parse().ok()
}
