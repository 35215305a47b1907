//! Finds programs: on `PATH`, and those of this workspace beside the running one.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The first executable called `name` on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| is_executable(file))
}

/// A program of this workspace, built into the same target folder as the one that runs now.
///
/// `cargo test -p …` builds no programs of other crates: the error says what does. An environment variable named after
/// the program (`ACS_OPERATOR_BIN` for `acs-operator`) wins.
pub fn workspace(name: &str) -> Result<PathBuf> {
    let variable = format!("{}_BIN", name.to_uppercase().replace('-', "_"));
    if let Some(path) = std::env::var_os(&variable).filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    match beside_this(name) {
        Some(path) => Ok(path),
        None => bail!("the program {name} is not built: `cargo build --bin {name}`, or set {variable} to its path"),
    }
}

/// Cargo's target folder, `target` unless told otherwise, in which this program lies. What is built for a named target has a
/// folder of its own in it.
pub fn target_folder() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let place = this.ancestors().nth(2).context("this program lies in no target folder")?;
    let name = place.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let of_a_target = name.starts_with(&format!("{}-", std::env::consts::ARCH));
    Ok(place.parent().filter(|_| of_a_target).unwrap_or(place).to_owned())
}

/// Test programs lie in `target/<profile>/deps`, all others one folder up.
pub(crate) fn beside_this(name: &str) -> Option<PathBuf> {
    let this = std::env::current_exe().ok()?;
    this.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
