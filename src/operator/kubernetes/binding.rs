//! Where watching is per namespace, the operator's rights in a namespace live in that namespace and would go with it, before
//! what they are needed for. So the RoleBinding is held before the first object is, and let go after the last one.

use std::collections::{BTreeMap, BTreeSet};
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
    held: Mutex<BTreeMap<String, u8>>,
}

/// A claimed object shows in the watch only a moment later: a namespace has to look empty so often before it is let go.
const LOOKS: u8 = 3;

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
        if !held.contains_key(namespace) {
            self.put(namespace, name, true).await?;
        }
        held.insert(namespace.to_owned(), 0);
        Ok(())
    }

    /// Lets go, now and then, of what no object needs any more. A process that was killed may have left some: every watched
    /// namespace is looked at once.
    pub async fn keep(&self, namespaces: &[String], cache: &Cache, period: Duration) {
        let Some(name) = &self.name else { return };
        let mut unknown: BTreeSet<String> = namespaces.iter().cloned().collect();
        loop {
            for namespace in std::mem::take(&mut unknown) {
                if let Err(error) = self.settle(&namespace, name, cache).await {
                    tracing::warn!(namespace, %error, "cannot change the finalizers of the RoleBinding; trying again");
                    unknown.insert(namespace);
                }
            }
            self.let_go(name, &needed(cache)).await;
            tokio::time::sleep(period).await;
        }
    }

    /// What another process left: held where objects are, let go elsewhere. Under the lock, so that it undoes no hold.
    async fn settle(&self, namespace: &str, name: &str, cache: &Cache) -> Result<(), kube::Error> {
        let mut held = self.held.lock().await;
        if held.contains_key(namespace) {
            return Ok(());
        }
        let hold = needed(cache).contains(namespace);
        self.put(namespace, name, hold).await?;
        if hold {
            held.insert(namespace.to_owned(), 0);
        }
        Ok(())
    }

    async fn let_go(&self, name: &str, needed: &BTreeSet<String>) {
        let mut held = self.held.lock().await;
        let mut gone = Vec::new();
        for (namespace, looks) in held.iter_mut() {
            *looks = if needed.contains(namespace) { 0 } else { looks.saturating_add(1) };
            if *looks < LOOKS {
                continue;
            }
            match self.put(namespace, name, false).await {
                Ok(()) => gone.push(namespace.clone()),
                Err(error) => tracing::warn!(namespace, %error, "cannot let the RoleBinding go; trying again"),
            }
        }
        held.retain(|namespace, _| !gone.contains(namespace));
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

/// Namespaces with an object of ours. One that is not held yet may be in a moment.
fn needed(cache: &Cache) -> BTreeSet<String> {
    let cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    cache.names().map(|object| object.namespace.clone()).collect()
}
