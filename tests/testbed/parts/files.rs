//! Files of Go modules that are used as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::module::{GATEWAY_API, Module};
use super::{bin_dir_of, cache_root, compile};

/// The CRDs of the standard channel: what a cluster with Gateway API has at the least.
const CRDS: &str = "config/crd/standard";

/// The folder with the CRDs of Gateway API. Blocks: the first time their Go module is downloaded, and checked against the sum
/// that is pinned beside the version.
///
/// # Errors
/// Without Go, or when the module cannot be had.
pub fn gateway_api() -> Result<PathBuf> {
    let bin = bin_dir_of(Module::GatewayApi)?;
    let crds = bin.with_file_name("crds");
    if crds.is_dir() {
        return Ok(crds);
    }
    let go = crate::binaries::on_path("go").context(
        "the CRDs of Gateway API are taken from its Go module once and `go` was not found: install Go 1.26 or newer",
    )?;
    let root = cache_root()?;
    fs::create_dir_all(&root).with_context(|| format!("creating {}", root.display()))?;
    let _lock = compile::lock(&root)?;
    // Whoever held the lock before may have brought them.
    if !crds.is_dir() {
        let module = bin.with_file_name("module");
        Module::GatewayApi.write(&module)?;
        let source = download(&go, &module, GATEWAY_API)?.join(CRDS);
        let unfinished = bin.with_file_name("crds.new");
        copy_yaml(&source, &unfinished)?;
        fs::rename(&unfinished, &crds).with_context(|| format!("putting {} in place", crds.display()))?;
    }
    Ok(crds)
}

/// Where Go keeps the files of the module of that name, in the version that the `go.mod` in `folder` requires.
fn download(go: &Path, folder: &Path, name: &str) -> Result<PathBuf> {
    let output = Command::new(go)
        .args(["mod", "download", "-json", name])
        .current_dir(folder)
        .envs([("GOWORK", "off"), ("GOFLAGS", "-mod=readonly")])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", go.display()))?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let text = |member: &str| answer.get(member).and_then(serde_json::Value::as_str).map(str::to_owned);
    if let Some(error) = text("Error") {
        bail!("go could not download {name}: {error}");
    }
    ensure!(
        output.status.success(),
        "go could not download {name}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    text("Dir").map(PathBuf::from).with_context(|| format!("go does not say where it put {name}"))
}

fn copy_yaml(from: &Path, to: &Path) -> Result<()> {
    // What an interrupted copy left.
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).with_context(|| format!("creating {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            let copy = to.join(path.file_name().unwrap_or_default());
            // Written, not copied: Go keeps its files unwritable, and so would be the copies.
            fs::write(&copy, text).with_context(|| format!("writing {}", copy.display()))?;
        }
    }
    Ok(())
}
