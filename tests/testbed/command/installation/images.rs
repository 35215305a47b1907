//! Images of what runs in pods, and how a cluster comes by them.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use testbed::{Cluster, Ground, Image, binaries};
use tokio::process::Command;

use crate::command::show::Show;

/// Tag of every image, unless `IMAGE_TAG` says another.
const TAG: &str = "e2e";
/// Where images are that no registry has.
const LOCAL: &str = "node.local";
/// What becomes an image, by the name of the program.
const PROGRAMS: [&str; 3] = ["acs-operator", "acs-relay", "sample-app"];
/// What stands for the path of an archive in `IMAGE_LOAD`.
const ARCHIVE: &str = "{}";

/// How a cluster's pods get images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Images {
    /// They are brought onto the node that was started here.
    Node,
    /// A command of the shell takes one archive after the other onto the nodes: `kind load image-archive {}`.
    Load(String),
    /// They are in a registry already, below that name and under that tag.
    Registry {
        /// Registry, and what else comes before the name of the program.
        prefix: String,
        /// Tag of all of them.
        tag: String,
    },
}

impl Images {
    /// What the environment says for a given cluster; none where pods of this project cannot run.
    ///
    /// # Errors
    /// When it says something that cannot be meant.
    pub(crate) fn for_ground(ground: &Ground) -> Result<Option<Self>> {
        match ground {
            Ground::Node => Ok(Some(Images::Node)),
            Ground::Given(_) => {
                let images = Self::given(variable("IMAGE_LOAD"), variable("IMAGE_PREFIX"), variable("IMAGE_TAG"))?;
                let loaded = matches!(images, Some(Images::Load(_)));
                ensure!(
                    cfg!(target_os = "linux") || !loaded,
                    "IMAGE_LOAD takes images that are made of the programs built here, and these are none of Linux: build them with the Dockerfile, and set IMAGE_PREFIX"
                );
                Ok(images)
            }
            _ => Ok(None),
        }
    }

    fn given(load: Option<String>, prefix: Option<String>, tag: Option<String>) -> Result<Option<Self>> {
        match (load, prefix) {
            (Some(_), Some(_)) => bail!(
                "IMAGE_LOAD and IMAGE_PREFIX are both set: the one loads images, the other names those in a registry"
            ),
            (Some(load), None) => {
                ensure!(
                    load.contains(ARCHIVE),
                    "IMAGE_LOAD has no {ARCHIVE} for the path of an archive; example: IMAGE_LOAD='kind load image-archive {ARCHIVE}'"
                );
                ensure!(tag.is_none(), "IMAGE_TAG goes with IMAGE_PREFIX; images that are loaded have the tag {TAG}");
                Ok(Some(Images::Load(load)))
            }
            (None, Some(prefix)) => {
                let prefix = prefix.trim_end_matches('/').to_owned();
                Ok(Some(Images::Registry { prefix, tag: tag.unwrap_or_else(|| TAG.to_owned()) }))
            }
            (None, None) => Ok(None),
        }
    }

    /// What comes before the name of a program.
    pub(crate) fn prefix(&self) -> &str {
        match self {
            Images::Node | Images::Load(_) => LOCAL,
            Images::Registry { prefix, .. } => prefix,
        }
    }

    /// Tag of all of them.
    pub(crate) fn tag(&self) -> &str {
        match self {
            Images::Node | Images::Load(_) => TAG,
            Images::Registry { tag, .. } => tag,
        }
    }

    /// Name of the image of a program.
    pub(crate) fn name(&self, program: &str) -> String {
        format!("{}/{program}:{}", self.prefix(), self.tag())
    }

    /// Brings them to where pods find them.
    pub(super) async fn bring(&self, show: &mut Show, cluster: &Cluster) -> Result<()> {
        let all = PROGRAMS.join(", ");
        match self {
            Images::Node => {
                let work = async {
                    for program in PROGRAMS {
                        cluster.import(&image_of(program)?).await?;
                    }
                    anyhow::Ok(())
                };
                show.step(&format!("images of {all}"), work).await
            }
            Images::Load(command) => {
                let work = async {
                    for program in PROGRAMS {
                        load(command, &image_of(program)?, &cluster.dir().join(format!("{program}.tar"))).await?;
                    }
                    anyhow::Ok(())
                };
                show.step(&format!("images of {all}, by {command}"), Box::pin(work)).await?;
                show.detail(&format!("they stay on the nodes, as {LOCAL}/…:{TAG}"));
                Ok(())
            }
            Images::Registry { prefix, tag } => {
                show.detail(&format!("images of {all}: {prefix}/…:{tag}, as they are there"));
                Ok(())
            }
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn image_of(program: &str) -> Result<Image> {
    Image::new(program, TAG).program(&binaries::workspace(program)?)
}

async fn load(command: &str, image: &Image, archive: &Path) -> Result<()> {
    let (written, path) = (image.clone(), archive.to_owned());
    tokio::task::spawn_blocking(move || written.write(&path)).await??;
    let path = archive.to_str().context("the path of an image is not UTF-8")?;
    let command = command.replace(ARCHIVE, &format!("'{}'", path.replace('\'', r"'\''")));
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", &command]).stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.context("starting sh")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "IMAGE_LOAD failed: `{command}`: {}", said.trim());
    let _ = std::fs::remove_file(archive);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(load: Option<&str>, prefix: Option<&str>, tag: Option<&str>) -> Result<Option<Images>> {
        Images::given(load.map(str::to_owned), prefix.map(str::to_owned), tag.map(str::to_owned))
    }

    #[test]
    fn images_are_loaded_or_in_a_registry_and_never_both() {
        let loaded = given(Some("kind load image-archive {}"), None, None).unwrap().unwrap();
        assert_eq!(loaded.name("acs-relay"), "node.local/acs-relay:e2e");
        let pulled = given(None, Some("registry.example:5000/team/"), Some("v1")).unwrap().unwrap();
        assert_eq!(pulled.name("acs-relay"), "registry.example:5000/team/acs-relay:v1");
        assert_eq!(given(None, None, None).unwrap(), None);
        assert!(given(Some("load {}"), Some("registry.example"), None).is_err());
        assert!(
            given(Some("kind load image-archive"), None, None)
                .unwrap_err()
                .to_string()
                .contains("kind load image-archive {}")
        );
        assert!(given(Some("load {}"), None, Some("v1")).is_err());
    }
}
