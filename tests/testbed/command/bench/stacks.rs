//! Makes stacks of the quick start, all at once, and measures until each is Ready.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt as _, TryStreamExt as _};
use kube::Client;
use serde_json::{Value, json};

use super::super::in_azure::{Request, journal};
use super::super::installation::Installation;
use super::super::objects;
use super::super::quickstart::{Quickstart, Secrets};
use super::count::{self, Run};

/// Longer than any of it takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(900);
const LOOK: Duration = Duration::from_millis(250);
/// Requests under way at once while the stacks are made.
const WRITERS: usize = 16;
const KINDS: [&str; 4] =
    ["notificationhubnamespaces", "notificationhubs", "communicationservices", "eventsubscriptions"];

/// One run.
pub(super) async fn measure(
    all: &Installation,
    quickstart: &Quickstart,
    secrets: &Secrets,
    profile: &'static str,
    count: usize,
) -> Result<Run> {
    let namespace = format!("bench-{count}");
    prepare(all, quickstart, secrets, &namespace).await?;
    let (_, since) = journal(&all.azure, 0).await?;
    let objects = objects_of(quickstart, count)?;
    let created = futures::stream::iter(
        objects.into_iter().map(|(plural, object)| create(&all.client, &namespace, plural, object)),
    );
    created.buffer_unordered(WRITERS).try_collect::<Vec<()>>().await?;
    let requests = until_ready(all, &namespace, count, since).await?;
    count::run(all, profile, count, &namespace, &requests).await
}

/// A namespace with Secrets and an account that is Ready.
pub(super) async fn prepare(
    all: &Installation,
    quickstart: &Quickstart,
    secrets: &Secrets,
    namespace: &str,
) -> Result<()> {
    all.cluster.kubectl(["create", "namespace", namespace]).await?.ok()?;
    let url = format!("{}?code=s3cret", all.webhook.url());
    all.cluster.apply(&secrets.manifest(namespace, &all.azure, &url)).await?;
    create(&all.client, namespace, "azureaccounts", quickstart.read("account.yaml")?).await?;
    testbed::wait_for("the account to be Ready", Duration::from_secs(60), || async {
        let account = objects::get(&all.client, namespace, "azureaccounts", "default").await;
        account.is_ok_and(|account| account.is_some_and(|account| objects::is_ready(&account)))
    })
    .await
}

async fn create(client: &Client, namespace: &str, plural: &str, object: Value) -> Result<()> {
    let path = format!("/apis/acs-operator.dev/v1alpha1/namespaces/{namespace}/{plural}");
    let request = http::Request::post(&path).body(serde_json::to_vec(&object)?)?;
    client.request::<Value>(request).await.with_context(|| format!("POST {path}")).map(drop)
}

/// Prefix of the names of all stacks of a run, so that its requests to Azure can be told from others'.
pub(super) fn prefix(count: usize) -> String {
    format!("s{count}-")
}

/// The quick start's four kinds, `count` times. All of a stack have its name.
fn objects_of(quickstart: &Quickstart, count: usize) -> Result<Vec<(&'static str, Value)>> {
    let files = ["10-hub-namespace.yaml", "20-hub.yaml", "30-communication-service.yaml", "40-event-subscription.yaml"];
    let templates = files.map(|file| quickstart.read(file)).into_iter().collect::<Result<Vec<_>>>()?;
    let mut objects = Vec::new();
    for number in 0..count {
        let stack = format!("{}{number:03}", prefix(count));
        let (backend, connection) = (format!("{stack}-backend"), format!("{stack}-acs"));
        let names = [
            ("/metadata/name", &stack),
            ("/spec/namespaceRef/name", &stack),
            ("/spec/notificationHub/hubRef/name", &stack),
            ("/spec/source/serviceRef/name", &stack),
            ("/spec/connectionSecretName", &connection),
            ("/spec/accessPolicies/0/secretName", &backend),
        ];
        for (plural, template) in KINDS.into_iter().zip(&templates) {
            let mut object = template.clone();
            for (pointer, name) in names {
                if let Some(place) = object.pointer_mut(pointer) {
                    *place = json!(name);
                }
            }
            objects.push((plural, object));
        }
    }
    Ok(objects)
}

/// Waits; returns the requests that reached Azure meanwhile, read often because the simulator keeps only the last.
async fn until_ready(all: &Installation, namespace: &str, count: usize, mut since: u64) -> Result<Vec<Request>> {
    let (started, mut requests) = (Instant::now(), Vec::new());
    let mut open = KINDS.to_vec();
    loop {
        all.check_running()?;
        // From the last kind on: when that is not Ready there is no need to look at the others.
        let done = match open.last() {
            None => true,
            Some(plural) => {
                let there = objects::list(&all.client, Some(namespace), plural).await?;
                if there.iter().filter(|object| objects::is_ready(object)).count() == count {
                    open.pop();
                    continue;
                }
                false
            }
        };
        let (new, next) = journal(&all.azure, since).await?;
        requests.extend(new);
        since = next;
        if done {
            return Ok(requests);
        }
        if started.elapsed() > PATIENCE {
            bail!("{count} stacks were not Ready within {PATIENCE:?}; {open:?} were not");
        }
        tokio::time::sleep(LOOK).await;
    }
}
