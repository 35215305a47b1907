//! `parts`: as `testbed build`, from a program that is itself built in seconds.

#[path = "../command/build.rs"]
mod build;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "parts", about = "Compile what a ground needs, once, into the cache")]
struct Arguments {
    #[command(flatten)]
    build: build::Build,
}

fn main() -> ExitCode {
    match Arguments::parse().build.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parts: {error:#}");
            ExitCode::FAILURE
        }
    }
}
