//! Many schedules, and what they came to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use crate::bugs::Bug;
use crate::faults::{Counts, Event, Fault, Site};
use crate::schedule;

/// A schedule that went wrong.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Its seed.
    pub seed: u64,
    /// What went wrong.
    pub what: String,
}

/// The seed that caught a mistake, how many it took, and the violation.
pub type Caught = (u64, u64, String);

/// What many schedules came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// First seed.
    pub first: u64,
    /// How many.
    pub schedules: u64,
    /// What happened.
    pub counts: Counts,
    /// What went wrong, by seed.
    pub violations: Vec<Violation>,
    /// Schedules that were run twice.
    pub repeated: u64,
    /// Deliberate mistakes, and the seeds that caught them.
    pub bugs: Vec<(Bug, Option<Caught>)>,
    /// Seconds.
    pub seconds: f64,
}

/// Every so many seeds, a schedule runs twice and has to come out the same.
const REPEAT: u64 = 500;

/// Runs schedules on so many threads.
pub fn explore(first: u64, schedules: u64, threads: usize) -> Summary {
    let start = Instant::now();
    let next = AtomicU64::new(first);
    let whole = Mutex::new(Summary { first, schedules, ..Summary::default() });
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut own = Summary::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + schedules {
                        break;
                    }
                    own.one(seed);
                }
                let mut whole = whole.lock().unwrap_or_else(PoisonError::into_inner);
                whole.counts.add(&own.counts);
                whole.violations.append(&mut own.violations);
                whole.repeated += own.repeated;
            });
        }
    });
    let mut whole = whole.into_inner().unwrap_or_else(PoisonError::into_inner);
    whole.violations.sort_by_key(|violation| violation.seed);
    whole.seconds = start.elapsed().as_secs_f64();
    whole
}

/// Runs schedules with a deliberate mistake until one catches it: seed, how many it took, and how it showed.
pub fn hunt(bug: Bug, first: u64, most: u64, threads: usize) -> Option<Caught> {
    let next = AtomicU64::new(first);
    let caught: Mutex<Option<(u64, String)>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let known = caught.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(seed, _)| *seed);
                    if seed >= first + most || known.is_some_and(|known| known < seed) {
                        break;
                    }
                    let Some(what) = schedule::run(seed, Some(bug), false).violation else { continue };
                    // Only what goes well without the mistake shows the mistake.
                    if schedule::run(seed, None, false).violation.is_some() {
                        continue;
                    }
                    let mut caught = caught.lock().unwrap_or_else(PoisonError::into_inner);
                    if caught.as_ref().is_none_or(|(known, _)| seed < *known) {
                        *caught = Some((seed, what));
                    }
                }
            });
        }
    });
    let caught = caught.into_inner().unwrap_or_else(PoisonError::into_inner);
    caught.map(|(seed, what)| (seed, seed - first + 1, what))
}

impl Summary {
    fn one(&mut self, seed: u64) {
        let ended = schedule::run(seed, None, false);
        self.counts.add(&ended.counts);
        if let Some(what) = ended.violation {
            self.violations.push(Violation { seed, what });
        }
        if seed.is_multiple_of(REPEAT) {
            self.repeated += 1;
            if schedule::run(seed, None, false).hash != ended.hash {
                self.violations.push(Violation { seed, what: "two runs of one seed differ".to_owned() });
            }
        }
    }

    /// Call sites at which faults were reached: how many pairs, of how many.
    pub fn covered(&self) -> (usize, Vec<(Site, Fault)>) {
        let pairs = Site::ALL.iter().flat_map(|site| Fault::ALL.iter().map(move |fault| (*site, *fault)));
        let fitting: Vec<(Site, Fault)> = pairs.filter(|(site, fault)| fault.fits(*site)).collect();
        let missed = fitting.iter().copied().filter(|(site, fault)| self.counts.strikes(*site, *fault) == 0).collect();
        (fitting.len(), missed)
    }

    /// True if all is as it must be.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty() && self.bugs.iter().all(|(_, caught)| caught.is_some())
    }

    /// For people.
    pub fn print(&self) {
        let counts = &self.counts;
        let calls: u64 = counts.calls.iter().sum();
        println!(
            "seeds {}..{}, {} schedules in {:.1} s",
            self.first,
            self.first + self.schedules,
            self.schedules,
            self.seconds
        );
        println!(
            "  {} passes, {calls} calls, {} crashes, {} terms, {} virtual hours",
            counts.passes,
            counts.crashes,
            counts.terms,
            counts.virtual_ms / 3_600_000
        );
        for fault in Fault::ALL {
            print!("  {} {}", fault.name(), counts.of_fault(*fault));
        }
        println!();
        for event in Event::ALL {
            print!("  {} {}", event.name(), counts.of_event(*event));
        }
        println!();
        let (pairs, missed) = self.covered();
        println!("  call sites x faults: {} of {pairs}", pairs - missed.len());
        for (site, fault) in &missed {
            println!("    not reached: {} x {}", site.name(), fault.name());
        }
        println!("  run twice and equal: {}", self.repeated);
        for violation in &self.violations {
            println!("VIOLATION {}\n  cargo run -p simulation -- --seed {} --trace", violation.what, violation.seed);
        }
        println!("violations {}", self.violations.len());
        if !self.bugs.is_empty() {
            for (bug, caught) in &self.bugs {
                match caught {
                    Some((seed, tries, what)) => println!("  {bug:?}: seed {seed}, after {tries}: {what}"),
                    None => println!("  {bug:?}: NOT CAUGHT"),
                }
            }
            let caught = self.bugs.iter().filter(|(_, caught)| caught.is_some()).count();
            println!("seeded bugs: caught {caught} of {}", self.bugs.len());
        }
    }

    /// One line for programs.
    pub fn json(&self) -> Value {
        let counts = &self.counts;
        let (pairs, missed) = self.covered();
        let faults: serde_json::Map<String, Value> =
            Fault::ALL.iter().map(|fault| (fault.name().to_owned(), counts.of_fault(*fault).into())).collect();
        let events: serde_json::Map<String, Value> =
            Event::ALL.iter().map(|event| (event.name().to_owned(), counts.of_event(*event).into())).collect();
        json!({
            "firstSeed": self.first, "schedules": self.schedules, "passes": counts.passes,
            "calls": counts.calls.iter().sum::<u64>(), "crashes": counts.crashes, "terms": counts.terms,
            "faults": faults, "events": events, "pairs": pairs, "pairsReached": pairs - missed.len(),
            "repeated": self.repeated, "violations": self.violations.len(),
            "seededBugs": self.bugs.len(), "seededBugsCaught": self.bugs.iter().filter(|(_, caught)| caught.is_some()).count(),
            "seconds": self.seconds,
        })
    }
}
