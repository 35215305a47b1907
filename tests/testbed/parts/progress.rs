//! Shows that a build of minutes is alive: a spinner in a terminal, plain lines elsewhere.

use std::cell::Cell;
use std::io::Write as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::Part;

const PLAIN_EVERY: Duration = Duration::from_secs(30);

pub(super) struct Progress {
    terminal: bool,
    total: usize,
    begun: Cell<usize>,
}

pub(super) struct Step {
    part: Part,
    started: Instant,
    said: Cell<Instant>,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn start(parts: &[Part]) -> Self {
        if !parts.is_empty() {
            let seconds = parts.iter().map(|part| part.first_build_seconds()).sum();
            let names: Vec<&str> = parts.iter().map(|part| part.name()).collect();
            say(&format!("compiling {} (once; a first build takes about {})", names.join(", "), about(seconds)));
        }
        Self { terminal: console::Term::stderr().is_term(), total: parts.len(), begun: Cell::new(0) }
    }

    pub(super) fn begin(&self, part: Part) -> Step {
        self.begun.set(self.begun.get() + 1);
        let title = format!("[{}/{}] {}", self.begun.get(), self.total, part.name());
        let note = format!("first build about {}", about(part.first_build_seconds()));
        let bar = self.terminal.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {elapsed}  ({msg})") {
                bar.set_style(style);
            }
            bar.set_prefix(title.clone());
            bar.set_message(note.clone());
            bar
        });
        if bar.is_none() {
            say(&format!("{title}: {note}"));
        }
        Step { part, started: Instant::now(), said: Cell::new(Instant::now()), bar }
    }
}

impl Step {
    pub(super) fn tick(&self) {
        match &self.bar {
            Some(bar) => bar.tick(),
            None if self.said.get().elapsed() >= PLAIN_EVERY => {
                self.said.set(Instant::now());
                say(&format!("{}: still compiling, {} s", self.part.name(), self.started.elapsed().as_secs()));
            }
            None => {}
        }
    }

    pub(super) fn done(self) {
        self.end("done");
    }

    pub(super) fn failed(&self) {
        self.end("FAILED");
    }

    fn end(&self, outcome: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        say(&format!("{}: {outcome} in {:.1} s", self.part.name(), self.started.elapsed().as_secs_f64()));
    }
}

fn about(seconds: u64) -> String {
    if seconds < 90 { format!("{seconds} s") } else { format!("{} min", (seconds + 30) / 60) }
}

/// Straight to the file: `eprintln!` is swallowed by the capture of a test run, which would look like a hang.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
