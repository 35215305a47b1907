//! Options of `acs-relay run`: raw as given, then checked all at once, so that every mistake is named the first time.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use acs_wire::relay::{folders, ports};
use clap::{Args, ValueEnum};

use crate::config::Folders;

/// Shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Options as given.
#[derive(Args, Clone, Debug)]
pub struct RunOptions {
    /// Folder of the configuration, `relay.json`.
    #[arg(long, env = "ACS_RELAY_CONFIG_DIR", value_name = "FOLDER", default_value = folders::CONFIG)]
    config_dir: PathBuf,
    /// Folder of the delivery keys, `current` and `next`.
    #[arg(long, env = "ACS_RELAY_DELIVERY_DIR", value_name = "FOLDER", default_value = folders::DELIVERY)]
    delivery_dir: PathBuf,
    /// Folder of the hub's access policy, `connectionString` and `hubName`.
    #[arg(long, env = "ACS_RELAY_PUSH_DIR", value_name = "FOLDER", default_value = folders::PUSH)]
    push_dir: PathBuf,
    /// Address for Event Grid.
    #[arg(long, env = "ACS_RELAY_EVENTS_LISTEN", value_name = "ADDRESS", default_value_t = format!("0.0.0.0:{}", ports::EVENTS))]
    events_listen: String,
    /// Address for the app; loopback only.
    #[arg(long, env = "ACS_RELAY_LOCAL_LISTEN", value_name = "ADDRESS", default_value_t = format!("127.0.0.1:{}", ports::LOCAL))]
    local_listen: String,
    /// Address of health, metrics and report.
    #[arg(long, env = "ACS_RELAY_OPS_LISTEN", value_name = "ADDRESS", default_value_t = format!("0.0.0.0:{}", ports::OPS))]
    ops_listen: String,
    /// Seconds to go on serving after SIGTERM while no longer ready, until nobody sends here any more.
    #[arg(long, env = "ACS_RELAY_DRAIN_DELAY_SECONDS", value_name = "SECONDS", default_value_t = 5)]
    drain_delay_seconds: u32,
    /// Seconds to wait, after that, for what is under way.
    #[arg(long, env = "ACS_RELAY_DRAIN_GRACE_SECONDS", value_name = "SECONDS", default_value_t = 20)]
    drain_grace_seconds: u32,
    /// Shape of log lines.
    #[arg(long, env = "ACS_RELAY_LOG_FORMAT", value_enum, default_value = "json")]
    log_format: LogFormat,
    /// Level of logs, as for `RUST_LOG`.
    #[arg(long, env = "ACS_RELAY_LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    log_level: String,
}

/// Options, checked.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Where the files are.
    pub folders: Folders,
    /// Address for Event Grid.
    pub events_listen: SocketAddr,
    /// Address for the app.
    pub local_listen: SocketAddr,
    /// Address of health, metrics and report.
    pub ops_listen: SocketAddr,
    /// Time to go on serving after SIGTERM.
    pub drain_delay: Duration,
    /// Time to wait for what is under way.
    pub drain_grace: Duration,
    /// Shape of log lines.
    pub log_format: LogFormat,
    /// Level of logs.
    pub log_level: String,
}

/// Longest drain, either half of it.
const MAX_DRAIN: u32 = 3600;

impl RunOptions {
    /// Checks everything.
    ///
    /// # Errors
    /// Every mistake, one sentence each.
    pub fn check(self) -> Result<Checked, Vec<String>> {
        let mut mistakes = Vec::new();
        let events = address("--events-listen", &self.events_listen, &mut mistakes);
        let local = address("--local-listen", &self.local_listen, &mut mistakes);
        let ops = address("--ops-listen", &self.ops_listen, &mut mistakes);
        if local.is_some_and(|address| !address.ip().is_loopback()) {
            mistakes.push(format!(
                "--local-listen: {} is no loopback address; whoever reaches this door can send pushes",
                self.local_listen
            ));
        }
        for (flag, seconds) in
            [("--drain-delay-seconds", self.drain_delay_seconds), ("--drain-grace-seconds", self.drain_grace_seconds)]
        {
            if seconds > MAX_DRAIN {
                mistakes.push(format!("{flag}: {seconds} is more than {MAX_DRAIN}"));
            }
        }
        if self.log_level.parse::<tracing_subscriber::EnvFilter>().is_err() {
            mistakes.push(format!("--log-level: \"{}\" is no level; example: info, acs_relay=debug", self.log_level));
        }
        let (Some(events_listen), Some(local_listen), Some(ops_listen), true) =
            (events, local, ops, mistakes.is_empty())
        else {
            return Err(mistakes);
        };
        Ok(Checked {
            folders: Folders { config: self.config_dir, delivery: self.delivery_dir, push: self.push_dir },
            events_listen,
            local_listen,
            ops_listen,
            drain_delay: Duration::from_secs(self.drain_delay_seconds.into()),
            drain_grace: Duration::from_secs(self.drain_grace_seconds.into()),
            log_format: self.log_format,
            log_level: self.log_level,
        })
    }
}

fn address(flag: &str, text: &str, mistakes: &mut Vec<String>) -> Option<SocketAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        mistakes.push(format!("{flag}: \"{text}\" is no address; example: 127.0.0.1:8471"));
    }
    address
}
