//! What must hold for every request and its answer.

use std::fmt;

use azure_sim::model::{self, Change, Effect, Entry, Plane, Request, Response};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

/// Bytes of an answer that has nothing to do with what was sent; lists give back what was put.
const LARGEST: usize = 1024 * 1024;

/// One property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// What ARM refuses, it refuses in its own words: `{"error": {"code": …, "message": …}}`.
    ErrorBody,
    /// What is refused changes nothing.
    RefusedChangesNothing,
    /// What only reads changes nothing.
    ReadChangesNothing,
    /// What says that it is JSON is JSON.
    Json,
    /// HTTP can carry every header.
    Headers,
    /// An answer is no larger than what it may be made of.
    Bounded,
    /// What is written of a world, read back, is that world.
    ReadsBack,
    /// A path that names a resource names it by all its segments, and the id leads back to it.
    RoundTrip,
}

/// All of them.
pub const ALL: [Property; 8] = [
    Property::ErrorBody,
    Property::RefusedChangesNothing,
    Property::ReadChangesNothing,
    Property::Json,
    Property::Headers,
    Property::Bounded,
    Property::ReadsBack,
    Property::RoundTrip,
];

/// A request, its answer, and what came of it.
pub struct Seen<'a> {
    /// What was sent.
    pub request: &'a Request,
    /// What was answered.
    pub response: &'a Response,
    /// What the journal says; none for the simulator's own doors.
    pub entry: Option<&'a Entry>,
    /// Records that are not what they were.
    pub changed: &'a [&'a Change],
    /// Bytes sent so far.
    pub sent: usize,
}

/// A property that does not hold.
#[derive(Debug, thiserror::Error)]
pub struct Violation {
    /// Which.
    pub property: Property,
    /// By what it can be seen, with the request and its answer.
    pub why: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} does not hold: {}", self.property, self.why)
    }
}

/// Checks every property that is one of a request and its answer.
///
/// # Errors
/// The first that does not hold.
pub fn judge(seen: &Seen<'_>) -> Result<(), Violation> {
    for property in ALL {
        let holds = match property {
            Property::ErrorBody => error_body(seen),
            Property::RefusedChangesNothing => refused_changes_nothing(seen),
            Property::ReadChangesNothing => read_changes_nothing(seen),
            Property::Json => json(seen),
            Property::Headers => headers(seen),
            Property::Bounded => bounded(seen),
            // Of a whole input, not of one request.
            Property::ReadsBack => Ok(()),
            Property::RoundTrip => leads_back(&seen.request.path, model::resource_id),
        };
        holds.map_err(|why| Violation { property, why: format!("{why}\n{}", shown(seen)) })?;
    }
    Ok(())
}

impl Violation {
    /// What was to be written cannot be, cannot be read, or is something else.
    pub(crate) fn of_reading_back(why: impl fmt::Display) -> Self {
        Self { property: Property::ReadsBack, why: why.to_string() }
    }
}

/// A fault was asked for, and does what it was asked to do.
fn is_struck(seen: &Seen<'_>) -> bool {
    seen.entry.is_some_and(|entry| entry.fault.is_some())
}

/// The URL by which a person says that an endpoint is theirs: Event Grid's own, and a GET that changes something.
fn validates(seen: &Seen<'_>) -> bool {
    seen.request.path.starts_with("/eventgrid/validate?")
}

fn error_body(seen: &Seen<'_>) -> Result<(), String> {
    let of_arm = seen.entry.is_some_and(|entry| entry.plane == Plane::Arm) && !validates(seen);
    // An answer to HEAD has no body.
    if seen.response.status < 400 || !of_arm || is_struck(seen) || seen.request.method == "HEAD" {
        return Ok(());
    }
    let body = seen.response.value();
    let text = |name: &str| body.pointer(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if text("/error/code") && text("/error/message") { Ok(()) } else { Err("no code and message of ARM".into()) }
}

fn refused_changes_nothing(seen: &Seen<'_>) -> Result<(), String> {
    if seen.response.status < 400 || is_struck(seen) { Ok(()) } else { nothing_changed(seen) }
}

fn read_changes_nothing(seen: &Seen<'_>) -> Result<(), String> {
    // A token is counted when it is made, and the URL of a hub's feedback is signed when it is first asked for: the journal
    // calls both a read.
    let makes = |entry: &Entry| entry.plane == Plane::Entra || entry.operation.ends_with("/feedback/read");
    let reads = |entry: &Entry| matches!(entry.effect, Effect::Read | Effect::None) && !makes(entry);
    let read = seen.entry.map_or(seen.request.method == "GET", reads);
    // What was asked for before has an operation for everybody who asks again.
    let joins = seen.response.status == 202;
    if !read || joins || is_struck(seen) || validates(seen) { Ok(()) } else { nothing_changed(seen) }
}

fn nothing_changed(seen: &Seen<'_>) -> Result<(), String> {
    match seen.changed {
        [] => Ok(()),
        changed => {
            let tables: Vec<String> =
                changed.iter().map(|change| format!("{} {}", change.table, change.key.escape_ascii())).collect();
            Err(format!("changed: {}", tables.join(", ")))
        }
    }
}

fn json(seen: &Seen<'_>) -> Result<(), String> {
    let says = seen.response.header("content-type").is_some_and(|kind| kind.contains("json"));
    if !says || seen.response.body.is_empty() {
        return Ok(());
    }
    serde_json::from_slice::<Value>(&seen.response.body).map(|_| ()).map_err(|error| error.to_string())
}

fn headers(seen: &Seen<'_>) -> Result<(), String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    for (name, value) in &seen.response.headers {
        if name.is_empty() || !name.chars().all(token) || value.bytes().any(|b| (b < 0x20 && b != b'\t') || b == 0x7f) {
            return Err(format!("the header {name:?}: {value:?}"));
        }
    }
    if (100..600).contains(&seen.response.status) { Ok(()) } else { Err("no status of HTTP".into()) }
}

fn bounded(seen: &Seen<'_>) -> Result<(), String> {
    let headers: usize = seen.response.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let size = seen.response.body.len() + headers;
    if size <= LARGEST + 8 * seen.sent { Ok(()) } else { Err(format!("{size} bytes, for {} sent", seen.sent)) }
}

pub(crate) fn leads_back(path: &str, resource_id: impl Fn(&str) -> Option<String>) -> Result<(), String> {
    let Some(id) = resource_id(path) else { return Ok(()) };
    let named = path.split('?').next().unwrap_or_default();
    let decoded: Vec<String> = named
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let decoded = format!("/{}", decoded.join("/"));
    if !decoded.eq_ignore_ascii_case(&id) {
        return Err(format!("the path names {decoded}, and leads to {id}"));
    }
    let encoded: Vec<String> =
        id.split('/').map(|segment| utf8_percent_encode(segment, NON_ALPHANUMERIC).to_string()).collect();
    match resource_id(&encoded.join("/")) {
        Some(again) if again == id => Ok(()),
        again => Err(format!("{id} leads to {again:?}")),
    }
}

/// For people: bodies are cut.
fn shown(seen: &Seen<'_>) -> String {
    let cut = |body: &[u8]| body.get(..body.len().min(500)).unwrap_or_default().escape_ascii().to_string();
    let Seen { request, response, .. } = seen;
    format!(
        "{} {}\n{}\nwas answered {} {}",
        request.method,
        request.path.get(..request.path.len().min(2000)).unwrap_or(&request.path),
        cut(&request.body),
        response.status,
        cut(&response.body)
    )
}
