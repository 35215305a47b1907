//! What a person sees: chapters, what was done in them, and whether each claim held.

use std::time::{Duration, Instant};

use anyhow::Result;
use console::{Style, Term};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

const WIDEST: usize = 110;

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON document on stdout at the end; what people see goes to stderr.
    Json,
}

/// Tells the story and keeps count.
pub(crate) struct Show {
    term: Term,
    colour: bool,
    chapters: Vec<Chapter>,
    started: Instant,
}

struct Chapter {
    title: String,
    checks: Vec<Check>,
    started: Instant,
    took: Option<Duration>,
}

struct Check {
    claim: String,
    held: bool,
}

impl Show {
    /// Speaks on stdout, or beside it where stdout is for programs.
    pub(crate) fn new(output: Output) -> Self {
        let term = if output == Output::Json { Term::stderr() } else { Term::stdout() };
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = term.is_term() && !plain;
        Self { term, colour, chapters: Vec::new(), started: Instant::now() }
    }

    /// Where it speaks.
    pub(crate) fn term(&self) -> &Term {
        &self.term
    }

    /// Text in a style, where there are colours.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        style.force_styling(self.colour).apply_to(text).to_string()
    }

    /// Begins a chapter.
    pub(crate) fn chapter(&mut self, title: &str) {
        self.close();
        self.line("");
        self.line(&self.paint(Style::new().bold(), &format!("{}. {title}", self.chapters.len() + 1)));
        let title = title.to_owned();
        self.chapters.push(Chapter { title, checks: Vec::new(), started: Instant::now(), took: None });
    }

    fn close(&mut self) {
        if let Some(chapter) = self.chapters.last_mut() {
            chapter.took.get_or_insert_with(|| chapter.started.elapsed());
        }
    }

    /// Shows that `work` is under way, then how long it took.
    pub(crate) async fn step<T>(&mut self, title: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let started = Instant::now();
        let done = self.waiting(title, work).await;
        let mark = self.mark(done.is_ok());
        self.line(&format!("  {mark} {title}  {}", self.dim(&seconds(started.elapsed()))));
        done
    }

    /// Shows in a terminal that `work` is under way, and leaves no trace of that.
    pub(crate) async fn waiting<T>(&self, title: &str, work: impl Future<Output = T>) -> T {
        let bar = self.term.is_term().then(|| spinner(title));
        let done = work.await;
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        done
    }

    /// What was done, as a person would do it.
    pub(crate) fn did(&self, command: &str) {
        self.line(&format!("  {}", self.paint(Style::new().cyan(), &format!("$ {command}"))));
    }

    /// What is worth knowing, below the line before.
    pub(crate) fn detail(&self, text: &str) {
        for line in wrap(text, self.width().saturating_sub(4)) {
            self.line(&format!("    {}", self.dim(&line)));
        }
    }

    /// A claim, and whether it held; where not, what was seen instead.
    pub(crate) fn check(&mut self, claim: &str, held: bool, seen: impl FnOnce() -> String) {
        self.line(&format!("  {} {claim}", self.mark(held)));
        if !held {
            self.line(&format!("    seen instead: {}", seen()));
        }
        if let Some(chapter) = self.chapters.last_mut() {
            chapter.checks.push(Check { claim: claim.to_owned(), held });
        }
    }

    /// The chapter could not go on.
    pub(crate) fn failed(&mut self, error: &anyhow::Error) {
        self.check("the chapter came to its end", false, || format!("{error:#}"));
    }

    /// A line as it is.
    pub(crate) fn line(&self, text: &str) {
        // Nobody is left to complain to when the terminal is gone.
        let _ = self.term.write_line(text);
    }

    /// Columns of a line.
    pub(crate) fn width(&self) -> usize {
        let columns = self.term.size_checked().map_or(WIDEST, |(_, columns)| usize::from(columns));
        columns.clamp(40, WIDEST)
    }

    fn dim(&self, text: &str) -> String {
        self.paint(Style::new().dim(), text)
    }

    fn mark(&self, held: bool) -> String {
        let (style, mark) = if held { (Style::new().green(), "✔") } else { (Style::new().red().bold(), "✖") };
        self.paint(style, mark)
    }

    /// Prints what held and how long it took; whether everything did.
    pub(crate) fn sum_up(&mut self) -> bool {
        self.close();
        self.line("");
        for (number, chapter) in self.chapters.iter().enumerate() {
            let (held, all) = chapter.count();
            let count = format!("{held} of {all}");
            let time = seconds(chapter.took.unwrap_or_default());
            self.line(&format!(
                "  {} {:>2}. {:<80} {count:>8}  {time:>7}",
                self.mark(held == all),
                number + 1,
                chapter.title
            ));
        }
        let (held, all) = self.count();
        let total = seconds(self.started.elapsed());
        let sum = format!("{held} of {all} claims held, in {total}");
        self.line(&format!("\n  {} {}", self.mark(held == all), self.paint(Style::new().bold(), &sum)));
        for failed in self.chapters.iter().flat_map(|chapter| &chapter.checks).filter(|check| !check.held) {
            self.line(&format!("    {} {}", self.mark(false), failed.claim));
        }
        held == all
    }

    fn count(&self) -> (usize, usize) {
        self.chapters.iter().map(Chapter::count).fold((0, 0), |(a, b), (held, all)| (a + held, b + all))
    }

    /// The same, for programs.
    pub(crate) fn json(&self) -> Value {
        let chapters: Vec<Value> = self.chapters.iter().map(Chapter::json).collect();
        let (held, all) = self.count();
        json!({"held": held, "claims": all, "seconds": self.started.elapsed().as_secs_f64(), "chapters": chapters})
    }
}

impl Chapter {
    fn count(&self) -> (usize, usize) {
        (self.checks.iter().filter(|check| check.held).count(), self.checks.len())
    }

    fn json(&self) -> Value {
        let checks: Vec<Value> =
            self.checks.iter().map(|check| json!({"claim": check.claim, "held": check.held})).collect();
        json!({"title": self.title, "seconds": self.took.unwrap_or_default().as_secs_f64(), "checks": checks})
    }
}

fn spinner(title: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg}  {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(title.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// `4.1 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
