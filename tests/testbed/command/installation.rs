//! A cluster, Azure, and the operator by its chart: what demo, playground, bench and e2e begin with.

mod away;
pub(crate) mod images;
mod pods;
mod reach;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use kube::Client;
use testbed::forward::Goal;
use testbed::front::Front;
use testbed::{AzureSim, Cluster, Forward, Ground, Operator, azure_sim, binaries, cluster, operator, ports, stack};

use self::images::Images;
use super::objects;
use super::webhook::Webhook;
use crate::command::show::Show;

/// Release and namespace of the chart.
pub(crate) const RELEASE: &str = "acs-operator";
/// Without these the operator would look for the real Azure. Identity is what the account's Secret says.
const VARIABLES: [&str; 3] = ["AZURE_RESOURCE_MANAGER_ENDPOINT", "AZURE_AUTHORITY_HOST", "SSL_CERT_FILE"];

/// What is wanted.
pub(crate) struct Options {
    /// Part of the name of its folder.
    pub(crate) label: &'static str,
    /// Profile of the simulator.
    pub(crate) profile: &'static str,
    /// Scale of Azure's durations; the operator's own are scaled alike.
    pub(crate) scale: f64,
    /// Scale of the operator's durations, in thousandths.
    pub(crate) permille: u64,
    /// Further arguments of the simulator.
    pub(crate) azure_args: Vec<String>,
}

/// Everything that runs. Fields end in their order: nobody loses what it talks to.
pub(crate) struct Installation {
    /// The operator, where it is a process here; none where it is a pod.
    operator: Option<Operator>,
    pub(crate) webhook: Webhook,
    /// What leads from a public name to a relay.
    pub(crate) front: Front,
    pub(crate) azure: AzureSim,
    pub(crate) client: Client,
    /// What pods are made of; none where nothing of this project can run in pods.
    images: Option<Images>,
    /// Ways to pods that have no address here.
    forwards: Mutex<Vec<Forward>>,
    pub(crate) cluster: Cluster,
}

impl Installation {
    /// Starts all, one line per part.
    pub(crate) async fn start(show: &mut Show, options: &Options) -> Result<Self> {
        let ground = Ground::from_environment();
        let images = Images::for_ground(&ground)?;
        let cluster = start_cluster(show, ground, images.is_some(), options.label).await?;
        let client = cluster.client().await?;
        away::refuse_leftovers(&cluster, &client).await?;
        let azure = start_azure(show, &cluster, options).await?;
        let webhook = Webhook::start(&azure, cluster.host_address()).await?;
        let front = Front::start(&azure, cluster.host_address().into()).await?;
        let forwards = Mutex::default();
        let mut all = Self { operator: None, webhook, front, azure, client, images, forwards, cluster };
        if let Err(error) = Box::pin(all.begin(show, options)).await {
            // What began in a cluster that stays must not stay in it.
            let left = all.leave_no_trace(&[]).await;
            return Err(match left {
                Ok(()) => error,
                Err(left) => error.context(format!("cleaning up afterwards: {left:#}")),
            });
        }
        Ok(all)
    }

    async fn begin(&mut self, show: &mut Show, options: &Options) -> Result<()> {
        let Some(images) = self.images.clone() else {
            self.operator = Some(self.install(show, options).await?);
            return Ok(());
        };
        images.bring(show, &self.cluster).await?;
        pods::make_namespace(&self.cluster).await?;
        if is_given(&self.cluster) {
            let title = format!("a pod, reached through the API server, reaches {}", self.cluster.host_address());
            show.step(&title, Box::pin(reach::check(&self.cluster, &self.client, &images))).await?;
        }
        pods::install(show, self, &images, options).await
    }

    /// Whether operator, relay and app run in pods here.
    pub(crate) fn has_pods(&self) -> bool {
        self.images.is_some()
    }

    /// Name of the image of a program; none where nothing of this project can run in pods.
    pub(crate) fn image(&self, program: &str) -> Option<String> {
        self.images.as_ref().map(|images| images.name(program))
    }

    /// Where a port of a Service is reached from this machine: at its own address, or by a way through the API server.
    pub(crate) async fn service_address(&self, namespace: &str, name: &str, own: SocketAddr) -> Result<SocketAddr> {
        if !is_given(&self.cluster) {
            return Ok(own);
        }
        self.forward(namespace, Goal::Service(name.to_owned(), "events".to_owned())).await
    }

    /// As [`Installation::service_address`], of a pod.
    pub(crate) async fn pod_address(&self, namespace: &str, name: &str, own: SocketAddr) -> Result<SocketAddr> {
        if !is_given(&self.cluster) {
            return Ok(own);
        }
        self.forward(namespace, Goal::Pod(name.to_owned(), own.port())).await
    }

    async fn forward(&self, namespace: &str, goal: Goal) -> Result<SocketAddr> {
        let forward = Forward::start(&self.client, namespace, goal).await?;
        let address = forward.address();
        self.forwards.lock().unwrap_or_else(PoisonError::into_inner).push(forward);
        Ok(address)
    }

    /// The chart, and the operator as a process.
    async fn install(&self, show: &mut Show, options: &Options) -> Result<Operator> {
        show.step("helm install acs-operator charts/acs-operator", Box::pin(install_chart(&self.cluster))).await?;
        let program = binaries::workspace("acs-operator")?;
        let run = operator_options(&self.cluster, &self.azure, options).await?;
        let started = async {
            let operator = Operator::start(&program, run)?;
            operator.wait_ready(Duration::from_secs(30)).await?;
            anyhow::Ok(operator)
        };
        let operator = show.step("operator", Box::pin(started)).await?;
        show.detail("a process on this machine, as the cluster needs no nodes for it; with the token of the chart's ServiceAccount, so with the chart's rights and no others");
        Ok(operator)
    }

    /// The operator's process; an error where it is a pod.
    pub(crate) fn operator(&self) -> Result<&Operator> {
        self.operator.as_ref().context("the operator is a pod here")
    }

    /// Ends the operator at once, as a power failure would. Returns the command that does.
    pub(crate) async fn kill_operator(&self) -> Result<String> {
        match &self.operator {
            None => pods::kill(&self.cluster).await,
            Some(operator) => {
                operator.process().kill().await?;
                Ok(format!("kill -9 {}", operator.process().pid()))
            }
        }
    }

    /// Starts the operator again after [`Installation::kill_operator`]; a pod comes back by itself. Returns what did it.
    pub(crate) async fn restart_operator(&mut self) -> Result<&'static str> {
        match &mut self.operator {
            None => pods::wait_until_back(&self.cluster).await,
            Some(operator) => operator.restart().await.map(|()| "acs-operator run"),
        }
    }

    /// Logs of everything that was started here.
    pub(crate) fn logs(&self) -> PathBuf {
        self.cluster.dir().to_owned()
    }

    /// Nothing of it may have ended by itself.
    pub(crate) fn check_running(&self) -> Result<()> {
        self.cluster.check_running()?;
        self.azure.process().check_running()?;
        self.operator.as_ref().map_or(Ok(()), |operator| operator.process().check_running())
    }

    /// Takes from a cluster that stays what was put into it. One that was started here goes as a whole.
    pub(crate) async fn leave_no_trace(&self, namespaces: &[&str]) -> Result<()> {
        if is_given(&self.cluster) { away::take_out(&self.cluster, &self.client, namespaces).await } else { Ok(()) }
    }
}

fn is_given(cluster: &Cluster) -> bool {
    matches!(cluster.ground(), Ground::Given(_))
}

async fn start_azure(show: &mut Show, cluster: &Cluster, options: &Options) -> Result<AzureSim> {
    let azure_options = azure_sim::Options {
        profile: Some(options.profile.to_owned()),
        time_scale: Some(options.scale),
        listen: Some((cluster.host_address(), ports::free()?).into()),
        dir: Some(cluster.dir().join("azure-sim")),
        args: options.azure_args.clone(),
        ..azure_sim::Options::default()
    };
    let program = binaries::workspace("azure-sim")?;
    let azure = show.step("Azure, simulated", Box::pin(AzureSim::start(&program, azure_options))).await?;
    show.detail(&format!("{}  {}", azure.url(), pace(options)));
    Ok(azure)
}

fn pace(options: &Options) -> String {
    match options.profile {
        "azure" if options.scale < 1.0 => {
            format!(
                "recorded durations of Azure, {:.0} times faster: 10 minutes take {:.0} s",
                1.0 / options.scale,
                600.0 * options.scale
            )
        }
        "azure" => "recorded durations of Azure".to_owned(),
        _ => "everything is done at once".to_owned(),
    }
}

async fn start_cluster(show: &mut Show, ground: Ground, pods: bool, label: &str) -> Result<Cluster> {
    let title = match &ground {
        Ground::Given(path) => format!("Kubernetes of {}", path.display()),
        Ground::Node => "Kubernetes with a node".to_owned(),
        _ => "Kubernetes API server".to_owned(),
    };
    let given = matches!(ground, Ground::Given(_));
    // Without pods only the API server is near, and nobody has to reach this machine.
    let host_address = if given && pods { Some(reach::host_address()?) } else { None };
    let options = cluster::Options { ground, label: label.to_owned(), host_address, ..cluster::Options::default() };
    let cluster = show.step(&title, Box::pin(Cluster::start(options))).await?;
    let version = cluster.get_raw("/version").await?;
    let kind = match cluster.ground() {
        Ground::Bare => "genuine, started for this, without nodes",
        Ground::Node => "genuine, started for this, with containerd, kubelet, kube-proxy and DNS",
        _ => "yours",
    };
    show.detail(&format!("{} ({kind})", objects::text(&version, "/gitVersion")));
    Ok(cluster)
}

async fn install_chart(cluster: &Cluster) -> Result<()> {
    let chart = stack::repository()?.join("charts/acs-operator");
    let chart = chart.to_str().context("the path of the chart is not UTF-8")?;
    // No pods of its own: the process here is the only operator. The CRDs go with the release.
    let args = ["install", RELEASE, chart, "-n", RELEASE, "--create-namespace", "--set", "replicas=0,crds.keep=false"];
    cluster.helm(args).await?.ok()?;
    let established = [
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        "crd",
        "-l",
        "app.kubernetes.io/instance=acs-operator",
    ];
    cluster.kubectl(established).await?.ok().map(drop)
}

/// What relays need here and not in the world: hubs are reached at the simulator, and the front has a private address.
fn for_relays(azure: &AzureSim) -> [&str; 3] {
    ["--push-endpoint", azure.url(), "--probe-private-addresses"]
}

async fn operator_options(cluster: &Cluster, azure: &AzureSim, options: &Options) -> Result<operator::Options> {
    let kubeconfig = cluster.service_account_kubeconfig(RELEASE, RELEASE).await?;
    let environment = azure.environment().iter().filter(|(name, _)| VARIABLES.contains(&name.as_str()));
    let environment: BTreeMap<_, _> = environment.map(|(name, value)| (name.clone(), value.clone())).collect();
    let permille = options.permille.to_string();
    let args = ["--lease-namespace", RELEASE, "--timings-permille", &permille, "--log-format", "text"];
    let mut args = args.map(str::to_owned).to_vec();
    args.extend(for_relays(azure).map(str::to_owned));
    Ok(operator::Options { kubeconfig, logs: cluster.dir().join("operator"), environment, args, identity: None })
}
