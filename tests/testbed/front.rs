//! What stands before a relay in the world: ends TLS under a name that Event Grid trusts, and passes on. A gateway in the small,
//! since none runs on these grounds.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::AzureSim;

/// Where connections go, in turn; none: they are closed at once, as a gateway without an endpoint would.
type Targets = Arc<Mutex<(usize, Vec<SocketAddr>)>>;

/// A running front. It ends with the value, and its connections with it.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    targets: Targets,
    serving: tokio::task::JoinHandle<()>,
}

impl Front {
    /// Listens on a free port of `ip`, with a certificate for it that the simulator has signed, so that the simulator trusts it.
    ///
    /// # Errors
    /// When the address is not this machine's, or the simulator signs nothing.
    pub async fn start(azure: &AzureSim, ip: IpAddr) -> Result<Self> {
        Self::start_at(azure, &ip.to_string(), SocketAddr::new(ip, 0)).await
    }

    /// As [`Front::start`], under that name at that address.
    ///
    /// # Errors
    /// When nobody may listen there, or the simulator signs nothing.
    pub async fn start_at(azure: &AzureSim, name: &str, address: SocketAddr) -> Result<Self> {
        let config = server_config(azure, name).await?;
        let listener = TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
        let address = listener.local_addr()?;
        let targets = Targets::default();
        let serving = tokio::spawn(serve(listener, TlsAcceptor::from(config), targets.clone()));
        Ok(Self { address, targets, serving })
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Where connections go from now on, in turn. Those that are open stay where they are.
    pub fn point_at(&self, targets: &[SocketAddr]) {
        *self.targets.lock().unwrap_or_else(PoisonError::into_inner) = (0, targets.to_vec());
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// TLS as a server of that name, or at that address, with a certificate that the simulator has signed: so it trusts that, as the public trusts a real one.
///
/// # Errors
/// When the simulator signs nothing.
pub async fn server_config(azure: &AzureSim, name: &str) -> Result<Arc<rustls::ServerConfig>> {
    let issued = azure.post("/_sim/certificate", &json!({"names": [name]})).await?;
    let pem = |name: &str| issued.get(name).and_then(Value::as_str).unwrap_or_default();
    let chain = CertificateDer::pem_slice_iter(pem("certificate").as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(pem("key").as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_no_client_auth().with_single_cert(chain, key)?))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, targets: Targets) {
    // Dropped with this future: aborting it ends every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                let (acceptor, target) = (acceptor.clone(), next(&targets));
                connections.spawn(async move { pass_on(client, acceptor, target).await });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

fn next(targets: &Targets) -> Option<SocketAddr> {
    let mut targets = targets.lock().unwrap_or_else(PoisonError::into_inner);
    let (turn, all) = &mut *targets;
    *turn = turn.wrapping_add(1);
    all.get(*turn % all.len().max(1)).copied()
}

async fn pass_on(client: TcpStream, acceptor: TlsAcceptor, target: Option<SocketAddr>) -> std::io::Result<()> {
    let Some(target) = target else { return Ok(()) };
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(target).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}
