//! Every operation there is, by the names of the specifications: what a table of checks must not leave out.

use serde::Serialize;

use super::registry;

/// One operation that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Whose it is: `Microsoft.Communication`, or `Entra` for what is no resource provider.
    pub provider: &'static str,
    /// `operationId` of the specifications; where there is none, a name of the same shape.
    pub name: &'static str,
    /// GET, PUT …
    pub method: &'static str,
    /// The path with `{placeholders}`; `{scope}` may stand for several segments.
    pub path: &'static str,
    /// The `api-version`s it takes; empty where none is asked for.
    pub versions: &'static [&'static str],
}

type Row = (&'static str, &'static str, &'static str);

macro_rules! in_subscription {
    ($path:literal) => {
        concat!("/subscriptions/{subscriptionId}", $path)
    };
}

macro_rules! in_group {
    ($path:literal) => {
        concat!("/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}", $path)
    };
}

macro_rules! service {
    ($path:literal) => {
        concat!(
            "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication\
             /communicationServices/{communicationServiceName}",
            $path
        )
    };
}

macro_rules! namespace {
    ($path:literal) => {
        concat!(
            "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.NotificationHubs\
             /namespaces/{namespaceName}",
            $path
        )
    };
}

macro_rules! topic {
    ($path:literal) => {
        concat!(
            "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.EventGrid\
             /systemTopics/{systemTopicName}",
            $path
        )
    };
}

const ENTRA: &[Row] = &[
    ("Token_IssueV1", "POST", "/{tenant}/oauth2/token"),
    ("Token_IssueV2", "POST", "/{tenant}/oauth2/v2.0/token"),
    ("OpenIdConfiguration_GetV1", "GET", "/{tenant}/.well-known/openid-configuration"),
    ("OpenIdConfiguration_GetV2", "GET", "/{tenant}/v2.0/.well-known/openid-configuration"),
    ("CloudEndpoints_Get", "GET", "/metadata/endpoints"),
    ("InstanceDiscovery_Get", "GET", "/{tenant}/discovery/instance"),
    ("SigningKeys_ListV1", "GET", "/{tenant}/discovery/keys"),
    ("SigningKeys_ListV2", "GET", "/{tenant}/discovery/v2.0/keys"),
];

const RESOURCES: &[Row] = &[
    ("Tenants_List", "GET", "/tenants"),
    ("Subscriptions_List", "GET", "/subscriptions"),
    ("Subscriptions_Get", "GET", in_subscription!("")),
    ("Subscriptions_ListLocations", "GET", in_subscription!("/locations")),
    ("Providers_ListAtTenantScope", "GET", "/providers"),
    ("Providers_GetAtTenantScope", "GET", "/providers/{resourceProviderNamespace}"),
    ("Providers_List", "GET", in_subscription!("/providers")),
    ("Providers_Get", "GET", in_subscription!("/providers/{resourceProviderNamespace}")),
    ("Providers_Register", "POST", in_subscription!("/providers/{resourceProviderNamespace}/register")),
    ("Providers_Unregister", "POST", in_subscription!("/providers/{resourceProviderNamespace}/unregister")),
    ("ResourceGroups_List", "GET", in_subscription!("/resourceGroups")),
    ("ResourceGroups_CheckExistence", "HEAD", in_group!("")),
    ("ResourceGroups_CreateOrUpdate", "PUT", in_group!("")),
    ("ResourceGroups_Get", "GET", in_group!("")),
    ("ResourceGroups_Update", "PATCH", in_group!("")),
    ("ResourceGroups_Delete", "DELETE", in_group!("")),
    ("ResourceGroups_DeletionResult", "GET", in_subscription!("/operationresults/{operationId}")),
    ("Resources_ListByResourceGroup", "GET", in_group!("/resources")),
    ("Resources_List", "GET", in_subscription!("/resources")),
    ("Tags_List", "GET", in_subscription!("/tagNames")),
    ("Tags_CreateOrUpdateAtScope", "PUT", "/{scope}/providers/Microsoft.Resources/tags/default"),
    ("Tags_GetAtScope", "GET", "/{scope}/providers/Microsoft.Resources/tags/default"),
    ("Tags_UpdateAtScope", "PATCH", "/{scope}/providers/Microsoft.Resources/tags/default"),
    ("Tags_DeleteAtScope", "DELETE", "/{scope}/providers/Microsoft.Resources/tags/default"),
];

const AUTHORIZATION: &[Row] = &[
    ("ManagementLocks_ListByScope", "GET", "/{scope}/providers/Microsoft.Authorization/locks"),
    ("ManagementLocks_CreateOrUpdateByScope", "PUT", "/{scope}/providers/Microsoft.Authorization/locks/{lockName}"),
    ("ManagementLocks_GetByScope", "GET", "/{scope}/providers/Microsoft.Authorization/locks/{lockName}"),
    ("ManagementLocks_DeleteByScope", "DELETE", "/{scope}/providers/Microsoft.Authorization/locks/{lockName}"),
];

const COMMUNICATION: &[Row] = &[
    ("Operations_List", "GET", "/providers/Microsoft.Communication/operations"),
    (
        "CommunicationServices_CheckNameAvailability",
        "POST",
        in_subscription!("/providers/Microsoft.Communication/checkNameAvailability"),
    ),
    (
        "CommunicationServices_ListBySubscription",
        "GET",
        in_subscription!("/providers/Microsoft.Communication/communicationServices"),
    ),
    (
        "CommunicationServices_ListByResourceGroup",
        "GET",
        in_group!("/providers/Microsoft.Communication/communicationServices"),
    ),
    ("CommunicationServices_CreateOrUpdate", "PUT", service!("")),
    ("CommunicationServices_Get", "GET", service!("")),
    ("CommunicationServices_Update", "PATCH", service!("")),
    ("CommunicationServices_Delete", "DELETE", service!("")),
    ("CommunicationServices_ListKeys", "POST", service!("/listKeys")),
    ("CommunicationServices_RegenerateKey", "POST", service!("/regenerateKey")),
    ("CommunicationServices_LinkNotificationHub", "POST", service!("/linkNotificationHub")),
    (
        "OperationStatuses_Get",
        "GET",
        in_subscription!("/providers/Microsoft.Communication/locations/{location}/operationStatuses/{operationId}"),
    ),
];

const NOTIFICATION_HUBS: &[Row] = &[
    ("Operations_List", "GET", "/providers/Microsoft.NotificationHubs/operations"),
    (
        "Namespaces_CheckAvailability",
        "POST",
        in_subscription!("/providers/Microsoft.NotificationHubs/checkNamespaceAvailability"),
    ),
    ("Namespaces_ListAll", "GET", in_subscription!("/providers/Microsoft.NotificationHubs/namespaces")),
    ("Namespaces_List", "GET", in_group!("/providers/Microsoft.NotificationHubs/namespaces")),
    ("Namespaces_CreateOrUpdate", "PUT", namespace!("")),
    ("Namespaces_Get", "GET", namespace!("")),
    ("Namespaces_Update", "PATCH", namespace!("")),
    ("Namespaces_Delete", "DELETE", namespace!("")),
    ("Namespaces_GetPnsCredentials", "POST", namespace!("/pnsCredentials")),
    ("Namespaces_OperationStatus", "GET", namespace!("/operations/{operationId}")),
    (
        "Namespaces_DeletionResult",
        "GET",
        in_group!("/providers/Microsoft.NotificationHubs/operationresults/{operationId}"),
    ),
    ("Namespaces_ListAuthorizationRules", "GET", namespace!("/authorizationRules")),
    ("Namespaces_CreateOrUpdateAuthorizationRule", "PUT", namespace!("/authorizationRules/{ruleName}")),
    ("Namespaces_GetAuthorizationRule", "GET", namespace!("/authorizationRules/{ruleName}")),
    ("Namespaces_DeleteAuthorizationRule", "DELETE", namespace!("/authorizationRules/{ruleName}")),
    ("Namespaces_ListKeys", "POST", namespace!("/authorizationRules/{ruleName}/listKeys")),
    ("Namespaces_RegenerateKeys", "POST", namespace!("/authorizationRules/{ruleName}/regenerateKeys")),
    ("NotificationHubs_CheckNotificationHubAvailability", "POST", namespace!("/checkNotificationHubAvailability")),
    ("NotificationHubs_List", "GET", namespace!("/notificationHubs")),
    ("NotificationHubs_CreateOrUpdate", "PUT", namespace!("/notificationHubs/{notificationHubName}")),
    ("NotificationHubs_Get", "GET", namespace!("/notificationHubs/{notificationHubName}")),
    ("NotificationHubs_Update", "PATCH", namespace!("/notificationHubs/{notificationHubName}")),
    ("NotificationHubs_Delete", "DELETE", namespace!("/notificationHubs/{notificationHubName}")),
    ("NotificationHubs_DebugSend", "POST", namespace!("/notificationHubs/{notificationHubName}/debugsend")),
    (
        "NotificationHubs_GetPnsCredentials",
        "POST",
        namespace!("/notificationHubs/{notificationHubName}/pnsCredentials"),
    ),
    (
        "NotificationHubs_ListAuthorizationRules",
        "GET",
        namespace!("/notificationHubs/{notificationHubName}/authorizationRules"),
    ),
    (
        "NotificationHubs_CreateOrUpdateAuthorizationRule",
        "PUT",
        namespace!("/notificationHubs/{notificationHubName}/authorizationRules/{ruleName}"),
    ),
    (
        "NotificationHubs_GetAuthorizationRule",
        "GET",
        namespace!("/notificationHubs/{notificationHubName}/authorizationRules/{ruleName}"),
    ),
    (
        "NotificationHubs_DeleteAuthorizationRule",
        "DELETE",
        namespace!("/notificationHubs/{notificationHubName}/authorizationRules/{ruleName}"),
    ),
    (
        "NotificationHubs_ListKeys",
        "POST",
        namespace!("/notificationHubs/{notificationHubName}/authorizationRules/{ruleName}/listKeys"),
    ),
    (
        "NotificationHubs_RegenerateKeys",
        "POST",
        namespace!("/notificationHubs/{notificationHubName}/authorizationRules/{ruleName}/regenerateKeys"),
    ),
];

const EVENT_GRID: &[Row] = &[
    ("Operations_List", "GET", "/providers/Microsoft.EventGrid/operations"),
    ("SystemTopics_ListBySubscription", "GET", in_subscription!("/providers/Microsoft.EventGrid/systemTopics")),
    ("SystemTopics_ListByResourceGroup", "GET", in_group!("/providers/Microsoft.EventGrid/systemTopics")),
    ("SystemTopics_CreateOrUpdate", "PUT", topic!("")),
    ("SystemTopics_Get", "GET", topic!("")),
    ("SystemTopics_Update", "PATCH", topic!("")),
    ("SystemTopics_Delete", "DELETE", topic!("")),
    ("SystemTopicEventSubscriptions_ListBySystemTopic", "GET", topic!("/eventSubscriptions")),
    ("SystemTopicEventSubscriptions_CreateOrUpdate", "PUT", topic!("/eventSubscriptions/{eventSubscriptionName}")),
    ("SystemTopicEventSubscriptions_Get", "GET", topic!("/eventSubscriptions/{eventSubscriptionName}")),
    ("SystemTopicEventSubscriptions_Update", "PATCH", topic!("/eventSubscriptions/{eventSubscriptionName}")),
    ("SystemTopicEventSubscriptions_Delete", "DELETE", topic!("/eventSubscriptions/{eventSubscriptionName}")),
    (
        "SystemTopicEventSubscriptions_GetFullUrl",
        "POST",
        topic!("/eventSubscriptions/{eventSubscriptionName}/getFullUrl"),
    ),
    (
        "SystemTopicEventSubscriptions_GetDeliveryAttributes",
        "POST",
        topic!("/eventSubscriptions/{eventSubscriptionName}/getDeliveryAttributes"),
    ),
    (
        "EventSubscriptions_CreateOrUpdate",
        "PUT",
        "/{scope}/providers/Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}",
    ),
    (
        "EventSubscriptions_Get",
        "GET",
        "/{scope}/providers/Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}",
    ),
    (
        "EventSubscriptions_Update",
        "PATCH",
        "/{scope}/providers/Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}",
    ),
    (
        "EventSubscriptions_Delete",
        "DELETE",
        "/{scope}/providers/Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}",
    ),
    (
        "EventSubscriptions_GetFullUrl",
        "POST",
        "/{scope}/providers/Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}/getFullUrl",
    ),
    (
        "EventSubscriptions_GetDeliveryAttributes",
        "POST",
        "/{scope}/providers/Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}/getDeliveryAttributes",
    ),
    (
        "EventSubscriptions_ListByResource",
        "GET",
        in_group!(
            "/providers/{providerNamespace}/{resourceTypeName}/{resourceName}/providers/Microsoft.EventGrid\
             /eventSubscriptions"
        ),
    ),
    (
        "EventSubscriptions_ListByDomainTopic",
        "GET",
        in_group!(
            "/providers/Microsoft.EventGrid/domains/{domainName}/topics/{topicName}/providers/Microsoft.EventGrid\
             /eventSubscriptions"
        ),
    ),
    (
        "EventSubscriptions_ListGlobalBySubscription",
        "GET",
        in_subscription!("/providers/Microsoft.EventGrid/eventSubscriptions"),
    ),
    (
        "EventSubscriptions_ListGlobalBySubscriptionForTopicType",
        "GET",
        in_subscription!("/providers/Microsoft.EventGrid/topicTypes/{topicTypeName}/eventSubscriptions"),
    ),
    (
        "EventSubscriptions_ListRegionalBySubscription",
        "GET",
        in_subscription!("/providers/Microsoft.EventGrid/locations/{location}/eventSubscriptions"),
    ),
    (
        "EventSubscriptions_ListRegionalBySubscriptionForTopicType",
        "GET",
        in_subscription!(
            "/providers/Microsoft.EventGrid/locations/{location}/topicTypes/{topicTypeName}/eventSubscriptions"
        ),
    ),
    (
        "EventSubscriptions_ListGlobalByResourceGroup",
        "GET",
        in_group!("/providers/Microsoft.EventGrid/eventSubscriptions"),
    ),
    (
        "EventSubscriptions_ListGlobalByResourceGroupForTopicType",
        "GET",
        in_group!("/providers/Microsoft.EventGrid/topicTypes/{topicTypeName}/eventSubscriptions"),
    ),
    (
        "EventSubscriptions_ListRegionalByResourceGroup",
        "GET",
        in_group!("/providers/Microsoft.EventGrid/locations/{location}/eventSubscriptions"),
    ),
    (
        "EventSubscriptions_ListRegionalByResourceGroupForTopicType",
        "GET",
        in_group!("/providers/Microsoft.EventGrid/locations/{location}/topicTypes/{topicTypeName}/eventSubscriptions"),
    ),
    ("ExtensionTopics_Get", "GET", "/{scope}/providers/Microsoft.EventGrid/extensionTopics/default"),
    (
        "Topics_ListEventTypes",
        "GET",
        in_group!(
            "/providers/{providerNamespace}/{resourceTypeName}/{resourceName}/providers/Microsoft.EventGrid/eventTypes"
        ),
    ),
    ("TopicTypes_List", "GET", "/providers/Microsoft.EventGrid/topicTypes"),
    ("TopicTypes_Get", "GET", "/providers/Microsoft.EventGrid/topicTypes/{topicTypeName}"),
    ("TopicTypes_ListEventTypes", "GET", "/providers/Microsoft.EventGrid/topicTypes/{topicTypeName}/eventTypes"),
    ("OperationsStatus_Get", "GET", in_subscription!("/providers/Microsoft.EventGrid/operationsStatus/{operationId}")),
    ("OperationResults_Get", "GET", in_subscription!("/providers/Microsoft.EventGrid/operationResults/{operationId}")),
];

/// Paths of `{namespace}.servicebus.windows.net`.
const DATA_PLANE: &[Row] = &[
    ("Notifications_Send", "POST", "/{notificationHubName}/messages"),
    ("Notifications_SendBatch", "POST", "/{notificationHubName}/messages/$batch"),
    ("Notifications_GetTelemetry", "GET", "/{notificationHubName}/messages/{notificationId}"),
    ("ScheduledNotifications_Create", "POST", "/{notificationHubName}/schedulednotifications"),
    ("ScheduledNotifications_Cancel", "DELETE", "/{notificationHubName}/schedulednotifications/{notificationId}"),
    ("Installations_CreateOrReplace", "PUT", "/{notificationHubName}/installations/{installationId}"),
    ("Installations_Get", "GET", "/{notificationHubName}/installations/{installationId}"),
    ("Installations_Update", "PATCH", "/{notificationHubName}/installations/{installationId}"),
    ("Installations_Delete", "DELETE", "/{notificationHubName}/installations/{installationId}"),
    ("Registrations_CreateId", "POST", "/{notificationHubName}/registrationIDs"),
    ("Registrations_Create", "POST", "/{notificationHubName}/registrations"),
    ("Registrations_CreateOrUpdate", "PUT", "/{notificationHubName}/registrations/{registrationId}"),
    ("Registrations_Get", "GET", "/{notificationHubName}/registrations/{registrationId}"),
    ("Registrations_Delete", "DELETE", "/{notificationHubName}/registrations/{registrationId}"),
    ("Registrations_List", "GET", "/{notificationHubName}/registrations"),
    ("Registrations_ListByTag", "GET", "/{notificationHubName}/tags/{tag}/registrations"),
    ("Feedback_GetContainer", "GET", "/{notificationHubName}/feedbackcontainer"),
    ("Jobs_Submit", "POST", "/{notificationHubName}/jobs"),
    ("Jobs_List", "GET", "/{notificationHubName}/jobs"),
    ("Jobs_Get", "GET", "/{notificationHubName}/jobs/{jobId}"),
];

/// What the data plane of Notification Hubs is called here.
pub const HUBS_DATA_PLANE: &str = "servicebus.windows.net";

/// Every operation, in the order of a resource's life.
pub fn operations() -> Vec<Operation> {
    let versions = |namespace| registry::provider(namespace).map_or(&[][..], |p| p.versions);
    let all: [(&str, &[Row], &[&str]); 7] = [
        ("Entra", ENTRA, &[]),
        ("Microsoft.Resources", RESOURCES, registry::RESOURCES_VERSIONS),
        (registry::AUTHORIZATION, AUTHORIZATION, versions(registry::AUTHORIZATION)),
        (registry::COMMUNICATION, COMMUNICATION, versions(registry::COMMUNICATION)),
        (registry::NOTIFICATION_HUBS, NOTIFICATION_HUBS, versions(registry::NOTIFICATION_HUBS)),
        (registry::EVENT_GRID, EVENT_GRID, versions(registry::EVENT_GRID)),
        (HUBS_DATA_PLANE, DATA_PLANE, &super::hubs_data::VERSIONS),
    ];
    let rows = all.into_iter().flat_map(|(provider, rows, versions)| {
        rows.iter().map(move |&(name, method, path)| Operation { provider, name, method, path, versions })
    });
    rows.collect()
}
