//! Metrics, under the names that dashboards for controllers know. No label holds a name of an object.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use acs_core::kinds::Kind;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::azure::Observer;
use crate::engine::{Next, Verdict};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReconcileLabels {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ControllerLabels {
    controller: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AzureLabels {
    resource_type: String,
    method: String,
    code: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WorkqueueLabels {
    name: &'static str,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Mutex<Registry>,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_time: Family<ControllerLabels, Histogram>,
    azure: Family<AzureLabels, Counter>,
    azure_time: Histogram,
    depth: Family<WorkqueueLabels, Gauge>,
    leader: Family<WorkqueueLabels, Gauge>,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::default();
        let reconciles = Family::<ReconcileLabels, Counter>::default();
        let reconcile_time = Family::<ControllerLabels, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.005, 2.0, 14))
        });
        let azure = Family::<AzureLabels, Counter>::default();
        let azure_time = Histogram::new(exponential_buckets(0.01, 2.0, 14));
        let depth = Family::<WorkqueueLabels, Gauge>::default();
        let leader = Family::<WorkqueueLabels, Gauge>::default();
        registry.register("controller_runtime_reconcile", "Passes, by kind and result", reconciles.clone());
        registry.register("controller_runtime_reconcile_time_seconds", "Length of a pass", reconcile_time.clone());
        registry.register("azure_requests", "Calls to Azure Resource Manager", azure.clone());
        registry.register(
            "azure_request_duration_seconds",
            "Length of a call to Azure Resource Manager",
            azure_time.clone(),
        );
        registry.register("workqueue_depth", "Objects whose pass is due and has not started", depth.clone());
        registry.register("leader_election_master_status", "1 while this process leads", leader.clone());
        Arc::new(Self { registry: Mutex::new(registry), reconciles, reconcile_time, azure, azure_time, depth, leader })
    }

    /// Counts a pass.
    pub fn pass(&self, kind: Kind, verdict: Verdict, next: Next, took: Duration) {
        let result = match (verdict, next) {
            (Verdict::Failed, _) => "error",
            (Verdict::Conflict | Verdict::NotLeader, _) | (_, Next::After(0)) => "requeue",
            (_, Next::After(_)) => "requeue_after",
            _ => "success",
        };
        self.reconciles.get_or_create(&ReconcileLabels { controller: kind.plural(), result }).inc();
        self.reconcile_time.get_or_create(&ControllerLabels { controller: kind.plural() }).observe(took.as_secs_f64());
    }

    /// Sets what is looked at when asked.
    pub fn observe(&self, depth: usize, leads: bool) {
        let name = WorkqueueLabels { name: acs_wire::MANAGER };
        self.depth.get_or_create(&name).set(i64::try_from(depth).unwrap_or(i64::MAX));
        self.leader.get_or_create(&name).set(i64::from(leads));
    }

    /// As OpenMetrics text.
    pub fn text(&self) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &registry) {
            let _ = write!(text, "# {error}");
        }
        text
    }
}

impl Observer for Metrics {
    fn call(&self, method: &str, resource_type: &str, status: u16, seconds: f64) {
        let labels = AzureLabels { resource_type: resource_type.to_owned(), method: method.to_owned(), code: status };
        self.azure.get_or_create(&labels).inc();
        self.azure_time.observe(seconds);
    }
}
