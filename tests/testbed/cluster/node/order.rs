//! What the fixture says to pid 1 of a node: one JSON object a line, on its standard input. The end of that input is
//! the end of the node, so that nothing survives the program that started it.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A program to run for as long as the node lives.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// Names its log.
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// Where it looks for programs; the rest of its environment is empty.
    pub(super) path: String,
}

impl Order {
    pub(super) fn send(&self, mut pipe: &std::io::PipeWriter) -> Result<()> {
        let mut line = serde_json::to_string(self)?;
        line.push('\n');
        pipe.write_all(line.as_bytes()).with_context(|| format!("telling the node to start {}", self.name))
    }
}

/// What the keeper says once, when the node's namespaces and its network are there.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Made {
    /// Which of the networks it got.
    pub(super) number: u8,
    /// Its pid 1, as this machine counts.
    pub(super) init: u32,
}
