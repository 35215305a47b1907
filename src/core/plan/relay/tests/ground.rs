//! What a relay's plan stands on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use acs_wire::relay::config::RelayConfig;
use acs_wire::relay::delivery_key_fingerprint as fingerprint;
use acs_wire::relay::report::RelayReport;
use serde_json::{Value, json};

use crate::kinds::{Kind, Object};
use crate::moment::{Moment, Timings};
use crate::plan::decide;
use crate::relay::child::{ChildFound, ChildKind, ChildView};
use crate::relay::inject::RelayImage;
use crate::relay::pods::PodView;
use crate::step::{Decision, Step};
use crate::world::{Answer, Memory, PushThrough, Read, RelaySettings, SecretView, Settings, World};

/// A relay in a pod: what it has loaded.
#[derive(Clone, Debug, Default)]
pub struct Pod {
    pub name: String,
    pub keys: Vec<String>,
    config: Option<RelayConfig>,
    /// False for one whose kubelet brings nothing new.
    pub refreshed: bool,
}

/// An event subscription, and the key that Event Grid sends for it.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub name: String,
    pub sends: Option<String>,
    /// Further members of its spec.
    pub spec: Value,
}

pub struct Ground {
    pub relay: Value,
    pub secrets: BTreeMap<String, SecretView>,
    pub children: BTreeMap<(ChildKind, String), Value>,
    pub pods: Vec<Pod>,
    pub subscriptions: Vec<Subscription>,
    pub gateway: Result<(), String>,
    /// True while no kubelet brings anything new.
    pub lag: bool,
    pub clock: u64,
    /// Further objects, by kind and name.
    pub objects: BTreeMap<(Kind, String), Value>,
    /// Clouds whose hubs are reached in a way of their own.
    pub clouds: BTreeMap<String, PushThrough>,
    memory: Memory,
    count: u64,
}

impl Ground {
    pub fn sidecar() -> Self {
        let target = json!({"type": "HTTP", "http": {"port": 8080, "path": "/events"}});
        let relay = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "EventRelay",
            "metadata": {"name": "shop", "namespace": "ns", "uid": "u", "generation": 1, "resourceVersion": "1",
                "finalizers": [acs_wire::FINALIZER]},
            "spec": {"placement": {"type": "Sidecar"},
                "reachability": {"type": "URL", "url": "https://events.example"},
                "routes": [{"name": "sms", "eventTypes": ["A.B"], "target": target}]}});
        Self {
            relay,
            secrets: BTreeMap::new(),
            children: BTreeMap::new(),
            pods: Vec::new(),
            subscriptions: Vec::new(),
            gateway: Ok(()),
            lag: false,
            clock: 1_000,
            objects: BTreeMap::new(),
            clouds: BTreeMap::new(),
            memory: Memory::default(),
            count: 0,
        }
    }

    pub fn add_pod(&mut self, name: &str) {
        self.pods.push(Pod { name: name.to_owned(), refreshed: true, ..Pod::default() });
    }

    pub fn add_subscription(&mut self, name: &str) {
        self.subscriptions.push(Subscription { name: name.to_owned(), sends: None, spec: json!({}) });
    }

    pub fn status(&self) -> &Value {
        &self.relay["status"]
    }

    /// The process dies: nothing is remembered.
    pub fn crash(&mut self) {
        self.memory = Memory::default();
    }

    /// Kubelets bring what is in the cluster.
    pub fn refresh(&mut self) {
        let keys = self.secrets.get("shop-delivery").map(|secret| secret.content.values().cloned().collect::<Vec<_>>());
        let config = self.children.get(&(ChildKind::ConfigMap, "shop-relay".to_owned()));
        let config = config.and_then(|map| serde_json::from_str(map["data"]["relay.json"].as_str()?).ok());
        for pod in self.pods.iter_mut().filter(|pod| pod.refreshed) {
            pod.keys = keys.clone().unwrap_or_default();
            pod.config.clone_from(&config);
        }
    }

    /// Passes, with what others do in between, until nothing changes any more.
    pub fn settle(&mut self) {
        for _ in 0..20 {
            let before = self.relay.clone();
            self.pass();
            if !self.lag {
                self.refresh();
            }
            self.clock += 2_000;
            if self.relay == before {
                return;
            }
        }
    }

    /// One pass; returns what it did.
    pub fn pass(&mut self) -> Vec<Step> {
        let mut done = Vec::new();
        let mut world = self.world();
        for _ in 0..200 {
            match decide(&world) {
                Decision::Deposed => panic!("nobody else leads"),
                Decision::Need(reads) => {
                    for read in reads {
                        let answer = self.answer(&read);
                        world.answers.insert(read, answer);
                    }
                }
                Decision::Decided(outcome) => {
                    done.push(outcome.step.clone());
                    match self.perform(&outcome.step) {
                        Some(stale) => {
                            if let Read::Child(_, kind, name) = &stale {
                                world.applied.insert((*kind, name.clone()));
                            }
                            world.answers.remove(&stale);
                        }
                        None => {
                            self.relay["status"] = outcome.status;
                            self.memory = outcome.memory;
                            return done;
                        }
                    }
                }
            }
        }
        panic!("a pass goes in circles: {done:?}")
    }

    fn world(&mut self) -> World {
        self.count += 1;
        let settings = Settings {
            cluster_id: "c".to_owned(),
            service_accounts: Vec::new(),
            clouds: vec!["Public".to_owned()],
            timings: Timings::default(),
            relay: RelaySettings {
                image: RelayImage { image: "relay:1".to_owned(), pull_policy: "IfNotPresent".to_owned() },
                operator_namespace: "operator".to_owned(),
                push_endpoint: None,
                ca_bundle: None,
                clouds: self.clouds.clone(),
            },
        };
        World {
            object: Object::decode(Kind::EventRelay, self.relay.clone()).unwrap(),
            settings: Arc::new(settings),
            now: Moment { mono: self.clock, wall: 1_790_000_000_000 + self.clock },
            epoch: 1,
            nonce: format!("n{}", self.count),
            jitter: 0.5,
            fresh_key: format!("{:043}", self.count).into(),
            applied: BTreeSet::new(),
            answers: BTreeMap::new(),
            memory: self.memory.clone(),
        }
    }

    fn answer(&self, read: &Read) -> Answer {
        match read {
            Read::Objects(Kind::EventSubscription, _) => {
                Answer::Objects(self.subscriptions.iter().map(Subscription::object).collect())
            }
            Read::Objects(..) => Answer::Objects(Vec::new()),
            Read::Object(of) => {
                let found = self.objects.get(&(of.kind, of.name.clone()));
                Answer::Object(found.map(|object| Box::new(Object::decode(of.kind, object.clone()).unwrap())))
            }
            Read::Secret(_, name) => Answer::Secret(self.secrets.get(name).cloned()),
            Read::Child(_, kind, name) => Answer::Child(match self.children.get(&(*kind, name.clone())) {
                None => ChildFound::Absent,
                Some(body) => ChildFound::Present(Box::new(ChildView {
                    owner_uid: body["metadata"]["ownerReferences"][0]["uid"].as_str().map(str::to_owned),
                    uid: "c".to_owned(),
                    deleting: false,
                    body: body.clone(),
                })),
            }),
            Read::Pods(..) => Answer::Pods(self.pods.iter().enumerate().map(|(at, pod)| pod.view(at)).collect()),
            Read::Relays(addresses) => {
                let report = |address: &String| {
                    let at: usize = address.rsplit('.').next().unwrap().parse().unwrap();
                    (address.clone(), Ok(self.pods[at].report()))
                };
                Answer::Relays(addresses.iter().map(report).collect())
            }
            Read::Handshakes(with) => Answer::Handshakes(with.iter().map(|_| self.gateway.clone()).collect()),
            other => panic!("nobody should ask for {other:?}"),
        }
    }

    /// Does a step; returns what it makes stale, or none at the end of a pass.
    fn perform(&mut self, step: &Step) -> Option<Read> {
        match step {
            Step::Rest => None,
            Step::WriteSecret(write) => {
                let view = SecretView {
                    owner_uid: Some("u".to_owned()),
                    resource_version: self.count.to_string(),
                    held: false,
                    content: write.content.clone(),
                };
                self.secrets.insert(write.name.clone(), view);
                Some(Read::Secret("ns".to_owned(), write.name.clone()))
            }
            Step::Apply(child) => {
                self.children.insert((child.kind, child.name.clone()), child.manifest.clone());
                Some(Read::Child("ns".to_owned(), child.kind, child.name.clone()))
            }
            Step::DeleteChild { kind, name, .. } => {
                self.children.remove(&(*kind, name.clone()));
                Some(Read::Child("ns".to_owned(), *kind, name.clone()))
            }
            other => panic!("nobody should do {other:?}"),
        }
    }
}

impl Pod {
    fn view(&self, at: usize) -> PodView {
        PodView {
            name: self.name.clone(),
            address: Some(format!("10.0.0.{at}")),
            ready: true,
            has_relay: true,
            ..PodView::default()
        }
    }

    fn report(&self) -> RelayReport {
        let config = self.config.clone();
        RelayReport {
            relay: "shop".to_owned(),
            namespace: "ns".to_owned(),
            revision: config.as_ref().map(|config| config.revision.clone()).unwrap_or_default(),
            delivery_keys: self.keys.iter().map(|key| fingerprint(key)).collect(),
            subscriptions: config.iter().flat_map(|config| &config.subscriptions).map(|s| s.name.clone()).collect(),
            accepting: config.is_some() && !self.keys.is_empty(),
            ..RelayReport::default()
        }
    }
}

impl Subscription {
    fn object(&self) -> Object {
        let status = self
            .sends
            .as_ref()
            .map_or(json!({}), |key| json!({"azureResourceId": "/x", "deliveryKey": fingerprint(key)}));
        let mut json = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "EventSubscription",
            "metadata": {"name": self.name, "namespace": "ns", "uid": self.name, "annotations": {acs_wire::ANNOTATION_AZURE_NAME: self.name}},
            "spec": {"source": {"serviceRef": {"name": "s"}}, "destination": {"type": "EventRelay", "eventRelayRef": {"name": "shop"}}},
            "status": status});
        for (member, value) in self.spec.as_object().unwrap() {
            json["spec"][member] = value.clone();
        }
        Object::decode(Kind::EventSubscription, json).unwrap()
    }
}
