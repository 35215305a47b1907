//! The programs a cluster consists of, compiled once from the Go modules pinned below `parts/`.
//!
//! Looked for in this order: `KUBEBUILDER_ASSETS` (etcd, kube-apiserver and kubectl only, as that is what such a
//! directory holds), the cache, and for command-line tools of a given cluster also `PATH`. A cached part needs no Go.

mod compile;
#[cfg(feature = "ground")]
mod files;
mod module;
mod progress;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use self::module::Module;
#[cfg(feature = "ground")]
pub use files::gateway_api;

/// One program, as it is called on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[value(rename_all = "kebab-case")]
pub enum Part {
    /// The store behind the API server.
    Etcd,
    /// The API server itself.
    KubeApiserver,
    /// Namespace deletion, garbage collection, default ServiceAccounts.
    KubeControllerManager,
    /// Binds pods to nodes.
    KubeScheduler,
    /// The command line of Kubernetes.
    Kubectl,
    /// Nodes and pods that only say they run.
    Kwok,
    /// The chart tool.
    Helm,
    /// Runs the pods of a node.
    Kubelet,
    /// Makes Services reachable on a node.
    KubeProxy,
    /// Runs containers and keeps their images.
    Containerd,
    /// What containerd starts for every pod.
    ContainerdShimRuncV2,
    /// The command line of containerd.
    Ctr,
    /// Names of Services in pods.
    Coredns,
    /// Holds a pod's namespaces.
    Pause,
    /// What tests put into a pod to look at the world from there.
    Probe,
}

impl Part {
    /// Every part there is.
    pub const ALL: [Part; 15] = [
        Part::Etcd,
        Part::KubeApiserver,
        Part::KubeControllerManager,
        Part::KubeScheduler,
        Part::Kubectl,
        Part::Kwok,
        Part::Helm,
        Part::Kubelet,
        Part::KubeProxy,
        Part::Containerd,
        Part::ContainerdShimRuncV2,
        Part::Ctr,
        Part::Coredns,
        Part::Pause,
        Part::Probe,
    ];
    /// What an API server without nodes consists of.
    pub const BARE: [Part; 4] = [Part::Etcd, Part::KubeApiserver, Part::Kubectl, Part::KubeControllerManager];
    /// What a node adds to that.
    pub const NODE: [Part; 8] = [
        Part::KubeScheduler,
        Part::Kubelet,
        Part::KubeProxy,
        Part::Containerd,
        Part::ContainerdShimRuncV2,
        Part::Ctr,
        Part::Coredns,
        Part::Pause,
    ];

    /// The file name of the program.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Etcd => "etcd",
            Part::KubeApiserver => "kube-apiserver",
            Part::KubeControllerManager => "kube-controller-manager",
            Part::KubeScheduler => "kube-scheduler",
            Part::Kubectl => "kubectl",
            Part::Kwok => "kwok",
            Part::Helm => "helm",
            Part::Kubelet => "kubelet",
            Part::KubeProxy => "kube-proxy",
            Part::Containerd => "containerd",
            Part::ContainerdShimRuncV2 => "containerd-shim-runc-v2",
            Part::Ctr => "ctr",
            Part::Coredns => "coredns",
            Part::Pause => "pause",
            Part::Probe => "probe",
        }
    }

    const fn package(self) -> &'static str {
        match self {
            Part::Etcd => "go.etcd.io/etcd/server/v3",
            Part::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Part::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Part::KubeScheduler => "k8s.io/kubernetes/cmd/kube-scheduler",
            Part::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Part::Kwok => "sigs.k8s.io/kwok/cmd/kwok",
            Part::Helm => "helm.sh/helm/v4/cmd/helm",
            Part::Kubelet => "k8s.io/kubernetes/cmd/kubelet",
            Part::KubeProxy => "k8s.io/kubernetes/cmd/kube-proxy",
            Part::Containerd => "github.com/containerd/containerd/v2/cmd/containerd",
            Part::ContainerdShimRuncV2 => "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
            Part::Ctr => "github.com/containerd/containerd/v2/cmd/ctr",
            Part::Coredns => ".",
            Part::Pause => "./pause",
            Part::Probe => "./probe",
        }
    }

    const fn module(self) -> Module {
        match self {
            Part::Containerd | Part::ContainerdShimRuncV2 | Part::Ctr => Module::Containerd,
            Part::Coredns => Module::Coredns,
            Part::Pause | Part::Probe => Module::Pods,
            _ => Module::Kubernetes,
        }
    }

    /// Whether it can be compiled and used on this operating system.
    pub fn runs_here(self) -> bool {
        let on_linux_only = self == Part::Probe || (self != Part::KubeScheduler && Part::NODE.contains(&self));
        cfg!(target_os = "linux") || !on_linux_only
    }

    /// Seconds a first build takes on two quiet cores, the parts before it in `ALL` being built.
    const fn first_build_seconds(self) -> u64 {
        match self {
            Part::Etcd => 40,
            Part::KubeApiserver => 250,
            Part::KubeControllerManager => 100,
            Part::KubeScheduler => 15,
            Part::Kubectl => 35,
            Part::Kwok | Part::Helm | Part::KubeProxy => 10,
            Part::Kubelet => 30,
            Part::Containerd => 60,
            Part::ContainerdShimRuncV2 | Part::Ctr | Part::Pause | Part::Probe => 5,
            Part::Coredns => 60,
        }
    }

    const fn in_kubebuilder_assets(self) -> bool {
        matches!(self, Part::Etcd | Part::KubeApiserver | Part::Kubectl)
    }
}

/// Where each ensured part lies.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    paths: BTreeMap<Part, PathBuf>,
}

impl Parts {
    /// The program of `part`; an error if it was not among those ensured.
    pub fn path(&self, part: Part) -> Result<&Path> {
        self.paths.get(&part).map(PathBuf::as_path).with_context(|| format!("{} was not asked for", part.name()))
    }

    /// The parts and where they lie.
    pub fn iter(&self) -> impl Iterator<Item = (Part, &Path)> {
        self.paths.iter().map(|(part, path)| (*part, path.as_path()))
    }
}

/// Makes sure that every part of `wanted` is there, compiling what is not. Blocks: minutes the first time.
pub fn ensure(wanted: &[Part]) -> Result<Parts> {
    let missing: Vec<Part> = wanted.iter().copied().filter(|part| find(*part).is_none()).collect();
    if !missing.is_empty() {
        compile::build(&missing)?;
    }
    let mut parts = Parts::default();
    for part in wanted {
        let path = find(*part).with_context(|| format!("{} is missing after its build", part.name()))?;
        parts.paths.insert(*part, path);
    }
    Ok(parts)
}

/// The part if it is there without building: from `KUBEBUILDER_ASSETS`, else from the cache.
pub fn find(part: Part) -> Option<PathBuf> {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").filter(|dir| !dir.is_empty() && part.in_kubebuilder_assets());
    let candidate = match assets {
        Some(dir) => PathBuf::from(dir).join(part.name()),
        None => bin_dir_of(part.module()).ok()?.join(part.name()),
    };
    candidate.is_file().then_some(candidate)
}

/// A command-line tool for a cluster that is not ours: as `find`, else the one on `PATH`.
pub fn find_tool(part: Part) -> Option<PathBuf> {
    find(part).or_else(|| crate::binaries::on_path(part.name()))
}

/// The folder of the cache with the command-line tools, and all else that is compiled from the modules of Kubernetes.
pub fn bin_dir() -> Result<PathBuf> {
    bin_dir_of(Module::Kubernetes)
}

/// The folder of the cache that holds the parts of exactly these versions and flags.
fn bin_dir_of(module: Module) -> Result<PathBuf> {
    Ok(cache_root()?.join(module.key()).join("bin"))
}

/// `${XDG_CACHE_HOME:-$HOME/.cache}/acs-operator/parts`: outside the checkout, so that clones share it.
pub(crate) fn cache_root() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()) {
        Some(dir) => PathBuf::from(dir),
        None => {
            PathBuf::from(std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?).join(".cache")
        }
    };
    Ok(base.join("acs-operator").join("parts"))
}

/// The version of `module` that what is compiled here requires.
pub fn version_of(module: &str) -> Option<&'static str> {
    [Module::Kubernetes, Module::Containerd, Module::Coredns, Module::GatewayApi]
        .into_iter()
        .find_map(|pins| pins.version_of(module))
}

/// Go's name of this architecture, which is also the one in container images.
#[cfg(feature = "ground")]
pub(crate) fn go_arch() -> &'static str {
    compile::go_arch()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_module_file() {
        assert!(version_of("k8s.io/kubernetes").unwrap().starts_with("v1."));
        assert!(version_of("helm.sh/helm/v4").unwrap().starts_with("v4."));
        assert_eq!(version_of("k8s.io/nothing"), None);
    }

    #[test]
    fn every_part_is_pinned_by_its_module() {
        for part in Part::ALL.into_iter().filter(|part| !part.package().starts_with('.')) {
            let tools = part.module().go_mod();
            assert!(tools.lines().any(|line| line.trim() == part.package()), "{} is no tool line", part.package());
        }
    }

    #[test]
    fn the_folder_names_version_and_target() {
        let folder = bin_dir().unwrap().display().to_string();
        assert!(folder.contains(version_of("k8s.io/kubernetes").unwrap()), "{folder}");
        assert!(folder.contains(compile::go_os()), "{folder}");
    }
}
