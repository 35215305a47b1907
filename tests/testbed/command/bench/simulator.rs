//! The Azure simulator under load, on one core, with 10,000 resources in it: in memory, and kept in a file. Beside it nginx says
//! as much over the same TLS, and does nothing else for it. The other core has the load.

mod client;
mod nginx;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sched::sched_setaffinity;
use nix::unistd::Pid;
use serde::Serialize;
use testbed::scratch::Scratch;
use testbed::{AzureSim, azure_sim, binaries};

use super::super::show::Show;
use super::kept::{self, Full, Kept};
use super::{LOAD_CORE, SUBJECT_CORE};
use client::{Client, Stream};
use nginx::Nginx;

/// What the figures are to reach.
pub(super) const REACH_READS: f64 = 5000.0;
pub(super) const REACH_MIB: f64 = 150.0;

const CONNECTIONS: usize = 64;
const GROUPS: usize = 10;
const SERVICES: usize = 10_000;
const WARM_UP: Duration = Duration::from_secs(1);
const FULL: Duration = Duration::from_secs(4);
const VERSION: &str = "2025-09-01";

/// What was measured.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Simulator {
    /// Communication services in it, in ten resource groups.
    pub(super) resources: usize,
    /// Connections at once, kept.
    pub(super) connections: usize,
    /// The world in memory only.
    pub(super) in_memory: Run,
    /// The world in a file: what is answered would survive a kill.
    pub(super) kept: Run,
    /// The same answers a second from nginx; none where it is not installed.
    pub(super) nginx_per_second: Option<f64>,
}

impl Simulator {
    /// Ratio to nginx, which does no more than send the bytes.
    pub(super) fn ratio(&self) -> Option<f64> {
        self.nginx_per_second.map(|nginx| self.in_memory.reads_per_second / nginx)
    }
}

/// One world.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    /// GET of services, all over the 10,000.
    pub(super) reads_per_second: f64,
    /// PUT of the services, until all are there.
    pub(super) writes_per_second: f64,
    /// Answers that were no success.
    pub(super) failed: u64,
    /// A page of 100 of the list of all, one at a time: half took no longer.
    pub(super) page_p50_ms: f64,
    /// The slowest of the hundred pages.
    pub(super) page_slowest_ms: f64,
    /// Before the first request, in MiB.
    pub(super) idle_mib: f64,
    /// With all resources, after the load, in MiB.
    pub(super) resident_mib: f64,
}

/// Measures; `None` where there are not two cores to keep apart.
pub(super) async fn measure(show: &mut Show) -> Result<Option<Simulator>> {
    if !super::has_two_cores()? {
        show.line("  the simulator is not measured: that takes two cores and the program taskset");
        return Ok(None);
    }
    let measured = super::on_core(LOAD_CORE, on_one_core);
    show.step("the simulator with 10,000 resources, and nginx, one core each in turn", measured).await.map(Some)
}

async fn on_one_core() -> Result<Simulator> {
    let (in_memory, answer) = run(&[]).await.context("the world in memory")?;
    let (kept, _) = run(&["--keep"]).await.context("the world in a file")?;
    let nginx_per_second = says_nginx(&answer).await?;
    Ok(Simulator { resources: SERVICES, connections: CONNECTIONS, in_memory, kept, nginx_per_second })
}

/// The figures of one world, and what a GET answered in it.
async fn run(more: &[&str]) -> Result<(Run, String)> {
    let mut args = vec!["--no-throttling".to_owned()];
    args.extend(more.iter().map(ToString::to_string));
    let options = azure_sim::Options { profile: Some("instant".into()), args, ..azure_sim::Options::default() };
    let azure = AzureSim::start(&binaries::workspace("azure-sim")?, options).await?;
    pin_all(azure.process().pid(), SUBJECT_CORE)?;
    let resident = || super::count::resident_mib_of(azure.process().pid());
    let idle_mib = resident()?;
    let client = Client::new(&azure).await?;
    for group in 0..GROUPS {
        let made = client.once("PUT", &client.group(group), "2021-04-01", "{\"location\":\"westeurope\"}").await?;
        if made.0 != 201 {
            bail!("a resource group was answered {}", made.0);
        }
    }
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(Kept::new(client.connect().await?));
    }
    let body = "{\"location\":\"global\",\"properties\":{\"dataLocation\":\"Europe\"}}";
    let puts = requests(&client, "PUT", body);
    let writes = kept::full(&mut open, async |connection: &mut Kept<Stream>, turn| match puts.get(turn) {
        Some(put) => Ok(Some(connection.ask(put).await? == 201)),
        None => Ok(None),
    });
    let writes = writes.await?;
    drop(puts);
    let gets = requests(&client, "GET", "");
    reads(&mut open, &gets, WARM_UP).await?;
    let read = reads(&mut open, &gets, FULL).await?;
    let mut pages = pages(&client).await?;
    pages.sort_by(f64::total_cmp);
    let (_, answer) = client.once("GET", &client.service(0), VERSION, "").await?;
    let run = Run {
        reads_per_second: read.per_second,
        writes_per_second: writes.per_second,
        failed: read.failed + writes.failed,
        page_p50_ms: pages.get(pages.len() / 2).copied().unwrap_or_default(),
        page_slowest_ms: pages.last().copied().unwrap_or_default(),
        idle_mib,
        resident_mib: resident()?,
    };
    Ok((run, answer))
}

/// One request per service, in an order that goes all over the groups.
fn requests(client: &Client, method: &str, body: &str) -> Vec<Vec<u8>> {
    (0..SERVICES).map(|number| client.request(method, &client.service(number), VERSION, body)).collect()
}

async fn reads(open: &mut [Kept<Stream>], gets: &[Vec<u8>], time: Duration) -> Result<Full> {
    let started = Instant::now();
    let ask = async |connection: &mut Kept<Stream>, turn: usize| match gets.get(turn % SERVICES) {
        Some(get) if started.elapsed() < time => Ok(Some(connection.ask(get).await? == 200)),
        _ => Ok(None),
    };
    kept::full(open, ask).await
}

/// Follows the list of all services to its end: milliseconds per page.
async fn pages(client: &Client) -> Result<Vec<f64>> {
    let mut connection = Kept::new(client.connect().await?);
    let (mut took, mut listed) = (Vec::new(), 0);
    let mut next = Some(client.list());
    while let Some(path) = next {
        let request = client.request_at("GET", &path, "");
        let started = Instant::now();
        let status = connection.ask(&request).await?;
        took.push(started.elapsed().as_secs_f64() * 1000.0);
        if status != 200 {
            bail!("a page of the list was answered {status}");
        }
        let page: serde_json::Value = serde_json::from_slice(connection.body())?;
        listed += page.get("value").and_then(serde_json::Value::as_array).map_or(0, Vec::len);
        next = page.get("nextLink").and_then(serde_json::Value::as_str).and_then(|url| client.path_of(url));
    }
    if listed != SERVICES {
        bail!("the list has {listed} services, and {SERVICES} were made");
    }
    Ok(took)
}

/// The same answer, from nginx.
async fn says_nginx(answer: &str) -> Result<Option<f64>> {
    let scratch = Scratch::new("bench-nginx")?;
    let Some(nginx) = Nginx::start(scratch.path(), answer, SUBJECT_CORE).await? else { return Ok(None) };
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(Kept::new(nginx.connect().await?));
    }
    let gets = vec![nginx.request(); SERVICES];
    reads(&mut open, &gets, WARM_UP).await?;
    let read = reads(&mut open, &gets, FULL).await?;
    if read.failed > 0 {
        bail!("nginx refused {} requests", read.failed);
    }
    Ok(Some(read.per_second))
}

/// All threads of a process on one core. Those that it makes later stay there, too.
fn pin_all(pid: u32, core: usize) -> Result<()> {
    let set = super::core(core)?;
    let threads = format!("/proc/{pid}/task");
    for thread in std::fs::read_dir(&threads).with_context(|| format!("reading {threads}"))? {
        let name = thread?.file_name();
        let thread = name.to_str().and_then(|name| name.parse().ok()).context("a thread without a number")?;
        sched_setaffinity(Pid::from_raw(thread), &set).context("choosing a core")?;
    }
    Ok(())
}
