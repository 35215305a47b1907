//! `testbed demo`: the whole product on a real API server, each claim looked at where it has to show.

pub(super) mod crash;
pub(super) mod creation;
mod deletion;
mod drift;
mod inventory;
mod relay;
mod rotation;

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::installation::Options;
use super::quickstart::Identity;
use super::show::Output;
use super::story::{self, Story};

/// A hundred times faster than Azure: ten minutes are six seconds.
pub(super) const SCALE: f64 = 0.01;
pub(super) const PERMILLE: u64 = 10;

#[derive(Args)]
pub(crate) struct Demo {
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

impl Demo {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let options =
            Options { label: "demo", profile: "azure", scale: SCALE, permille: PERMILLE, azure_args: Vec::new() };
        let first = "acs-operator on a real Kubernetes API server, against a simulated Azure.";
        story::perform(self.output, first, options, Identity::Principal, tell).await
    }
}

async fn tell(story: &mut Story<'_>) -> Result<()> {
    Box::pin(creation::create(story)).await?;
    Box::pin(inventory::look(story)).await?;
    Box::pin(creation::call(story)).await?;
    Box::pin(relay::relay(story)).await?;
    Box::pin(drift::tags(story)).await?;
    Box::pin(drift::link(story)).await?;
    Box::pin(rotation::rotate(story)).await?;
    Box::pin(rotation::regenerate(story)).await?;
    Box::pin(crash::crash(story)).await?;
    Box::pin(deletion::delete(story)).await
}
