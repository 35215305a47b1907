//! The programs a cluster consists of, compiled once from the Go modules pinned in `parts/go.mod`.
//!
//! Looked for in this order: `KUBEBUILDER_ASSETS` (etcd, kube-apiserver and kubectl only, as that is what such a
//! directory holds), the cache, and for command-line tools of a given cluster also `PATH`. A cached part needs no Go.

mod compile;
mod progress;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

pub(crate) const GO_MOD: &str = include_str!("parts/go.mod");
pub(crate) const GO_SUM: &str = include_str!("parts/go.sum");

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
}

impl Part {
    /// Every part there is.
    pub const ALL: [Part; 7] = [
        Part::Etcd,
        Part::KubeApiserver,
        Part::KubeControllerManager,
        Part::KubeScheduler,
        Part::Kubectl,
        Part::Kwok,
        Part::Helm,
    ];
    /// What an API server without nodes consists of.
    pub const BARE: [Part; 4] = [Part::Etcd, Part::KubeApiserver, Part::Kubectl, Part::KubeControllerManager];

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
        }
    }

    /// Seconds a first build takes on two quiet cores, the parts before it in `ALL` being built.
    const fn first_build_seconds(self) -> u64 {
        match self {
            Part::Etcd => 40,
            Part::KubeApiserver => 250,
            Part::KubeControllerManager => 100,
            Part::KubeScheduler => 15,
            Part::Kubectl => 35,
            Part::Kwok => 10,
            Part::Helm => 10,
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
        compile::build(&missing, &bin_dir()?)?;
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
        None => bin_dir().ok()?.join(part.name()),
    };
    candidate.is_file().then_some(candidate)
}

/// A command-line tool for a cluster that is not ours: as `find`, else the one on `PATH`.
pub fn find_tool(part: Part) -> Option<PathBuf> {
    find(part).or_else(|| crate::binaries::on_path(part.name()))
}

/// The folder of the cache that holds the parts of exactly these versions and flags.
pub fn bin_dir() -> Result<PathBuf> {
    Ok(cache_root()?.join(key()).join("bin"))
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

/// Readable version first, then a hash over everything that changes a binary.
fn key() -> String {
    let target = format!("{}-{}", compile::go_os(), compile::go_arch());
    let mut hash = Sha256::new();
    for input in [GO_MOD, GO_SUM, &compile::linker_flags(), &target] {
        hash.update(input.as_bytes());
        hash.update([0]);
    }
    let digest: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{target}-{digest}", version_of("k8s.io/kubernetes").unwrap_or("unknown"))
}

/// The version that `parts/go.mod` requires of `module`: the one place where versions are written.
pub fn version_of(module: &str) -> Option<&'static str> {
    GO_MOD.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(module)).then(|| words.next()).flatten().filter(|version| version.starts_with('v'))
    })
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
    fn every_part_is_a_tool_of_the_module() {
        for part in Part::ALL {
            assert!(GO_MOD.lines().any(|line| line.trim() == part.package()), "{} is no tool line", part.package());
        }
    }

    #[test]
    fn the_key_names_version_and_target() {
        let key = key();
        assert!(key.starts_with(version_of("k8s.io/kubernetes").unwrap()), "{key}");
        assert!(key.contains(compile::go_os()), "{key}");
    }
}
