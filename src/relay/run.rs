//! The process: doors are bound before anything else, files are read, doors are served, and at the end everything under way is
//! finished.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::config::Folders;
use crate::options::Checked;
use crate::serve::{Door, Limits, Peers};
use crate::state::State;
use crate::{ops, push, receive};

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_secs(1);
/// Most threads. One is enough for one core, and costs least.
const MOST_THREADS: usize = 4;

/// Runs until told to end.
///
/// # Errors
/// When an address cannot be bound.
pub fn block_on(options: Checked) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = match cores {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(cores.min(MOST_THREADS)).enable_all().build()?;
    runtime.block_on(run(options))
}

async fn run(options: Checked) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let addresses = [options.events_listen, options.local_listen, options.ops_listen];
    let relay = Relay::start(addresses, options.folders, Limits::default()).await?;
    let [events, local, ops] = relay.addresses;
    tracing::info!(%events, %local, %ops, version = env!("CARGO_PKG_VERSION"), "listening");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!(delay = options.drain_delay.as_secs(), grace = options.drain_grace.as_secs(), "told to end");
    relay.state.lifecycle.leave();
    // A second signal is a person, or a kubelet, that does not want to wait for the first half.
    tokio::select! {
        () = sleep(options.drain_delay) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let left = relay.drain(options.drain_grace).await;
    if left > 0 {
        tracing::warn!(requests = left, "ended before these were answered; Event Grid will send them again");
    }
    tracing::info!("ended");
    Ok(())
}

/// A relay that is running.
pub struct Relay {
    /// Where it listens: events, local, ops.
    pub addresses: [SocketAddr; 3],
    /// What its doors share.
    pub state: Arc<State>,
    stop: watch::Sender<bool>,
    doors: Vec<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
}

impl Relay {
    /// Binds, reads, serves.
    ///
    /// # Errors
    /// When an address cannot be bound.
    pub async fn start(addresses: [SocketAddr; 3], folders: Folders, limits: Limits) -> anyhow::Result<Self> {
        let [events, local, ops] = addresses;
        let events = bind("--events-listen", events).await?;
        let local = bind("--local-listen", local).await?;
        let ops = bind("--ops-listen", ops).await?;
        let addresses = [events.local_addr()?, local.local_addr()?, ops.local_addr()?];
        let state = State::new(folders, limits);
        let (stop, stopped) = watch::channel(false);
        let open = Arc::new(AtomicUsize::new(0));

        let shared = Arc::clone(&state);
        let handler = move |request, _| receive::serve(Arc::clone(&shared), request);
        let events_door = Door { limits, stop: stopped.clone(), open: Arc::clone(&open), peers: None, handler };
        let shared = Arc::clone(&state);
        let handler = move |request, peer| push::local::serve(Arc::clone(&shared), peer, request);
        let few = Limits { connections: 128, head_bytes: 16 * 1024, ..limits };
        let local_door = Door { limits: few, stop: stopped, open: Arc::default(), peers: None, handler };
        let shared = Arc::clone(&state);
        let handler = move |request, _| std::future::ready(ops::serve(&shared, &open, &request));
        // Health is answered to the very end, and whatever another pod does: a kubelet that gets no answer kills the relay.
        let (never, forever) = watch::channel(false);
        let peers = Some(Peers::new(few.connections / 4));
        let ops_door = Door { limits: few, stop: forever, open: Arc::default(), peers, handler };

        let doors = vec![tokio::spawn(events_door.serve(events)), tokio::spawn(local_door.serve(local))];
        let looking = Arc::clone(&state);
        let others = vec![
            tokio::spawn(async move {
                ops_door.serve(ops).await;
                drop(never);
            }),
            tokio::spawn(async move {
                loop {
                    sleep(LOOK).await;
                    looking.reload();
                }
            }),
        ];
        Ok(Self { addresses, state, stop, doors, others })
    }

    /// Takes nothing new, and waits so long for what is under way; gives how many requests were left.
    pub async fn drain(mut self, grace: Duration) -> usize {
        self.state.lifecycle.leave();
        self.state.lifecycle.drain();
        let _ = self.stop.send(true);
        let doors = std::mem::take(&mut self.doors);
        let all = async {
            for door in doors {
                let _ = door.await;
            }
        };
        let _ = timeout(grace, all).await;
        self.state.in_flight.now() + self.state.local_in_flight.now()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        for task in self.doors.iter().chain(&self.others) {
            task.abort();
        }
    }
}

async fn bind(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{flag}: cannot listen on {address}"))
}
