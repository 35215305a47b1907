//! The relay under load, on one core, beside nginx as a plain reverse proxy in the same run. The other core has the load and the
//! app, for both alike: what is compared is what stands between them.

mod app;
mod load;
mod subject;

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use testbed::scratch::Scratch;

use super::super::show::Show;
use super::{LOAD_CORE, SUBJECT_CORE};
use app::{App, QUEUED, TAKEN};
use load::{Event, Latencies, Target};
use subject::Subject;

/// Connections at once, as in the figure to reach.
const CONNECTIONS: usize = 64;
/// Bytes of an event's body.
const EVENT: usize = 1024;
const WARM_UP: Duration = Duration::from_secs(1);
const FULL: Duration = Duration::from_secs(4);
const STEADY: Duration = Duration::from_secs(5);
/// Requests a second of the steady load.
const RATE: u64 = 1000;

/// What was measured.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Relay {
    /// Acknowledged events a second, `AfterDelivery`, 64 connections, 1 KiB.
    pub(super) events_per_second: f64,
    /// The same requests through nginx; none where it is not installed.
    pub(super) nginx_per_second: Option<f64>,
    /// Answers that were no success, under full load.
    pub(super) failed: u64,
    /// At 1,000 a second, through the relay.
    pub(super) through_relay: Latencies,
    /// At 1,000 a second, the app alone.
    pub(super) app_alone: Latencies,
    /// At 1,000 a second, from an event to the hub's answer to the push that a rule made of it, and back.
    pub(super) event_to_push: Latencies,
    /// Resident memory before the first event, in MiB.
    pub(super) idle_mib: f64,
    /// After the load, in MiB.
    pub(super) loaded_mib: f64,
    /// From the start of the process to the first answer, in milliseconds; the median of several.
    pub(super) start_ms: f64,
}

impl Relay {
    /// Ratio to nginx, which does no more than pass bytes on.
    pub(super) fn ratio(&self) -> Option<f64> {
        self.nginx_per_second.map(|nginx| self.events_per_second / nginx)
    }
}

/// Measures; `None` where there are not two cores to keep apart.
pub(super) async fn measure(show: &mut Show) -> Result<Option<Relay>> {
    if !super::has_two_cores()? {
        show.line("  the relay is not measured: that takes two cores and the program taskset");
        return Ok(None);
    }
    let measured = super::on_core(LOAD_CORE, on_one_core);
    show.step("relay and nginx, one core each in turn", measured).await.map(Some)
}

async fn on_one_core() -> Result<Relay> {
    let scratch = Scratch::new("bench-relay")?;
    let (app, hub) = (App::start(TAKEN).await?, App::start(QUEUED).await?);
    let mut starts = Vec::new();
    for number in 0..5 {
        let started =
            Subject::relay(&scratch.path().join(format!("start-{number}")), app.address(), hub.address()).await?;
        starts.push(started.start_ms());
    }
    starts.sort_by(f64::total_cmp);
    let relay = Subject::relay(&scratch.path().join("relay"), app.address(), hub.address()).await?;
    let idle_mib = relay.resident_mib()?;
    let target = Target { address: relay.address(), path: subject::PATH, key: Some(subject::KEY), event: Event::Sms };
    load::full(target, CONNECTIONS, EVENT, WARM_UP).await?;
    let full = load::full(target, CONNECTIONS, EVENT, FULL).await?;
    let through_relay = load::steady(target, EVENT, RATE, STEADY).await?;
    let event_to_push = load::steady(Target { event: Event::Chat, ..target }, EVENT, RATE, STEADY).await?;
    let loaded_mib = relay.resident_mib()?;
    drop(relay);
    let alone = Target { address: app.address(), path: "/", key: None, event: Event::Sms };
    let app_alone = load::steady(alone, EVENT, RATE, STEADY).await?;
    let nginx_per_second = match Subject::nginx(&scratch.path().join("nginx"), app.address()).await? {
        None => None,
        Some(nginx) => {
            let target = Target { address: nginx.address(), path: "/", key: None, event: Event::Sms };
            load::full(target, CONNECTIONS, EVENT, WARM_UP).await?;
            Some(load::full(target, CONNECTIONS, EVENT, FULL).await?.per_second)
        }
    };
    Ok(Relay {
        events_per_second: full.per_second,
        nginx_per_second,
        failed: full.failed,
        through_relay,
        app_alone,
        event_to_push,
        idle_mib,
        loaded_mib,
        start_ms: starts.get(starts.len() / 2).copied().unwrap_or_default(),
    })
}
