//! One input, from its bytes to the verdict.

use std::collections::HashMap;

use azure_sim::model::{self, Change, Request, Response, World};

use crate::ground::{GROUND, Records, moves_always, settle};
use crate::input::{Step, steps};
use crate::property::{Seen, Violation, judge};

/// What stands in for a record that is gone, or was never there.
type Record = Option<Vec<u8>>;

/// What is written of one world: that of the ground, and what became of it since.
struct Written<'a> {
    ground: &'a Records,
    since: HashMap<(&'static str, Vec<u8>), Record>,
}

impl Written<'_> {
    fn absorb(&mut self, changes: Vec<Change>) {
        for Change { table, key, value } in changes {
            self.since.insert((table, key), value);
        }
    }

    /// The changes that change something: a record may be written again as it was.
    fn changed<'c>(&self, changes: &'c [Change]) -> Vec<&'c Change> {
        let differs = |change: &&Change| {
            let key = (change.table, change.key.clone());
            let before = self.since.get(&key).map_or_else(|| self.ground.get(&key), Option::as_ref);
            before != change.value.as_ref()
        };
        changes.iter().filter(|change| !moves_always(change)).filter(differs).collect()
    }
}

/// Sends what the bytes mean to a world of their own, and shows each request with its answer.
///
/// # Errors
/// The first property that does not hold.
pub fn examine(bytes: &[u8], show: impl FnMut(&Step, &Response)) -> Result<(), Violation> {
    examine_with(bytes, show, model::handle)
}

/// As [`examine`], of something else that answers: so that tests can see each property fail.
///
/// # Errors
/// The first property that does not hold.
pub fn examine_with(
    bytes: &[u8],
    mut show: impl FnMut(&Step, &Response),
    handle: impl Fn(&mut World, &Request, u64) -> Response,
) -> Result<(), Violation> {
    let ground = &*GROUND;
    let (mut world, mut now, mut sent) = (ground.world.clone(), ground.now, 0);
    let mut written = Written { ground: &ground.records, since: HashMap::new() };
    for step in steps(bytes, &ground.words) {
        now += step.wait_s * 1000;
        settle(&mut world, now);
        written.absorb(world.changes());
        let next = world.next_entry();
        let response = handle(&mut world, &step.request, now);
        show(&step, &response);
        let changes = world.changes();
        sent += step.request.path.len() + step.request.body.len();
        let entry = world.journal().back().filter(|entry| entry.sequence >= next);
        let changed = written.changed(&changes);
        judge(&Seen { request: &step.request, response: &response, entry, changed: &changed, sent })?;
        written.absorb(changes);
    }
    Ok(())
}
