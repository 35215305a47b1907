//! `acs-operator inject` prints what the policy would make.

use std::path::Path;
use std::process::{Output, Stdio};

use anyhow::Result;
use serde_json::{Value, json};
use testbed::binaries;
use tokio::io::AsyncWriteExt as _;

use super::place::{Place, golden, golden_folder, golden_names};
use crate::harness::SOON;

pub(super) async fn inject(arguments: &[&str], input: &str, kubeconfig: Option<&Path>) -> Result<Output> {
    let mut command = tokio::process::Command::new(binaries::workspace("acs-operator")?);
    command.arg("inject").args(arguments).env_clear().env("HOME", "/nonexistent").kill_on_drop(true);
    if let Some(path) = kubeconfig {
        command.env("KUBECONFIG", path);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    // One that does not get as far as reading has its say in its exit code.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    Ok(tokio::time::timeout(SOON, child.wait_with_output()).await??)
}

pub(super) fn printed(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_saphyr::from_multiple(&String::from_utf8_lossy(&output.stdout)).unwrap()
}

#[tokio::test]
async fn by_name_it_prints_what_the_operator_published() -> Result<()> {
    let place = Place::new().await?;
    place.relay("shop").await?;
    for name in golden_names("")?.iter().filter(|name| *name != "injection") {
        let file = golden_folder()?.join(format!("{name}.yaml"));
        let args = ["-f", file.to_str().unwrap(), "--relay", "shop", "-n", &place.namespace];
        let output = inject(&args, "", Some(place.cluster.kubeconfig())).await?;
        assert_eq!(printed(&output), [golden(&format!("{name}.injected"))?], "{name}");
    }
    let args = ["-f", "-", "--relay", "shpo", "-n", &place.namespace];
    let output = inject(&args, "", Some(place.cluster.kubeconfig())).await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && errors.contains("no EventRelay shpo in the namespace"), "{errors}");
    Ok(())
}

#[tokio::test]
async fn from_a_file_it_needs_no_cluster() -> Result<()> {
    let relay = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "EventRelay", "metadata": {"name": "shop"},
        "spec": {"placement": {"type": "Sidecar"}, "reachability": {"type": "URL", "url": "https://events.shop.example"}}});
    let file = testbed::scratch::Scratch::new("inject")?;
    let file = file.path().join("relay.yaml");
    std::fs::write(&file, relay.to_string())?;
    let file = file.to_str().unwrap();
    let manifests = std::fs::read_to_string(golden_folder()?.join("deployment.yaml"))?
        + "---\n"
        + &std::fs::read_to_string(golden_folder()?.join("job.yaml"))?;
    let args = ["-f", "-", "--relay", file, "--image", "registry.example/acs-relay:1"];
    let output = inject(&args, &manifests, None).await?;
    assert_eq!(printed(&output), [golden("deployment.injected")?, golden("job.injected")?]);
    // And again, on what it printed.
    let again = inject(&args, &String::from_utf8_lossy(&output.stdout), None).await?;
    assert_eq!(again.stdout, output.stdout);

    let unlabelled = manifests.replace("acs-operator.dev/relay: shop", "tier: web");
    let output = inject(&args, &unlabelled, None).await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty(), "{errors}");
    assert!(errors.contains("`spec.template.metadata.labels`"), "{errors}");
    let all = args.iter().copied().chain(["--all"]).collect::<Vec<_>>();
    assert_eq!(printed(&inject(&all, &unlabelled, None).await?).len(), 2);
    let misplaced = unlabelled.replacen("metadata:\n", "metadata:\n  labels: {acs-operator.dev/relay: shop}\n", 1);
    let output = inject(&args, &misplaced, None).await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("Deployment shop has the label") && errors.contains("does nothing"), "{errors}");
    let output = inject(&["-f", "-", "--relay", "./no-such.yaml"], &manifests, None).await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && errors.contains("no-such.yaml"), "{errors}");
    Ok(())
}
