//! Answers of a run before, instead of an endpoint: who corrects the simulator needs no subscription.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::side::{Ended, Outcome, Seen};

/// Of a recording.
pub(super) const FORMAT: u32 = 2;
/// Beside the recordings: what came of the run.
pub(super) const REPORT: &str = "report.json";
/// Files in a directory at most.
const MOST: usize = 5000;
/// Bytes of one at most.
const LONGEST: u64 = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct Recording {
    format: u32,
    probe: String,
    step: String,
    endpoint: Value,
}

#[derive(Deserialize)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
    #[serde(default, rename = "isText")]
    is_text: bool,
}

#[derive(Deserialize)]
struct Operation {
    #[serde(rename = "followedBy")]
    by: String,
    state: String,
    last: Answer,
}

#[derive(Deserialize)]
struct Told {
    answer: Answer,
    operation: Option<Operation>,
    seconds: Option<u64>,
}

/// What an endpoint answered, by probe and step.
pub(super) struct Replay(BTreeMap<(String, String), Outcome>);

impl Replay {
    /// # Errors
    /// When the directory cannot be read, holds no recordings, or one that this version does not know.
    pub(super) fn of(dir: &Path) -> anyhow::Result<Self> {
        let mut all = BTreeMap::new();
        for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
            let file = entry?.path();
            let is_ours = file.extension().is_some_and(|end| end == "json") && !file.ends_with(REPORT);
            if !is_ours {
                continue;
            }
            ensure!(all.len() < MOST, "{} has more than {MOST} files", dir.display());
            let (key, outcome) = one(&file).with_context(|| format!("the recording {}", file.display()))?;
            all.insert(key, outcome);
        }
        ensure!(!all.is_empty(), "{} has no recordings: `azure-sim check --record` makes them", dir.display());
        Ok(Self(all))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn has_probe(&self, name: &str) -> bool {
        self.0.keys().any(|(probe, _)| probe == name)
    }

    pub(super) fn get(&self, probe: &str, step: String) -> Option<&Outcome> {
        self.0.get(&(probe.to_owned(), step))
    }
}

fn one(file: &Path) -> anyhow::Result<((String, String), Outcome)> {
    ensure!(std::fs::metadata(file)?.len() <= LONGEST, "it is longer than {LONGEST} bytes");
    let recording: Recording = serde_json::from_slice(&std::fs::read(file)?)?;
    if recording.format != FORMAT {
        bail!("it has format {}, and this version of azure-sim knows {FORMAT}", recording.format);
    }
    Ok(((recording.probe, recording.step), read(&recording.endpoint)?))
}

/// An outcome that was written down, as one that can be compared.
///
/// # Errors
/// When it is none.
pub(super) fn read(told: &Value) -> anyhow::Result<Outcome> {
    let Told { answer, operation, seconds } = Told::deserialize(told)?;
    let ended = match operation {
        None => None,
        Some(Operation { by, state, last }) => {
            let by = match by.as_str() {
                "Location" => "Location",
                "Azure-AsyncOperation" => "Azure-AsyncOperation",
                other => bail!("no operation is followed by '{other}'"),
            };
            Some(Ended { by, state, last: seen(last) })
        }
    };
    Ok(Outcome { first: seen(answer), ended, took: seconds.map(Duration::from_secs) })
}

fn seen(answer: Answer) -> Seen {
    let Answer { status, headers, body, is_text } = answer;
    let body = match body {
        Value::Null if is_text => b"no JSON".to_vec(),
        Value::Null => Vec::new(),
        body => body.to_string().into_bytes(),
    };
    Seen { status, headers, body }
}
