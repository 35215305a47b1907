//! The skin: TLS, a listener, a clock, and the calls that Azure makes outwards.

pub mod authority;
mod clock;
mod identity;
mod keeper;
mod news;
mod origin;
mod page;
mod serve;
mod signing;
mod storage;
mod store;
mod stream;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{Notify, Semaphore};

pub use authority::Authority;
pub use storage::StorageAccess;

use crate::model::{Config, World};
use keeper::Keeper;
use store::{Found, Store};

pub use store::FILE as STATE_FILE;

/// How a simulator is served.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where managed identities are served in plain HTTP, if anywhere; port 0 takes a free one.
    pub identity_listen: Option<SocketAddr>,
    /// What clients are told to call, when that is not the listening address.
    pub public_url: Option<String>,
    /// Further host names and addresses that the server's certificate is good for.
    pub names: Vec<String>,
    /// Who signs it.
    pub authority: authority::Source,
    /// PEM files with further authorities that webhooks may be signed by.
    pub trust: Vec<PathBuf>,
    /// Storage accounts that exist for real: events and dead letters go there.
    pub storage: Vec<StorageAccess>,
    /// Directory that keeps the world over a restart; without one it is in memory only.
    pub keep: Option<PathBuf>,
    /// The world to serve; its `base_url` and `storage_accounts` are filled in.
    pub config: Config,
}

/// A world that time and clients share.
pub struct Shared {
    world: Mutex<World>,
    changed: Notify,
    news: news::News,
    /// A place for each who follows the journal.
    streams: Arc<Semaphore>,
    authority: Authority,
    /// It was given in files, by somebody whom others may trust for more than this.
    authority_is_theirs: bool,
    keeper: Option<Keeper>,
}

impl Shared {
    /// The world. Hold it briefly: every request waits for it.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A world is changed by total functions only, so that a poisoned lock still guards a whole one.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets timers be looked at again, after a change made past HTTP.
    pub fn wake(&self) {
        self.changed.notify_one();
        self.news.written();
    }

    /// Does something to the world and hands over what is to be written of it: the ticket to wait for, with the result.
    fn change<T>(&self, what: impl FnOnce(&mut World) -> T) -> (T, u64) {
        let mut world = self.world();
        let done = what(&mut world);
        let ticket = self.keeper.as_ref().map_or(0, |keeper| keeper.take(&mut world));
        (done, ticket)
    }

    /// Waits until what has that ticket would survive the end of this process.
    async fn written(&self, ticket: u64) -> Result<(), String> {
        match &self.keeper {
            Some(keeper) => keeper.written(ticket).await,
            None => Ok(()),
        }
    }

    /// Writes what is not urgent, every now and then.
    async fn write_the_rest(self: Arc<Self>) {
        let Some(keeper) = &self.keeper else { return };
        loop {
            tokio::time::sleep(keeper::PATIENCE).await;
            keeper.take_rest(&mut self.world());
        }
    }

    /// The authority that signed the server's certificate.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }
}

/// The data plane of every Notification Hubs namespace: clients connect here and ask for it by name.
const HUBS: &str = "*.servicebus.windows.net";

/// For requests under way when the server ends.
const GRACE: Duration = Duration::from_secs(1);

/// A simulator that is being served.
pub struct Running {
    /// What clients call.
    pub url: String,
    /// Where it listens, whatever clients are told.
    pub address: SocketAddr,
    /// What machines and apps call for a token of their identity, if anything is served there.
    pub identity_url: Option<String>,
    /// The world behind it.
    pub shared: Arc<Shared>,
    handles: Vec<axum_server::Handle<SocketAddr>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// Stops listening, gives requests under way a second, and ends.
    pub async fn stop(self) {
        self.shared.news.over();
        for handle in &self.handles {
            handle.graceful_shutdown(Some(GRACE));
        }
        let mut tasks = self.tasks.into_iter();
        // The server ends by itself when its connections have.
        if let Some(mut server) = tasks.next()
            && !server.is_finished()
            && tokio::time::timeout(GRACE, &mut server).await.is_err()
        {
            server.abort();
        }
        for task in tasks {
            task.abort();
            // An aborted task reports just that.
            let _ = task.await;
        }
        if let Some(keeper) = &self.shared.keeper {
            keeper.finish(&mut self.shared.world());
        }
    }

    /// Waits until serving ended by itself, which it does only by failing; or until the state cannot be written.
    pub async fn ended(&mut self) {
        let failed = async {
            match &self.shared.keeper {
                Some(keeper) => keeper.failed().await,
                None => std::future::pending().await,
            }
        };
        if let Some(server) = self.tasks.first_mut() {
            tokio::select! {
                _ = server => {}
                () = failed => {}
            }
        }
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// Listens where it was asked to. A world that goes on is served where it was, as long as any port will do: what it gave
/// out are URLs.
fn listen(asked: SocketAddr, before: Option<&str>) -> anyhow::Result<TcpListener> {
    let before = before.and_then(|address| address.parse::<SocketAddr>().ok());
    let again = before.filter(|before| asked.port() == 0 && asked.ip() == before.ip());
    if let Some(before) = again {
        match TcpListener::bind(before) {
            Ok(listener) => return Ok(listener),
            Err(error) => {
                tracing::warn!(%error, %before, "the address of before is taken; URLs that were given out end")
            }
        }
    }
    TcpListener::bind(asked).with_context(|| format!("cannot listen on {asked}"))
}

/// The world to serve: the one that was kept, else a new one.
fn world(found: Option<Found>, mut config: Config) -> anyhow::Result<World> {
    if let Some(Found { mut world, remarks, .. }) = found {
        for remark in remarks {
            tracing::warn!("{remark}");
        }
        world.call_again();
        return Ok(world);
    }
    if config.signing_key.is_none() {
        config.signing_key = Some(signing::new().context("cannot make the key that signs tokens")?);
    }
    Ok(World::new(config))
}

/// Listens and serves.
///
/// # Errors
/// When the address is taken, a trusted file is no certificate, a certificate cannot be made, or a kept world cannot be
/// read or written.
pub async fn start(options: Options) -> anyhow::Result<Running> {
    // Whoever embeds this may have chosen a provider already; the first one stays.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let store = options.keep.as_deref().map(Store::open).transpose()?;
    let before = store.as_ref().map(Store::address).transpose()?.flatten();
    let listener = listen(options.listen, before.as_deref())?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let called = called(address);
    let identities = options.identity_listen.map(identity::bind).transpose()?;
    let url = options.public_url.clone().unwrap_or_else(|| format!("https://{called}"));
    let url = url.trim_end_matches('/').to_owned();
    let authority = Authority::of(&options.authority)?;
    let mut names = options.names.clone();
    names.extend([called.ip().to_string(), "localhost".to_owned(), "127.0.0.1".to_owned(), HUBS.to_owned()]);
    if let Some(name) = url::Url::parse(&url).ok().and_then(|u| u.host_str().map(str::to_owned)) {
        names.push(name);
    }
    names.sort();
    names.dedup();
    let issued = authority.issue(&names)?;
    let tls = serve::tls(&issued)?;
    let caller = clock::Caller::new(&authority, &options.trust, options.storage)?;
    let config = Config { base_url: url.clone(), storage_accounts: caller.storage_accounts(), ..options.config };
    let found = store.as_ref().map(|store| store.load(&config)).transpose()?.flatten();
    let is_new = found.is_none();
    let mut world = world(found, config)?;
    let keeper = store.map(|store| keep(store, &mut world, is_new, address)).transpose()?;
    let shared = Arc::new(Shared {
        world: Mutex::new(world),
        changed: Notify::new(),
        news: news::News::new(),
        streams: Arc::new(Semaphore::new(stream::MOST)),
        authority,
        authority_is_theirs: matches!(options.authority, authority::Source::Files { .. }),
        keeper,
    });
    let handle = axum_server::Handle::new();
    let server = tokio::spawn(serve::serve(listener, tls, handle.clone(), shared.clone()));
    let clock = tokio::spawn(clock::run(shared.clone(), caller));
    handle.listening().await.context("the server ended before it listened")?;
    let (mut handles, mut tasks, mut identity_url) = (vec![handle], vec![server, clock], None);
    if shared.keeper.is_some() {
        tasks.push(tokio::spawn(shared.clone().write_the_rest()));
    }
    if let Some((listener, url)) = identities {
        let handle = axum_server::Handle::new();
        tasks.push(tokio::spawn(identity::serve(listener, handle.clone(), shared.clone())));
        handle.listening().await.context("the server of identities ended before it listened")?;
        handles.push(handle);
        identity_url = Some(url);
    }
    Ok(Running { url, address: called, identity_url, shared, handles, tasks })
}

/// From now on the world is written down.
fn keep(store: Store, world: &mut World, is_new: bool, address: SocketAddr) -> anyhow::Result<Keeper> {
    if is_new {
        world.watch();
    }
    store.begin(&address.to_string(), &world.changes()?)?;
    Keeper::start(store)
}

/// What listens everywhere is called on loopback, unless somebody says otherwise.
fn called(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address }
}
