//! What was found, for people and for programs, and as recordings.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use console::Style;
use serde::Serialize;
use serde_json::{Value, json};

use super::Options;
use super::compare::{self, Difference};
use super::probe::Step;
use super::record::Sanitiser;
use super::side::Outcome;

/// All probes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    endpoint: String,
    wrote: bool,
    /// Requests over the network.
    pub(super) requests: u32,
    pub(super) probes: Vec<Checked>,
    #[serde(skip)]
    recordings: Option<(PathBuf, Sanitiser)>,
    #[serde(skip)]
    recorded: u32,
}

/// One probe.
#[derive(Serialize)]
pub struct Checked {
    name: &'static str,
    /// Steps that were performed on both sides.
    pub(super) steps: usize,
    /// Steps left out, because only one side let an earlier one pass.
    pub(super) skipped: usize,
    differing: Vec<Differing>,
}

/// A step whose answers differ.
#[derive(Serialize)]
struct Differing {
    step: String,
    method: &'static str,
    differences: Vec<Difference>,
}

impl Checked {
    pub(super) fn of(name: &'static str) -> Self {
        Self { name, steps: 0, skipped: 0, differing: Vec::new() }
    }

    pub(super) fn add(&mut self, step: &Step, differences: Vec<Difference>) {
        self.steps += 1;
        if !differences.is_empty() {
            self.differing.push(Differing { step: step.name(), method: step.method(), differences });
        }
    }
}

impl Report {
    pub(super) fn new(options: &Options) -> Self {
        let names = [Some((options.subscription.clone(), "SUBSCRIPTION")), options.write.clone().map(|g| (g, "GROUP"))];
        let tenant = options.tenant.clone().map(|tenant| (tenant, "TENANT"));
        let suffix = options
            .write
            .as_ref()
            .and_then(|group| Some((group.get(group.len().checked_sub(8)?..)?.to_owned(), "RANDOM")));
        let names = names.into_iter().chain([tenant, suffix]).flatten();
        let names = names.map(|(name, stand_in)| (name, stand_in.to_owned())).collect();
        Self {
            endpoint: options.endpoint.clone(),
            wrote: options.write.is_some(),
            requests: 0,
            probes: Vec::new(),
            recordings: options.record.clone().map(|dir| (dir, Sanitiser::new(names))),
            recorded: 0,
        }
    }

    /// Writes what a step was answered, if recordings are wanted.
    pub(super) fn record(&mut self, probe: &str, step: &Step, seen: &Outcome) -> anyhow::Result<()> {
        let Some((dir, sanitiser)) = &mut self.recordings else { return Ok(()) };
        std::fs::create_dir_all(&*dir).with_context(|| format!("cannot make {}", dir.display()))?;
        self.recorded += 1;
        let content = json!({"format": 1, "probe": probe, "step": step.name(), "method": step.method(),
            "seen": sanitiser.outcome(seen)});
        let file = dir.join(format!("{:03}-{}.json", self.recorded, step.operation().replace(['/', '{', '}'], "_")));
        let text = serde_json::to_string_pretty(&content)? + "\n";
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    fn all(&self) -> impl Iterator<Item = &Difference> {
        self.probes.iter().flat_map(|probe| &probe.differing).flat_map(|step| &step.differences)
    }

    /// How many differences there are.
    pub fn differences(&self) -> usize {
        self.all().count()
    }

    /// One JSON document.
    pub fn json(&self) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(members) = value.as_object_mut() {
            members.insert("differences".into(), json!(self.differences()));
        }
        value
    }

    /// A table.
    pub fn text(&self, colours: bool) -> String {
        let paint = |style: Style, text: &str| style.force_styling(colours).apply_to(text).to_string();
        let widths = self.all().fold((4, 9), |(what, simulator), d| {
            (what.max(d.what.chars().count()), simulator.max(d.simulator.chars().count()))
        });
        let mut out = String::new();
        for probe in &self.probes {
            let well = probe.differing.is_empty() && probe.skipped == 0;
            let mark = if well { paint(Style::new().green(), "✔") } else { paint(Style::new().red(), "✗") };
            let skipped = match probe.skipped {
                0 => String::new(),
                skipped => format!(", {skipped} not asked"),
            };
            let _ = writeln!(out, "{mark} {:<20} {} asked{skipped}", probe.name, probe.steps);
            for step in &probe.differing {
                let _ = writeln!(out, "    {}", paint(Style::new().bold(), &format!("{} {}", step.method, step.step)));
                let head = format!("{:<w$}  {:<s$}  {}", "WHAT", "SIMULATOR", "ENDPOINT", w = widths.0, s = widths.1);
                let _ = writeln!(out, "      {}", paint(Style::new().dim(), &head));
                for d in &step.differences {
                    let simulator = paint(Style::new().cyan(), &format!("{:<s$}", d.simulator, s = widths.1));
                    let endpoint = paint(Style::new().yellow(), &d.endpoint);
                    let _ = writeln!(out, "      {:<w$}  {simulator}  {endpoint}", d.what, w = widths.0);
                }
            }
        }
        let steps: usize = self.probes.iter().map(|probe| probe.steps).sum();
        let _ = writeln!(
            out,
            "\n{} differences in {steps} answers; {} requests to {}",
            self.differences(),
            self.requests,
            self.endpoint
        );
        let all: Vec<Difference> = self.all().cloned().collect();
        let counts = compare::kinds(&all).into_iter().map(|(kind, count)| format!("{count} of {kind}"));
        let counts = counts.collect::<Vec<_>>().join(", ");
        if !counts.is_empty() {
            let _ = writeln!(out, "{counts}");
        }
        out
    }
}
