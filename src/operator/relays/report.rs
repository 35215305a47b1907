//! The report of one relay, from its pod.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use acs_wire::relay::report::RelayReport;
use acs_wire::relay::{paths, ports};
use reqwest::redirect::Policy;

use super::{bounded, cause};

/// A relay answers at once, or something is wrong.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Names of some hundred event subscriptions, and fingerprints.
const BODY_LIMIT: usize = 256 * 1024;

pub struct Reporter {
    http: reqwest::Client,
}

impl Reporter {
    pub fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            // Pods are asked in plain HTTP. Left to itself the client wants roots of the platform, and an empty image has none.
            .tls_certs_only([])
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("acs-operator/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http })
    }

    /// Asks the relay in the pod with that address.
    pub async fn ask(&self, address: &str) -> Result<RelayReport, String> {
        let address: IpAddr = address.parse().map_err(|_| "its pod has no address that can be read".to_owned())?;
        let url = format!("http://{}{}", SocketAddr::new(address, ports::OPS), paths::REPORT);
        let response = self.http.get(url).send().await.map_err(|error| cause(&error))?;
        let status = response.status();
        if status != reqwest::StatusCode::OK {
            return Err(format!("it answered {status}"));
        }
        let body = bounded(response, BODY_LIMIT).await?;
        serde_json::from_slice(&body).map_err(|_| "its answer is no report".to_owned())
    }
}
