//! kubectl and helm as their users run them.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{Cluster, Ground};
use crate::parts::{self, Part};
use crate::process::Process;

const FORWARD_WITHIN: Duration = Duration::from_secs(30);

/// What a command answered.
#[derive(Clone, Debug)]
pub struct Output {
    /// The exit code; none if it was ended by a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    command: String,
}

impl Output {
    /// Whether it succeeded.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// What it printed, or an error with what it complained about.
    pub fn ok(self) -> Result<String> {
        if !self.success() {
            bail!("`{}` failed ({:?}): {}", self.command, self.code, self.stderr.trim());
        }
        Ok(self.stdout)
    }
}

impl Cluster {
    /// Runs kubectl with all rights. A command that fails is an `Output` too: see [`Output::ok`].
    pub async fn kubectl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Output> {
        self.run(Part::Kubectl, arguments, None).await
    }

    /// Runs kubectl with `input` as its standard input.
    pub async fn kubectl_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &str,
    ) -> Result<Output> {
        self.run(Part::Kubectl, arguments, Some(input)).await
    }

    /// Runs helm with all rights; its own files stay in the cluster's folder.
    pub async fn helm<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Output> {
        self.run(Part::Helm, arguments, None).await
    }

    /// Applies manifests on the server's side, as the field manager `testbed`.
    pub async fn apply(&self, yaml: &str) -> Result<String> {
        let arguments = ["apply", "--server-side", "--force-conflicts", "--field-manager=testbed", "-f", "-"];
        self.kubectl_with_input(arguments, yaml).await?.ok()
    }

    /// A port of this machine that leads to `target` (`service/shop`) of a namespace, for as long as the process lives.
    pub async fn port_forward(&self, namespace: &str, target: &str, port: u16) -> Result<(Process, SocketAddr)> {
        let process = Process::of("port-forward", self.tool(Part::Kubectl).await?)
            .env("KUBECONFIG", self.kubeconfig())
            .args(["-n", namespace, "port-forward", target, &format!(":{port}")])
            .spawn(self.dir())?;
        let says = "Forwarding from 127.0.0.1:";
        let line = process.wait_for_stdout_line(FORWARD_WITHIN, |line| line.starts_with(says)).await?;
        let address = line.split_whitespace().nth(2).context("kubectl does not say where it forwards from")?;
        Ok((process, address.parse()?))
    }

    async fn run<A: AsRef<OsStr>>(
        &self,
        tool: Part,
        arguments: impl IntoIterator<Item = A>,
        input: Option<&str>,
    ) -> Result<Output> {
        let program = self.tool(tool).await?;
        let mut command = Command::new(&program);
        command.args(arguments).kill_on_drop(true);
        command.env("KUBECONFIG", self.kubeconfig()).env("KUBECACHEDIR", self.dir().join("kubectl-cache"));
        for (name, folder) in [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")]
        {
            command.env(name, self.dir().join("helm").join(folder));
        }
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("starting {}", program.display()))?;
        let feed = async {
            if let (Some(mut stdin), Some(text)) = (child.stdin.take(), input) {
                // A command that does not read to the end has its own say in its exit code.
                let _ = stdin.write_all(text.as_bytes()).await;
            }
        };
        feed.await;
        let output = child.wait_with_output().await.with_context(|| format!("waiting for {}", tool.name()))?;
        let words = command.as_std().get_args().map(OsStr::to_string_lossy);
        Ok(Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            command: std::iter::once(tool.name().into()).chain(words).collect::<Vec<_>>().join(" "),
        })
    }

    /// A given cluster must not need Go, so there the tool on `PATH` will do. Ours is of the pinned version.
    async fn tool(&self, part: Part) -> Result<std::path::PathBuf> {
        if let Ground::Given(_) = self.ground() {
            return parts::find_tool(part).with_context(|| format!("{} is not on PATH", part.name()));
        }
        if let Some(path) = parts::find(part) {
            return Ok(path);
        }
        let parts = tokio::task::spawn_blocking(move || parts::ensure(&[part])).await??;
        Ok(parts.path(part)?.to_owned())
    }
}
