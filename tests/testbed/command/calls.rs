//! Calls to a user of a communication service: which phones ring, and which calls nobody hears.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;
use testbed::AzureSim;

const EVERY: Duration = Duration::from_millis(40);

/// Who calls whom.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Id of the communication service.
    pub(crate) service: String,
    /// Id of the hub whose phones are ours.
    pub(crate) hub: String,
    /// Who is called.
    pub(crate) user: String,
}

/// What became of one call.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Call {
    /// Whether any phone rang.
    pub(crate) rang: bool,
    /// Which.
    #[serde(default)]
    pub(crate) rings: Vec<Ring>,
    /// Why none did. Azure itself would not say.
    #[serde(default)]
    pub(crate) message: String,
}

/// A phone that rang.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ring {
    /// Which phone.
    pub(crate) phone: Phone,
}

/// A phone.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Phone {
    /// Hub it is registered at.
    pub(crate) hub: String,
    /// Whose it is.
    pub(crate) user: String,
    /// `apple` or `fcmv1`.
    pub(crate) platform: String,
}

impl Line {
    /// Registers the user's phones at the hub, as the app would: an iPhone and an Android.
    pub(crate) async fn register_phones(&self, azure: &AzureSim) -> Result<()> {
        for platform in ["apple", "fcmv1"] {
            let phone = json!({"hub": self.hub, "user": self.user, "platform": platform});
            azure.post("/_sim/phones", &phone).await?;
        }
        Ok(())
    }

    /// Calls once.
    pub(crate) async fn call(&self, azure: &AzureSim) -> Result<Call> {
        let answer = azure.post("/_sim/call", &json!({"service": self.service, "to": self.user})).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Whether that call rang a phone of ours.
    pub(crate) fn is_ours(&self, call: &Call) -> bool {
        call.rang
            && call
                .rings
                .iter()
                .any(|ring| ring.phone.hub.eq_ignore_ascii_case(&self.hub) && ring.phone.user == self.user)
    }

    /// Calls until our phone rings.
    pub(crate) async fn until_it_rings(&self, azure: &AzureSim, timeout: Duration) -> Result<(Call, Calls)> {
        self.until(azure, timeout, true).await
    }

    /// Calls until our phone does not ring.
    pub(crate) async fn until_silent(&self, azure: &AzureSim, timeout: Duration) -> Result<(Call, Calls)> {
        self.until(azure, timeout, false).await
    }

    async fn until(&self, azure: &AzureSim, timeout: Duration, rings: bool) -> Result<(Call, Calls)> {
        let (deadline, mut calls) = (Instant::now() + timeout, Calls::default());
        loop {
            let call = self.call(azure).await?;
            let ours = self.is_ours(&call);
            calls.count(ours, &call);
            if ours == rings || Instant::now() > deadline {
                return Ok((call, calls));
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Calls all the time while `work` is under way.
    pub(crate) async fn during<T>(
        &self,
        azure: &AzureSim,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Calls)> {
        let mut work = std::pin::pin!(work);
        let (mut calls, mut clock) = (Calls::default(), tokio::time::interval(EVERY));
        loop {
            tokio::select! {
                done = &mut work => return Ok((done?, calls)),
                _ = clock.tick() => {
                    let call = self.call(azure).await?;
                    calls.count(self.is_ours(&call), &call);
                }
            }
        }
    }
}

/// Calls, counted.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// All.
    pub(crate) made: u64,
    /// Those that our phone did not hear.
    pub(crate) missed: u64,
    /// Why, and how often.
    pub(crate) reasons: BTreeMap<String, u64>,
    since: Option<Instant>,
    /// From the first missed call to the last.
    pub(crate) silence: Duration,
}

impl Calls {
    fn count(&mut self, ours: bool, call: &Call) {
        self.made += 1;
        if ours {
            return;
        }
        self.missed += 1;
        let why = if call.rang { "another hub's phone rang".to_owned() } else { call.message.clone() };
        *self.reasons.entry(why).or_default() += 1;
        self.silence = self.since.get_or_insert_with(Instant::now).elapsed();
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        let reasons: Vec<String> = self.reasons.iter().map(|(why, count)| format!("{count} × {why}")).collect();
        let why = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) };
        format!("{} calls, {} missed{why}", self.made, self.missed)
    }
}
