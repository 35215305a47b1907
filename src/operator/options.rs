//! Options of `acs-operator run`: raw as given, then checked all at once, so that every mistake is named the first time.

use std::net::SocketAddr;
use std::path::PathBuf;

use acs_core::moment::Timings;
use acs_core::relay::inject::RelayImage;
use clap::{Args, ValueEnum};

use crate::azure::{Cloud, Clouds};

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
    /// Identity of this cluster in the owner tags of Azure resources [default: uid of the namespace kube-system]. Set it so
    /// that a rebuilt cluster finds its resources.
    #[arg(long, env = "ACS_CLUSTER_ID")]
    cluster_id: Option<String>,
    /// Watch only this namespace; may be repeated [default: all].
    #[arg(long = "watch-namespace", value_name = "NAMESPACE", env = "ACS_WATCH_NAMESPACES", value_delimiter = ',')]
    watch_namespaces: Vec<String>,
    /// RoleBinding that gives this process its rights in each watched namespace. It is held while an object there is, so
    /// that a namespace that is deleted can be drained.
    #[arg(long, value_name = "NAME")]
    role_binding: Option<String>,
    /// ServiceAccount name that an AzureAccount may use for workload identity; may be repeated.
    #[arg(long = "service-account-name", value_name = "NAME", value_delimiter = ',', default_value = acs_wire::DEFAULT_SERVICE_ACCOUNT)]
    service_account_names: Vec<String>,
    /// Another cloud than Public, `UsGov` and China; may be repeated.
    #[arg(long = "cloud", value_name = "NAME=ARM_ENDPOINT,AUTHORITY")]
    clouds: Vec<String>,
    /// PEM file with authorities to trust for that cloud and for no other; may be repeated.
    #[arg(long = "cloud-ca", value_name = "NAME=FILE")]
    cloud_cas: Vec<String>,
    /// Where relays connect for pushes through hubs of that cloud, instead of the hub's own host; may be repeated. For simulators.
    #[arg(long = "cloud-push", value_name = "NAME=URL")]
    cloud_pushes: Vec<String>,
    /// Address of health and metrics.
    #[arg(long, default_value = "0.0.0.0:8080", value_name = "ADDRESS")]
    listen: String,
    /// With `false` the Lease is taken without waiting for another holder: for a single replica.
    #[arg(long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    leader_elect: bool,
    /// Namespace of the Lease.
    #[arg(long, env = "POD_NAMESPACE", default_value = "acs-operator", value_name = "NAMESPACE")]
    lease_namespace: String,
    /// Name of this process in the Lease.
    #[arg(long, env = "POD_NAME", hide = true)]
    pod_name: Option<String>,
    /// Passes that run at once.
    #[arg(long, default_value_t = 16, value_name = "N")]
    concurrency: usize,
    /// Shape of log lines.
    #[arg(long, value_enum, default_value = "json")]
    log_format: LogFormat,
    /// Level of logs, as for `RUST_LOG`.
    #[arg(long, env = "RUST_LOG", default_value = "info", value_name = "LEVEL")]
    log_level: String,
    /// Further certificate authorities to trust for Azure, as PEM.
    #[arg(long, env = "SSL_CERT_FILE", value_name = "FILE")]
    ca_bundle: Option<PathBuf>,
    /// Image of the relay.
    #[arg(long, value_name = "IMAGE", default_value = concat!("ghcr.io/acs-operator/acs-relay:", env!("CARGO_PKG_VERSION")))]
    relay_image: String,
    /// When nodes pull it: `Always`, `IfNotPresent` or `Never`.
    #[arg(long, value_name = "POLICY", default_value = "IfNotPresent", value_parser = ["Always", "IfNotPresent", "Never"])]
    relay_image_pull_policy: String,
    /// Let a relay's public URL lead to a private address when it is tried: for clusters that Event Grid reaches by a way
    /// of their own.
    #[arg(long, default_value_t = false, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    probe_private_addresses: bool,
    /// Where relays connect for pushes instead of the hub's own host: for simulators.
    #[arg(long, value_name = "URL", hide = true)]
    push_endpoint: Option<String>,
    /// All durations times N / 1000: for tests.
    #[arg(long, default_value_t = 1000, hide = true)]
    timings_permille: u64,
    /// Longest wait for an answer of Azure, in milliseconds, whatever the scale: for tests.
    #[arg(long, hide = true)]
    request_timeout_ms: Option<u64>,
}

/// Options, checked.
#[derive(Clone, Debug)]
pub struct Checked {
    /// See [`RunOptions`].
    pub cluster_id: Option<String>,
    /// Namespaces to watch; empty for all.
    pub watch_namespaces: Vec<String>,
    /// RoleBinding to hold in each watched namespace.
    pub role_binding: Option<String>,
    /// Allowed ServiceAccount names.
    pub service_account_names: Vec<String>,
    /// Clouds by name.
    pub clouds: Clouds,
    /// Address of health and metrics.
    pub listen: SocketAddr,
    /// Whether to wait for another holder of the Lease.
    pub leader_elect: bool,
    /// Namespace of the Lease.
    pub lease_namespace: String,
    /// Name of this process.
    pub pod_name: String,
    /// Passes that run at once.
    pub concurrency: usize,
    /// Shape of log lines.
    pub log_format: LogFormat,
    /// Level of logs.
    pub log_level: String,
    /// Durations.
    pub timings: Timings,
    /// Scale of the lease's durations.
    pub permille: u64,
    /// Further certificate authorities to trust for Azure.
    pub ca_bundle: Option<PathBuf>,
    /// Image of the relay.
    pub relay_image: RelayImage,
    /// Whether a relay's public URL may lead to a private address.
    pub probe_private_addresses: bool,
    /// Where relays connect for pushes instead of the hub's own host.
    pub push_endpoint: Option<String>,
}

impl RunOptions {
    /// Checks everything.
    ///
    /// # Errors
    /// Every mistake, one sentence each.
    pub fn check(self) -> Result<Checked, Vec<String>> {
        let mut mistakes = Vec::new();
        let clouds = self.check_clouds(&mut mistakes);
        let listen = self.listen.parse::<SocketAddr>().ok();
        if listen.is_none() {
            mistakes.push(format!("--listen: \"{}\" is no address; example: 0.0.0.0:8080", self.listen));
        }
        let names = self.watch_namespaces.iter().map(|name| ("--watch-namespace", name));
        let names = names.chain(self.service_account_names.iter().map(|name| ("--service-account-name", name)));
        let names = names.chain(self.role_binding.iter().map(|name| ("--role-binding", name)));
        for (flag, name) in names.chain([("--lease-namespace", &self.lease_namespace)]) {
            if !is_name(name) {
                mistakes.push(format!("{flag}: \"{name}\" is no Kubernetes name"));
            }
        }
        if let Some(id) = self.cluster_id.as_ref().filter(|id| !is_cluster_id(id)) {
            mistakes.push(format!("--cluster-id: \"{id}\" must be 1 to 63 letters, digits, '-', '_' or '.'"));
        }
        if self.concurrency == 0 || self.concurrency > 1024 {
            mistakes.push(format!("--concurrency: {} is not in 1..=1024", self.concurrency));
        }
        if self.timings_permille == 0 || self.timings_permille > 10_000 {
            mistakes.push(format!("--timings-permille: {} is not in 1..=10000", self.timings_permille));
        }
        if self.relay_image.is_empty() || self.relay_image.len() > 512 || self.relay_image.contains(char::is_whitespace)
        {
            mistakes.push(format!("--relay-image: \"{}\" is no image", self.relay_image));
        }
        if let Some(url) = self.push_endpoint.as_ref().filter(|url| !is_https_origin(url)) {
            mistakes.push(format!("--push-endpoint: \"{url}\" is not https://host:port"));
        }
        if self.log_level.parse::<tracing_subscriber::EnvFilter>().is_err() {
            mistakes
                .push(format!("--log-level: \"{}\" is no level; example: info, acs_operator=debug", self.log_level));
        }
        let (Some(listen), true) = (listen, mistakes.is_empty()) else { return Err(mistakes) };
        let watch_all = self.watch_namespaces.is_empty();
        let mut timings = Timings::default().scaled(self.timings_permille);
        if let Some(timeout) = self.request_timeout_ms {
            timings.request_timeout = timeout.max(100);
        }
        Ok(Checked {
            cluster_id: self.cluster_id,
            watch_namespaces: self.watch_namespaces,
            role_binding: self.role_binding.filter(|_| !watch_all),
            service_account_names: self.service_account_names,
            clouds,
            listen,
            leader_elect: self.leader_elect,
            lease_namespace: self.lease_namespace,
            pod_name: self.pod_name.unwrap_or_else(|| format!("{}-{}", acs_wire::MANAGER, std::process::id())),
            concurrency: self.concurrency,
            log_format: self.log_format,
            log_level: self.log_level,
            timings,
            permille: self.timings_permille,
            ca_bundle: self.ca_bundle,
            relay_image: RelayImage { image: self.relay_image, pull_policy: self.relay_image_pull_policy },
            probe_private_addresses: self.probe_private_addresses,
            push_endpoint: self.push_endpoint,
        })
    }

    fn check_clouds(&self, mistakes: &mut Vec<String>) -> Clouds {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut clouds = Clouds::from_environment(variable).unwrap_or_else(|error| {
            mistakes.push(format!("AZURE_RESOURCE_MANAGER_ENDPOINT, AZURE_AUTHORITY_HOST: {error}"));
            Clouds::default()
        });
        for text in &self.clouds {
            match parse_cloud(text) {
                Ok(cloud) => clouds.add(cloud),
                Err(error) => mistakes.push(format!("--cloud: {error}")),
            }
        }
        for text in &self.cloud_cas {
            match of_cloud(&mut clouds, text, "FILE") {
                Ok((cloud, file)) => cloud.ca_bundle = Some(PathBuf::from(file)),
                Err(error) => mistakes.push(format!("--cloud-ca: {error}")),
            }
        }
        for text in &self.cloud_pushes {
            match of_cloud(&mut clouds, text, "URL") {
                Ok((cloud, url)) if is_https_origin(url) => cloud.push_endpoint = Some(url.to_owned()),
                Ok((_, url)) => mistakes.push(format!("--cloud-push: \"{url}\" is not https://host:port")),
                Err(error) => mistakes.push(format!("--cloud-push: {error}")),
            }
        }
        clouds
    }
}

/// `NAME=ARM_ENDPOINT,AUTHORITY`; the audience of tokens is the endpoint, as in the public clouds.
fn parse_cloud(text: &str) -> Result<Cloud, String> {
    let parts = text
        .split_once('=')
        .and_then(|(name, rest)| rest.split_once(',').map(|(arm, authority)| (name, arm, authority)));
    let Some((name, arm, authority)) = parts else {
        return Err(format!("\"{text}\" is not NAME=ARM_ENDPOINT,AUTHORITY"));
    };
    Cloud::new(name, arm, authority, arm).map_err(|error| error.to_string())
}

/// `NAME=VALUE` of a cloud that is configured.
fn of_cloud<'a, 'b>(clouds: &'a mut Clouds, text: &'b str, what: &str) -> Result<(&'a mut Cloud, &'b str), String> {
    let parts = text.split_once('=').filter(|(_, value)| !value.is_empty());
    let (name, value) = parts.ok_or_else(|| format!("\"{text}\" is not NAME={what}"))?;
    let known = clouds.names().join(", ");
    let cloud = clouds.get_mut(name).ok_or_else(|| format!("there is no cloud \"{name}\", only {known}"))?;
    Ok((cloud, value))
}

fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_https_origin(text: &str) -> bool {
    url::Url::parse(text)
        .is_ok_and(|url| url.scheme() == "https" && url.has_host() && url.path() == "/" && url.query().is_none())
}

fn is_cluster_id(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}
