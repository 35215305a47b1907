//! Volumes of a container, written to a folder as a kubelet writes them: files are links into a folder that is swapped at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{ConfigMap, Container, PodSpec, Secret, Volume};
use kube::Client;
use kube::api::Api;

/// Volumes that one container mounts.
pub struct Volumes {
    client: Client,
    namespace: String,
    /// Mount path, volume, folder on this machine.
    mounts: Vec<(String, Volume, PathBuf)>,
}

impl Volumes {
    pub fn of(client: &Client, namespace: &str, spec: &PodSpec, container: &Container, root: &Path) -> Self {
        let volume = |name: &str| spec.volumes.iter().flatten().find(|volume| volume.name == name);
        let mounts = container.volume_mounts.iter().flatten();
        let mounts = mounts.filter_map(|mount| {
            let folder = root.join(&mount.name);
            Some((mount.mount_path.clone(), volume(&mount.name)?.clone(), folder))
        });
        Self { client: client.clone(), namespace: namespace.to_owned(), mounts: mounts.collect() }
    }

    /// Folder on this machine that stands for one in the container.
    pub fn folder(&self, mount_path: &str) -> Option<PathBuf> {
        self.mounts.iter().find(|(path, ..)| path == mount_path).map(|(.., folder)| folder.clone())
    }

    /// Writes what changed.
    pub async fn write(&self) -> Result<()> {
        for (_, volume, folder) in &self.mounts {
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
            let files = self.files(volume).await?;
            if read(folder) != files {
                swap(folder, &files).with_context(|| format!("writing volume {}", volume.name))?;
            }
        }
        Ok(())
    }

    async fn files(&self, volume: &Volume) -> Result<BTreeMap<String, Vec<u8>>> {
        if let Some(source) = &volume.config_map {
            let found =
                Api::<ConfigMap>::namespaced(self.client.clone(), &self.namespace).get_opt(&source.name).await?;
            let Some(map) = found else {
                return missing(&format!("ConfigMap {}", source.name), source.optional);
            };
            return Ok(map.data.into_iter().flatten().map(|(key, text)| (key, text.into_bytes())).collect());
        }
        if let Some(source) = &volume.secret {
            let name = source.secret_name.clone().unwrap_or_default();
            let found = Api::<Secret>::namespaced(self.client.clone(), &self.namespace).get_opt(&name).await?;
            let Some(secret) = found else { return missing(&format!("Secret {name}"), source.optional) };
            return Ok(secret.data.into_iter().flatten().map(|(key, bytes)| (key, bytes.0)).collect());
        }
        if volume.empty_dir.is_some() {
            return Ok(BTreeMap::new());
        }
        bail!("volume {} is of a kind that nobody here stands for", volume.name)
    }
}

fn missing(what: &str, optional: Option<bool>) -> Result<BTreeMap<String, Vec<u8>>> {
    if optional.unwrap_or_default() { Ok(BTreeMap::new()) } else { bail!("{what} does not exist") }
}

const DATA: &str = "..data";

fn read(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder.join(DATA)).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, fs::read(entry.path()).ok()?))).collect()
}

/// Files into a new folder, `..data` onto it in one step, and a link for each file.
fn swap(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    let before = fs::read_link(folder.join(DATA)).ok();
    let number = fs::read_dir(folder)?.flatten().count() as u128 + u128::from(rand::random::<u64>());
    let fresh = format!("..{number}");
    fs::create_dir(folder.join(&fresh))?;
    for (name, content) in files {
        fs::write(folder.join(&fresh).join(name), content)?;
    }
    let next = folder.join("..data_tmp");
    let _ = fs::remove_file(&next);
    std::os::unix::fs::symlink(&fresh, &next)?;
    fs::rename(&next, folder.join(DATA))?;
    for name in files.keys() {
        let link = folder.join(name);
        if fs::symlink_metadata(&link).is_err() {
            std::os::unix::fs::symlink(Path::new(DATA).join(name), &link)?;
        }
    }
    for entry in fs::read_dir(folder)?.flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        if !name.starts_with("..") && !files.contains_key(&name) {
            fs::remove_file(entry.path())?;
        }
    }
    if let Some(before) = before {
        let _ = fs::remove_dir_all(folder.join(before));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_swapped_at_once_and_what_is_gone_goes() {
        let dir = tempfile::tempdir().unwrap();
        let files = |entries: &[(&str, &str)]| {
            entries
                .iter()
                .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
                .collect::<BTreeMap<_, _>>()
        };
        swap(dir.path(), &files(&[("current", "a"), ("next", "b")])).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("next")).unwrap(), "b");
        swap(dir.path(), &files(&[("current", "b")])).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("current")).unwrap(), "b");
        assert!(!dir.path().join("next").exists());
        assert_eq!(read(dir.path()), files(&[("current", "b")]));
        let folders = fs::read_dir(dir.path()).unwrap().flatten().filter(|entry| entry.file_type().unwrap().is_dir());
        assert_eq!(folders.count(), 1);
    }
}
