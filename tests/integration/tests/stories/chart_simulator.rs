//! The chart's simulator: what its values make of it, and what a real API server says to that.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use testbed::Cluster;
use testbed::cluster::Output;

use crate::harness::cluster;

const ON: &str = "azureSim.enabled=true";

/// What helm says to these values, of this template or of all.
async fn rendered(cluster: &Cluster, namespace: &str, values: &[&str], template: Option<&str>) -> Result<Output> {
    let chart = testbed::stack::repository()?.join("charts/acs-operator").display().to_string();
    let mut args = vec!["template", "acs-operator", &chart, "-n", namespace];
    args.extend(values.iter().flat_map(|value| ["--set", value]));
    args.extend(template.iter().flat_map(|template| ["-s", template]));
    cluster.helm(args).await
}

/// The simulator's objects.
async fn objects(cluster: &Cluster, namespace: &str, values: &[&str]) -> Result<Vec<Value>> {
    let output = rendered(cluster, namespace, values, Some("templates/azure-sim.yaml")).await?;
    Ok(serde_saphyr::from_multiple::<Value>(&output.ok()?)?)
}

fn of<'a>(objects: &'a [Value], kind: &str) -> Option<&'a Value> {
    objects.iter().find(|object| object["kind"] == kind)
}

fn pod(objects: &[Value]) -> Result<&Value> {
    Ok(&of(objects, "Deployment").context("no Deployment")?["spec"]["template"]["spec"])
}

/// Arguments of the simulator's container.
fn arguments(objects: &[Value]) -> Result<Vec<&str>> {
    let arguments = pod(objects)?["containers"][0]["args"].as_array().context("no arguments")?;
    Ok(arguments.iter().filter_map(Value::as_str).collect())
}

#[tokio::test]
async fn without_being_asked_for_it_is_not_there() -> Result<()> {
    let output = rendered(cluster().await?, "acs", &[], None).await?;
    let all = serde_saphyr::from_multiple::<Value>(&output.ok()?)?;
    let simulated: Vec<&Value> = all.iter().filter(|object| object.to_string().contains("azure-sim")).collect();
    assert!(simulated.is_empty(), "{simulated:#?}");
    Ok(())
}

#[tokio::test]
async fn a_strict_cluster_takes_all_of_it_without_a_warning() -> Result<()> {
    let cluster = cluster().await?;
    let namespace = cluster.namespace("chart-sim").await?;
    let strict = json!({"metadata": {"labels": {"pod-security.kubernetes.io/warn": "restricted"}}}).to_string();
    cluster.kubectl(["patch", "namespace", &namespace, "--type=merge", "-p", &strict]).await?.ok()?;
    for values in [&[ON][..], &[ON, "azureSim.persistence.enabled=true", "azureSim.persistence.storageClass=fast"]] {
        for object in objects(cluster, &namespace, values).await? {
            let applied =
                cluster.kubectl_with_input(["apply", "--dry-run=server", "-f", "-"], &object.to_string()).await?;
            assert_eq!((applied.success(), applied.stderr.as_str()), (true, ""), "{object:#}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn its_azure_lies_where_the_values_say() -> Result<()> {
    let cluster = cluster().await?;
    let memory = objects(cluster, "acs", &[ON]).await?;
    assert!(of(&memory, "PersistentVolumeClaim").is_none());
    let arguments_in_memory = arguments(&memory)?;
    assert!(!arguments_in_memory.contains(&"--keep") && arguments_in_memory.contains(&"--dir=/var/run/azure-sim"));

    let kept = [ON, "azureSim.persistence.enabled=true"];
    let own = objects(cluster, "acs", &kept).await?;
    let claim = of(&own, "PersistentVolumeClaim").context("no claim")?;
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "256Mi");
    assert_eq!(claim["spec"].get("storageClassName"), None, "the cluster's default");
    let given = objects(cluster, "acs", &[&kept[..], &["azureSim.persistence.existingClaim=world"]].concat()).await?;
    assert!(of(&given, "PersistentVolumeClaim").is_none());
    for (objects, name) in [(&own, claim["metadata"]["name"].as_str().context("no name")?), (&given, "world")] {
        let arguments = arguments(objects)?;
        assert!(arguments.contains(&"--keep") && arguments.contains(&"--dir=/var/lib/azure-sim"), "{arguments:?}");
        let volumes = pod(objects)?["volumes"].as_array().context("no volumes")?;
        let world = volumes.iter().find(|volume| volume["name"] == "world").context("no volume")?;
        assert_eq!(world["persistentVolumeClaim"]["claimName"], name);
        // The authority comes from its Secret with every start, and does not lie on the volume.
        assert!(arguments.contains(&"--authority=/var/run/azure-sim"), "{arguments:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_authority_of_yours_needs_no_rights_in_the_cluster() -> Result<()> {
    let objects = objects(cluster().await?, "acs", &[ON, "azureSim.authority.existingSecret=ours"]).await?;
    for kind in ["Role", "RoleBinding", "Secret"] {
        assert!(of(&objects, kind).is_none(), "{kind}");
    }
    let pod = pod(&objects)?;
    assert_eq!((pod.get("initContainers"), &pod["automountServiceAccountToken"]), (None, &json!(false)));
    assert!(!pod["volumes"].to_string().contains("serviceAccountToken"), "{:#}", pod["volumes"]);
    Ok(())
}

#[tokio::test]
async fn values_that_mean_nothing_good_are_refused() -> Result<()> {
    for (value, why) in [
        ("azureSim.cloud=Public", "azureSim"),
        ("azureSim.profile=slow", "profile"),
        ("azureSim.timeScale=0", "timeScale"),
        ("azureSim.persistence.size=lots", "size"),
        ("azureSim.persistence.existingClaim=Not_A_Name", "existingClaim"),
        ("azureSim.keep=true", "keep"),
    ] {
        let output = rendered(cluster().await?, "acs", &[ON, value], None).await?;
        assert!(!output.success() && output.stderr.contains(why), "{value}: {}", output.stderr);
    }
    let cloud =
        "azure.clouds.Simulator.resourceManager=https://a.example,azure.clouds.Simulator.authority=https://b.example";
    let output = rendered(cluster().await?, "acs", &[ON, cloud], None).await?;
    assert!(!output.success() && output.stderr.contains("rename one"), "{}", output.stderr);
    Ok(())
}
