//! `testbed try-out`: what a reader of `examples/azure-sim` does, on a real node: one `helm install`, one `kubectl apply`, no Azure.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use testbed::cluster::{self, node};
use testbed::{Cluster, Ground, Image, Process, binaries, stack, wait_for};

use super::objects::text;
use super::show::{Output, Show};

/// Release and namespace, as the example's README says.
const RELEASE: &str = "acs-operator";
const NAMESPACE: &str = "acs-system";
const SIMULATOR: &str = "acs-operator-azure-sim";
const SHOP: &str = "shop";
const TAG: &str = "try-out";
const PROGRAMS: [&str; 3] = ["acs-operator", "acs-relay", "azure-sim"];
/// Pods start in their own time.
const PODS: &str = "--timeout=120s";
/// What of a stack the operator reads in Azure, in lower case.
const LOOKED_AT: [&str; 4] = ["/communicationservices/", "/namespaces/", "/notificationhubs/", "/eventsubscriptions/"];
/// Actions that change something, in lower case; others only tell.
const CHANGES: [&str; 2] = ["/linknotificationhub", "/regeneratekey"];
const SOON: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct TryOut {
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

impl TryOut {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        if let Ground::Given(_) = Ground::from_environment() {
            println!(
                "\nThe chart's own simulator is left out on a cluster of yours: it is shown on a node that is started for it."
            );
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(why) = node::refusal() {
            bail!("{why}");
        }
        let mut show = Show::new(self.output);
        show.line("acs-operator on a real node, and a simulator in a pod where Azure would be.\n");
        let options =
            cluster::Options { ground: Ground::Node, label: "try-out".to_owned(), ..cluster::Options::default() };
        let cluster = show.step("Kubernetes with a node", Box::pin(Cluster::start(options))).await?;
        show.step(&format!("images of {}", PROGRAMS.join(", ")), Box::pin(import(&cluster))).await?;
        if let Err(error) = Box::pin(tell(&mut show, &cluster)).await {
            show.failed(&error);
        }
        let held = show.sum_up();
        if self.output == Output::Json {
            println!("{:#}", show.json());
        }
        if !held {
            cluster.keep();
            show.line(&format!("\n  Logs: {}", cluster.dir().display()));
        }
        Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn import(cluster: &Cluster) -> Result<()> {
    for program in PROGRAMS {
        cluster.import(&Image::new(program, TAG).program(&binaries::workspace(program)?)?).await?;
    }
    Ok(())
}

async fn tell(show: &mut Show, cluster: &Cluster) -> Result<()> {
    install(show, cluster).await?;
    let authority = apply(show, cluster).await?;
    look(show, cluster, &authority).await?;
    upgrade(show, cluster, &authority).await?;
    outlives(show, cluster, &authority).await
}

async fn install(show: &mut Show, cluster: &Cluster) -> Result<()> {
    show.chapter("One command installs both, under the strictest pod security");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    cluster.apply(&namespace.to_string()).await?;
    show.did("helm install acs-operator charts/acs-operator -n acs-system --set azureSim.enabled=true");
    show.detail("and where its images are: `--set` image.registry, relay.image.registry and azureSim.image.registry");
    let notes = show.waiting("operator and simulator come up", helm(cluster, "install", &[])).await?;
    show.check("the notes say that it is not Azure", notes.contains("NOT AZURE"), || notes.clone());
    let size = fs::metadata(binaries::workspace("azure-sim")?)?.len();
    show.detail(&format!("the simulator's image is its one static program: {:.1} MB", size as f64 / 1e6));
    Ok(())
}

/// Only where images are differs from what the README says.
async fn helm(cluster: &Cluster, verb: &str, more: &[&str]) -> Result<String> {
    let chart = stack::repository()?.join("charts/acs-operator").display().to_string();
    let image = |program: &str| json!({"registry": "node.local", "repository": program, "tag": TAG});
    let values = json!({
        "image": image("acs-operator"), "relay": {"image": image("acs-relay")}, "logFormat": "text",
        "azureSim": {"enabled": true, "image": image("azure-sim")},
    });
    let file = cluster.dir().join("values.json");
    fs::write(&file, values.to_string()).context("writing the chart's values")?;
    let file = file.display().to_string();
    let args = [verb, RELEASE, &chart, "-n", NAMESPACE, "--values", &file, "--wait", "--timeout", "120s"];
    cluster.helm([&args, more].concat()).await?.ok()
}

/// The authority of the simulator, as anyone would fetch it.
async fn authority(cluster: &Cluster) -> Result<Vec<u8>> {
    let secret = format!("{SIMULATOR}-authority");
    let args = ["-n", NAMESPACE, "get", "secret", &secret, "-o", "jsonpath={.data.tls\\.crt}"];
    Ok(BASE64_STANDARD.decode(cluster.kubectl(args).await?.ok()?.trim())?)
}

async fn apply(show: &mut Show, cluster: &Cluster) -> Result<Vec<u8>> {
    show.chapter("A second one makes a stack: service, hub, link, events");
    cluster.kubectl(["create", "namespace", SHOP]).await?.ok()?;
    show.did("kubectl -n shop apply -f examples/azure-sim");
    let example = stack::repository()?.join("examples/azure-sim").display().to_string();
    cluster.kubectl(["-n", SHOP, "apply", "-f", &example]).await?.ok()?;
    show.did("kubectl -n shop wait --for=condition=Ready --timeout=120s acs --all");
    let ready = ["-n", SHOP, "wait", "--for=condition=Ready", PODS, "acs", "--all"];
    let ready = show.waiting("everything becomes Ready", cluster.kubectl(ready)).await?;
    let count = ready.stdout.lines().filter(|line| line.contains("condition met")).count();
    show.check("account, namespace, hub, service and subscription are Ready", ready.success() && count == 5, || {
        format!("{}{}", ready.stdout, ready.stderr)
    });
    let args = ["-n", SHOP, "get", "acsvc", "shop", "-o", "jsonpath={.status.conditions[?(@.type=='Linked')].status}"];
    let linked = cluster.kubectl(args).await?.ok()?;
    show.check("the hub is linked to the service", linked == "True", || linked.clone());
    authority(cluster).await
}

/// A port of this machine that leads to the simulator, for as long as the process lives.
async fn forward(cluster: &Cluster, authority: &[u8]) -> Result<(Process, Api)> {
    let (process, address) = cluster.port_forward(NAMESPACE, &format!("service/{SIMULATOR}"), 443).await?;
    // Under its own name: the certificate has to be good for what clients in the cluster call.
    let name = format!("{SIMULATOR}.{NAMESPACE}.svc");
    let http = Client::builder()
        .tls_certs_only([Certificate::from_pem(authority)?])
        .resolve(&name, address)
        .no_proxy()
        .build()?;
    Ok((process, Api { http, base: format!("https://{name}:{}", address.port()) }))
}

/// The simulator's doors, through the port.
struct Api {
    http: Client,
    base: String,
}

impl Api {
    async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.http.get(format!("{}{path}", self.base)).send().await?.error_for_status()?.json().await?)
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.http.post(format!("{}{path}", self.base)).json(body).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Number of the newest request.
    async fn last(&self) -> Result<u64> {
        let journal = self.get("/_sim/journal?plane=arm").await?;
        journal.get("next").and_then(Value::as_u64).context("the journal does not say where it goes on")
    }

    /// What the control plane was asked since then, oldest first.
    async fn since(&self, last: u64) -> Result<Vec<Value>> {
        let journal = self.get(&format!("/_sim/journal?since={last}&plane=arm")).await?;
        Ok(journal.get("entries").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// The newest few requests, a line each.
    async fn newest(&self) -> String {
        let asked = self.since(0).await.unwrap_or_default();
        let line = |entry: &Value| ["method", "path", "status", "code"].map(|name| entry.get(name).cloned());
        asked.iter().rev().take(8).map(|entry| format!("{}\n", json!(line(entry)))).collect()
    }

    /// True when a service is there, and linked.
    async fn linked(&self) -> bool {
        let state = self.get("/_sim/state").await.unwrap_or_default();
        let resources = state.get("resources").and_then(Value::as_object).cloned().unwrap_or_default();
        resources.values().any(|resource| {
            text(resource, "/type").eq_ignore_ascii_case("Microsoft.Communication/communicationServices")
                && !text(resource, "/properties/notificationHubId").is_empty()
        })
    }
}

async fn look(show: &mut Show, cluster: &Cluster, authority: &[u8]) -> Result<()> {
    show.chapter("A port leads to where one can look");
    show.did(&format!("kubectl -n {NAMESPACE} port-forward service/{SIMULATOR} 8443:443"));
    let (_forward, api) = forward(cluster, authority).await?;
    let state = api.get("/_sim/state").await?;
    let resources = state.get("resources").and_then(Value::as_object).cloned().unwrap_or_default();
    let id = cluster.kubectl(["-n", SHOP, "get", "acsvc", "shop", "-o", "jsonpath={.status.azureResourceId}"]);
    let id = id.await?.ok()?.to_ascii_lowercase();
    let service = resources.get(&id).cloned().unwrap_or_default();
    let linked = text(&service, "/properties/notificationHubId").to_ascii_lowercase();
    show.check("the simulator holds the service, linked to the hub", resources.contains_key(&linked), || {
        format!("{:#}", json!(resources.keys().collect::<Vec<_>>()))
    });
    let sms = json!({"service": id, "from": "+15550100", "to": "+15550199", "message": "hello"});
    let sent = api.post("/_sim/sms", &sms).await?;
    let event = text(&sent, "/ids/0").to_owned();
    let taken = wait_for("the event to be taken", SOON, || async {
        let deliveries = api.get("/_sim/deliveries").await.unwrap_or_default();
        let attempts = deliveries.get("attempts").and_then(Value::as_array).cloned().unwrap_or_default();
        attempts.iter().any(|attempt| text(attempt, "/eventId") == event && attempt.get("status") == Some(&json!(200)))
    });
    let taken = show.waiting("Event Grid delivers an SMS", taken).await;
    show.check("an SMS reaches the webhook of the example", taken.is_ok(), || format!("{sent}, and then {taken:?}"));
    Ok(())
}

async fn upgrade(show: &mut Show, cluster: &Cluster, before: &[u8]) -> Result<()> {
    show.chapter("An upgrade gives it a volume, and an empty Azure");
    volume(cluster).await?;
    show.did("helm upgrade acs-operator charts/acs-operator --reuse-values --set azureSim.persistence.enabled=true");
    let more = ["--set", "azureSim.persistence.enabled=true", "--set", "azureSim.persistence.existingClaim=world"];
    let more = [&more[..], &["--set", "azureSim.timeScale=0.5"]].concat();
    show.waiting("the new pod comes up", helm(cluster, "upgrade", &more)).await?;
    show.check("the authority is the same", authority(cluster).await? == before, || "another one".to_owned());
    let (_forward, api) = forward(cluster, before).await?;
    let profile = api.get("/_sim/profile").await?;
    show.check("it is the new one that answers", profile.get("timeScale") == Some(&json!(0.5)), || profile.to_string());
    // Drift of services is found within a minute; what their passes then miss wakes those who made it.
    let again = wait_for("the stack to be there again", Duration::from_secs(180), async || api.linked().await);
    let again = show.waiting("the operator makes the stack again", again).await;
    let newest = api.newest().await;
    show.check("the operator makes the whole stack again, link included", again.is_ok(), || {
        format!("{}. Newest requests first:\n{newest}", again.err().map(|e| format!("{e:#}")).unwrap_or_default())
    });
    let ready = ["-n", SHOP, "wait", "--for=condition=Ready", PODS, "acs", "--all"];
    let ready = show.waiting("everything becomes Ready", cluster.kubectl(ready)).await?;
    show.check("all of it is Ready", ready.success(), || format!("{}{}", ready.stdout, ready.stderr));
    Ok(())
}

/// A volume of the node, and a claim for it: the node of the tests has nobody who provisions them.
async fn volume(cluster: &Cluster) -> Result<()> {
    let place = cluster.dir().join("world");
    fs::create_dir(&place).with_context(|| format!("making {}", place.display()))?;
    let node = cluster.kubectl(["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]).await?.ok()?;
    let size = json!({"storage": "256Mi"});
    let here = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [node.trim()]});
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "world"}, "spec": {
        "capacity": size, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "", "local": {"path": place}, "claimRef": {"name": "world", "namespace": NAMESPACE},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}}});
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "world", "namespace": NAMESPACE}, "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": "world",
            "resources": {"requests": size}}});
    cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [volume, claim]}).to_string()).await?;
    Ok(())
}

/// With its volume the simulator is what a cloud is: there, whatever becomes of a pod.
async fn outlives(show: &mut Show, cluster: &Cluster, authority: &[u8]) -> Result<()> {
    show.chapter("A simulator with a volume outlives its pod");
    let (forward_before, api) = forward(cluster, authority).await?;
    let before = api.get("/_sim/state").await?;
    let last = api.last().await?;
    drop(forward_before);
    show.did(&format!("kubectl -n {NAMESPACE} delete pod -l app.kubernetes.io/component=azure-sim"));
    let pods = ["-n", NAMESPACE, "delete", "pod", "-l", "app.kubernetes.io/component=azure-sim"];
    cluster.kubectl(pods).await?.ok()?;
    let rolled = ["-n", NAMESPACE, "rollout", "status", &format!("deployment/{SIMULATOR}"), "--timeout=60s"];
    show.waiting("another pod takes its place", cluster.kubectl(rolled)).await?.ok()?;
    let (_forward, api) = forward(cluster, authority).await?;
    let after = api.get("/_sim/state").await?;
    let (before, after) = (before.get("resources"), after.get("resources"));
    let something = before.and_then(Value::as_object).is_some_and(|resources| !resources.is_empty());
    show.check("its Azure is as it was", something && before == after, || format!("{before:#?}\n{after:#?}"));
    // Every object is looked at: had anything of it been lost, it would be made again.
    show.did("kubectl -n shop annotate acs --all acs-operator.dev/reconcile-at=now");
    cluster.kubectl(["-n", SHOP, "annotate", "acs", "--all", "acs-operator.dev/reconcile-at=now"]).await?.ok()?;
    let looked = wait_for("the operator to look at all of it", SOON, async || {
        let asked = api.since(last).await.unwrap_or_default();
        let read = |kind: &str| {
            asked
                .iter()
                .any(|entry| text(entry, "/effect") == "read" && text(entry, "/path").to_lowercase().contains(kind))
        };
        LOOKED_AT.iter().all(|kind| read(kind))
    });
    show.waiting("the operator looks at all of it", looked).await?;
    let ready = ["-n", SHOP, "wait", "--for=condition=Ready", PODS, "acs", "--all"];
    show.waiting("everything is Ready", cluster.kubectl(ready)).await?.ok()?;
    let changed: Vec<Value> = api
        .since(last)
        .await?
        .into_iter()
        .filter(|entry| match text(entry, "/effect") {
            "create" | "update" | "delete" => true,
            "action" => CHANGES.iter().any(|action| text(entry, "/path").to_lowercase().ends_with(action)),
            _ => false,
        })
        .collect();
    show.check("nothing had to be made again", changed.is_empty(), || format!("{:#}", json!(changed)));
    Ok(())
}
