//! The command line, checked as a whole: every mistake is reported at once.

pub(crate) mod authority;
pub(crate) mod check;
mod help;
mod operations;
pub(crate) mod run;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

#[derive(Parser)]
// As wide as the examples are: what is wrapped cannot be pasted.
#[command(term_width = 120)]
#[command(name = "azure-sim", version, about = help::ABOUT, long_about = help::LONG, after_long_help = help::AFTER)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a simulated Azure until SIGTERM or SIGINT
    #[command(after_long_help = help::RUN)]
    Run(Box<run::Given>),
    /// List every operation of Azure that is answered, with the versions it takes
    #[command(after_long_help = help::OPERATIONS)]
    Operations {
        /// A table for people, or JSON
        #[arg(long, short, value_enum, default_value = "table")]
        output: operations::Output,
    },
    /// Fetch the authority of an installation from a Kubernetes Secret, and make it there when the Secret has none
    #[command(after_long_help = help::AUTHORITY)]
    Authority(authority::Given),
    /// Hold the simulator against a real subscription and print what differs; reads only, unless --write
    #[command(after_long_help = help::CHECK)]
    Check(Box<check::Given>),
}

/// What was asked for.
pub(crate) enum Wanted {
    Run(Box<run::Wanted>),
    Authority(authority::Wanted),
    Check(Box<check::Wanted>),
}

/// Why nothing runs.
pub(crate) enum Refused {
    /// Help, version, or a list: not a mistake.
    Shown(String),
    Mistakes(Vec<String>),
}

pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Wanted, Refused> {
    let line = CommandLine::try_parse_from(arguments).map_err(|error| match error.kind() {
        clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion => {
            Refused::Shown(error.to_string())
        }
        // Who gives nothing at all is taught; it is a mistake all the same.
        clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Refused::Mistakes(vec![format!("what shall it do?\n\n{}", error.to_string().trim_end())])
        }
        _ => Refused::Mistakes(vec![error.to_string().trim_end().to_owned()]),
    })?;
    match line.command {
        Command::Run(given) => run::check(*given).map(Box::new).map(Wanted::Run).map_err(Refused::Mistakes),
        Command::Authority(given) => authority::check(given).map(Wanted::Authority).map_err(Refused::Mistakes),
        Command::Check(given) => check::check(*given).map(Box::new).map(Wanted::Check).map_err(Refused::Mistakes),
        Command::Operations { output } => Err(Refused::Shown(operations::text(output))),
    }
}
