//! Leadership: one Lease, changed by compare-and-swap only. A holder counts as dead when its record has not changed for the
//! whole duration *as seen by us*: clocks of different nodes are never compared.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

/// Name of the Lease.
pub const LEASE_NAME: &str = acs_wire::MANAGER;

/// Durations of the lease.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTimings {
    /// A silent holder is dead after this.
    pub duration: Duration,
    /// A holder renews this often.
    pub renew: Duration,
    /// One that waits looks this often.
    pub retry: Duration,
}

impl LeaseTimings {
    /// 15 s, 5 s, 2 s, scaled; never below 1 s, 300 ms, 100 ms.
    pub fn scaled(permille: u64) -> Self {
        let scale = |ms: u64, least: u64| Duration::from_millis((ms * permille / 1000).max(least));
        Self { duration: scale(15_000, 1_000), renew: scale(5_000, 300), retry: scale(2_000, 100) }
    }
}

/// Whether this process leads, and in which term.
#[derive(Debug, Default)]
pub struct Leadership {
    term: AtomicI64,
    until: Mutex<Option<Instant>>,
}

impl Leadership {
    /// The term, while the lease is surely held. Read before every mutating call.
    pub fn term(&self) -> Option<i64> {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.filter(|until| Instant::now() < *until).map(|_| self.term.load(Ordering::Acquire))
    }

    fn hold(&self, term: i64, until: Instant) {
        self.term.store(term, Ordering::Release);
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    fn drop_it(&self) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Least term of a leader: seconds since 2025, which fit into a Lease until 2093. Objects remember the highest term that wrote
/// to them and refuse smaller ones, so a Lease that was deleted, or one in another namespace, must not start at 1 again; nor
/// may the leader after that have the term of the one before.
fn first_term() -> i64 {
    const NEW_YEAR_2025: i64 = 1_735_689_600;
    Timestamp::now().as_second() - NEW_YEAR_2025
}

/// Takes the lease, and keeps it.
pub struct Elector {
    api: Api<Lease>,
    identity: String,
    timings: LeaseTimings,
    leadership: Arc<Leadership>,
    /// The last record seen, and since when it has been like that.
    seen: Option<(String, Instant)>,
    /// Whether to wait for a holder to die. A single replica need not.
    wait: bool,
}

impl Elector {
    /// An elector that holds nothing yet.
    pub fn new(client: Client, namespace: &str, identity: String, timings: LeaseTimings, wait: bool) -> Self {
        let api = Api::namespaced(client, namespace);
        Self { api, identity, timings, leadership: Arc::default(), seen: None, wait }
    }

    /// What the rest of the process looks at.
    pub fn leadership(&self) -> Arc<Leadership> {
        self.leadership.clone()
    }

    /// Waits until this process leads.
    pub async fn acquire(&mut self) {
        loop {
            match self.try_acquire().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "cannot read or write the Lease; trying again"),
            }
            tokio::time::sleep(self.timings.retry).await;
        }
    }

    /// Renews until that fails for too long or another process holds the lease. Returns the reason.
    pub async fn keep(&mut self) -> String {
        loop {
            tokio::time::sleep(self.timings.renew).await;
            match tokio::time::timeout(self.timings.renew, self.renew()).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => {
                    self.leadership.drop_it();
                    return "another process holds the Lease".to_owned();
                }
                Ok(Err(error)) => tracing::warn!(%error, "cannot renew the Lease"),
                Err(_) => tracing::warn!("renewing the Lease took too long"),
            }
            if self.leadership.term().is_none() {
                return "the Lease could not be renewed in time".to_owned();
            }
        }
    }

    /// Gives the lease up, so that the next process need not wait.
    pub async fn release(&mut self) {
        if self.leadership.term().is_none() {
            return;
        }
        self.leadership.drop_it();
        let freed = async {
            let mut lease = self.api.get(LEASE_NAME).await?;
            if let Some(spec) =
                lease.spec.as_mut().filter(|spec| spec.holder_identity.as_deref() == Some(&self.identity))
            {
                spec.holder_identity = Some(String::new());
                self.api.replace(LEASE_NAME, &PostParams::default(), &lease).await?;
            }
            Ok::<(), kube::Error>(())
        };
        let _ = tokio::time::timeout(self.timings.renew, freed).await;
    }

    async fn try_acquire(&mut self) -> Result<bool, kube::Error> {
        // Counted from before the call: the others count from when they see the record, which is later.
        let since = Instant::now();
        let term = first_term();
        let Some(mut lease) = self.api.get_opt(LEASE_NAME).await? else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(LEASE_NAME.to_owned()), ..ObjectMeta::default() },
                spec: Some(self.spec(term)),
            };
            return self.won(term, since, self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let record = format!("{:?}{:?}{:?}", spec.holder_identity, spec.renew_time, lease.metadata.resource_version);
        if self.seen.as_ref().is_none_or(|(seen, _)| *seen != record) {
            self.seen = Some((record, since));
        }
        let silent = self.seen.as_ref().is_some_and(|(_, at)| at.elapsed() >= self.timings.duration);
        let free = spec.holder_identity.as_deref().unwrap_or_default().is_empty();
        if !free && !silent && self.wait {
            return Ok(false);
        }
        let term = term.max(i64::from(spec.lease_transitions.unwrap_or_default()) + 1);
        lease.spec = Some(self.spec(term));
        self.won(term, since, self.api.replace(LEASE_NAME, &PostParams::default(), &lease).await)
    }

    fn won(&self, term: i64, since: Instant, result: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
        match result {
            Ok(_) => {
                self.leadership.hold(term, since + self.timings.duration);
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn renew(&self) -> Result<bool, kube::Error> {
        let since = Instant::now();
        let mut lease = self.api.get(LEASE_NAME).await?;
        let spec = lease.spec.get_or_insert_default();
        let term = self.leadership.term.load(Ordering::Acquire);
        let ours = spec.holder_identity.as_deref() == Some(&self.identity)
            && spec.lease_transitions.map(i64::from) == Some(term);
        if !ours {
            return Ok(false);
        }
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        self.won(term, since, self.api.replace(LEASE_NAME, &PostParams::default(), &lease).await)
    }

    fn spec(&self, term: i64) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(i32::try_from(self.timings.duration.as_secs().max(1)).unwrap_or(15)),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(i32::try_from(term).unwrap_or(i32::MAX)),
            ..LeaseSpec::default()
        }
    }
}
