//! Runs many schedules, or one of them with its trace.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use simulation::bugs::Bug;
use simulation::report::{explore, hunt};
use simulation::schedule;

/// Runs the shipped engine over models of Azure and of the API server, under faults drawn by seed.
#[derive(Parser)]
struct Arguments {
    /// How many schedules.
    #[arg(long, default_value_t = 20_000)]
    schedules: u64,
    /// Run the schedule of this seed only.
    #[arg(long)]
    seed: Option<u64>,
    /// First seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Print what happens (with --seed).
    #[arg(long)]
    trace: bool,
    /// Also make every deliberate mistake, and demand that it is caught.
    #[arg(long)]
    bugs: bool,
    /// Make this mistake (with --seed).
    #[arg(long)]
    bug: Option<String>,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Form of the result.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.seed {
        return one(&arguments, seed);
    }
    let mut summary = explore(arguments.first, arguments.schedules, arguments.threads);
    if arguments.bugs {
        summary.bugs = Bug::ALL
            .into_iter()
            .map(|bug| (bug, hunt(bug, arguments.first, arguments.schedules, arguments.threads)))
            .collect();
    }
    match arguments.output {
        Output::Text => summary.print(),
        Output::Json => println!("{}", summary.json()),
    }
    if summary.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(arguments: &Arguments, seed: u64) -> ExitCode {
    let bug = arguments.bug.as_deref().and_then(|name| Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == name));
    let ended = schedule::run(seed, bug, arguments.trace);
    for line in &ended.lines {
        println!("{line}");
    }
    match ended.violation {
        Some(what) => {
            println!("VIOLATION {what}");
            ExitCode::FAILURE
        }
        None => {
            println!(
                "seed {seed}: no violation; {} passes, {} virtual s",
                ended.counts.passes,
                ended.counts.virtual_ms / 1000
            );
            ExitCode::SUCCESS
        }
    }
}
