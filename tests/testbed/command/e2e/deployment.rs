//! A relay in pods of its own, for apps that share one.

use anyhow::Result;
use serde_json::{Value, json};
use testbed::front::Front;
use testbed::{AzureSim, wait_for};

use super::super::objects::is_ready;
use super::super::relay::{Attempt, attempts, send_sms};
use super::super::story::{SHOP, Story};
use super::PODS;
use super::admission::service_address;

const NAME: &str = "central";

pub(super) async fn deployment(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("A relay in pods of its own, scaled by kubectl");
    let front = Front::start(&story.all.azure, story.all.cluster.host_address().into()).await?;
    story.show.did("kubectl apply -f -   of an EventRelay with placement Deployment, and its EventSubscription");
    story.all.cluster.apply(&manifest(&front)).await?;
    front.point_at(&[service_address(story.all, &format!("{NAME}-relay")).await?]);
    let subscription = wait_for("the event subscription to be Ready", PODS, || async {
        story.object(SHOP, "eventsubscriptions", NAME).await.is_ok_and(|object| is_ready(&object))
    });
    let ready =
        story.show.waiting("pods start, the operator tries the name, Azure is told", subscription).await.is_ok();
    let seen = story.object(SHOP, "eventsubscriptions", NAME).await?;
    story
        .show
        .check("its event subscription is Ready", ready, || seen.get("status").unwrap_or(&Value::Null).to_string());
    let id = send_sms(&story.all.azure, &story.line.service.clone(), "To whom it may concern").await?;
    let taken = wait_for("the event to be acknowledged", PODS, || async { acknowledged(&story.all.azure, &id).await });
    let taken = story.show.waiting("Event Grid delivers", taken).await.is_ok();
    story
        .show
        .check("an SMS was delivered through it, to Services of the namespace", taken, || "it was not".to_owned());
    story.show.did(&format!("kubectl -n {SHOP} scale acsrelay/{NAME} --replicas=3"));
    let args = ["-n", SHOP, "scale", &format!("acsrelay/{NAME}"), "--replicas=3"].map(str::to_owned);
    story.all.cluster.kubectl(args).await?.ok()?;
    let scaled =
        wait_for("three pods to be ready", PODS, || async { ready_pods(story).await.is_ok_and(|count| count == 3) });
    let scaled = story.show.waiting("one more pod", scaled).await.is_ok();
    let count = ready_pods(story).await?;
    story.show.check("status counts three ready pods", scaled, || format!("{count}"));
    let doomed = ["-n", SHOP, "delete", "acses,acsrelay", NAME, "--timeout=60s"].map(str::to_owned);
    story.show.did(&format!("kubectl -n {SHOP} delete acses,acsrelay {NAME}"));
    story.all.cluster.kubectl(doomed).await?.ok()?;
    let gone = wait_for("its pods to be gone", PODS, || async {
        let args = ["-n", SHOP, "get", "deploy", "-o", "name"];
        let left = story.all.cluster.kubectl(args).await.map(|answer| answer.stdout);
        left.is_ok_and(|left| !left.contains(NAME))
    });
    let gone = gone.await.is_ok();
    story.show.check("deleted, it takes its Deployment with it", gone, || "the Deployment is there".to_owned());
    Ok(())
}

fn manifest(front: &Front) -> String {
    let sms = json!(["Microsoft.Communication.SMSReceived"]);
    let target = json!({"type": "HTTP", "http": {"service": {"name": "mail"}, "port": 80, "path": "/events/central"}});
    let relay = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "EventRelay",
        "metadata": {"name": NAME, "namespace": SHOP},
        "spec": {"placement": {"type": "Deployment", "deployment": {"replicas": 2}},
            "reachability": {"type": "URL", "url": front.url()},
            "routes": [{"name": "mail", "eventTypes": sms, "target": target}]}});
    let subscription = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "EventSubscription",
        "metadata": {"name": NAME, "namespace": SHOP},
        "spec": {"source": {"serviceRef": {"name": "shop"}}, "eventTypes": sms,
            "destination": {"type": "EventRelay", "eventRelayRef": {"name": NAME}}}});
    format!("{relay}\n---\n{subscription}")
}

async fn acknowledged(azure: &AzureSim, id: &str) -> bool {
    let taken = |attempt: &Attempt| attempt.event_id == id && attempt.status == Some(200) && attempt.is_of(NAME);
    attempts(azure).await.is_ok_and(|all| all.iter().any(taken))
}

async fn ready_pods(story: &Story<'_>) -> Result<u64> {
    let relay = story.object(SHOP, "eventrelays", NAME).await?;
    Ok(relay.pointer("/status/pods/ready").and_then(Value::as_u64).unwrap_or_default())
}
