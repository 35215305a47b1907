//! Jobs that export registrations into a blob container of the client's, or import them from a blob. In the tier Standard only.
//!
//! The storage is real, or Azurite: the simulator calls the URLs that the client gave.

mod import;
mod transfer;

use serde::{Deserialize, Serialize};

use super::super::journal::Effect;
use super::super::message::OutboundId;
use super::super::world::World;
use super::super::xml::Out;
use super::answer::Refused;
use super::atom::{self, CONNECT, Entry, INSTANCE};
use super::quota::Tier;
use super::{Answer, Call, Right, time};

pub(crate) use transfer::answered;

const ARRAYS: &str = "http://schemas.microsoft.com/2003/10/Serialization/Arrays";
/// Jobs remembered per hub (the simulator's own bound).
const JOBS: usize = 100;
/// Characters of a URL.
const URL: usize = 4096;

/// What a job does (documented).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::enum_variant_names, reason = "the service's own words, which are written as they are")]
enum Kind {
    ExportRegistrations,
    ImportCreateRegistrations,
    ImportUpdateRegistrations,
    ImportDeleteRegistrations,
    ImportUpsertRegistrations,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Status {
    Started,
    Running,
    Completed,
    Failed,
}

/// A job, and how far it is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    id: String,
    kind: Kind,
    status: Status,
    /// With its signature, which is the client's secret.
    output: String,
    input: Option<String>,
    failure: Option<String>,
    created: u64,
    updated: u64,
    /// The call that is under way, and what it is for.
    waits_for: Option<(OutboundId, transfer::Step)>,
    /// What is still to be written: file and content.
    to_write: Vec<(String, String)>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({}, {:?}, {:?})", self.id, self.kind, self.status)
    }
}

/// POST of `jobs`.
pub(super) fn submit(world: &mut World, call: &Call<'_>) -> Answer {
    admit(world, call)?;
    let description = atom::description(&call.request.body)?;
    if description.name != "NotificationHubJob" {
        return Err(Refused::bad("The description is none of a NotificationHubJob."));
    }
    let kind = match description.value("Type").map(str::trim) {
        Some("ExportRegistrations") => Kind::ExportRegistrations,
        Some("ImportCreateRegistrations") => Kind::ImportCreateRegistrations,
        Some("ImportUpdateRegistrations") => Kind::ImportUpdateRegistrations,
        Some("ImportDeleteRegistrations") => Kind::ImportDeleteRegistrations,
        Some("ImportUpsertRegistrations") => Kind::ImportUpsertRegistrations,
        _ => return Err(Refused::bad("The Type of the job is none that the service knows.")),
    };
    let url = |name: &str| match description.value(name).map(str::trim) {
        None => Ok(None),
        Some(text) => web(text).map(Some).ok_or_else(|| Refused::bad(format!("The {name} is no URL of a web server."))),
    };
    let output = url("OutputContainerUri")?.ok_or_else(|| Refused::bad("The job has no OutputContainerUri."))?;
    let input = url("ImportFileUri")?;
    if kind != Kind::ExportRegistrations && input.is_none() {
        return Err(Refused::bad("An import has an ImportFileUri."));
    }
    if world.telephony.hubs.get(&call.hub).is_some_and(|hub| hub.jobs.len() >= JOBS) {
        return Err(Refused::new(403, "The simulator's quota of jobs is used up."));
    }
    let id = new_id(world);
    let (created, updated) = (call.now, call.now);
    let job = Job {
        id: id.clone(),
        kind,
        status: Status::Started,
        output,
        input,
        failure: None,
        created,
        updated,
        waits_for: None,
        to_write: Vec::new(),
    };
    world.telephony.hub(&call.hub).jobs.insert(id.clone(), job.clone());
    transfer::begin(world, &call.hub, &id);
    let location = atom::location(call, "jobs", &id);
    Ok((shown(201, call, &job).with("location", location), Effect::Create))
}

fn admit(world: &World, call: &Call<'_>) -> Result<(), Refused> {
    call.require(world, Right::Manage)?;
    Tier::of(world, &call.hub).at_least(Tier::Standard, "Export and import of registrations")
}

fn web(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok().filter(|_| text.len() <= URL)?;
    (matches!(url.scheme(), "https" | "http") && url.has_host()).then(|| text.to_owned())
}

/// Descending ticks and a guid (recorded): new jobs sort first.
fn new_id(world: &mut World) -> String {
    /// Of the year 9999, and of 1970.
    const LAST_TICK: u64 = 3_155_378_975_999_999_999;
    const EPOCH: u64 = 621_355_968_000_000_000;
    let ticks = LAST_TICK.saturating_sub(EPOCH + world.now().saturating_mul(10_000));
    format!("{ticks:019}{}", world.telephony.random.guid())
}

/// GET of `jobs`.
pub(super) fn list(world: &mut World, call: &Call<'_>) -> Answer {
    admit(world, call)?;
    let jobs: Vec<&Job> = world.telephony.hubs.get(&call.hub).iter().flat_map(|hub| hub.jobs.values()).collect();
    let writers: Vec<_> = jobs.iter().map(|job| move |out: &mut Out| write(job, call.hub_name(), out)).collect();
    let entries: Vec<Entry<'_>> = jobs
        .iter()
        .zip(&writers)
        .map(|(job, content)| Entry { id: &job.id, collection: "jobs", version: None, content })
        .collect();
    Ok((atom::feed(call, "jobs", &entries, None), Effect::Read))
}

/// GET of `jobs/{id}`.
pub(super) fn one(world: &mut World, call: &Call<'_>, id: &str) -> Answer {
    admit(world, call)?;
    let job = world.telephony.hubs.get(&call.hub).and_then(|hub| hub.jobs.get(id));
    let job = job.ok_or_else(|| Refused::new(404, "There is no such job"))?;
    Ok((shown(200, call, job), Effect::Read))
}

fn shown(status: u16, call: &Call<'_>, job: &Job) -> super::super::message::Response {
    let content = |out: &mut Out| write(job, call.hub_name(), out);
    atom::entry(status, call, &Entry { id: &job.id, collection: "jobs", version: None, content: &content })
}

/// What is zero is left out, Started among it (recorded).
fn write(job: &Job, hub: &str, out: &mut Out) {
    let done = matches!(job.status, Status::Completed);
    out.open("NotificationHubJob", &[("xmlns", CONNECT), ("xmlns:i", INSTANCE)])
        .leaf("JobId", &job.id)
        .maybe("Progress", done.then_some("100"))
        .leaf("Type", &format!("{:?}", job.kind));
    if job.status != Status::Started {
        out.leaf("Status", &format!("{:?}", job.status));
    }
    out.leaf("OutputContainerUri", &job.output)
        .maybe("ImportFileUri", job.input.as_deref())
        .maybe("Failure", job.failure.as_deref());
    if done {
        out.open("OutputProperties", &[("xmlns:d3p1", ARRAYS)]);
        for (key, file) in [("OutputFilePath", transfer::OUTPUT), ("FailedFilePath", transfer::FAILED)] {
            out.open("d3p1:KeyValueOfstringstring", &[])
                .leaf("d3p1:Key", key)
                .leaf("d3p1:Value", &format!("/{hub}/{}/{file}", job.id))
                .close("d3p1:KeyValueOfstringstring");
        }
        out.close("OutputProperties");
    }
    out.leaf("CreatedAt", &time::precise(job.created))
        .leaf("UpdatedAt", &time::precise(job.updated))
        .close("NotificationHubJob");
}
