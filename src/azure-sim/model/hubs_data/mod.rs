//! The data plane of Notification Hubs: `{namespace}.servicebus.windows.net`, told apart by the header Host alone, so that
//! clients may connect to any address.
//!
//! Here: sends (direct, by tags, to all) and installations, for APNs and FCM v1. Not here yet, and answered 501: batches, debug
//! sends, telemetry, schedules, feedback, registrations.

mod answer;
mod installations;
mod sas;
mod send;
mod tags;

use percent_encoding::percent_decode_str;

use super::arm::{self, Witnessed};
use super::faults::{FaultAnswer, Sight};
use super::journal::{Effect, Plane};
use super::json;
use super::message::{Request, Response};
use super::registry::Kind;
use super::world::World;

use answer::Refused;

const SUFFIX: &str = ".servicebus.windows.net";
/// Named by documentation, SDKs and samples.
pub(crate) const VERSIONS: [&str; 5] = ["2015-01", "2015-04", "2015-08", "2016-07", "2020-06"];
/// The hub takes bodies of up to 64 KB.
const BODY_LIMIT: usize = 64 * 1024;

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
}

type Answer = Result<(Response, Effect), Refused>;

impl Call<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    fn version(&self) -> &str {
        self.parameter("api-version").unwrap_or_default()
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
    let witnessed = Witnessed { request, plane: Plane::Hubs, place: &place, operation, caller, injected };
    arm::witnessed(world, witnessed, now, |world, _| match admitted.and_then(|call| perform(world, &call)) {
        Ok(done) => done,
        Err(refused) => (refused.response(world, now), Effect::None),
    })
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
    if request.body.len() > BODY_LIMIT {
        return Err(Refused::new(413, "The body is larger than 64 KB."));
    }
    let call = Call { request, host, hub, rest, query, rule };
    if VERSIONS.contains(&call.version()) {
        return Ok(call);
    }
    let known = VERSIONS.join(", ");
    Err(Refused::new(400, &format!("The api-version '{}' is not supported. Supported are {known}.", call.version())))
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
    let rest: Vec<&str> = call.rest.iter().map(String::as_str).collect();
    match (call.request.method.as_str(), rest.as_slice()) {
        ("POST", [messages]) if messages.eq_ignore_ascii_case("messages") => send::send(world, call),
        ("PUT" | "GET" | "DELETE", [installations, id]) if installations.eq_ignore_ascii_case("installations") => {
            installations::answer(world, call, id)
        }
        _ => Err(Refused::new(501, "The simulator does not have this part of the data plane yet.")),
    }
}

/// The policy's rights must hold `right`; `Manage` holds all.
fn require(world: &World, call: &Call<'_>, right: &str) -> Result<(), Refused> {
    let key = format!("{}/authorizationrules/{}", call.hub, call.rule.to_ascii_lowercase());
    let rights = world.resource(&key).and_then(|b| json::at(b, &["properties", "rights"])).and_then(|r| r.as_array());
    if rights.is_some_and(|r| r.iter().any(|have| have == right)) {
        return Ok(());
    }
    Err(Refused::new(403, &format!("The access policy '{}' lacks the right {right}.", call.rule)))
}

/// Whether the namespace is of the tier Standard, which alone shows what became of messages.
fn standard(world: &World, call: &Call<'_>) -> bool {
    let namespace = super::path::parent(&call.hub);
    world.resource(namespace).and_then(|b| json::text(b, &["sku", "name"])) == Some("Standard")
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
    match segments.get(1).map(|s| s.to_ascii_lowercase()).as_deref() {
        Some("messages") if verb == "action" && direct => format!("{PLACE}/directSend/action"),
        Some("messages") if verb == "action" => format!("{PLACE}/send/action"),
        Some("installations") => format!("{PLACE}/installations/{verb}"),
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
