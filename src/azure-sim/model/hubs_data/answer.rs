//! Answers in the words of the data plane: `<Error><Code>401</Code><Detail>…</Detail></Error>`.

use super::super::message::Response;
use super::super::world::World;
use super::super::xml::Out;

pub(super) const XML: &str = "application/xml; charset=utf-8";

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) detail: String,
    retry_after: Option<u64>,
    /// Without a word.
    bare: bool,
}

impl Refused {
    pub(super) fn new(status: u16, detail: &str) -> Self {
        Self { status, detail: detail.to_owned(), retry_after: None, bare: false }
    }

    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self { status: 400, detail: detail.into(), retry_after: None, bare: false }
    }

    /// A status and nothing else.
    pub(super) fn bare(status: u16) -> Self {
        Self { status, detail: String::new(), retry_after: None, bare: true }
    }

    /// Throttled, and for so many seconds.
    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(super) fn response(&self, world: &mut World, now: u64) -> Response {
        if self.bare {
            return Response::empty(self.status);
        }
        let tracking = world.telephony.random.guid();
        let response =
            xml(self.status, &format!("{}.TrackingId:{tracking}_G1,TimeStamp:{}", self.detail, american(now)));
        match self.retry_after {
            Some(seconds) => response.with("retry-after", seconds.to_string()),
            None => response,
        }
    }
}

/// The time as errors print it (recorded: `11/7/2018 12:18:37 AM`).
fn american(now: u64) -> String {
    super::time::at(now).strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string()
}

pub(super) fn xml(status: u16, detail: &str) -> Response {
    let mut out = Out::new();
    out.open("Error", &[]).leaf("Code", &status.to_string()).leaf("Detail", detail).close("Error");
    of_xml(status, out)
}

/// A response with that document.
pub(super) fn of_xml(status: u16, out: Out) -> Response {
    Response { status, headers: vec![("content-type".to_owned(), XML.to_owned())], body: out.finish() }
}
