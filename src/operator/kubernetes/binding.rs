//! Where watching is per namespace, the operator's rights in a namespace live in that namespace and would go with it, before
//! what they are needed for. So the RoleBinding is held before the first object is, and let go after the last one.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::Mutex;

use super::watch::Cache;

/// Holds the RoleBinding of that name in each watched namespace while an object of ours there is held.
pub struct Bindings {
    client: Client,
    /// Name of the RoleBinding; `None` where rights are cluster-wide.
    name: Option<String>,
    held: Mutex<BTreeSet<String>>,
}

impl Bindings {
    /// Nothing is held yet.
    pub fn new(client: Client, name: Option<String>) -> Self {
        Self { client, name, held: Mutex::default() }
    }

    /// Holds the RoleBinding of a namespace. Called before an object there is.
    ///
    /// # Errors
    /// Those of the API server.
    pub async fn hold(&self, namespace: &str) -> Result<(), kube::Error> {
        let Some(name) = &self.name else { return Ok(()) };
        let mut held = self.held.lock().await;
        if !held.contains(namespace) {
            self.put(namespace, name, true).await?;
            held.insert(namespace.to_owned());
        }
        Ok(())
    }

    /// Lets go, now and then, of what no object needs any more. A process that was killed may have left some: every watched
    /// namespace is looked at once.
    pub async fn keep(&self, namespaces: &[String], cache: &Cache, period: Duration) {
        if self.name.is_none() {
            return;
        }
        self.held.lock().await.extend(namespaces.iter().cloned());
        loop {
            self.let_go(cache).await;
            tokio::time::sleep(period).await;
        }
    }

    async fn let_go(&self, cache: &Cache) {
        let Some(name) = &self.name else { return };
        let mut held = self.held.lock().await;
        let needed: BTreeSet<String> = {
            let cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
            let objects = cache.names().filter(|object| cache.get(object).is_some_and(|object| object.is_held()));
            objects.map(|object| object.namespace.clone()).collect()
        };
        for namespace in held.clone().into_iter().filter(|namespace| !needed.contains(namespace)) {
            match self.put(&namespace, name, false).await {
                Ok(()) => {
                    held.remove(&namespace);
                }
                Err(error) => tracing::warn!(namespace, %error, "cannot let the RoleBinding go; trying again"),
            }
        }
    }

    async fn put(&self, namespace: &str, name: &str, hold: bool) -> Result<(), kube::Error> {
        let api = Api::<RoleBinding>::namespaced(self.client.clone(), namespace);
        let Some(binding) = api.get_opt(name).await? else { return Ok(()) };
        let mut finalizers = binding.metadata.finalizers.unwrap_or_default();
        let there = finalizers.iter().any(|finalizer| finalizer == acs_wire::FINALIZER);
        if there == hold {
            return Ok(());
        }
        finalizers.retain(|finalizer| finalizer != acs_wire::FINALIZER);
        if hold {
            finalizers.push(acs_wire::FINALIZER.to_owned());
        }
        let metadata = json!({"resourceVersion": binding.metadata.resource_version, "finalizers": finalizers});
        let params = PatchParams { field_manager: Some(acs_wire::MANAGER.to_owned()), ..PatchParams::default() };
        match api.patch(name, &params, &Patch::Merge(json!({"metadata": metadata}))).await {
            // The rights to look go with the binding: it is gone because we let it go.
            Err(kube::Error::Api(status)) if !hold && (status.is_not_found() || status.is_forbidden()) => Ok(()),
            other => other.map(|_| ()),
        }
    }
}
