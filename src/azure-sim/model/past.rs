//! What resources were before, for reads that lag behind. Remembered while a fault asks for it, and not written down: after
//! a restart, as before the fault was placed, reads are as fresh as ever.

use std::collections::VecDeque;

use super::resource::Resource;
use super::world::World;

/// Changes remembered at most; what is older than the oldest of them reads as it was then.
const MOST: usize = 10_000;

/// Changes, oldest first: when, of what, and what was there before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past(VecDeque<(u64, String, Option<Resource>)>);

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
    let time = past.back().map_or(time, |(last, ..)| time.max(*last));
    past.extend(world.resources.take_before().into_iter().map(|(key, before)| (time, key, before)));
    let oldest = time.saturating_sub(lag);
    while past.len() > MOST || past.front().is_some_and(|(changed, ..)| *changed <= oldest) {
        past.pop_front();
    }
}

/// Shows the world with the resources of `lag` milliseconds ago. What is looked at must not be changed.
pub(crate) fn looking_back<T>(world: &mut World, lag: u64, look: impl FnOnce(&mut World) -> T) -> T {
    let now = world.now();
    date(world, now);
    let then = now.saturating_sub(lag);
    let changes = std::mem::take(&mut world.past);
    let undone = changes.0.iter().rev().take_while(|(changed, ..)| *changed > then);
    let undone: Vec<_> = undone.map(|(_, key, before)| (key, world.resources.exchange(key, before.clone()))).collect();
    let seen = look(world);
    for (key, now) in undone.into_iter().rev() {
        world.resources.exchange(key, now);
    }
    world.past = changes;
    seen
}
