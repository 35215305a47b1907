//! The operator as a process, with the rights and the environment it would have in a Pod, and nothing else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::Process;
use crate::wait;

/// The flag that says where metrics and health are served.
const METRICS_FLAG: &str = "--listen";
/// The variable a Deployment sets from the Pod's name; the identity in the Lease.
const IDENTITY_VARIABLE: &str = "POD_NAME";

/// How to start the operator.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whose rights it has; see [`crate::Cluster::service_account_kubeconfig`].
    pub kubeconfig: PathBuf,
    /// Where its logs go; a folder that outlives it.
    pub logs: PathBuf,
    /// Its variables, for example [`crate::AzureSim::environment`]. It gets none of this process's own but `PATH`,
    /// `HOME`, `TMPDIR`, `RUST_LOG` and `RUST_BACKTRACE`: what a developer has set must not decide a test.
    pub environment: BTreeMap<String, String>,
    /// Arguments after `run`.
    pub args: Vec<String>,
    /// Its name in the Lease and in the names of its logs; `operator` unless set.
    pub identity: Option<String>,
}

/// A running operator.
#[derive(Debug)]
pub struct Operator {
    process: Process,
    program: PathBuf,
    options: Options,
    metrics: SocketAddr,
}

impl Operator {
    /// Starts `program run …`. Does not wait: see [`Operator::wait_ready`].
    pub fn start(program: &Path, options: Options) -> Result<Self> {
        let metrics = crate::ports::free_address()?;
        let process = run(program, &options, metrics)?;
        Ok(Self { process, program: program.to_owned(), options, metrics })
    }

    /// The process: to kill, pause or terminate it.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Starts it again with the same options and metrics address; if it still runs, it is killed first.
    pub async fn restart(&mut self) -> Result<()> {
        self.process.kill().await?;
        self.process = run(&self.program, &self.options, self.metrics)?;
        Ok(())
    }

    /// Where it serves metrics and health.
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics
    }

    /// Its metrics, as text.
    pub async fn metrics(&self) -> Result<String> {
        self.get("/metrics").await
    }

    /// Waits until `/readyz` answers 200; an operator that ends meanwhile is an error at once.
    pub async fn wait_ready(&self, timeout: Duration) -> Result<()> {
        let ready = wait::wait_for_some("the operator to be ready", timeout, || async {
            match self.process.check_running() {
                Err(ended) => Some(Err(ended)),
                Ok(()) => self.get("/readyz").await.is_ok().then_some(Ok(())),
            }
        });
        ready.await.with_context(|| self.process.last_words())?
    }

    async fn get(&self, path: &str) -> Result<String> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let answer = client.get(format!("http://{}{path}", self.metrics)).send().await?.error_for_status()?;
        Ok(answer.text().await?)
    }
}

fn run(program: &Path, options: &Options, metrics: SocketAddr) -> Result<Process> {
    let name = options.identity.as_deref().unwrap_or("operator");
    let passed_on = ["RUST_LOG", "RUST_BACKTRACE"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    Process::of(name, program)
        .bare_environment()
        .grace(Duration::from_secs(5))
        .envs(passed_on)
        .env("KUBECONFIG", &options.kubeconfig)
        .env(IDENTITY_VARIABLE, name)
        .envs(&options.environment)
        .arg("run")
        .arg(METRICS_FLAG)
        .arg(metrics.to_string())
        .args(&options.args)
        .spawn(&options.logs)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn it_gets_what_it_is_given_and_nothing_of_the_developers() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("fake");
        std::fs::write(&program, "#!/bin/sh\nenv\necho arguments: \"$@\"\nexec sleep 60\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let environment = BTreeMap::from([("AZURE_TENANT_ID".to_owned(), "t".to_owned())]);
        let options = Options {
            kubeconfig: "/some/kubeconfig".into(),
            logs: dir.path().join("logs"),
            environment,
            args: vec!["--cluster-id".to_owned(), "c".to_owned()],
            identity: Some("operator-a".to_owned()),
        };
        let operator = Operator::start(&program, options).unwrap();
        let seconds = Duration::from_secs(10);
        let line =
            operator.process().wait_for_stdout_line(seconds, |line| line.starts_with("arguments:")).await.unwrap();
        assert_eq!(line, format!("arguments: run --listen {} --cluster-id c", operator.metrics_address()));
        let printed = std::fs::read_to_string(operator.process().stdout()).unwrap();
        for expected in ["AZURE_TENANT_ID=t", "KUBECONFIG=/some/kubeconfig", "POD_NAME=operator-a"] {
            assert!(printed.lines().any(|line| line == expected), "{expected} is not in {printed}");
        }
        assert!(!printed.contains("CARGO"), "{printed}");
    }
}
