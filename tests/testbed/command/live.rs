//! The tree of `acs-operator tree`, again and again until all of it is Ready.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use console::Style;
use serde_json::Value;
use testbed::binaries;
use tokio::process::Command;

use super::installation::Installation;
use super::objects::text;
use super::show::{Show, seconds};

const PAUSE: Duration = Duration::from_millis(150);
const READY: &str = "Ready";

/// What the tree says of one object.
#[derive(Clone, PartialEq)]
struct State {
    ready: bool,
    words: String,
}

/// Watches the objects of a namespace until each of `count` is Ready. In a terminal the tree is drawn in place, elsewhere
/// each change is a line.
pub(crate) async fn until_ready(
    show: &Show,
    installation: &Installation,
    namespace: &str,
    count: usize,
    timeout: Duration,
) -> Result<()> {
    let tree = Tree { program: binaries::workspace("acs-operator")?, installation, namespace };
    let started = Instant::now();
    let (mut drawn, mut said) = (0, BTreeMap::new());
    loop {
        installation.check_running()?;
        let nodes = nodes(&tree.json().await?);
        let ready = nodes.values().filter(|state| state.ready).count();
        let done = ready == nodes.len() && ready >= count;
        if show.term().is_term() {
            drawn = redraw(show, &tree.text().await?, drawn, done)?;
        } else {
            say_changes(show, started, &mut said, &nodes);
        }
        if done {
            return Ok(());
        }
        if started.elapsed() > timeout {
            bail!("not all objects of {namespace} were Ready within {timeout:?}:\n{}", tree.text().await?);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

struct Tree<'a> {
    program: PathBuf,
    installation: &'a Installation,
    namespace: &'a str,
}

impl Tree<'_> {
    async fn text(&self) -> Result<String> {
        self.ask("text").await
    }

    async fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.ask("json").await?).context("reading the JSON of acs-operator tree")
    }

    async fn ask(&self, output: &str) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(["tree", "-n", self.namespace, "-o", output]).kill_on_drop(true);
        command.env("KUBECONFIG", self.installation.cluster.kubeconfig());
        let answer = command.output().await.context("starting acs-operator tree")?;
        if !answer.status.success() {
            bail!("acs-operator tree: {}", String::from_utf8_lossy(&answer.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
    }
}

/// What it says of each object, by kind and name. Links to hubs are not objects.
fn nodes(tree: &Value) -> BTreeMap<String, State> {
    let mut found = BTreeMap::new();
    let branches = tree.get("namespaces").and_then(Value::as_array).into_iter().flatten();
    let mut open: Vec<&Value> = branches.filter_map(|branch| branch.get("nodes")).collect();
    while let Some(list) = open.pop() {
        for node in list.as_array().into_iter().flatten() {
            open.extend(node.get("children"));
            if text(node, "/relation") == "Child" {
                let mark = match text(node, "/state") {
                    READY => "✔",
                    "Reconciling" => "…",
                    _ => "✖",
                };
                let words = format!("{mark} {}  {}", text(node, "/reason"), text(node, "/message"));
                let ready = text(node, "/state") == READY;
                let state = State { ready, words: words.trim_end().to_owned() };
                found.insert(format!("{}/{}", text(node, "/kind"), text(node, "/name")), state);
            }
        }
    }
    found
}

fn say_changes(show: &Show, started: Instant, said: &mut BTreeMap<String, State>, nodes: &BTreeMap<String, State>) {
    for (name, state) in nodes {
        if said.get(name) != Some(state) {
            let line = format!("    {:>6}  {name:<31} {}", seconds(started.elapsed()), state.words);
            show.line(&console::truncate_str(&line, show.width(), "…"));
            said.insert(name.clone(), state.clone());
        }
    }
}

/// Draws over what was drawn last; returns how many lines there are now.
fn redraw(show: &Show, tree: &str, drawn: usize, whole: bool) -> Result<usize> {
    let term = show.term();
    // A taller drawing than the window could not be taken back. The last one need not be.
    let room = if whole { usize::MAX } else { usize::from(term.size().0).saturating_sub(2) };
    let width = show.width().saturating_sub(4);
    let lines: Vec<String> =
        tree.lines().take(room).map(|line| console::truncate_str(line, width, "…").into_owned()).collect();
    if drawn > 0 {
        term.clear_last_lines(drawn)?;
    }
    for line in &lines {
        show.line(&format!("    {}", coloured(show, line)));
    }
    Ok(lines.len())
}

fn coloured(show: &Show, line: &str) -> String {
    let marks = [("✔", Style::new().green()), ("…", Style::new().yellow()), ("✖", Style::new().red())];
    marks.into_iter().fold(line.to_owned(), |line, (mark, style)| line.replacen(mark, &show.paint(style, mark), 1))
}
