//! `azure-sim check`: what the simulator answers, held against what an endpoint answers.
//!
//! Each probe is performed twice, on a world of the model in this process and over the network, and the two answers are compared:
//! statuses, headers, shapes of bodies, codes of errors, and how long-running operations go on and end. So the expectation is the
//! simulator itself, whatever it says at the time.

mod compare;
mod credential;
mod known;
mod probe;
mod record;
mod remote;
mod replay;
mod report;
mod side;
mod throwaway;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;

pub use known::Known;
pub use report::{Checked, Report};

use crate::model::{Config, Profile};
use probe::{Probe, Step};
use remote::Remote;
use replay::Replay;
use side::{Outcome, Simulated, Variables};
use tokio::signal::unix::{SignalKind, signal};

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
    /// Directory with recordings of a run before, which stand for the endpoint: nothing is asked over the network.
    pub against: Option<PathBuf>,
    /// File with differences that are known.
    pub known: Option<PathBuf>,
    /// Write what differs into that file.
    pub update: bool,
    /// How long the simulator's side takes.
    pub profile: Profile,
    /// Multiplies that.
    pub time_scale: f64,
}

/// What `--write` makes, for whoever has to agree to it.
pub const MAKES: &str = throwaway::MAKES;

/// Performs every probe on both sides and compares. `progress` is told what comes next.
///
/// # Errors
/// When no token is to be had, the endpoint cannot be reached, the group exists, time or requests are used up, or a file or
/// directory is not what it should be. What was made is deleted before.
pub async fn run(options: &Options, progress: &mut dyn FnMut(&str)) -> anyhow::Result<Report> {
    let known = match &options.known {
        Some(file) => known::read(file, options.update)?,
        None => Vec::new(),
    };
    let mut report = Report::new(options);
    match &options.against {
        Some(dir) => replay(options, &Replay::of(dir)?, &mut report).await?,
        None => live(options, &mut report, progress).await?,
    }
    report.judge(known);
    if let Some(file) = options.known.as_ref().filter(|_| options.update) {
        known::write(file, report.to_know())?;
    }
    report.keep()?;
    Ok(report)
}

fn simulated(options: &Options) -> anyhow::Result<Simulated> {
    Simulated::new(Config {
        base_url: options.endpoint.clone(),
        subscription_id: options.subscription.clone(),
        tenant_id: options.tenant.clone().unwrap_or_else(|| Config::default().tenant_id),
        resource_groups: Vec::new(),
        throttle: false,
        profile: options.profile,
        time_scale: options.time_scale,
        ..Config::default()
    })
}

/// Both sides, one of them over the network.
async fn live(options: &Options, report: &mut Report, progress: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
    let deadline = Instant::now() + options.deadline;
    let mut remote = Remote::new(options, deadline).await?;
    let mut simulated = simulated(options)?;
    let mark = format!("{:016x}", rand::random::<u64>());
    let mut all = probe::read_only(options.tenant.is_some());
    if let Some(group) = &options.write {
        progress("whether the group is free");
        let free = remote.is_free(group).await?;
        anyhow::ensure!(free, "the resource group {group} exists already: nothing was touched");
        all.extend(throwaway::probes(&options.location, &mark));
    }
    // Before anything is made: whoever stops it from now on finds it gone.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (ended, cut_off) = tokio::select! {
        ended = perform(&all, options, &mut simulated, &mut remote, report, progress) => (ended, false),
        _ = interrupt.recv() => (Err(anyhow::anyhow!("stopped")), true),
        _ = terminate.recv() => (Err(anyhow::anyhow!("stopped")), true),
    };
    if let Some(group) = options.write.as_ref().filter(|_| !options.keep) {
        progress("the group goes");
        // With time of its own: what was made must not stay because the rest took long.
        remote.extend(Duration::from_secs(60));
        let gone = remote.delete_group(group, &mark, cut_off).await;
        let gone = gone.with_context(|| format!("LOOK AFTER THE RESOURCE GROUP {group} YOURSELF"));
        match (&ended, gone) {
            (_, Ok(())) => {}
            (Ok(()), Err(left)) => return Err(left),
            (Err(error), Err(left)) => return Err(left.context(format!("{error:#}"))),
        }
    }
    report.requests = remote.sent();
    ended
}

async fn perform(
    all: &[Probe],
    options: &Options,
    simulated: &mut Simulated,
    remote: &mut Remote,
    report: &mut Report,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    let (mut here, mut there) = (variables(options), variables(options));
    for (at, probe) in all.iter().enumerate() {
        let mut checked = Checked::of(probe.name);
        for step in &probe.steps {
            progress(&format!("{}/{} {}: {}", at + 1, all.len(), probe.name, step.name()));
            let expected = side::perform(simulated, step, &mut here).await?;
            let seen = side::perform(remote, step, &mut there)
                .await
                .with_context(|| format!("{}: {}", probe.name, step.name()))?;
            report.record(probe.name, step, &expected, &seen)?;
            if !compared(&mut checked, step, &expected, &seen) {
                checked.skipped = probe.steps.len() - checked.steps;
                break;
            }
        }
        report.probes.push(checked);
    }
    Ok(())
}

/// Both sides, one of them as it was written down. Steps that were not are left out on the other side, too, as they were then.
async fn replay(options: &Options, recorded: &Replay, report: &mut Report) -> anyhow::Result<()> {
    let mut simulated = simulated(options)?;
    let mut here = variables(options);
    let all = probe::read_only(true).into_iter().chain(throwaway::probes(&options.location, "0"));
    for probe in all.filter(|probe| recorded.has_probe(probe.name)) {
        let mut checked = Checked::of(probe.name);
        for step in &probe.steps {
            let Some(seen) = recorded.get(probe.name, step.name()) else {
                checked.skipped += 1;
                continue;
            };
            let expected = side::perform(&mut simulated, step, &mut here).await?;
            // Hidden as the other side's was, or whatever is hidden would differ.
            let expected = replay::read(&report.hidden(step, &expected))?;
            compared(&mut checked, step, &expected, seen);
        }
        report.probes.push(checked);
    }
    report.replayed(recorded);
    Ok(())
}

/// Compares, and says whether it makes sense to go on: where one side refused and the other did not, later steps would only say
/// so again.
fn compared(checked: &mut Checked, step: &Step, expected: &Outcome, seen: &Outcome) -> bool {
    checked.add(step, compare::outcomes(step, expected, seen));
    (expected.first.status < 400) == (seen.first.status < 400)
}

/// The last letters of a group's name, which tell one run from another.
fn suffix(group: &str) -> String {
    let letters: Vec<char> = group.chars().filter(char::is_ascii_alphanumeric).collect();
    letters.iter().skip(letters.len().saturating_sub(8)).map(char::to_ascii_lowercase).collect()
}

fn variables(options: &Options) -> Variables {
    let group = options.write.clone().unwrap_or_else(|| "acs-check-nobody-has-this".to_owned());
    // Names of services and namespaces must be unique in the world, as the group's is by its random part.
    let suffix = suffix(&group);
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
