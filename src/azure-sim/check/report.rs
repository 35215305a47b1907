//! What was found, for people and for programs, and as recordings.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use console::Style;
use serde::Serialize;
use serde_json::{Value, json};

use super::Options;
use super::compare::{self, Difference};
use super::known::Known;
use super::probe::Step;
use super::record::Sanitiser;
use super::replay::{FORMAT, REPORT, Replay};
use super::side::Outcome;
use super::throwaway;

/// All probes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    endpoint: String,
    wrote: bool,
    /// Requests over the network.
    pub(super) requests: u32,
    pub(super) probes: Vec<Checked>,
    /// Known differences that were looked for and are gone.
    stale: Vec<Known>,
    /// Recorded answers to what this version does not ask.
    left_out: usize,
    /// What was known before the run, stale ones left out.
    #[serde(skip)]
    known: Vec<Known>,
    #[serde(skip)]
    sanitiser: Sanitiser,
    #[serde(skip)]
    recordings: Option<PathBuf>,
    #[serde(skip)]
    recorded: u32,
}

/// One probe.
#[derive(Serialize)]
pub struct Checked {
    name: &'static str,
    /// Steps that were performed on both sides.
    pub(super) steps: usize,
    /// Steps left out, because only one side let an earlier one pass, or because they were not recorded.
    pub(super) skipped: usize,
    differing: Vec<Differing>,
    #[serde(skip)]
    asked: Vec<String>,
}

/// A step whose answers differ.
#[derive(Serialize)]
struct Differing {
    step: String,
    method: &'static str,
    differences: Vec<Told>,
}

/// A difference, and whether somebody knew of it.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    difference: Difference,
    known: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
}

impl Checked {
    pub(super) fn of(name: &'static str) -> Self {
        Self { name, steps: 0, skipped: 0, differing: Vec::new(), asked: Vec::new() }
    }

    pub(super) fn add(&mut self, step: &Step, differences: Vec<Difference>) {
        self.steps += 1;
        self.asked.push(step.name());
        if !differences.is_empty() {
            let differences =
                differences.into_iter().map(|difference| Told { difference, known: false, why: String::new() });
            self.differing.push(Differing {
                step: step.name(),
                method: step.method(),
                differences: differences.collect(),
            });
        }
    }

    /// Every difference, as a file of known ones has it.
    fn to_know(&self) -> impl Iterator<Item = Known> {
        self.differing.iter().flat_map(|step| {
            step.differences.iter().map(|told| {
                let Difference { what, simulator, endpoint } = told.difference.clone();
                Known {
                    probe: self.name.into(),
                    step: step.step.clone(),
                    what,
                    simulator,
                    endpoint,
                    why: String::new(),
                }
            })
        })
    }
}

impl Report {
    pub(super) fn new(options: &Options) -> Self {
        let names = [Some((options.subscription.clone(), "SUBSCRIPTION")), options.write.clone().map(|g| (g, "GROUP"))];
        let tenant = options.tenant.clone().map(|tenant| (tenant, "TENANT"));
        let suffix = options.write.as_ref().map(|group| (super::suffix(group), "RANDOM"));
        let names = names.into_iter().chain([tenant, suffix]).flatten();
        let names = names.map(|(name, stand_in)| (name, stand_in.to_owned())).collect();
        let endpoint = match &options.against {
            Some(dir) => format!("the recordings in {}", dir.display()),
            None => options.endpoint.clone(),
        };
        Self {
            endpoint,
            wrote: options.write.is_some(),
            requests: 0,
            probes: Vec::new(),
            stale: Vec::new(),
            left_out: 0,
            known: Vec::new(),
            sanitiser: Sanitiser::new(names),
            recordings: options.record.clone(),
            recorded: 0,
        }
    }

    /// An outcome as it may be shown to others.
    pub(super) fn hidden(&mut self, step: &Step, outcome: &Outcome) -> Value {
        self.sanitiser.outcome(step, outcome)
    }

    /// Writes what both sides answered to a step, if recordings are wanted.
    pub(super) fn record(
        &mut self,
        probe: &str,
        step: &Step,
        expected: &Outcome,
        seen: &Outcome,
    ) -> anyhow::Result<()> {
        let Some(dir) = self.recordings.clone() else { return Ok(()) };
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        self.recorded += 1;
        let content = json!({"format": FORMAT, "probe": probe, "step": step.name(), "method": step.method(),
            "simulator": self.hidden(step, expected), "endpoint": self.hidden(step, seen)});
        let name = format!("{:03}-{}.json", self.recorded, step.operation().replace(['/', '{', '}'], "_"));
        write(&dir.join(name), &content)
    }

    /// What the recordings were of that stood for the endpoint.
    pub(super) fn replayed(&mut self, recorded: &Replay) {
        self.wrote = recorded.has_probe(throwaway::FIRST);
        let asked: usize = self.probes.iter().map(|probe| probe.steps).sum();
        self.left_out = recorded.count().saturating_sub(asked);
    }

    /// Marks what was known, and finds what is not so any more. What was not asked this time stays known.
    pub(super) fn judge(&mut self, known: Vec<Known>) {
        let found: Vec<Known> = self.probes.iter().flat_map(Checked::to_know).collect();
        let is_gone = |known: &Known| {
            let probe = self.probes.iter().find(|probe| probe.name == known.probe);
            let asked = probe.is_some_and(|probe| probe.asked.contains(&known.step));
            asked && !found.iter().any(|found| found.is(known))
        };
        (self.stale, self.known) = known.into_iter().partition(is_gone);
        let mut listed = found.iter().map(|found| self.known.iter().find(|known| known.is(found)));
        let told = self.probes.iter_mut().flat_map(|probe| &mut probe.differing).flat_map(|step| &mut step.differences);
        for told in told {
            if let Some(known) = listed.next().flatten() {
                (told.known, told.why) = (true, known.why.clone());
            }
        }
    }

    /// What a file of known differences lists after this run.
    pub(super) fn to_know(&self) -> Vec<Known> {
        let found = self.probes.iter().flat_map(Checked::to_know);
        let new = found.filter(|found| !self.known.iter().any(|known| known.is(found)));
        self.known.iter().cloned().chain(new).collect()
    }

    /// Writes itself beside the recordings, as they are written.
    pub(super) fn keep(&mut self) -> anyhow::Result<()> {
        let Some(dir) = self.recordings.clone() else { return Ok(()) };
        let whole = self.json();
        write(&dir.join(REPORT), &self.sanitiser.document(&whole))
    }

    fn told(&self) -> impl Iterator<Item = &Told> {
        self.probes.iter().flat_map(|probe| &probe.differing).flat_map(|step| &step.differences)
    }

    /// How many differences there are that nobody knew of.
    pub fn new_ones(&self) -> usize {
        self.told().filter(|told| !told.known).count()
    }

    /// One JSON document.
    pub fn json(&self) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(members) = value.as_object_mut() {
            members.insert("format".into(), json!(1));
            members.insert("differences".into(), json!(self.told().count()));
            members.insert("new".into(), json!(self.new_ones()));
        }
        value
    }

    /// A table.
    pub fn text(&self, colours: bool) -> String {
        let paint = |style: Style, text: &str| style.force_styling(colours).apply_to(text).to_string();
        let mut out = String::new();
        for probe in &self.probes {
            let is_new = probe.differing.iter().flat_map(|step| &step.differences).any(|told| !told.known);
            let well = !is_new && probe.skipped == 0;
            let mark = if well { paint(Style::new().green(), "✔") } else { paint(Style::new().red(), "✗") };
            let skipped = match probe.skipped {
                0 => String::new(),
                skipped => format!(", {skipped} not asked"),
            };
            let _ = writeln!(out, "{mark} {:<20} {} asked{skipped}", probe.name, probe.steps);
            for step in &probe.differing {
                let _ = writeln!(out, "    {}", paint(Style::new().bold(), &format!("{} {}", step.method, step.step)));
                self.rows(&mut out, step, &paint);
            }
        }
        for Known { probe, step, what, simulator, endpoint, .. } in &self.stale {
            let line = format!("{probe}: {step}: {what} ({simulator}, {endpoint})");
            let _ = writeln!(out, "{} {line}", paint(Style::new().yellow(), "known, and gone:"));
        }
        self.sum(&mut out);
        out
    }

    fn rows(&self, out: &mut String, step: &Differing, paint: &dyn Fn(Style, &str) -> String) {
        let widths = self.told().map(|told| &told.difference).fold((4, 9), |(what, simulator), d| {
            (what.max(d.what.chars().count()), simulator.max(d.simulator.chars().count()))
        });
        let head = format!("{:<w$}  {:<s$}  {}", "WHAT", "SIMULATOR", "ENDPOINT", w = widths.0, s = widths.1);
        let _ = writeln!(out, "      {}", paint(Style::new().dim(), &head));
        for told in &step.differences {
            let d = &told.difference;
            let simulator = paint(Style::new().cyan(), &format!("{:<s$}", d.simulator, s = widths.1));
            let endpoint = paint(Style::new().yellow(), &d.endpoint);
            let known = match (told.known, told.why.as_str()) {
                (false, _) => String::new(),
                (true, "") => paint(Style::new().dim(), "  (known)"),
                (true, why) => paint(Style::new().dim(), &format!("  (known: {why})")),
            };
            let _ = writeln!(out, "      {:<w$}  {simulator}  {endpoint}{known}", d.what, w = widths.0);
        }
    }

    fn sum(&self, out: &mut String) {
        let steps: usize = self.probes.iter().map(|probe| probe.steps).sum();
        let (all, new) = (self.told().count(), self.new_ones());
        let known = if all == new { String::new() } else { format!(", {} of them known", all - new) };
        let requests = self.requests;
        let _ =
            writeln!(out, "\n{all} differences in {steps} answers{known}; {requests} requests to {}", self.endpoint);
        let all: Vec<Difference> = self.told().map(|told| told.difference.clone()).collect();
        if self.left_out > 0 {
            let _ = writeln!(out, "{} recorded answers are to steps that this version does not ask", self.left_out);
        }
        let counts = compare::kinds(&all).into_iter().map(|(kind, count)| format!("{count} of {kind}"));
        let counts = counts.collect::<Vec<_>>().join(", ");
        if !counts.is_empty() {
            let _ = writeln!(out, "{counts}");
        }
        if let Some(dir) = &self.recordings {
            let dir = dir.display();
            let _ = writeln!(out, "What both sides answered is in {dir}; look through it before you give it away.");
            let _ = writeln!(out, "Who corrects the simulator repeats this by: azure-sim check --against {dir}");
        }
    }
}

fn write(file: &Path, content: &Value) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(content)? + "\n";
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
