//! The body of a batch: `multipart/mixed` with a notification, and the devices it is for.

use serde_json::Value;

use super::super::message::Request;
use super::super::push::{Channel, Platform};
use super::answer::Refused;

/// Devices of one batch (documented).
const MOST: usize = 1000;
/// Bytes of the whole: a notification, and so many of the longest handles that platforms give.
pub(super) const LARGEST: usize = 1024 * 1024;

/// The two parts.
pub(super) struct Batch<'a> {
    pub(super) notification: &'a [u8],
    devices: &'a [u8],
}

impl<'a> Batch<'a> {
    pub(super) fn read(request: &'a Request) -> Result<Self, Refused> {
        let boundary = boundary(request.header("content-type").unwrap_or_default())
            .ok_or_else(|| Refused::bad("The Content-Type of a batch is multipart/mixed with a boundary."))?;
        let parts = parts(&request.body, boundary.as_bytes())
            .ok_or_else(|| Refused::bad("The body is not the multipart that its Content-Type announces."))?;
        let named = |name: &str| parts.iter().find(|part| part.is_named(name)).map(|part| part.body);
        let missing = |name: &str| Refused::bad(format!("The batch has no part named '{name}'."));
        Ok(Self {
            notification: named("notification").ok_or_else(|| missing("notification"))?,
            devices: named("devices").ok_or_else(|| missing("devices"))?,
        })
    }

    /// The channels, as they came. That one malformed handle refuses them all is unverified.
    pub(super) fn channels(&self, platform: Platform) -> Result<Vec<Channel>, Refused> {
        let Ok(Value::Array(devices)) = serde_json::from_slice(self.devices) else {
            return Err(Refused::bad("The part 'devices' is a JSON list of device handles."));
        };
        if devices.is_empty() || devices.len() > MOST {
            return Err(Refused::bad(format!("A batch is for 1 to {MOST} devices.")));
        }
        let channel = |device: &Value| Channel::read(platform, device);
        let channels: Result<Vec<Channel>, &str> = devices.iter().map(channel).collect();
        channels.map_err(|why| Refused::bad(format!("A device handle is invalid: {why}.")))
    }
}

/// The boundary; SDKs write `boundary = "…"`, with spaces that RFC 2045 does not have.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    // RFC 2046.
    (1..=70).contains(&value.len()).then_some(value)
}

struct Part<'a> {
    head: &'a str,
    body: &'a [u8],
}

impl Part<'_> {
    fn is_named(&self, wanted: &str) -> bool {
        let line = |line: &&str| line.to_ascii_lowercase().starts_with("content-disposition:");
        let disposition = self.head.lines().find(line).unwrap_or_default();
        disposition.split(';').filter_map(|p| p.split_once('=')).any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("name") && value.trim().trim_matches('"').eq_ignore_ascii_case(wanted)
        })
    }
}

/// At most a handful of parts: what lies between one delimiter and the next.
fn parts<'a>(body: &'a [u8], boundary: &[u8]) -> Option<Vec<Part<'a>>> {
    let delimiter = [b"--", boundary].concat();
    let mut rest = body.get(find(body, &delimiter)? + delimiter.len()..)?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let inside = rest.get(find(rest, b"\n")? + 1..)?;
        let end = find(inside, &delimiter)?;
        let part = inside.get(..end)?;
        let part = part.strip_suffix(b"\n")?;
        let part = part.strip_suffix(b"\r").unwrap_or(part);
        let (head, body) = match (find(part, b"\r\n\r\n"), find(part, b"\n\n")) {
            (Some(at), _) => (part.get(..at)?, part.get(at + 4..)?),
            (None, Some(at)) => (part.get(..at)?, part.get(at + 2..)?),
            (None, None) => return None,
        };
        parts.push(Part { head: std::str::from_utf8(head).ok()?, body });
        if parts.len() > 4 {
            return None;
        }
        rest = inside.get(end + delimiter.len()..)?;
    }
    Some(parts)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(content_type: &str, body: &str) -> Request {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Request { headers, body: body.into(), ..Request::default() }
    }

    const DOCUMENTED: &str = "--b\r\nContent-Type: application/json\r\nContent-Disposition: inline; name=notification\r\n\r\n\
                              {\"aps\":{}}\r\n--b\r\nContent-disposition: inline; name=\"devices\"\r\n\r\n[\"a\"]\r\n--b--";

    #[test]
    fn both_ways_to_write_a_boundary_are_read() {
        for kind in
            ["multipart/mixed; boundary=\"b\"", "multipart/mixed; boundary = \"b\"", "Multipart/Mixed;boundary=b"]
        {
            let request = request(kind, DOCUMENTED);
            let batch = Batch::read(&request).expect("a batch");
            assert_eq!((batch.notification, batch.devices), (&b"{\"aps\":{}}"[..], &b"[\"a\"]"[..]));
        }
        let with_preamble = request("multipart/mixed; boundary=b", &format!("\r\n{DOCUMENTED}\r\n"));
        assert!(Batch::read(&with_preamble).is_ok());
        let bare = DOCUMENTED.replace('\r', "");
        assert!(Batch::read(&request("multipart/mixed; boundary=b", &bare)).is_ok());
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        for (kind, body) in [
            ("application/json", DOCUMENTED),
            ("multipart/mixed", DOCUMENTED),
            ("multipart/mixed; boundary=c", DOCUMENTED),
            ("multipart/mixed; boundary=b", "--b\r\n"),
            ("multipart/mixed; boundary=b", "--b\r\nContent-Disposition: inline; name=devices\r\n\r\n[]\r\n--b--"),
            ("multipart/mixed; boundary=b", &"--b\r\n\r\n\r\n".repeat(100)),
        ] {
            assert!(Batch::read(&request(kind, body)).is_err(), "{kind} {body}");
        }
        let devices =
            |devices: &str| Batch { notification: b"", devices: devices.as_bytes() }.channels(Platform::FcmV1);
        assert!(
            devices("[]").is_err() && devices("{}").is_err() && devices("[1]").is_err() && devices("[\"\"]").is_err()
        );
        assert!(devices(&serde_json::json!(vec!["a"; 1001]).to_string()).is_err());
        assert_eq!(devices("[\"a\",\"a\"]").map(|c| c.len()), Ok(2));
    }
}
