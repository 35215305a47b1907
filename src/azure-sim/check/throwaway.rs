//! What is asked in a group that is made for it and goes with it.

use serde_json::json;

use super::probe::{Probe, Step};

/// For whoever has to agree.
pub(super) const MAKES: &str = "a Communication Services resource (data in Europe), a Notification Hubs namespace (Free) with a hub \
and an access policy, and an Event Grid system topic with an event subscription that fails on purpose. None of them costs anything \
while it is not used; what your subscription adds to that, only you can know.";

/// A tag of the group, by which a person finds one that was left.
pub(super) const MADE_BY: (&str, &str) = ("made-by", "azure-sim check");
/// Its other tag: a number that no other run has.
pub(super) const RUN: &str = "run";

const READY: &[&str] = &["/properties/provisioningState"];

/// Name of the probe that every writing run begins with.
pub(super) const FIRST: &str = "group";

/// Probes of a whole life, in order. The last one deletes what the first ones made; the group goes after them.
pub(super) fn probes(location: &str, mark: &str) -> Vec<Probe> {
    let group = json!({"location": location, "tags": {MADE_BY.0: MADE_BY.1, RUN: mark}});
    vec![
        Probe {
            name: FIRST,
            steps: vec![
                Step::of("ResourceGroups_CreateOrUpdate").body(group).equal(READY),
                Step::of("ResourceGroups_Get").equal(READY),
                Step::of("ResourceGroups_CheckExistence"),
                Step::of("CommunicationServices_Get").titled("no such service"),
                Step::of("Namespaces_Get").titled("no such namespace"),
            ],
        },
        Probe { name: "service", steps: service() },
        Probe { name: "hub", steps: hub(location) },
        Probe { name: "link", steps: link() },
        Probe { name: "events", steps: events() },
        Probe { name: "refusals", steps: refusals() },
        Probe { name: "the end", steps: end() },
    ]
}

fn service() -> Vec<Step> {
    let body = json!({"location": "global", "properties": {"dataLocation": "Europe"}, "tags": {MADE_BY.0: MADE_BY.1}});
    vec![
        Step::of("CommunicationServices_CreateOrUpdate").body(body.clone()).titled("new"),
        Step::of("CommunicationServices_Get")
            .settles()
            .equal(&["/properties/provisioningState", "/properties/dataLocation"]),
        Step::of("CommunicationServices_CreateOrUpdate").body(body).titled("again"),
        Step::of("CommunicationServices_Update").body(json!({"tags": {"made-by": "azure-sim check", "more": "1"}})),
        Step::of("CommunicationServices_ListKeys"),
        Step::of("CommunicationServices_RegenerateKey").body(json!({"keyType": "Secondary"})),
        Step::of("CommunicationServices_RegenerateKey").body(json!({"keyType": "Tertiary"})).titled("no such key"),
        Step::of("CommunicationServices_ListByResourceGroup"),
    ]
}

/// Under another name, so that the life of the first one goes on whatever is answered.
fn refusals() -> Vec<Step> {
    let another: &[(&str, &str)] = &[("communicationServiceName", "{resourceGroupName}-x")];
    let elsewhere = json!({"location": "global", "properties": {"dataLocation": "Atlantis"}});
    vec![Step::of("CommunicationServices_CreateOrUpdate").with(another).body(elsewhere).titled("in no data location")]
}

fn hub(location: &str) -> Vec<Step> {
    let namespace = json!({"location": location, "sku": {"name": "Free"}});
    let hub = json!({"location": location, "properties": {}});
    let rule = json!({"properties": {"rights": ["Send"]}});
    vec![
        Step::of("Namespaces_CreateOrUpdate").body(namespace),
        Step::of("Namespaces_Get").settles().equal(READY),
        Step::of("NotificationHubs_CreateOrUpdate").body(hub),
        Step::of("NotificationHubs_Get"),
        Step::of("NotificationHubs_CreateOrUpdateAuthorizationRule").body(rule),
        Step::of("NotificationHubs_ListAuthorizationRules"),
        Step::of("NotificationHubs_ListKeys").keep("connection", "/primaryConnectionString").equal(&["/keyName"]),
        Step::of("NotificationHubs_GetPnsCredentials"),
        Step::of("NotificationHubs_List"),
    ]
}

fn link() -> Vec<Step> {
    let hub = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.NotificationHubs/namespaces/\
               {namespaceName}/notificationHubs/{notificationHubName}";
    let body = json!({"resourceId": hub, "connectionString": "{connection}"});
    let nobody = json!({"resourceId": format!("{hub}-that-nobody-made"), "connectionString": "{connection}"});
    vec![
        Step::of("CommunicationServices_LinkNotificationHub").body(nobody).titled("no such hub"),
        Step::of("CommunicationServices_LinkNotificationHub").body(body),
        Step::of("CommunicationServices_Get").titled("linked"),
    ]
}

fn events() -> Vec<Step> {
    let source = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/\
                  CommunicationServices/{communicationServiceName}";
    let topic = json!({"location": "global",
        "properties": {"source": source, "topicType": "Microsoft.Communication.CommunicationServices"}});
    let webhook = json!({"endpointType": "WebHook", "properties": {"endpointUrl": "https://nobody.invalid/events"}});
    let nowhere = json!({"properties": {"destination": webhook,
        "filter": {"includedEventTypes": ["Microsoft.Communication.SMSReceived"]}}});
    vec![
        Step::of("SystemTopics_CreateOrUpdate").body(topic),
        Step::of("SystemTopics_Get").settles().equal(READY),
        Step::of("SystemTopicEventSubscriptions_Get").titled("no such subscription"),
        Step::of("SystemTopicEventSubscriptions_CreateOrUpdate")
            .body(nowhere)
            .titled("nobody answers the handshake")
            // As long as a resolver takes to say that there is no such host.
            .untimed(),
        Step::of("SystemTopicEventSubscriptions_ListBySystemTopic"),
    ]
}

fn end() -> Vec<Step> {
    vec![
        Step::of("SystemTopics_Delete"),
        Step::of("CommunicationServices_Delete"),
        Step::of("CommunicationServices_Get").settles().titled("deleted"),
        Step::of("CommunicationServices_Delete").titled("once more"),
        Step::of("NotificationHubs_Delete"),
        Step::of("Namespaces_Delete"),
    ]
}
