//! One input, from its bytes to the verdict.

use std::collections::{HashMap, VecDeque};

use azure_sim::model::{self, Change, Request, Response, Stored, World};

use crate::ground::{GROUND, Records, everything, moves_always, settle};
use crate::input::{Asked, Step, steps};
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

    /// Whether anything was written but for what every request moves.
    fn is_more(&self) -> bool {
        self.since.keys().any(|(table, _)| !moves_always(table))
    }

    /// Reads all of it, as a simulator does that goes on: it must be `world`.
    fn read_back(self, mut world: World) -> Result<(), Violation> {
        // It takes as long as the rest of an input does, and most inputs change nothing.
        if !self.is_more() {
            return Ok(());
        }
        let mut records = self.ground.clone();
        for (key, value) in self.since {
            match value {
                Some(value) => records.insert(key, value),
                None => records.remove(&key),
            };
        }
        let stored = records.into_iter().map(|((table, key), value)| Stored { table: table.to_owned(), key, value });
        let config = world.config().clone();
        let (mut again, remarks) = World::restored(&config, stored, true).map_err(Violation::of_reading_back)?;
        let (was, is) = (everything(&mut world), everything(&mut again));
        let (was, is) = (was.map_err(Violation::of_reading_back)?, is.map_err(Violation::of_reading_back)?);
        let differs = |key: &&(&'static str, Vec<u8>)| was.get(*key) != is.get(*key);
        match was.keys().chain(is.keys()).find(differs) {
            Some((table, key)) => Err(Violation::of_reading_back(format!("{table} {} is another", key.escape_ascii()))),
            None if remarks.is_empty() => Ok(()),
            None => Err(Violation::of_reading_back(remarks.join("; "))),
        }
    }

    /// The changes that change something: a record may be written again as it was.
    fn changed<'c>(&self, changes: &'c [Change]) -> Vec<&'c Change> {
        let differs = |change: &&Change| {
            let key = (change.table, change.key.clone());
            let before = self.since.get(&key).map_or_else(|| self.ground.get(&key), Option::as_ref);
            before != change.value.as_ref()
        };
        changes.iter().filter(|change| !moves_always(change.table)).filter(differs).collect()
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
    let mut answers = VecDeque::new();
    for step in steps(bytes, &ground.words) {
        now += step.wait_s * 1000;
        settle(&mut world, now, &mut answers);
        written.absorb(changes(&mut world)?);
        let next = world.next_entry();
        let response = match step.asked {
            Asked::Azure => handle(&mut world, &step.request, now),
            Asked::Identities => model::handle_identity(&mut world, &step.request, now),
            Asked::Answer => {
                // It is made of what was sent, as an answer of Azure's is.
                sent += step.request.body.len();
                answers.push_back(step.answered());
                continue;
            }
        };
        show(&step, &response);
        let changes = changes(&mut world)?;
        sent += step.request.path.len() + step.request.body.len();
        let entry = world.journal().back().filter(|entry| entry.sequence >= next);
        let changed = written.changed(&changes);
        judge(&Seen { request: &step.request, response: &response, entry, changed: &changed, sent })?;
        written.absorb(changes);
    }
    written.read_back(world)
}

fn changes(world: &mut World) -> Result<Vec<Change>, Violation> {
    world.changes().map_err(Violation::of_reading_back)
}
