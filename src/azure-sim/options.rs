//! The command line, checked as a whole: every mistake is reported at once.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use azure_sim::http::Options;
use azure_sim::model::{Config, Profile};
use clap::{Args, Parser, Subcommand};

const EXAMPLES: &str = "Examples:
  azure-sim run --dir /tmp/azure                      everything is done at once
  azure-sim run --dir /tmp/azure --profile azure      as slow as Azure
  azure-sim run --dir /tmp/azure --profile azure --time-scale 0.02
  . /tmp/azure/env                                    lets SDKs and the operator find it

DIR gets ca.crt (the authority that signed the server) and env (export lines, with the client secret).
One line of JSON on stdout says where it listens; logs go to stderr (RUST_LOG selects).
What is sent with the header Host NAMESPACE.servicebus.windows.net goes to that namespace's data plane (pushes): connect
to the same address. Everything else is Azure Resource Manager and Entra, but for the simulator's own doors, which speak JSON:
  GET  /_sim/state                 every resource, and a tree of them
  GET  /_sim/journal?since=N       every request to Azure
  GET  /_sim/profile               durations in force
  POST /_sim/call                  {service, to, from?}: rings phones through the linked hub; event IncomingCall
  POST /_sim/message               {service, to}: a chat push through the linked hub
  POST /_sim/events                {service|source, type, subject, data, id?, time?, count?}: any event
  POST /_sim/sms                   {service, from, to, message}: event SMSReceived
  POST /_sim/chat                  {service, thread, sender, recipient, message}: event ChatMessageReceived
  GET  /_sim/deliveries?since=N    every attempt to deliver, totals, what waits
  GET  /_sim/dead-letters          events that nobody took
  GET  /_sim/phones                every phone with what it got, and why pushes vanished
  POST /_sim/phones                {hub, user, platform, handle?, tags?}; DELETE {handle}
  GET, POST, DELETE /_sim/faults   what shall fail
  POST /_sim/portal/...            link, unlink, tags, set, delete, regenerateKey: what people do by hand
  POST /_sim/config                names taken, providers unregistered, tokens expired, secrets
  POST /_sim/federation            whose assertions are trusted
  POST /_sim/certificate           a server certificate for a webhook";

#[derive(Parser)]
#[command(name = "azure-sim", version, about = "Simulates the parts of Azure that acs-operator talks to", after_help = EXAMPLES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT
    #[command(after_help = EXAMPLES)]
    Run(Given),
}

/// As given: texts, so that all mistakes can be reported together.
#[derive(Args)]
struct Given {
    /// Directory for ca.crt and env; made when missing
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// What clients are told to call, when that is not the address (behind a Service, say)
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// How long things take: instant or azure
    #[arg(long, default_value = "instant")]
    profile: String,
    /// Multiplies the durations of the profile azure: 0.02 is fifty times faster
    #[arg(long, default_value = "1.0", allow_negative_numbers = true)]
    time_scale: String,
    /// Fixes every key and guid
    #[arg(long, default_value = "1", allow_negative_numbers = true)]
    seed: String,
    /// PEM file with an authority that webhooks may be signed by; may be repeated
    #[arg(long, value_name = "FILE")]
    trust: Vec<PathBuf>,
    /// A resource group that exists from the start; may be repeated [default: rg-shop]
    #[arg(long, value_name = "NAME")]
    resource_group: Vec<String>,
    /// A further subscription; may be repeated
    #[arg(long, value_name = "GUID")]
    subscription: Vec<String>,
    /// Take webhooks that are not https
    #[arg(long)]
    allow_http_webhooks: bool,
    /// Never throttle
    #[arg(long)]
    no_throttling: bool,
}

/// What was asked for.
pub(crate) struct Wanted {
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
}

/// Why nothing runs.
pub(crate) enum Refused {
    /// Help or version: not a mistake.
    Shown(String),
    Mistakes(Vec<String>),
}

pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Wanted, Refused> {
    let line = CommandLine::try_parse_from(arguments).map_err(|error| match error.kind() {
        clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion => {
            Refused::Shown(error.to_string())
        }
        _ => Refused::Mistakes(vec![error.to_string().trim_end().to_owned()]),
    })?;
    let Command::Run(given) = line.command;
    check(given).map_err(Refused::Mistakes)
}

fn check(given: Given) -> Result<Wanted, Vec<String>> {
    let mut mistakes = Vec::new();
    let mut wrong = |text: String| mistakes.push(text);
    let listen = given.listen.parse::<SocketAddr>();
    if listen.is_err() {
        wrong(format!("--listen: '{}' is not ADDRESS:PORT", given.listen));
    }
    let profile = match given.profile.as_str() {
        "instant" => Some(Profile::Instant),
        "azure" => Some(Profile::Azure),
        other => {
            wrong(format!("--profile: '{other}' is neither instant nor azure"));
            None
        }
    };
    let time_scale = given.time_scale.parse::<f64>().ok().filter(|s| s.is_finite() && *s > 0.0);
    if time_scale.is_none() {
        wrong(format!("--time-scale: '{}' is not a positive number", given.time_scale));
    }
    let seed = given.seed.parse::<u64>();
    if seed.is_err() {
        wrong(format!("--seed: '{}' is not a whole number", given.seed));
    }
    if let Some(url) = given.public_url.as_ref().filter(|u| !u.starts_with("https://")) {
        wrong(format!("--public-url: '{url}' does not start with https://"));
    }
    for file in given.trust.iter().filter(|f| !f.is_file()) {
        wrong(format!("--trust: no file {}", file.display()));
    }
    if given.dir.is_none() {
        wrong("--dir is missing: where to write ca.crt and env".into());
    }
    let (Some(dir), Ok(listen), Some(profile), Some(time_scale), Ok(seed)) =
        (given.dir, listen, profile, time_scale, seed)
    else {
        return Err(mistakes);
    };
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut config = Config { profile, time_scale, seed, ..Config::default() };
    if !given.resource_group.is_empty() {
        config.resource_groups = given.resource_group;
    }
    config.further_subscriptions = given.subscription;
    config.allow_http_webhooks = given.allow_http_webhooks;
    config.deletion_notices = true;
    config.throttle = !given.no_throttling;
    Ok(Wanted { dir, options: Options { listen, public_url: given.public_url, trust: given.trust, config } })
}

/// `export` lines under the names that Azure's own tools read.
pub(crate) fn environment(config: &Config, url: &str, ca: &Path) -> String {
    let ca = ca.display().to_string();
    let pairs = [
        ("AZURE_RESOURCE_MANAGER_ENDPOINT", url),
        ("AZURE_AUTHORITY_HOST", url),
        ("AZURE_TENANT_ID", &config.tenant_id),
        ("AZURE_CLIENT_ID", &config.client_id),
        ("AZURE_CLIENT_SECRET", &config.client_secret),
        ("AZURE_SUBSCRIPTION_ID", &config.subscription_id),
        ("SSL_CERT_FILE", &ca),
        ("REQUESTS_CA_BUNDLE", &ca),
        ("NODE_EXTRA_CA_CERTS", &ca),
    ];
    pairs.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect()
}

/// For a shell: a directory may have any name. Plain where it can be, for readers that are no shell.
fn quoted(value: &str) -> String {
    if value.chars().all(|c| c.is_ascii_alphanumeric() || "/:._~-=+".contains(c)) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}

/// Readable by its owner only: it holds the client secret.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(context)?;
    file.write_all(text.as_bytes()).with_context(context)
}
