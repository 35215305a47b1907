//! What the service keeps in blobs of its own: the feedback of platforms, and the errors of one message. Azure gives out
//! URLs of its storage; the simulator gives out URLs of itself, and answers the two requests that reading needs.

use super::super::journal::Effect;
use super::super::message::{Request, Response};
use super::super::world::World;
use super::super::xml::Out;
use super::answer::of_xml;
use super::quota::Tier;
use super::store::Hub;
use super::telemetry::{self, Feedback};
use super::time;
use super::{Answer, Call, Right};

/// The beginning of every container's name.
const CONTAINER: &str = "pns-";
/// How long a URL is good for.
const LIFE_MS: u64 = 24 * 3_600_000;

/// `GET feedbackcontainer`: the URL of the container, as text.
pub(super) fn feedback(world: &mut World, call: &Call<'_>) -> Answer {
    call.require(world, Right::Manage)?;
    Tier::of(world, &call.hub).at_least(Tier::Standard, "Feedback of platforms")?;
    let url = url(world, &call.hub, None);
    let headers = vec![("content-type".to_owned(), "application/xml; charset=utf-8".to_owned())];
    Ok((Response { status: 200, headers, body: url.into_bytes() }, Effect::Read))
}

/// Of the container, or of one blob.
pub(super) fn url(world: &mut World, hub: &str, blob: Option<&str>) -> String {
    let signature = match world.telephony.hub(hub).blob_signature.clone() {
        Some(signature) => signature,
        None => {
            let signature = world.telephony.random.base64_url(43);
            world.telephony.hub(hub).blob_signature = Some(signature.clone());
            signature
        }
    };
    let container: String = signature.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    let container = container.to_ascii_lowercase();
    let (base, until) = (&world.config().base_url, time::seconds(world.now() + LIFE_MS).replace(':', "%3A"));
    let path = blob.map(|name| format!("/{name}")).unwrap_or_default();
    let kind = if blob.is_some() { "b" } else { "c" };
    format!("{base}/_sim/{CONTAINER}{container}{path}?sv=2014-02-14&sr={kind}&sig={signature}&se={until}&sp=rl")
}

/// Answers a request of a reader, if it is one: `/_sim/pns-…`.
pub(crate) fn answer(world: &World, request: &Request, segments: &[&str]) -> Option<Response> {
    let (container, rest) = segments.split_first()?;
    container.strip_prefix(CONTAINER)?;
    let parameter = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(request.query().as_bytes());
        pairs.find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
    };
    let refused = |status: u16, code: &str| {
        let mut out = Out::new();
        out.open("Error", &[])
            .leaf("Code", code)
            .leaf("Message", "The storage of the simulator says so.")
            .close("Error");
        Some(of_xml(status, out).with("x-ms-error-code", code))
    };
    let signature = parameter("sig").unwrap_or_default();
    let signed = |hub: &&Hub| hub.blob_signature.as_deref() == Some(signature.as_str());
    let fresh = parameter("se").and_then(|until| time::parse(&until)).is_some_and(|until| until > world.now());
    let Some(hub) = world.telephony.hubs.values().find(signed).filter(|_| fresh) else {
        return refused(403, "AuthenticationFailed");
    };
    match (request.method.as_str(), rest) {
        ("GET", []) if parameter("comp").as_deref() == Some("list") => Some(listed(hub, container)),
        ("GET" | "HEAD", [name]) => match blob(hub, name) {
            Some(content) => Some(downloaded(request, &content)),
            None => refused(404, "BlobNotFound"),
        },
        _ => refused(400, "InvalidUri"),
    }
}

fn downloaded(request: &Request, content: &str) -> Response {
    let body = if request.method == "HEAD" { Vec::new() } else { content.as_bytes().to_vec() };
    let headers = vec![("content-type".to_owned(), "application/octet-stream".to_owned())];
    Response { status: 200, headers, body }.with("x-ms-blob-type", "BlockBlob").with("etag", "\"0x1\"")
}

/// Feedback is in one blob a day, named by it: `07272016` (documented).
fn day(feedback: &Feedback) -> String {
    time::at(feedback.time).strftime("%m%d%Y").to_string()
}

fn blob(hub: &Hub, name: &str) -> Option<String> {
    if let Some(id) = name.strip_prefix("errors-") {
        return telemetry::errors_of(hub, id);
    }
    let of_day: Vec<String> = hub.feedback.values().filter(|f| day(f) == name).map(entry).collect();
    (!of_day.is_empty()).then(|| of_day.concat())
}

/// One entry, in the order of the .NET SDK's contract.
fn entry(feedback: &Feedback) -> String {
    let mut out = Out::new();
    out.open("PnsFeedback", &[("xmlns", super::atom::CONNECT), ("xmlns:i", super::atom::INSTANCE)])
        .leaf("FeedbackTime", &time::precise(feedback.time))
        .leaf("NotificationSystemError", feedback.outcome.word())
        .leaf("Platform", feedback.platform.word())
        .leaf("PnsHandle", &feedback.handle)
        .maybe("RegistrationId", feedback.registration.as_deref())
        .maybe("InstallationId", feedback.installation.as_deref())
        .leaf("NotificationId", &feedback.message)
        .close("PnsFeedback");
    String::from_utf8_lossy(&out.finish()).into_owned() + "\n"
}

fn listed(hub: &Hub, container: &str) -> Response {
    let mut days: Vec<String> = hub.feedback.values().map(day).collect();
    days.dedup();
    let mut out = Out::new();
    out.open("EnumerationResults", &[("ContainerName", container)]).open("Blobs", &[]);
    for name in days {
        let length = blob(hub, &name).map_or(0, |content| content.len());
        out.open("Blob", &[])
            .leaf("Name", &name)
            .open("Properties", &[])
            .leaf("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT")
            .leaf("Etag", "0x1")
            .leaf("Content-Length", &length.to_string())
            .leaf("Content-Type", "application/octet-stream")
            .leaf("BlobType", "BlockBlob")
            .close("Properties")
            .close("Blob");
    }
    out.close("Blobs").empty("NextMarker", &[]).close("EnumerationResults");
    of_xml(200, out)
}
