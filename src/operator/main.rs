//! The command line.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use acs_operator::cli::{crds, inject, reference, tree};
use acs_operator::options::{Checked, LogFormat, RunOptions};
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Mistakes in configuration: `EX_USAGE` of sysexits.
const USAGE: u8 = 64;

/// Runs notifications on Azure Communication Services from YAML.
#[derive(Parser)]
#[command(name = "acs-operator", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the operator, as in a Pod.
    Run(Box<RunOptions>),
    /// Show what is declared, what depends on what, and why something is not Ready.
    Tree(tree::TreeOptions),
    /// Print manifests with a relay in their pods, for Git and for clusters without the admission policy.
    Inject(inject::InjectOptions),
    /// Print the CRDs.
    Crds {
        /// Write one file for each into this folder instead.
        #[arg(long, value_name = "FOLDER")]
        output_dir: Option<PathBuf>,
    },
    /// Print the reference of kinds and reasons, as Markdown.
    #[command(hide = true)]
    Reference {
        /// Write one file for each into this folder instead.
        #[arg(long, value_name = "FOLDER")]
        output_dir: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let checked = match cli.command {
        Command::Run(options) => match options.check() {
            Ok(checked) => checked,
            Err(mistakes) => {
                for mistake in mistakes {
                    eprintln!("acs-operator: {mistake}");
                }
                return ExitCode::from(USAGE);
            }
        },
        other => return finish(block_on(print(other))),
    };
    log(&checked);
    finish(block_on(acs_operator::run::run(checked)))
}

fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?.block_on(future)
}

fn finish(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("acs-operator: {error:#}");
        ExitCode::FAILURE
    })
}

async fn print(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(_) => {}
        Command::Tree(options) => {
            let client = kube::Client::try_default().await?;
            tree::run(client, &options).await?;
        }
        Command::Inject(options) => inject::run(&options).await?,
        Command::Crds { output_dir } => crds::print(output_dir.as_deref())?,
        Command::Reference { output_dir } => reference::print(output_dir.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
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
