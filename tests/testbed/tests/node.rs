//! The ground `node`: real pods, and nothing left of them. Skipped, with the reason, where the ground refuses.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy excuses test functions, not what they call"
)]

#[path = "node/left_behind.rs"]
mod left_behind;
#[path = "node/pods.rs"]
mod pods;

use std::io::Write as _;
use std::time::{Duration, Instant};

use testbed::cluster::{Options, node};
use testbed::parts::{self, Part};
use testbed::{Cluster, Ground, Image};
use tokio::sync::OnceCell;

const SOON: Duration = Duration::from_secs(30);
/// What tests put into pods.
const IMAGE: (&str, &str) = ("probe", "1");

static CLUSTER: OnceCell<Option<Cluster>> = OnceCell::const_new();

/// Not captured as `println!` is: figures and reasons are for whoever runs the tests.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A cluster for all tests that leave it as they find it; none where the ground refuses.
async fn cluster() -> Option<&'static Cluster> {
    CLUSTER.get_or_init(|| start("node")).await.as_ref()
}

async fn start(label: &str) -> Option<Cluster> {
    if let Some(reason) = node::refusal() {
        say(&format!("skipped: {reason}"));
        return None;
    }
    let parts = [Part::BARE.as_slice(), &Part::NODE, &[Part::Probe]].concat();
    let parts = tokio::task::spawn_blocking(move || parts::ensure(&parts)).await.unwrap().unwrap();
    let started = Instant::now();
    let options = Options { ground: Ground::Node, label: label.to_owned(), ..Options::default() };
    let cluster = Cluster::start(options).await.unwrap();
    say(&format!("{}: Ready after {:.1} s", cluster.node().unwrap().name(), started.elapsed().as_secs_f64()));
    let image = Image::new(IMAGE.0, IMAGE.1).program(parts.path(Part::Probe).unwrap()).unwrap();
    cluster.import(&image).await.unwrap();
    Some(cluster)
}
