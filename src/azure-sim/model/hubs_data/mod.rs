//! The data plane of Notification Hubs: `{namespace}.servicebus.windows.net`, told apart by the header Host alone, so that
//! clients may connect to any address.
//!
//! Sources: the REST reference, the source of the .NET and JavaScript SDKs ("documented"), and the answers of the service that
//! the .NET SDK's tests have recorded in 2018, 2020 and 2022 ("recorded"). Where those are silent, comments say "unverified".

mod answer;
mod atom;
mod batch;
mod blobs;
mod debug;
mod description;
mod dispatch;
mod installation;
mod installations;
mod jobs;
mod list;
mod notification;
mod patch;
mod quota;
mod registrations;
mod sas;
mod schedule;
mod send;
mod state;
mod store;
mod tags;
mod telemetry;
mod template;
mod time;

use percent_encoding::percent_decode_str;

use super::arm::{self, Witnessed};
use super::faults::{FaultAnswer, Sight};
use super::journal::{Effect, Plane};
use super::json;
use super::message::{Answered, OutboundId, Request, Response};
use super::path;
use super::registry::Kind;
use super::world::World;

use answer::Refused;

pub(crate) use blobs::answer as blob;
pub(crate) use installations::install;
pub(crate) use schedule::due;
pub(crate) use state::{HUBS, HubParts};
pub(crate) use store::Hub;
pub(crate) use tags::check as check_tags;

const SUFFIX: &str = ".servicebus.windows.net";
/// Named by documentation, SDKs, samples and recordings.
pub(crate) const VERSIONS: [&str; 9] =
    ["2013-10", "2014-01", "2014-09", "2015-01", "2015-04", "2015-08", "2016-07", "2017-04", "2020-06"];

/// What a policy may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    /// Registrations and installations, one by one.
    Listen,
    Send,
    /// Everything.
    Manage,
}

/// A request that is let in.
struct Call<'a> {
    request: &'a Request,
    host: String,
    /// Key of the hub.
    hub: String,
    /// Path after the hub, decoded.
    rest: Vec<String>,
    query: Vec<(String, String)>,
    /// The policy that signed.
    rule: String,
    now: u64,
}

type Answer = Result<(Response, Effect), Refused>;

impl Call<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    fn version(&self) -> &str {
        self.parameter("api-version").unwrap_or_default()
    }

    fn hub_name(&self) -> &str {
        path::leaf(&self.hub)
    }

    /// The policy's rights must hold this one; `Manage` holds all.
    fn require(&self, world: &World, right: Right) -> Result<(), Refused> {
        let key = format!("{}/authorizationrules/{}", self.hub, self.rule.to_ascii_lowercase());
        let rights = world.resource(&key).and_then(|b| json::at(b, &["properties", "rights"])?.as_array());
        let has = |right: Right| rights.is_some_and(|all| all.iter().any(|have| *have == format!("{right:?}")));
        if has(right) || has(Right::Manage) {
            return Ok(());
        }
        // Without a body for sends (recorded in 2022).
        if right == Right::Send {
            return Err(Refused::bare(403));
        }
        Err(Refused::new(403, &format!("The access policy '{}' lacks the right {right:?}.", self.rule)))
    }
}

/// The host a request is for, in lower case and without its port, when it is one of a namespace.
pub(crate) fn host(request: &Request) -> Option<String> {
    let host = request.header("host")?.trim().to_ascii_lowercase();
    let host = host.split(':').next().unwrap_or_default();
    let namespace = host.strip_suffix(SUFFIX)?;
    (!namespace.is_empty() && !namespace.contains('.')).then(|| host.to_owned())
}

/// Answers whatever is sent to a namespace, and writes it into the journal.
pub(crate) fn front(world: &mut World, request: &Request, host: String, now: u64) -> Response {
    let path = request.path.split('?').next().unwrap_or_default();
    let segments: Result<Vec<String>, _> = path
        .split('/')
        .filter(|s| !s.is_empty())
        .map(|s| percent_decode_str(s).decode_utf8().map(|text| text.into_owned()))
        .collect();
    let segments = segments.unwrap_or_default();
    let query: Vec<(String, String)> = url::form_urlencoded::parse(request.query().as_bytes()).into_owned().collect();
    let operation = operation_name(request, &segments, &query);
    let place = format!("{host}{path}");
    let admitted = admit(world, request, host, segments, query, now);
    let caller = admitted.as_ref().map(|call| call.rule.clone()).unwrap_or_default();
    let witnessed = Witnessed { request, plane: Plane::Hubs, place: &place, operation, caller, named: None, injected };
    let response =
        arm::witnessed(world, witnessed, now, |world, _, _| match admitted.and_then(|call| perform(world, &call)) {
            Ok(done) => done,
            Err(refused) => (refused.response(world, now), Effect::None),
        });
    // The client's own, when it has one (the .NET SDK makes them); given back on every answer (recorded in 2022).
    let tracking = request.header("TrackingId").map(str::to_owned);
    let tracking = tracking.unwrap_or_else(|| world.telephony.random.guid());
    response.with("TrackingId", tracking)
}

/// The hub, the signature, the size and the version; in this order, as each needs the one before.
fn admit<'a>(
    world: &World,
    request: &'a Request,
    host: String,
    segments: Vec<String>,
    query: Vec<(String, String)>,
    now: u64,
) -> Result<Call<'a>, Refused> {
    let namespace = namespace(world, &host).ok_or_else(|| Refused::new(404, "The namespace does not exist."))?;
    let mut rest = segments;
    if rest.is_empty() {
        return Err(Refused::new(404, "The path names no notification hub."));
    }
    let name = rest.remove(0);
    let hub = format!("{namespace}/notificationhubs/{}", name.to_ascii_lowercase());
    if !world.resources.contains_key(&hub) {
        return Err(Refused::new(404, &format!("The notification hub '{name}' does not exist.")));
    }
    let rule = sas::signer(world, request, &host, &hub, now)?;
    let batch = rest.get(1).is_some_and(|last| last.eq_ignore_ascii_case("$batch"));
    let largest = if batch { batch::LARGEST } else { notification::LARGEST };
    if request.body.len() > largest {
        return Err(Refused::new(413, &format!("The body is larger than {} KB.", largest / 1024)));
    }
    let call = Call { request, host, hub, rest, query, rule, now };
    // Which of two would be taken is not known.
    if call.query.iter().filter(|(name, _)| name.eq_ignore_ascii_case("api-version")).count() > 1 {
        return Err(Refused::bad("The api-version was given more than once."));
    }
    if VERSIONS.contains(&call.version()) {
        return Ok(call);
    }
    let known = VERSIONS.join(", ");
    Err(Refused::bad(format!("The api-version '{}' is not supported. Supported are {known}.", call.version())))
}

/// The active namespace of that host. Names are global, so one at most.
fn namespace(world: &World, host: &str) -> Option<String> {
    let suffix = format!("/providers/microsoft.notificationhubs/namespaces/{}", host.strip_suffix(SUFFIX)?);
    let found = world.resources.iter().find(|(key, r)| r.kind == Kind::Namespace && key.ends_with(&suffix));
    let (key, resource) = found.filter(|(_, r)| !r.deleting())?;
    let enabled = json::at(&resource.body, &["properties", "enabled"]) == Some(&true.into());
    enabled.then(|| key.clone())
}

fn perform(world: &mut World, call: &Call<'_>) -> Answer {
    // Collections in any case, ids as they are.
    let lower: Vec<String> = call.rest.iter().map(|s| s.to_ascii_lowercase()).collect();
    let place: Vec<&str> = lower.iter().map(String::as_str).collect();
    let id = call.rest.get(1).map_or("", String::as_str);
    match (call.request.method.as_str(), place.as_slice()) {
        ("POST", ["messages"]) => send::send(world, call),
        ("POST", ["messages", "$batch"]) => send::batch(world, call),
        ("GET", ["messages", _]) => telemetry::answer(world, call, id),
        ("POST", ["schedulednotifications"]) => schedule::schedule(world, call),
        ("DELETE", ["schedulednotifications", _]) => schedule::cancel(world, call, id),
        ("PUT" | "PATCH" | "GET" | "DELETE", ["installations", _]) => installations::answer(world, call, id),
        ("POST", ["registrationids"]) => registrations::new_id(world, call),
        ("POST", ["registrations"]) => registrations::create(world, call),
        ("GET", ["registrations"]) => list::all(world, call),
        ("PUT" | "GET" | "DELETE", ["registrations", _]) => registrations::one(world, call, id),
        ("GET", ["tags", _, "registrations"]) => list::by_tag(world, call, id),
        ("GET", ["feedbackcontainer"]) => blobs::feedback(world, call),
        ("POST", ["jobs"]) => jobs::submit(world, call),
        ("GET", ["jobs"]) => jobs::list(world, call),
        ("GET", ["jobs", _]) => jobs::one(world, call, id),
        _ => Err(Refused::new(404, "The data plane has nothing at this path for this method.")),
    }
}

/// A storage answered; false when it was not asked by a hub.
pub(crate) fn answered(world: &mut World, id: OutboundId, answer: &Answered) -> bool {
    jobs::answered(world, id, answer)
}

fn operation_name(request: &Request, segments: &[String], query: &[(String, String)]) -> String {
    const PLACE: &str = "Microsoft.NotificationHubs/DataPlane";
    let verb = match request.method.as_str() {
        "PUT" | "PATCH" => "write",
        "DELETE" => "delete",
        "POST" => "action",
        _ => "read",
    };
    let direct = query.iter().any(|(name, _)| name.eq_ignore_ascii_case("direct"));
    let lower: Vec<String> = segments.iter().skip(1).map(|s| s.to_ascii_lowercase()).collect();
    let place: Vec<&str> = lower.iter().map(String::as_str).collect();
    match place.as_slice() {
        ["messages", "$batch"] if verb == "action" => format!("{PLACE}/batchSend/action"),
        ["messages"] if verb == "action" && direct => format!("{PLACE}/directSend/action"),
        ["messages"] if verb == "action" => format!("{PLACE}/send/action"),
        ["messages", _] => format!("{PLACE}/telemetry/{verb}"),
        ["schedulednotifications", ..] if verb == "action" => format!("{PLACE}/schedule/action"),
        ["schedulednotifications", ..] => format!("{PLACE}/schedule/{verb}"),
        ["installations", ..] => format!("{PLACE}/installations/{verb}"),
        ["registrationids"] => format!("{PLACE}/registrationIds/{verb}"),
        ["registrations"] if verb == "action" => format!("{PLACE}/registrations/write"),
        ["registrations", ..] | ["tags", _, "registrations"] => format!("{PLACE}/registrations/{verb}"),
        ["feedbackcontainer"] => format!("{PLACE}/feedback/{verb}"),
        ["jobs"] if verb == "action" => format!("{PLACE}/jobs/write"),
        ["jobs", ..] => format!("{PLACE}/jobs/{verb}"),
        _ => format!("{PLACE}/other/{verb}"),
    }
}

/// A fault in the data plane's own words.
fn injected(answer: &FaultAnswer, _: &Sight<'_>) -> Response {
    let status = answer.status.unwrap_or(500);
    let message = answer.message.clone().unwrap_or_else(|| "An injected fault.".to_owned());
    let response = answer::xml(status, &message);
    match answer.retry_after {
        Some(seconds) => response.with("retry-after", seconds.to_string()),
        None => response,
    }
}
