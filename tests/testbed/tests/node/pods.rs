//! What pods can do.

use std::net::SocketAddr;
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures::{AsyncBufReadExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use serde_json::Value;
use testbed::forward::Goal;
use testbed::{Cluster, Forward, wait_for};

use super::{SOON, cluster, say};

const WAIT: &str = "--timeout=40s";

async fn kubectl(cluster: &Cluster, namespace: &str, words: &[&str]) -> String {
    let words = [&["--namespace", namespace], words].concat();
    cluster.kubectl(words).await.unwrap().ok().unwrap()
}

async fn in_pod(cluster: &Cluster, namespace: &str, pod: &str, words: &[&str]) -> Result<String, String> {
    let words = [&["--namespace", namespace, "exec", pod, "-c", "app", "--", "/probe"], words].concat();
    cluster.kubectl(words).await.unwrap().ok().map_err(|error| error.to_string())
}

/// A pod that answers with its name, confined as a cluster with strict rules would have it.
fn pod(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  terminationGracePeriodSeconds: 5
  securityContext: {{runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
  - name: app
    image: node.local/probe:1
    args: [serve, {name}, \":8080\"]
    securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
    readinessProbe: {{httpGet: {{port: 8080}}, periodSeconds: 1}}
    volumeMounts:
    - {{name: settings, mountPath: /settings}}
    - {{name: token, mountPath: /token}}
  volumes:
  - {{name: settings, configMap: {{name: settings, optional: true}}}}
  - {{name: token, projected: {{sources: [{{serviceAccountToken: {{audience: azure, path: token}}}}]}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80, targetPort: 8080}}]}}
"
    )
}

pub(super) async fn run_pod(cluster: &Cluster, namespace: &str, name: &str) {
    let words = ["--namespace", namespace, "apply", "-f", "-"];
    cluster.kubectl_with_input(words, &pod(name)).await.unwrap().ok().unwrap();
    kubectl(cluster, namespace, &["wait", "pod", name, "--for=condition=Ready", WAIT]).await;
}

const SIDECAR: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      initContainers:
      - name: sidecar
        image: node.local/probe:1
        args: [serve, sidecar, ':8081']
        restartPolicy: Always
        startupProbe: {httpGet: {port: 8081}, periodSeconds: 1}
      containers:
      - {name: app, image: node.local/probe:1, args: [serve, app, ':8080']}
";

/// When `what` happened to a container, by the node's clock.
fn moment(log: &str, what: &str) -> u64 {
    let line = log.lines().find(|line| line.ends_with(what)).unwrap_or_else(|| panic!("no `{what}` in {log:?}"));
    line.split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_sidecar_starts_before_its_app_and_ends_after_it() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("sidecar").await.unwrap();
    let applied = Instant::now();
    let words = ["--namespace", &*namespace, "apply", "-f", "-"];
    cluster.kubectl_with_input(words, SIDECAR).await.unwrap().ok().unwrap();
    kubectl(cluster, &namespace, &["wait", "deployment", "shop", "--for=condition=Available", WAIT]).await;
    say(&format!("a Deployment with a sidecar: Available after {:.1} s", applied.elapsed().as_secs_f64()));
    let name =
        kubectl(cluster, &namespace, &["get", "pod", "-l=app=shop", "-o=jsonpath={.items[0].metadata.name}"]).await;
    let pods: Api<Pod> = Api::namespaced(cluster.client().await.unwrap(), &namespace);
    let follow = async |container: &str| {
        let container = Some(container.to_owned());
        let mut lines = pods
            .log_stream(&name, &LogParams { container, follow: true, ..LogParams::default() })
            .await
            .unwrap()
            .lines();
        // Read before anything is ended: so the log is open.
        let started = lines.try_next().await.unwrap().unwrap();
        (started, lines)
    };
    let (sidecar, sidecar_goes_on) = follow("sidecar").await;
    let (app, app_goes_on) = follow("app").await;
    assert!(moment(&sidecar, "started") < moment(&app, "started"), "{sidecar}, {app}");
    kubectl(cluster, &namespace, &["scale", "deployment", "shop", "--replicas=0"]).await;
    let (sidecar, app): (Vec<String>, Vec<String>) =
        tokio::try_join!(sidecar_goes_on.try_collect(), app_goes_on.try_collect()).unwrap();
    let (sidecar, app) = (sidecar.join("\n"), app.join("\n"));
    assert!(moment(&app, "stopped") < moment(&sidecar, "stopped"), "{sidecar}, {app}");
}

#[tokio::test]
async fn pods_services_names_and_this_machine_reach_each_other() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("network").await.unwrap();
    tokio::join!(run_pod(cluster, &namespace, "one"), run_pod(cluster, &namespace, "two"));
    let service = kubectl(cluster, &namespace, &["get", "service", "one", "-o=jsonpath={.spec.clusterIP}"]).await;
    let address = kubectl(cluster, &namespace, &["get", "pod", "one", "-o=jsonpath={.status.podIP}"]).await;
    let name = format!("one.{}.svc.cluster.local", namespace.name());
    let listener = tokio::net::TcpListener::bind(SocketAddr::from((cluster.host_address(), 0))).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = axum::Router::new().route("/", axum::routing::get(async || "one"));
    let server = tokio::spawn(async move { axum::serve(listener, server).await });
    // From another pod, from the very pod behind the Service, and to this machine by address and by name.
    for (pod, url) in [
        ("two", format!("http://{address}:8080/")),
        ("two", format!("http://{service}/")),
        ("one", format!("http://{service}/")),
        ("two", format!("http://{name}/")),
        ("two", format!("http://{}:{port}/", cluster.host_address())),
        ("two", format!("http://host.node.local:{port}/")),
    ] {
        let answer = std::cell::RefCell::new(Ok(String::new()));
        let what = format!("{url} from {pod}");
        let reached = wait_for(&what, SOON, || async {
            *answer.borrow_mut() = in_pod(cluster, &namespace, pod, &["get", &url]).await;
            answer.borrow().is_ok()
        });
        reached.await.unwrap_or_else(|error| panic!("{error}: {:?}", answer.borrow()));
        assert_eq!(answer.into_inner().unwrap().trim(), "one", "{url} from {pod}");
    }
    for url in [format!("http://{address}:8080/"), format!("http://{service}/")] {
        assert_eq!(reqwest::get(&url).await.unwrap().text().await.unwrap().trim(), "one", "{url} from this machine");
    }
    // A name of the world is answered with a refusal at once, and asked of nobody.
    let refused = in_pod(cluster, &namespace, "two", &["lookup", "example.com."]).await.unwrap_err();
    assert!(refused.contains("lookup example.com"), "{refused}");
    server.abort();
}

#[tokio::test]
async fn a_pod_has_the_token_that_its_volume_asks_for() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("token").await.unwrap();
    run_pod(cluster, &namespace, "one").await;
    let token = in_pod(cluster, &namespace, "one", &["cat", "/token/token"]).await.unwrap();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["iss"], cluster.issuer().await.unwrap());
    assert_eq!(claims["aud"][0], "azure");
    assert_eq!(claims["sub"], format!("system:serviceaccount:{}:default", namespace.name()));
    assert_eq!(claims["kubernetes.io"]["pod"]["name"], "one");
}

#[tokio::test]
async fn a_changed_configmap_is_in_its_pod_within_seconds() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("settings").await.unwrap();
    kubectl(cluster, &namespace, &["create", "configmap", "settings", "--from-literal=colour=red"]).await;
    run_pod(cluster, &namespace, "one").await;
    let colour = || async { in_pod(cluster, &namespace, "one", &["cat", "/settings/colour"]).await.unwrap() };
    assert_eq!(colour().await, "red");
    let changed = Instant::now();
    kubectl(cluster, &namespace, &["patch", "configmap", "settings", "-p={\"data\":{\"colour\":\"blue\"}}"]).await;
    wait_for("the new colour", SOON, || async { colour().await == "blue" }).await.unwrap();
    say(&format!("a changed ConfigMap: in its pod after {:.1} s", changed.elapsed().as_secs_f64()));
}

#[tokio::test]
async fn a_container_that_is_killed_comes_back() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("killed").await.unwrap();
    run_pod(cluster, &namespace, "one").await;
    for restarts in ["1", "2", "3"] {
        let processes = cluster.container_processes(&namespace, "one", "app").await.unwrap();
        let killed = Instant::now();
        for process in processes {
            let process = nix::unistd::Pid::from_raw(i32::try_from(process).unwrap());
            nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        let count = format!("--for=jsonpath={{.status.containerStatuses[0].restartCount}}={restarts}");
        kubectl(cluster, &namespace, &["wait", "pod", "one", &count, WAIT]).await;
        kubectl(cluster, &namespace, &["wait", "pod", "one", "--for=condition=Ready", WAIT]).await;
        say(&format!("kill {restarts} of a container: Ready again after {:.1} s", killed.elapsed().as_secs_f64()));
    }
}

#[tokio::test]
async fn a_forward_leads_from_this_machine_to_whichever_pod_is_there() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("forward").await.unwrap();
    tokio::join!(run_pod(cluster, &namespace, "one"), run_pod(cluster, &namespace, "two"));
    let client = cluster.client().await.unwrap();
    // The Service's port has no name.
    let service = Goal::Service("one".to_owned(), String::new());
    let service = Forward::start(&client, &namespace, service).await.unwrap();
    let pod = Forward::start(&client, &namespace, Goal::Pod("two".to_owned(), 8080)).await.unwrap();
    let get = async |forward: &Forward| {
        // A connection of its own each time: one that is kept stays where it leads.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        http.get(format!("http://{}/", forward.address())).send().await?.text().await
    };
    let through_service = || async { get(&service).await.is_ok_and(|text| text.trim() == "one") };
    wait_for("the Service to have its endpoint", SOON, through_service).await.unwrap();
    assert_eq!(get(&pod).await.unwrap().trim(), "two");
    kubectl(cluster, &namespace, &["delete", "pod", "one", WAIT]).await;
    assert!(get(&service).await.is_err(), "a Service without endpoints answered");
    run_pod(cluster, &namespace, "one").await;
    wait_for("the new pod to be its endpoint", SOON, through_service).await.unwrap();
}
