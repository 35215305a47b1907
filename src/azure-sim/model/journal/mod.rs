//! Every request that reached the simulator, named as Azure's activity log names it, and every call it made outwards.
//!
//! Never a secret: of a request nothing is kept but its method, its path without the query, and who asked.

mod meddling;
mod outward;
mod query;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::json;
use super::message::{OutboundId, Response};
use super::random::Random;

use outward::Sent;

pub(crate) use outward::described as outward;

pub use query::{Page, Query};

/// Characters kept of a path: names of resources are shorter by far.
const PATH: usize = 1024;
/// Characters kept of an operation, of a principal, of an error code.
const WORD: usize = 256;
/// Characters of a client's correlation id; longer ones are no ids.
const CORRELATION: usize = 128;

/// What a request did to Azure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// A resource came to be.
    Create,
    /// A resource changed.
    Update,
    /// A resource went, or began to go.
    Delete,
    /// Something was looked at.
    Read,
    /// A POST action was performed; or what was called outwards took the call.
    Action,
    /// Nothing happened: refused, unchanged, or already gone.
    None,
}

/// Which part of Azure was asked, or asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plane {
    /// Azure Resource Manager.
    Arm,
    /// Microsoft Entra ID: tokens, and what clients ask before them.
    Entra,
    /// The data plane of Notification Hubs.
    Hubs,
    /// A call that Azure made itself: a validation handshake, a delivery.
    Outward,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Counts up without gaps; ask for what came after it by `since`.
    pub sequence: u64,
    /// When it began, in milliseconds since 1970.
    pub time: u64,
    /// Whom it went to.
    pub plane: Plane,
    /// GET, PUT …
    pub method: String,
    /// The path without its query: queries carry signatures. Of other hosts than ARM's with the host before it.
    pub path: String,
    /// For example `Microsoft.Communication/CommunicationServices/write`.
    pub operation: String,
    /// Application id of the caller, or the access policy that signed; empty when neither was accepted.
    pub principal: String,
    /// HTTP status; 0 for a call outwards that was never answered.
    pub status: u16,
    /// The error code of ARM or Entra, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it changed.
    pub effect: Effect,
    /// Of a call outwards: the event subscription it was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// From its arrival to its answer.
    #[serde(rename = "durationMs")]
    pub duration: Micros,
    /// The client's correlation id, or the one invented for it.
    pub correlation_id: String,
    /// The fault that struck, by its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<u64>,
    /// No client asked: somebody else did it, because `fault` said so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out_of_band: bool,
}

/// Microseconds, written as milliseconds with a fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(pub u64);

impl Serialize for Micros {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 1000.0)
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Saturating: a file that somebody edited must not end the program.
        Ok(Self((f64::deserialize(deserializer)? * 1000.0).round() as u64))
    }
}

/// The newest entries, bounded, and the calls outwards that are still out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    entries: VecDeque<Entry>,
    capacity: usize,
    next: u64,
    sent: BTreeMap<OutboundId, Sent>,
    /// Of its own: ids of calls outwards must not shift the keys that a seed gives.
    random: Random,
}

impl Journal {
    pub(crate) fn new(capacity: usize, seed: u64) -> Self {
        let random = Random::new(seed ^ 0x004a_6f75_726e_616c);
        Self { entries: VecDeque::new(), capacity, next: 1, sent: BTreeMap::new(), random }
    }

    /// Writes an entry down under the next number, its texts cut to size.
    pub(crate) fn record(&mut self, mut entry: Entry) {
        entry.sequence = self.next;
        self.next += 1;
        if self.capacity == 0 {
            return;
        }
        cut(&mut entry.path, PATH);
        for text in [&mut entry.operation, &mut entry.principal, &mut entry.method] {
            cut(text, WORD);
        }
        entry.code.iter_mut().for_each(|code| cut(code, WORD));
        while self.entries.len() >= self.capacity {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    pub(crate) fn entries(&self) -> &VecDeque<Entry> {
        &self.entries
    }

    /// The number that the next entry gets.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Entries after number `since`, oldest first, without looking at older ones. Numbers count up, but for a gap where
    /// a world went on after it was cut off.
    pub(crate) fn after(&self, since: u64) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.range(self.entries.partition_point(|entry| entry.sequence <= since)..)
    }

    /// How many entries after number `since` were too old to be kept.
    pub(crate) fn missed(&self, since: u64) -> u64 {
        self.first().saturating_sub(since.saturating_add(1))
    }

    /// The number of the oldest entry that is kept, or of the next one.
    pub(crate) fn first(&self) -> u64 {
        self.entries.front().map_or(self.next, |entry| entry.sequence)
    }

    /// Everything but the entries: it moves with every call outwards.
    pub(crate) fn rest(&self) -> Self {
        Self { entries: VecDeque::new(), sent: self.sent.clone(), random: self.random.clone(), ..*self }
    }

    /// Puts the entries back beside the rest; numbers go on at `next` or later.
    pub(crate) fn restore(&mut self, rest: Self, mut entries: Vec<Entry>, next: u64) {
        entries.sort_unstable_by_key(|entry| entry.sequence);
        self.next = entries.last().map_or(1, |entry| entry.sequence + 1).max(next);
        let excess = entries.len().saturating_sub(self.capacity);
        self.entries = entries.into_iter().skip(excess).collect();
        (self.sent, self.random) = (rest.sent, rest.random);
    }

    /// Adds to the duration of the newest request of a client, when it is `sequence` or later.
    pub(crate) fn lasted(&mut self, sequence: u64, micros: u64) {
        let mut new = self.entries.iter_mut().rev().take_while(|e| e.sequence >= sequence);
        if let Some(entry) = new.find(|e| !e.out_of_band && e.plane != Plane::Outward) {
            entry.duration.0 = entry.duration.0.saturating_add(micros);
        }
    }
}

fn cut(text: &mut String, most: usize) {
    if let Some((at, _)) = text.char_indices().nth(most) {
        text.truncate(at);
        text.push('…');
    }
}

/// The client's correlation id, when it can be one.
pub(crate) fn correlation(given: Option<&str>) -> Option<String> {
    let fits = |id: &&str| !id.is_empty() && id.len() <= CORRELATION && id.chars().all(|c| c.is_ascii_graphic());
    given.filter(fits).map(str::to_owned)
}

/// The code of a refusal: ARM's word, Entra's number, or the word that the data plane of Notification Hubs begins with.
pub(crate) fn code(response: &Response) -> Option<String> {
    if response.status < 400 {
        return None;
    }
    let body = response.value();
    if let Some(code) = json::text(&body, &["error", "code"]) {
        return Some(code.to_owned());
    }
    if let Some(number) = body.pointer("/error_codes/0") {
        return Some(format!("AADSTS{number}"));
    }
    if let Some(word) = json::text(&body, &["error"]) {
        return Some(word.to_owned());
    }
    let text = std::str::from_utf8(&response.body).unwrap_or_default();
    let (_, detail) = text.split_once("<Detail>")?;
    let (word, _) = detail.split_once(':')?;
    word.chars().all(|c| c.is_ascii_alphabetic()).then(|| word.to_owned())
}
