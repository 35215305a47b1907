//! A story with a relay: an app, a front with a public name, and pods made as an admission policy would make them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use kube::api::PostParams;
use serde_json::{Value, json};
use testbed::front::Front;
use testbed::{Cluster, Operator, RelayProcess, relay_process, stack, wait_for, wait_for_some};

use super::app::App;
use crate::harness::{SOON, Story};

pub(super) const SMS: &str = "Microsoft.Communication.SMSReceived";

/// A story's stage.
pub(super) struct Stage {
    pub(super) story: Story,
    pub(super) operator: Operator,
    pub(super) front: Front,
    pub(super) app: App,
}

impl Stage {
    /// Everything but the relay; the operator may try addresses of this machine.
    pub(super) async fn begin(prefix: &str) -> Result<Self> {
        Self::with(prefix, &["--probe-private-addresses"]).await
    }

    pub(super) async fn with(prefix: &str, args: &[&str]) -> Result<Self> {
        Self::on(crate::harness::cluster().await?, prefix, args).await
    }

    /// As [`Stage::with`], on another cluster.
    pub(super) async fn on(cluster: &'static Cluster, prefix: &str, args: &[&str]) -> Result<Self> {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let story = Story::prepare_on(cluster, prefix, stack::Options { args, ..stack::Options::default() }).await?;
        let operator = story.stack.run_operator().await?;
        let front = Front::start(&story.stack.azure, IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
        let app = App::start().await?;
        Ok(Self { story, operator, front, app })
    }

    /// The relay `shop`, changed.
    pub(super) fn relay(&self, patch: &Value) -> Value {
        let http = json!({"port": self.app.port(), "path": "/events"});
        let mut relay = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "EventRelay", "metadata": {"name": "shop"},
            "spec": {"placement": {"type": "Sidecar"}, "reachability": {"type": "URL", "url": self.front.url()},
                "routes": [{"name": "sms", "eventTypes": [SMS], "target": {"type": "HTTP", "http": http}}]}});
        crate::harness::merge(&mut relay, patch);
        relay
    }

    /// An event subscription that delivers to it.
    pub(super) fn subscription(&self, patch: &Value) -> Value {
        let mut subscription = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "EventSubscription",
            "metadata": {"name": "relayed"}, "spec": {"source": {"serviceRef": {"name": "shop"}}, "eventTypes": [SMS],
                "destination": {"type": "EventRelay", "eventRelayRef": {"name": "shop"}}}});
        crate::harness::merge(&mut subscription, patch);
        subscription
    }

    /// A pod with the relay in it, as the admission policy would make it from what the operator published.
    pub(super) async fn pod(&self, name: &str) -> Result<()> {
        let relay = self.story.until(("EventRelay", "shop"), "an injection", |relay| {
            relay.pointer("/status/injection/container").is_some()
        });
        let injection = relay.await?["status"]["injection"].clone();
        let pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": {acs_wire::relay::LABEL: "shop"},
                "annotations": {acs_wire::relay::ANNOTATION_REVISION: injection["revision"]}},
            "spec": {"initContainers": [injection["container"]], "volumes": injection["volumes"],
                "containers": [{"name": "app", "image": "app"}]}});
        self.create("Pod", &pod).await
    }

    pub(super) async fn create(&self, kind: &str, object: &Value) -> Result<()> {
        let object = serde_json::from_value(object.clone())?;
        let api = self.story.api(kind);
        // The namespace's ServiceAccount comes a moment after the namespace.
        let what = format!("a {kind} to be taken");
        let created = wait_for_some(&what, SOON, || async { api.create(&PostParams::default(), &object).await.ok() });
        created.await.map(drop)
    }

    /// Runs the relay of a pod.
    pub(super) async fn run(&self, pod: &str) -> Result<RelayProcess> {
        let logs = self.story.stack.operator_options.logs.clone();
        let options = relay_process::Options {
            logs,
            environment: [("ACS_RELAY_DRAIN_DELAY_SECONDS".to_owned(), "0".to_owned())].into(),
        };
        RelayProcess::start(&self.story.client, self.story.namespace(), pod, options).await
    }

    /// The quickstart, a relay in a pod, and an event subscription that delivers to it; all Ready.
    pub(super) async fn delivering(&self, relay: &Value) -> Result<RelayProcess> {
        self.story.quickstart_ready().await?;
        self.story.apply(&self.relay(relay)).await?;
        self.pod("app-1").await?;
        let process = self.run("app-1").await?;
        self.point(&[&process]);
        self.story.apply(&self.subscription(&json!({}))).await?;
        self.story.ready("EventSubscription", "relayed").await?;
        self.story.ready("EventRelay", "shop").await?;
        Ok(process)
    }

    pub(super) fn point(&self, relays: &[&RelayProcess]) {
        let targets: Vec<SocketAddr> = relays.iter().map(|relay| relay.events()).collect();
        self.front.point_at(&targets);
    }

    /// An SMS comes in; returns the event's id.
    pub(super) async fn sms(&self) -> Result<String> {
        let service = self.story.id("CommunicationService", "shop").await?;
        let body =
            json!({"service": service, "type": SMS, "subject": "/phonenumber/15550001", "data": {"message": "hello"}});
        let sent = self.story.door("events", body).await?;
        Ok(sent["ids"][0].as_str().context("the simulator made no event")?.to_owned())
    }

    pub(super) async fn arrives(&self, id: &str) -> Result<()> {
        wait_for(&format!("event {id} to arrive"), SOON, || async {
            self.app.arrived().iter().any(|known| known == id)
        })
        .await
    }
}
