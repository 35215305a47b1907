//! Telemetry of messages: `GET messages/{id}`, in the tier Standard only.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::journal::Effect;
use super::super::kept::Table;
use super::super::push::{Outcome, Platform};
use super::super::world::World;
use super::super::xml::Out;
use super::answer::{Refused, of_xml};
use super::atom::{CONNECT, INSTANCE};
use super::dispatch::Delivered;
use super::notification::Notification;
use super::quota::Tier;
use super::{Answer, Call, Right, blobs, time};

/// Messages remembered per hub, and bytes of their payloads in all.
const MESSAGES: usize = 1_000;
const BYTES: usize = 8 * 1024 * 1024;
/// What platforms reported, remembered per hub.
const FEEDBACK: usize = 10_000;
/// From this version on, both of the send and of the question, errors of platforms have a URL (documented).
const WITH_ERRORS: &str = "2016-07";

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    Scheduled,
    Completed,
    NoTargetFound,
    /// The documentation spells it `Canceled`; the SDKs, which read it, with two.
    Cancelled,
}

/// A message that was sent, or is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    id: String,
    /// The version that it was sent with.
    version: String,
    state: State,
    enqueued: u64,
    ended: Option<u64>,
    body: String,
    tags: Option<String>,
    /// `apple`, `appletemplate`: by what was reached, or by the format when nothing was.
    targets: BTreeSet<String>,
    outcomes: BTreeMap<Platform, BTreeMap<Outcome, u64>>,
    /// Failures that platforms reported: platform, outcome, registration.
    errors: Vec<(Platform, Outcome, Option<String>)>,
}

/// A channel that a platform called bad or expired.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Feedback {
    pub(super) time: u64,
    pub(super) outcome: Outcome,
    pub(super) platform: Platform,
    /// As it was sent to.
    pub(super) handle: String,
    pub(super) registration: Option<String>,
    pub(super) installation: Option<String>,
    pub(super) message: String,
}

/// Without its handle.
impl std::fmt::Debug for Feedback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Feedback({:?}, {:?})", self.platform, self.outcome)
    }
}

impl Sent {
    pub(super) fn completed(
        id: &str,
        call: &Call<'_>,
        notification: &Notification,
        tags: Option<String>,
        delivered: &[Delivered],
    ) -> (Self, Vec<Feedback>) {
        let mut sent = Self::new(id, call, notification, tags, State::Completed);
        let feedback = sent.complete(notification, delivered, call.now);
        (sent, feedback)
    }

    pub(super) fn scheduled(id: &str, call: &Call<'_>, notification: &Notification, tags: Option<String>) -> Self {
        Self::new(id, call, notification, tags, State::Scheduled)
    }

    fn new(id: &str, call: &Call<'_>, notification: &Notification, tags: Option<String>, state: State) -> Self {
        Self {
            id: id.to_owned(),
            version: call.version().to_owned(),
            state,
            enqueued: call.now,
            ended: None,
            body: notification.body.clone(),
            tags,
            targets: BTreeSet::from([notification.format.word().to_owned()]),
            outcomes: BTreeMap::new(),
            errors: Vec::new(),
        }
    }

    /// Counts what became of it, and returns what platforms reported.
    fn complete(&mut self, notification: &Notification, delivered: &[Delivered], now: u64) -> Vec<Feedback> {
        self.ended = Some(now);
        self.state = if delivered.is_empty() { State::NoTargetFound } else { State::Completed };
        let kinds: BTreeSet<String> = delivered.iter().map(|d| d.kind.clone()).collect();
        self.targets = if kinds.is_empty() { BTreeSet::from([notification.format.word().to_owned()]) } else { kinds };
        let mut feedback = Vec::new();
        for one in delivered {
            let platform = one.channel.platform;
            *self.outcomes.entry(platform).or_default().entry(one.outcome).or_default() += 1;
            if one.outcome.reported() {
                self.errors.push((platform, one.outcome, one.registration.clone()));
            }
            if one.outcome.removes() {
                feedback.push(Feedback {
                    time: now,
                    outcome: one.outcome,
                    platform,
                    handle: one.channel.text(),
                    registration: one.registration.clone(),
                    installation: one.installation.clone(),
                    message: self.id.clone(),
                });
            }
        }
        feedback
    }
}

/// Remembers a message; the oldest go first.
pub(super) fn record(world: &mut World, hub: &str, (sent, feedback): (Sent, Vec<Feedback>)) {
    let hub = world.telephony.hub(hub);
    hub.sent.insert(next(&hub.sent), sent);
    let mut bytes: usize = hub.sent.values().map(|s| s.body.len()).sum();
    while hub.sent.len() > MESSAGES || bytes > BYTES {
        let Some((_, oldest)) = hub.sent.pop_first() else { break };
        bytes -= oldest.body.len();
    }
    remember(&mut hub.feedback, feedback);
}

/// The key after the newest.
fn next<V>(table: &Table<u64, V>) -> u64 {
    table.last_key_value().map_or(1, |(age, _)| age + 1)
}

fn remember(all: &mut Table<u64, Feedback>, feedback: Vec<Feedback>) {
    for one in feedback {
        all.insert(next(all), one);
    }
    while all.len() > FEEDBACK {
        all.pop_first();
    }
}

/// A scheduled message was sent, or was cancelled.
pub(super) fn concluded(
    world: &mut World,
    hub: &str,
    id: &str,
    outcome: Option<(&Notification, &[Delivered])>,
    now: u64,
) {
    let hub = world.telephony.hub(hub);
    let key = hub.sent.iter().find(|(_, s)| s.id == id).map(|(key, _)| *key);
    let Some(sent) = key.and_then(|key| hub.sent.get_mut(&key)) else { return };
    match outcome {
        Some((notification, delivered)) => {
            let feedback = sent.complete(notification, delivered, now);
            remember(&mut hub.feedback, feedback);
        }
        None => {
            sent.state = State::Cancelled;
            sent.ended = Some(now);
        }
    }
}

/// `GET messages/{id}`. Which right it needs is unverified; with less than Manage the service may say more than here.
pub(super) fn answer(world: &mut World, call: &Call<'_>, id: &str) -> Answer {
    call.require(world, Right::Manage)?;
    Tier::of(world, &call.hub).at_least(Tier::Standard, "Telemetry of messages")?;
    let stored = world.telephony.hubs.get(&call.hub);
    let sent = stored.and_then(|hub| hub.sent.values().find(|s| s.id == id)).cloned();
    let sent = sent.ok_or_else(|| Refused::new(404, "There is no telemetry of that message"))?;
    let errors = (!sent.errors.is_empty() && call.version() >= WITH_ERRORS && sent.version.as_str() >= WITH_ERRORS)
        .then(|| blobs::url(world, &call.hub, Some(&format!("errors-{id}"))));
    Ok((of_xml(200, details(&sent, call, errors.as_deref())), Effect::Read))
}

fn details(sent: &Sent, call: &Call<'_>, errors: Option<&str>) -> Out {
    let state = format!("{:?}", sent.state);
    let targets: Vec<&str> = sent.targets.iter().map(String::as_str).collect();
    let location = format!("sb://{}/{}/messages/{}?api-version={}", call.host, call.hub_name(), sent.id, sent.version);
    let mut out = Out::new();
    out.open("NotificationDetails", &[("xmlns", CONNECT), ("xmlns:i", INSTANCE)])
        .leaf("NotificationId", &sent.id)
        .leaf("Location", &location)
        .leaf("State", &state)
        .leaf("EnqueueTime", &time::seconds(sent.enqueued))
        .maybe("StartTime", sent.ended.map(time::precise).as_deref())
        .maybe("EndTime", sent.ended.map(time::precise).as_deref())
        .leaf("NotificationBody", &sent.body)
        .maybe("Tags", sent.tags.as_deref())
        .leaf("TargetPlatforms", &targets.join(","));
    for (platform, outcomes) in &sent.outcomes {
        out.open(platform.outcomes(), &[]);
        for (outcome, count) in outcomes {
            out.open("Outcome", &[]).leaf("Name", outcome.word()).leaf("Count", &count.to_string()).close("Outcome");
        }
        out.close(platform.outcomes());
    }
    out.maybe("PnsErrorDetailsUri", errors).close("NotificationDetails");
    out
}

/// The blob behind PnsErrorDetailsUri: one line per error. Its format is not documented; it names no handle.
pub(super) fn errors_of(hub: &super::store::Hub, id: &str) -> Option<String> {
    let sent = hub.sent.values().find(|s| s.id == id)?;
    let line = |(platform, outcome, registration): &(Platform, Outcome, Option<String>)| {
        let registration = registration.as_deref().unwrap_or("Unknown");
        format!("{},{registration},{}\n", platform.word(), outcome.word())
    };
    Some(sent.errors.iter().map(line).collect())
}
