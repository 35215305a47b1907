//! Counts: in the audit log of the API server, in Azure's journal, in `/proc`.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use testbed::audit::{Entry, Filter};

use super::super::in_azure::{Request, journal};
use super::super::installation::{Installation, RELEASE};
use super::stacks::prefix;

/// One run: so many stacks at once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub(super) profile: &'static str,
    pub(super) stacks: usize,
    /// From the first create to the last Ready.
    pub(super) seconds: f64,
    /// Of the stack in the middle.
    pub(super) median_seconds: f64,
    /// What Azure itself needs for one stack.
    pub(super) critical_path_seconds: f64,
    /// Median by critical path; none where Azure needs no time.
    pub(super) ratio: Option<f64>,
    /// Requests to ARM for all stacks, by kind.
    pub(super) arm: BTreeMap<String, usize>,
    /// Writes to the API server for all stacks, by resource.
    pub(super) kubernetes: BTreeMap<String, usize>,
    /// Requests that ARM's budget refused.
    pub(super) throttled: usize,
    /// Resident memory afterwards, in MiB.
    pub(super) resident_mib: f64,
}

/// A while in which nothing had to be done.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rest {
    pub(super) stacks: usize,
    pub(super) seconds: f64,
    pub(super) arm_writes: usize,
    pub(super) arm_reads: usize,
    /// Per stack and minute of Azure's time.
    pub(super) arm_reads_per_stack_and_minute: f64,
    /// Without renewals of the Lease.
    pub(super) kubernetes_writes: usize,
}

pub(super) async fn run(
    all: &Installation,
    profile: &'static str,
    stacks: usize,
    namespace: &str,
    requests: &[Request],
) -> Result<Run> {
    let times = times(all, namespace)?;
    let median_seconds = times.get(times.len() / 2).copied().context("no stack was Ready")?;
    let critical_path_seconds = critical_path(all).await?;
    let (own, mut arm) = (prefix(stacks), BTreeMap::new());
    for request in requests.iter().filter(|request| !request.is_token() && concerns(&request.path, &own)) {
        *arm.entry(kind(request).to_owned()).or_default() += 1;
    }
    let mut kubernetes = BTreeMap::new();
    for entry in all.cluster.audit(&writes().namespace(namespace))? {
        let of_the_account = entry.resource == "azureaccounts" || entry.name == "azure-credentials";
        if entry.resource != "leases" && !of_the_account {
            *kubernetes.entry(what(&entry)).or_default() += 1;
        }
    }
    Ok(Run {
        profile,
        stacks,
        seconds: whole(all, namespace)?,
        median_seconds,
        critical_path_seconds,
        ratio: (critical_path_seconds > 0.0).then(|| median_seconds / critical_path_seconds),
        arm,
        kubernetes,
        throttled: requests.iter().filter(|request| request.status == 429).count(),
        resident_mib: resident_mib(all)?,
    })
}

/// Writes of the operator, by what its token says of it.
pub(super) fn writes() -> Filter {
    Filter::default().service_account(RELEASE, RELEASE).writes()
}

fn what(entry: &Entry) -> String {
    match (entry.group.as_str(), entry.subresource.as_str()) {
        ("acs-operator.dev", "status") => "status".to_owned(),
        ("acs-operator.dev", _) => "finalizers and names".to_owned(),
        _ => entry.resource.clone(),
    }
}

/// A request for a stack of this run, or one that names none.
fn concerns(path: &str, own: &str) -> bool {
    let is_stack = |part: &str| {
        let digits = part.strip_prefix('s').and_then(|rest| rest.split_once('-')).map(|(digits, _)| digits);
        digits.is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
    };
    let mut stacks = path.split('/').filter(|part| is_stack(part)).peekable();
    stacks.peek().is_none() || stacks.any(|part| part.starts_with(own))
}

fn kind(request: &Request) -> &'static str {
    let path = request.path.to_ascii_lowercase();
    match request.method.as_str() {
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "POST" if request.is_write() => "POST link",
        "POST" => "POST listKeys",
        _ if path.contains("/operation") => "GET operation",
        _ if path.rsplit("/providers/").next().is_some_and(|rest| rest.split('/').count() % 2 == 0) => "GET list",
        _ => "GET resource",
    }
}

/// When an object was made, and when it became Ready for good.
type Life = (Timestamp, Option<Timestamp>);

/// The life of each object, by resource and name.
fn moments(all: &Installation, namespace: &str) -> Result<BTreeMap<(String, String), Life>> {
    let mut found = BTreeMap::new();
    let entries = all.cluster.audit(&Filter::default().group("acs-operator.dev").namespace(namespace).writes())?;
    for entry in entries.iter().filter(|entry| entry.code < 300 && entry.resource != "azureaccounts") {
        if entry.verb == "create" {
            // A create does not name its object in the path.
            let name =
                entry.request.as_ref().and_then(|object| object.pointer("/metadata/name")).and_then(Value::as_str);
            let key = (entry.resource.clone(), name.unwrap_or(&entry.name).to_owned());
            found.entry(key).or_insert((entry.time, None));
        } else if entry.subresource == "status"
            && let Some((_, ready)) = found.get_mut(&(entry.resource.clone(), entry.name.clone()))
        {
            *ready = if says_ready(entry) { ready.or(Some(entry.time)) } else { None };
        }
    }
    Ok(found)
}

fn says_ready(entry: &Entry) -> bool {
    let conditions =
        entry.request.as_ref().and_then(|object| object.pointer("/status/conditions")).and_then(Value::as_array);
    let is_ready = |condition: &Value| {
        condition.get("type") == Some(&"Ready".into()) && condition.get("status") == Some(&"True".into())
    };
    conditions.into_iter().flatten().any(is_ready)
}

/// Seconds of each stack from its first create to its last Ready, in order.
fn times(all: &Installation, namespace: &str) -> Result<Vec<f64>> {
    let mut stacks: BTreeMap<String, (Timestamp, Timestamp)> = BTreeMap::new();
    for ((_, stack), (made, ready)) in moments(all, namespace)? {
        let ready = ready.with_context(|| format!("the audit log does not say when {stack} was Ready"))?;
        let times = stacks.entry(stack).or_insert((made, ready));
        *times = (times.0.min(made), times.1.max(ready));
    }
    let mut seconds: Vec<f64> = stacks.values().map(|(from, to)| between(*from, *to)).collect();
    seconds.sort_by(f64::total_cmp);
    Ok(seconds)
}

fn whole(all: &Installation, namespace: &str) -> Result<f64> {
    let moments = moments(all, namespace)?;
    let first = moments.values().map(|(made, _)| *made).min().context("nothing was made")?;
    let last = moments.values().filter_map(|(_, ready)| *ready).max().context("nothing was Ready")?;
    Ok(between(first, last))
}

pub(super) fn between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// The longest chain of what has to wait for each other: service, topic, subscription; or namespace (hub, policy, link take
/// no time of their own).
async fn critical_path(all: &Installation) -> Result<f64> {
    let profile = all.azure.get("/_sim/profile").await?;
    let step =
        |name: &str| profile.pointer(&format!("/durationsMs/{name}")).and_then(Value::as_f64).unwrap_or_default();
    let events = step("serviceReady") + step("systemTopic") + step("eventSubscription");
    Ok(events.max(step("namespaceActive")) / 1000.0)
}

/// Resident memory of the operator.
pub(super) fn resident_mib(all: &Installation) -> Result<f64> {
    resident_mib_of(all.operator()?.process().pid())
}

/// Resident memory of a process.
pub(super) fn resident_mib_of(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).with_context(|| format!("{path} has no VmRSS"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse().context("VmRSS is no number")?;
    Ok(kib / 1024.0)
}

/// Watches for a while.
#[allow(clippy::cast_precision_loss, reason = "counts of thousands")]
pub(super) async fn rest(all: &Installation, stacks: usize, time: Duration, scale: f64) -> Result<Rest> {
    let (_, since) = journal(&all.azure, 0).await?;
    let from = Timestamp::now();
    tokio::time::sleep(time).await;
    let (requests, _) = journal(&all.azure, since).await?;
    let written = all.cluster.audit(&writes().since(from))?;
    let arm: Vec<_> = requests.iter().filter(|request| !request.is_token()).collect();
    let arm_writes = arm.iter().filter(|request| request.is_write()).count();
    let arm_reads = arm.len() - arm_writes;
    let minutes = time.as_secs_f64() / scale / 60.0;
    Ok(Rest {
        stacks,
        seconds: time.as_secs_f64(),
        arm_writes,
        arm_reads,
        arm_reads_per_stack_and_minute: arm_reads as f64 / minutes / stacks.max(1) as f64,
        kubernetes_writes: written.iter().filter(|entry| entry.resource != "leases").count(),
    })
}

#[cfg(test)]
mod tests {
    use super::concerns;

    #[test]
    fn a_request_belongs_to_the_run_whose_stack_it_names() {
        assert!(concerns("/a/communicationServices/s10-003-0a1b2c3d", "s10-"));
        assert!(!concerns("/a/communicationServices/s100-003-0a1b2c3d", "s10-"));
        assert!(concerns("/subscriptions/s/providers/Microsoft.EventGrid/systemTopics", "s10-"));
    }
}
