//! What the chapters of demo and e2e share.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testbed::Ground;

use super::calls::Line;
use super::installation::Installation;
use super::installation::Options;
use super::objects::{self, text};
use super::quickstart::{Identity, Quickstart, Secrets};
use super::show::{Output, Show};
use super::signals::asked_to_stop;
use super::{NAMESPACES, live};

/// For whatever has to happen; nothing takes as long unless it is broken.
pub(crate) const SOON: Duration = Duration::from_secs(30);
pub(crate) const SHOP: &str = NAMESPACES[0];
pub(crate) const SECOND: &str = NAMESPACES[1];
/// Objects of the quick start: account, namespace, hub, service, subscription.
pub(crate) const OBJECTS: usize = 5;

/// Starts everything, tells the story, takes everything down again; the code says whether every claim held.
///
/// # Errors
/// When it could not even start, or not be taken down.
pub(crate) async fn perform(
    output: Output,
    first: &str,
    options: Options,
    identity: Identity,
    tell: impl AsyncFnOnce(&mut Story<'_>) -> Result<()>,
) -> Result<ExitCode> {
    // Before the start, so that a Ctrl-C during it takes down what is already there.
    let mut stop = std::pin::pin!(asked_to_stop()?);
    let mut show = Show::new(output);
    show.line(&format!("{first}\n"));
    let mut all = match started(&mut show, &options, stop.as_mut()).await? {
        Some(all) => all,
        None => return Ok(interrupted()),
    };
    let told = {
        let quickstart = Quickstart::copy(all.cluster.dir().join("quickstart"), &all.azure, identity)?;
        let line = Line { service: String::new(), hub: String::new(), user: "8:acs:anna".to_owned() };
        let mut story = Story { show: &mut show, all: &mut all, quickstart, secrets: Secrets::make()?, line, identity };
        tokio::select! {
            () = &mut stop => None,
            told = Box::pin(tell(&mut story)) => Some(told),
        }
    };
    let left = all.leave_no_trace(&NAMESPACES).await;
    let Some(told) = told else { return Ok(interrupted()) };
    if let Err(error) = &told {
        show.failed(error);
    }
    let held = show.sum_up();
    if output == Output::Json {
        println!("{:#}", show.json());
    }
    if !held {
        all.cluster.keep();
        show.line(&format!("\n  Logs: {}", all.logs().display()));
    }
    left.context("cleaning up")?;
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts everything; none if it was interrupted.
pub(crate) async fn started(
    show: &mut Show,
    options: &Options,
    stop: impl Future<Output = ()>,
) -> Result<Option<Installation>> {
    let mut starting = Box::pin(Installation::start(show, options));
    tokio::select! {
        () = stop => {}
        started = &mut starting => return started.map(Some),
    }
    if let Ground::Given(_) = Ground::from_environment() {
        eprintln!("interrupted: what has begun in your cluster is finished, and then taken out again");
        if let Ok(all) = starting.await {
            all.leave_no_trace(&[]).await.context("cleaning up")?;
        }
    }
    Ok(None)
}

fn interrupted() -> ExitCode {
    // As a shell reports SIGINT.
    ExitCode::from(130)
}

/// What the chapters share.
pub(crate) struct Story<'a> {
    pub(crate) show: &'a mut Show,
    pub(crate) all: &'a mut Installation,
    pub(crate) quickstart: Quickstart,
    pub(crate) secrets: Secrets,
    /// Who calls whom, once there is a service.
    pub(crate) line: Line,
    /// How the operator proves to Azure who it is.
    pub(crate) identity: Identity,
}

impl Story<'_> {
    /// An object that has to be there.
    pub(crate) async fn object(&self, namespace: &str, plural: &str, name: &str) -> Result<Value> {
        let object = objects::get(&self.all.client, namespace, plural, name).await?;
        object.with_context(|| format!("{plural} {namespace}/{name} is gone"))
    }

    /// The ARM id that an object's status names.
    pub(crate) async fn azure_id(&self, namespace: &str, plural: &str, name: &str) -> Result<String> {
        Ok(text(&self.object(namespace, plural, name).await?, "/status/azureResourceId").to_owned())
    }

    /// The service of the first namespace.
    pub(crate) async fn service(&self) -> Result<Value> {
        self.object(SHOP, "communicationservices", "shop").await
    }

    /// A namespace with the Secrets, and the quick start in it.
    pub(crate) async fn apply(&mut self, namespace: &str) -> Result<()> {
        self.show.did(&format!("kubectl create namespace {namespace}"));
        self.all.cluster.kubectl(["create", "namespace", namespace]).await?.ok()?;
        self.show
            .did(&format!("kubectl -n {namespace} create secret generic azure-credentials …, apns …, fcm …, events …"));
        let url = format!("{}?code=s3cret", self.all.webhook.url());
        self.all.cluster.apply(&self.secrets.manifest(namespace, &self.all.azure, &url)).await?;
        if self.identity == Identity::Workload {
            self.federate(namespace).await?;
        }
        self.apply_files(namespace).await
    }

    /// What `az identity federated-credential create` does: Azure trusts this cluster's word for that ServiceAccount.
    async fn federate(&self, namespace: &str) -> Result<()> {
        let (cluster, azure) = (&self.all.cluster, &self.all.azure);
        let subject = format!("system:serviceaccount:{namespace}:acs-operator-azure");
        self.show.did(&format!("az identity federated-credential create --subject {subject} …"));
        let client = azure.environment().get("AZURE_CLIENT_ID").context("the simulator names no client")?;
        let trust = json!({"clientId": client, "issuer": cluster.issuer().await?, "subject": subject,
            "jwks": cluster.jwks().await?});
        azure.post("/_sim/federation", &trust).await.map(drop)
    }

    /// The files of the quick start as they are now.
    pub(crate) async fn apply_files(&self, namespace: &str) -> Result<()> {
        self.show.did(&format!("kubectl -n {namespace} apply -f examples/quickstart/"));
        let folder = self.quickstart.folder().display().to_string();
        self.all.cluster.kubectl(["-n", namespace, "apply", "-f", &folder]).await?.ok().map(drop)
    }

    /// Draws the tree until everything is Ready.
    pub(crate) async fn until_ready(&self, namespace: &str) -> Result<()> {
        self.until_so_many_ready(namespace, OBJECTS).await
    }

    /// As [`Story::until_ready`], with more than the quick start's objects.
    pub(crate) async fn until_so_many_ready(&self, namespace: &str, count: usize) -> Result<()> {
        live::until_ready(self.show, self.all, namespace, count, SOON).await
    }
}
