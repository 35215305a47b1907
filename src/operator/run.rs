//! `acs-operator run`: puts the parts together, leads, and stops in good order.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use acs_core::moment::Timings;
use acs_core::wake::Dispatch;
use acs_core::world::{PushThrough, RelaySettings, Settings};
use anyhow::Context;
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::events::{Recorder, Reporter};
use kube::{Api, Client};
use tokio::signal::unix::{SignalKind, signal};

use crate::azure::http::Clients;
use crate::azure::{ArmClient, Cloud, Identity};
use crate::drift::DriftWatch;
use crate::engine::Engine;
use crate::kubernetes::binding::Bindings;
use crate::kubernetes::lease::{Elector, Leadership, LeaseTimings};
use crate::kubernetes::port::Production;
use crate::kubernetes::proofs::KubernetesProofs;
use crate::kubernetes::watch;
use crate::metrics::Metrics;
use crate::ops::{Ops, serve};
use crate::options::Checked;
use crate::queue::Queue;
use crate::relays::Relays;

/// Longest CA bundle that is given to relays, in bytes.
const RELAY_TRUST_LIMIT: usize = 64 * 1024;

/// Time that running passes get to come to their end when the process has to stop.
const GRACE: Duration = Duration::from_secs(4);

/// Runs until SIGTERM or SIGINT, or until the lease is lost.
///
/// # Errors
/// When the process cannot even start.
pub async fn run(options: Checked) -> anyhow::Result<ExitCode> {
    let listener = tokio::net::TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("cannot listen on {} (--listen)", options.listen))?;
    let client =
        Client::try_default().await.context("no cluster: neither a kubeconfig nor a ServiceAccount was found")?;
    let identity = format!("{}-{:08x}", options.pod_name, rand::random::<u32>());
    let timings = LeaseTimings::scaled(options.permille);
    let mut elector =
        Elector::new(client.clone(), &options.lease_namespace, identity.clone(), timings, options.leader_elect);
    let cache = Arc::new(Mutex::new(Dispatch::new()));
    let (queue, wakes) = Queue::new(options.concurrency);
    let metrics = Metrics::new();
    // Watched while standing by too, so that a take-over starts at once.
    let watches = watch::start(&client, &options.watch_namespaces, &cache, &wakes);
    let ops = Ops {
        watches: watches.clone(),
        leadership: elector.leadership(),
        metrics: metrics.clone(),
        depth: queue.depth(),
    };
    tokio::spawn(serve(listener, ops));
    let mut stop = std::pin::pin!(stopped()?);

    let cluster_id = tokio::select! {
        () = &mut stop => return Ok(ExitCode::SUCCESS),
        id = cluster_id(&client, options.cluster_id.clone()) => id,
    };
    tracing::info!(cluster_id, identity, "waiting for the Lease");
    tokio::select! {
        () = &mut stop => return Ok(ExitCode::SUCCESS),
        () = elector.acquire() => {}
    }
    tracing::info!(term = elector.leadership().term(), "leading");
    let reporter =
        Reporter { controller: format!("{}/{}", acs_wire::GROUP, acs_wire::MANAGER), instance: Some(identity) };
    let recorder = Recorder::new(client.clone(), reporter);
    let port = production(&options, client, recorder, cache, elector.leadership(), &metrics)?;
    let (bindings, cache) = (port.bindings.clone(), port.cache.clone());
    let drift = DriftWatch { arm: port.arm.clone(), cache: cache.clone(), wakes, leadership: elector.leadership() };
    tokio::spawn(drift.run(Duration::from_millis(options.timings.resync)));
    let engine = Arc::new(Engine::new(port, Arc::new(settings(&options, cluster_id)?)));
    let listed = watches.clone();
    tokio::spawn(async move {
        watch::listed(listed).await;
        let period = Duration::from_millis(options.timings.poll);
        bindings.keep(&options.watch_namespaces, &cache, period).await;
    });
    lead(elector, stop, queue, engine, metrics, watches).await
}

fn settings(options: &Checked, cluster_id: String) -> anyhow::Result<Settings> {
    let relay = RelaySettings {
        image: options.relay_image.clone(),
        operator_namespace: options.lease_namespace.clone(),
        push_endpoint: options.push_endpoint.clone(),
        ca_bundle: options.ca_bundle.as_deref().map(relay_trust).transpose()?.flatten(),
        clouds: options.clouds.iter().filter_map(push_through).collect::<anyhow::Result<_>>()?,
    };
    Ok(Settings {
        relay,
        cluster_id,
        service_accounts: options.service_account_names.clone(),
        clouds: options.clouds.names(),
        // What changes in a service shows in the list within `resync`; its own pass can take its time.
        timings: Timings { resync: options.timings.child_resync, ..options.timings },
    })
}

/// How relays reach the hubs of a cloud that has a way of its own.
fn push_through(cloud: &Cloud) -> Option<anyhow::Result<(String, PushThrough)>> {
    let endpoint = Some(cloud.push_endpoint.clone()?);
    let trust = cloud.ca_bundle.as_deref().map(relay_trust).transpose();
    Some(trust.map(|trust| (cloud.name.clone(), PushThrough { endpoint, ca_bundle: trust.flatten() })))
}

/// The operator's CA bundle as relays get it. A whole system's bundle would not fit into a ConfigMap beside the rest, and holds
/// nothing that a relay does not trust anyway.
fn relay_trust(bundle: &Path) -> anyhow::Result<Option<String>> {
    let text = std::fs::read_to_string(bundle).with_context(|| format!("CA bundle {}", bundle.display()))?;
    if text.len() > RELAY_TRUST_LIMIT {
        tracing::warn!(bundle = %bundle.display(), "the CA bundle is too long to be given to relays");
        return Ok(None);
    }
    Ok(Some(text))
}

fn production(
    options: &Checked,
    client: Client,
    recorder: Recorder,
    cache: watch::Cache,
    leadership: Arc<Leadership>,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Production> {
    let http = Clients::new(&options.timings, options.ca_bundle.as_deref(), &options.clouds)?;
    let clouds = Arc::new(options.clouds.clone());
    let proofs = Arc::new(KubernetesProofs::new(client.clone()));
    let identity = Arc::new(Identity::new(http.clone(), clouds.clone(), proofs, metrics.clone(), &options.timings));
    let arm = Arc::new(ArmClient::new(http, clouds, identity.clone(), metrics.clone(), &options.timings));
    let bindings = Arc::new(Bindings::new(client.clone(), options.role_binding.clone()));
    let relays = Arc::new(Relays::new(options.ca_bundle.as_deref(), options.probe_private_addresses)?);
    Ok(Production { client, arm, identity, cache, leadership, bindings, relays, recorder, start: Instant::now() })
}

/// Runs passes while the lease is held.
async fn lead(
    mut elector: Elector,
    stop: impl Future<Output = ()> + Unpin,
    queue: Queue,
    engine: Arc<Engine<Production>>,
    metrics: Arc<Metrics>,
    watches: tokio::sync::watch::Receiver<watch::WatchState>,
) -> anyhow::Result<ExitCode> {
    let (halt, mut halted) = tokio::sync::oneshot::channel::<()>();
    let passes = tokio::spawn(async move {
        // Half a picture must not be taken for the whole: an account not listed yet would look like a missing one.
        tokio::select! {
            _ = &mut halted => return,
            () = watch::listed(watches) => {}
        }
        queue.run(engine, metrics, async move { drop(halted.await) }).await;
    });
    tokio::select! {
        () = stop => {}
        reason = elector.keep() => {
            // Whoever leads now must not meet late calls of ours: no clean-up, no grace.
            tracing::error!(reason, "lost the lease; ending");
            return Ok(ExitCode::FAILURE);
        }
    }
    tracing::info!("stopping: passes that run come to their end");
    let _ = halt.send(());
    let _ = tokio::time::timeout(GRACE, passes).await;
    elector.release().await;
    Ok(ExitCode::SUCCESS)
}

fn stopped() -> anyhow::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

/// What is configured, else the uid of kube-system, which lives as long as the cluster.
async fn cluster_id(client: &Client, configured: Option<String>) -> String {
    if let Some(id) = configured {
        return id;
    }
    loop {
        match Api::<Namespace>::all(client.clone()).get("kube-system").await {
            Ok(namespace) => return namespace.metadata.uid.unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "cannot read the namespace kube-system for the cluster's id; set --cluster-id or grant it; trying again")
            }
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}
