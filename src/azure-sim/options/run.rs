//! `azure-sim run`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use azure_sim::http::authority::Source;
use azure_sim::http::{Options, StorageAccess};
use azure_sim::model::{Config, Fault, Profile};
use clap::Args;

/// As given: texts, so that all mistakes can be reported together. Every option can be a variable too, for containers.
#[derive(Args)]
pub(crate) struct Given {
    /// Directory for ca.crt and env; made when missing
    #[arg(long, env = "AZURE_SIM_DIR")]
    dir: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "AZURE_SIM_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: String,
    /// Serve managed identities (instance metadata and App Service) here too, in plain HTTP as Azure does; port 0 takes a
    /// free one
    #[arg(long, env = "AZURE_SIM_IDENTITY_LISTEN", value_name = "ADDRESS:PORT")]
    identity_listen: Option<String>,
    /// What clients are told to call, when that is not the address (behind a Service, say)
    #[arg(long, env = "AZURE_SIM_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// A further name or address that the server's certificate is good for; may be repeated
    #[arg(long, env = "AZURE_SIM_DNS_NAMES", value_name = "NAME", value_delimiter = ',')]
    dns_name: Vec<String>,
    /// Directory that keeps the authority, in ca.key with its certificate: made there once, and used by every later start
    #[arg(long, env = "AZURE_SIM_AUTHORITY", value_name = "DIR")]
    authority: Option<PathBuf>,
    /// PEM file with the certificate of an authority of yours, which then signs the server
    #[arg(long, env = "AZURE_SIM_AUTHORITY_CERT", value_name = "FILE")]
    authority_cert: Option<PathBuf>,
    /// PEM file with that authority's private key
    #[arg(long, env = "AZURE_SIM_AUTHORITY_KEY", value_name = "FILE")]
    authority_key: Option<PathBuf>,
    /// How long things take: instant or azure
    #[arg(long, env = "AZURE_SIM_PROFILE", default_value = "instant")]
    profile: String,
    /// Multiplies the durations of the profile azure: 0.02 is fifty times faster
    #[arg(
        long,
        env = "AZURE_SIM_TIME_SCALE",
        value_name = "NUMBER",
        default_value = "1.0",
        allow_negative_numbers = true
    )]
    time_scale: String,
    /// Fixes every key and guid
    #[arg(long, env = "AZURE_SIM_SEED", value_name = "NUMBER", default_value = "1", allow_negative_numbers = true)]
    seed: String,
    /// PEM file with an authority that webhooks may be signed by; may be repeated
    #[arg(long, env = "AZURE_SIM_TRUST", value_name = "FILE", value_delimiter = ',')]
    trust: Vec<PathBuf>,
    /// Connection string of a storage account that exists for real, as Azurite prints or Azure's portal shows it: its queues
    /// take events, its containers dead letters. May be repeated. Better as the variable: arguments can be read by everyone on
    /// the machine
    #[arg(
        long,
        env = "AZURE_SIM_STORAGE",
        value_name = "CONNECTION-STRING",
        value_delimiter = ',',
        hide_env_values = true
    )]
    storage: Vec<String>,
    /// The directory (tenant) that exists
    #[arg(long, env = "AZURE_SIM_TENANT_ID", value_name = "GUID")]
    tenant_id: Option<String>,
    /// The application that exists from the start
    #[arg(long, env = "AZURE_SIM_CLIENT_ID", value_name = "GUID")]
    client_id: Option<String>,
    /// File with that application's secret. A file, because arguments can be read by everyone on the machine
    #[arg(long, env = "AZURE_SIM_CLIENT_SECRET_FILE", value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// The subscription that exists from the start
    #[arg(long, env = "AZURE_SIM_SUBSCRIPTION_ID", value_name = "GUID")]
    subscription_id: Option<String>,
    /// A further subscription; may be repeated
    #[arg(long, env = "AZURE_SIM_SUBSCRIPTIONS", value_name = "GUID", value_delimiter = ',')]
    subscription: Vec<String>,
    /// A resource group that exists from the start; may be repeated [default: rg-shop]
    #[arg(long, env = "AZURE_SIM_RESOURCE_GROUPS", value_name = "NAME", value_delimiter = ',')]
    resource_group: Vec<String>,
    /// Keep the world in DIR, as state.redb: a later start with the same DIR goes on where this one stops, or is killed
    #[arg(long, env = "AZURE_SIM_KEEP")]
    keep: bool,
    /// Take webhooks that are not https
    #[arg(long, env = "AZURE_SIM_ALLOW_HTTP_WEBHOOKS")]
    allow_http_webhooks: bool,
    /// Requests that the journal keeps; the oldest go first
    #[arg(
        long,
        env = "AZURE_SIM_JOURNAL_CAPACITY",
        value_name = "NUMBER",
        default_value = "10000",
        allow_negative_numbers = true
    )]
    journal_capacity: String,
    /// YAML file with faults that are in place from the start
    #[arg(long, env = "AZURE_SIM_FAULTS", value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Never throttle
    #[arg(long, env = "AZURE_SIM_NO_THROTTLING")]
    no_throttling: bool,
}

/// Entries of the journal at most: about half a gigabyte.
const JOURNAL: usize = 1_000_000;

/// What was asked for.
pub(crate) struct Wanted {
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    /// To be in place before anybody is told where to connect.
    pub(crate) faults: Vec<Fault>,
}

pub(crate) fn check(given: Given) -> Result<Wanted, Vec<String>> {
    let mut mistakes = Vec::new();
    let config = config(&given, &mut mistakes);
    let authority = authority(&given, &mut mistakes);
    let faults = faults(&given, &mut mistakes);
    let mut wrong = |text: String| mistakes.push(text);
    let listen = given.listen.parse::<SocketAddr>();
    if listen.is_err() {
        wrong(format!("--listen: '{}' is not ADDRESS:PORT", given.listen));
    }
    let identity_listen = given.identity_listen.as_ref().map(|text| text.parse::<SocketAddr>()).transpose();
    if identity_listen.is_err() {
        let text = given.identity_listen.as_deref().unwrap_or_default();
        wrong(format!("--identity-listen: '{text}' is not ADDRESS:PORT"));
    }
    if let Some(url) = given.public_url.as_ref().filter(|url| !is_origin(url)) {
        wrong(format!("--public-url: '{url}' is not https://HOST or https://HOST:PORT"));
    }
    for name in given.dns_name.iter().filter(|name| !is_host(name)) {
        wrong(format!("--dns-name: '{name}' is neither a host name nor an address"));
    }
    for file in given.trust.iter().filter(|f| !f.is_file()) {
        wrong(format!("--trust: no file {}", file.display()));
    }
    let mut storage = Vec::new();
    for text in &given.storage {
        match StorageAccess::parse(text) {
            Ok(access) => storage.push(access),
            Err(mistake) => wrong(format!("--storage: {mistake}")),
        }
    }
    if given.dir.is_none() {
        wrong("--dir is missing: where to write ca.crt and env".into());
    }
    let Given { dir: Some(dir), public_url, dns_name: names, trust, keep, .. } = given else { return Err(mistakes) };
    let (Ok(listen), Ok(identity_listen), Some(config), Some(authority), true) =
        (listen, identity_listen, config, authority, mistakes.is_empty())
    else {
        return Err(mistakes);
    };
    // Clients of a world that goes on trust it still.
    let authority = if keep && authority == Source::New { Source::Kept(dir.clone()) } else { authority };
    let keep = keep.then(|| dir.clone());
    let options = Options { listen, identity_listen, public_url, names, authority, trust, storage, keep, config };
    Ok(Wanted { dir, options, faults })
}

fn faults(given: &Given, mistakes: &mut Vec<String>) -> Vec<Fault> {
    let Some(file) = &given.faults else { return Vec::new() };
    let read = std::fs::read_to_string(file).map_err(|error| error.to_string()).and_then(|text| Fault::script(&text));
    read.unwrap_or_else(|why| {
        mistakes.push(format!("--faults: {}: {why}", file.display()));
        Vec::new()
    })
}

fn config(given: &Given, mistakes: &mut Vec<String>) -> Option<Config> {
    let before = mistakes.len();
    let mut wrong = |text: String| mistakes.push(text);
    let mut config = Config::default();
    match profile(&given.profile) {
        Ok(profile) => (config.profile, config.hiccups) = (profile, profile == Profile::Azure),
        Err(mistake) => wrong(mistake),
    }
    match time_scale(&given.time_scale) {
        Ok(scale) => config.time_scale = scale,
        Err(mistake) => wrong(mistake),
    }
    match given.seed.parse::<u64>() {
        Ok(seed) => config.seed = seed,
        Err(_) => wrong(format!("--seed: '{}' is not a whole number", given.seed)),
    }
    match given.journal_capacity.parse::<usize>().ok().filter(|n| *n <= JOURNAL) {
        Some(capacity) => config.journal_capacity = capacity,
        None => wrong(format!("--journal-capacity: '{}' is not between 0 and {JOURNAL}", given.journal_capacity)),
    }
    for (option, text, place) in [
        ("--tenant-id", &given.tenant_id, &mut config.tenant_id),
        ("--client-id", &given.client_id, &mut config.client_id),
        ("--subscription-id", &given.subscription_id, &mut config.subscription_id),
    ] {
        match text {
            Some(guid) if is_guid(guid) => place.clone_from(guid),
            Some(other) => wrong(format!("{option}: '{other}' is not a GUID")),
            None => {}
        }
    }
    for other in given.subscription.iter().filter(|s| !is_guid(s)) {
        wrong(format!("--subscription: '{other}' is not a GUID"));
    }
    if let Some(file) = &given.client_secret_file {
        match std::fs::read_to_string(file) {
            Ok(secret) if !secret.trim().is_empty() => secret.trim().clone_into(&mut config.client_secret),
            Ok(_) => wrong(format!("--client-secret-file: {} is empty", file.display())),
            Err(error) => wrong(format!("--client-secret-file: {}: {error}", file.display())),
        }
    }
    if !given.resource_group.is_empty() {
        config.resource_groups.clone_from(&given.resource_group);
    }
    config.further_subscriptions.clone_from(&given.subscription);
    config.allow_http_webhooks = given.allow_http_webhooks;
    config.deletion_notices = true;
    config.throttle = !given.no_throttling;
    (mistakes.len() == before).then_some(config)
}

pub(crate) fn profile(text: &str) -> Result<Profile, String> {
    match text {
        "instant" => Ok(Profile::Instant),
        "azure" => Ok(Profile::Azure),
        other => Err(format!("--profile: '{other}' is neither instant nor azure")),
    }
}

pub(crate) fn time_scale(text: &str) -> Result<f64, String> {
    let scale = text.parse::<f64>().ok().filter(|scale| scale.is_finite() && *scale > 0.0);
    scale.ok_or_else(|| format!("--time-scale: '{text}' is not a positive number"))
}

fn authority(given: &Given, mistakes: &mut Vec<String>) -> Option<Source> {
    match (&given.authority, &given.authority_cert, &given.authority_key) {
        (None, None, None) => Some(Source::New),
        (Some(dir), None, None) => Some(Source::Kept(dir.clone())),
        (None, Some(certificate), Some(key)) => {
            let missing = [("--authority-cert", certificate), ("--authority-key", key)];
            let missing = missing.iter().filter(|(_, file)| !file.is_file());
            let before = mistakes.len();
            mistakes.extend(missing.map(|(option, file)| format!("{option}: no file {}", file.display())));
            let (certificate, key) = (certificate.clone(), key.clone());
            (mistakes.len() == before).then_some(Source::Files { certificate, key })
        }
        (Some(_), ..) => {
            mistakes.push("--authority: the authority is either kept in a directory or given by --authority-cert and --authority-key".into());
            None
        }
        (None, Some(_), None) => {
            mistakes.push("--authority-key is missing: --authority-cert cannot sign without it".into());
            None
        }
        (None, None, Some(_)) => {
            mistakes
                .push("--authority-cert is missing: clients have to trust the certificate of --authority-key".into());
            None
        }
    }
}

/// Paths of Azure follow it, so it has none of its own.
pub(crate) fn is_origin(url: &str) -> bool {
    let bare = |url: &url::Url| url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    url::Url::parse(url)
        .is_ok_and(|url| url.scheme() == "https" && url.has_host() && url.username().is_empty() && bare(&url))
}

/// What a certificate can be good for: an address, or a name that may begin with a wildcard.
fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let plain = name.strip_prefix("*.").unwrap_or(name);
    name.parse::<std::net::IpAddr>().is_ok() || (plain.len() <= 253 && plain.split('.').all(label))
}

pub(crate) fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// `export` lines under the names that Azure's own tools read. `identity` is the address of the identity endpoints with the
/// App Service's path and header, where they are served.
pub(crate) fn environment(config: &Config, url: &str, ca: &Path, identity: Option<(&str, &str, &str)>) -> String {
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
    let mut pairs: Vec<(&str, String)> = pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    if let Some((url, path, header)) = identity {
        pairs.push(("IDENTITY_ENDPOINT", format!("{url}{path}")));
        pairs.push(("IDENTITY_HEADER", header.to_owned()));
        pairs.push(("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.to_owned()));
    }
    pairs.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect()
}

/// For a shell: a directory may have any name. Plain where it can be, for readers that are no shell.
fn quoted(value: &str) -> String {
    if value.chars().all(|c| c.is_ascii_alphanumeric() || "/:._~-=+".contains(c)) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}

/// Readable by its owner only: it holds the client secret. It is there as a whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    let new = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .with_context(context)?;
    file.write_all(text.as_bytes()).with_context(context)?;
    std::fs::rename(&new, path).with_context(context)
}

/// Removes a file, and returns what was in it if there was one.
pub(crate) fn taken_away(path: &Path) -> anyhow::Result<Option<String>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    Ok(Some(text))
}
