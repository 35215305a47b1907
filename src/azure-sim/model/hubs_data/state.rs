//! What hubs remember, written down and read back.

use super::super::kept::{Record, Table, Write, decode};
use super::installation::Installation;
use super::jobs::Job;
use super::notification::Scheduled;
use super::store::{Hub, Registration};
use super::telemetry::{Feedback, Sent};

pub(crate) const HUBS: &str = "hub";
const REGISTRATIONS: &str = "registration";
const INSTALLATIONS: &str = "installation";
const SENT: &str = "message";
const SCHEDULED: &str = "scheduled message";
const JOBS: &str = "job";
const FEEDBACK: &str = "feedback";

impl Record for Registration {}
impl Record for Installation {}
impl Record for Sent {}
impl Record for Scheduled {}
impl Record for Job {}
impl Record for Feedback {}

impl Record for Hub {
    fn watch(&mut self, written: bool) {
        self.registrations.watch(written);
        self.installations.watch(written);
        self.sent.watch(written);
        self.scheduled.watch(written);
        self.jobs.watch(written);
        self.feedback.watch(written);
    }

    fn write_beneath(&mut self, owner: &str, write: &mut Write<'_>) {
        let text = |key: &String| (owner.to_owned(), key.clone());
        let number = |key: &u64| (owner.to_owned(), *key);
        self.registrations.write_as(REGISTRATIONS, text, write);
        self.installations.write_as(INSTALLATIONS, text, write);
        self.sent.write_as(SENT, number, write);
        self.scheduled.write_as(SCHEDULED, text, write);
        self.jobs.write_as(JOBS, text, write);
        self.feedback.write_as(FEEDBACK, number, write);
    }

    fn bury(&self, owner: &str, write: &mut Write<'_>) {
        let text = |key: &String| (owner.to_owned(), key.clone());
        let number = |key: &u64| (owner.to_owned(), *key);
        self.registrations.bury_all(REGISTRATIONS, text, write);
        self.installations.bury_all(INSTALLATIONS, text, write);
        self.sent.bury_all(SENT, number, write);
        self.scheduled.bury_all(SCHEDULED, text, write);
        self.jobs.bury_all(JOBS, text, write);
        self.feedback.bury_all(FEEDBACK, number, write);
    }
}

/// A part of a hub: the hub, the key, the value.
type Part<K, V> = ((String, K), V);

/// Parts that were read, until the hubs that they belong to are there.
#[derive(Default)]
pub(crate) struct HubParts {
    registrations: Vec<Part<String, Registration>>,
    installations: Vec<Part<String, Installation>>,
    sent: Vec<Part<u64, Sent>>,
    scheduled: Vec<Part<String, Scheduled>>,
    jobs: Vec<Part<String, Job>>,
    feedback: Vec<Part<u64, Feedback>>,
}

impl HubParts {
    /// `false` when the table is none of these.
    pub(crate) fn read(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<bool, String> {
        match table {
            REGISTRATIONS => self.registrations.push((decode(key)?, decode(value)?)),
            INSTALLATIONS => self.installations.push((decode(key)?, decode(value)?)),
            SENT => self.sent.push((decode(key)?, decode(value)?)),
            SCHEDULED => self.scheduled.push((decode(key)?, decode(value)?)),
            JOBS => self.jobs.push((decode(key)?, decode(value)?)),
            FEEDBACK => self.feedback.push((decode(key)?, decode(value)?)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) fn put_back(self, hubs: &mut Table<String, Hub>) -> Result<(), String> {
        let Self { registrations, installations, sent, scheduled, jobs, feedback } = self;
        each(hubs, registrations, |hub, key, value| hub.registrations.restore(key, value))?;
        each(hubs, installations, |hub, key, value| hub.installations.restore(key, value))?;
        each(hubs, sent, |hub, key, value| hub.sent.restore(key, value))?;
        each(hubs, scheduled, |hub, key, value| hub.scheduled.restore(key, value))?;
        each(hubs, jobs, |hub, key, value| hub.jobs.restore(key, value))?;
        each(hubs, feedback, |hub, key, value| hub.feedback.restore(key, value))
    }
}

fn each<K, V>(
    hubs: &mut Table<String, Hub>,
    parts: Vec<Part<K, V>>,
    restore: impl Fn(&mut Hub, K, V),
) -> Result<(), String> {
    for ((owner, key), value) in parts {
        let hub = hubs.restored(&owner).ok_or_else(|| format!("something is of {owner}, which is not there"))?;
        restore(hub, key, value);
    }
    Ok(())
}
