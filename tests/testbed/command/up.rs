//! `testbed up`.

use std::io::Write as _;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use testbed::cluster::Options;
use testbed::{Cluster, Ground, Part, parts};

#[derive(Args)]
pub(crate) struct Up {}

impl Up {
    pub(crate) async fn run(self) -> Result<()> {
        // Before the start, so that a Ctrl-C during it takes down what is already there.
        let stop = super::signals::asked_to_stop()?;
        tokio::select! {
            () = stop => {}
            failed = serve() => failed?,
        }
        Ok(())
    }
}

async fn serve() -> Result<()> {
    let started = Instant::now();
    let options = Options { ground: Ground::from_environment(), label: "up".to_owned(), ..Options::default() };
    let cluster = Cluster::start(options).await?;
    eprintln!("ready in {:.1} s; Ctrl-C ends it", started.elapsed().as_secs_f64());
    std::io::stdout().write_all(exports(&cluster)?.as_bytes())?;
    std::io::stdout().flush()?;
    loop {
        cluster.check_running()?;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

/// What a shell has to know.
fn exports(cluster: &Cluster) -> Result<String> {
    let mut lines = format!("export KUBECONFIG={}\n", cluster.kubeconfig().display());
    let mut programs = vec![parts::bin_dir()?];
    if let Some(node) = cluster.node() {
        // ctr takes these for its defaults.
        lines.push_str(&format!("export CONTAINERD_ADDRESS={}\n", node.containerd().display()));
        lines.push_str("export CONTAINERD_NAMESPACE=k8s.io\n");
        lines.push_str(&format!("export HOST_ADDRESS={}\n", cluster.host_address()));
        programs.extend(parts::find(Part::Ctr).and_then(|ctr| Some(ctr.parent()?.to_owned())));
    }
    if let Some(log) = cluster.audit_log() {
        let programs: Vec<String> = programs.iter().map(|folder| folder.display().to_string()).collect();
        lines.push_str(&format!("export PATH={}:$PATH\n", programs.join(":")));
        lines.push_str(&format!("export AUDIT_LOG={}\n", log.display()));
    }
    Ok(lines)
}
