//! `azure-sim check`, in a terminal: consent, progress, the report.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use azure_sim::check::{self, MAKES};
use indicatif::{ProgressBar, ProgressStyle};

use crate::options::check::{Output, Wanted};

/// Exit code where something differs.
const DIFFERENT: u8 = 1;
/// Exit code where nothing could be said.
const NOT_CHECKED: u8 = 2;

pub(crate) fn run(wanted: &Wanted) -> ExitCode {
    if let Some(group) = wanted.options.write.as_ref().filter(|_| !wanted.yes)
        && !agreed(group, &wanted.options.subscription)
    {
        eprintln!("azure-sim: nothing was done");
        return ExitCode::from(NOT_CHECKED);
    }
    let bar = std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    });
    let mut progress = |text: &str| {
        if let Some(bar) = &bar {
            bar.set_message(text.to_owned());
        }
    };
    let ended = crate::block_on(check::run(&wanted.options, &mut progress));
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    match ended {
        Ok(report) => {
            let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            match wanted.output {
                Output::Text => print!("{}", report.text(colours)),
                Output::Json => println!("{:#}", report.json()),
            }
            // What was taken for known a moment ago is no surprise.
            if report.new_ones() == 0 || wanted.options.update { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) }
        }
        Err(error) => {
            eprintln!("azure-sim: {error:#}");
            ExitCode::from(NOT_CHECKED)
        }
    }
}

/// Says what would be made, and asks. Where nobody can answer, the answer is no.
fn agreed(group: &str, subscription: &str) -> bool {
    eprintln!("In subscription {subscription}, this makes the resource group {group} and in it {MAKES}");
    eprintln!("It is deleted at the end. It can cost money.");
    if !std::io::stdin().is_terminal() {
        eprintln!("Nobody can be asked here: say --yes.");
        return false;
    }
    eprint!("Go on? [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
