//! `azure-sim check`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use azure_sim::check::Options;
use azure_sim::model::Config;
use clap::{Args, ValueEnum};

const READING: u64 = 300;
const WRITING: u64 = 2700;

/// Form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A table
    Text,
    /// One JSON document
    Json,
}

/// As given.
#[derive(Args)]
pub(crate) struct Given {
    /// The subscription to look at
    #[arg(long, env = "AZURE_SUBSCRIPTION_ID", value_name = "GUID")]
    subscription: Option<String>,
    /// Its tenant; without one, Entra's own documents are not looked at
    #[arg(long, env = "AZURE_TENANT_ID", value_name = "GUID")]
    tenant: Option<String>,
    /// Azure Resource Manager
    #[arg(
        long,
        env = "AZURE_RESOURCE_MANAGER_ENDPOINT",
        value_name = "URL",
        default_value = "https://management.azure.com"
    )]
    endpoint: String,
    /// Entra
    #[arg(long, env = "AZURE_AUTHORITY_HOST", value_name = "URL", default_value = "https://login.microsoftonline.com")]
    authority: String,
    /// PEM file with further authorities to trust
    #[arg(long, env = "SSL_CERT_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Make, change and delete resources too, in a resource group that is made for it. This can cost money
    #[arg(long)]
    write: bool,
    /// Leave that resource group where it is
    #[arg(long)]
    keep: bool,
    /// Its name; it must not exist [default: acs-check- and eight random digits]
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Do not ask before writing
    #[arg(long)]
    yes: bool,
    /// Region of that resource group
    #[arg(long, value_name = "NAME", default_value = "westeurope")]
    location: String,
    /// Seconds for the whole run [default: 300, with --write 2700]
    #[arg(long, value_name = "SECONDS")]
    deadline: Option<u64>,
    /// Requests at most [default: 100, with --write 1000]
    #[arg(long, value_name = "NUMBER")]
    requests: Option<u32>,
    /// Write what both sides answered into this directory, without ids, names and keys, and the report
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Take the endpoint's answers from this directory, which an earlier run recorded: nothing is asked, nobody logs in
    #[arg(long, value_name = "DIR", conflicts_with_all = ["write", "record"])]
    against: Option<PathBuf>,
    /// YAML file with differences that are known: they are shown and do not fail; those that are gone are told
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
    /// Write that file anew: what differs now is added, what is gone is left out, and what was not asked stays
    #[arg(long, requires = "known")]
    update: bool,
    /// How long things take on the simulator's side: azure, or instant, for a simulator that was started so
    #[arg(long, default_value = "azure")]
    profile: String,
    /// Multiplies the durations of the profile azure, for a simulator that was started so
    #[arg(long, value_name = "NUMBER", default_value = "1.0", allow_negative_numbers = true)]
    time_scale: String,
    /// Form of the report
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
}

/// What was asked for.
pub(crate) struct Wanted {
    pub(crate) options: Options,
    pub(crate) yes: bool,
    pub(crate) output: Output,
}

/// What is wrong with single options.
fn mistakes(given: &Given) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (option, url) in [("--endpoint", &given.endpoint), ("--authority", &given.authority)] {
        if !super::run::is_origin(url) {
            mistakes.push(format!("{option}: '{url}' is not https://HOST or https://HOST:PORT"));
        }
    }
    for (option, guid) in [("--subscription", &given.subscription), ("--tenant", &given.tenant)] {
        if let Some(other) = guid.as_ref().filter(|guid| !super::run::is_guid(guid)) {
            mistakes.push(format!("{option}: '{other}' is not a GUID"));
        }
    }
    if let Some(file) = given.ca_file.as_ref().filter(|file| !file.is_file()) {
        mistakes.push(format!("--ca-file: no file {}", file.display()));
    }
    for (option, set) in [("--keep", given.keep), ("--yes", given.yes), ("--group", given.group.is_some())] {
        if set && !given.write {
            mistakes.push(format!("{option} says nothing without --write"));
        }
    }
    if let Some(group) = given.group.as_ref().filter(|group| !is_group(group)) {
        mistakes.push(format!(
            "--group: '{group}' is not 8 to 90 letters, digits, - or _, with a letter or digit at its end"
        ));
    }
    if given.deadline == Some(0) || given.requests == Some(0) {
        mistakes.push("--deadline and --requests: 0 leaves nothing to do".into());
    }
    if let Some(dir) = given.record.as_ref().filter(|dir| holds_something(dir)) {
        mistakes.push(format!("--record: {} is not an empty directory: name a new one", dir.display()));
    }
    mistakes
}

pub(crate) fn check(given: Given) -> Result<Wanted, Vec<String>> {
    let mut mistakes = mistakes(&given);
    let profile = super::run::profile(&given.profile).map_err(|mistake| mistakes.push(mistake)).ok();
    let time_scale = super::run::time_scale(&given.time_scale).map_err(|mistake| mistakes.push(mistake)).ok();
    // Recordings do not say whose they are; the model's own ids do as well.
    let (subscription, tenant) = match given.against {
        Some(_) => (Some(Config::default().subscription_id), Some(Config::default().tenant_id)),
        None => (given.subscription, given.tenant),
    };
    if subscription.is_none() {
        mistakes.push("--subscription is missing: which one to look at (`az account show --query id -o tsv`)".into());
    }
    let (Some(subscription), Some(profile), Some(time_scale), true) =
        (subscription, profile, time_scale, mistakes.is_empty())
    else {
        return Err(mistakes);
    };
    let (seconds, requests) = if given.write { (WRITING, 1000) } else { (READING, 100) };
    let writes = given.write || given.against.is_some();
    let options = Options {
        endpoint: given.endpoint.trim_end_matches('/').to_owned(),
        authority: given.authority.trim_end_matches('/').to_owned(),
        subscription,
        tenant,
        ca_file: given.ca_file,
        write: writes.then(|| given.group.unwrap_or_else(group)),
        keep: given.keep,
        location: given.location,
        deadline: Duration::from_secs(given.deadline.unwrap_or(seconds)),
        requests: given.requests.unwrap_or(requests),
        record: given.record,
        against: given.against,
        known: given.known,
        update: given.update,
        profile,
        time_scale,
    };
    Ok(Wanted { options, yes: given.yes || !given.write, output: given.output })
}

fn holds_something(dir: &Path) -> bool {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Of the names that Azure takes, those that need no escaping, and that no other word is: recordings hide it.
fn is_group(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (8..=90).contains(&name.len())
        && name.bytes().all(inner)
        && name.ends_with(|last: char| last.is_ascii_alphanumeric())
}

/// A name that nobody has.
fn group() -> String {
    format!("acs-check-{:08x}", rand::random::<u32>())
}
