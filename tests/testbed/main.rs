//! `testbed`: builds the parts of a real Kubernetes and runs them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod command;

use command::{bench, build, demo, e2e, image, playground, try_out, up};
use testbed::cluster::node;

#[derive(Parser)]
#[command(name = "testbed", about = "Real Kubernetes grounds for tests, demo, playground and bench")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Compile what a ground needs, once, into the cache
    Build(build::Build),
    /// A cluster in the foreground, until Ctrl-C
    Up(up::Up),
    /// Pack static programs into a container image for a node
    Image(image::Pack),
    /// From YAML to a ringing phone and back, checked step by step
    Demo(demo::Demo),
    /// The product as its users run it: images, the chart, real pods; checked step by step
    E2e(e2e::E2e),
    /// `examples/azure-sim` on a real node: one `helm install`, one `kubectl apply`, no Azure
    TryOut(try_out::TryOut),
    /// The same stack, left running until Ctrl-C
    Playground(playground::Playground),
    /// Figures as a table and as JSON
    Bench(bench::Bench),
    /// Remove what is bulky in this folder when its owner has ended
    #[command(hide = true)]
    Tidy,
    /// Run a node for as long as standard input is open, and clean up after it
    #[command(hide = true)]
    NodeKeep {
        /// The folder of its cluster
        #[arg(long)]
        dir: PathBuf,
    },
    /// Pid 1 of a node
    #[command(hide = true)]
    NodeInit {
        /// The folder of its cluster
        #[arg(long)]
        dir: PathBuf,
    },
    /// Become a program that is killed when the process `parent` ends
    #[command(hide = true)]
    Supervise {
        /// Who must still be the parent
        #[arg(long)]
        parent: u32,
        /// The program and its arguments
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("testbed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Build(build) => build.run()?,
        Task::Image(pack) => pack.run()?,
        Task::Up(up) => runtime()?.block_on(Box::pin(up.run()))?,
        Task::Demo(demo) => return runtime()?.block_on(Box::pin(demo.run())),
        Task::E2e(e2e) => return runtime()?.block_on(Box::pin(e2e.run())),
        Task::TryOut(try_out) => return runtime()?.block_on(Box::pin(try_out.run())),
        Task::Playground(playground) => return runtime()?.block_on(Box::pin(playground.run())),
        Task::Bench(bench) => runtime()?.block_on(Box::pin(bench.run()))?,
        Task::Tidy => testbed::scratch::tidy(&std::env::current_dir()?)?,
        Task::NodeKeep { dir } => node::keep(&dir)?,
        Task::NodeInit { dir } => match node::init(&dir)? {},
        Task::Supervise { parent, command } => {
            if let Some((program, arguments)) = command.split_first() {
                return Err(testbed::supervise::become_child_of(parent, program, arguments));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
