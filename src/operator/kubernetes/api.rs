//! Access to objects of our kinds, read as what the server sent, so that one that this build cannot decode stalls no other.

use acs_core::kinds::{Kind, Object, ObjectRef};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};

/// Resource of a kind.
pub fn resource(kind: Kind) -> ApiResource {
    let gvk = GroupVersionKind::gvk(acs_wire::GROUP, acs_wire::VERSION, kind.name());
    ApiResource::from_gvk_with_plural(&gvk, kind.plural())
}

/// Objects of a kind, in one namespace or in all.
pub fn objects(client: &Client, kind: Kind, namespace: Option<&str>) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource(kind)),
        None => Api::all_with(client.clone(), &resource(kind)),
    }
}

/// Decodes what the server sent.
///
/// # Errors
/// When this build cannot read it.
pub fn decode(kind: Kind, object: &DynamicObject) -> Result<Object, serde_json::Error> {
    Object::decode(kind, serde_json::to_value(object)?)
}

/// Name of an object that may not be decodable.
pub fn reference(kind: Kind, object: &DynamicObject) -> ObjectRef {
    let meta = &object.metadata;
    ObjectRef::new(kind, meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
}

/// Replaces the status by compare-and-swap. A merge patch could erase an intent that another leader wrote.
///
/// # Errors
/// Those of the API server; a conflict when the object changed since it was read.
pub async fn replace_status(client: &Client, object: &Object, status: &Value) -> Result<(), kube::Error> {
    let target = object.object_ref();
    let mut body = DynamicObject::new(&target.name, &resource(target.kind));
    body.metadata.namespace = Some(target.namespace.clone());
    body.metadata.resource_version = Some(object.resource_version().to_owned());
    body.metadata.uid = Some(object.uid().to_owned());
    body.data = json!({"status": status});
    let api = objects(client, target.kind, Some(&target.namespace));
    let params = PostParams { field_manager: Some(format!("{}-status", acs_wire::MANAGER)), ..PostParams::default() };
    api.replace_status(&target.name, &params, &body).await.map(|_| ())
}

/// Replaces finalizers, and sets an annotation, by compare-and-swap: a merge patch that names a version is one.
///
/// # Errors
/// Those of the API server; a conflict when the object changed since it was read.
pub async fn replace_hold(
    client: &Client,
    object: &Object,
    hold: bool,
    azure_name: Option<&str>,
) -> Result<(), kube::Error> {
    let target = object.object_ref();
    let mut finalizers: Vec<&String> = object.meta().finalizers.iter().flatten().collect();
    let ours = acs_wire::FINALIZER.to_owned();
    finalizers.retain(|name| **name != ours);
    if hold {
        finalizers.push(&ours);
    }
    let mut metadata =
        json!({"resourceVersion": object.resource_version(), "uid": object.uid(), "finalizers": finalizers});
    if let (Some(name), Some(members)) = (azure_name, metadata.as_object_mut()) {
        members.insert("annotations".to_owned(), json!({acs_wire::ANNOTATION_AZURE_NAME: name}));
    }
    let api = objects(client, target.kind, Some(&target.namespace));
    let params = PatchParams { field_manager: Some(acs_wire::MANAGER.to_owned()), ..PatchParams::default() };
    api.patch(&target.name, &params, &Patch::Merge(json!({"metadata": metadata}))).await.map(|_| ())
}
