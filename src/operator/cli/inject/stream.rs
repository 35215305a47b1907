//! A stream of YAML documents, of which those that nobody changes stay as they are, to the byte.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// One document of a stream, with the line of dashes before it.
pub(super) struct Piece<'a> {
    text: &'a str,
    /// Line in the stream at which it begins, from 1.
    pub(super) line: usize,
}

/// Cuts a stream into its documents. Dashes at the start of a line can be nothing else: content of a block is indented.
pub(super) fn pieces(stream: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut start, mut first_line) = (0, 1);
    let mut offset = 0;
    for (number, line) in stream.split_inclusive('\n').enumerate() {
        if offset > start && is_separator(line) {
            found.extend(stream.get(start..offset).map(|text| Piece { text, line: first_line }));
            (start, first_line) = (offset, number + 1);
        }
        offset += line.len();
    }
    found.extend(stream.get(start..).filter(|text| !text.is_empty()).map(|text| Piece { text, line: first_line }));
    found
}

fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

impl Piece<'_> {
    /// What it says; null for one of comments only.
    pub(super) fn parse(&self) -> Result<Value> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(self.text)
            .with_context(|| format!("the YAML document that begins in line {}", self.line))?;
        ensure!(documents.len() <= 1, "the YAML document that begins in line {} is several", self.line);
        Ok(documents.into_iter().next().unwrap_or_default())
    }

    /// As it was.
    pub(super) fn text(&self) -> &str {
        self.text
    }

    /// Another value in its place. Comments above it stay; those inside are lost.
    pub(super) fn replaced_by(&self, value: &Value) -> Result<String> {
        let head = |line: &&str| is_separator(line) || line.trim().is_empty() || line.trim_start().starts_with('#');
        let mut text: String = self.text.split_inclusive('\n').take_while(head).collect();
        text.push_str(&write(value)?);
        Ok(text)
    }
}

/// YAML that reads back as the same value. What is applied to a cluster must not depend on a quote that was forgotten.
fn write(value: &Value) -> Result<String> {
    let mut text = serde_saphyr::to_string(value).context("writing YAML")?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let read: Value = serde_saphyr::from_str(&text).context("reading back what was written")?;
    ensure!(read == *value, "a value of this manifest does not survive being written as YAML");
    Ok(text)
}
