//! `testbed e2e`: operator, relay and app as real pods on a real node, installed as their users do.

pub(super) mod admission;
mod deletion;
mod deployment;
mod order;
mod stream;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;
use testbed::{Ground, wait_for};

use super::demo::{PERMILLE, SCALE, crash, creation};
use super::installation::images::Images;
use super::installation::{Installation, Options};
use super::objects::text;
use super::quickstart::Identity;
use super::relay::{self, apps::Apps};
use super::show::Output;
use super::story::{self, SHOP, Story};

const NO_IMAGES: &str = "the cluster has no images of this project: set IMAGE_LOAD to a command that loads an archive onto its nodes (IMAGE_LOAD='kind load image-archive {}'), or IMAGE_PREFIX to where you have pushed them (`make images` writes them); and HOST_ADDRESS to an address of this machine that its pods reach";

/// Where the sample app listens.
const APP_PORT: u16 = 8080;
/// Pods start and end in their own time.
const PODS: Duration = Duration::from_secs(90);

#[derive(Args)]
pub(crate) struct E2e {
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// Only say why it cannot run here, if it cannot
    #[arg(long)]
    refusal: bool,
}

impl E2e {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let refusal = refusal()?;
        if self.refusal {
            if let Some(why) = refusal {
                println!("{why}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(why) = refusal {
            bail!("{why}");
        }
        let options =
            Options { label: "e2e", profile: "azure", scale: SCALE, permille: PERMILLE, azure_args: Vec::new() };
        let first = "acs-operator, relay and app as real pods, against a simulated Azure.";
        story::perform(self.output, first, options, Identity::Workload, tell).await
    }
}

/// Why it cannot run here.
fn refusal() -> Result<Option<String>> {
    let ground = Ground::from_environment();
    if ground == Ground::Bare {
        return Ok(Some("CLUSTER=bare has no nodes for pods: set CLUSTER=node, or to a kubeconfig".to_owned()));
    }
    if ground == Ground::Node {
        return Ok(testbed::cluster::node::refusal());
    }
    Ok(Images::for_ground(&ground)?.is_none().then(|| NO_IMAGES.to_owned()))
}

async fn tell(story: &mut Story<'_>) -> Result<()> {
    Box::pin(creation::create(story)).await?;
    Box::pin(creation::call(story)).await?;
    Box::pin(admission::admit(story)).await?;
    let (azure, service) = (&story.all.azure, story.line.service.clone());
    let apps = apps(story).await?;
    Box::pin(relay::sms(story.show, azure, &service, &apps)).await?;
    Box::pin(relay::chat(story.show, azure, &story.line)).await?;
    Box::pin(relay::direct(story.show, azure, &apps)).await?;
    Box::pin(outage(story)).await?;
    Box::pin(stream::stream(story)).await?;
    Box::pin(order::order(story)).await?;
    Box::pin(deployment::deployment(story)).await?;
    Box::pin(crash::crash(story)).await?;
    Box::pin(deletion::delete(story)).await
}

/// The app is scaled to nothing, an event comes, the app returns, the event arrives.
pub(super) async fn outage(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("The app is gone, an event comes, the app returns, the event arrives");
    let service = story.line.service.clone();
    scale(story, 0).await?;
    wait_for("the app's pods to be gone", PODS, || async {
        pods(story.all, "app").await.is_ok_and(|pods| pods.is_empty())
    })
    .await?;
    let id = relay::meanwhile(story.show, &story.all.azure, &service).await?;
    scale(story, 1).await?;
    rollout(story, "app").await?;
    let apps = apps(story).await?;
    relay::afterwards(story.show, &story.all.azure, &apps, &id).await
}

async fn scale(story: &Story<'_>, replicas: u32) -> Result<()> {
    let replicas = format!("--replicas={replicas}");
    story.show.did(&format!("kubectl -n {SHOP} scale deploy/app {replicas}"));
    story.all.cluster.kubectl(["-n", SHOP, "scale", "deploy/app", &replicas]).await?.ok().map(drop)
}

/// Waits until the newest pods of a Deployment are ready and the old ones are gone.
async fn rollout(story: &Story<'_>, deployment: &str) -> Result<()> {
    let args = ["-n", SHOP, "rollout", "status", &format!("deploy/{deployment}"), "--timeout=90s"].map(str::to_owned);
    let done = story.show.waiting(&format!("{deployment} comes up"), story.all.cluster.kubectl(args)).await?;
    done.ok().map(drop)
}

/// Pods with that label `app`.
async fn pods(all: &Installation, app: &str) -> Result<Vec<Value>> {
    let args = ["-n", SHOP, "get", "pods", "-l", &format!("app={app}"), "-o", "json"].map(str::to_owned);
    let list: Value = serde_json::from_str(&all.cluster.kubectl(args).await?.ok()?)?;
    Ok(list.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
}

/// The one pod of an app that is not about to end.
async fn pod(all: &Installation, app: &str) -> Result<Value> {
    let stays = |pod: &Value| pod.pointer("/metadata/deletionTimestamp").is_none();
    pods(all, app).await?.into_iter().find(stays).with_context(|| format!("no pod of {app} is there"))
}

/// Where the apps are: pods are reached from this machine by their addresses, or through the API server.
pub(super) async fn apps(story: &Story<'_>) -> Result<Apps> {
    let [app, back_office] = [url_of(story.all, "app").await?, url_of(story.all, "back-office").await?];
    Apps::new(&app, &back_office)
}

pub(super) async fn url_of(all: &Installation, app: &str) -> Result<String> {
    let pod = pod(all, app).await?;
    let own = SocketAddr::new(text(&pod, "/status/podIP").parse().context("the pod has no address")?, APP_PORT);
    let address = all.pod_address(SHOP, text(&pod, "/metadata/name"), own).await?;
    Ok(format!("http://{address}"))
}
