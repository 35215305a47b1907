//! What people type: the operator's own commands, kubectl, helm.

use std::process::Output;

use anyhow::Result;
use serde_json::{Value, json};
use testbed::{Cluster, binaries, wait_for_some};

use crate::harness::{QUICKSTART, SOON, Story, cluster};

/// One CRD each.
const KINDS: usize = acs_core::kinds::Kind::ALL.len();

async fn run(arguments: &[&str], kubeconfig: Option<&std::path::Path>) -> Result<Output> {
    let mut command = tokio::process::Command::new(binaries::workspace("acs-operator")?);
    command.args(arguments).env_clear().env("HOME", "/nonexistent").kill_on_drop(true);
    if let Some(path) = kubeconfig {
        command.env("KUBECONFIG", path);
    }
    Ok(tokio::time::timeout(SOON, command.output()).await??)
}

fn texts(output: &Output) -> (String, String) {
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn every_mistake_in_the_configuration_is_named_at_once() -> Result<()> {
    let arguments = [
        "run",
        "--listen",
        "nowhere",
        "--watch-namespace",
        "Upper",
        "--cluster-id",
        "a b",
        "--concurrency",
        "0",
        "--cloud",
        "nonsense",
        "--log-level",
        "a=b=c",
        "--timings-permille",
        "0",
    ];
    let output = run(&arguments, None).await?;
    let (_, errors) = texts(&output);
    assert_eq!(output.status.code(), Some(64), "{errors}");
    for flag in [
        "--listen",
        "--watch-namespace",
        "--cluster-id",
        "--concurrency",
        "--cloud",
        "--log-level",
        "--timings-permille",
    ] {
        assert!(errors.lines().any(|line| line.contains(flag)), "{flag} is not in {errors}");
    }
    let output = run(&["run", "--no-such-flag"], None).await?;
    assert_eq!(output.status.code(), Some(64));
    let output = run(&["run", "--listen", "127.0.0.1:0"], None).await?;
    let (_, errors) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("kubeconfig"), "{errors}");
    Ok(())
}

#[tokio::test]
async fn the_crds_it_prints_are_those_of_the_repository_and_are_taken() -> Result<()> {
    let cluster = cluster().await?;
    let output = run(&["crds"], None).await?;
    let (printed, _) = texts(&output);
    let applied = cluster
        .kubectl_with_input(["apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-"], &printed);
    assert_eq!(applied.await?.ok()?.lines().count(), KINDS);
    for document in serde_saphyr::from_multiple::<Value>(&printed)? {
        let name = document["spec"]["names"]["plural"].as_str().unwrap_or_default();
        let file = testbed::stack::repository()?.join(format!("crds/{name}.yaml"));
        let there: Value = serde_saphyr::from_str(&std::fs::read_to_string(file)?)?;
        assert!(document == there, "{name} is not as it is printed: `make generate` writes it");
    }
    Ok(())
}

#[tokio::test]
async fn the_tree_shows_what_waits_for_what_and_then_that_all_is_ready() -> Result<()> {
    let (story, _operator) = Story::begin("tree").await?;
    let tree = async |form: &str| {
        let output = run(&["tree", "-n", story.namespace(), "-o", form], Some(story.cluster.kubeconfig())).await?;
        anyhow::ensure!(output.status.success(), "{}", texts(&output).1);
        Ok(texts(&output).0)
    };
    story.apply_all(&story.quickstart()?).await?;
    story.reason("AzureAccount", "default", "Ready", "SecretNotFound").await?;
    story.reason("EventSubscription", "shop", "Ready", "DependencyNotReady").await?;
    let waiting: String = tree("text").await?;
    for word in ["SecretNotFound", "azure-credentials", "AzureAccount", "EventSubscription"] {
        assert!(waiting.contains(word), "{word} is not in\n{waiting}");
    }
    story.secrets().await?;
    story.all_ready().await?;
    let ready = tree("text").await?;
    assert!(!ready.contains("SecretNotFound") && ready.contains("phones"), "{ready}");
    let parsed: Value = serde_json::from_str(&tree("json").await?)?;
    assert!(parsed["namespaces"].is_array(), "{parsed}");
    let nothing = run(&["tree", "-n", "default"], Some(story.cluster.kubeconfig())).await?;
    assert!(nothing.status.success() && texts(&nothing).1.contains("No objects"), "{:?}", texts(&nothing));
    Ok(())
}

#[tokio::test]
async fn kubectl_waits_for_every_kind_and_lists_them_together() -> Result<()> {
    let (story, _operator) = Story::begin("kubectl").await?;
    story.secrets().await?;
    story.apply_all(&story.quickstart()?).await?;
    for (kind, name) in QUICKSTART {
        let target = format!("{kind}/{name}");
        let args = ["wait", "--for=condition=Ready", "--timeout=60s", "-n", story.namespace(), &target];
        story.cluster.kubectl(args).await?.ok()?;
    }
    let listed = story.cluster.kubectl(["get", "acs", "-n", story.namespace()]).await?.ok()?;
    for (kind, name) in QUICKSTART {
        let plural = kind.to_ascii_lowercase();
        let line = listed.lines().find(|line| line.starts_with(&plural) && line.contains(&format!("/{name}")));
        assert!(line.is_some_and(|line| line.contains("True")), "{kind} {name} is not in\n{listed}");
    }
    for (short, field) in [("acsa", "identity"), ("acsvc", "notificationHub"), ("acses", "destination")] {
        let explained = story.cluster.kubectl(["explain", &format!("{short}.spec.{field}")]).await?.ok()?;
        assert!(explained.contains("DESCRIPTION"), "{explained}");
    }
    Ok(())
}

#[tokio::test]
async fn the_chart_lints_and_refuses_a_misspelt_value() -> Result<()> {
    let cluster = cluster().await?;
    let chart = testbed::stack::repository()?.join("charts/acs-operator");
    let chart = chart.to_str().unwrap_or_default();
    cluster.helm(["lint", "--strict", chart]).await?.ok()?;
    let typo = cluster.helm(["template", "op", chart, "--set", "replica=2"]).await?;
    assert!(!typo.success() && typo.stderr.contains("replica"), "{typo:?}");
    let wrong = cluster.helm(["template", "op", chart, "--set", "logLevel=loud"]).await?;
    assert!(!wrong.success() && wrong.stderr.contains("logLevel"), "{wrong:?}");
    Ok(())
}

#[tokio::test]
async fn on_an_empty_cluster_it_says_what_is_missing_and_helm_brings_it_and_leaves_the_crds() -> Result<()> {
    let options = testbed::cluster::Options { label: "empty".to_owned(), ..testbed::cluster::Options::default() };
    let cluster = Cluster::start(options).await?;
    let address = testbed::ports::free_address()?;
    let mut operator = testbed::Process::of("early", binaries::workspace("acs-operator")?)
        .bare_environment()
        .env("KUBECONFIG", cluster.kubeconfig())
        .args(["run", "--lease-namespace", "default", "--cluster-id", "c", "--timings-permille", "20", "--listen"]);
    operator = operator.arg(address.to_string());
    let operator = operator.spawn(cluster.dir())?;
    let ready = async || {
        let client = reqwest::Client::builder().no_proxy().build().ok()?;
        let answer = client.get(format!("http://{address}/readyz")).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    };
    let said = wait_for_some("readyz to say what is missing", SOON, || async {
        ready().await.filter(|(status, text)| *status == 503 && text.contains("install the CRDs"))
    });
    println!("{}", said.await?.1);
    let live = reqwest::Client::builder().no_proxy().build()?.get(format!("http://{address}/livez")).send().await?;
    assert!(live.status().is_success(), "a restart would not bring the CRDs");

    let chart = testbed::stack::repository()?.join("charts/acs-operator");
    let chart = chart.to_str().unwrap_or_default();
    let args = ["install", "acs-operator", chart, "-n", "acs", "--create-namespace", "--set", "replicas=0"];
    cluster.helm(args).await?.ok()?;
    wait_for_some("readyz to be well", SOON, || async { ready().await.filter(|(status, _)| *status == 200) }).await?;
    operator.check_running()?;
    let object = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "CommunicationService",
        "metadata": {"name": "x", "namespace": "default"}, "spec": {"dataLocation": "Europe"}});
    cluster.apply(&object.to_string()).await?;
    cluster.helm(["uninstall", "acs-operator", "-n", "acs"]).await?.ok()?;
    let crds = cluster.kubectl(["get", "crds", "-o", "name"]).await?.ok()?;
    assert_eq!(crds.lines().filter(|line| line.contains("acs-operator.dev")).count(), KINDS, "{crds}");
    cluster.kubectl(["get", "communicationservice", "x", "-n", "default"]).await?.ok().map(drop)
}
