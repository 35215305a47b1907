//! etcd, kube-apiserver and kube-controller-manager on loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::pki::{self, Identity};
use super::{Options, kubeconfig};
use crate::parts::{Part, Parts};
use crate::ports;
use crate::process::Process;
use crate::scratch::Scratch;

const AUDIT_POLICY: &str = include_str!("audit-policy.yaml");
/// Nothing here has anything to save; long enough for a last log line.
const GRACE: Duration = Duration::from_millis(200);

pub(super) struct Bare {
    pub(super) processes: Vec<Process>,
    pub(super) kubeconfig: PathBuf,
    pub(super) audit_log: PathBuf,
}

pub(super) async fn start(parts: &Parts, scratch: &Scratch, options: &Options) -> Result<Bare> {
    let dir = scratch.path();
    let deadline = Instant::now() + options.timeout;
    let server = format!("https://127.0.0.1:{}", ports::free()?);
    let authority = pki::write(dir)?;
    let admin = dir.join("admin.kubeconfig");
    kubeconfig::with_certificate(&server, &authority, &authority.issue(&Identity::ADMIN)?, &admin)?;
    let controllers = dir.join("controller-manager.kubeconfig");
    let certificate = authority.issue(&Identity::CONTROLLER_MANAGER)?;
    kubeconfig::with_certificate(&server, &authority, &certificate, &controllers)?;

    let (etcd, store) = start_etcd(parts, scratch)?;
    let audit_log = dir.join("audit.log");
    let apiserver = start_apiserver(parts, dir, &server, &store, &audit_log, options)?;
    let mut processes = vec![apiserver, etcd];
    wait_ready(&admin, &processes, deadline).await?;
    processes.insert(0, start_controller_manager(parts, dir, &controllers)?);
    Ok(Bare { processes, kubeconfig: admin, audit_log })
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
    server: &str,
    store: &str,
    audit_log: &Path,
    options: &Options,
) -> Result<Process> {
    let policy = dir.join("audit-policy.yaml");
    fs::write(&policy, AUDIT_POLICY).context("writing the audit policy")?;
    let port = server.rsplit(':').next().unwrap_or_default();
    let file = |flag: &str, name: &str| format!("--{flag}={}", dir.join(name).display());
    Process::of("kube-apiserver", parts.path(Part::KubeApiserver)?)
        .bare_environment()
        .grace(GRACE)
        .arg(format!("--etcd-servers={store}"))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none"])
        .arg(format!("--secure-port={port}"))
        .arg(file("tls-cert-file", pki::SERVER_CERTIFICATE))
        .arg(file("tls-private-key-file", pki::SERVER_KEY))
        .arg(file("client-ca-file", pki::AUTHORITY))
        // The server's own address: no two clusters share an issuer, so that a token of one is no use at another.
        .arg(format!("--service-account-issuer={server}"))
        .arg(file("service-account-signing-key-file", pki::TOKEN_KEY))
        .arg(file("service-account-key-file", pki::TOKEN_PUBLIC_KEY))
        .args(["--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC", "--allow-privileged=true"])
        .arg(format!("--audit-policy-file={}", policy.display()))
        .arg(format!("--audit-log-path={}", audit_log.display()))
        // Never rotated: a test reads it from the start.
        .arg("--audit-log-maxsize=100000")
        .args(&options.apiserver_args)
        .spawn(dir)
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
