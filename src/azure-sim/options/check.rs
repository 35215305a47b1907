//! `azure-sim check`.

use std::path::PathBuf;
use std::time::Duration;

use azure_sim::check::Options;
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
    /// Write every answer into this directory, without ids, names and keys
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
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

pub(crate) fn check(given: Given) -> Result<Wanted, Vec<String>> {
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
    for (option, set) in [("--keep", given.keep), ("--yes", given.yes)] {
        if set && !given.write {
            mistakes.push(format!("{option} says nothing without --write"));
        }
    }
    if given.deadline == Some(0) || given.requests == Some(0) {
        mistakes.push("--deadline and --requests: 0 leaves nothing to do".into());
    }
    let Some(subscription) = given.subscription.filter(|_| mistakes.is_empty()) else {
        if mistakes.is_empty() {
            mistakes
                .push("--subscription is missing: which one to look at (`az account show --query id -o tsv`)".into());
        }
        return Err(mistakes);
    };
    let (seconds, requests) = if given.write { (WRITING, 1000) } else { (READING, 100) };
    let options = Options {
        endpoint: given.endpoint.trim_end_matches('/').to_owned(),
        authority: given.authority.trim_end_matches('/').to_owned(),
        subscription,
        tenant: given.tenant,
        ca_file: given.ca_file,
        write: given.write.then(group),
        keep: given.keep,
        location: given.location,
        deadline: Duration::from_secs(given.deadline.unwrap_or(seconds)),
        requests: given.requests.unwrap_or(requests),
        record: given.record,
    };
    Ok(Wanted { options, yes: given.yes, output: given.output })
}

/// A name that nobody has.
fn group() -> String {
    format!("acs-check-{:08x}", rand::random::<u32>())
}
