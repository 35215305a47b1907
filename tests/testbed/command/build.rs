//! `testbed build`.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum as _};
use testbed::Ground;
use testbed::parts::{self, Part};

#[derive(Args)]
pub(crate) struct Build {
    /// `bare` (an API server without nodes), `test` (bare and helm), `node` (real pods), `demo` (what the ground of
    /// CLUSTER and helm need), `e2e` (the same of a node, and what tests put into pods), `all`, or single parts such as `kwok`
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
    let node = || Part::BARE.into_iter().chain(Part::NODE);
    Ok(match target {
        "bare" => Part::BARE.to_vec(),
        "test" => Part::BARE.into_iter().chain([Part::Helm]).collect(),
        "node" => node().collect(),
        "e2e" if !matches!(Ground::from_environment(), Ground::Given(_)) => {
            node().chain([Part::Helm, Part::Probe]).collect()
        }
        "demo" | "e2e" => match Ground::from_environment() {
            Ground::Bare => Part::BARE.into_iter().chain([Part::Helm]).collect(),
            Ground::Node => node().chain([Part::Helm]).collect(),
            // A cluster that is given has all of it.
            _ => Vec::new(),
        },
        "all" => Part::ALL.into_iter().filter(|part| part.runs_here()).collect(),
        name => match Part::from_str(name, false) {
            Ok(part) => vec![part],
            Err(_) => {
                let known: Vec<&str> = Part::ALL.iter().map(|part| part.name()).collect();
                bail!("{name} is neither bare, test, node, demo, e2e, all nor a part ({})", known.join(", "))
            }
        },
    })
}
