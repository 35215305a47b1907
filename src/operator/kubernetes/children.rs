//! What is made for relays, and the pods that run them.

use acs_core::relay::child::{ChildFound, ChildKind, ChildView, ChildWrite};
use acs_core::relay::pods::PodView;
use acs_wire::relay::{ANNOTATION_REVISION, CONTAINER, LABEL};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions};
use kube::core::GroupVersionKind;
use kube::{Api, Client};

/// More pods than this of one relay are not looked at.
const POD_LIMIT: u32 = 500;

/// Resource of a kind.
pub fn resource(kind: ChildKind) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(kind.group(), "v1", kind.name()), kind.plural())
}

fn api(client: &Client, namespace: &str, kind: ChildKind) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &resource(kind))
}

/// A child as decisions see it.
///
/// # Errors
/// Those of the API server.
pub async fn view(client: &Client, namespace: &str, kind: ChildKind, name: &str) -> Result<ChildFound, kube::Error> {
    let object = match api(client, namespace, kind).get(name).await {
        Ok(object) => object,
        // An object that is not there is named; of a kind that is not there the server knows no name.
        Err(kube::Error::Api(status)) if status.code == 404 => {
            let named = status.details.as_ref().is_some_and(|details| details.name == name);
            return Ok(if named { ChildFound::Absent } else { ChildFound::UnknownKind });
        }
        Err(error) => return Err(error),
    };
    let owners = object.metadata.owner_references.iter().flatten();
    let owner_uid =
        owners.filter(|owner| owner.api_version.starts_with(acs_wire::GROUP)).map(|owner| owner.uid.clone()).next();
    let view = ChildView {
        owner_uid,
        uid: object.metadata.uid.clone().unwrap_or_default(),
        deleting: object.metadata.deletion_timestamp.is_some(),
        body: serde_json::to_value(&object).map_err(kube::Error::SerdeError)?,
    };
    Ok(ChildFound::Present(Box::new(view)))
}

/// Makes a child be as written. Forced: it is ours, and who changed what we wrote is overruled.
///
/// # Errors
/// Those of the API server.
pub async fn apply(client: &Client, namespace: &str, child: &ChildWrite) -> Result<(), kube::Error> {
    let params = PatchParams::apply(acs_wire::MANAGER).force();
    let patch = Patch::Apply(&child.manifest);
    api(client, namespace, child.kind).patch(&child.name, &params, &patch).await.map(drop)
}

/// Deletes a child, and what belongs to it after it.
///
/// # Errors
/// Those of the API server; a conflict when another object of that name is there by now.
pub async fn delete(
    client: &Client,
    namespace: &str,
    kind: ChildKind,
    name: &str,
    uid: &str,
) -> Result<(), kube::Error> {
    let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
    match api(client, namespace, kind).delete(name, &params).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop),
    }
}

/// Pods that carry the label of a relay.
///
/// # Errors
/// Those of the API server.
pub async fn pods(client: &Client, namespace: &str, relay: &str) -> Result<Vec<PodView>, kube::Error> {
    let params = ListParams::default().labels(&format!("{LABEL}={relay}")).limit(POD_LIMIT);
    let list = Api::<Pod>::namespaced(client.clone(), namespace).list(&params).await?;
    Ok(list.items.iter().map(pod_view).collect())
}

fn pod_view(pod: &Pod) -> PodView {
    let meta = &pod.metadata;
    let spec = pod.spec.as_ref();
    let status = pod.status.as_ref();
    let init = spec.and_then(|spec| spec.init_containers.as_ref());
    let containers = init.into_iter().flatten().chain(spec.into_iter().flat_map(|spec| &spec.containers));
    let statuses = status.into_iter().flat_map(|status| {
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten())
    });
    let conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    let phase = status.and_then(|status| status.phase.as_deref());
    let annotations = meta.annotations.as_ref();
    PodView {
        name: meta.name.clone().unwrap_or_default(),
        address: status.and_then(|status| status.pod_ip.clone()).filter(|address| !address.is_empty()),
        deleting: meta.deletion_timestamp.is_some(),
        finished: matches!(phase, Some("Succeeded" | "Failed")),
        ready: conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        has_relay: containers.into_iter().any(|container| container.name == CONTAINER),
        relay_started: statuses.into_iter().find(|status| status.name == CONTAINER).map(has_started),
        revision: annotations.and_then(|annotations| annotations.get(ANNOTATION_REVISION)).cloned(),
    }
}

fn has_started(status: &ContainerStatus) -> bool {
    let running = status.state.as_ref().is_some_and(|state| state.running.is_some());
    running && status.started.unwrap_or(status.ready)
}
