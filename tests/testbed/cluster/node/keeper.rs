//! The process between the fixture and the node. It makes the node's namespaces and network, outlives a fixture that is
//! killed, and removes what no namespace takes along.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{SigSet, Signal};

use super::order::Made;
use super::requirements::NAMESPACES;
use super::{cgroups, network};

const SOON: Duration = Duration::from_secs(10);

/// Runs a node until its pid 1 ends, which it does at the end of the standard input that both share; then cleans up.
pub fn keep(dir: &Path) -> Result<()> {
    // Whoever ends this politely means the node: that ends by itself, and then there is work left to do here.
    let patient = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
    patient.thread_block().context("putting signals off")?;
    let mut inside = enter(dir)?;
    wait_for_namespaces(&mut inside)?;
    // The interface is the claim to a number, and goes with its namespace: held here, that outlives the node until its cgroups
    // are removed. Else those of the next node with that number would be.
    let namespace = format!("/proc/{}/ns/net", inside.id());
    let claim = fs::File::open(&namespace).with_context(|| format!("opening {namespace}"))?;
    let network = network::join(inside.id())?;
    let ended = tell(&network.name(), network, &mut inside);
    let removed = cgroups::remove(&network.name(), SOON);
    network::part(network);
    drop(claim);
    removed.and(ended)
}

/// Between the first and the last thing that has to be taken down again.
fn tell(name: &str, network: network::Network, inside: &mut Child) -> Result<()> {
    cgroups::make(name)?;
    let [.., number, _] = network.node().octets();
    let made = Made { number, init: first_child(inside.id())? };
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", serde_json::to_string(&made)?).context("telling what was made")?;
    stdout.flush().context("telling what was made")?;
    let status = inside.wait().context("waiting for the node to end")?;
    if !status.success() {
        bail!("the node ended ({status})");
    }
    Ok(())
}

/// If this process dies, so does `unshare`, and with it the node's pid 1, and with that everything.
fn enter(dir: &Path) -> Result<Child> {
    let testbed = std::env::current_exe().context("finding this program")?;
    let mut command = Command::new(&testbed);
    command.args(["supervise", "--parent", &std::process::id().to_string(), "--", "unshare"]).args(NAMESPACES);
    command.arg("--").arg(&testbed).arg("node-init").arg("--dir").arg(dir);
    command.spawn().context("starting the node")
}

fn wait_for_namespaces(inside: &mut Child) -> Result<()> {
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net"));
    let (ours, process) = (namespace("self")?, inside.id().to_string());
    let started = Instant::now();
    while namespace(&process).is_ok_and(|theirs| theirs == ours) || first_child(inside.id()).is_err() {
        if let Some(status) = inside.try_wait().context("waiting for the node's namespaces")? {
            bail!("no namespaces could be made for the node ({status})");
        }
        if started.elapsed() > SOON {
            bail!("the node's namespaces were not there after {SOON:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn first_child(process: u32) -> Result<u32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).context("finding pid 1")?;
    list.split_whitespace().next().and_then(|word| word.parse().ok()).context("the node has no pid 1 yet")
}
