//! What proves that a call without an answer had its effect: a Notification Hubs namespace, pass by pass.

use serde_json::{Value, json};

use crate::azure::call::{Access, ArmCall, ArmReply, Body, Method, Proof};
use crate::azure::descriptor::set;
use crate::azure::error::{AzureError, Fate};
use crate::azure::event_grid::{self, Target};
use crate::azure::id::ArmId;
use crate::kinds::common::Verb;
use crate::kinds::subscription::{Batching, EventSubscriptionSpec};
use crate::kinds::{Kind, Object, ObjectRef};
use crate::moment::Timings;
use crate::pass::{Halt, Pass};
use crate::plan::decide;
use crate::step::{Decision, Outcome, Step};
use crate::walk;
use crate::world::{Answer, Memory, Read, World, ground};

struct Ground {
    status: Value,
    tags: Value,
    /// What Azure shows.
    azure: Option<Value>,
    clock: u64,
    memory: Memory,
    count: u64,
}

impl Ground {
    fn new() -> Self {
        let memory = Memory::default();
        Self { status: Value::Null, tags: json!({"team": "a"}), azure: None, clock: 1_000, memory, count: 0 }
    }

    /// One that Azure made as asked for.
    fn made() -> Self {
        let mut ground = Self::new();
        let (_, call) = ground.announced();
        ground.shows(&call, "Succeeded");
        ground.forget();
        ground.pass();
        assert_eq!(ground.ready().0, "True", "{:#}", ground.status);
        ground
    }

    fn shows(&mut self, call: &ArmCall, state: &str) {
        let mut body = call.body.clone().unwrap_or_default().0;
        crate::azure::descriptor::set(&mut body, "/properties/provisioningState", json!(state));
        self.azure = Some(body);
    }

    fn forget(&mut self) {
        self.memory = Memory::default();
    }

    fn ready(&self) -> (&str, &str) {
        let conditions = self.status["conditions"].as_array().unwrap();
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready").unwrap();
        (ready["status"].as_str().unwrap(), ready["reason"].as_str().unwrap())
    }

    /// One pass; what it announces gets no answer.
    fn pass(&mut self) -> Outcome {
        self.count += 1;
        let mut world = self.world();
        loop {
            match decide(&world) {
                Decision::Need(reads) => {
                    for read in reads {
                        let answer = self.answer(&read);
                        world.answers.insert(read, answer);
                    }
                }
                Decision::Decided(outcome) => {
                    self.status = outcome.status.clone();
                    self.memory = outcome.memory.clone();
                    return *outcome;
                }
                Decision::Deposed => panic!("deposed"),
            }
        }
    }

    /// A pass that announces a call.
    fn announced(&mut self) -> (Verb, ArmCall) {
        let outcome = self.pass();
        let Step::Mutate { operation, call } = outcome.step else { panic!("{:?}: {:#}", outcome.step, self.status) };
        (operation.verb, *call)
    }

    /// Passes without an answer must not end in Ready while the call may still land, and have to after that.
    fn is_ready_only_after_quarantine(&mut self) {
        let quarantine = Timings::default().quarantine();
        let sent = self.clock;
        self.pass();
        while self.clock < sent + quarantine {
            assert_eq!(self.ready(), ("Unknown", "OutcomeUnknown"), "{} ms after", self.clock - sent);
            self.clock += 10_000;
            self.pass();
        }
        assert_eq!(self.ready().0, "True", "{:#}", self.status);
    }

    fn world(&self) -> World {
        let object = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "NotificationHubNamespace",
            "metadata": {"name": "shop", "namespace": "ns", "uid": "u", "generation": 1, "resourceVersion": "1",
                "finalizers": [acs_wire::FINALIZER], "annotations": {acs_wire::ANNOTATION_AZURE_NAME: "shop-1"}},
            "spec": {"location": "westeurope", "sku": "Standard", "tags": self.tags}, "status": self.status});
        let object = Object::decode(Kind::NotificationHubNamespace, object).unwrap();
        ground::world(object, self.clock, self.count, self.memory.clone())
    }

    fn answer(&self, read: &Read) -> Answer {
        match read {
            Read::Object(target) => {
                let object = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "AzureAccount",
                    "metadata": {"name": target.name, "namespace": "ns", "uid": "a", "generation": 1},
                    "spec": {"subscriptionId": "6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
                        "tenantId": "72f988bf-86f1-41af-91ab-2d7cd011db47", "resourceGroup": "rg-shop",
                        "identity": {"type": "WorkloadIdentity",
                            "workloadIdentity": {"clientId": "0c7e3d2a-1b2c-4d3e-8f4a-5b6c7d8e9f01"}}},
                    "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True",
                        "reason": "Ready", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
                Answer::Object(Some(Box::new(Object::decode(Kind::AzureAccount, object).unwrap())))
            }
            Read::Arm { method: Method::Get, .. } => Answer::Arm(match &self.azure {
                Some(body) => Ok(ArmReply { status: 200, body: Body(body.clone()), ..ArmReply::default() }),
                None => Err(AzureError {
                    status: Some(404),
                    fate: Fate::NotApplied,
                    ..AzureError::of_operation("ResourceNotFound", "not found")
                }),
            }),
            other => panic!("nobody should ask for {other:?}"),
        }
    }
}

#[test]
fn a_resource_that_is_there_proves_its_creation() {
    let mut ground = Ground::new();
    let (verb, call) = ground.announced();
    assert_eq!((verb, call.method), (Verb::Put, Method::Put));
    ground.shows(&call, "Succeeded");
    ground.pass();
    assert_eq!(ground.ready().0, "True", "{:#}", ground.status);
}

#[test]
fn a_resource_that_looks_repaired_proves_nothing_of_the_last_repair() {
    let mut ground = Ground::made();
    crate::azure::descriptor::set(ground.azure.as_mut().unwrap(), "/properties/provisioningState", json!("Failed"));
    ground.pass();
    assert_eq!(ground.ready().1, "RetryingAzureError", "{:#}", ground.status);
    ground.clock += Timings::default().retry_max;
    let (verb, call) = ground.announced();
    // A PUT, but no creation: an earlier one that shows only now, or someone else, may have repaired it.
    assert_eq!((verb, call.method), (Verb::Patch, Method::Put));
    ground.shows(&call, "Succeeded");
    ground.is_ready_only_after_quarantine();
}

#[test]
fn a_resource_that_looks_changed_proves_nothing_of_the_last_change() {
    let mut ground = Ground::made();
    ground.tags = json!({"team": "b"});
    let (verb, _) = ground.announced();
    assert_eq!(verb, Verb::Patch);
    crate::azure::descriptor::set(ground.azure.as_mut().unwrap(), "/tags/team", json!("b"));
    // A process that was started since knows no more of it than the status says.
    ground.forget();
    ground.is_ready_only_after_quarantine();
}

fn access() -> Access {
    let text = String::new;
    let account = ObjectRef::new(Kind::AzureAccount, "ns", "default");
    let proof = Proof::ServiceAccount { name: text() };
    Access { account, cloud: text(), tenant: text(), subscription: text(), client: text(), proof }
}

/// A URL is set, another one after it, and then the first again, while the call with the other one is under way.
#[test]
fn what_azure_never_shows_is_sent_again_after_a_call_with_another_wish() {
    let spec = json!({"source": {"serviceRef": {"name": "shop"}},
        "destination": {"type": "WebHook", "webHook": {"url": "https://a.example/e?code=first"}}});
    let spec: EventSubscriptionSpec = serde_json::from_value(spec).unwrap();
    let target = Target::web_hook("https://a.example/e?code=first".to_owned(), &Batching::default(), None);
    let sent = |operations: Value| {
        let mut ground = Ground::new();
        ground.status = json!({"operations": operations});
        ground.memory.replies.insert("o1".to_owned(), Ok(ArmReply { status: 200, ..ArmReply::default() }));
        let mut world = ground.world();
        loop {
            let mut pass = Pass::new(&world);
            let id = ArmId::given(
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/systemTopics/t/eventSubscriptions/e",
            );
            let describe =
                |applied| event_grid::subscription(&access(), id.clone(), &pass.owner, &spec, &target, None, applied);
            let wanted = describe(describe(None).unseen.map(|unseen| unseen.wanted));
            let mut shown = wanted.creation().0;
            set(&mut shown, "/properties/destination/properties/endpointUrl", Value::Null);
            set(&mut shown, "/properties/destination/properties/endpointBaseUrl", json!("https://a.example/e"));
            set(&mut shown, "/properties/provisioningState", json!("Succeeded"));
            ground.azure = Some(shown);
            match walk::ensure(&mut pass, &wanted) {
                Ok(_) => return None,
                Err(Halt::Need(reads)) => {
                    let answers: Vec<_> = reads.into_iter().map(|read| (ground.answer(&read), read)).collect();
                    world.answers.extend(answers.into_iter().map(|(answer, read)| (read, answer)));
                }
                Err(Halt::Act(step, ..)) => {
                    let Step::Mutate { call, .. } = *step else { panic!("{step:?}") };
                    let url = "/destination/properties/endpointUrl";
                    return call.body.unwrap().0.pointer(url).or(Some(&Value::Null)).cloned();
                }
                Err(halt) => panic!("{halt:?}"),
            }
        }
    };
    assert_eq!(sent(json!([])), None, "it is in place");
    let other = json!([{"id": "o1", "step": "Subscription", "verb": "Patch", "resource": "e", "fingerprint": "other",
        "time": "2026-01-01T00:00:00Z", "epoch": 1}]);
    assert_eq!(sent(other), Some(json!("https://a.example/e?code=first")));
}
