//! An app with its relay, on a cluster without nodes: what a kubelet would run are processes here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::relay_process::{self, RelayProcess};
use testbed::{Process, binaries, ports, wait_for, wait_for_some};

use super::apps::Apps;
use crate::command::installation::Installation;
use crate::command::objects::text;
use crate::command::quickstart::Quickstart;
use crate::command::show::Show;
use crate::command::story::{SHOP, SOON};

/// What runs in place of pods. Ends with the value.
pub(crate) struct Neighbourhood {
    /// The relay.
    pub(crate) relay: RelayProcess,
    /// The first container of the pod that was admitted.
    pub(crate) first_container: Value,
    /// Where the app and what stands behind it are reached.
    pub(crate) apps: Apps,
    app: Process,
    _back_office: Process,
    listens: SocketAddr,
    logs: PathBuf,
}

impl Neighbourhood {
    /// Applies the example, and runs what the pod that came of it says.
    pub(crate) async fn start(show: &Show, all: &Installation) -> Result<Self> {
        let [listens, behind] = [ports::free_address()?, ports::free_address()?];
        apply(show, all, listens, behind).await?;
        let pod = admitted(show, all).await?;
        let name = text(&pod, "/metadata/name").to_owned();
        let logs = all.logs().join("relay-logs");
        let options = relay_process::Options { logs: logs.clone(), ..relay_process::Options::default() };
        let relay = RelayProcess::start(&all.client, SHOP, &name, options).await?;
        show.detail(&format!("no node runs pods here: that very container of pod {name} runs as a process, with its arguments and its volumes, and so does the app"));
        let app = run("app", listens, relay.local(), &logs)?;
        let back_office = run("back-office", behind, relay.local(), &logs)?;
        all.front.point_at(&[relay.events()]);
        let apps = Apps::new(&format!("http://{listens}"), &format!("http://{behind}"))?;
        let first_container = pod.pointer("/spec/initContainers/0").cloned().unwrap_or_default();
        Ok(Self { relay, first_container, apps, app, _back_office: back_office, listens, logs })
    }

    /// `kill -9` of the app. Returns the command that does.
    pub(crate) async fn kill_app(&self) -> Result<String> {
        let command = format!("kill -9 {}", self.app.pid());
        self.app.kill().await?;
        Ok(command)
    }

    /// Starts the app again, and waits until it answers.
    pub(crate) async fn restart_app(&mut self) -> Result<()> {
        self.app = run("app", self.listens, self.relay.local(), &self.logs).context("starting the app again")?;
        wait_for("the app to answer", Duration::from_secs(10), || self.apps.is_up()).await
    }
}

async fn apply(show: &Show, all: &Installation, app: SocketAddr, back_office: SocketAddr) -> Result<()> {
    let example = Quickstart::copy_relay(all.cluster.dir().join("relay"))?;
    example.edit("10-relay.yaml", "https://events.shop.example", &all.front.url())?;
    example.edit("10-relay.yaml", "port: 8080", &format!("port: {}", app.port()))?;
    for name in ["work-items", "mail"] {
        let service = format!("service:\n            name: {name}\n          port: 80");
        example.edit("10-relay.yaml", &service, &format!("port: {}", back_office.port()))?;
    }
    show.did(&format!("kubectl -n {SHOP} apply -f examples/relay/"));
    show.detail("a copy of them: there is no DNS for Services here, so all three targets are on localhost; events.shop.example is a front on this machine that ends TLS");
    let folder = example.folder().display().to_string();
    all.cluster.kubectl(["-n", SHOP, "apply", "-f", &folder]).await?.ok().map(drop)
}

/// The pod that the Deployment came to. Until the relay was looked at, none is admitted.
async fn admitted(show: &Show, all: &Installation) -> Result<Value> {
    let found = wait_for_some("a pod of the app to be admitted", SOON, || async {
        let args = ["-n", SHOP, "get", "pods", "-l", "app=app", "-o", "json"];
        let list = all.cluster.kubectl(args).await.ok()?.ok().ok()?;
        let list: Value = serde_json::from_str(&list).ok()?;
        list.pointer("/items/0").cloned()
    });
    show.waiting("the operator publishes the container; the policy puts it in", found).await
}

fn run(name: &'static str, listen: SocketAddr, relay: SocketAddr, logs: &std::path::Path) -> Result<Process> {
    let program = Process::of(name, binaries::workspace("sample-app")?).bare_environment();
    program.arg("--listen").arg(listen.to_string()).arg("--relay").arg(format!("http://{relay}")).spawn(logs)
}
