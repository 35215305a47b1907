//! Atom, as registrations and jobs travel in it.

use super::super::message::Response;
use super::super::xml::{Element, Out};
use super::answer::Refused;
use super::{Call, time};

/// Namespace of everything that the service describes.
pub(super) const CONNECT: &str = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";
pub(super) const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
const ATOM: &str = "http://www.w3.org/2005/Atom";
const METADATA: &str = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata";

/// What an entry is about.
pub(super) struct Entry<'a> {
    /// Its id, which is its title, too.
    pub(super) id: &'a str,
    /// `registrations`, `jobs`.
    pub(super) collection: &'a str,
    pub(super) version: Option<u64>,
    /// Writes the description.
    pub(super) content: &'a dyn Fn(&mut Out),
}

/// The description inside an entry.
pub(super) fn description(body: &[u8]) -> Result<Element, Refused> {
    let text = std::str::from_utf8(body).map_err(|_| Refused::bad("The body is not UTF-8."))?;
    let root = Element::parse(text).map_err(|why| Refused::bad(format!("The body is refused: {why}.")))?;
    let content = if root.name == "entry" { root.child("content").cloned() } else { None };
    let only = content.and_then(|content| content.children.into_iter().next());
    only.ok_or_else(|| Refused::bad("The body is no Atom entry whose content is a description."))
}

/// The URL of an entry, with the question's own query.
fn self_link(call: &Call<'_>, entry: &Entry<'_>, query: &str) -> String {
    format!("https://{}/{}/{}/{}?{query}", call.host, call.hub_name(), entry.collection, entry.id)
}

fn write(out: &mut Out, call: &Call<'_>, entry: &Entry<'_>, query: &str, inside_feed: bool) {
    let (link, now) = (self_link(call, entry, query), time::seconds(call.now));
    let etag = entry.version.map(|version| format!("W/\"{version}\""));
    let mut attributes = Vec::new();
    if let Some(etag) = &etag {
        attributes.push(("a:etag", etag.as_str()));
    }
    if !inside_feed {
        attributes.push(("xmlns", ATOM));
    }
    if etag.is_some() {
        attributes.push(("xmlns:a", METADATA));
    }
    out.open("entry", &attributes)
        .leaf("id", &link)
        .open("title", &[("type", "text")])
        .text(entry.id)
        .close("title")
        .leaf("published", &now)
        .leaf("updated", &now)
        .empty("link", &[("rel", "self"), ("href", &link)])
        .open("content", &[("type", "application/xml")]);
    (entry.content)(out);
    out.close("content").close("entry");
}

/// One entry as the body of a response.
pub(super) fn entry(status: u16, call: &Call<'_>, entry: &Entry<'_>) -> Response {
    let mut out = Out::new();
    write(&mut out, call, entry, &format!("api-version={}", call.version()), false);
    let mut response = typed(status, "entry", out);
    if let Some(version) = entry.version {
        response = response.with("etag", format!("W/\"{version}\""));
    }
    response
}

/// Where an entry was made.
pub(super) fn location(call: &Call<'_>, collection: &str, id: &str) -> String {
    format!("https://{}/{}/{collection}/{id}?api-version={}", call.host, call.hub_name(), call.version())
}

/// A page of entries; `next` asks for the one after it.
pub(super) fn feed(call: &Call<'_>, title: &str, entries: &[Entry<'_>], next: Option<&str>) -> Response {
    let place = call.request.path.split('?').next().unwrap_or_default();
    let query = call.request.query();
    let link = format!("https://{}{place}?{query}", call.host);
    let mut out = Out::new();
    out.open("feed", &[("xmlns", ATOM)])
        .open("title", &[("type", "text")])
        .text(title)
        .close("title")
        .leaf("id", &link)
        .leaf("updated", &time::seconds(call.now))
        .empty("link", &[("rel", "self"), ("href", &link)]);
    if let Some(token) = next {
        let rest: Vec<&str> =
            query.split('&').filter(|p| !p.to_ascii_lowercase().starts_with("continuationtoken=")).collect();
        let next = format!("https://{}{place}?{}&continuationtoken={token}", call.host, rest.join("&"));
        out.empty("link", &[("rel", "next"), ("href", &next)]);
    }
    for entry in entries {
        write(&mut out, call, entry, query, true);
    }
    out.close("feed");
    let response = typed(200, "feed", out);
    match next {
        Some(token) => response.with("x-ms-continuationtoken", token),
        None => response,
    }
}

fn typed(status: u16, kind: &str, out: Out) -> Response {
    let content_type = format!("application/atom+xml; type={kind}; charset=utf-8");
    Response { status, headers: vec![("content-type".to_owned(), content_type)], body: out.finish() }
}
