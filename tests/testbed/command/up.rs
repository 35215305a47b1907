//! `testbed up`.

use std::io::Write as _;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use testbed::cluster::Options;
use testbed::{Cluster, Ground, parts};

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
    let mut lines = format!("export KUBECONFIG={}\n", cluster.kubeconfig().display());
    if let Some(log) = cluster.audit_log() {
        lines.push_str(&format!("export PATH={}:$PATH\n", parts::bin_dir()?.display()));
        lines.push_str(&format!("export AUDIT_LOG={}\n", log.display()));
    }
    std::io::stdout().write_all(lines.as_bytes())?;
    std::io::stdout().flush()?;
    loop {
        cluster.check_running()?;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}
