//! `testbed demo`: the whole product on a real API server, each claim looked at where it has to show.

mod crash;
mod creation;
mod deletion;
mod drift;
mod inventory;
mod rotation;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use super::calls::Line;
use super::installation::{Installation, Options};
use super::objects::{self, text};
use super::quickstart::{Quickstart, Secrets};
use super::show::{Output, Show};
use super::signals::asked_to_stop;
use super::{NAMESPACES, live};

/// A hundred times faster than Azure: ten minutes are six seconds.
const SCALE: f64 = 0.01;
const PERMILLE: u64 = 10;
/// For whatever has to happen; nothing takes as long unless it is broken.
pub(super) const SOON: Duration = Duration::from_secs(30);
pub(super) const SHOP: &str = NAMESPACES[0];
pub(super) const SECOND: &str = NAMESPACES[1];
/// Objects of the quick start: account, namespace, hub, service, subscription.
pub(super) const OBJECTS: usize = 5;

#[derive(Args)]
pub(crate) struct Demo {
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What the chapters share.
pub(super) struct Story<'a> {
    pub(super) show: &'a mut Show,
    pub(super) all: &'a mut Installation,
    pub(super) quickstart: Quickstart,
    pub(super) secrets: Secrets,
    /// Who calls whom, once there is a service.
    pub(super) line: Line,
}

impl Demo {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        // Before the start, so that a Ctrl-C during it takes down what is already there.
        let mut stop = std::pin::pin!(asked_to_stop()?);
        let mut show = Show::new(self.output);
        show.line("acs-operator on a real Kubernetes API server, against a simulated Azure.\n");
        let options =
            Options { label: "demo", profile: "azure", scale: SCALE, permille: PERMILLE, azure_args: Vec::new() };
        let mut all = tokio::select! {
            () = &mut stop => return Ok(interrupted()),
            started = Box::pin(Installation::start(&mut show, &options)) => started?,
        };
        let told = tokio::select! {
            () = &mut stop => None,
            told = Box::pin(tell(&mut show, &mut all)) => Some(told),
        };
        let left = all.leave_no_trace(&NAMESPACES).await;
        let Some(told) = told else { return Ok(interrupted()) };
        if let Err(error) = &told {
            show.failed(error);
        }
        let held = show.sum_up();
        if self.output == Output::Json {
            println!("{:#}", show.json());
        }
        if !held {
            all.cluster.keep();
            show.line(&format!("\n  Logs: {}", all.logs().display()));
        }
        left.context("cleaning up")?;
        Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn interrupted() -> ExitCode {
    // As a shell reports SIGINT.
    ExitCode::from(130)
}

async fn tell(show: &mut Show, all: &mut Installation) -> Result<()> {
    let quickstart = Quickstart::copy(all.cluster.dir().join("quickstart"), &all.azure)?;
    let line = Line { service: String::new(), hub: String::new(), user: "8:acs:anna".to_owned() };
    let mut story = Story { show, all, quickstart, secrets: Secrets::make()?, line };
    Box::pin(creation::create(&mut story)).await?;
    Box::pin(inventory::look(&mut story)).await?;
    Box::pin(creation::call(&mut story)).await?;
    Box::pin(drift::tags(&mut story)).await?;
    Box::pin(drift::link(&mut story)).await?;
    Box::pin(rotation::rotate(&mut story)).await?;
    Box::pin(rotation::regenerate(&mut story)).await?;
    Box::pin(crash::crash(&mut story)).await?;
    Box::pin(deletion::delete(&mut story)).await
}

impl Story<'_> {
    /// An object that has to be there.
    pub(super) async fn object(&self, namespace: &str, plural: &str, name: &str) -> Result<Value> {
        let object = objects::get(&self.all.client, namespace, plural, name).await?;
        object.with_context(|| format!("{plural} {namespace}/{name} is gone"))
    }

    /// The ARM id that an object's status names.
    pub(super) async fn azure_id(&self, namespace: &str, plural: &str, name: &str) -> Result<String> {
        Ok(text(&self.object(namespace, plural, name).await?, "/status/azureResourceId").to_owned())
    }

    /// The service of the first namespace.
    pub(super) async fn service(&self) -> Result<Value> {
        self.object(SHOP, "communicationservices", "shop").await
    }

    /// A namespace with the Secrets, and the quick start in it.
    pub(super) async fn apply(&mut self, namespace: &str) -> Result<()> {
        self.show.did(&format!("kubectl create namespace {namespace}"));
        self.all.cluster.kubectl(["create", "namespace", namespace]).await?.ok()?;
        self.show
            .did(&format!("kubectl -n {namespace} create secret generic azure-credentials …, apns …, fcm …, events …"));
        let url = format!("{}?code=s3cret", self.all.webhook.url());
        self.all.cluster.apply(&self.secrets.manifest(namespace, &self.all.azure, &url)).await?;
        self.apply_files(namespace).await
    }

    /// The files of the quick start as they are now.
    pub(super) async fn apply_files(&self, namespace: &str) -> Result<()> {
        self.show.did(&format!("kubectl -n {namespace} apply -f examples/quickstart/"));
        let folder = self.quickstart.folder().display().to_string();
        self.all.cluster.kubectl(["-n", namespace, "apply", "-f", &folder]).await?.ok().map(drop)
    }

    /// Draws the tree until everything is Ready.
    pub(super) async fn until_ready(&self, namespace: &str) -> Result<()> {
        live::until_ready(self.show, self.all, namespace, OBJECTS, SOON).await
    }
}
