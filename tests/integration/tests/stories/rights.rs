//! The operator has the chart's rights: they suffice, and one that is missing is named.

use anyhow::{Context as _, Result};
use k8s_openapi::api::rbac::v1::{ClusterRole, RoleBinding};
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use testbed::audit::Filter;
use testbed::{stack, wait_for_some};

use crate::credentials::{federated, service_account, trust};
use crate::harness::{QUICKSTART, SOON, Story, cluster_with_gateways};

async fn role(story: &Story) -> Result<(Api<ClusterRole>, ClusterRole)> {
    let bindings: Api<RoleBinding> = Api::namespaced(story.client.clone(), story.namespace());
    let name = bindings.get("acs-operator").await?.role_ref.name;
    let roles: Api<ClusterRole> = Api::all(story.client.clone());
    let role = roles.get(&name).await?;
    Ok((roles, role))
}

#[tokio::test]
async fn an_ordinary_life_meets_no_refusal() -> Result<()> {
    // Where there is Gateway API too.
    let story = Story::prepare_on(cluster_with_gateways().await?, "rights", stack::Options::default()).await?;
    let mut operator = story.stack.run_operator().await?;
    service_account(&story, "acs-operator-azure").await?;
    trust(&story, "acs-operator-azure").await?;
    story.secrets().await?;
    story.apply_all(&story.quickstart()?.with("AzureAccount", &federated(&story))).await?;
    story.all_ready().await?;
    // A key that changes in Azure replaces the content of a Secret.
    let old = story.secret("phones-backend").await?;
    let rule = format!("{}/authorizationrules/backend", story.id("NotificationHub", "phones").await?);
    story.door("portal/regenerateKey", json!({"id": rule, "key": "primary"})).await?;
    wait_for_some("the new key", SOON, || async { (story.secret("phones-backend").await.ok()? != old).then_some(()) })
        .await?;
    story.patch("NotificationHub", "phones", json!({"spec": {"accessPolicies": null}})).await?;
    story.ready("NotificationHub", "phones").await?;
    a_relay_lives(&story).await?;
    operator.restart().await?;
    for (kind, name) in QUICKSTART.iter().rev() {
        story.delete(kind, name).await?;
        story.gone(kind, name).await?;
    }
    operator.process().terminate(std::time::Duration::from_secs(10)).await?;
    let all = story.cluster.audit(&Filter::default().service_account(story.stack.home.name(), "acs-operator"))?;
    assert!(all.len() > 50, "{} requests are not a life", all.len());
    let refused: Vec<_> =
        all.iter().filter(|entry| entry.code == 403).map(|entry| format!("{} {}", entry.verb, entry.uri)).collect();
    assert_eq!(refused, [""; 0]);

    // And nothing is granted that such a life does not use.
    let (_, role) = role(&story).await?;
    let mut unused = Vec::new();
    for rule in role.rules.unwrap_or_default() {
        for resource in rule.resources.iter().flatten() {
            let (name, sub) = resource.split_once('/').unwrap_or((resource, ""));
            for verb in &rule.verbs {
                let used =
                    all.iter().any(|entry| entry.resource == name && entry.subresource == sub && entry.verb == *verb);
                if !used {
                    unused.push(format!("{verb} {resource}"));
                }
            }
        }
    }
    let expected = |unused: &str| {
        // Asked for by clusters that check who may block a deletion; see the role's own comment.
        unused.contains("/finalizers") ||
        // A repeat is a patch: an ordinary life has none.
        unused == "patch events" ||
        // Server-side apply of what is not there asks for it, and shows as a patch.
        unused.strip_prefix("create ").is_some_and(|kind| APPLIED.contains(&kind))
    };
    unused.retain(|unused| !expected(unused));
    assert_eq!(unused, [""; 0]);
    Ok(())
}

/// What is made for relays.
const APPLIED: [&str; 7] =
    ["configmaps", "services", "deployments", "poddisruptionbudgets", "networkpolicies", "ingresses", "httproutes"];

/// A relay in pods of its own behind a Gateway and then an Ingress, that then goes beside apps, behind a name that others look
/// after, and ends.
async fn a_relay_lives(story: &Story) -> Result<()> {
    let target = json!({"type": "HTTP", "http": {"service": {"name": "app"}, "port": 80, "path": "/"}});
    let relay = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "EventRelay",
        "metadata": {"name": "shop", "namespace": story.namespace()},
        "spec": {"placement": {"type": "Deployment"},
            "reachability": {"type": "HTTPRoute",
                "httpRoute": {"parentRefs": [{"name": "public"}], "hostname": "events.shop.example"}},
            "routes": [{"name": "sms", "eventTypes": ["Microsoft.Communication.SMSReceived"], "target": target}]}});
    story.cluster.apply(&relay.to_string()).await?;
    let has = |kind: &'static str, there: bool| async move {
        wait_for_some(&format!("{kind} of the relay: {there}"), SOON, || async {
            let found = story.stack.get(story.cluster, kind, "shop-relay").await.ok()?.is_some();
            (found == there).then_some(())
        })
        .await
    };
    has("httproute", true).await?;
    let ingress = json!({"type": "Ingress", "httpRoute": null, "ingress": {"hostname": "events.shop.example"}});
    story.patch("EventRelay", "shop", json!({"spec": {"reachability": ingress}})).await?;
    has("ingress", true).await?;
    has("httproute", false).await?;
    let beside = json!({"spec": {"placement": {"type": "Sidecar"}, "reachability": {"type": "URL", "ingress": null, "url": "https://events.shop.example"}}});
    story.patch("EventRelay", "shop", beside).await?;
    for kind in ["ingress", "networkpolicy", "poddisruptionbudget", "deployment"] {
        has(kind, false).await?;
    }
    has("service", true).await?;
    story.delete("EventRelay", "shop").await?;
    story.gone("EventRelay", "shop").await
}

#[tokio::test]
async fn a_missing_right_is_named_and_heals_when_granted() -> Result<()> {
    let (story, _operator) = Story::begin("forbidden").await?;
    let (roles, mut role) = role(&story).await?;
    let rules = role.rules.as_mut().context("a role without rules")?;
    let secrets =
        rules.iter_mut().find(|rule| rule.resources.as_ref().is_some_and(|all| all.contains(&"secrets".to_owned())));
    secrets.context("no rule for Secrets")?.verbs.retain(|verb| verb != "create");
    let name = role.metadata.name.clone().unwrap_or_default();
    let mut changed = roles.replace(&name, &PostParams::default(), &role).await?;
    story.secrets().await?;
    story.apply_all(&story.quickstart()?).await?;
    let message = story.reason("CommunicationService", "shop", "ConnectionPublished", "KubernetesForbidden").await?;
    assert!(message.contains("cannot create resource \"secrets\""), "{message}");
    let rules = changed.rules.as_mut().context("a role without rules")?;
    let secrets =
        rules.iter_mut().find(|rule| rule.resources.as_ref().is_some_and(|all| all.contains(&"secrets".to_owned())));
    secrets.context("no rule for Secrets")?.verbs.push("create".to_owned());
    roles.replace(&name, &PostParams::default(), &changed).await?;
    // Nothing tells the operator of a changed role: the slow retry finds out, or a person who does not want to wait.
    for (kind, name) in [("CommunicationService", "shop"), ("NotificationHub", "phones")] {
        let annotations = json!({acs_wire::ANNOTATION_RECONCILE_AT: "now"});
        story.patch(kind, name, json!({"metadata": {"annotations": annotations}})).await?;
    }
    story.all_ready().await
}
