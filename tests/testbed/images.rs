//! Container images from static programs, made without a container tool: one layer, and the same bytes every time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// Whom a container runs as unless told.
const NOBODY: u32 = 65_532;
/// Where programs of every origin look for certificates first.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";
const TYPES: &str = "application/vnd.oci.image";

/// An image to be: what is in it and how it is started.
#[derive(Clone, Debug)]
pub struct Image {
    name: String,
    /// Paths in the image without a leading slash, in the order of the archive.
    entries: BTreeMap<String, Entry>,
    entrypoint: Vec<String>,
    user: u32,
}

#[derive(Clone, Debug)]
enum Entry {
    Folder { mode: u32 },
    File { mode: u32, from: Source },
}

#[derive(Clone, Debug)]
enum Source {
    Disk(PathBuf),
    Memory(Vec<u8>),
}

impl Image {
    /// An image `node.local/NAME:TAG`. A name without a domain would be looked for at a public registry.
    pub fn new(name: &str, tag: &str) -> Self {
        let name = format!("node.local/{name}:{tag}");
        Self { name, entries: BTreeMap::new(), entrypoint: Vec::new(), user: NOBODY }
    }

    /// What a pod's `image` says.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts the static program at `path` into the root folder. The first one is what a container runs.
    pub fn program(self, path: &Path) -> Result<Self> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.with_context(|| format!("{} has no file name", path.display()))?;
        Ok(self.program_as(name, path))
    }

    /// As [`Image::program`], under another name.
    pub fn program_as(mut self, name: &str, path: &Path) -> Self {
        if self.entrypoint.is_empty() {
            self.entrypoint.push(format!("/{name}"));
        }
        self.entries.insert(name.to_owned(), Entry::File { mode: 0o755, from: Source::Disk(path.to_owned()) });
        self
    }

    /// What a container runs, in place of the first program alone.
    pub fn entrypoint<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.entrypoint = words.into_iter().map(Into::into).collect();
        self
    }

    /// Whom it runs as, and with which group; 65532 unless told.
    pub fn user(mut self, user: u32) -> Self {
        self.user = user;
        self
    }

    /// A file that all may read.
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        let from = Source::Memory(content.into());
        self.entries.insert(path.trim_start_matches('/').to_owned(), Entry::File { mode: 0o644, from });
        self
    }

    /// The authorities that a program trusts, as PEM.
    pub fn certificates(self, pem: impl Into<Vec<u8>>) -> Self {
        self.file(CERTIFICATES, pem)
    }

    /// `/tmp`, where all may write.
    pub fn temporary_folder(mut self) -> Self {
        self.entries.insert("tmp".to_owned(), Entry::Folder { mode: 0o1777 });
        self
    }

    /// Writes the image as an OCI archive.
    pub fn write(&self, archive: &Path) -> Result<()> {
        let bytes = self.archive().with_context(|| format!("making the image {}", self.name))?;
        fs::write(archive, bytes).with_context(|| format!("writing {}", archive.display()))
    }

    fn archive(&self) -> Result<Vec<u8>> {
        ensure!(!self.entrypoint.is_empty(), "it has no program");
        let layer = self.layer()?;
        let config = serde_json::to_vec(&json!({
            "architecture": crate::parts::go_arch(),
            "os": "linux",
            "config": {"Entrypoint": self.entrypoint, "User": format!("{0}:{0}", self.user)},
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        }))?;
        let manifest = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": format!("{TYPES}.manifest.v1+json"),
            "config": descriptor("config.v1+json", &config),
            "layers": [descriptor("layer.v1.tar", &layer)],
        }))?;
        let mut named = descriptor("manifest.v1+json", &manifest);
        if let Some(fields) = named.as_object_mut() {
            fields.insert("annotations".to_owned(), json!({"io.containerd.image.name": self.name}));
        }
        let index = serde_json::to_vec(&json!({"schemaVersion": 2, "manifests": [named]}))?;
        let mut archive = Builder::new(Vec::new());
        for blob in [&config, &layer, &manifest] {
            let name = format!("blobs/sha256/{}", digest(blob).trim_start_matches("sha256:"));
            append(&mut archive, &name, 0o644, EntryType::Regular, blob)?;
        }
        // For `docker load` and whatever is built on it. Who knows OCI's layout reads that.
        let blob = |bytes: &[u8]| format!("blobs/sha256/{}", digest(bytes).trim_start_matches("sha256:"));
        let loaded = json!([{"Config": blob(&config), "RepoTags": [self.name], "Layers": [blob(&layer)]}]);
        append(&mut archive, "manifest.json", 0o644, EntryType::Regular, &serde_json::to_vec(&loaded)?)?;
        append(&mut archive, "index.json", 0o644, EntryType::Regular, &index)?;
        append(&mut archive, "oci-layout", 0o644, EntryType::Regular, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(archive.into_inner()?)
    }

    fn layer(&self) -> Result<Vec<u8>> {
        let mut layer = Builder::new(Vec::new());
        for folder in self.parents() {
            append(&mut layer, &format!("{folder}/"), 0o755, EntryType::Directory, &[])?;
        }
        for (path, entry) in &self.entries {
            match entry {
                Entry::Folder { mode } => append(&mut layer, &format!("{path}/"), *mode, EntryType::Directory, &[])?,
                Entry::File { mode, from: Source::Memory(bytes) } => {
                    append(&mut layer, path, *mode, EntryType::Regular, bytes)?;
                }
                Entry::File { mode, from: Source::Disk(file) } => {
                    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
                    append(&mut layer, path, *mode, EntryType::Regular, &bytes)?;
                }
            }
        }
        Ok(layer.into_inner()?)
    }

    /// The folders that files lie in and that nobody asked for, outer ones first.
    fn parents(&self) -> Vec<String> {
        let ancestors = self.entries.keys().flat_map(|path| Path::new(path).ancestors().skip(1));
        let mut folders: Vec<String> = ancestors.map(|folder| folder.display().to_string()).collect();
        folders.retain(|folder| !folder.is_empty() && !self.entries.contains_key(folder));
        folders.sort();
        folders.dedup();
        folders
    }
}

/// No time and no owner of this machine: the same content is the same image.
fn append(archive: &mut Builder<Vec<u8>>, path: &str, mode: u32, kind: EntryType, bytes: &[u8]) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(u64::try_from(bytes.len())?);
    archive.append_data(&mut header, path, bytes).with_context(|| format!("adding {path}"))
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": format!("{TYPES}.{kind}"), "digest": digest(bytes), "size": bytes.len()})
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn files(archive: &[u8]) -> BTreeMap<String, (u32, Vec<u8>)> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap().map(Result::unwrap);
        let read = entries.map(|mut entry| {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            assert_eq!((entry.header().uid().unwrap(), entry.header().mtime().unwrap()), (0, 0));
            (entry.path().unwrap().display().to_string(), (entry.header().mode().unwrap(), bytes))
        });
        read.collect()
    }

    fn image(dir: &Path) -> Image {
        let program = dir.join("hello");
        fs::write(&program, "program").unwrap();
        let image = Image::new("hello", "1").program(&program).unwrap();
        image.temporary_folder().certificates("pem")
    }

    #[test]
    fn every_digest_is_the_one_of_its_blob_and_leads_to_the_program() {
        let dir = tempfile::tempdir().unwrap();
        let archive = files(&image(dir.path()).archive().unwrap());
        for (name, (_, bytes)) in archive.iter().filter(|(name, _)| name.starts_with("blobs/")) {
            assert!(digest(bytes).ends_with(name.rsplit('/').next().unwrap()));
        }
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap().replace(':', "/");
            archive[&format!("blobs/{digest}")].1.clone()
        };
        let index: Value = serde_json::from_slice(&archive["index.json"].1).unwrap();
        assert_eq!(index["manifests"][0]["annotations"]["io.containerd.image.name"], "node.local/hello:1");
        let manifest: Value = serde_json::from_slice(&blob(&index["manifests"][0])).unwrap();
        let config: Value = serde_json::from_slice(&blob(&manifest["config"])).unwrap();
        assert_eq!(config["config"], json!({"Entrypoint": ["/hello"], "User": "65532:65532"}));
        let loaded: Value = serde_json::from_slice(&archive["manifest.json"].1).unwrap();
        let path = |descriptor: &Value| format!("blobs/{}", descriptor["digest"].as_str().unwrap().replace(':', "/"));
        let (of_config, of_layer) = (path(&manifest["config"]), path(&manifest["layers"][0]));
        assert_eq!(loaded, json!([{"Config": of_config, "RepoTags": ["node.local/hello:1"], "Layers": [of_layer]}]));
        let layer = files(&blob(&manifest["layers"][0]));
        assert_eq!(layer["hello"], (0o755, b"program".to_vec()));
        assert_eq!(layer["tmp/"].0, 0o1777);
        assert_eq!(layer["etc/ssl/certs/ca-certificates.crt"], (0o644, b"pem".to_vec()));
        assert!(layer.contains_key("etc/") && layer.contains_key("etc/ssl/certs/"));
    }

    #[test]
    fn the_same_content_is_the_same_archive() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(image(one.path()).archive().unwrap() == image(two.path()).archive().unwrap());
    }

    #[test]
    fn an_image_without_a_program_is_refused() {
        let error = Image::new("empty", "1").temporary_folder().archive().unwrap_err();
        assert!(error.to_string().contains("no program"), "{error}");
    }
}
