//! `testbed build`.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum as _};
use testbed::Ground;
use testbed::parts::{self, Part};

#[derive(Args)]
pub(crate) struct Build {
    /// `bare` (an API server without nodes), `test` or `demo` (bare and helm), `all`, or single parts such as `kwok`
    #[arg(default_value = "bare")]
    targets: Vec<String>,
}

impl Build {
    pub(crate) fn run(self) -> Result<()> {
        let mut wanted = Vec::new();
        for target in &self.targets {
            wanted.extend(parts_of(target)?);
        }
        wanted.sort_unstable();
        wanted.dedup();
        for (part, path) in parts::ensure(&wanted)?.iter() {
            println!("{}\t{}", part.name(), path.display());
        }
        Ok(())
    }
}

fn parts_of(target: &str) -> Result<Vec<Part>> {
    Ok(match target {
        // A cluster that is given has all of it.
        "demo" if Ground::from_environment() != Ground::Bare => Vec::new(),
        "bare" => Part::BARE.to_vec(),
        "demo" | "test" => Part::BARE.into_iter().chain([Part::Helm]).collect(),
        "all" => Part::ALL.to_vec(),
        name => match Part::from_str(name, false) {
            Ok(part) => vec![part],
            Err(_) => {
                let known: Vec<&str> = Part::ALL.iter().map(|part| part.name()).collect();
                bail!("{name} is neither bare, demo, test, all nor a part ({})", known.join(", "))
            }
        },
    })
}
