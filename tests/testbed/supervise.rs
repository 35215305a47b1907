//! Ties a child's life to its parent's: a `kill -9` of the parent runs no `Drop`, and must leave nothing behind.
//!
//! `unsafe` being forbidden, no code of ours can run between fork and exec. So the child is this crate's own program
//! first (`testbed supervise`), which asks the kernel for a signal at its parent's death and then becomes the real one:
//! exec keeps that wish. `setpriv` of util-linux does the same where the program is not built.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

/// A command that runs `program` and dies with the process that spawns it.
///
/// The kernel's wish is bound to the *thread* that spawns, so only [`crate::Process`] should spawn it: it does so from
/// a thread that lives as long as the process.
pub(crate) fn command(program: &OsStr) -> Command {
    let Some((supervisor, arguments)) = supervisor() else {
        return Command::new(program);
    };
    let mut command = Command::new(supervisor);
    command.args(arguments).arg("--").arg(program);
    command
}

/// Ours first: it notices a parent that died before the wish was made, which `setpriv` does not.
fn supervisor() -> Option<(PathBuf, Vec<String>)> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    if let Some(testbed) = crate::binaries::beside_this("testbed") {
        return Some((testbed, vec!["supervise".into(), "--parent".into(), std::process::id().to_string()]));
    }
    let setpriv = crate::binaries::on_path("setpriv")?;
    Some((setpriv, vec!["--pdeathsig".into(), "KILL".into()]))
}

/// Becomes `program`, to be killed when the process `parent` ends. Returns only on failure.
pub fn become_child_of(parent: u32, program: &OsStr, arguments: &[std::ffi::OsString]) -> anyhow::Error {
    if let Err(error) = die_with(parent) {
        return error;
    }
    let error = Command::new(program).args(arguments).exec();
    anyhow::Error::new(error).context(format!("could not start {}", program.display()))
}

#[cfg(target_os = "linux")]
fn die_with(parent: u32) -> anyhow::Result<()> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    // The parent may have died before the line above; then the signal never comes.
    anyhow::ensure!(std::os::unix::process::parent_id() == parent, "the process that asked for this one is gone");
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn die_with(_parent: u32) -> anyhow::Result<()> {
    Ok(())
}
