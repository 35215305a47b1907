//! A way from this machine to pods that have no address here: as `kubectl port-forward`, a stream through the API server for each
//! connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Where connections go.
#[derive(Clone, Debug)]
pub enum Goal {
    /// Any pod behind a Service that takes connections, each time anew: its name, and the name of its port.
    Service(String, String),
    /// A pod and a port of it.
    Pod(String, u16),
}

/// A running forward, on a free port of loopback. It ends with the value, and its connections with it.
#[derive(Debug)]
pub struct Forward {
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

struct Way {
    client: Client,
    namespace: String,
    goal: Goal,
    turn: AtomicUsize,
}

impl Forward {
    /// Listens. Whether anybody is there shows with the first connection: one that leads nowhere is closed.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(client: &Client, namespace: &str, goal: Goal) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listening on loopback")?;
        let address = listener.local_addr()?;
        let way = Way { client: client.clone(), namespace: namespace.to_owned(), goal, turn: AtomicUsize::new(0) };
        let serving = tokio::spawn(serve(listener, Arc::new(way)));
        Ok(Self { address, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, way: Arc<Way>) {
    // Dropped with this future: aborting it ends every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                let way = way.clone();
                // Nobody to tell: the connection is closed, as by a Service without endpoints.
                connections.spawn(async move { way.pass_on(client).await.ok() });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Way {
    async fn pass_on(&self, mut client: TcpStream) -> Result<()> {
        let (pod, port) = match &self.goal {
            Goal::Pod(pod, port) => (pod.clone(), *port),
            Goal::Service(name, port) => self.endpoint(name, port).await?,
        };
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut forwarder = pods.portforward(&pod, &[port]).await.context("asking the API server for a stream")?;
        let mut stream = forwarder.take_stream(port).context("the API server gave no stream")?;
        let passed = tokio::io::copy_bidirectional(&mut client, &mut stream).await;
        drop(stream);
        // Its task ends when both sides have.
        forwarder.abort();
        passed.map(drop).context("passing on")
    }

    /// One of the pods that the Service would choose from.
    async fn endpoint(&self, service: &str, port: &str) -> Result<(String, u16)> {
        let slices: Api<EndpointSlice> = Api::namespaced(self.client.clone(), &self.namespace);
        let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
        let slices = slices.list(&of_service).await.context("listing endpoints")?;
        let all: Vec<(String, u16)> = slices.items.iter().flat_map(|slice| ready(slice, port)).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        all.get(turn % all.len().max(1)).cloned().with_context(|| format!("Service {service} has no endpoint"))
    }
}

fn ready(slice: &EndpointSlice, port: &str) -> Vec<(String, u16)> {
    let number = slice.ports.iter().flatten().find(|it| it.name.as_deref() == Some(port)).and_then(|it| it.port);
    let Some(number) = number.and_then(|number| u16::try_from(number).ok()) else { return Vec::new() };
    let takes = slice.endpoints.iter().flatten().filter(|endpoint| {
        endpoint
            .conditions
            .as_ref()
            .is_none_or(|conditions| conditions.ready.unwrap_or(true) && !conditions.terminating.unwrap_or(false))
    });
    takes.filter_map(|endpoint| Some((endpoint.target_ref.as_ref()?.name.clone()?, number))).collect()
}
