//! The search: libFuzzer makes inputs, led by what they reach.
//!
//! `FUZZ_SEEDS=FOLDER` writes seeds, dictionary and the number of properties there before it begins. `FUZZ_SHOW=1` prints
//! each request with its answer: for one input, not for a search.

#![no_main]
#![allow(clippy::panic, clippy::expect_used, reason = "libFuzzer learns by a panic that an input breaks something")]

use std::path::Path;
use std::sync::LazyLock;

static SHOW: LazyLock<bool> = LazyLock::new(|| std::env::var_os("FUZZ_SHOW").is_some());

fn begin() {
    if let Some(folder) = std::env::var_os("FUZZ_SEEDS") {
        fuzz::seeds::write(Path::new(&folder)).expect("seeds can be written");
    }
}

libfuzzer_sys::fuzz_target!(init: begin(), |bytes: &[u8]| {
    let show = |step: &fuzz::input::Step, response: &azure_sim::model::Response| {
        if *SHOW {
            eprintln!("after {} s: {} {}", step.wait_s, step.request.method, step.request.path);
            eprintln!("  {} {}", response.status, response.body.escape_ascii());
        }
    };
    if let Err(violation) = fuzz::examine(bytes, show) {
        panic!("{violation}");
    }
});
