//! Phones and what they got, written down and read back.

use super::super::hubs_data::{self, HubParts};
use super::super::kept::{Record, Write, decode};
use super::super::random::Random;
use super::{Phone, Ring, Telephony};

const PHONES: &str = "phone";
const UNINSTALLED: &str = "uninstalled apps";
const RINGS: &str = "ring";
const SILENCES: &str = "silences";

impl Record for Phone {}

/// What was read of the log, until all of it is there.
#[derive(Default)]
pub(crate) struct Read {
    rings: Vec<(u64, Ring)>,
    hubs: HubParts,
}

impl Telephony {
    pub(crate) fn random_mut(&mut self) -> &mut Random {
        &mut self.random
    }

    pub(crate) fn watch(&mut self, written: bool) {
        let Self { phones, uninstalled, hubs, nowhere: _, rings, silences, random: _ } = self;
        phones.watch(written);
        uninstalled.watch(written);
        hubs.watch(written);
        rings.watch(written);
        silences.watch(written);
    }

    pub(crate) fn is_changed(&self) -> bool {
        let Self { phones, uninstalled, hubs, nowhere: _, rings, silences, random: _ } = self;
        phones.is_changed()
            || uninstalled.is_changed()
            || hubs.is_changed()
            || rings.is_changed()
            || silences.is_changed()
    }

    pub(crate) fn write(&mut self, write: &mut Write<'_>) {
        let Self { phones, uninstalled, hubs, nowhere: _, rings, silences, random: _ } = self;
        phones.write(PHONES, write);
        uninstalled.write(UNINSTALLED, write);
        hubs.write(hubs_data::HUBS, write);
        rings.write(RINGS, write);
        silences.write(SILENCES, write);
    }

    /// `false` when the table is none of these.
    pub(crate) fn read(&mut self, read: &mut Read, table: &str, key: &[u8], value: &[u8]) -> Result<bool, String> {
        match table {
            PHONES => self.phones.restore(decode(key)?, decode(value)?),
            UNINSTALLED => self.uninstalled.restore(value)?,
            hubs_data::HUBS => self.hubs.restore(decode(key)?, decode(value)?),
            RINGS => read.rings.push((decode(key)?, decode(value)?)),
            SILENCES => self.silences.restore(value)?,
            _ => return read.hubs.read(table, key, value),
        }
        Ok(true)
    }

    pub(crate) fn settle(&mut self, read: Read) -> Result<(), String> {
        self.rings.restore(read.rings);
        read.hubs.put_back(&mut self.hubs)
    }
}
