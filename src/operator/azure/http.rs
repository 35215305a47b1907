//! The one HTTP client, and one exchange with it: bounded in time and in size.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use acs_core::azure::error::{AzureError, Fate};
use acs_core::moment::Timings;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder};
use tokio::time::Instant;

use super::cloud::Clouds;
use super::unanswered;

/// Longest body that is read. ARM's own limit for a provider's answer is 8 MB.
pub const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Longest time for DNS, TCP and TLS. Connecting is the one failure after which a write is known not to have happened.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that cannot be built.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ClientError {
    #[error("CA bundle {path}: {cause}")]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("CA bundle {path}: {cause}")]
    NotPem { path: PathBuf, cause: reqwest::Error },
    #[error("CA bundle {path} holds no certificate")]
    NoCertificate { path: PathBuf },
    #[error("HTTP client: {0}")]
    Build(#[from] reqwest::Error),
}

/// A client for all clouds, and one for each that has authorities of its own: they must not be able to vouch for the others.
#[derive(Clone, Debug)]
pub struct Clients {
    common: Client,
    own: Arc<BTreeMap<String, Client>>,
}

impl Clients {
    /// Builds them.
    ///
    /// # Errors
    /// As [`client`].
    pub fn new(timings: &Timings, ca_bundle: Option<&Path>, clouds: &Clouds) -> Result<Self, ClientError> {
        let proxied = clouds.any_remote();
        let mut own = BTreeMap::new();
        for (cloud, further) in clouds.iter().filter_map(|cloud| Some((cloud, cloud.ca_bundle.as_deref()?))) {
            let mut trusted = roots(ca_bundle)?;
            trusted.extend(bundle(further)?);
            own.insert(cloud.name.clone(), trusting(timings, trusted, proxied && !cloud.is_loopback())?);
        }
        Ok(Self { common: client(timings, ca_bundle, proxied)?, own: Arc::new(own) })
    }

    /// The client for that cloud.
    pub fn of(&self, cloud: &str) -> &Client {
        self.own.get(cloud).unwrap_or(&self.common)
    }
}

impl From<Client> for Clients {
    fn from(common: Client) -> Self {
        Self { common, own: Arc::default() }
    }
}

/// Builds the client. Trusted are the roots compiled in (an image may have none), the platform's, and those of `ca_bundle`,
/// which is what `SSL_CERT_FILE` names. `proxied`: whether the proxies of the environment are used; a cloud on a loopback
/// address cannot be reached through one.
///
/// # Errors
/// If the bundle cannot be read. A bundle that is ignored in silence would show as `UnknownIssuer` much later.
pub fn client(timings: &Timings, ca_bundle: Option<&Path>, proxied: bool) -> Result<Client, ClientError> {
    trusting(timings, roots(ca_bundle)?, proxied)
}

fn trusting(timings: &Timings, roots: Vec<Certificate>, proxied: bool) -> Result<Client, ClientError> {
    let timeout = Duration::from_millis(timings.request_timeout);
    let builder = Client::builder()
        .tls_certs_merge(roots)
        // A redirect could carry a token to another host.
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .timeout(timeout)
        // A connection that died unseen is noticed by a ping, not by the timeout of every call on it.
        .http2_keep_alive_interval(Duration::from_secs(15))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .tcp_keepalive(Duration::from_secs(30))
        .user_agent(concat!("acs-operator/", env!("CARGO_PKG_VERSION")));
    let builder = if proxied { builder } else { builder.no_proxy() };
    Ok(builder.build()?)
}

/// The public roots, compiled in, and those of `ca_bundle`.
///
/// # Errors
/// If the bundle cannot be read.
pub fn roots(ca_bundle: Option<&Path>) -> Result<Vec<Certificate>, ClientError> {
    let mut roots = Vec::new();
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        roots.push(Certificate::from_der(root)?);
    }
    if let Some(path) = ca_bundle {
        roots.extend(bundle(path)?);
    }
    Ok(roots)
}

fn bundle(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let at = || path.to_owned();
    let pem = std::fs::read(path).map_err(|cause| ClientError::Unreadable { path: at(), cause })?;
    let roots = Certificate::from_pem_bundle(&pem).map_err(|cause| ClientError::NotPem { path: at(), cause })?;
    if roots.is_empty() {
        return Err(ClientError::NoCertificate { path: at() });
    }
    Ok(roots)
}

/// An answer, whatever its status. It may hold keys, so it has no Debug.
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Sends a request and reads the answer, all before `deadline`.
pub(super) async fn exchange(request: RequestBuilder, deadline: Instant) -> Result<Answer, AzureError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(unanswered("TimedOut", "the time for this call was over before it was sent", Fate::NotApplied));
    }
    let mut response = request.timeout(left).send().await.map_err(|error| lost(&error))?;
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + chunk.len() > BODY_LIMIT {
            let message = format!("the answer ({status}) is longer than {BODY_LIMIT} bytes");
            return Err(unanswered("AnswerTooLong", &message, Fate::Unknown));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

/// The error's own text is not used: it holds the URL, and URLs of operations are signed.
fn lost(error: &reqwest::Error) -> AzureError {
    let cause = innermost(error);
    if error.is_builder() {
        unanswered("InvalidRequest", &format!("the request cannot be sent: {cause}"), Fate::NotApplied)
    } else if error.is_connect() {
        unanswered("Unreachable", &format!("no connection: {cause}"), Fate::NotApplied)
    } else if error.is_timeout() {
        unanswered("TimedOut", "no complete answer in time", Fate::Unknown)
    } else {
        unanswered("ConnectionLost", &format!("the connection ended before the answer: {cause}"), Fate::Unknown)
    }
}

fn innermost(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut text = String::from("no cause given");
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}

/// A random GUID, as Azure wants it for request ids.
pub fn guid() -> String {
    let bits = rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_version_4() {
        let (one, other) = (guid(), guid());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        assert_eq!(one.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&one.as_bytes()[19]));
    }

    #[test]
    fn a_bundle_that_trusts_nobody_is_an_error_at_start() {
        let missing = client(&Timings::default(), Some(Path::new("/nowhere/ca.pem")), true);
        assert!(matches!(missing, Err(ClientError::Unreadable { .. })));
        let empty = std::env::temp_dir().join(format!("{}.pem", guid()));
        std::fs::write(&empty, "").unwrap();
        let built = client(&Timings::default(), Some(&empty), true);
        std::fs::remove_file(&empty).unwrap();
        assert!(matches!(built, Err(ClientError::NoCertificate { .. })));
        assert!(client(&Timings::default(), None, false).is_ok());
    }
}
