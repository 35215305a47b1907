//! Whether pods of a cluster that is not ours start, are reached from this machine, and reach it: three sentences in place of
//! minutes of waiting.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use axum::routing::post;
use axum::{Json, Router};
use kube::Client;
use serde_json::{Value, json};
use testbed::forward::Goal;
use testbed::{Cluster, Forward};

use super::RELEASE;
use super::images::Images;
use crate::command::objects::text;

const POD: &str = "reach";
const STARTS_WITHIN: &str = "--timeout=90s";
/// A packet that a firewall drops is answered by nobody.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
const ANSWER: &str = "from the machine with the simulator";

/// Where the pods of a given cluster find this machine: `HOST_ADDRESS`, else the address that it uses towards the world.
pub(super) fn host_address() -> Result<Ipv4Addr> {
    match std::env::var("HOST_ADDRESS").ok().filter(|value| !value.is_empty()) {
        Some(given) => {
            let address: Ipv4Addr = given.parse().ok().with_context(|| {
                format!(
                    "HOST_ADDRESS={given} is no IPv4 address: set one of this machine that pods of the cluster reach"
                )
            })?;
            std::net::TcpListener::bind((address, 0))
                .with_context(|| format!("HOST_ADDRESS={address} is no address of this machine"))?;
            Ok(address)
        }
        None => outward().context("no address of this machine leads outside: set HOST_ADDRESS to one that pods reach"),
    }
}

/// No packet is sent: only the route is looked up.
fn outward() -> Result<Ipv4Addr> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
    match socket.local_addr()? {
        std::net::SocketAddr::V4(address) => Ok(*address.ip()),
        std::net::SocketAddr::V6(_) => bail!("it is no IPv4 address"),
    }
}

/// Without them no pod gets a relay by itself, and the chapters that follow rest on that.
async fn has_injection(cluster: &Cluster) -> Result<()> {
    let served = cluster.get_raw("/apis/admissionregistration.k8s.io/v1").await?;
    let mut kinds = served.get("resources").and_then(Value::as_array).into_iter().flatten();
    ensure!(
        kinds.any(|kind| text(kind, "/name") == "mutatingadmissionpolicies"),
        "the cluster does not serve MutatingAdmissionPolicy: relays get into pods by themselves from Kubernetes 1.36 on"
    );
    Ok(())
}

/// Has a pod call this machine. The sample app hands a push on to its relay: here the relay is this program.
pub(super) async fn check(cluster: &Cluster, client: &Client, images: &Images) -> Result<()> {
    has_injection(cluster).await?;
    let router = Router::new().route("/v1/push/direct", post(|| async { Json(json!({"from": ANSWER})) }));
    let host = cluster.host_address();
    let listener = tokio::net::TcpListener::bind((host, 0)).await.context("listening for a pod")?;
    let here = listener.local_addr()?;
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let checked = ask(cluster, client, images, &format!("http://{here}")).await;
    server.abort();
    let gone = ["-n", RELEASE, "delete", "pod", POD, "--ignore-not-found", "--force", "--grace-period=0"];
    let gone = cluster.kubectl(gone).await?;
    checked?;
    gone.ok().map(drop)
}

async fn ask(cluster: &Cluster, client: &Client, images: &Images, here: &str) -> Result<()> {
    cluster.apply(&pod(&images.name("sample-app"), here).to_string()).await?;
    let ready =
        ["-n", RELEASE, "wait", "--for=condition=Ready", &format!("pod/{POD}"), STARTS_WITHIN].map(str::to_owned);
    if !cluster.kubectl(ready).await?.success() {
        bail!(
            "a pod of {} does not start: {}. Is the image on every node?",
            images.name("sample-app"),
            why(cluster).await?
        );
    }
    let forward = Forward::start(client, RELEASE, Goal::Pod(POD.to_owned(), 8080)).await?;
    let http = reqwest::Client::builder().no_proxy().timeout(ANSWERS_WITHIN).build()?;
    let url = |path: &str| format!("http://{}{path}", forward.address());
    let there = http.get(url("/healthz")).send().await;
    there.context("a pod is not reached through the API server, which `kubectl port-forward` needs too")?;
    let unreachable = || {
        format!(
            "pods of this cluster do not reach this machine at {}. Set HOST_ADDRESS to an address of this machine that they reach \
             (for kind on Linux the gateway of docker's network `kind`), and look at its firewall",
            cluster.host_address()
        )
    };
    let sent = http.post(url("/push")).json(&json!({})).send().await.with_context(unreachable)?;
    let (status, answer) = (sent.status(), sent.json::<Value>().await.unwrap_or_default());
    ensure!(text(&answer, "/from") == ANSWER, "{}: the pod says {status} {answer}", unreachable());
    Ok(())
}

fn pod(image: &str, relay: &str) -> Value {
    let security = json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]}});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD, "namespace": RELEASE},
    "spec": {
        "restartPolicy": "Never",
        "automountServiceAccountToken": false,
        "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "app", "image": image, "args": ["--relay", relay], "securityContext": security,
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}}],
    }})
}

/// What the kubelet, or the scheduler, says of the pod.
async fn why(cluster: &Cluster) -> Result<String> {
    let pod: Value =
        serde_json::from_str(&cluster.kubectl(["-n", RELEASE, "get", "pod", POD, "-o", "json"]).await?.ok()?)?;
    let state = pod.pointer("/status/containerStatuses/0/state").and_then(Value::as_object);
    let state = state.and_then(|state| state.values().next());
    let scheduled = pod.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let unscheduled =
        scheduled.clone().find(|it| text(it, "/type") == "PodScheduled" && text(it, "/status") == "False");
    let Some(said) = state.or(unscheduled) else { return Ok("nobody says why".to_owned()) };
    Ok(format!("{} {}", text(said, "/reason"), text(said, "/message")).trim().to_owned())
}
