//! One namespace per test.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};

use super::{Cluster, Ground};
use crate::parts::{self, Part};
use crate::wait;

/// A namespace that no other test has.
///
/// On a cluster that goes away it is left to go with it. On a given one, dropping it asks for its deletion; whoever
/// wants to see it gone calls [`TestNamespace::delete`].
#[derive(Debug)]
pub struct TestNamespace {
    name: String,
    delete_with: Option<Command>,
}

impl TestNamespace {
    pub(super) async fn create(cluster: &Cluster, prefix: &str) -> Result<Self> {
        let client = cluster.client().await?;
        let metadata = ObjectMeta { generate_name: Some(format!("{prefix}-")), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let created = Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &namespace).await;
        let created = created.with_context(|| format!("creating a namespace {prefix}-…"))?;
        let name = created.metadata.name.context("the API server made a namespace without a name")?;
        let namespace = Self { delete_with: deletion(cluster, &name), name };
        namespace.wait_for_default_account(client).await?;
        Ok(namespace)
    }

    /// A Pod created before its namespace's default ServiceAccount is refused.
    async fn wait_for_default_account(&self, client: Client) -> Result<()> {
        let accounts: Api<ServiceAccount> = Api::namespaced(client, &self.name);
        let what = format!("the default ServiceAccount of {}", self.name);
        wait::wait_for(&what, Duration::from_secs(30), || async {
            matches!(accounts.get_opt("default").await, Ok(Some(_)))
        })
        .await
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Deletes it and waits until it is gone, which is when every finalizer in it is.
    pub async fn delete(mut self, cluster: &Cluster, timeout: Duration) -> Result<()> {
        self.delete_with = None;
        let namespaces: Api<Namespace> = Api::all(cluster.client().await?);
        namespaces.delete(&self.name, &DeleteParams::default()).await.context("deleting a namespace")?;
        wait::wait_for(&format!("namespace {} to be gone", self.name), timeout, || async {
            matches!(namespaces.get_opt(&self.name).await, Ok(None))
        })
        .await
    }
}

impl std::ops::Deref for TestNamespace {
    type Target = str;

    fn deref(&self) -> &str {
        &self.name
    }
}

/// `Drop` cannot await, and the runtime may be gone by then: a command does it.
fn deletion(cluster: &Cluster, name: &str) -> Option<Command> {
    if *cluster.ground() == Ground::Bare {
        return None;
    }
    let mut command = Command::new(parts::find_tool(Part::Kubectl)?);
    command.args(["delete", "namespace", name, "--wait=false"]).env("KUBECONFIG", cluster.kubeconfig());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Some(command)
}

impl Drop for TestNamespace {
    fn drop(&mut self) {
        if let Some(command) = &mut self.delete_with {
            let _ = command.status();
        }
    }
}
