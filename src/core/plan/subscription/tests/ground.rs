//! What the plan of an event subscription stands on: a service, a relay, and an Azure that shows no secret.

use std::collections::BTreeMap;

use acs_wire::relay::delivery_key_fingerprint;
use serde_json::{Value, json};

use crate::azure::call::{ArmCall, ArmReply, Body, Method};
use crate::azure::descriptor::set;
use crate::azure::error::{AzureError, Fate};
use crate::kinds::{Kind, Object};
use crate::plan::decide;
use crate::step::{Decision, Step};
pub use crate::world::ground::world;
use crate::world::{Answer, Memory, Read, SecretView, World};

pub const GROUP: &str = "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d/resourceGroups/rg-shop/providers";

pub struct Ground {
    pub spec: Value,
    pub status: Value,
    /// Reason of the service's TopicReady; `None` where it has no topic.
    pub topic: Option<&'static str>,
    /// Key that the relay has for its event subscriptions.
    pub key: String,
    pub secrets: BTreeMap<String, SecretView>,
    /// What Azure has, as it shows it.
    pub azure: Option<Value>,
    /// A place where Azure shows something else than it was told.
    pub shows: Option<(&'static str, Value)>,
    pub clock: u64,
    pub memory: Memory,
    pub count: u64,
    pub sent: Vec<ArmCall>,
}

impl Ground {
    pub fn new(more: &Value) -> Self {
        let mut spec = json!({"source": {"serviceRef": {"name": "shop"}},
            "destination": {"type": "WebHook", "webHook": {"url": "https://a.example/e?code=x"}}});
        for (name, value) in more.as_object().unwrap() {
            spec[name] = value.clone();
        }
        Self {
            spec,
            status: Value::Null,
            topic: Some("Succeeded"),
            key: "k".repeat(43),
            secrets: BTreeMap::new(),
            azure: None,
            shows: None,
            clock: 1_000,
            memory: Memory::default(),
            count: 0,
            sent: Vec::new(),
        }
    }

    /// One that Azure made as asked for.
    pub fn made(more: &Value) -> Self {
        let mut ground = Self::new(more);
        ground.settle();
        assert_eq!(ground.ready().0, "True", "{:#}", ground.status);
        ground.sent.clear();
        ground
    }

    pub fn to_relay() -> Self {
        Self::made(&json!({"destination": {"type": "EventRelay", "eventRelayRef": {"name": "r"}}}))
    }

    pub fn condition(&self, type_: &str) -> (&str, &str, &str) {
        let conditions = self.status["conditions"].as_array().unwrap();
        let found = conditions.iter().find(|condition| condition["type"] == type_).unwrap();
        let text = |name: &str| found[name].as_str().unwrap();
        (text("status"), text("reason"), text("message"))
    }

    pub fn ready(&self) -> (&str, &str) {
        let (status, reason, _) = self.condition("Ready");
        (status, reason)
    }

    /// Passes until one has nothing to send.
    pub fn settle(&mut self) {
        for _ in 0..10 {
            if !self.pass() {
                return;
            }
        }
        panic!("it does not come to rest: {:#}", self.status);
    }

    /// One pass; true if it sent something, which Azure took.
    pub fn pass(&mut self) -> bool {
        self.count += 1;
        self.clock += 1_000;
        let mut world = self.world();
        let outcome = loop {
            match decide(&world) {
                Decision::Need(reads) => {
                    for read in reads {
                        let answer = self.answer(&read);
                        world.answers.insert(read, answer);
                    }
                }
                Decision::Decided(outcome) => break *outcome,
                Decision::Deposed => panic!("nobody else leads"),
            }
        };
        (self.status, self.memory) = (outcome.status, outcome.memory);
        match outcome.step {
            Step::Rest => false,
            Step::Mutate { operation, call } => {
                self.take(&call);
                self.memory.replies.insert(operation.id, Ok(ArmReply { status: 200, ..ArmReply::default() }));
                self.sent.push(*call);
                true
            }
            other => panic!("nobody should do {other:?}"),
        }
    }

    fn take(&mut self, call: &ArmCall) {
        let body = call.body.clone().unwrap_or_default().0;
        let mut all = match call.method {
            Method::Put => body,
            Method::Patch => {
                let mut all = self.azure.clone().unwrap();
                for (name, value) in body.as_object().unwrap() {
                    all["properties"][name] = value.clone();
                }
                all
            }
            other => panic!("nobody should send {other:?}"),
        };
        set(&mut all, "/properties/provisioningState", json!("Succeeded"));
        let destination = all.pointer_mut("/properties/destination/properties").unwrap();
        if let Some(url) = destination.as_object_mut().unwrap().remove("endpointUrl") {
            destination["endpointBaseUrl"] = json!(url.as_str().unwrap().split('?').next());
        }
        for mapping in
            destination.get_mut("deliveryAttributeMappings").and_then(Value::as_array_mut).into_iter().flatten()
        {
            if mapping["properties"]["isSecret"] == true {
                mapping["properties"]["value"] = json!("Hidden");
            }
        }
        self.azure = Some(all);
    }

    fn world(&self) -> World {
        let object = object(Kind::EventSubscription, "one", &self.spec, &self.status);
        world(object, self.clock, self.count, self.memory.clone())
    }

    fn answer(&self, read: &Read) -> Answer {
        match read {
            Read::Object(target) => Answer::Object(Some(Box::new(self.object(target.kind)))),
            Read::Secret(_, name) if name == "r-delivery" => Answer::Secret(Some(secret("current", &self.key))),
            Read::Secret(_, name) => Answer::Secret(self.secrets.get(name).cloned()),
            Read::Arm { method: Method::Get, .. } => Answer::Arm(match &self.azure {
                Some(body) => {
                    let mut body = body.clone();
                    if let Some((pointer, value)) = &self.shows {
                        set(&mut body, pointer, value.clone());
                    }
                    Ok(ArmReply { status: 200, body: Body(body), ..ArmReply::default() })
                }
                None => Err(AzureError {
                    status: Some(404),
                    fate: Fate::NotApplied,
                    ..AzureError::of_operation("ResourceNotFound", "not found")
                }),
            }),
            other => panic!("nobody should ask for {other:?}"),
        }
    }

    /// The object of that kind, in order.
    fn object(&self, kind: Kind) -> Object {
        match kind {
            Kind::AzureAccount => account(),
            Kind::CommunicationService => {
                let type_ = if self.topic.is_some() { "Managed" } else { "None" };
                let reason = self.topic.unwrap_or("NotRequested");
                object(
                    kind,
                    "shop",
                    &json!({"dataLocation": "Europe", "systemTopic": {"type": type_}}),
                    &json!({"observedGeneration": 1,
                        "azureResourceId": format!("{GROUP}/Microsoft.Communication/communicationServices/shop"),
                        "systemTopicId": format!("{GROUP}/Microsoft.EventGrid/systemTopics/t"),
                        "conditions": [condition("Provisioned", "Succeeded", ""),
                            condition("TopicReady", reason, "the topic lacks it")]}),
                )
            }
            Kind::EventRelay => object(
                kind,
                "r",
                &json!({"placement": {"type": "Sidecar"}, "reachability": {"type": "URL", "url": "https://r.example"}}),
                &json!({"observedGeneration": 1, "url": "https://r.example", "subscriptions": ["one-1"],
                    "deliveryKey": {"current": delivery_key_fingerprint(&self.key), "rotation": 0}}),
            ),
            other => panic!("nobody should ask for {other:?}"),
        }
    }
}

/// An account that is Ready.
pub fn account() -> Object {
    object(
        Kind::AzureAccount,
        "default",
        &json!({"subscriptionId": "6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
            "tenantId": "72f988bf-86f1-41af-91ab-2d7cd011db47", "resourceGroup": "rg-shop",
            "identity": {"type": "WorkloadIdentity",
                "workloadIdentity": {"clientId": "0c7e3d2a-1b2c-4d3e-8f4a-5b6c7d8e9f01"}}}),
        &json!({"observedGeneration": 1, "conditions": [condition("Ready", "Ready", "")]}),
    )
}

fn condition(type_: &str, reason: &str, message: &str) -> Value {
    json!({"type": type_, "status": "True", "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

pub fn object(kind: Kind, name: &str, spec: &Value, status: &Value) -> Object {
    let object = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": kind.to_string(),
        "metadata": {"name": name, "namespace": "ns", "uid": name, "generation": 1, "resourceVersion": "1",
            "finalizers": [acs_wire::FINALIZER],
            "annotations": {acs_wire::ANNOTATION_AZURE_NAME: format!("{name}-1")}},
        "spec": spec, "status": status});
    Object::decode(kind, object).unwrap()
}

pub fn secret(key: &str, value: &str) -> SecretView {
    SecretView {
        owner_uid: None,
        resource_version: "1".to_owned(),
        held: false,
        content: BTreeMap::from([(key.to_owned(), value.to_owned())]),
    }
}
