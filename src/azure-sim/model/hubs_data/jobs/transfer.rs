//! The calls of a job: its input is fetched, and its files are written, one after the other.

use serde::{Deserialize, Serialize};

use super::super::super::message::{Answered, Outbound, OutboundId};
use super::super::super::path;
use super::super::super::world::World;
use super::super::super::xml::Out;
use super::super::description;
use super::{Job, Kind, Status, import};

pub(super) const OUTPUT: &str = "Output.txt";
pub(super) const FAILED: &str = "Failed.txt";
/// Of the storage, in real time.
const PATIENCE_MS: u64 = 30_000;
/// Any that has block blobs; Azurite knows it, too.
const STORAGE_VERSION: &str = "2020-10-02";

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    Fetch,
    Write,
}

/// Sends the first call of a job.
pub(super) fn begin(world: &mut World, hub: &str, id: &str) {
    let Some(job) = world.telephony.hub(hub).jobs.get(id).cloned() else { return };
    match (job.kind, &job.input) {
        (Kind::ExportRegistrations, _) | (_, None) => {
            let content = exported(world, hub);
            write_next(world, hub, job, vec![(OUTPUT.to_owned(), content)]);
        }
        (_, Some(input)) => call(world, hub, &job, Step::Fetch, "GET", input.clone(), Vec::new()),
    }
}

/// One registration a line, as an import reads them.
fn exported(world: &mut World, hub: &str) -> String {
    let now = world.now();
    let mut all = String::new();
    for registration in world.telephony.hub(hub).registrations(now) {
        let mut out = Out::new();
        description::write(registration, &mut out);
        all.push_str(&String::from_utf8_lossy(&out.finish()).replace(['\r', '\n'], " "));
        all.push('\n');
    }
    all
}

fn call(world: &mut World, hub: &str, job: &Job, step: Step, method: &str, url: String, body: Vec<u8>) {
    let id = OutboundId(world.number());
    let mut headers = vec![("x-ms-version".to_owned(), STORAGE_VERSION.to_owned())];
    if step == Step::Write {
        headers.push(("x-ms-blob-type".into(), "BlockBlob".into()));
        headers.push(("content-type".into(), "text/plain; charset=utf-8".into()));
    }
    if let Some(stored) = world.telephony.hub(hub).jobs.get_mut(&job.id) {
        stored.waits_for = Some((id, step));
    }
    let (method, storage_account) = (method.to_owned(), None);
    world.send(Outbound { id, method, url, headers, body, storage_account, timeout_ms: PATIENCE_MS });
}

/// Writes the next file, or ends the job when there is none.
fn write_next(world: &mut World, hub: &str, job: Job, mut files: Vec<(String, String)>) {
    let now = world.now();
    let name = path::leaf(hub).to_owned();
    let next = if files.is_empty() { None } else { Some(files.remove(0)) };
    if let Some(stored) = world.telephony.hub(hub).jobs.get_mut(&job.id) {
        stored.to_write = files;
        stored.updated = now;
        stored.status = if next.is_some() { Status::Running } else { Status::Completed };
    }
    let Some((file, content)) = next else { return };
    // `{container}/{hub}/{job}/{file}` (documented), with the container's own signature.
    let (container, query) = job.output.split_once('?').unwrap_or((&job.output, ""));
    let url = format!("{}/{name}/{}/{file}?{query}", container.trim_end_matches('/'), job.id);
    call(world, hub, &job, Step::Write, "PUT", url, content.into_bytes());
}

fn fail(world: &mut World, hub: &str, id: &str, why: String) {
    let now = world.now();
    if let Some(job) = world.telephony.hub(hub).jobs.get_mut(id) {
        (job.status, job.failure, job.updated) = (Status::Failed, Some(why), now);
        job.to_write.clear();
    }
}

/// The storage answered a call of a job; false when it was none.
pub(crate) fn answered(world: &mut World, id: OutboundId, answer: &Answered) -> bool {
    let waits = |job: &&Job| job.waits_for.is_some_and(|(call, _)| call == id);
    let found = world
        .telephony
        .hubs
        .iter()
        .find_map(|(hub, stored)| stored.jobs.values().find(waits).map(|job| (hub.clone(), job.clone())));
    let Some((hub, mut job)) = found else { return false };
    let Some((_, step)) = job.waits_for.take() else { return false };
    if let Some(stored) = world.telephony.hub(&hub).jobs.get_mut(&job.id) {
        stored.waits_for = None;
    }
    let what =
        if step == Step::Fetch { "The import file could not be read" } else { "The output could not be written" };
    match (step, answer) {
        (Step::Fetch, Answered::Response { status: 200, body, .. }) => match std::str::from_utf8(body) {
            Ok(lines) => {
                let (output, failed) = import::run(world, &hub, job.kind, lines);
                write_next(world, &hub, job, vec![(OUTPUT.to_owned(), output), (FAILED.to_owned(), failed)]);
            }
            Err(_) => fail(world, &hub, &job.id, "The import file is not UTF-8.".into()),
        },
        (Step::Write, Answered::Response { status: 201, .. }) => {
            let rest = std::mem::take(&mut job.to_write);
            write_next(world, &hub, job, rest);
        }
        (_, Answered::Response { status, .. }) => {
            fail(world, &hub, &job.id, format!("{what}: the storage answered {status}."));
        }
        (_, Answered::Failed(_)) => fail(world, &hub, &job.id, format!("{what}: the storage was not reached.")),
        (_, Answered::TimedOut(_)) => {
            fail(world, &hub, &job.id, format!("{what}: the storage did not answer in time."))
        }
    }
    true
}
