//! The figures as tables.

use comfy_table::{CellAlignment, Table, presets};

use super::Figures;
use super::relay::Relay;
use super::simulator::{REACH_MIB, REACH_READS, Run, Simulator};

/// All of them, with their headings.
pub(super) fn tables(figures: &Figures) -> String {
    let mut parts = vec![
        format!(
            "Time to Ready, the profile azure at {} of real time (critical path: what Azure itself needs)",
            figures.time_scale
        ),
        times(figures).to_string(),
        "Requests to ARM per stack, until Ready".to_owned(),
        per_stack(figures, |run| &run.arm).to_string(),
        "Writes to the API server per stack, until Ready".to_owned(),
        per_stack(figures, |run| &run.kubernetes).to_string(),
        "The operator's process".to_owned(),
        process(figures).to_string(),
    ];
    if figures.runs.is_empty() {
        parts.clear();
    }
    if let Some(relay) = &figures.relay {
        parts.push("The relay: one core, one route to a trivial app, 1 KiB, 64 connections".to_owned());
        parts.push(relay_figures(relay).to_string());
    }
    if let Some(simulator) = &figures.simulator {
        let (resources, connections) = (simulator.resources, simulator.connections);
        parts.push(format!(
            "The Azure simulator: one core, {resources} communication services, TLS, {connections} kept connections"
        ));
        parts.push(simulator_figures(simulator).to_string());
    }
    if !figures.optimised {
        parts.insert(0, "Built without optimisation: memory and start are not those of a release.".to_owned());
    }
    parts.join("\n") + "\n"
}

fn table(header: Vec<String>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn times(figures: &Figures) -> Table {
    let mut table =
        table(header(&["profile", "stacks", "median s", "all s", "critical path s", "ratio", "429", "RSS MiB"]));
    for run in &figures.runs {
        table.add_row([
            run.profile.to_owned(),
            run.stacks.to_string(),
            format!("{:.2}", run.median_seconds),
            format!("{:.2}", run.seconds),
            format!("{:.2}", run.critical_path_seconds),
            run.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
            run.throttled.to_string(),
            format!("{:.1}", run.resident_mib),
        ]);
    }
    table
}

#[allow(clippy::cast_precision_loss, reason = "counts of thousands")]
fn per_stack(figures: &Figures, counts: impl Fn(&super::Run) -> &std::collections::BTreeMap<String, usize>) -> Table {
    let mut kinds: Vec<&String> = figures.runs.iter().flat_map(|run| counts(run).keys()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let columns = ["profile", "stacks"].map(str::to_owned).into_iter();
    let mut table = table(columns.chain(kinds.iter().map(ToString::to_string)).chain(["sum".to_owned()]).collect());
    for run in &figures.runs {
        let stacks = run.stacks.max(1) as f64;
        let each = |count: usize| format!("{:.1}", count as f64 / stacks);
        let mut row = vec![run.profile.to_owned(), run.stacks.to_string()];
        row.extend(kinds.iter().map(|kind| each(counts(run).get(*kind).copied().unwrap_or_default())));
        row.push(each(counts(run).values().sum()));
        table.add_row(row);
    }
    table
}

fn process(figures: &Figures) -> Table {
    let mut table = table(header(&["figure", "value"]));
    table.add_row(["resident memory without objects".to_owned(), format!("{:.1} MiB", figures.idle_mib)]);
    for start in &figures.starts {
        let there = format!("start with {} stacks", start.stacks);
        table.add_row([
            format!("{there}: to the first reconcile"),
            format!("{:.2} s", start.seconds_to_first_reconcile),
        ]);
        table.add_row([format!("{there}: until a new account is Ready"), format!("{:.2} s", start.seconds_to_ready)]);
    }
    if let Some(rest) = &figures.rest {
        let of = format!("in {:.0} s of rest, {} stacks", rest.seconds, rest.stacks);
        table.add_row([format!("writes to ARM {of}"), rest.arm_writes.to_string()]);
        table.add_row([format!("writes to the API server {of} (the Lease apart)"), rest.kubernetes_writes.to_string()]);
        let reads = format!("{:.2} ({} in all)", rest.arm_reads_per_stack_and_minute, rest.arm_reads);
        table.add_row(["reads of ARM per stack and minute of Azure's time".to_owned(), reads]);
    }
    table
}

fn relay_figures(relay: &Relay) -> Table {
    let mut table = table(header(&["figure", "value"]));
    let mut row = |figure: &str, value: String| _ = table.add_row([figure.to_owned(), value]);
    row("events a second, AfterDelivery", format!("{:.0} ({} failed)", relay.events_per_second, relay.failed));
    match (relay.nginx_per_second, relay.ratio()) {
        (Some(nginx), Some(ratio)) => {
            row("requests a second through nginx, a plain reverse proxy", format!("{nginx:.0}"));
            row("ratio", format!("{ratio:.2}"));
        }
        _ => row("ratio to nginx", "nginx is not installed".to_owned()),
    }
    let (through, alone) = (relay.through_relay, relay.app_alone);
    row("at 1,000 a second: p50, p99 through the relay", format!("{:.2}, {:.2} ms", through.p50_ms, through.p99_ms));
    row("at 1,000 a second: p50, p99 of the app alone", format!("{:.2}, {:.2} ms", alone.p50_ms, alone.p99_ms));
    let push = relay.event_to_push;
    row(
        "at 1,000 a second: p50, p99 from event to push and back",
        format!("{:.2}, {:.2} ms", push.p50_ms, push.p99_ms),
    );
    row("resident memory, idle and after the load", format!("{:.1}, {:.1} MiB", relay.idle_mib, relay.loaded_mib));
    row("from start to ready, median of 5", format!("{:.0} ms", relay.start_ms));
    table
}

fn simulator_figures(simulator: &Simulator) -> Table {
    let mut table = table(header(&["figure", "in memory", "--keep", "reach"]));
    let mut row = |figure: &str, value: &dyn Fn(&Run) -> String, reach: String| {
        table.add_row([figure.to_owned(), value(&simulator.in_memory), value(&simulator.kept), reach]);
    };
    let none = String::new;
    row("GET a second", &|run| format!("{:.0}", run.reads_per_second), format!("≥ {REACH_READS:.0}"));
    row("PUT a second", &|run| format!("{:.0}", run.writes_per_second), none());
    row("answers that were no success", &|run| run.failed.to_string(), "0".to_owned());
    let page = |run: &Run| format!("{:.1}, {:.1} ms", run.page_p50_ms, run.page_slowest_ms);
    row("a page of 100 of the list of all: p50, slowest", &page, none());
    row("resident memory before", &|run| format!("{:.1} MiB", run.idle_mib), none());
    row("resident memory with all", &|run| format!("{:.1} MiB", run.resident_mib), format!("≤ {REACH_MIB:.0} MiB"));
    match (simulator.nginx_per_second, simulator.ratio()) {
        (Some(nginx), Some(ratio)) => {
            table.add_row(["the same answers a second from nginx".to_owned(), format!("{nginx:.0}"), none(), none()]);
            table.add_row(["ratio".to_owned(), format!("{ratio:.2}"), none(), none()]);
        }
        _ => _ = table.add_row(["ratio to nginx", "nginx is not installed", "", ""]),
    }
    table
}
