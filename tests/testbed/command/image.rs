//! `testbed image`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use testbed::Image;

#[derive(Args)]
pub(crate) struct Pack {
    /// Its name and tag, such as `hello:1`; pods then say `node.local/hello:1`
    name: String,
    /// Static programs; a container runs the first
    #[arg(required = true)]
    programs: Vec<PathBuf>,
    /// Where to write the archive
    #[arg(long, short)]
    output: PathBuf,
}

impl Pack {
    pub(crate) fn run(self) -> Result<()> {
        let (name, tag) = self.name.split_once(':').context("the name has no tag: say NAME:TAG")?;
        let mut image = Image::new(name, tag).temporary_folder();
        for program in &self.programs {
            image = image.program(program)?;
        }
        image.write(&self.output)
    }
}
