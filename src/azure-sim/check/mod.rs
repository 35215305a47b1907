//! `azure-sim check`: what the simulator answers, held against what an endpoint answers.
//!
//! Each probe is performed twice, on a world of the model in this process and over the network, and the two answers are compared:
//! statuses, headers, shapes of bodies, codes of errors, and how long-running operations go on and end. So the expectation is the
//! simulator itself, whatever it says at the time.

mod compare;
mod credential;
mod probe;
mod record;
mod remote;
mod report;
mod side;
mod throwaway;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;

pub use report::{Checked, Report};

use crate::model::Config;
use probe::{Probe, Step};
use remote::Remote;
use side::{Simulated, Variables};

/// What is to be checked, and within which bounds.
#[derive(Clone, Debug)]
pub struct Options {
    /// Azure Resource Manager, without a slash at the end.
    pub endpoint: String,
    /// Entra, without a slash at the end.
    pub authority: String,
    /// The subscription to look at.
    pub subscription: String,
    /// The tenant; where none is given, Entra's own documents are not looked at.
    pub tenant: Option<String>,
    /// PEM file with further authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// Make, change and delete resources in a group of this name, which must not exist.
    pub write: Option<String>,
    /// Leave that group where it is.
    pub keep: bool,
    /// Azure region of the group.
    pub location: String,
    /// For the whole run.
    pub deadline: Duration,
    /// Requests over the network at most.
    pub requests: u32,
    /// Directory for recordings.
    pub record: Option<PathBuf>,
}

/// What `--write` makes, for whoever has to agree to it.
pub const MAKES: &str = throwaway::MAKES;

/// Performs every probe on both sides and compares. `progress` is told what comes next.
///
/// # Errors
/// When no token is to be had, the endpoint cannot be reached, the group exists, or time or requests are used up. What was made
/// is deleted before.
pub async fn run(options: &Options, progress: &mut dyn FnMut(&str)) -> anyhow::Result<Report> {
    let deadline = Instant::now() + options.deadline;
    let mut remote = Remote::new(options, deadline).await?;
    let mut simulated = Simulated::new(Config {
        base_url: options.endpoint.clone(),
        subscription_id: options.subscription.clone(),
        tenant_id: options.tenant.clone().unwrap_or_else(|| Config::default().tenant_id),
        resource_groups: Vec::new(),
        throttle: false,
        ..Config::default()
    })?;
    let variables = variables(options);
    let mut report = Report::new(options);
    let mut all = probe::read_only(options.tenant.is_some());
    if let Some(group) = &options.write {
        progress("whether the group is free");
        let free = remote.is_free(group).await?;
        anyhow::ensure!(free, "the resource group {group} exists already: nothing was touched");
        all.extend(throwaway::probes(&options.location));
    }
    let ended = tokio::select! {
        ended = perform(&all, &variables, &mut simulated, &mut remote, &mut report, progress) => ended,
        // What was made is deleted then, too.
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("stopped")),
    };
    if let Some(group) = options.write.as_ref().filter(|_| !options.keep) {
        progress("the group goes");
        // With time of its own: what was made must not stay because the rest took long.
        remote.extend(Duration::from_secs(60));
        remote.delete_group(group).await.with_context(|| format!("DELETE THE RESOURCE GROUP {group} YOURSELF"))?;
    }
    ended?;
    report.requests = remote.sent();
    Ok(report)
}

async fn perform(
    all: &[Probe],
    variables: &Variables,
    simulated: &mut Simulated,
    remote: &mut Remote,
    report: &mut Report,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    let (mut here, mut there) = (variables.clone(), variables.clone());
    for (at, probe) in all.iter().enumerate() {
        let mut checked = Checked::of(probe.name);
        for step in &probe.steps {
            progress(&format!("{}/{} {}: {}", at + 1, all.len(), probe.name, step.name()));
            let expected = side::perform(simulated, step, &mut here).await?;
            let seen = side::perform(remote, step, &mut there)
                .await
                .with_context(|| format!("{}: {}", probe.name, step.name()))?;
            report.record(probe.name, step, &seen)?;
            checked.add(step, compare::outcomes(step, &expected, &seen));
            if !same_success(expected.first.status, seen.first.status) {
                checked.skipped = probe.steps.len() - checked.steps;
                break;
            }
        }
        report.probes.push(checked);
    }
    Ok(())
}

/// Where one side refused and the other did not, later steps would only say so again.
fn same_success(one: u16, other: u16) -> bool {
    (one < 400) == (other < 400)
}

fn variables(options: &Options) -> Variables {
    let group = options.write.clone().unwrap_or_else(|| "acs-check-nobody-has-this".to_owned());
    // Names of services and namespaces must be unique in the world, as the group's is by its random part.
    let suffix: String = group.chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
    let pairs = [
        ("subscriptionId", options.subscription.clone()),
        ("tenant", options.tenant.clone().unwrap_or_default()),
        ("communicationServiceName", format!("acs-check-{suffix}")),
        ("namespaceName", format!("acs-check-{suffix}")),
        ("notificationHubName", "phones".to_owned()),
        ("ruleName", "sender".to_owned()),
        ("systemTopicName", "events".to_owned()),
        ("eventSubscriptionName", "nowhere".to_owned()),
        ("resourceGroupName", group),
    ];
    Variables::from_iter(pairs.map(|(name, value)| (name.to_owned(), value)))
}

impl Step {
    /// What it is called in a report.
    fn name(&self) -> String {
        self.title.map_or_else(|| self.operation().to_owned(), |title| format!("{} ({title})", self.operation()))
    }
}
