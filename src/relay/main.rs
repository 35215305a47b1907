//! The command line.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use acs_relay::options::{Checked, LogFormat, RunOptions};
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Mistakes in configuration: `EX_USAGE` of sysexits.
const USAGE: u8 = 64;

/// Takes events of Azure Communication Services from Event Grid, hands them to the app beside it, and sends its pushes.
#[derive(Parser)]
#[command(name = "acs-relay", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the relay, as in a Pod.
    Run(Box<RunOptions>),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let Command::Run(options) = cli.command;
    let checked = match options.check() {
        Ok(checked) => checked,
        Err(mistakes) => {
            for mistake in mistakes {
                eprintln!("acs-relay: {mistake}");
            }
            return ExitCode::from(USAGE);
        }
    };
    log(&checked);
    match acs_relay::run::block_on(checked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("acs-relay: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn log(options: &Checked) {
    let filter = EnvFilter::try_new(&options.log_level).unwrap_or_default();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A log file is no place for colours.
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    match options.log_format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).init(),
        LogFormat::Text => builder.init(),
    }
}
