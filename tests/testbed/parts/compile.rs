//! Compiles parts with the Go tool chain.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::progress::Progress;
use super::{Part, bin_dir_of, cache_root};

const NO_GO: &str = "the parts of the test cluster have to be compiled once and `go` was not found: install Go 1.26 or \
     newer, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl, or set CLUSTER to the \
     kubeconfig of a cluster you have";

/// Builds every part of `missing` into the cache. One build at a time on this machine: a second process waits.
pub(super) fn build(missing: &[Part]) -> Result<()> {
    let go = crate::binaries::on_path("go").with_context(|| no_go(missing))?;
    let root = cache_root()?;
    fs::create_dir_all(&root).with_context(|| format!("creating {}", root.display()))?;
    let lock = lock(&root)?;
    // Whoever held the lock before may have built what is missing here.
    let missing: Vec<Part> = missing.iter().copied().filter(|part| super::find(*part).is_none()).collect();
    let progress = Progress::start(&missing);
    for part in missing {
        let bin = bin_dir_of(part.module())?;
        fs::create_dir_all(&bin).with_context(|| format!("creating {}", bin.display()))?;
        let module = bin.with_file_name("module");
        part.module().write(&module)?;
        compile(&go, &module, &bin, part, &lock, &progress)?;
    }
    Ok(())
}

/// Says which parts are in the way: with KUBEBUILDER_ASSETS set, only those that it does not cover.
fn no_go(missing: &[Part]) -> String {
    let names: Vec<&str> = missing.iter().map(|part| part.name()).collect();
    format!("{NO_GO} (missing: {})", names.join(", "))
}

pub(super) fn lock(root: &Path) -> Result<File> {
    let path = root.join("build.lock");
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    if file.try_lock().is_err() {
        let _ = writeln!(std::io::stderr(), "another process is building the cluster's parts; waiting for it");
        file.lock().with_context(|| format!("locking {}", path.display()))?;
    }
    Ok(file)
}

fn compile(go: &Path, module: &Path, bin: &Path, part: Part, lock: &File, progress: &Progress) -> Result<()> {
    let unfinished = bin.join(format!("{}.new", part.name()));
    let log = bin.with_file_name(format!("{}.log", part.name()));
    let step = progress.begin(part);
    let mut child = Command::new(go)
        .args(["build", "-trimpath", "-ldflags", &part.module().linker_flags(), "-o"])
        .arg(&unfinished)
        .arg(part.package())
        .current_dir(module)
        .envs([("CGO_ENABLED", "0"), ("GOWORK", "off"), ("GOFLAGS", "-mod=readonly")])
        // The same open file as the lock: should this process be killed, the lock lives until go itself has ended,
        // and nobody else writes the same file meanwhile.
        .stdin(Stdio::from(lock.try_clone().context("sharing the build lock")?))
        .stdout(Stdio::null())
        .stderr(File::create(&log).with_context(|| format!("creating {}", log.display()))?)
        .spawn()
        .with_context(|| format!("starting {}", go.display()))?;
    let status = loop {
        match child.try_wait().context("waiting for go")? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(200)),
        }
        step.tick();
    };
    if !status.success() {
        step.failed();
        bail!("go could not build {}:\n{}", part.name(), crate::tail::tail(&log, 30));
    }
    fs::rename(&unfinished, bin.join(part.name())).with_context(|| format!("putting {} in place", part.name()))?;
    step.done();
    Ok(())
}

/// Go's name of this operating system.
pub(super) fn go_os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// Go's name of this architecture.
pub(super) fn go_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
