//! What stands between the load and the app: the relay, or nginx, each alone on its core.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use acs_wire::filter::EventFilter;
use acs_wire::relay::config::{Encoding, FORMAT, Platform, Push, PushRule, RelayConfig, Route, Subscription};
use acs_wire::relay::folders;
use anyhow::{Context, Result, bail};
use testbed::{Process, binaries, ports};

use super::SUBJECT_CORE;

/// Path of the one event subscription.
pub(super) const PATH: &str = "/v1/events/bench";
/// Its delivery key.
pub(super) const KEY: &str = "bench-key-bench-key-bench-key-bench-key-000";

/// Connection string of a hub that is not there: the relay signs for it, and connects elsewhere.
const HUB: &str = "Endpoint=sb://bench.servicebus.windows.net/;SharedAccessKeyName=bench;SharedAccessKey=YmVuY2g=";

const PATIENCE: Duration = Duration::from_secs(10);

/// A running one. It ends with the value.
pub(super) struct Subject {
    process: Process,
    address: SocketAddr,
    start: Duration,
}

impl Subject {
    /// A relay with one route for SMS, to `app`, and one rule for chat messages, with a hub that is `hub`.
    pub(super) async fn relay(folder: &Path, app: SocketAddr, hub: SocketAddr) -> Result<Self> {
        let config = RelayConfig {
            format: FORMAT,
            relay: "bench".to_owned(),
            namespace: "bench".to_owned(),
            revision: "1".to_owned(),
            path_prefix: String::new(),
            subscriptions: vec![Subscription { name: "bench".to_owned() }],
            routes: vec![Route {
                name: "app".to_owned(),
                filter: of_type("SMSReceived"),
                url: format!("http://{app}/"),
                encoding: Encoding::Binary,
                timeout_seconds: 15,
            }],
            push: Some(Push {
                endpoint: Some(format!("http://{hub}")),
                ca_bundle: None,
                platforms: vec![Platform::Apple],
                rules: vec![PushRule {
                    name: "message".to_owned(),
                    filter: of_type("ChatMessageReceived"),
                    installation_tag: "'user:' + event.data.recipientCommunicationIdentifier.rawId".to_owned(),
                    title: Some("event.data.senderDisplayName".to_owned()),
                    body: "event.data.messageBody".to_owned(),
                    expires_after_seconds: 3600,
                }],
            }),
        };
        let [configuration, delivery, push] = ["config", "delivery", "push"].map(|name| folder.join(name));
        for place in [&configuration, &delivery, &push] {
            fs::create_dir_all(place).with_context(|| format!("making {}", place.display()))?;
        }
        fs::write(configuration.join(folders::CONFIG_FILE), serde_json::to_vec(&config)?)?;
        fs::write(delivery.join(acs_wire::secret_keys::DELIVERY_CURRENT), KEY)?;
        fs::write(push.join(acs_wire::secret_keys::CONNECTION_STRING), HUB)?;
        fs::write(push.join(acs_wire::secret_keys::HUB_NAME), "bench")?;
        let [events, local, ops] = [ports::free_address()?, ports::free_address()?, ports::free_address()?];
        let program = Process::of("acs-relay", "taskset")
            .args(["-c", &SUBJECT_CORE.to_string()])
            .arg(binaries::workspace("acs-relay")?)
            .arg("run")
            .env("ACS_RELAY_CONFIG_DIR", &configuration)
            .env("ACS_RELAY_DELIVERY_DIR", &delivery)
            .env("ACS_RELAY_PUSH_DIR", &push)
            .env("ACS_RELAY_EVENTS_LISTEN", events.to_string())
            .env("ACS_RELAY_LOCAL_LISTEN", local.to_string())
            .env("ACS_RELAY_OPS_LISTEN", ops.to_string());
        let started = Instant::now();
        let process = program.bare_environment().spawn(folder)?;
        until_ready(&process, ops).await?;
        Ok(Self { process, address: events, start: started.elapsed() })
    }

    /// nginx with one worker and kept connections to `app`; `None` where it is not installed.
    pub(super) async fn nginx(folder: &Path, app: SocketAddr) -> Result<Option<Self>> {
        let Some(nginx) =
            binaries::on_path("nginx").or_else(|| Some("/usr/sbin/nginx".into())).filter(|it| it.is_file())
        else {
            return Ok(None);
        };
        let address = ports::free_address()?;
        fs::create_dir_all(folder)?;
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("  {name}_temp_path {};\n", folder.join(name).display()))
            .concat();
        let configuration = format!(
            "daemon off;\nworker_processes 1;\nerror_log stderr error;\npid {};\nevents {{ worker_connections 1024; }}\n\
             http {{\n  access_log off;\n  keepalive_requests 100000000;\n{temporary}\
             \x20 upstream app {{ server {app}; keepalive 64; keepalive_requests 100000000; }}\n\
             \x20 server {{\n    listen {address};\n    location / {{\n      proxy_pass http://app;\n\
             \x20     proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n    }}\n  }}\n}}\n",
            folder.join("nginx.pid").display(),
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration)?;
        let program = Process::of("nginx", "taskset").args(["-c", &SUBJECT_CORE.to_string()]).arg(nginx);
        let started = Instant::now();
        let process = program.args(["-e", "stderr", "-c"]).arg(&file).arg("-p").arg(folder).spawn(folder)?;
        process.until_listening(address, PATIENCE).await?;
        Ok(Some(Self { process, address, start: started.elapsed() }))
    }

    /// Where it takes requests.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From its start to its first answer.
    pub(super) fn start_ms(&self) -> f64 {
        self.start.as_secs_f64() * 1000.0
    }

    /// Resident memory.
    pub(super) fn resident_mib(&self) -> Result<f64> {
        super::super::count::resident_mib_of(self.process.pid())
    }
}

fn of_type(name: &str) -> EventFilter {
    EventFilter { event_types: vec![format!("Microsoft.Communication.{name}")], ..EventFilter::default() }
}

/// Until it says itself that it would take events.
async fn until_ready(process: &Process, ops: SocketAddr) -> Result<()> {
    process.until_listening(ops, PATIENCE).await?;
    let (http, deadline) = (reqwest::Client::builder().no_proxy().build()?, Instant::now() + PATIENCE);
    loop {
        let answer = http.get(format!("http://{ops}/readyz")).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        process.check_running()?;
        if Instant::now() > deadline {
            bail!("the relay is not ready after {PATIENCE:?}; log: {}", process.log().display());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
