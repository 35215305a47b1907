//! Differences that somebody knows of, in a file: what is listed there fails no run, and what is listed and gone is told.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

/// Of the file.
const FORMAT: u32 = 1;
/// Bytes of a file at most.
const LONGEST: u64 = 4 * 1024 * 1024;
const HEAD: &str = "# Differences between the simulator and Azure that are known. `azure-sim check --known FILE` does not fail for them, and tells
# which are gone. `--update` writes this file anew; what `why` says stays.
";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    differences: Vec<Known>,
}

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Name of the probe.
    pub probe: String,
    /// Name of the step.
    pub step: String,
    /// What differs, as the report says it.
    pub what: String,
    /// What the simulator has there.
    pub simulator: String,
    /// What the endpoint has there.
    pub endpoint: String,
    /// Why it is so, or may stay so; for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl Known {
    /// Whether both are about the same thing, with the same values.
    pub(super) fn is(&self, other: &Self) -> bool {
        let key = |known: &Self| {
            let Self { probe, step, what, simulator, endpoint, why: _ } = known.clone();
            (probe, step, what, simulator, endpoint)
        };
        key(self) == key(other)
    }
}

/// What a file lists. One that is not there lists nothing, where it `may_be_new`.
///
/// # Errors
/// When it cannot be read, or is none of this format: which line is wrong.
pub(super) fn read(file: &Path, may_be_new: bool) -> anyhow::Result<Vec<Known>> {
    let which = || format!("the file of known differences, {}", file.display());
    let length = match std::fs::metadata(file) {
        Err(error) if may_be_new && error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(which)?.len(),
    };
    ensure!(length <= LONGEST, "{} is longer than {LONGEST} bytes", which());
    let text = std::fs::read_to_string(file).with_context(which)?;
    let read: Result<File, _> = serde_saphyr::from_str(&text);
    let read = read.map_err(|error| anyhow::anyhow!("{}", error.without_snippet())).with_context(which)?;
    ensure!(read.format == FORMAT, "{} has format {}, and this version knows {FORMAT}", which(), read.format);
    Ok(read.differences)
}

/// Writes the file anew.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(file: &Path, differences: Vec<Known>) -> anyhow::Result<()> {
    let text = serde_saphyr::to_string(&File { format: FORMAT, differences }).context("writing YAML")?;
    std::fs::write(file, HEAD.to_owned() + &text).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_no_list_is_told_by_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("known.yaml");
        assert!(read(&file, true).unwrap().is_empty());
        assert!(read(&file, false).is_err());
        let texts = ["a: b # c", "- x", "'", "\"\\", "yes", "201", "", "body /a/*/b"];
        let known = texts.map(|text| {
            let text = || text.to_owned();
            Known { probe: text(), step: text(), what: text(), simulator: text(), endpoint: text(), why: text() }
        });
        write(&file, known.to_vec()).unwrap();
        let again = read(&file, false).unwrap();
        assert!(known.iter().zip(&again).all(|(one, other)| one.is(other) && one.why == other.why), "{again:?}");
        for (text, part) in [("format: 2\ndifferences: []\n", "format 2"), ("format: 1\ndifference: []\n", "line 2")] {
            std::fs::write(&file, text).unwrap();
            let error = format!("{:#}", read(&file, true).unwrap_err());
            assert!(error.contains(part) && error.contains("known.yaml"), "{error}");
        }
    }
}
