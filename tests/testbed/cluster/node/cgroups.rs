//! The part of the cgroup tree that a node's pods live in. No namespace takes it along, so it is removed by hand.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What kubelet limits or counts.
const CONTROLLERS: [&str; 5] = ["cpuset", "cpu", "io", "memory", "pids"];

/// How this machine has its cgroups.
#[derive(Debug, PartialEq, Eq)]
enum Layout {
    /// One tree for all.
    V2(PathBuf),
    /// A tree for each controller.
    V1(Vec<PathBuf>),
}

/// The roots of the trees that are mounted here; one sentence if there are none.
fn layout() -> Result<Layout> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("reading the mounts of this machine")?;
    layout_of(&mounts).context("no cgroups are mounted on this machine, and a node needs them for its pods")
}

pub(super) fn check() -> Result<()> {
    layout().map(drop)
}

fn layout_of(mounts: &str) -> Option<Layout> {
    let of_type = |wanted: &str| -> Vec<PathBuf> {
        let lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        lines
            .filter(|words| words.get(2) == Some(&wanted))
            .filter_map(|words| words.get(1).map(PathBuf::from))
            .collect()
    };
    // A tree of the second kind *beside* trees of the first holds no controllers.
    match (of_type("cgroup"), of_type("cgroup2").into_iter().next()) {
        (v1, _) if !v1.is_empty() => Some(Layout::V1(v1)),
        (_, Some(root)) => Some(Layout::V2(root)),
        _ => None,
    }
}

/// Makes the folders called `name`; what a killed node left there goes first.
pub(super) fn make(name: &str) -> Result<()> {
    remove(name, Duration::from_secs(2))?;
    let make = |root: &Path| {
        let folder = root.join(name);
        fs::create_dir(&folder).with_context(|| format!("making the cgroup {}", folder.display()))?;
        Ok::<_, anyhow::Error>(folder)
    };
    match layout()? {
        Layout::V2(root) => {
            delegate(&root)?;
            delegate(&make(&root)?)
        }
        Layout::V1(roots) => roots.iter().try_for_each(|root| copy_cpuset(root, &make(root)?)),
    }
}

/// Hands the controllers that there are on to the groups below.
fn delegate(group: &Path) -> Result<()> {
    let present = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    for controller in CONTROLLERS.into_iter().filter(|name| present.split_whitespace().any(|word| word == *name)) {
        fs::write(group.join("cgroup.subtree_control"), format!("+{controller}")).with_context(|| {
            format!(
                "the cgroup controller {controller} cannot be handed on below {} (in a container, its own processes are \
                 in the way)",
                group.display()
            )
        })?;
    }
    Ok(())
}

/// A new cpuset of the first kind allows nothing, and no process can be put into it.
fn copy_cpuset(root: &Path, group: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let Ok(value) = fs::read_to_string(root.join(file)) else { continue };
        fs::write(group.join(file), value).with_context(|| format!("setting {file} of {}", group.display()))?;
    }
    Ok(())
}

/// Removes the folders called `name` and everything in them; what still ends in them is waited for.
pub(super) fn remove(name: &str, patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    for folder in folders(name) {
        while let Err(error) = remove_tree(&folder) {
            if Instant::now() >= deadline {
                bail!("the cgroup {} could not be removed: {error}", folder.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

/// Every folder of that name, whoever made it: kubelet makes some in trees that nobody asked it to.
fn folders(name: &str) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let cgroups = lines.filter(|words| words.get(2).is_some_and(|kind| kind.starts_with("cgroup")));
    let roots = cgroups.filter_map(|words| words.get(1).map(PathBuf::from));
    roots.map(|root| root.join(name)).filter(|folder| folder.exists()).collect()
}

fn remove_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

/// The processes of one container, by the id that its pod's status gives.
pub(super) fn processes(name: &str, container: &str) -> Vec<u32> {
    let group = folders(name).iter().find_map(|folder| find(folder, container));
    let list = group.and_then(|group| fs::read_to_string(group.join("cgroup.procs")).ok()).unwrap_or_default();
    list.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

fn find(folder: &Path, wanted: &str) -> Option<PathBuf> {
    let folders =
        fs::read_dir(folder).ok()?.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut folders = folders.map(|entry| entry.path());
    folders.find_map(|path| if path.ends_with(wanted) { Some(path) } else { find(&path, wanted) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tree_or_many() {
        let v2 = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
        assert_eq!(layout_of(v2), Some(Layout::V2("/sys/fs/cgroup".into())));
        let v1 = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                  cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(layout_of(v1), Some(Layout::V1(vec!["/sys/fs/cgroup/cpu".into(), "/sys/fs/cgroup/memory".into()])));
        assert_eq!(layout_of("proc /proc proc rw 0 0\n"), None);
    }
}
