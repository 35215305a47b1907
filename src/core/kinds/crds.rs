//! The CRDs, generated from the Rust types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSON};
use kube::CustomResourceExt;
use serde_json::json;

use super::{
    AzureAccount, CommunicationService, EventRelay, EventSubscription, NotificationHub, NotificationHubNamespace,
};

/// Every CRD, in the order in which the kinds depend on each other.
pub fn crds() -> Vec<CustomResourceDefinition> {
    [
        AzureAccount::crd(),
        NotificationHubNamespace::crd(),
        NotificationHub::crd(),
        CommunicationService::crd(),
        EventRelay::crd(),
        EventSubscription::crd(),
    ]
    .into_iter()
    .map(with_status_default)
    .collect()
}

/// An object that was never looked at must count as "in progress", not as "current": kstatus compares generations, so the
/// status starts with -1. The derive macro cannot say that.
fn with_status_default(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        let status = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
            .and_then(|schema| schema.properties.as_mut())
            .and_then(|properties| properties.get_mut("status"));
        if let Some(status) = status {
            status.default = Some(JSON(json!({"observedGeneration": -1})));
        }
    }
    crd
}
