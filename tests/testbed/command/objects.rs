//! Our objects, as the API server has them.

use anyhow::{Context, Result};
use kube::Client;
use serde_json::Value;
use testbed::stack::condition;

/// Plurals of our kinds, in the order in which they depend on each other.
pub(crate) const PLURALS: [&str; 6] = [
    "azureaccounts",
    "notificationhubnamespaces",
    "notificationhubs",
    "communicationservices",
    "eventrelays",
    "eventsubscriptions",
];
const GROUP_VERSION: &str = "/apis/acs-operator.dev/v1alpha1";

/// One object; none if it is not there.
pub(crate) async fn get(client: &Client, namespace: &str, plural: &str, name: &str) -> Result<Option<Value>> {
    read(client, &format!("{GROUP_VERSION}/namespaces/{namespace}/{plural}/{name}")).await
}

/// All of one kind, in one namespace or in all.
pub(crate) async fn list(client: &Client, namespace: Option<&str>, plural: &str) -> Result<Vec<Value>> {
    let place = namespace.map(|namespace| format!("/namespaces/{namespace}")).unwrap_or_default();
    let list = read(client, &format!("{GROUP_VERSION}{place}/{plural}?limit=5000")).await?;
    let items = list.and_then(|mut list| list.get_mut("items").map(Value::take));
    Ok(items.as_ref().and_then(Value::as_array).cloned().unwrap_or_default())
}

/// A Secret of a namespace; none if it is not there.
pub(crate) async fn secret(client: &Client, namespace: &str, name: &str) -> Result<Option<Value>> {
    read(client, &format!("/api/v1/namespaces/{namespace}/secrets/{name}")).await
}

/// Whether a namespace is there, even if it is going away.
pub(crate) async fn namespace_exists(client: &Client, name: &str) -> Result<bool> {
    Ok(read(client, &format!("/api/v1/namespaces/{name}")).await?.is_some())
}

async fn read(client: &Client, path: &str) -> Result<Option<Value>> {
    let request = http::Request::get(path).body(Vec::new())?;
    match client.request::<Value>(request).await {
        Ok(object) => Ok(Some(object)),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error).with_context(|| format!("GET {path}")),
    }
}

/// Whether Ready is True for the generation that the object has now.
pub(crate) fn is_ready(object: &Value) -> bool {
    let seen = object.pointer("/status/observedGeneration") == object.pointer("/metadata/generation");
    seen && condition(object, "Ready").and_then(|ready| ready.get("status")).and_then(Value::as_str) == Some("True")
}

/// Text at a pointer; empty if there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
