//! What storage accounts get: a message into a queue, a blob into a container. The signature is put on by whoever sends it.

use base64::Engine as _;
use serde_json::Value;

use super::super::super::message::{Outbound, OutboundId};
use super::super::super::world::World;
use super::request::PATIENCE_MS;
use super::target::StorageQueue;

/// A version of the storage services that every emulator and account of today speaks.
const VERSION: &str = "2021-12-02";

/// Put Message. One event each, as an object in base64 (observed; older documentation says plain text).
pub(super) fn put_message(world: &mut World, queue: &StorageQueue, event: &Value) -> Outbound {
    let text = base64::engine::general_purpose::STANDARD.encode(event.to_string());
    let body = format!("<QueueMessage><MessageText>{text}</MessageText></QueueMessage>");
    let life = queue.time_to_live.map(|seconds| format!("?messagettl={seconds}")).unwrap_or_default();
    let url = format!("{}/{}/messages{life}", queue.endpoint, queue.name);
    let headers = vec![("content-type", "application/xml")];
    call(world, "POST", url, headers, body.into_bytes(), &queue.account)
}

/// A container of a storage account that exists for real.
pub(super) struct Container<'a> {
    pub(super) account: &'a str,
    pub(super) endpoint: &'a str,
    pub(super) name: &'a str,
}

/// Put Blob, of JSON.
pub(super) fn put_blob(world: &mut World, container: &Container<'_>, path: &str, content: &Value) -> Outbound {
    let url = format!("{}/{}/{path}", container.endpoint, container.name);
    let headers = vec![("content-type", "application/json; charset=utf-8"), ("x-ms-blob-type", "BlockBlob")];
    call(world, "PUT", url, headers, content.to_string().into_bytes(), container.account)
}

fn call(
    world: &mut World,
    method: &str,
    url: String,
    headers: Vec<(&str, &str)>,
    body: Vec<u8>,
    account: &str,
) -> Outbound {
    let mut headers: Vec<(String, String)> =
        headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    headers.push(("x-ms-version".to_owned(), VERSION.to_owned()));
    Outbound {
        id: OutboundId(world.number()),
        method: method.to_owned(),
        url,
        headers,
        body,
        storage_account: Some(account.to_owned()),
        timeout_ms: PATIENCE_MS,
    }
}
