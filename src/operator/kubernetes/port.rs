//! The engine's port in production.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use acs_core::azure::error::{Class, Fault};
use acs_core::kinds::{Kind, Object, ObjectRef};
use acs_core::moment::Moment;
use acs_core::reason::Reason;
use acs_core::report::Notice;
use acs_core::world::{Answer, Read};
use base64::Engine as _;
use k8s_openapi::api::core::v1::{Namespace, ObjectReference};
use kube::runtime::events::{Event, EventType, Recorder};
use kube::{Api, Client};
use secrecy::SecretString;

use super::binding::Bindings;
use super::fault::fault;
use super::lease::Leadership;
use super::watch::Cache;
use super::{api, children, secrets};
use crate::azure::http::guid;
use crate::azure::{ArmClient, Identity};
use crate::engine::{Effect, Effected, Port};
use crate::relays::Relays;

/// Kubernetes and Azure, as this process may use them.
pub struct Production {
    /// Client of the API server.
    pub client: Client,
    /// Client of ARM.
    pub arm: Arc<ArmClient>,
    /// Tokens.
    pub identity: Arc<Identity>,
    /// What the watches know.
    pub cache: Cache,
    /// Whether this process leads.
    pub leadership: Arc<Leadership>,
    /// Rights that must outlive the objects.
    pub bindings: Arc<Bindings>,
    /// Asks relays.
    pub relays: Arc<Relays>,
    /// Publishes Events.
    pub recorder: Recorder,
    /// Start of the monotonic clock.
    pub start: Instant,
}

/// Longest time for anything but a call to Azure, which has its own: a connection that died unseen must not hold a pass, and
/// with it its object, for ever.
const KUBERNETES_LIMIT: Duration = Duration::from_secs(30);

impl Port for Production {
    async fn perform(&self, effect: Effect<'_>) -> Effected {
        let reads_kubernetes =
            matches!(effect, Effect::Read(Read::Secret(..) | Read::Terminating(_) | Read::Child(..) | Read::Pods(..)));
        if matches!(effect, Effect::Send(_) | Effect::Read(_)) && !reads_kubernetes {
            return self.attempt(effect).await;
        }
        tokio::time::timeout(KUBERNETES_LIMIT, self.attempt(effect)).await.unwrap_or_else(|_| {
            Effected::Failed(Fault {
                reason: Reason::RetryingKubernetesError,
                message: "The API server did not answer in time.".to_owned(),
                class: Class::Retry,
            })
        })
    }
    fn now(&self) -> Moment {
        let mono = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Moment { mono, wall: u64::try_from(wall).unwrap_or(u64::MAX) }
    }

    fn jitter(&self) -> f64 {
        rand::random()
    }

    fn nonce(&self) -> String {
        guid()
    }

    fn fresh_key(&self) -> SecretString {
        let bytes: [u8; 32] = rand::random();
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes).into()
    }

    fn epoch(&self) -> Option<i64> {
        self.leadership.term()
    }
}

fn done(what: &str, result: Result<(), kube::Error>) -> Effected {
    match result {
        Ok(()) => Effected::Done,
        Err(kube::Error::Api(status))
            if status.is_conflict() || status.is_already_exists() || status.is_not_found() =>
        {
            Effected::Conflict
        }
        Err(error) => Effected::Failed(fault(what, &error)),
    }
}

impl Production {
    async fn attempt(&self, effect: Effect<'_>) -> Effected {
        match effect {
            Effect::Fetch(target) => self.fetch(target).await,
            Effect::Read(read) => Effected::Answer(self.read(read).await),
            Effect::Send(call) => Effected::Arm(self.arm.send(call).await),
            Effect::WriteStatus { object, status } => {
                done("writing status", api::replace_status(&self.client, object, status).await)
            }
            Effect::Claim { object, azure_name } => {
                done("taking charge of the object", self.claim(object, azure_name).await)
            }
            Effect::Release { object } => {
                done("letting the object go", api::replace_hold(&self.client, object, false, None).await)
            }
            Effect::WriteSecret { object, write } => {
                done(&format!("writing Secret \"{}\"", write.name), secrets::write(&self.client, object, write).await)
            }
            Effect::DeleteSecret { namespace, name, resource_version } => {
                let result = secrets::delete(&self.client, namespace, name, resource_version).await;
                done(&format!("deleting Secret \"{name}\""), result)
            }
            Effect::HoldSecret { namespace, name, hold } => {
                let result = secrets::hold(&self.client, namespace, name, hold).await;
                done(&format!("changing the finalizers of Secret \"{name}\""), result)
            }
            Effect::Apply { object, child } => {
                let result = children::apply(&self.client, &object.object_ref().namespace, child).await;
                done(&format!("applying {} \"{}\"", child.kind, child.name), result)
            }
            Effect::DeleteChild { namespace, kind, name, uid } => {
                let result = children::delete(&self.client, namespace, kind, name, uid).await;
                done(&format!("deleting {kind} \"{name}\""), result)
            }
            Effect::Notify { object, notice } => {
                self.notify(object, notice).await;
                Effected::Done
            }
        }
    }

    async fn claim(&self, object: &Object, azure_name: Option<&str>) -> Result<(), kube::Error> {
        self.bindings.hold(&object.object_ref().namespace).await?;
        api::replace_hold(&self.client, object, true, azure_name).await
    }

    async fn fetch(&self, target: &ObjectRef) -> Effected {
        let api = api::objects(&self.client, target.kind, Some(&target.namespace));
        match api.get_opt(&target.name).await {
            Ok(None) => Effected::Object(None),
            Ok(Some(object)) => match api::decode(target.kind, &object) {
                Ok(object) => Effected::Object(Some(Box::new(object))),
                Err(error) => {
                    tracing::error!(object = %target, namespace = %target.namespace, %error, "this build cannot read the object; it is left alone");
                    Effected::Object(None)
                }
            },
            Err(error) => Effected::Failed(fault(&format!("reading {target}"), &error)),
        }
    }

    async fn read(&self, read: &Read) -> Answer {
        match read {
            Read::Object(target) => Answer::Object(self.cached(target)),
            Read::Objects(kind, namespace) => Answer::Objects(self.all(*kind, namespace)),
            Read::Secret(namespace, name) => match secrets::view(&self.client, namespace, name).await {
                Ok(view) => Answer::Secret(view),
                Err(error) => Answer::Failed(fault(&format!("reading Secret \"{name}\""), &error)),
            },
            Read::Terminating(namespace) => match Api::<Namespace>::all(self.client.clone()).get_opt(namespace).await {
                Ok(found) => Answer::Terminating(found.is_some_and(|it| it.metadata.deletion_timestamp.is_some())),
                Err(error) => Answer::Failed(fault(&format!("reading namespace {namespace}"), &error)),
            },
            Read::Child(namespace, kind, name) => match children::view(&self.client, namespace, *kind, name).await {
                Ok(found) => Answer::Child(found),
                Err(error) => Answer::Failed(fault(&format!("reading {kind} \"{name}\""), &error)),
            },
            Read::Pods(namespace, relay) => match children::pods(&self.client, namespace, relay).await {
                Ok(pods) => Answer::Pods(pods),
                Err(error) => Answer::Failed(fault(&format!("listing pods of relay {relay}"), &error)),
            },
            Read::Relays(addresses) => Answer::Relays(self.relays.reports(addresses).await),
            Read::Handshakes(with) => Answer::Handshakes(self.relays.handshakes(with).await),
            Read::Token(access, revision) => Answer::Token(self.identity.verify(access, revision).await),
            Read::Assertion(access) => Answer::Assertion(self.identity.assertion(access)),
            Read::Arm { access, method, path, api_version } => {
                Answer::Arm(self.arm.read(access, *method, path, api_version).await)
            }
            Read::ArmList { access, path, api_version } => Answer::Arm(self.arm.list(access, path, api_version).await),
            Read::Poll { access, url } => Answer::Arm(self.arm.poll(access, url).await),
        }
    }

    fn cached(&self, target: &ObjectRef) -> Option<Box<Object>> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(target).map(|object| Box::new(Object::clone(object)))
    }

    fn all(&self, kind: Kind, namespace: &str) -> Vec<Object> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.all(kind, namespace).map(|object| Object::clone(object)).collect()
    }

    async fn notify(&self, object: &Object, notice: &Notice) {
        let target = object.object_ref();
        let reference = ObjectReference {
            api_version: Some(format!("{}/{}", acs_wire::GROUP, acs_wire::VERSION)),
            kind: Some(target.kind.name().to_owned()),
            name: Some(target.name.clone()),
            namespace: Some(target.namespace.clone()),
            uid: Some(object.uid().to_owned()),
            ..ObjectReference::default()
        };
        let event = Event {
            type_: if notice.warning { EventType::Warning } else { EventType::Normal },
            reason: notice.reason.clone(),
            note: Some(notice.note.clone()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        // Bounded: the client retries for minutes, and a pass must not wait for an Event.
        let publish = self.recorder.publish(&event, &reference);
        match tokio::time::timeout(std::time::Duration::from_secs(5), publish).await {
            Ok(Ok(())) => {}
            // Nothing can be created in a namespace that is going away; the condition says the same.
            Ok(Err(kube::Error::Api(status))) if status.message.contains("is being terminated") => {}
            Ok(Err(error)) => {
                let trouble = fault("publishing an Event", &error);
                tracing::warn!(object = %target, namespace = %target.namespace, "{}", trouble.message);
            }
            Err(_) => {
                tracing::warn!(object = %target, namespace = %target.namespace, "publishing an Event took too long")
            }
        }
        tracing::info!(object = %target, namespace = %target.namespace, reason = notice.reason, warning = notice.warning, "{}", notice.note);
    }
}
