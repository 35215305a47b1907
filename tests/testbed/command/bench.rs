//! `testbed bench`: how long it takes, how much it asks for, how large it is. Figures, no verdicts.

mod count;
mod kept;
mod relay;
mod report;
mod simulator;
mod stacks;
mod start;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use testbed::Ground;

use super::installation::{Installation, Options};
use super::quickstart::{Identity, Quickstart, Secrets};
use super::show::{Output, Show};
use super::signals::asked_to_stop;
use count::{Rest, Run};
use start::Start;

/// Until what a creation leaves to do is done, too.
const SETTLE: Duration = Duration::from_secs(3);

#[derive(Args, Clone)]
pub(crate) struct Bench {
    /// Numbers of stacks (namespace, hub, service, event subscription) that are made at once
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100])]
    stacks: Vec<usize>,
    /// Durations of Azure and of the operator, in thousandths of the real ones
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
    permille: u64,
    /// What is measured
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Relay, Part::Simulator, Part::Operator])]
    parts: Vec<Part>,
    /// Seconds of rest that are watched
    #[arg(long, default_value_t = 20)]
    rest: u64,
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// A part of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Stacks, requests, writes, memory, starts, rest.
    Operator,
    /// Events a second, latency, memory, start.
    Relay,
    /// Reads and writes a second, pages, memory.
    Simulator,
}

/// Everything that was measured.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    /// Version of this shape.
    version: u32,
    /// Whether the programs were built as they are shipped.
    optimised: bool,
    /// Scale of durations in the profile `azure`.
    time_scale: f64,
    /// One per profile and number of stacks.
    runs: Vec<Run>,
    /// Resident memory without objects, in MiB.
    idle_mib: f64,
    /// From the start of the process on.
    starts: Vec<Start>,
    /// With everything Ready.
    rest: Option<Rest>,
    /// The relay.
    relay: Option<relay::Relay>,
    /// The Azure simulator.
    simulator: Option<simulator::Simulator>,
}

impl Bench {
    pub(crate) async fn run(self) -> Result<()> {
        let mut stop = std::pin::pin!(asked_to_stop()?);
        if Ground::from_environment() != Ground::Bare {
            bail!("bench counts in the audit log, which only the cluster started here has: unset CLUSTER");
        }
        let mut show = Show::new(self.output);
        let figures = tokio::select! {
            () = &mut stop => bail!("interrupted"),
            figures = Box::pin(self.measure(&mut show)) => figures?,
        };
        let file = place()?;
        let text = serde_json::to_string_pretty(&figures)?;
        std::fs::write(&file, &text).with_context(|| format!("writing {}", file.display()))?;
        match self.output {
            Output::Json => println!("{text}"),
            Output::Text => println!("\n{}\nAs JSON: {}", report::tables(&figures), file.display()),
        }
        Ok(())
    }

    async fn measure(&self, show: &mut Show) -> Result<Figures> {
        let mut figures = Figures {
            version: 1,
            optimised: !cfg!(debug_assertions),
            time_scale: scale(self.permille),
            runs: Vec::new(),
            idle_mib: 0.0,
            starts: Vec::new(),
            rest: None,
            relay: None,
            simulator: None,
        };
        // First, while the machine is quiet.
        if self.parts.contains(&Part::Relay) {
            show.line("\nRelay");
            figures.relay = relay::measure(show).await?;
        }
        if self.parts.contains(&Part::Simulator) {
            show.line("\nAzure simulator");
            figures.simulator = simulator::measure(show).await?;
        }
        if !self.parts.contains(&Part::Operator) {
            return Ok(figures);
        }
        for profile in ["instant", "azure"] {
            show.line(&format!("\nProfile {profile}"));
            Box::pin(self.measure_profile(show, profile, &mut figures)).await?;
        }
        Ok(figures)
    }

    async fn measure_profile(&self, show: &mut Show, profile: &'static str, figures: &mut Figures) -> Result<()> {
        let instant = profile == "instant";
        // There the operator itself is measured: neither a pause nor ARM's budget may be what takes the time.
        let permille = if instant { 10 } else { self.permille };
        let azure_args = if instant { vec!["--no-throttling".to_owned()] } else { Vec::new() };
        let options = Options { label: "bench", profile, scale: scale(self.permille), permille, azure_args };
        let mut all = Installation::start(show, &options).await?;
        let measured = Box::pin(self.measure_installation(show, profile, &mut all, figures)).await;
        if measured.is_err() {
            all.cluster.keep();
        }
        measured
    }

    async fn measure_installation(
        &self,
        show: &mut Show,
        profile: &'static str,
        all: &mut Installation,
        figures: &mut Figures,
    ) -> Result<()> {
        let quickstart = Quickstart::copy(all.cluster.dir().join("quickstart"), &all.azure, Identity::Principal)?;
        let secrets = Secrets::make()?;
        if profile == "instant" {
            tokio::time::sleep(Duration::from_secs(1)).await;
            figures.idle_mib = count::resident_mib(all)?;
            let started = start::measure(all, &quickstart, &secrets, "bench-start-empty", 0);
            figures.starts.push(show.step("start without objects", started).await?);
        }
        for count in &self.stacks {
            let run = stacks::measure(all, &quickstart, &secrets, profile, *count);
            figures.runs.push(show.step(&format!("{count} at once"), Box::pin(run)).await?);
        }
        if profile == "azure" {
            let there = self.stacks.iter().sum();
            let rest = async {
                tokio::time::sleep(SETTLE).await;
                count::rest(all, there, Duration::from_secs(self.rest), scale(self.permille)).await
            };
            figures.rest = Some(show.step(&format!("{} s of rest", self.rest), Box::pin(rest)).await?);
            let started = start::measure(all, &quickstart, &secrets, "bench-start-full", there);
            figures.starts.push(show.step(&format!("start with {there} stacks"), started).await?);
        }
        Ok(())
    }
}

#[allow(clippy::cast_precision_loss, reason = "at most 1000")]
fn scale(permille: u64) -> f64 {
    permille as f64 / 1000.0
}

/// Which core does what, where one thing is measured and another makes its load.
const SUBJECT_CORE: usize = 0;
const LOAD_CORE: usize = 1;

/// Whether there are two cores to keep apart.
fn has_two_cores() -> Result<bool> {
    Ok(std::thread::available_parallelism()?.get() >= 2 && testbed::binaries::on_path("taskset").is_some())
}

fn core(number: usize) -> Result<nix::sched::CpuSet> {
    let mut set = nix::sched::CpuSet::new();
    set.set(number)?;
    Ok(set)
}

/// Does it on a thread of its own, alone on a core; the rest of this program keeps all of them.
async fn on_core<T, F>(number: usize, work: impl FnOnce() -> F + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>>,
{
    let done = tokio::task::spawn_blocking(move || -> Result<T> {
        nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &core(number)?).context("choosing a core")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(work())
    });
    done.await.context("measuring")?
}

fn place() -> Result<PathBuf> {
    Ok(testbed::binaries::target_folder()?.join("bench.json"))
}
