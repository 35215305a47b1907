//! The Go modules that pin what is compiled.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::compile;

/// One Go module and everything compiled from it. Each has a folder of the cache of its own, so that a change of one
/// leaves the programs of the others as they are: the API server alone takes minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Module {
    /// Everything of Kubernetes and its store.
    Kubernetes,
    /// What runs containers.
    Containerd,
    /// Names in pods.
    Coredns,
    /// Small programs of our own that run in pods.
    Pods,
    /// Kinds of Gateway API: files to apply, nothing to compile.
    GatewayApi,
}

/// The Go module of Gateway API.
pub(super) const GATEWAY_API: &str = "sigs.k8s.io/gateway-api";

type File = (&'static str, &'static str);

const KUBERNETES: &[File] = &[("go.mod", include_str!("go.mod")), ("go.sum", include_str!("go.sum"))];
const CONTAINERD: &[File] =
    &[("go.mod", include_str!("containerd/go.mod")), ("go.sum", include_str!("containerd/go.sum"))];
const COREDNS: &[File] = &[
    ("go.mod", include_str!("coredns/go.mod")),
    ("go.sum", include_str!("coredns/go.sum")),
    ("main.go", include_str!("coredns/main.go")),
];
const PODS: &[File] = &[
    ("go.mod", include_str!("pods/go.mod")),
    ("pause/main.go", include_str!("pods/pause/main.go")),
    ("probe/main.go", include_str!("pods/probe/main.go")),
];

/// Of the newest version that the Go of this project can load: v1.7 asks for Go 1.27.
const GATEWAY_API_FILES: &[File] =
    &[("go.mod", include_str!("gateway-api/go.mod")), ("go.sum", include_str!("gateway-api/go.sum"))];

impl Module {
    const fn files(self) -> &'static [File] {
        match self {
            Module::Kubernetes => KUBERNETES,
            Module::Containerd => CONTAINERD,
            Module::Coredns => COREDNS,
            Module::Pods => PODS,
            Module::GatewayApi => GATEWAY_API_FILES,
        }
    }

    pub(super) fn go_mod(self) -> &'static str {
        self.files().first().map_or("", |(_, text)| text)
    }

    /// The version that its `go.mod` requires of `module`: the one place where versions are written.
    pub(super) fn version_of(self, module: &str) -> Option<&'static str> {
        self.go_mod().lines().find_map(|line| {
            let mut words = line.trim_start().trim_start_matches("require ").split_whitespace();
            (words.next() == Some(module)).then(|| words.next()).flatten().filter(|version| version.starts_with('v'))
        })
    }

    /// Readable version first, then a hash over everything that changes a binary.
    pub(super) fn key(self) -> String {
        let target = format!("{}-{}", compile::go_os(), compile::go_arch());
        let flags = self.linker_flags();
        let mut hash = Sha256::new();
        for input in self.files().iter().map(|(_, text)| *text).chain([flags.as_str(), &target]) {
            hash.update(input.as_bytes());
            hash.update([0]);
        }
        let digest: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{target}-{digest}", self.title())
    }

    fn title(self) -> String {
        let named = |name: &str, module: &str| format!("{name}-{}", self.version_of(module).unwrap_or("unknown"));
        match self {
            Module::Kubernetes => self.version_of("k8s.io/kubernetes").unwrap_or("unknown").to_owned(),
            Module::Containerd => named("containerd", "github.com/containerd/containerd/v2"),
            Module::Coredns => named("coredns", "github.com/coredns/coredns"),
            Module::Pods => "pods".to_owned(),
            Module::GatewayApi => named("gateway-api", GATEWAY_API),
        }
    }

    /// Without the version a Kubernetes binary calls itself v0.0.0, and clients misjudge it.
    pub(super) fn linker_flags(self) -> String {
        let version = |module| self.version_of(module).unwrap_or("v0.0.0");
        match self {
            Module::Kubernetes => {
                let (kubernetes, helm) = (version("k8s.io/kubernetes"), version("helm.sh/helm/v4"));
                let mut numbers = kubernetes.trim_start_matches('v').split('.');
                let (major, minor) = (numbers.next().unwrap_or("0"), numbers.next().unwrap_or("0"));
                let package = "k8s.io/component-base/version";
                format!(
                    "-s -w -X {package}.gitVersion={kubernetes} -X {package}.gitMajor={major} \
                     -X {package}.gitMinor={minor} -X helm.sh/helm/v4/internal/version.version={helm}"
                )
            }
            Module::Containerd => {
                let package = "github.com/containerd/containerd/v2";
                format!("-s -w -X {package}/version.Version={}", version(package))
            }
            Module::Coredns | Module::Pods | Module::GatewayApi => "-s -w".to_owned(),
        }
    }

    /// Puts the module's files into `folder`, where Go can build them.
    pub(super) fn write(self, folder: &Path) -> Result<()> {
        for (name, text) in self.files() {
            let file = folder.join(name);
            if let Some(parent) = file.parent() {
                fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
            }
            fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_a_block_and_on_a_line_of_its_own() {
        assert!(Module::Kubernetes.version_of("k8s.io/kubernetes").unwrap().starts_with("v1."));
        assert!(Module::Containerd.version_of("github.com/containerd/containerd/v2").unwrap().starts_with("v2."));
        assert!(Module::Coredns.version_of("github.com/coredns/coredns").unwrap().starts_with("v1."));
        assert!(Module::GatewayApi.version_of(GATEWAY_API).unwrap().starts_with("v1."));
    }

    #[test]
    fn no_two_modules_share_a_folder() {
        let all = [Module::Kubernetes, Module::Containerd, Module::Coredns, Module::Pods, Module::GatewayApi];
        let mut keys = all.map(Module::key).to_vec();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all.len());
    }
}
