//! A small number of schedules, and every deliberate mistake: `cargo run -p simulation` runs many more.

use simulation::bugs::Bug;
use simulation::report::{explore, hunt};
use simulation::schedule;

#[test]
fn nothing_that_must_hold_is_broken() {
    let summary = explore(1, 400, 2);
    let told: Vec<String> = summary
        .violations
        .iter()
        .map(|violation| format!("{}\n  cargo run -p simulation -- --seed {} --trace", violation.what, violation.seed))
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn every_deliberate_mistake_is_caught() {
    let missed: Vec<Bug> = Bug::ALL.into_iter().filter(|bug| hunt(*bug, 1, 3_000, 2).is_none()).collect();
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

#[test]
fn a_seed_always_comes_out_the_same() {
    for seed in [7, 500, 974] {
        assert_eq!(schedule::run(seed, None, false).hash, schedule::run(seed, None, false).hash, "seed {seed}");
    }
}
