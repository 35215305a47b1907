//! Phones and what they got, written down and read back.

use super::super::kept::{Record, Write, decode};
use super::super::random::Random;
use super::{Installation, Phone, Ring, Telephony};

const PHONES: &str = "phone";
const INSTALLATIONS: &str = "installation";
const RINGS: &str = "ring";
const SILENCES: &str = "silences";

impl Record for Phone {}
impl Record for Installation {}

/// What was read of the log, until all of it is there.
#[derive(Default)]
pub(crate) struct Read {
    rings: Vec<(u64, Ring)>,
}

impl Telephony {
    pub(crate) fn random_mut(&mut self) -> &mut Random {
        &mut self.random
    }

    pub(crate) fn watch(&mut self, written: bool) {
        let Self { phones, installations, rings, silences, random: _ } = self;
        phones.watch(written);
        installations.watch(written);
        rings.watch(written);
        silences.watch(written);
    }

    pub(crate) fn is_changed(&self) -> bool {
        let Self { phones, installations, rings, silences, random: _ } = self;
        phones.is_changed() || installations.is_changed() || rings.is_changed() || silences.is_changed()
    }

    pub(crate) fn write(&mut self, write: &mut Write<'_>) {
        let Self { phones, installations, rings, silences, random: _ } = self;
        phones.write(PHONES, write);
        installations.write(INSTALLATIONS, write);
        rings.write(RINGS, write);
        silences.write(SILENCES, write);
    }

    /// `false` when the table is none of these.
    pub(crate) fn read(&mut self, read: &mut Read, table: &str, key: &[u8], value: &[u8]) -> Result<bool, String> {
        match table {
            PHONES => self.phones.restore(decode(key)?, decode(value)?),
            INSTALLATIONS => self.installations.restore(decode(key)?, decode(value)?),
            RINGS => read.rings.push((decode(key)?, decode(value)?)),
            SILENCES => self.silences.restore(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) fn settle(&mut self, read: Read) {
        self.rings.restore(read.rings);
    }
}
