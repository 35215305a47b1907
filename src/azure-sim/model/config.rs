//! What a world is made from, and how long Azure takes for each step.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::signing::SigningKey;

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Everything is done by the next look at it.
    Instant,
    /// The durations seen in recordings of the real service.
    Azure,
}

/// Everything that fixes a world; two worlds of equal configuration answer equally.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// How long things take.
    pub profile: Profile,
    /// Multiplies every duration, and speeds up the refill of throttling buckets by the same factor. 1.0 is real time.
    pub time_scale: f64,
    /// Fixes every guid and key.
    pub seed: u64,
    /// Where clients reach this world, without a trailing slash: operation and token URLs start with it.
    pub base_url: String,
    /// The one directory.
    pub tenant_id: String,
    /// The application that exists from the start.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The subscription that exists from the start.
    pub subscription_id: String,
    /// More subscriptions.
    pub further_subscriptions: Vec<String>,
    /// Resource groups that exist in `subscription_id` from the start.
    pub resource_groups: Vec<String>,
    /// Names of communication services that strangers hold: accepted, then failed asynchronously.
    pub taken_names: BTreeSet<String>,
    /// Provider namespaces (lower case) that no subscription has registered yet.
    pub unregistered_providers: BTreeSet<String>,
    /// Whether the buckets of ARM throttle at all.
    pub throttle: bool,
    /// Event Grid takes `https` only; local experiments may allow `http`.
    pub allow_http_webhooks: bool,
    /// Whether Event Grid tells a webhook that its subscription was deleted. Nobody waits for that notice, so a simulation
    /// that counts what is waited for goes without.
    pub deletion_notices: bool,
    /// Signs access tokens (RS256), with its public half among Entra's keys. Without one they are signed by the seed, for this
    /// world only.
    pub signing_key: Option<SigningKey>,
    /// Whether a GET of an event subscription that was just made fails now and then, as one of 73 did in recordings: with 500,
    /// and well a little later. Which ones, the seed decides.
    #[serde(default)]
    pub hiccups: bool,
    /// Life of access tokens in seconds. Entra gives about an hour.
    pub token_lifetime_s: u64,
    /// Storage accounts that exist for real (Azurite, say): queues that take events, containers that take dead letters.
    #[serde(default)]
    pub storage_accounts: Vec<StorageAccount>,
    /// Journal entries kept; the oldest go first.
    pub journal_capacity: usize,
    /// Entries per page of lists. Event Grid documents 20 unless `$top` says otherwise and keeps that.
    pub page_size: usize,
}

/// Where a storage account is reached. Its key is none of the model's: whoever performs its calls signs them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageAccount {
    /// The account's name.
    pub name: String,
    /// Base URL of its queues, without a trailing slash; with the account's name in it, where that is not the host's.
    pub queue_endpoint: Option<String>,
    /// Base URL of its blob containers, likewise.
    pub blob_endpoint: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            profile: Profile::Instant,
            time_scale: 1.0,
            seed: 1,
            base_url: "https://127.0.0.1:10443".into(),
            tenant_id: "72f90d1c-3a5e-4b7f-8c2d-0e1f2a3b4c5d".into(),
            client_id: "0c7e4a52-9d1b-4f60-a3c8-5b6d7e8f9a0b".into(),
            client_secret: "sim~Q2xpZW50LXNlY3JldC1vZi10aGUtc2ltdWxhdG9y".into(),
            subscription_id: "6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d".into(),
            further_subscriptions: Vec::new(),
            resource_groups: vec!["rg-shop".into()],
            taken_names: BTreeSet::new(),
            unregistered_providers: BTreeSet::new(),
            throttle: true,
            allow_http_webhooks: false,
            deletion_notices: false,
            signing_key: None,
            hiccups: false,
            token_lifetime_s: 3599,
            storage_accounts: Vec::new(),
            journal_capacity: 10_000,
            page_size: 100,
        }
    }
}

/// Milliseconds per step, already scaled. Sources: recordings of the Azure CLI's tests; link propagation and the
/// validation window are documented by Microsoft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// PUT of a communication service until a GET of it says Succeeded.
    pub service_ready: u64,
    /// PUT of a communication service until its operation says Succeeded.
    pub service_operation: u64,
    /// DELETE of a communication service until 404.
    pub service_delete: u64,
    /// PUT of a namespace until it is active and takes hubs.
    pub namespace_active: u64,
    /// DELETE of a namespace until 404.
    pub namespace_delete: u64,
    /// PUT of a system topic until Succeeded.
    pub system_topic: u64,
    /// PUT or PATCH of an event subscription until Succeeded, the handshake permitting.
    pub event_subscription: u64,
    /// DELETE in Event Grid until 404.
    pub event_grid_delete: u64,
    /// DELETE of a resource group until 404.
    pub group_delete: u64,
    /// `register` of a provider until it says Registered (unverified; such providers take some seconds).
    pub registration: u64,
    /// linkNotificationHub until pushes take the new hub and key.
    pub link_propagation: u64,
    /// A change of role assignments until requests are judged by it (documented as up to ten minutes).
    pub role_assignment: u64,
    /// Pause before a validation handshake that timed out is tried again.
    pub handshake_retry: u64,
    /// How long an endpoint may take to GET the validation URL; not shortened by [`Profile::Instant`], or nobody could.
    pub manual_validation: u64,
    /// An event's last attempt until it lies in the dead-letter store.
    pub dead_letter: u64,
}

impl Config {
    /// The durations of this world.
    pub fn durations(&self) -> Durations {
        let scaled = |ms: u64| self.scaled(ms);
        let step = |ms: u64| if self.profile == Profile::Instant { 0 } else { scaled(ms) };
        Durations {
            service_ready: step(15_000),
            service_operation: step(65_000),
            service_delete: step(30_000),
            namespace_active: step(25_000),
            namespace_delete: step(30_000),
            system_topic: step(10_000),
            event_subscription: step(10_000),
            event_grid_delete: step(10_000),
            group_delete: step(30_000),
            registration: step(20_000),
            link_propagation: step(600_000),
            role_assignment: step(600_000),
            handshake_retry: step(5_000),
            manual_validation: scaled(600_000),
            dead_letter: step(300_000),
        }
    }

    /// What a time of Azure is in this world, whatever the profile.
    pub(crate) fn scaled(&self, ms: u64) -> u64 {
        // A century at most, so that adding to the time cannot overflow.
        (ms as f64 * self.time_scale.max(0.0)).min(3.2e12) as u64
    }

    /// This configuration for a world that was made with `stored`: what names things in it stays as it was made, and how
    /// it behaves is what is asked for now. Says in sentences what of `self` does not hold.
    pub(crate) fn continuing(&self, stored: &Self) -> (Self, Vec<String>) {
        let mut remarks = Vec::new();
        let mut kept = |what: &str, asked: String, made: String| {
            if asked != made {
                remarks
                    .push(format!("the kept world was made with the {what} {made}, which stays; {asked} is not used"));
            }
        };
        kept("seed", self.seed.to_string(), stored.seed.to_string());
        kept("tenant", self.tenant_id.clone(), stored.tenant_id.clone());
        kept("client id", self.client_id.clone(), stored.client_id.clone());
        kept("subscription", self.subscription_id.clone(), stored.subscription_id.clone());
        if self.client_secret != stored.client_secret {
            remarks.push("the kept world was made with another client secret, which stays".into());
        }
        let mut further = stored.further_subscriptions.clone();
        further.extend(self.further_subscriptions.iter().filter(|s| !stored.has_subscription(s)).cloned());
        let config = Self {
            seed: stored.seed,
            tenant_id: stored.tenant_id.clone(),
            client_id: stored.client_id.clone(),
            client_secret: stored.client_secret.clone(),
            subscription_id: stored.subscription_id.clone(),
            further_subscriptions: further,
            resource_groups: stored.resource_groups.clone(),
            signing_key: stored.signing_key.clone().or_else(|| self.signing_key.clone()),
            ..self.clone()
        };
        (config, remarks)
    }

    /// The storage account that a resource id names, whichever subscription and group the id has; nothing below it matters.
    pub(crate) fn storage_account(&self, resource_id: &str) -> Option<&StorageAccount> {
        let mut parts = resource_id.split('/').skip_while(|part| !part.eq_ignore_ascii_case("storageAccounts"));
        let name = parts.nth(1)?;
        self.storage_accounts.iter().find(|account| account.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn has_subscription(&self, id: &str) -> bool {
        self.subscription_id.eq_ignore_ascii_case(id)
            || self.further_subscriptions.iter().any(|s| s.eq_ignore_ascii_case(id))
    }
}
