//! Pid 1 of a node: makes its file system, runs what it is told, and takes everything along when it ends.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::{self, File};
use std::io::BufRead as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

use super::order::Order;

/// Folders of this machine that a node writes to: it sees them, and what it changes is its own.
const OVERLAID: [&str; 2] = ["/var/lib", "/var/log"];
/// Folders that start empty. Containers' file systems are overlays themselves, and cannot lie on another.
const OWN: [&str; 3] = ["/var/lib/containerd", "/var/lib/kubelet", "/var/lib/cni"];
const INNER: &str = "/run/acs-node";
/// Settings of the whole machine that kubelet wants to be so, and sets if they are not. No namespace separates them, so
/// it is shown a file that says so already, and the machine stays as it is.
const SHOWN: [(&str, &str); 6] = [
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// Started programs by their process id. Held while one starts, so that nobody else collects a start that failed.
type Running = Mutex<BTreeMap<i32, String>>;

/// Runs until standard input ends (then the process ends well) or one of the programs does.
pub fn run(dir: &Path) -> Result<Infallible> {
    ensure!(std::process::id() == 1, "`testbed node-init` is for the inside of a node's namespaces");
    prepare().context("preparing the node's file system")?;
    let running: Running = Mutex::default();
    std::thread::scope(|scope| {
        // The scope never ends: both sides end the process, and the kernel ends everything in its namespace then.
        std::thread::Builder::new()
            .name("orders".to_owned())
            .spawn_scoped(scope, || end(obey(dir, &running)))
            .context("starting a thread")?;
        end(collect(&running))
    })
}

fn end(outcome: Result<()>) -> ! {
    match outcome {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("node: {error:#}");
            std::process::exit(1);
        }
    }
}

fn prepare() -> Result<()> {
    // Kubelet wants mounts below its folder to be seen by containers. Only in here: `unshare` made all private first.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_SHARED, None::<&str>)?;
    tmpfs("/run")?;
    for folder in OVERLAID {
        overlay(folder).with_context(|| format!("laying a file system over {folder}"))?;
    }
    for folder in OWN {
        fs::create_dir_all(folder)?;
        tmpfs(folder)?;
    }
    for (setting, value) in SHOWN {
        show(setting, value).with_context(|| format!("covering the setting {setting}"))?;
    }
    fs::write("/proc/sys/net/ipv4/ip_forward", "1").context("letting packets through")?;
    nix::unistd::sethostname("node").context("naming the node")
}

fn tmpfs(folder: &str) -> Result<()> {
    let kind = Some("tmpfs");
    mount(kind, folder, kind, MsFlags::empty(), Some("mode=755")).with_context(|| format!("mounting {folder}"))
}

fn overlay(folder: &str) -> Result<()> {
    let inner = format!("{INNER}{}", folder.replace('/', "-"));
    let (upper, work) = (format!("{inner}/upper"), format!("{inner}/work"));
    fs::create_dir_all(&upper)?;
    fs::create_dir_all(&work)?;
    let options = format!("lowerdir={folder},upperdir={upper},workdir={work}");
    Ok(mount(Some("overlay"), folder, Some("overlay"), MsFlags::empty(), Some(options.as_str()))?)
}

fn show(setting: &str, value: &str) -> Result<()> {
    let (shown, real) = (format!("{INNER}-{}", setting.replace('/', "-")), format!("/proc/sys/{setting}"));
    if !Path::new(&real).exists() {
        return Ok(());
    }
    fs::write(&shown, format!("{value}\n"))?;
    Ok(mount(Some(shown.as_str()), real.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>)?)
}

/// Until the end of the orders, which is the end of whoever gave them.
fn obey(dir: &Path, running: &Running) -> Result<()> {
    for line in std::io::stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line.context("reading an order")?).context("reading an order")?;
        start(dir, &order, running).with_context(|| format!("starting {}", order.name))?;
    }
    Ok(())
}

fn start(dir: &Path, order: &Order, running: &Running) -> Result<()> {
    let log = File::create(dir.join(format!("{}.log", order.name)))?;
    let mut command = Command::new(&order.program);
    command.args(&order.arguments).env_clear().env("PATH", &order.path).current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
    let child = command.spawn()?;
    running.insert(i32::try_from(child.id())?, order.name.clone());
    Ok(())
}

/// Collects what has ended: also orphans, such as what containerd starts for a pod.
fn collect(running: &Running) -> Result<()> {
    loop {
        match waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            // Nothing runs yet, or any more.
            Err(Errno::ECHILD) => std::thread::sleep(Duration::from_millis(10)),
            Err(Errno::EINTR) | Ok(_) => {}
            Err(error) => return Err(error).context("waiting for processes to end"),
        }
        let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(status) = waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            if status == WaitStatus::StillAlive {
                break;
            }
            let name = status.pid().and_then(|pid| running.remove(&pid.as_raw()));
            if let Some(name) = name {
                bail!("{name} ended ({status:?}); its log has the reason");
            }
        }
    }
}
