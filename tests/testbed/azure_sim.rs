//! The Azure simulator as a process, and its doors.

mod api;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process::Process;
use crate::scratch::Scratch;

pub use api::Response;

const START_WITHIN: Duration = Duration::from_secs(30);

/// How to start the simulator; what is not set is left to it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `instant` or `azure`.
    pub profile: Option<String>,
    /// Multiplies the durations of the profile `azure`: 0.02 is fifty times faster.
    pub time_scale: Option<f64>,
    /// The seed of its randomness.
    pub seed: Option<u64>,
    /// Where to listen; a free port of loopback unless set.
    pub listen: Option<SocketAddr>,
    /// Its folder; a temporary one unless set.
    pub dir: Option<PathBuf>,
    /// Further arguments of its own, such as `--no-throttling`.
    pub args: Vec<String>,
}

/// The line the simulator prints when it answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    listening: String,
    subscription_id: String,
    tenant_id: String,
}

/// A running simulator.
#[derive(Debug)]
pub struct AzureSim {
    // Before the folder it writes to.
    process: Process,
    program: PathBuf,
    options: Options,
    listen: SocketAddr,
    dir: PathBuf,
    ready: Ready,
    environment: BTreeMap<String, String>,
    api: api::Api,
    _scratch: Option<Scratch>,
}

impl AzureSim {
    /// Starts `program` and waits until it answers.
    pub async fn start(program: &Path, options: Options) -> Result<Self> {
        let scratch = if options.dir.is_none() { Some(Scratch::new("azure-sim")?) } else { None };
        let dir = options.dir.clone().or_else(|| scratch.as_ref().map(|scratch| scratch.path().to_owned()));
        let dir = dir.context("the simulator has no folder")?;
        let listen = match options.listen {
            Some(address) => address,
            None => crate::ports::free_address()?,
        };
        let (process, ready) = match run(program, &options, listen, &dir).await {
            Ok(running) => running,
            Err(error) => {
                scratch.iter().for_each(Scratch::keep);
                return Err(error);
            }
        };
        // `--listen` may leave the port to the simulator; after a restart it has to be the same again.
        let listen = listen_address(&ready.listening).unwrap_or(listen);
        let environment = environment(&dir)?;
        let api = api::Api::new(&ready.listening, &dir.join("ca.crt"), &environment)?;
        let program = program.to_owned();
        Ok(Self { process, program, options, listen, dir, ready, environment, api, _scratch: scratch })
    }

    /// Starts it again on the same address and folder; if it still runs, it is ended first. It begins anew: what was
    /// in Azure is gone, and so may be the authority its clients trust.
    pub async fn restart(&mut self) -> Result<()> {
        self.process.terminate(Duration::from_secs(2)).await?;
        let (process, ready) = run(&self.program, &self.options, self.listen, &self.dir).await?;
        let environment = environment(&self.dir)?;
        self.api = api::Api::new(&ready.listening, &self.dir.join("ca.crt"), &environment)?;
        self.process = process;
        self.ready = ready;
        self.environment = environment;
        Ok(())
    }

    /// The process: to kill or to pause it.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.ready.listening
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The certificate authority its clients have to trust.
    pub fn ca(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    /// The subscription it begins with.
    pub fn subscription_id(&self) -> &str {
        &self.ready.subscription_id
    }

    /// Its tenant.
    pub fn tenant_id(&self) -> &str {
        &self.ready.tenant_id
    }

    /// The variables its clients need, as in its file `env`.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// GET of one of its own doors (`/_sim/…`) or of an ARM path; the JSON of a success.
    pub async fn get(&self, path: &str) -> Result<serde_json::Value> {
        self.request("GET", path, None).await?.ok()
    }

    /// POST of `body`; the JSON of a success.
    pub async fn post(&self, path: &str, body: &serde_json::Value) -> Result<serde_json::Value> {
        self.request("POST", path, Some(body)).await?.ok()
    }

    /// Any request, with a token where the path is ARM's. An answer that refuses is a [`Response`] too.
    pub async fn request(&self, method: &str, path: &str, body: Option<&serde_json::Value>) -> Result<Response> {
        self.api.request(method, path, body).await
    }
}

async fn run(program: &Path, options: &Options, listen: SocketAddr, dir: &Path) -> Result<(Process, Ready)> {
    let mut run = Process::of("azure-sim", program)
        .grace(Duration::from_secs(2))
        .args(["run", "--dir"])
        .arg(dir)
        .arg("--listen")
        .arg(listen.to_string());
    if let Some(profile) = &options.profile {
        run = run.args(["--profile", profile]);
    }
    if let Some(scale) = options.time_scale {
        run = run.arg("--time-scale").arg(scale.to_string());
    }
    if let Some(seed) = options.seed {
        run = run.arg("--seed").arg(seed.to_string());
    }
    let process = run.args(&options.args).spawn(dir)?;
    let line = process.wait_for_stdout_line(START_WITHIN, |line| parse_ready(line).is_some()).await?;
    let ready = parse_ready(&line).context("the simulator's first line cannot be read")?;
    Ok((process, ready))
}

fn parse_ready(line: &str) -> Option<Ready> {
    serde_json::from_str(line).ok()
}

fn listen_address(url: &str) -> Option<SocketAddr> {
    url.split_once("://")?.1.trim_end_matches('/').parse().ok()
}

fn environment(dir: &Path) -> Result<BTreeMap<String, String>> {
    let path = dir.join("env");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(parse_environment(&text))
}

/// `export NAME=value`, the value plain or in quotes.
fn parse_environment(text: &str) -> BTreeMap<String, String> {
    let variable = |line: &str| {
        let (name, value) = line.trim().strip_prefix("export ")?.split_once('=')?;
        let unquoted = ['\'', '"'].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        Some((name.trim().to_owned(), unquoted.unwrap_or(value).to_owned()))
    };
    text.lines().filter_map(variable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_variables_are_read_plain_and_quoted() {
        let read = parse_environment("# comment\nexport A=1\nexport B='x y'\nexport C=\"z=1\"\nD=4\n");
        let expected = [("A", "1"), ("B", "x y"), ("C", "z=1")];
        assert_eq!(read, expected.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
    }

    #[test]
    fn the_address_to_come_back_to_is_the_one_announced() {
        assert_eq!(listen_address("https://127.0.0.1:4711"), Some(SocketAddr::from(([127, 0, 0, 1], 4711))));
        assert_eq!(listen_address("nonsense"), None);
    }

    #[test]
    fn only_the_announcement_is_an_announcement() {
        let line = r#"{"listening":"https://127.0.0.1:1","subscriptionId":"s","tenantId":"t","more":1}"#;
        assert_eq!(parse_ready(line).unwrap().subscription_id, "s");
        assert!(parse_ready(r#"{"level":"INFO"}"#).is_none());
    }
}
