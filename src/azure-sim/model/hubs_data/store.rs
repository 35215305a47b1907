//! What a hub remembers: registrations, installations, messages, schedules, jobs and what platforms reported.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::super::kept::Table;
use super::super::push::{Channel, DEVICES, Telephony};
use super::installation::Installation;
use super::jobs::Job;
use super::notification::Scheduled;
use super::quota::Bucket;
use super::telemetry::{Feedback, Sent};
use super::template::Template;

/// Ids that the hub itself gave up, remembered so that they are not taken again.
const GONE: usize = 1_000;
/// Bytes of all registrations of the world: so many devices with the longest templates would fill the memory.
const WEIGHT: usize = 64 * 1024 * 1024;

/// One hub's data. What is in tables is written down by itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Hub {
    #[serde(skip)]
    pub(super) registrations: Table<String, Registration>,
    #[serde(skip)]
    pub(super) installations: Table<String, Installation>,
    /// By age.
    #[serde(skip)]
    pub(super) sent: Table<u64, Sent>,
    #[serde(skip)]
    pub(super) scheduled: Table<String, Scheduled>,
    #[serde(skip)]
    pub(super) jobs: Table<String, Job>,
    /// By age.
    #[serde(skip)]
    pub(super) feedback: Table<u64, Feedback>,
    /// Registrations that a platform's answer removed.
    gone: VecDeque<String>,
    /// Signs the URLs of this hub's blobs; made when one is first asked for.
    pub(super) blob_signature: Option<String>,
    pub(super) sends: Bucket,
    pub(super) debug_sends: Bucket,
}

/// One channel, the tags that reach it, and perhaps a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Registration {
    pub(super) id: String,
    /// Counts its writes: the ETag.
    pub(super) version: u64,
    /// Milliseconds since 1970; never, when absent.
    pub(super) expires: Option<u64>,
    pub(super) channel: Channel,
    pub(super) tags: Vec<String>,
    pub(super) variables: BTreeMap<String, String>,
    /// Of WNS and MPNS only.
    pub(super) tile: Option<String>,
    pub(super) template: Option<Template>,
    /// Of registrations that an installation made: its id.
    pub(super) installation: Option<String>,
}

impl Registration {
    pub(super) fn lives(&self, now: u64) -> bool {
        self.expires.is_none_or(|at| at > now)
    }

    fn weight(&self) -> usize {
        let texts = |map: &BTreeMap<String, String>| map.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>();
        let template = self.template.as_ref().map_or(0, |t| t.body.len() + texts(&t.headers));
        let tags: usize = self.tags.iter().map(String::len).sum();
        256 + self.channel.handle.len() + tags + texts(&self.variables) + template
    }
}

impl Hub {
    /// Those that have not expired, by id.
    pub(super) fn registrations(&self, now: u64) -> impl Iterator<Item = &Registration> {
        self.registrations.values().filter(move |r| r.lives(now))
    }

    /// Those after an id, in the order of ids: the pages of lists.
    pub(super) fn after<'a>(&'a self, id: &str, now: u64) -> impl Iterator<Item = &'a Registration> {
        let bounds = (std::ops::Bound::Excluded(id.to_owned()), std::ops::Bound::Unbounded);
        self.registrations.range(bounds).map(|(_, r)| r).filter(move |r| r.lives(now))
    }

    pub(super) fn registration(&self, id: &str, now: u64) -> Option<&Registration> {
        self.registrations.get(id).filter(|r| r.lives(now))
    }

    pub(super) fn put(&mut self, registration: Registration) {
        self.registrations.insert(registration.id.clone(), registration);
    }

    /// Removes one; the last one of an installation takes that with it.
    pub(super) fn remove(&mut self, id: &str) -> Option<Registration> {
        let removed = self.registrations.remove(id)?;
        if let Some(installation) = &removed.installation
            && !self.registrations.values().any(|r| r.installation.as_ref() == Some(installation))
        {
            self.installations.remove(installation);
        }
        Some(removed)
    }

    pub(super) fn remove_installation(&mut self, id: &str) -> bool {
        self.registrations.retain(|_, r| r.installation.as_deref() != Some(id));
        self.installations.remove(id).is_some()
    }

    /// One that has not expired.
    pub(super) fn installation(&self, id: &str, now: u64) -> Option<&Installation> {
        self.installations.get(id).filter(|i| i.expires.is_none_or(|at| at > now))
    }

    /// Forgets what has expired, so that it does not count against limits.
    pub(super) fn expire(&mut self, now: u64) {
        self.registrations.retain(|_, r| r.lives(now));
        self.installations.retain(|_, i| i.expires.is_none_or(|at| at > now));
    }

    /// A platform says that the channel is none, or is none any more: registrations go, installations are marked.
    pub(super) fn channel_failed(&mut self, channel: &Channel) {
        let of_channel: Vec<String> =
            self.registrations.values().filter(|r| r.channel == *channel).map(|r| r.id.clone()).collect();
        for id in of_channel {
            let installation = self.registrations.get(&id).and_then(|r| r.installation.clone());
            match installation.and_then(|id| self.installations.get_mut(&id)) {
                Some(installation) => installation.channel_expired(channel),
                None => {
                    self.registrations.remove(&id);
                    if self.gone.len() >= GONE {
                        self.gone.pop_front();
                    }
                    self.gone.push_back(id);
                }
            }
        }
    }

    pub(super) fn is_gone(&self, id: &str) -> bool {
        self.gone.iter().any(|gone| gone == id)
    }

    /// Channels, each once: what the tiers count.
    pub(super) fn devices(&self) -> BTreeSet<&Channel> {
        self.registrations.values().map(|r| &r.channel).collect()
    }

    /// The tags of a handle, for those who look at phones.
    pub(crate) fn tags(&self, handle: &str) -> Vec<&str> {
        let of_handle = self.registrations.values().filter(|r| r.channel.has_handle(handle));
        let mut tags: Vec<&str> = of_handle.flat_map(|r| &r.tags).map(String::as_str).collect();
        tags.retain(|tag| !tag.starts_with('$'));
        tags.sort_unstable();
        tags.dedup();
        tags
    }
}

impl Telephony {
    /// Whether the simulator has room for so many more registrations.
    pub(super) fn room_for(&self, more: usize) -> bool {
        let all = || self.hubs.values().flat_map(|hub| hub.registrations.values());
        all().count() + more <= DEVICES && all().map(Registration::weight).sum::<usize>() <= WEIGHT
    }

    /// An id as the service gives one (recorded: two numbers of 63 bits, and a small one).
    pub(super) fn registration_id(&mut self) -> String {
        let (a, b, c) = (self.random.next() >> 1, self.random.next() >> 1, self.random.next() % 3 + 1);
        format!("{a}-{b}-{c}")
    }
}
