//! etcd, kube-apiserver and the controllers: what every cluster started here has.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::pki::{self, Authority, Identity};
use super::{Options, kubeconfig};
use crate::parts::{Part, Parts};
use crate::ports;
use crate::process::Process;
use crate::scratch::Scratch;

const AUDIT_POLICY: &str = include_str!("audit-policy.yaml");
/// Nothing here has anything to save; long enough for a last log line.
const GRACE: Duration = Duration::from_millis(200);

/// Where the API server listens, and what it gives to Services.
pub(super) struct Place {
    pub(super) address: Ipv4Addr,
    pub(super) port: u16,
    /// The first of them is the API server's own Service.
    pub(super) services: [u8; 3],
    /// Whether kubelets join, who must not reach beyond their own pods.
    pub(super) nodes: bool,
}

impl Place {
    /// Loopback, and Services that nobody can reach.
    pub(super) fn loopback() -> Result<Self> {
        Ok(Self { address: Ipv4Addr::LOCALHOST, port: ports::free()?, services: [10, 0, 0], nodes: false })
    }

    fn url(&self) -> String {
        format!("https://{}:{}", self.address, self.port)
    }

    /// The range of addresses of Services.
    pub(super) fn service_range(&self) -> String {
        let [a, b, c] = self.services;
        format!("{a}.{b}.{c}.0/24")
    }

    fn names(&self) -> Vec<String> {
        let [a, b, c] = self.services;
        let mut names = vec![self.address.to_string(), format!("{a}.{b}.{c}.1")];
        names.extend(["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"].map(str::to_owned));
        names
    }
}

/// Certificates, and kubeconfigs made from them.
pub(super) struct Access {
    pub(super) authority: Authority,
    pub(super) server: String,
    pub(super) admin: PathBuf,
}

impl Access {
    pub(super) fn prepare(dir: &Path, place: &Place) -> Result<Self> {
        let (server, authority) = (place.url(), pki::write(dir, place.names())?);
        let admin = dir.join("admin.kubeconfig");
        let access = Self { authority, server, admin };
        access.kubeconfig(&Identity::admin(), &access.admin)?;
        Ok(access)
    }

    /// Writes a kubeconfig for `identity` to `path`.
    pub(super) fn kubeconfig(&self, identity: &Identity, path: &Path) -> Result<()> {
        kubeconfig::with_certificate(&self.server, &self.authority, &self.authority.issue(identity)?, path)
    }
}

pub(super) struct ControlPlane {
    pub(super) processes: Vec<Process>,
    pub(super) audit_log: PathBuf,
}

pub(super) async fn start(
    parts: &Parts,
    scratch: &Scratch,
    place: &Place,
    access: &Access,
    options: &Options,
) -> Result<ControlPlane> {
    let dir = scratch.path();
    let deadline = Instant::now() + options.timeout;
    let controllers = dir.join("controller-manager.kubeconfig");
    access.kubeconfig(&Identity::controller_manager(), &controllers)?;
    let (etcd, store) = start_etcd(parts, scratch)?;
    let audit_log = dir.join("audit.log");
    let apiserver = start_apiserver(parts, dir, place, &store, &audit_log, options)?;
    let mut processes = vec![apiserver, etcd];
    wait_ready(&access.admin, &processes, deadline).await?;
    processes.insert(0, start_controller_manager(parts, dir, &controllers)?);
    Ok(ControlPlane { processes, audit_log })
}

fn start_etcd(parts: &Parts, scratch: &Scratch) -> Result<(Process, String)> {
    let (client, peer) = (url("http", ports::free()?), url("http", ports::free()?));
    let process = Process::of("etcd", parts.path(Part::Etcd)?)
        .bare_environment()
        .grace(GRACE)
        .arg("--data-dir")
        .arg(scratch.bulky()?.join("etcd"))
        .arg(format!("--listen-client-urls={client}"))
        .arg(format!("--advertise-client-urls={client}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=default={peer}"))
        .args(["--unsafe-no-fsync", "--log-level=warn"])
        // Alone it can lose no election, and wins the first one sooner.
        .args(["--heartbeat-interval=20", "--election-timeout=200"])
        .spawn(scratch.path())?;
    Ok((process, client))
}

fn start_apiserver(
    parts: &Parts,
    dir: &Path,
    place: &Place,
    store: &str,
    audit_log: &Path,
    options: &Options,
) -> Result<Process> {
    let policy = dir.join("audit-policy.yaml");
    fs::write(&policy, AUDIT_POLICY).context("writing the audit policy")?;
    let address = place.address;
    let file = |flag: &str, name: &str| format!("--{flag}={}", dir.join(name).display());
    let mut program = Process::of("kube-apiserver", parts.path(Part::KubeApiserver)?)
        .bare_environment()
        .grace(GRACE)
        .arg(format!("--etcd-servers={store}"))
        .arg(format!("--bind-address={address}"))
        .arg(format!("--advertise-address={address}"))
        .arg(format!("--secure-port={}", place.port))
        .arg(file("tls-cert-file", pki::SERVER_CERTIFICATE))
        .arg(file("tls-private-key-file", pki::SERVER_KEY))
        .arg(file("client-ca-file", pki::AUTHORITY))
        // The server's own address: no two clusters share an issuer, so that a token of one is no use at another.
        .arg(format!("--service-account-issuer={}", place.url()))
        .arg(file("service-account-signing-key-file", pki::TOKEN_KEY))
        .arg(file("service-account-key-file", pki::TOKEN_PUBLIC_KEY))
        .arg(format!("--service-cluster-ip-range={}", place.service_range()))
        .arg("--allow-privileged=true")
        .arg(format!("--audit-policy-file={}", policy.display()))
        .arg(format!("--audit-log-path={}", audit_log.display()))
        // Never rotated: a test reads it from the start.
        .arg("--audit-log-maxsize=100000");
    program = if place.nodes {
        program
            .args(["--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"])
            .arg(file("kubelet-client-certificate", pki::KUBELET_CLIENT_CERTIFICATE))
            .arg(file("kubelet-client-key", pki::KUBELET_CLIENT_KEY))
            .arg(file("kubelet-certificate-authority", pki::AUTHORITY))
            .arg("--kubelet-preferred-address-types=InternalIP")
    } else {
        // Nothing could reach the API server through its Service.
        program.args(["--authorization-mode=RBAC", "--endpoint-reconciler-type=none"])
    };
    program.args(&options.apiserver_args).spawn(dir)
}

/// Needed for the deletion of namespaces, for garbage collection and for default ServiceAccounts.
fn start_controller_manager(parts: &Parts, dir: &Path, kubeconfig: &Path) -> Result<Process> {
    let file = |flag: &str, name: &str| format!("--{flag}={}", dir.join(name).display());
    Process::of("kube-controller-manager", parts.path(Part::KubeControllerManager)?)
        .bare_environment()
        .grace(GRACE)
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .arg(file("service-account-private-key-file", pki::TOKEN_KEY))
        .arg(file("root-ca-file", pki::AUTHORITY))
        .args(["--leader-elect=false", "--secure-port=0"])
        // At the default rate a namespace gets its default ServiceAccount 5 s late.
        .args(["--kube-api-qps=500", "--kube-api-burst=500"])
        .spawn(dir)
}

async fn wait_ready(admin: &Path, processes: &[Process], deadline: Instant) -> Result<()> {
    let client = kubeconfig::client(admin).await?;
    loop {
        for process in processes {
            process.check_running()?;
        }
        if kubeconfig::is_ready(&client).await {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let words: Vec<String> =
                processes.iter().map(|process| format!("{}{}", process.name(), process.last_words())).collect();
            bail!("the API server did not become ready in time\n{}", words.join("\n"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn url(scheme: &str, port: u16) -> String {
    format!("{scheme}://127.0.0.1:{port}")
}
