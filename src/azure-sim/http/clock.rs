//! Real time for the model, and its calls outwards.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::Certificate;

use super::{Authority, Shared, StorageAccess, now_ms};
use crate::model::{self, Answered, Outbound, StorageAccount};

/// Answers of webhooks are short; one that never ends must not fill the memory.
const ANSWER_LIMIT: usize = 64 * 1024;

/// Who calls outwards: webhooks, and the storage accounts that exist for real.
#[derive(Clone)]
pub(super) struct Caller {
    client: reqwest::Client,
    storage: Arc<[StorageAccess]>,
}

impl Caller {
    /// It trusts the system's authorities, the simulator's own, and the given ones.
    pub(super) fn new(authority: &Authority, trust: &[PathBuf], storage: Vec<StorageAccess>) -> anyhow::Result<Self> {
        let mut certificates = vec![Certificate::from_pem(authority.pem().as_bytes())?];
        for file in trust {
            let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let bundle = Certificate::from_pem_bundle(&pem)
                .with_context(|| format!("{} holds no PEM certificates", file.display()))?;
            certificates.extend(bundle);
        }
        // Event Grid follows no redirects; anything but 200 refuses.
        let client = reqwest::Client::builder()
            .tls_certs_merge(certificates)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { client, storage: storage.into() })
    }

    /// What the model may know of them.
    pub(super) fn storage_accounts(&self) -> Vec<StorageAccount> {
        self.storage.iter().map(|access| access.account().clone()).collect()
    }

    /// Signs what is for a storage account. Its date is that of the real clock: the account compares it with its own.
    fn sign(&self, call: &mut Outbound) -> anyhow::Result<()> {
        let Some(name) = call.storage_account.take() else { return Ok(()) };
        let access = self.storage.iter().find(|access| access.account().name == name);
        let access = access.with_context(|| format!("there is no key for the storage account {name}"))?;
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&jiff::Timestamp::now())?;
        access.sign(call, &date).map_err(anyhow::Error::msg)
    }
}

/// Fires timers when they are due, and performs what the model wants to call.
pub(super) async fn run(shared: Arc<Shared>, caller: Caller) {
    let mut awaited: Option<u64> = None;
    loop {
        // Fired here, or by a request that came at the same time.
        let fired = awaited.is_some_and(|due| due <= now_ms());
        let ((calls, due, grew), ticket) = shared.change(|world| {
            let before = world.next_entry();
            let calls = model::advance(world, now_ms());
            (calls, model::next_timer(world), world.next_entry() != before)
        });
        if fired {
            shared.news.stirred();
        }
        if grew {
            shared.news.written();
        }
        // A call is remembered before it is made, so that a restart makes it again. When that fails, serving ends.
        if !calls.is_empty() && shared.written(ticket).await.is_err() {
            return;
        }
        for call in calls {
            tokio::spawn(perform(shared.clone(), caller.clone(), call));
        }
        awaited = due;
        let pause = due.map(|due| Duration::from_millis(due.saturating_sub(now_ms()).max(1)));
        match pause {
            Some(pause) => {
                // Whichever comes first; both only mean looking again.
                let _ = tokio::time::timeout(pause, shared.changed.notified()).await;
            }
            None => shared.changed.notified().await,
        }
    }
}

async fn perform(shared: Arc<Shared>, caller: Caller, call: Outbound) {
    let (id, patience) = (call.id, Duration::from_millis(call.timeout_ms));
    tracing::debug!(method = call.method, "calling outwards");
    let answer = match tokio::time::timeout(patience, ask(&caller, call)).await {
        Ok(Ok(answer)) => answer,
        // With its causes: "error sending request" alone says nothing.
        Ok(Err(error)) => Answered::Failed(format!("{error:#}")),
        Err(_) => Answered::TimedOut(format!("no answer within {} s", patience.as_secs())),
    };
    shared.change(|world| model::answered(world, id, answer, now_ms()));
    shared.wake();
    shared.news.stirred();
}

async fn ask(caller: &Caller, mut call: Outbound) -> anyhow::Result<Answered> {
    let method = reqwest::Method::from_bytes(call.method.as_bytes())?;
    caller.sign(&mut call)?;
    let mut request = caller.client.request(method, &call.url).body(call.body);
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    // Without the URL: its query may hold a secret, and messages are shown.
    let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        body.extend_from_slice(&chunk);
        anyhow::ensure!(body.len() <= ANSWER_LIMIT, "the answer is longer than {ANSWER_LIMIT} bytes");
    }
    Ok(Answered::Response { status, headers, body })
}
