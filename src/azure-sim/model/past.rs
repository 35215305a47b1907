//! What resources were before, for reads that lag behind. Remembered while a fault asks for it, and not written down: after
//! a restart, as before the fault was placed, reads are as fresh as ever.

use std::collections::VecDeque;

use serde_json::Value;

use super::resource::Resource;
use super::world::World;

/// Changes remembered at most; what is older than the oldest of them reads as it was then.
const MOST: usize = 10_000;

/// What was there before a change, and nothing where it was new.
#[derive(Clone, Debug)]
enum Before {
    Resource(String, Option<Box<Resource>>),
    /// Tags of a subscription.
    Tags(String, Option<Value>),
}

impl Before {
    /// Puts it back, and gives what was there instead. Not a change: it is put back again.
    fn exchanged(self, world: &mut World) -> Self {
        match self {
            Self::Resource(key, was) => {
                let is = world.resources.exchange(&key, was.map(|was| *was));
                Self::Resource(key, is.map(Box::new))
            }
            Self::Tags(key, was) => {
                let is = world.kept.unchanged().exchange_tags(&key, was);
                Self::Tags(key, is)
            }
        }
    }
}

/// Changes, oldest first: when, and what was there before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past(VecDeque<(u64, Before)>);

/// Begins or ends to remember, as the faults in place ask for it.
pub(crate) fn remember(world: &mut World) {
    let asked = world.faults.longest_lag().is_some();
    world.resources.remember_before(asked);
    if !asked {
        world.past.0.clear();
    }
}

/// Says of what changed since the last time that it changed at `time`, and forgets what nobody can look back to any more.
pub(crate) fn date(world: &mut World, time: u64) {
    let Some(lag) = world.faults.longest_lag() else { return };
    let past = &mut world.past.0;
    // What is due in the past fires now.
    let time = past.back().map_or(time, |(last, _)| time.max(*last));
    let changed = world.resources.take_before().into_iter();
    past.extend(changed.map(|(key, before)| (time, Before::Resource(key, before.map(Box::new)))));
    let oldest = time.saturating_sub(lag);
    while past.len() > MOST || past.front().is_some_and(|(changed, _)| *changed <= oldest) {
        past.pop_front();
    }
}

/// Notes that the tags of a subscription are about to change.
pub(crate) fn tagged(world: &mut World, subscription: &str, before: Option<Value>) {
    if world.faults.longest_lag().is_some() {
        let now = world.now();
        world.past.0.push_back((now, Before::Tags(subscription.to_owned(), before)));
    }
}

/// Shows the world with the resources of `lag` milliseconds ago. What is looked at must not be changed.
pub(crate) fn looking_back<T>(world: &mut World, lag: u64, look: impl FnOnce(&mut World) -> T) -> T {
    let now = world.now();
    date(world, now);
    let then = now.saturating_sub(lag);
    let changes = std::mem::take(&mut world.past);
    let undone = changes.0.iter().rev().take_while(|(changed, _)| *changed > then);
    let undone: Vec<Before> = undone.map(|(_, before)| before.clone().exchanged(world)).collect();
    let seen = look(world);
    for now in undone.into_iter().rev() {
        now.exchanged(world);
    }
    world.past = changes;
    seen
}
