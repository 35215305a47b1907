//! What the chart renders for which API server, and that a real one takes it.

use anyhow::{Context as _, Result};
use serde_json::Value;
use testbed::Cluster;

use super::place::RELEASE;
use crate::harness::cluster;

const SERVED: &str = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy";

async fn rendered(cluster: &Cluster, more: &[&str]) -> Result<Vec<Value>> {
    let chart = testbed::stack::repository()?.join("charts/acs-operator");
    let chart = chart.to_str().context("the path of the chart is not UTF-8")?;
    let args = ["template", "op", chart, "-n", "acs"].into_iter().chain(more.iter().copied());
    let text = cluster.helm(args).await?.ok()?;
    let all = serde_saphyr::from_multiple::<Value>(&text)?;
    let policy = |object: &Value| object["kind"].as_str().is_some_and(|kind| kind.contains("AdmissionPolicy"));
    Ok(all.into_iter().filter(policy).collect())
}

fn kinds(objects: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<_> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    kinds.sort_unstable();
    kinds
}

const REQUIRE: [&str; 2] = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];
const BOTH: [&str; 4] = ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", REQUIRE[0], REQUIRE[1]];

#[tokio::test]
async fn an_api_server_that_cannot_inject_still_refuses_and_names_the_command() -> Result<()> {
    let cluster = cluster().await?;
    assert_eq!(kinds(&rendered(cluster, &["--api-versions", SERVED]).await?), BOTH);
    assert_eq!(kinds(&rendered(cluster, &["--set", "relay.injection.mode=Policy"]).await?), BOTH);
    let none = rendered(cluster, &["--api-versions", SERVED, "--set", "relay.injection.mode=None"]).await?;
    assert_eq!(kinds(&none), [""; 0]);
    // `helm template` asks no server, so nothing says that it serves the kind: like an older one.
    let older = rendered(cluster, &[]).await?;
    assert_eq!(kinds(&older), REQUIRE);
    let message = older[0]["spec"]["validations"][0]["messageExpression"].as_str().unwrap();
    assert!(message.contains("acs-operator inject"), "{message}");
    // Notes are no part of a template: an install that is not done prints them.
    let chart = testbed::stack::repository()?.join("charts/acs-operator");
    let install = ["install", "notes", chart.to_str().unwrap(), "-n", "default", "--dry-run=client"];
    let crds = ["--set", "crds.install=false,relay.injection.mode=None"];
    let notes = cluster.helm(install.into_iter().chain(crds)).await?.ok()?;
    assert!(notes.contains("Nothing refuses it"), "{notes}");
    Ok(())
}

/// A policy whose expression does not compile is refused here, and one that does not fit a Pod is warned of.
#[tokio::test]
async fn every_form_of_the_policies_compiles() -> Result<()> {
    let cluster = cluster().await?;
    let forms: [&[&str]; 3] = [
        &[],
        &["--set", "relay.injection.mode=Policy"],
        &["--set", "relay.injection.mode=Policy,watchNamespaces={shop,crm},relay.injection.excludedNamespaces={a,b}"],
    ];
    for form in forms {
        for object in rendered(cluster, form).await? {
            let apply = ["apply", "--server-side", "--dry-run=server", "-o", "json", "-f", "-"];
            let kept = cluster.kubectl_with_input(apply, &object.to_string()).await?.ok()?;
            let kept: Value = serde_json::from_str(&kept)?;
            assert_eq!(kept.pointer("/spec/failurePolicy"), object.pointer("/spec/failurePolicy"));
        }
    }
    Ok(())
}

/// Narrow where it fails closed: nothing but labelled pods when they are created, or get the label, and not where the operator or
/// the cluster lives.
#[tokio::test]
async fn the_policies_match_labelled_pods_and_nothing_else() -> Result<()> {
    let cluster = super::place::policies().await?;
    let values = "relay.injection.mode=Policy,watchNamespaces={shop},relay.injection.excludedNamespaces={legacy}";
    for policy in
        rendered(cluster, &["--set", values]).await?.iter().filter(|policy| !policy["spec"]["failurePolicy"].is_null())
    {
        let spec = &policy["spec"];
        assert_eq!(spec["failurePolicy"], "Fail");
        let matched = &spec["matchConstraints"];
        assert_eq!(matched["resourceRules"].as_array().unwrap().len(), 1);
        let (operations, conditions) =
            (&matched["resourceRules"][0]["operations"], spec["matchConditions"].to_string());
        if policy["kind"] == REQUIRE[0] {
            assert_eq!(operations, &serde_json::json!(["CREATE", "UPDATE"]));
            assert!(conditions.contains("a-label-that-is-new"), "{conditions}");
        } else {
            assert_eq!(operations, &serde_json::json!(["CREATE"]));
        }
        assert_eq!(matched["resourceRules"][0]["resources"], serde_json::json!(["pods"]));
        assert_eq!(matched["objectSelector"]["matchExpressions"][0]["key"], acs_wire::relay::LABEL);
        let namespaces = matched["namespaceSelector"]["matchExpressions"].to_string();
        for name in ["kube-system", "acs", "legacy", "shop"] {
            assert!(namespaces.contains(&format!("\"{name}\"")), "{name}: {namespaces}");
        }
    }
    // The server's own check of types found nothing in the policy that it runs.
    let kind = "validatingadmissionpolicy";
    let name = format!("{RELEASE}-acs-operator-require");
    let checked = testbed::wait_for_some("the policy to be checked", crate::harness::SOON, || async {
        let policy = cluster.kubectl(["get", kind, &name, "-o", "json"]).await.ok()?.ok().ok()?;
        let policy: Value = serde_json::from_str(&policy).ok()?;
        policy.pointer("/status/typeChecking").cloned()
    });
    assert_eq!(checked.await?, serde_json::json!({}));
    Ok(())
}
