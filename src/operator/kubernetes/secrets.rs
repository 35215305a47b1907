//! Secrets: read one at a time by name, written only where they belong to one of our objects.

use std::collections::BTreeMap;

use acs_core::kinds::Object;
use acs_core::step::SecretWrite;
use acs_core::world::SecretView;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use serde_json::json;

/// A Secret as decisions see it.
///
/// # Errors
/// Those of the API server.
pub async fn view(client: &Client, namespace: &str, name: &str) -> Result<Option<SecretView>, kube::Error> {
    let secret = Api::<Secret>::namespaced(client.clone(), namespace).get_opt(name).await?;
    Ok(secret.map(|secret| {
        let owners = secret.metadata.owner_references.iter().flatten();
        let ours = owners.filter(|owner| owner.api_version.starts_with(acs_wire::GROUP));
        let content = secret.data.into_iter().flatten();
        SecretView {
            owner_uid: ours.map(|owner| owner.uid.clone()).next(),
            resource_version: secret.metadata.resource_version.clone().unwrap_or_default(),
            held: secret.metadata.finalizers.iter().flatten().any(|name| name == acs_wire::FINALIZER),
            content: content
                .filter_map(|(key, ByteString(bytes))| Some((key, String::from_utf8(bytes).ok()?)))
                .collect(),
        }
    }))
}

/// Creates a Secret, or replaces the content of the version that was looked at.
///
/// # Errors
/// Those of the API server; a conflict when it changed since, or exists already.
pub async fn write(client: &Client, owner: &Object, write: &SecretWrite) -> Result<(), kube::Error> {
    let target = owner.object_ref();
    let api = Api::<Secret>::namespaced(client.clone(), &target.namespace);
    let data: BTreeMap<String, ByteString> =
        write.content.iter().map(|(key, text)| (key.clone(), ByteString(text.clone().into_bytes()))).collect();
    let params = PostParams { field_manager: Some(acs_wire::MANAGER.to_owned()), ..PostParams::default() };
    if let Some(version) = &write.replaces {
        let Some(mut secret) = api.get_opt(&write.name).await? else { return Err(conflict(&write.name)) };
        secret.metadata.resource_version = Some(version.clone());
        secret.data = Some(data);
        return api.replace(&write.name, &params, &secret).await.map(|_| ());
    }
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(write.name.clone()),
            namespace: Some(target.namespace.clone()),
            labels: Some([(acs_wire::LABEL_MANAGED_BY.to_owned(), acs_wire::MANAGER.to_owned())].into()),
            finalizers: write.hold.then(|| vec![acs_wire::FINALIZER.to_owned()]),
            owner_references: Some(vec![OwnerReference {
                api_version: format!("{}/{}", acs_wire::GROUP, acs_wire::VERSION),
                kind: target.kind.name().to_owned(),
                name: target.name,
                uid: owner.uid().to_owned(),
                controller: Some(true),
                block_owner_deletion: Some(false),
            }]),
            ..ObjectMeta::default()
        },
        data: Some(data),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    };
    api.create(&params, &secret).await.map(|_| ())
}

/// Deletes the version that was looked at.
///
/// # Errors
/// Those of the API server; a conflict when it changed since.
pub async fn delete(client: &Client, namespace: &str, name: &str, version: &str) -> Result<(), kube::Error> {
    let preconditions = Preconditions { resource_version: Some(version.to_owned()), uid: None };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    match Api::<Secret>::namespaced(client.clone(), namespace).delete(name, &params).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Puts our finalizer on a Secret, or takes it off; nothing else of it is touched.
///
/// # Errors
/// Those of the API server; a conflict when it changed meanwhile.
pub async fn hold(client: &Client, namespace: &str, name: &str, hold: bool) -> Result<(), kube::Error> {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let Some(secret) = api.get_opt(name).await? else { return Ok(()) };
    let mut finalizers: Vec<String> = secret.metadata.finalizers.clone().unwrap_or_default();
    finalizers.retain(|finalizer| finalizer != acs_wire::FINALIZER);
    if hold {
        finalizers.push(acs_wire::FINALIZER.to_owned());
    }
    let metadata = json!({"resourceVersion": secret.metadata.resource_version, "finalizers": finalizers});
    let params = PatchParams { field_manager: Some(acs_wire::MANAGER.to_owned()), ..PatchParams::default() };
    match api.patch(name, &params, &Patch::Merge(json!({"metadata": metadata}))).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        other => other.map(|_| ()),
    }
}

fn conflict(name: &str) -> kube::Error {
    kube::Error::Api(Box::new(
        kube::core::Status::failure(&format!("Secret {name} is gone"), "Conflict").with_code(409),
    ))
}
