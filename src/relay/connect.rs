//! Connections to targets and to the hub: kept and used again, no redirects, no proxies, answers read to a bound.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// Longest that a connection is kept without use; shorter than servers keep theirs, as a rule.
const KEEP: Duration = Duration::from_secs(15);
/// Most connections that are kept without use.
const KEPT: usize = 64;

/// Where to connect.
#[derive(Clone)]
pub struct Origin {
    tls: Option<TlsConnector>,
    host: String,
    port: u16,
    /// Value of `Host`.
    pub authority: HeaderValue,
}

impl Origin {
    /// Reads an absolute URL of `http` or `https`, without user and password.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(url: &str, ca_bundle: Option<&str>) -> Result<(Self, Uri), String> {
        let uri: Uri = url.parse().map_err(|_| "it is no URL; example: http://127.0.0.1:8080/events".to_owned())?;
        let authority = uri.authority().ok_or("it names no host; example: http://127.0.0.1:8080/events")?;
        if authority.as_str().contains('@') {
            return Err("it must hold no user and no password".to_owned());
        }
        let (tls, port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => (Some(tls(ca_bundle)?), 443),
            _ => return Err("it must begin with http:// or https://".to_owned()),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(port);
        let value = HeaderValue::from_str(authority.as_str()).map_err(|_| "its host is no host".to_owned())?;
        Ok((Self { tls, host, port, authority: value }, uri))
    }

    /// True if the host is this machine, by its address or by the one name that must mean it.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// True with TLS.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failed> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(Failed::connect)?;
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return handshake(TokioIo::new(stream)).await };
        let name =
            ServerName::try_from(self.host.clone()).map_err(|_| Failed::NotSent("no name for TLS".to_owned()))?;
        handshake(TokioIo::new(tls.connect(name, stream).await.map_err(Failed::connect)?)).await
    }
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, Failed>
where
    S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(stream).await.map_err(|e| Failed::NotSent(e.to_string()))?;
    tokio::spawn(connection);
    Ok(sender)
}

/// TLS that trusts the public authorities and those of the bundle.
fn tls(ca_bundle: Option<&str>) -> Result<TlsConnector, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    for certificate in CertificateDer::pem_slice_iter(ca_bundle.unwrap_or_default().as_bytes()) {
        let certificate = certificate.map_err(|_| "the CA bundle is no PEM".to_owned())?;
        roots.add(certificate).map_err(|error| format!("the CA bundle: {error}"))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Why there is no answer. The texts name no body and no header.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Surely nothing was sent.
    #[error("cannot connect: {0}")]
    NotSent(String),
    /// It may have been received.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

impl Failed {
    fn connect(error: std::io::Error) -> Self {
        Failed::NotSent(error.to_string())
    }
}

/// Kept connections to one origin.
pub struct Pool {
    origin: Origin,
    kept: Mutex<Vec<(SendRequest<Full<Bytes>>, Instant)>>,
}

impl Pool {
    /// None kept yet.
    pub fn new(origin: Origin) -> Self {
        Self { origin, kept: Mutex::new(Vec::new()) }
    }

    /// Where it connects to.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Sends a request and reads its answer; of a body no more than `bound` bytes.
    ///
    /// # Errors
    /// When there is no answer. Who calls sets the time limit, by dropping this.
    pub async fn send(&self, mut request: Request<Full<Bytes>>, bound: usize) -> Result<Response<Bytes>, Failed> {
        loop {
            let (mut sender, kept) = match self.take() {
                Some(sender) => (sender, true),
                None => (self.origin.connect().await?, false),
            };
            // A kept connection may have been closed by the other side meanwhile: then hyper gives the request back unsent.
            if let Err(error) = sender.ready().await {
                if kept {
                    continue;
                }
                return Err(Failed::NotSent(error.to_string()));
            }
            let response = match sender.try_send_request(request).await {
                Ok(response) => response,
                Err(mut error) => match error.take_message() {
                    Some(unsent) if kept => {
                        request = unsent;
                        continue;
                    }
                    Some(_) => return Err(Failed::NotSent(error.into_error().to_string())),
                    None => return Err(Failed::NoAnswer(error.into_error().to_string())),
                },
            };
            return self.finish(sender, response, bound).await;
        }
    }

    async fn finish(
        &self,
        sender: SendRequest<Full<Bytes>>,
        response: Response<hyper::body::Incoming>,
        bound: usize,
    ) -> Result<Response<Bytes>, Failed> {
        let (head, mut body) = response.into_parts();
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            // The status is the answer; a body that breaks off takes nothing from it, but the connection is of no more use.
            let Ok(frame) = frame else { return Ok(Response::from_parts(head, bytes.freeze())) };
            if let Ok(chunk) = frame.into_data() {
                if bytes.len() + chunk.len() > bound {
                    return Ok(Response::from_parts(head, bytes.freeze()));
                }
                bytes.extend_from_slice(&chunk);
            }
        }
        self.keep(sender);
        Ok(Response::from_parts(head, bytes.freeze()))
    }

    /// The one that was used last: the others grow old and go.
    fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((sender, since)) = kept.pop() {
            if since.elapsed() > KEEP {
                kept.clear();
                return None;
            }
            if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    fn keep(&self, sender: SendRequest<Full<Bytes>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT && !sender.is_closed() {
            kept.push((sender, Instant::now()));
        }
    }
}
