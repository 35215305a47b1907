//! One story: its namespace, its Azure, its operator, and ways to look at all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use testbed::{Cluster, Ground, Operator, Stack, stack, wait_for_some};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::{Entry, Hook, Quickstart, SOON};

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static WITH_GATEWAYS: OnceCell<Cluster> = OnceCell::const_new();
/// Each story runs three processes of its own beside the one API server.
static SLOTS: Semaphore = Semaphore::const_new(4);
static STORIES: AtomicU64 = AtomicU64::new(1);

/// The one cluster of this program, with the CRDs.
pub(crate) async fn prepared_cluster() -> Result<&'static Cluster> {
    CLUSTER
        .get_or_try_init(|| async {
            let options = testbed::cluster::Options {
                ground: Ground::from_environment(),
                label: "stories".to_owned(),
                ..testbed::cluster::Options::default()
            };
            let cluster = Cluster::start(options).await?;
            stack::install_crds(&cluster).await?;
            Ok(cluster)
        })
        .await
}

/// Another one, for stories of a cluster that has the kinds of Gateway API: one that has not is a story of its own.
pub(crate) async fn cluster_with_gateways() -> Result<&'static Cluster> {
    WITH_GATEWAYS
        .get_or_try_init(|| async {
            let options =
                testbed::cluster::Options { label: "gateways".to_owned(), ..testbed::cluster::Options::default() };
            let cluster = Cluster::start(options).await?;
            stack::install_gateway_api(&cluster).await?;
            stack::install_crds(&cluster).await?;
            Ok(cluster)
        })
        .await
}

/// A story's stage.
pub(crate) struct Story {
    pub(crate) cluster: &'static Cluster,
    pub(crate) stack: Stack,
    pub(crate) hook: Hook,
    pub(crate) client: Client,
    pub(crate) canary: String,
    _slot: SemaphorePermit<'static>,
}

impl Story {
    /// A stage with Azure and the rights, and an operator that is ready.
    pub(crate) async fn begin(prefix: &str) -> Result<(Self, Operator)> {
        let story = Self::prepare(prefix, stack::Options::default()).await?;
        let operator = story.stack.run_operator().await?;
        Ok((story, operator))
    }

    /// A stage without an operator.
    pub(crate) async fn prepare(prefix: &str, options: stack::Options) -> Result<Self> {
        Self::prepare_on(prepared_cluster().await?, prefix, options).await
    }

    /// As [`Story::prepare`], on another cluster.
    pub(crate) async fn prepare_on(
        cluster: &'static Cluster,
        prefix: &str,
        mut options: stack::Options,
    ) -> Result<Self> {
        let slot = SLOTS.acquire().await?;
        let number = STORIES.fetch_add(1, Ordering::SeqCst);
        // Another seed for each, so that keys of one story are found in no other.
        options.azure.seed.get_or_insert(number);
        let stack = Stack::prepare(cluster, prefix, options).await?;
        println!("namespace {}, logs in {}", stack.namespace.name(), stack.operator_options.logs.display());
        let hook = Hook::start(&stack.azure).await?;
        let client = cluster.client().await?;
        Ok(Self { cluster, stack, hook, client, canary: format!("canary{number}webhookcode"), _slot: slot })
    }

    pub(crate) fn namespace(&self) -> &str {
        self.stack.namespace.name()
    }

    pub(crate) fn variable(&self, name: &str) -> String {
        self.stack.azure.environment().get(name).cloned().unwrap_or_default()
    }

    /// The quickstart with this Azure's ids.
    pub(crate) fn quickstart(&self) -> Result<Quickstart> {
        let principal = json!({"clientId": self.variable("AZURE_CLIENT_ID")});
        let account = json!({"spec": {
            "subscriptionId": self.stack.azure.subscription_id(), "tenantId": self.stack.azure.tenant_id(),
            "identity": {"servicePrincipal": principal}}});
        Ok(Quickstart::of_examples()?.with("AzureAccount", &account))
    }

    /// The Secrets that the quickstart speaks of.
    pub(crate) async fn secrets(&self) -> Result<()> {
        let client_secret = self.variable("AZURE_CLIENT_SECRET");
        self.secret_with("azure-credentials", "clientSecret", &client_secret).await?;
        self.secret_with("apns", "AuthKey.p8", &p8()?).await?;
        self.secret_with("fcm", "service-account.json", &google_account()?).await?;
        self.secret_with("events", "url", &self.hook.url("events", &self.canary)).await
    }

    /// Secrets and objects of the quickstart, Ready.
    pub(crate) async fn quickstart_ready(&self) -> Result<()> {
        self.secrets().await?;
        self.apply_all(&self.quickstart()?).await?;
        self.all_ready().await
    }

    pub(crate) async fn all_ready(&self) -> Result<()> {
        for (kind, name) in QUICKSTART_NAMES {
            self.ready(kind, name).await?;
        }
        Ok(())
    }

    pub(crate) async fn secret_with(&self, name: &str, key: &str, text: &str) -> Result<()> {
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {key: text}});
        self.apply(&secret).await
    }

    pub(crate) fn api(&self, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), self.namespace(), &resource(kind))
    }

    pub(crate) async fn apply(&self, object: &Value) -> Result<()> {
        let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
        let params = PatchParams::apply("user").force();
        let applied = self.api(kind).patch(name, &params, &Patch::Apply(object)).await;
        applied.with_context(|| format!("applying {kind} {name}")).map(drop)
    }

    pub(crate) async fn apply_all(&self, quickstart: &Quickstart) -> Result<()> {
        for object in &quickstart.objects {
            self.apply(object).await?;
        }
        Ok(())
    }

    pub(crate) async fn patch(&self, kind: &str, name: &str, patch: Value) -> Result<()> {
        let patched = self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.with_context(|| format!("patching {kind} {name}")).map(drop)
    }

    pub(crate) async fn object(&self, kind: &str, name: &str) -> Result<Option<Value>> {
        let found = self.api(kind).get_opt(name).await?;
        Ok(found.map(serde_json::to_value).transpose()?)
    }

    pub(crate) async fn list(&self, kind: &str) -> Result<Vec<Value>> {
        let found = self.api(kind).list(&ListParams::default()).await?;
        Ok(found.items.iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn delete(&self, kind: &str, name: &str) -> Result<()> {
        let deleted = self.api(kind).delete(name, &DeleteParams::default()).await;
        deleted.with_context(|| format!("deleting {kind} {name}")).map(drop)
    }

    pub(crate) async fn gone(&self, kind: &str, name: &str) -> Result<()> {
        let what = format!("{kind} {name} to be gone");
        let gone = wait_for_some(&what, SOON, || async {
            matches!(self.api(kind).get_opt(name).await, Ok(None)).then_some(())
        });
        self.explained(kind, name, gone.await).await
    }

    /// Waits until a condition of the present generation is as `wanted` says, and returns the object.
    pub(crate) async fn until(
        &self,
        (kind, name): (&str, &str),
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let what = format!("{kind} {name}: {what}");
        let found = wait_for_some(&what, SOON, || async {
            let object = self.object(kind, name).await.ok()??;
            let seen = object.pointer("/status/observedGeneration") == object.pointer("/metadata/generation");
            (seen && wanted(&object)).then_some(object)
        });
        self.explained(kind, name, found.await).await
    }

    pub(crate) async fn ready(&self, kind: &str, name: &str) -> Result<Value> {
        self.until((kind, name), "Ready", |object| condition(object, "Ready").0 == "True").await
    }

    /// Waits for a reason of a condition; returns its message.
    pub(crate) async fn reason(&self, kind: &str, name: &str, type_: &str, reason: &str) -> Result<String> {
        let what = format!("{type_} for the reason {reason}");
        let object = self.until((kind, name), &what, |object| condition(object, type_).1 == reason).await?;
        Ok(condition(&object, type_).2)
    }

    async fn explained<T>(&self, kind: &str, name: &str, result: Result<T>) -> Result<T> {
        let Err(error) = result else { return result };
        let last = self.object(kind, name).await?.unwrap_or_default();
        let shown = json!({"spec": last["spec"], "status": last["status"]});
        Err(error.context(format!("{kind} {name} is {shown:#}")))
    }

    /// Content of a Secret, decoded; none if there is no such Secret.
    pub(crate) async fn secret(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        let Some(secret) = self.object("Secret", name).await? else { return Ok(None) };
        let data = secret["data"].as_object().cloned().unwrap_or_default();
        let decode = |value: &Value| -> Result<String> {
            Ok(String::from_utf8(BASE64_STANDARD.decode(value.as_str().unwrap_or_default())?)?)
        };
        Ok(Some(data.iter().map(|(key, value)| Ok((key.clone(), decode(value)?))).collect::<Result<_>>()?))
    }

    /// The ARM id in an object's status, in lower case.
    pub(crate) async fn id(&self, kind: &str, name: &str) -> Result<String> {
        let object = self.object(kind, name).await?.with_context(|| format!("{kind} {name} does not exist"))?;
        let id = object["status"]["azureResourceId"].as_str().with_context(|| format!("{kind} {name} has no id"))?;
        Ok(id.to_ascii_lowercase())
    }

    /// Everything in Azure by lower-cased id.
    pub(crate) async fn resources(&self) -> Result<BTreeMap<String, Value>> {
        let all = self.stack.resources().await?;
        // Groups are there from the start.
        Ok(all.into_iter().filter(|(id, _)| id.contains("/providers/")).collect())
    }

    /// A resource as it is in Azure.
    pub(crate) async fn azure(&self, kind: &str, name: &str) -> Result<Value> {
        let id = self.id(kind, name).await?;
        self.resources().await?.remove(&id).with_context(|| format!("{id} is not in Azure"))
    }

    /// Waits until Azure is as wanted.
    pub(crate) async fn until_azure(
        &self,
        what: &str,
        wanted: impl Fn(&BTreeMap<String, Value>) -> bool,
    ) -> Result<()> {
        let found = wait_for_some(what, SOON, || async {
            let resources = self.resources().await.ok()?;
            wanted(&resources).then_some(())
        });
        match found.await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(format!("Azure has {:#}", json!(self.resources().await?)))),
        }
    }

    /// Requests after number `since`.
    pub(crate) async fn journal(&self, since: u64) -> Result<Vec<Entry>> {
        let answer = self.stack.azure.get(&format!("/_sim/journal?since={since}&plane=arm,entra,hubs")).await?;
        Ok(serde_json::from_value(answer["entries"].clone())?)
    }

    /// Number of the newest request.
    pub(crate) async fn mark(&self) -> Result<u64> {
        Ok(self.journal(0).await?.last().map_or(0, |entry| entry.sequence))
    }

    /// One of the simulator's doors.
    pub(crate) async fn door(&self, door: &str, body: Value) -> Result<Value> {
        self.stack.azure.post(&format!("/_sim/{door}"), &body).await.with_context(|| format!("door {door}"))
    }

    /// Whether a call to a user of the service rings a phone.
    pub(crate) async fn rings(&self) -> Result<Value> {
        let service = self.id("CommunicationService", "shop").await?;
        self.door("call", json!({"service": service, "to": "8:acs:alice"})).await
    }
}

const QUICKSTART_NAMES: [(&str, &str); 5] = super::QUICKSTART;

/// Status, reason and message of a condition; empty if there is none.
pub(crate) fn condition(object: &Value, type_: &str) -> (String, String, String) {
    let Some(found) = stack::condition(object, type_) else { return Default::default() };
    let member = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (member("status"), member("reason"), member("message"))
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn resource(kind: &str) -> ApiResource {
    let (group, version, plural) = match kind {
        "Secret" => ("", "v1", "secrets"),
        "ServiceAccount" => ("", "v1", "serviceaccounts"),
        "Role" => ("rbac.authorization.k8s.io", "v1", "roles"),
        "Lease" => ("coordination.k8s.io", "v1", "leases"),
        "Event" => ("events.k8s.io", "v1", "events"),
        "Pod" => ("", "v1", "pods"),
        "ConfigMap" => ("", "v1", "configmaps"),
        "Service" => ("", "v1", "services"),
        "Deployment" => ("apps", "v1", "deployments"),
        "PodDisruptionBudget" => ("policy", "v1", "poddisruptionbudgets"),
        "NetworkPolicy" => ("networking.k8s.io", "v1", "networkpolicies"),
        "Ingress" => ("networking.k8s.io", "v1", "ingresses"),
        "HTTPRoute" => ("gateway.networking.k8s.io", "v1", "httproutes"),
        "Gateway" => ("gateway.networking.k8s.io", "v1", "gateways"),
        "EventRelay" => (acs_wire::GROUP, acs_wire::VERSION, "eventrelays"),
        "AzureAccount" => (acs_wire::GROUP, acs_wire::VERSION, "azureaccounts"),
        "NotificationHubNamespace" => (acs_wire::GROUP, acs_wire::VERSION, "notificationhubnamespaces"),
        "NotificationHub" => (acs_wire::GROUP, acs_wire::VERSION, "notificationhubs"),
        "CommunicationService" => (acs_wire::GROUP, acs_wire::VERSION, "communicationservices"),
        "EventSubscription" => (acs_wire::GROUP, acs_wire::VERSION, "eventsubscriptions"),
        other => panic!("no story knows the kind {other}"),
    };
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

/// A key as Apple gives it.
pub(crate) fn p8() -> Result<String> {
    Ok(rcgen::KeyPair::generate()?.serialize_pem())
}

/// A service account as Google gives it.
fn google_account() -> Result<String> {
    let account = json!({"type": "service_account", "project_id": "shop", "private_key": p8()?,
        "client_email": "push@shop.iam.gserviceaccount.com"});
    Ok(account.to_string())
}
