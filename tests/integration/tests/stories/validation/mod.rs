//! What the API server itself refuses: every rule of every CRD, by an object that it takes and one that it does not.

mod delivery;
mod rules;
mod shapes;
mod subscription;

use anyhow::Result;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use testbed::TestNamespace;

use crate::harness::{cluster, merge};

/// A namespace that no operator watches.
struct Room {
    namespace: TestNamespace,
    client: kube::Client,
}

impl Room {
    async fn make(prefix: &str) -> Result<Self> {
        let cluster = cluster().await?;
        Ok(Self { namespace: cluster.namespace(prefix).await?, client: cluster.client().await? })
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk(acs_wire::GROUP, acs_wire::VERSION, kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, &format!("{}s", kind.to_ascii_lowercase()));
        Api::namespaced_with(self.client.clone(), self.namespace.name(), &resource)
    }

    /// Dry run; the refusal in the server's words.
    async fn create(&self, object: &Value) -> Result<Value, String> {
        self.post(object, true).await
    }

    async fn post(&self, object: &Value, dry_run: bool) -> Result<Value, String> {
        let params = PostParams { dry_run, ..PostParams::default() };
        let object: DynamicObject = serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
        let kind = object.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default();
        let created = self.api(&kind).create(&params, &object).await.map_err(refusal)?;
        serde_json::to_value(created).map_err(|error| error.to_string())
    }

    /// Every spec, as a patch of the least one of its kind, is refused in words that name the field.
    async fn refuses(&self, specs: &[(&str, Value, &str)]) {
        let mut wrong = Vec::new();
        for (kind, spec, field) in specs {
            match self.create(&with(kind, &json!({"spec": spec}))).await {
                Err(refusal) if refusal.contains(field) => {}
                other => wrong.push(format!("{kind} {spec}: {other:?}")),
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// Dry run of a merge patch.
    async fn change(&self, kind: &str, name: &str, patch: &Value) -> Result<(), String> {
        let params = PatchParams { dry_run: true, ..PatchParams::default() };
        self.api(kind).patch(name, &params, &Patch::Merge(patch)).await.map(drop).map_err(refusal)
    }
}

fn refusal(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => panic!("the API server did not answer: {other}"),
    }
}

/// The least that each kind takes.
fn least(kind: &str) -> Value {
    let id = "6a1d1d6e-0000-4000-8000-000000000001";
    let spec = match kind {
        "AzureAccount" => json!({"subscriptionId": id, "tenantId": id, "identity": {
            "type": "ServicePrincipal",
            "servicePrincipal": {"clientId": id, "secretRef": {"name": "s", "key": "k"}}}}),
        "NotificationHubNamespace" => json!({"location": "westeurope", "sku": "Standard"}),
        "NotificationHub" => json!({"namespaceRef": {"name": "n"}}),
        "CommunicationService" => json!({"dataLocation": "Europe"}),
        "EventRelay" => {
            json!({"placement": {"type": "Sidecar"}, "reachability": {"type": "URL", "url": "https://example.com"},
            "routes": [{"name": "a", "eventTypes": ["A.B"], "target": {"type": "HTTP", "http": {"port": 80, "path": "/"}}}]})
        }
        "EventSubscription" => json!({"source": {"serviceRef": {"name": "s"}},
            "destination": {"type": "WebHook", "webHook": {"url": "https://example.com/events"}}}),
        other => panic!("no kind {other}"),
    };
    json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": kind, "metadata": {"name": "x"}, "spec": spec})
}

/// That, changed; nulls take members away.
fn with(kind: &str, patch: &Value) -> Value {
    let mut object = least(kind);
    merge(&mut object, patch);
    object
}
