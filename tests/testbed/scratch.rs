//! Temporary folders that do not pile up, even after a `kill -9`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

const PREFIX: &str = "acs-testbed-";
const OWNER: &str = "owner.lock";
const KEPT: &str = "kept";
const BULKY: &str = "bulky";
/// Between making a folder and locking it, another process must not take it for abandoned.
const TOO_YOUNG_TO_SWEEP: Duration = Duration::from_secs(60);
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A folder that is removed when dropped, unless `KEEP` is set, [`Scratch::keep`] was called, or a panic is under way.
///
/// What is kept is kept for a day. Folders of processes that were killed are removed by the next one to make its own.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    keep: AtomicBool,
    /// Held, not read: the lock tells others that the owner lives.
    _owner: File,
}

impl Scratch {
    /// Makes a folder whose name contains `label`.
    pub fn new(label: &str) -> Result<Self> {
        let root = std::env::temp_dir();
        sweep(&root);
        let dir = tempfile::Builder::new().prefix(&format!("{PREFIX}{label}-")).tempdir_in(&root);
        let path = dir.with_context(|| format!("making a folder in {}", root.display()))?.keep();
        let owner = File::create(path.join(OWNER)).context("creating the owner's lock")?;
        owner.try_lock().context("locking a folder just made")?;
        Ok(Self { path, keep: AtomicBool::new(false), _owner: owner })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder in it for what is large and of no use to a reader of logs: never kept. Goes even after a `kill -9`, or
    /// at the end of a program that holds this in a `static`, which runs no `Drop` either.
    pub fn bulky(&self) -> Result<PathBuf> {
        let path = self.path.join(BULKY);
        fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        if let Some(testbed) = crate::binaries::beside_this("testbed") {
            let mut tidy = Command::new(testbed);
            tidy.arg("tidy").current_dir(&self.path);
            tidy.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            // Without it the folder is still swept by the next program to make one.
            let _ = crate::process::spawn_detached(tidy);
        }
        Ok(path)
    }

    /// Keeps the folder for a day, for someone to look at.
    pub fn keep(&self) {
        self.keep.store(true, Ordering::Relaxed);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let wanted = std::env::var_os("KEEP").is_some_and(|value| !value.is_empty() && value != "0");
        if wanted || self.keep.load(Ordering::Relaxed) || std::thread::panicking() {
            let _ = fs::remove_dir_all(self.path.join(BULKY));
            let _ = File::create(self.path.join(KEPT));
            eprintln!("logs kept for a day in {}", self.path.display());
        } else {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Waits in a [`Scratch`] for the end of its owner, then removes what is bulky. Logs stay: they are all that is left to
/// explain the end.
pub fn tidy(dir: &Path) -> Result<()> {
    let owner = File::open(dir.join(OWNER)).context("not the folder of a testbed")?;
    owner.lock().context("waiting for the owner to end")?;
    let bulky = dir.join(BULKY);
    // The store's own process dies with the owner, but may write for a moment yet.
    for _ in 0..50 {
        if !bulky.exists() || fs::remove_dir_all(&bulky).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    anyhow::bail!("{} could not be removed", bulky.display())
}

fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_abandoned(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_abandoned(dir: &Path) -> bool {
    let older_than = |path: &Path, age: Duration| {
        let modified = path.metadata().and_then(|meta| meta.modified()).ok();
        modified.and_then(|time| time.elapsed().ok()).is_some_and(|elapsed| elapsed > age)
    };
    let kept = dir.join(KEPT);
    if kept.exists() && !older_than(&kept, KEPT_FOR) {
        return false;
    }
    let Ok(owner) = File::open(dir.join(OWNER)) else {
        return older_than(dir, TOO_YOUNG_TO_SWEEP);
    };
    older_than(&dir.join(OWNER), TOO_YOUNG_TO_SWEEP) && owner.try_lock().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_folder_is_gone_and_a_kept_one_stays() {
        let gone = Scratch::new("unit").unwrap();
        let path = gone.path().to_owned();
        drop(gone);
        assert!(!path.exists());
        let kept = Scratch::new("unit").unwrap();
        let path = kept.path().to_owned();
        kept.keep();
        drop(kept);
        assert!(path.join(KEPT).exists());
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_folder_with_a_living_owner_is_not_abandoned() {
        let scratch = Scratch::new("unit").unwrap();
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
        let owner = File::options().write(true).open(scratch.path().join(OWNER)).unwrap();
        owner.set_modified(long_ago).unwrap();
        drop(owner);
        assert!(!is_abandoned(scratch.path()));
    }

    #[test]
    fn a_folder_whose_owner_is_gone_is_abandoned() {
        let dir = tempfile::tempdir().unwrap();
        let owner = File::create(dir.path().join(OWNER)).unwrap();
        owner.set_modified(std::time::SystemTime::now() - Duration::from_secs(3600)).unwrap();
        drop(owner);
        assert!(is_abandoned(dir.path()));
    }
}
