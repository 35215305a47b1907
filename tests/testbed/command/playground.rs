//! `testbed playground`.
use anyhow::Result;
use clap::Args;
use std::process::ExitCode;
#[derive(Args)]
pub(crate) struct Playground {}
impl Playground {
    pub(crate) async fn run(self) -> Result<ExitCode> { Ok(ExitCode::SUCCESS) }
}
