//! The end of a node.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use testbed::wait_for;

use super::{SOON, cluster, say, start};

/// What a node's programs make on a machine that they have to themselves.
const PLACES: [&str; 15] = [
    "/etc/cni",
    "/opt/cni",
    "/opt/containerd",
    "/run/acs-node",
    "/run/cni",
    "/run/containerd",
    "/run/flannel",
    "/run/netns",
    "/run/runc",
    "/run/xtables.lock",
    "/usr/libexec/kubernetes",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log/containers",
];
const SETTINGS: [&str; 4] = ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"];

/// What one node has on this machine.
struct Traces {
    name: String,
    namespace: PathBuf,
}

impl Traces {
    fn of(name: String, init: u32) -> Self {
        Self { name, namespace: fs::read_link(format!("/proc/{init}/ns/pid")).unwrap() }
    }

    fn processes(&self) -> usize {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let namespaces = processes.filter_map(|process| fs::read_link(process.path().join("ns/pid")).ok());
        namespaces.filter(|namespace| *namespace == self.namespace).count()
    }

    fn interface(&self) -> bool {
        Path::new("/sys/class/net").join(&self.name).exists()
    }

    fn cgroups(&self) -> Vec<PathBuf> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let roots = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let roots = roots.filter(|words| words[2].starts_with("cgroup")).map(|words| PathBuf::from(words[1]));
        roots.map(|root| root.join(&self.name)).filter(|group| group.exists()).collect()
    }

    fn assert_there(&self) {
        assert!(self.processes() >= 5 && self.interface() && !self.cgroups().is_empty());
    }

    fn left(&self) -> String {
        let (processes, interface, cgroups) = (self.processes(), self.interface(), self.cgroups());
        if processes == 0 && !interface && cgroups.is_empty() {
            return String::new();
        }
        format!("{processes} processes, interface: {interface}, {cgroups:?}")
    }
}

fn places() -> Vec<&'static str> {
    PLACES.into_iter().filter(|place| Path::new(place).exists()).collect()
}

fn settings() -> Vec<String> {
    SETTINGS.map(|setting| fs::read_to_string(Path::new("/proc/sys").join(setting)).unwrap()).to_vec()
}

fn mounts_below(dir: &Path) -> usize {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    mounts.lines().filter(|line| line.contains(dir.to_str().unwrap())).count()
}

#[tokio::test]
async fn a_second_node_has_its_own_network_and_dropping_it_leaves_nothing() {
    let Some(first) = cluster().await else { return };
    let before = (places(), settings());
    let second = start("second").await.unwrap();
    let node = second.node().unwrap();
    assert_ne!(first.node().unwrap().network(), node.network());
    assert_eq!(settings(), before.1, "the machine's settings were changed");
    let namespace = second.namespace("pods").await.unwrap();
    super::pods::run_pod(&second, &namespace, "last").await;
    let traces = Traces::of(node.name(), node.init());
    traces.assert_there();
    let dir = second.dir().to_owned();
    drop(namespace);
    let ending = Instant::now();
    drop(second);
    say(&format!("{}: down after {:.1} s", traces.name, ending.elapsed().as_secs_f64()));
    assert_eq!(traces.left(), "");
    assert!(!dir.exists());
    assert_eq!(mounts_below(&dir), 0);
    assert_eq!((places(), settings()), before);
    first.check_running().unwrap();
}

#[tokio::test]
async fn killing_the_program_leaves_nothing() {
    if cluster().await.is_none() {
        return;
    }
    let mut up = Command::new(env!("CARGO_BIN_EXE_testbed"));
    let mut up = up.arg("up").env("CLUSTER", "node").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines().map(Result::unwrap);
    let dir = lines.find_map(|line| line.strip_prefix("export KUBECONFIG=").map(PathBuf::from)).unwrap();
    let dir = dir.parent().unwrap();
    let made: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("node.out")).unwrap()).unwrap();
    let init = u32::try_from(made["init"].as_u64().unwrap()).unwrap();
    let traces = Traces::of(format!("acs-node-{}", made["number"]), init);
    traces.assert_there();
    up.kill().unwrap();
    up.wait().unwrap();
    let killed = Instant::now();
    wait_for("everything of the node to go", SOON, || async { traces.left().is_empty() }).await.unwrap();
    say(&format!("{}: gone {:.1} s after kill -9", traces.name, killed.elapsed().as_secs_f64()));
    wait_for("the store's files to go", SOON, || async { !dir.join("bulky").exists() }).await.unwrap();
    assert_eq!(mounts_below(dir), 0);
    fs::remove_dir_all(dir).unwrap();
}

#[tokio::test]
async fn a_node_whose_part_ends_says_which() {
    let Some(cluster) = start("broken").await else { return };
    let node = cluster.node().unwrap();
    let traces = Traces::of(node.name(), node.init());
    let threads = fs::read_dir(format!("/proc/{}/task", node.init())).unwrap().flatten();
    let children = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap());
    let children = children.collect::<Vec<_>>().join(" ");
    let is_proxy =
        |child: &&str| fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|name| name.trim() == "kube-proxy");
    let proxy = children.split_whitespace().find(is_proxy).unwrap();
    assert!(Command::new("kill").args(["-9", proxy]).status().unwrap().success());
    wait_for("the end to be noticed", SOON, || async { cluster.check_running().is_err() }).await.unwrap();
    let error = cluster.check_running().unwrap_err().to_string();
    assert!(error.contains("kube-proxy ended"), "{error}");
    assert_eq!(traces.left(), "");
}

#[test]
fn a_machine_that_lacks_something_is_told_what() {
    let empty = tempfile::tempdir().unwrap();
    let mut up = Command::new(env!("CARGO_BIN_EXE_testbed"));
    let output = up.arg("up").env("CLUSTER", "node").env("PATH", empty.path()).output().unwrap();
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr);
    let reason = if nix::unistd::geteuid().is_root() { "apt-get install" } else { "needs root" };
    assert!(!cfg!(target_os = "linux") || words.contains(reason), "{words}");
}
