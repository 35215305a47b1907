//! Tree to text. Pure, but for asking what stdout is.

use std::fmt::Write as _;

use super::build::{Branch, Node, Relation, State, Tree};

/// How text is dressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub colour: bool,
    /// Columns after which messages go on in a new line.
    pub width: Option<usize>,
}

impl Style {
    /// Colour and width on a terminal, none in a pipe. `NO_COLOR` is honoured.
    pub fn of_stdout() -> Self {
        let terminal = console::Term::stdout();
        if !terminal.is_term() {
            return Self::default();
        }
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: !plain, width: terminal.size_checked().map(|(_, columns)| usize::from(columns)) }
    }
}

/// One line of the table, before its columns are aligned.
struct Line<'a> {
    /// What is drawn before the marker.
    lead: String,
    /// What is drawn before a message below the line.
    below: String,
    node: &'a Node,
    /// A message that the line above has just said is not said again.
    message: &'a str,
}

/// Draws the tree.
pub fn render(tree: &Tree, style: Style) -> String {
    let branches: Vec<String> = tree.namespaces.iter().map(|branch| draw(branch, style)).collect();
    branches.join("\n")
}

fn draw(branch: &Branch, style: Style) -> String {
    let mut lines = Vec::new();
    for node in &branch.nodes {
        collect(node, String::new(), String::new(), "", &mut lines);
    }
    let label_width =
        lines.iter().map(|line| length(&line.lead) + 2 + length(&label(line.node))).max().unwrap_or_default();
    let label_width = label_width.max(length(&branch.name));
    let reason_width =
        lines.iter().map(|line| length(&line.node.reason)).max().unwrap_or_default().max(length("REASON"));
    let head =
        format!("{}  {}  {}  AZURE NAME", pad(&branch.name, label_width), pad("READY", 7), pad("REASON", reason_width));
    let mut text = format!("{}\n", paint(&head, console::Style::new().bold(), style));
    for line in &lines {
        let node = line.node;
        let name = pad(&label(node), label_width - length(&line.lead) - 2);
        let azure = node.azure_name.as_deref().unwrap_or_default();
        let marker = paint(marker(node.state), colour(node.state), style);
        let rest = format!("{name}  {}  {}  {azure}", pad(&node.ready, 7), pad(&node.reason, reason_width));
        _ = writeln!(text, "{}{marker} {}", line.lead, rest.trim_end());
        for part in wrap(line.message, style.width.map(|width| width.saturating_sub(length(&line.below)))) {
            _ = writeln!(text, "{}{}", line.below, paint(&part, console::Style::new().dim(), style));
        }
    }
    text
}

fn collect<'a>(node: &'a Node, lead: String, stem: String, said: &str, lines: &mut Vec<Line<'a>>) {
    let message = if node.message == said { "" } else { node.message.as_str() };
    let bar = if node.children.is_empty() { "  " } else { "│ " };
    lines.push(Line { lead, below: format!("{stem}{bar}"), node, message });
    let last = node.children.len().saturating_sub(1);
    for (index, child) in node.children.iter().enumerate() {
        let (branch, go_on) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        collect(child, format!("{stem}{branch}"), format!("{stem}{go_on}"), &node.message, lines);
    }
}

fn label(node: &Node) -> String {
    let link = if node.relation == Relation::Link { "link to " } else { "" };
    let going = if node.deleting { " (deleting)" } else { "" };
    format!("{link}{}/{}{going}", node.kind, node.name)
}

fn marker(state: State) -> &'static str {
    match state {
        State::Ready => "✔",
        State::Reconciling => "…",
        State::Stalled | State::Missing => "✖",
        State::Suspended => "‖",
    }
}

fn colour(state: State) -> console::Style {
    let style = console::Style::new();
    match state {
        State::Ready => style.green(),
        State::Reconciling => style.yellow(),
        State::Stalled | State::Missing => style.red(),
        State::Suspended => style.blue(),
    }
}

fn paint(text: &str, paint: console::Style, style: Style) -> String {
    paint.force_styling(style.colour).apply_to(text).to_string()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(length(text))))
}

/// Breaks at spaces. A word longer than the width keeps its line: an id must stay copyable.
fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let width = width.map_or(usize::MAX, |width| width.max(30));
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if length(line) + 1 + length(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
