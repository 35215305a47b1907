//! From the start of the process to its first decision.

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use testbed::{wait_for, wait_for_some};

use super::super::installation::Installation;
use super::super::objects;
use super::super::quickstart::{Quickstart, Secrets};
use super::count::{between, resident_mib, writes};

const SOON: Duration = Duration::from_secs(60);

/// One start.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    /// Stacks that were there.
    pub(super) stacks: usize,
    /// Until the first write about an object of ours reached the API server.
    pub(super) seconds_to_first_reconcile: f64,
    /// Until a new account was Ready.
    pub(super) seconds_to_ready: f64,
    /// Resident memory then, in MiB.
    pub(super) resident_mib: f64,
}

/// Ends the operator, makes an account that nobody has seen, and starts the operator.
pub(super) async fn measure(
    all: &mut Installation,
    quickstart: &Quickstart,
    secrets: &Secrets,
    namespace: &str,
    stacks: usize,
) -> Result<Start> {
    all.operator()?.process().terminate(Duration::from_secs(10)).await?;
    all.cluster.kubectl(["create", "namespace", namespace]).await?.ok()?;
    all.cluster.apply(&secrets.manifest(namespace, &all.azure, &all.webhook.url())).await?;
    let account = quickstart.folder().join("account.yaml").display().to_string();
    all.cluster.kubectl(["-n", namespace, "apply", "-f", &account]).await?.ok()?;
    let from = Timestamp::now();
    all.restart_operator().await?;
    wait_for("the account to be Ready", SOON, || async {
        let account = objects::get(&all.client, namespace, "azureaccounts", "default").await;
        account.is_ok_and(|account| account.is_some_and(|account| objects::is_ready(&account)))
    })
    .await?;
    let filter = writes().namespace(namespace).group("acs-operator.dev").since(from);
    // The log is a moment behind.
    let entries = wait_for_some("the writes to be in the audit log", SOON, || async {
        all.cluster.audit(&filter).ok().filter(|entries| entries.len() > 1)
    })
    .await?;
    let (first, last) = (entries.first().context("no write")?, entries.last().context("no write")?);
    Ok(Start {
        stacks,
        seconds_to_first_reconcile: between(from, first.time),
        seconds_to_ready: between(from, last.time),
        resident_mib: resident_mib(all)?,
    })
}
