//! A world for the tests of decisions: an operator with default timings, at a time of the test's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Memory, RelaySettings, Settings, World};
use crate::kinds::Object;
use crate::moment::{Moment, Timings};
use crate::relay::inject::RelayImage;

/// Wall clock when the monotonic one is at zero, in milliseconds.
pub const WALL: u64 = 1_790_000_000_000;

/// Nothing was read yet. `clock` is in milliseconds; `count` tells passes apart.
pub fn world(object: Object, clock: u64, count: u64, memory: Memory) -> World {
    let relay = RelaySettings {
        image: RelayImage { image: "relay:1".to_owned(), pull_policy: "IfNotPresent".to_owned() },
        operator_namespace: "operator".to_owned(),
        push_endpoint: None,
        ca_bundle: None,
        clouds: BTreeMap::new(),
    };
    let settings = Settings {
        cluster_id: "c".to_owned(),
        service_accounts: Vec::new(),
        clouds: vec!["Public".to_owned()],
        timings: Timings::default(),
        relay,
    };
    World {
        object,
        settings: Arc::new(settings),
        now: Moment { mono: clock, wall: WALL + clock },
        epoch: 1,
        nonce: format!("n{count}"),
        jitter: 0.5,
        fresh_key: String::new().into(),
        applied: BTreeSet::new(),
        answers: BTreeMap::new(),
        memory,
    }
}
