//! `azure-sim operations`: what is answered, for people and for programs.

use clap::ValueEnum;

use azure_sim::model::{Operation, operations};

/// How the list is written.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Output {
    Table,
    Json,
}

pub(super) fn text(output: Output) -> String {
    let all = operations();
    match output {
        // Static texts only: serialising them has no failing case.
        Output::Json => serde_json::to_string_pretty(&all).unwrap_or_default() + "\n",
        Output::Table => {
            let line = |o: &Operation| format!("{:<26} {:<50} {:<6} {}\n", o.provider, o.name, o.method, o.path);
            all.iter().map(line).collect()
        }
    }
}
