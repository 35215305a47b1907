//! Long-running operations, in the three styles of the three providers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arm::Call;
use super::event_grid::resource_events::{self, Activity};
use super::faults::{Lateness, LroFault};
use super::message::Response;
use super::path;
use super::random::Random;
use super::refusal::{Answer, Done, Refusal};
use super::timer::{self, Timer};
use super::world::World;

/// How an operation ends: well, or with ARM's code and message.
pub(crate) type Outcome = Result<(), (String, String)>;

/// Records kept. Azure keeps them for a day or so; what is polled here is far younger than thousands of others.
pub(crate) const RECORDS: usize = 20_000;

/// Whose habits an operation follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Style {
    Communication,
    EventGrid,
    NotificationHubs,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) style: Style,
    pub(crate) deleting: bool,
    pub(crate) resource_id: String,
    pub(crate) started: u64,
    pub(crate) ended: Option<u64>,
    pub(crate) outcome: Option<Outcome>,
    /// Path and query as issued, but for the signature of a Communication URL: that is ten times as long as the rest, and
    /// made again from the name whenever it is asked for. Records of versions before have it.
    pub(crate) issued: String,
    lost: bool,
    /// By an injected fault, nothing ends it.
    #[serde(default)]
    endless: bool,
    #[serde(default)]
    late: Option<Lateness>,
    /// What is told of it when it ends, where somebody listens.
    #[serde(default)]
    activity: Option<Box<Activity>>,
}

impl Operation {
    /// Path and query exactly as issued: Communication signs them.
    pub(crate) fn url(&self) -> Cow<'_, str> {
        if self.style != Style::Communication || self.issued.contains(SIGNATURE) {
            return Cow::Borrowed(&self.issued);
        }
        Cow::Owned(format!("{}{}", self.issued, signature(&self.name)))
    }

    /// When it ends that was to end at `due`.
    pub(crate) fn end(&self, due: u64) -> u64 {
        self.late.map_or(due, |late| late.of(self.started, due))
    }
}

/// A started operation: what to put into the response.
pub(crate) struct Started {
    pub(crate) key: String,
    /// What the operation and its resource are told to end with, unless an injected fault keeps them running for ever.
    pub(crate) outcome: Option<Outcome>,
    started: u64,
    late: Option<Lateness>,
    headers: Vec<(String, String)>,
}

impl Started {
    fn end(&self, due: u64) -> u64 {
        self.late.map_or(due, |late| late.of(self.started, due))
    }

    pub(crate) fn on(&self, mut response: Response) -> Response {
        response.headers.extend(self.headers.iter().cloned());
        response
    }

    /// Lets the operation end at `due`.
    pub(crate) fn finish_at(&self, world: &mut World, due: u64) {
        if let Some(outcome) = self.outcome.clone() {
            timer::at(world, self.end(due), Timer::Finish { operation: self.key.clone(), outcome });
        }
    }

    /// Lets the resource reach its end state at `due`.
    pub(crate) fn ready_at(&self, world: &mut World, key: &str, generation: u64, due: u64) {
        if let Some(outcome) = self.outcome.clone() {
            timer::at(world, self.end(due), Timer::Ready { key: key.into(), generation, outcome });
        }
    }

    /// Lets a deletion end at `due`: the resource goes, unless a fault said otherwise.
    pub(crate) fn gone_at(&self, world: &mut World, key: &str, generation: u64, due: u64) {
        match &self.outcome {
            Some(Ok(())) => timer::at(world, self.end(due), Timer::Gone { key: key.into(), generation }),
            Some(Err(_)) => self.ready_at(world, key, generation, due),
            None => {}
        }
        self.finish_at(world, due);
    }
}

/// Another operation on a deletion that is under way and ends at `due`: that goes on as it was, since whoever asks often
/// would never see its end otherwise (unverified: no recording asks twice).
pub(crate) fn joined(world: &mut World, call: &Call<'_>, style: Style, resource_id: &str, due: u64) -> Started {
    let started = begin(world, call, style, resource_id, true);
    started.finish_at(world, due);
    started
}

/// Opens an operation on `resource_id` and names the headers its provider answers with.
pub(crate) fn begin(world: &mut World, call: &Call<'_>, style: Style, resource_id: &str, deleting: bool) -> Started {
    let subscription = path::subscription_of(resource_id).to_owned();
    let guid = world.random.guid();
    let (key, name, issued) = match style {
        Style::Communication => {
            let name = format!("{guid}*{}", world.random.hex(64).to_ascii_uppercase());
            let issued = unsigned_url(world, &subscription, &name, &call.api_version);
            (name.to_ascii_lowercase(), name, issued)
        }
        Style::EventGrid => {
            let name = guid.to_ascii_uppercase();
            let issued = format!(
                "/subscriptions/{subscription}/providers/Microsoft.EventGrid/operationsStatus/{name}?api-version={}",
                call.api_version
            );
            (guid, name, issued)
        }
        Style::NotificationHubs => {
            let name = world.random.base64_url(48);
            let issued = format!("{resource_id}/operations/{name}?api-version={}", call.api_version);
            (name.to_ascii_lowercase(), name, issued)
        }
    };
    let lost = call.lro == Some(LroFault::Lost);
    let late = match call.lro {
        Some(LroFault::Late(late)) => Some(late),
        _ => None,
    };
    let outcome = match call.lro {
        Some(LroFault::Fail) => {
            Some(Err(("InternalServerError".to_owned(), "The operation failed by an injected fault.".to_owned())))
        }
        Some(LroFault::Endless) => None,
        _ => Some(Ok(())),
    };
    let resource_id = resource_id.to_owned();
    let (started, ended) = (call.now, None);
    let operation = Operation {
        name,
        style,
        deleting,
        resource_id,
        started,
        ended,
        outcome: None,
        issued,
        lost,
        endless: outcome.is_none(),
        late,
        activity: None,
    };
    let headers = headers(world, &operation);
    world.operations.insert(key.clone(), operation);
    prune(world);
    Started { key, outcome, started, late, headers }
}

/// Records of operations that have ended, or never will, go once there are too many: the oldest half, so that this is seldom
/// done.
fn prune(world: &mut World) {
    if world.operations.len() <= RECORDS {
        return;
    }
    let over = |o: &Operation| o.ended.or(o.endless.then_some(o.started));
    let mut ended: Vec<(u64, String)> =
        world.operations.iter().filter_map(|(key, o)| Some((over(o)?, key.clone()))).collect();
    ended.sort_unstable();
    for (_, key) in ended.into_iter().take(RECORDS / 2) {
        world.operations.remove(&key);
    }
}

fn headers(world: &World, operation: &Operation) -> Vec<(String, String)> {
    let Operation { style, deleting, resource_id: id, .. } = operation;
    let (style, issued, base) = (*style, operation.url(), &world.config().base_url);
    let status = format!("{base}{issued}");
    let location = match style {
        // Both headers carry the same URL (recorded 2022 and later).
        Style::Communication => status.clone(),
        Style::EventGrid => status.replace("/operationsStatus/", "/operationResults/"),
        // The create of 2023 names the resource itself.
        Style::NotificationHubs => format!("{base}{id}?{}", issued.split_once('?').map_or("", |(_, q)| q)),
    };
    let status = if style == Style::EventGrid { ported(base, &issued) } else { status };
    let mut headers = vec![("azure-asyncoperation".to_owned(), status)];
    if *deleting || style == Style::NotificationHubs {
        headers.push(("location".to_owned(), location));
    }
    headers
}

/// Event Grid names the port of https in one of its two headers (recorded): it is the same host.
fn ported(base: &str, issued: &str) -> String {
    let host = base.trim_start_matches("https://");
    let named = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
    if named || host == base { format!("{base}{issued}") } else { format!("{base}:443{issued}") }
}

/// What a Communication URL is up to its signature.
fn unsigned_url(world: &World, subscription: &str, name: &str, version: &str) -> String {
    let t = 638_000_000_000_000_000 + world.now() % 1_000_000_000_000;
    format!(
        "/subscriptions/{subscription}/providers/Microsoft.Communication/locations/WESTUS2/operationStatuses/{name}\
         ?api-version={version}&t={t}"
    )
}

const SIGNATURE: &str = "&c=";

/// With it a URL has about 3 KB: clients must use it as it is. The name is as random as what it stands for.
fn signature(name: &str) -> String {
    let mut random = Random::named(name);
    let (c, s, h) = (random.base64_url(2380), random.base64_url(342), random.base64_url(43));
    format!("{SIGNATURE}{c}&s={s}&h={h}")
}

pub(crate) fn finish(world: &mut World, key: &str, outcome: Outcome, due: u64) {
    if let Some(operation) = world.operations.get_mut(key)
        && operation.outcome.is_none()
    {
        let well = outcome.is_ok();
        operation.outcome = Some(outcome);
        operation.ended = Some(due);
        if let Some(activity) = operation.activity.take() {
            resource_events::tell(world, &activity, well);
        }
    }
}

/// Lets the end of the operation behind `url` be told. Gives the activity back where there is none that still runs.
pub(crate) fn tell(world: &mut World, url: &str, activity: Activity) -> Option<Activity> {
    let key = path::leaf(url.split('?').next().unwrap_or_default()).to_ascii_lowercase();
    match world.operations.get_mut(&key).filter(|operation| operation.outcome.is_none()) {
        Some(operation) => {
            operation.activity = Some(Box::new(activity));
            None
        }
        None => Some(activity),
    }
}

/// The resource is gone: what was being done to it ends, unless its end is due already. Only a deletion ends well.
pub(crate) fn abandon(world: &mut World, resource: &str) {
    let now = world.now();
    let ends =
        |key: &str| world.timers.values().any(|t| matches!(t, Timer::Finish { operation, .. } if operation == key));
    let of_it = |o: &Operation| o.outcome.is_none() && o.resource_id.eq_ignore_ascii_case(resource);
    let open: Vec<String> =
        world.operations.iter().filter(|(key, o)| of_it(o) && !ends(key)).map(|(key, _)| key.clone()).collect();
    for key in open {
        let lost = ("ResourceNotFound".to_owned(), "The resource was deleted meanwhile.".to_owned());
        let deleting = world.operations.get(&key).is_some_and(|operation| operation.deleting);
        finish(world, &key, if deleting { Ok(()) } else { Err(lost) }, now);
    }
}

fn not_found(name: &str) -> Refusal {
    Refusal::new(404, "OperationNotFound", format!("The operation '{name}' could not be found."))
}

/// GET of a status or result URL.
pub(crate) fn status(world: &World, call: &Call<'_>) -> Answer {
    let name = call.target.name();
    let operation = world
        .operations
        .get(&name.to_ascii_lowercase())
        .filter(|o| !o.lost && o.resource_id.split('/').nth(2) == call.target.subscription.as_deref())
        .ok_or_else(|| not_found(name))?;
    let response = match operation.style {
        Style::Communication => communication_status(world, operation, call)?,
        Style::EventGrid if call.target.types.last().is_some_and(|t| t == "operationresults") => {
            result(world, operation)
        }
        Style::EventGrid => Response::json(200, &status_body(operation, "InProgress")),
        Style::NotificationHubs => Response::json(200, &status_body(operation, "InProgress")),
    };
    Ok(Done::new(super::journal::Effect::Read, response))
}

fn status_body(operation: &Operation, running: &str) -> Value {
    let id = operation.issued.split('?').next().unwrap_or_default();
    let mut body = json!({"id": id, "name": operation.name});
    let (status, error) = match &operation.outcome {
        None => (running, None),
        Some(Ok(())) => ("Succeeded", None),
        Some(Err((code, message))) => ("Failed", Some(json!({"code": code, "message": message}))),
    };
    super::json::put(&mut body, &["status"], status);
    if let Some(error) = error {
        super::json::put(&mut body, &["error"], error);
    }
    body
}

fn communication_status(world: &World, operation: &Operation, call: &Call<'_>) -> Result<Response, Refusal> {
    // The signature covers the URL: re-encoded or shortened it names nothing.
    if call.request.path != operation.url() {
        return Err(not_found(call.target.name()));
    }
    let mut body = status_body(operation, if operation.deleting { "Deleting" } else { "Accepted" });
    super::json::put(&mut body, &["resourceId"], operation.resource_id.clone());
    super::json::put(&mut body, &["startTime"], super::world::timestamp(operation.started));
    if operation.deleting && operation.outcome.is_none() {
        // Every 202 repeats both headers (recorded).
        let url = format!("{}{}", world.config().base_url, operation.url());
        return Ok(Response::json(202, &body).with("azure-asyncoperation", url.clone()).with("location", url));
    }
    if operation.deleting && matches!(operation.outcome, Some(Err(_))) {
        // By Location, a failed operation is an error status.
        return Ok(Response::json(409, &body));
    }
    Ok(Response::json(200, &body))
}

fn result(world: &World, operation: &Operation) -> Response {
    match &operation.outcome {
        None => {
            let url = format!("{}{}", world.config().base_url, operation.issued);
            Response::empty(202).with("location", url.replace("/operationsStatus/", "/operationResults/"))
        }
        Some(Ok(())) => Response::empty(200),
        Some(Err((code, message))) => Refusal::new(409, code, message.clone()).response(),
    }
}
