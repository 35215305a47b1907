//! `azure-sim`: the simulator as a program.

mod checking;
mod options;
mod secret;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use azure_sim::http;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use options::Wanted;

/// `EX_USAGE` of sysexits(3).
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let wanted = match options::read(std::env::args_os()) {
        Ok(wanted) => wanted,
        Err(options::Refused::Shown(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(options::Refused::Mistakes(mistakes)) => {
            for mistake in mistakes {
                eprintln!("azure-sim: {mistake}");
            }
            return ExitCode::from(USAGE);
        }
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .init();
    let ended = match wanted {
        Wanted::Run(wanted) => block_on(serve(*wanted)),
        Wanted::Authority(wanted) => block_on(async move { secret::fetch(&wanted).await }),
        Wanted::Check(wanted) => return checking::run(&wanted),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("azure-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn block_on<T>(task: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    // Whoever else is in this process may have chosen a provider already; the first one stays.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(task);
    // Requests under way had their second; whatever hangs on must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}

async fn serve(wanted: options::run::Wanted) -> anyhow::Result<()> {
    // Before anything is announced: a signal right after the announcement must be heard.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // What an earlier start left there is true no more, and whoever waits for `env` must not find it.
    let file = wanted.dir.join("env");
    let before = options::run::taken_away(&file)?;
    let started = http::start(wanted.options).await;
    if let (Err(_), Some(before)) = (&started, before) {
        // Another one may be serving from there: that may be why this one cannot.
        options::run::write_private(&file, &before)?;
    }
    let mut running = started?;
    let placed = running.shared.world().place_missing_faults(wanted.faults).map_err(anyhow::Error::msg)?;
    if !placed.is_empty() {
        tracing::info!(count = placed.len(), "faults are in place");
    }
    // Its own: what names things in a kept world is as it was made.
    let config = running.shared.world().config().clone();
    std::fs::create_dir_all(&wanted.dir).with_context(|| format!("cannot make {}", wanted.dir.display()))?;
    let dir = wanted.dir.canonicalize()?;
    let ca = dir.join("ca.crt");
    running.shared.authority().publish(&dir)?;
    let (header, path) = running.shared.world().identity_endpoint();
    let identity = running.identity_url.as_deref().map(|url| (url, path, header.as_str()));
    let env = options::run::environment(&config, &running.url, &ca, identity);
    let file = dir.join("env");
    // The last of all: who finds it can go ahead.
    options::run::write_private(&file, &env)?;
    let mut ready = json!({
        "listening": running.url, "address": running.address, "dir": dir, "pid": std::process::id(),
        "subscriptionId": config.subscription_id, "tenantId": config.tenant_id,
    });
    if let (Some(url), Value::Object(ready)) = (&running.identity_url, &mut ready) {
        ready.insert("identity".into(), json!(url));
    }
    println!("{ready}");
    tracing::info!(url = running.url, dir = %dir.display(), "serving");
    let ended = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        () = running.ended() => Err(anyhow::anyhow!("the server ended")),
    };
    // Where it failed, too: whoever waits for an answer is told before.
    running.stop().await;
    // Nobody serves what it names. Another one may have begun there meanwhile: then it is not this one's.
    if std::fs::read_to_string(&file).is_ok_and(|text| text == env) {
        options::run::taken_away(&file)?;
    }
    ended
}
