//! Containers that remember what changed in them, so that a world is written down change by change.
//!
//! Each reads like the collection it holds. Nothing is remembered until [`Table::watch`] and its like were called: a
//! world that nobody keeps pays nothing.

mod log;

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize as _, Serialize};

pub(crate) use log::Log;

/// Levels of a record at most. Twice what any input of ours can have, and far from the 1,024 at which reading gives up:
/// writing never does.
const LEVELS: usize = 256;

/// MessagePack, or why there is none.
pub(crate) type Encoded = Result<Vec<u8>, String>;

/// One change of what is kept: the table, the key, and the new value, or `None` when it is gone.
pub(crate) type Write<'a> = dyn FnMut(&'static str, Encoded, Option<Encoded>) + 'a;

/// MessagePack with names: a field that a later version adds is found missing, not mistaken for another.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Encoded {
    let bytes = rmp_serde::to_vec_named(value).map_err(|error| error.to_string())?;
    // A record that cannot be read would make all of the world unreadable, at the next start.
    let mut read = rmp_serde::Deserializer::from_read_ref(&bytes);
    read.set_max_depth(LEVELS);
    IgnoredAny::deserialize(&mut read).map_err(|error| error.to_string())?;
    Ok(bytes)
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    rmp_serde::from_slice(bytes).map_err(|error| error.to_string())
}

/// What a [`Table`] holds. Most values are written whole; those that hold tables of their own say so.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// Begins to remember changes beneath; what is there is written already, or is still to be.
    fn watch(&mut self, _written: bool) {}

    /// Writes what changed beneath, under the name `owner`.
    fn write_beneath(&mut self, _owner: &str, _write: &mut Write<'_>) {}

    /// Writes that all beneath is gone.
    fn bury(&self, _owner: &str, _write: &mut Write<'_>) {}
}

/// A map by key.
#[derive(Clone, Debug)]
pub(crate) struct Table<K, V> {
    entries: BTreeMap<K, V>,
    /// Keys that changed since they were last written; `None` while nobody keeps them.
    changed: Option<BTreeSet<K>>,
    /// What was beneath values that are gone.
    buried: Vec<(&'static str, Encoded)>,
    /// What values were before, newest last; `None` while nobody asks.
    before: Option<Vec<(K, Option<V>)>>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), changed: None, buried: Vec::new(), before: None }
    }
}

impl<K, V> Deref for Table<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

impl<'a, K, V> IntoIterator for &'a Table<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = std::collections::btree_map::Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

/// Keys are looked up by what they borrow as.
pub(crate) trait Key: Ord + Clone + Serialize + DeserializeOwned {
    /// The name that parts of a value are written under.
    fn owner(&self) -> String {
        String::new()
    }
}

impl Key for String {
    fn owner(&self) -> String {
        self.clone()
    }
}
impl Key for u64 {}
impl Key for (u64, u64) {}
impl Key for (String, String) {}
impl Key for super::message::OutboundId {}

impl<K: Key, V: Record + Clone> Table<K, V> {
    fn mark(&mut self, key: &K) {
        if let Some(changed) = &mut self.changed
            && !changed.contains(key)
        {
            changed.insert(key.clone());
        }
    }

    fn remember(&mut self, key: &K) {
        if let Some(before) = &mut self.before {
            before.push((key.clone(), self.entries.get(key).cloned()));
        }
    }

    fn bury(&mut self, key: &K, value: &V) {
        if self.changed.is_some() {
            let buried = &mut self.buried;
            value.bury(&key.owner(), &mut |table, part, _| buried.push((table, part)));
        }
    }

    fn is_watched(&self) -> bool {
        self.changed.is_some() || self.before.is_some()
    }

    pub(crate) fn insert(&mut self, key: K, mut value: V) -> Option<V> {
        if !self.is_watched() {
            return self.entries.insert(key, value);
        }
        self.mark(&key);
        self.remember(&key);
        value.watch(false);
        let replaced = self.entries.insert(key.clone(), value);
        if let Some(replaced) = &replaced {
            self.bury(&key, replaced);
        }
        replaced
    }

    pub(crate) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        if !self.is_watched() {
            return self.entries.remove(key);
        }
        let key = self.entries.get_key_value(key)?.0.clone();
        self.remember(&key);
        let removed = self.entries.remove::<K>(&key)?;
        self.mark(&key);
        self.bury(&key, &removed);
        Some(removed)
    }

    /// For writing: it counts as changed.
    pub(crate) fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        if self.is_watched() {
            let (key, value) = self.entries.get_key_value(key)?;
            let key = key.clone();
            if let Some(before) = &mut self.before {
                before.push((key.clone(), Some(value.clone())));
            }
            self.mark(&key);
        }
        self.entries.get_mut(key)
    }

    pub(crate) fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> Option<&mut V> {
        if !self.entries.contains_key(&key) {
            self.insert(key.clone(), make());
        }
        self.get_mut(&key)
    }

    pub(crate) fn pop_first(&mut self) -> Option<(K, V)> {
        let key = self.entries.keys().next()?.clone();
        self.remove(&key).map(|value| (key, value))
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        let gone: Vec<K> =
            self.entries.iter().filter(|(key, value)| !keep(key, value)).map(|(k, _)| k.clone()).collect();
        for key in gone {
            self.remove(&key);
        }
    }

    /// From now on, what values were before is remembered, or no longer.
    pub(crate) fn remember_before(&mut self, remember: bool) {
        match (remember, &self.before) {
            (true, None) => self.before = Some(Vec::new()),
            (false, _) => self.before = None,
            _ => {}
        }
    }

    /// What values were before, oldest first.
    pub(crate) fn take_before(&mut self) -> Vec<(K, Option<V>)> {
        self.before.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Exchanges a value for a look at another time: not a change.
    pub(crate) fn exchange(&mut self, key: &K, value: Option<V>) -> Option<V> {
        match value {
            Some(value) => self.entries.insert(key.clone(), value),
            None => self.entries.remove(key),
        }
    }

    /// Begins to remember changes; what is there is written already, or is still to be.
    pub(crate) fn watch(&mut self, written: bool) {
        self.changed = Some(if written { BTreeSet::new() } else { self.entries.keys().cloned().collect() });
        self.entries.values_mut().for_each(|value| value.watch(written));
    }

    /// Whether anything is to be written. What changed beneath a value, changed the value.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed.as_ref().is_some_and(|changed| !changed.is_empty())
    }

    /// Writes what changed since the last time.
    pub(crate) fn write(&mut self, table: &'static str, write: &mut Write<'_>) {
        for (table, part) in std::mem::take(&mut self.buried) {
            write(table, part, None);
        }
        let Some(changed) = &mut self.changed else { return };
        for key in std::mem::take(changed) {
            match self.entries.get_mut(&key) {
                Some(value) => {
                    write(table, encode(&key), Some(encode(value)));
                    value.write_beneath(&key.owner(), write);
                }
                None => write(table, encode(&key), None),
            }
        }
    }

    /// Writes that all of it is gone.
    pub(crate) fn bury_all<P: Serialize>(&self, table: &'static str, part: impl Fn(&K) -> P, write: &mut Write<'_>) {
        for key in self.entries.keys().chain(self.changed.iter().flatten()) {
            write(table, encode(&part(key)), None);
        }
    }

    /// As [`Table::write`], each key within a larger one.
    pub(crate) fn write_as<P: Serialize>(
        &mut self,
        table: &'static str,
        part: impl Fn(&K) -> P,
        write: &mut Write<'_>,
    ) {
        let Some(changed) = &mut self.changed else { return };
        for key in std::mem::take(changed) {
            write(table, encode(&part(&key)), self.entries.get(&key).map(encode));
        }
    }

    /// Puts back what was written down.
    pub(crate) fn restore(&mut self, key: K, value: V) {
        self.entries.insert(key, value);
    }

    /// For what is put back beneath a value.
    pub(crate) fn restored(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }
}

/// One value, written whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Single<T> {
    value: T,
    changed: Option<bool>,
}

impl<T> Single<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value, changed: None }
    }

    /// For a look at another time: what is done to it is undone again, and counts as no change.
    pub(crate) fn unchanged(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Deref for Single<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Single<T> {
    fn deref_mut(&mut self) -> &mut T {
        if let Some(changed) = &mut self.changed {
            *changed = true;
        }
        &mut self.value
    }
}

impl<T: Serialize + DeserializeOwned> Single<T> {
    /// From now on changes are remembered; the value itself is still to be written.
    pub(crate) fn watch(&mut self, written: bool) {
        self.changed = Some(!written);
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.changed == Some(true)
    }

    pub(crate) fn write(&mut self, table: &'static str, write: &mut Write<'_>) {
        if self.is_changed() {
            write(table, Ok(Vec::new()), Some(encode(&self.value)));
            self.changed = Some(false);
        }
    }

    pub(crate) fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.value = decode(bytes)?;
        Ok(())
    }
}
