//! What a node needs of the machine, each missing thing in one sentence.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::cgroups;
use crate::binaries;

/// Programs that are not compiled here, and the Debian packages that have them.
const PROGRAMS: [(&str, &str); 5] = [
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
];
const PLUGINS: [&str; 4] = ["ptp", "host-local", "portmap", "loopback"];
const PLUGIN_FOLDERS: [&str; 4] = ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni", "/usr/lib/x86_64-linux-gnu/cni"];
/// Hidden in a node by folders of its own.
const COVERED: [&str; 3] = ["/run", "/var/lib", "/var/log"];

/// The namespaces of a node, as `unshare` is asked for them.
pub(super) const NAMESPACES: [&str; 8] =
    ["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"];

/// The folder with the network plugins.
pub(super) fn plugins() -> Option<PathBuf> {
    let folders = PLUGIN_FOLDERS.map(PathBuf::from);
    folders.into_iter().find(|folder| PLUGINS.iter().all(|plugin| folder.join(plugin).is_file()))
}

/// Why no node can run here; nothing if one can.
pub fn refusal() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("the ground `node` needs Linux".to_owned());
    }
    if !nix::unistd::geteuid().is_root() {
        return Some("the ground `node` needs root, for namespaces, mounts and cgroups".to_owned());
    }
    if let Some(packages) = missing_packages() {
        let install = format!("apt-get install -y --no-install-recommends {packages}");
        return Some(format!("the ground `node` needs programs that are not here; on Debian: `{install}`"));
    }
    if binaries::beside_this("testbed").is_none() {
        return Some(
            "the ground `node` needs the program testbed beside this one: `cargo build -p testbed --bins`".to_owned(),
        );
    }
    let scratch = std::env::temp_dir();
    if let Some(covered) = COVERED.into_iter().find(|folder| scratch.starts_with(folder)) {
        return Some(format!("the ground `node` cannot keep its files below {covered}: set TMPDIR to another folder"));
    }
    if let Err(error) = cgroups::check() {
        return Some(format!("the ground `node` cannot run here: {error:#}"));
    }
    namespaces().map(|reason| format!("the ground `node` may make no namespaces here: {reason}"))
}

fn missing_packages() -> Option<String> {
    let absent = PROGRAMS.into_iter().filter(|(program, _)| binaries::on_path(program).is_none());
    let mut packages: Vec<&str> = absent.map(|(_, package)| package).collect();
    if plugins().is_none() {
        packages.push("containernetworking-plugins");
    }
    packages.sort_unstable();
    packages.dedup();
    (!packages.is_empty()).then(|| packages.join(" "))
}

/// Asked by trying: which capability is missing, or what a security module forbids, shows in no list.
fn namespaces() -> Option<String> {
    let mut command = Command::new("unshare");
    command.args(NAMESPACES).arg("true").stdin(Stdio::null()).stdout(Stdio::null());
    match command.output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")),
        Err(error) => Some(format!("unshare does not start: {error}")),
    }
}
