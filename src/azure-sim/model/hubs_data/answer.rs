//! Refusals in the words of the data plane: `<Error><Code>401</Code><Detail>…</Detail></Error>`.

use super::super::message::Response;
use super::super::world::{World, timestamp};

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) detail: String,
}

impl Refused {
    pub(super) fn new(status: u16, detail: &str) -> Self {
        Self { status, detail: detail.to_owned() }
    }

    pub(super) fn response(&self, world: &mut World, now: u64) -> Response {
        let tracking = world.telephony.random.guid();
        xml(self.status, &format!("{} TrackingId:{tracking}_G1,TimeStamp:{}", self.detail, timestamp(now)))
    }
}

pub(super) fn xml(status: u16, detail: &str) -> Response {
    let detail = detail.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = format!("<Error><Code>{status}</Code><Detail>{detail}</Detail></Error>");
    let headers = vec![("content-type".to_owned(), "application/xml; charset=utf-8".to_owned())];
    Response { status, headers, body: body.into_bytes() }
}
