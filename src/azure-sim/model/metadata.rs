//! `/metadata/endpoints`: how command lines and SDKs learn of a cloud they do not know. No token is asked for.

use serde_json::{Value, json};

use super::message::{Request, Response};
use super::refusal::Refusal;
use super::world::World;

/// From here on the answer is one cloud; before, a list of clouds; and at the beginning other names altogether. The exact
/// versions in between do not matter to the service: it wants a date (documented by its clients).
const ONE_CLOUD: &str = "2022-09-01";
const LIST: &str = "2018-05-01";

/// Answers the path of the metadata; `None` when it is another.
pub(crate) fn answer(world: &World, request: &Request) -> Option<Response> {
    let path = request.path.split('?').next().unwrap_or_default();
    if request.method != "GET" || !path.trim_end_matches('/').eq_ignore_ascii_case("/metadata/endpoints") {
        return None;
    }
    let version = url::form_urlencoded::parse(request.query().as_bytes())
        .find(|(name, _)| name.eq_ignore_ascii_case("api-version"))
        .map(|(_, value)| value.into_owned());
    let Some(version) = version.filter(|v| !v.is_empty()) else {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return Some(Refusal::new(400, "MissingApiVersionParameter", message).response());
    };
    let body = match version.as_str() {
        version if version >= ONE_CLOUD => cloud(world),
        version if version >= LIST => json!([cloud(world)]),
        _ => first(world),
    };
    Some(Response::json(200, &body))
}

fn audiences() -> Value {
    json!(["https://management.core.windows.net/", "https://management.azure.com/"])
}

/// The shape of 2015-01-01.
fn first(world: &World) -> Value {
    let base = &world.config().base_url;
    json!({
        "galleryEndpoint": format!("{base}/gallery"),
        "graphEndpoint": "https://graph.windows.net/",
        "portalEndpoint": format!("{base}/_sim/"),
        "authentication": {"loginEndpoint": format!("{base}/"), "audiences": audiences()},
    })
}

fn cloud(world: &World) -> Value {
    let base = &world.config().base_url;
    json!({
        "name": "AzureSimulator",
        "portal": format!("{base}/_sim/"),
        "authentication": {
            "loginEndpoint": base, "audiences": audiences(), "tenant": "common", "identityProvider": "AAD",
        },
        "media": "https://rest.media.azure.net",
        "graphAudience": "https://graph.windows.net/",
        "graph": "https://graph.windows.net/",
        "microsoftGraphResourceId": "https://graph.microsoft.com/",
        "suffixes": {
            "acrLoginServer": "azurecr.io", "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
            "azureDataLakeStoreFileSystem": "azuredatalakestore.net", "azureFrontDoorEndpointSuffix": "azurefd.net",
            "keyVaultDns": "vault.azure.net", "sqlServerHostname": "database.windows.net",
            "storage": "core.windows.net",
        },
        "batch": "https://batch.core.windows.net/",
        "resourceManager": base,
        "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/main/arm-compute/quickstart-templates/aliases.json",
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "sqlManagement": "https://management.core.windows.net:8443/",
        "gallery": "https://gallery.azure.com/",
        "appInsightsResourceId": "https://api.applicationinsights.io",
        "logAnalyticsResourceId": "https://api.loganalytics.io",
        "attestationResourceId": "https://attest.azure.net",
        "synapseAnalyticsResourceId": "https://dev.azuresynapse.net",
        "ossrDbmsResourceId": "https://ossrdbms-aad.database.windows.net",
    })
}
