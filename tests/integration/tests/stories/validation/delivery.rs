//! Rules of `EventSubscription` on destinations, identities, attributes and dead letters.

use anyhow::Result;
use serde_json::{Value, json};

use super::rules::{OTHER, Rule, creation, spec};
use super::{Room, with};

const KIND: &str = "EventSubscription";

pub(super) fn rules() -> Vec<Rule> {
    [members(), ids(), identities(), attributes(), dead_letters()].into_iter().flatten().collect()
}

fn id(of: &str) -> String {
    format!("/subscriptions/{OTHER}/resourceGroups/rg/providers/{of}")
}

/// The destinations that are an Azure resource: type, member, id, message about the id.
const RESOURCES: [(&str, &str, &str, &str); 5] = [
    (
        "AzureFunction",
        "azureFunction",
        "Microsoft.Web/sites/a/functions/f",
        "`azureFunction.resourceId` must be the id of a function: .../Microsoft.Web/sites/<app>/functions/<function>",
    ),
    (
        "EventHub",
        "eventHub",
        "Microsoft.EventHub/namespaces/n/eventhubs/e",
        "`eventHub.resourceId` must be the id of an event hub: .../Microsoft.EventHub/namespaces/<namespace>/eventhubs/<event hub>",
    ),
    (
        "ServiceBusQueue",
        "serviceBusQueue",
        "Microsoft.ServiceBus/namespaces/n/queues/q",
        "`serviceBusQueue.resourceId` must be the id of a queue: .../Microsoft.ServiceBus/namespaces/<namespace>/queues/<queue>",
    ),
    (
        "ServiceBusTopic",
        "serviceBusTopic",
        "Microsoft.ServiceBus/namespaces/n/topics/t",
        "`serviceBusTopic.resourceId` must be the id of a topic: .../Microsoft.ServiceBus/namespaces/<namespace>/topics/<topic>",
    ),
    (
        "HybridConnection",
        "hybridConnection",
        "Microsoft.Relay/namespaces/n/hybridConnections/h",
        "`hybridConnection.resourceId` must be the id of a hybrid connection: .../Microsoft.Relay/namespaces/<namespace>/hybridConnections/<hybrid connection>",
    ),
];

fn to(type_: &str, member: &str, value: Value) -> Value {
    json!({"destination": {"type": type_, "webHook": null, member: value}})
}

fn resource(type_: &str, member: &str, of: &str) -> Value {
    to(type_, member, json!({"resourceId": id(of)}))
}

fn queue(account: &str) -> Value {
    to("StorageQueue", "storageQueue", json!({"resourceId": id(account), "queueName": "events"}))
}

const ACCOUNT: &str = "Microsoft.Storage/storageAccounts/a";

fn members() -> Vec<Rule> {
    let rows = RESOURCES.iter().map(|(type_, member, of, _)| {
        let message = format!("`{member}` must be set exactly when `type` is \"{type_}\"");
        let beside = json!({"destination": {*member: {"resourceId": id(of)}}});
        let without = json!({"destination": {"type": type_, "webHook": null}});
        creation(KIND, message.leak(), vec![spec(resource(type_, member, of))], vec![spec(beside), spec(without)])
    });
    rows.collect()
}

fn ids() -> Vec<Rule> {
    let rows = RESOURCES.iter().map(|(type_, member, of, message)| {
        let (parent, _) = of.rsplit_once('/').unwrap();
        let accept = [(*of).to_owned(), of.to_lowercase(), of.to_uppercase()];
        let reject = [format!("{of}/more/than"), format!("{parent}s/x"), ACCOUNT.to_owned()];
        let patch = |of: String| spec(resource(type_, member, &of));
        creation(KIND, message, accept.map(patch).into(), reject.map(patch).into())
    });
    let queue = creation(
        KIND,
        "`storageQueue.resourceId` must be the id of a storage account: .../Microsoft.Storage/storageAccounts/<account>",
        vec![spec(queue(ACCOUNT)), spec(queue(&ACCOUNT.to_lowercase()))],
        vec![spec(queue("Microsoft.Storage/storageAccounts/a/queueServices/default/queues/events"))],
    );
    rows.chain([queue]).collect()
}

fn identities() -> Vec<Rule> {
    let hub = |identity: Value| {
        let mut spec = resource("EventHub", "eventHub", RESOURCES[1].2);
        spec["deliveryIdentity"] = identity;
        json!({"spec": spec})
    };
    let system = json!({"type": "SystemAssigned"});
    let relay = to("EventRelay", "eventRelayRef", json!({"name": "r"}));
    let with_identity = |mut destination: Value| {
        destination["deliveryIdentity"] = system.clone();
        spec(destination)
    };
    let takes = |at: usize| with_identity(resource(RESOURCES[at].0, RESOURCES[at].1, RESOURCES[at].2));
    let mut rules = of_identity(KIND, hub);
    rules.push(creation(
        KIND,
            "`deliveryIdentity` may be set only when `destination.type` is \"EventHub\", \"ServiceBusQueue\", \"ServiceBusTopic\" or \"StorageQueue\": nothing else takes an identity, and a relay has a key of its own",
            vec![takes(1), takes(2), takes(3), with_identity(queue(ACCOUNT))],
            vec![spec(json!({"deliveryIdentity": system})), takes(0), takes(4), with_identity(relay)],
    ));
    rules
}

/// The identity that a system topic gets.
pub(super) fn topic_identity() -> Vec<Rule> {
    of_identity("CommunicationService", |identity| {
        spec(json!({"systemTopic": {"type": "Managed", "identity": identity}}))
    })
}

/// Rules of an identity, wherever it stands.
fn of_identity(kind: &'static str, at: impl Fn(Value) -> Value) -> Vec<Rule> {
    let user = |of: &str| json!({"type": "UserAssigned", "userAssigned": {"resourceId": id(of)}});
    let own = "Microsoft.ManagedIdentity/userAssignedIdentities/i";
    vec![
        creation(
            kind,
            "`userAssigned` must be set exactly when `type` is \"UserAssigned\"",
            vec![at(user(own)), at(json!({"type": "SystemAssigned"}))],
            vec![
                at(json!({"type": "UserAssigned"})),
                at(json!({"type": "SystemAssigned", "userAssigned": {"resourceId": id(own)}})),
            ],
        ),
        creation(
            kind,
            "`userAssigned.resourceId` must be the id of an identity: .../Microsoft.ManagedIdentity/userAssignedIdentities/<identity>",
            vec![at(user(&own.to_lowercase()))],
            vec![at(user(ACCOUNT))],
        ),
    ]
}

fn attribute(more: &Value) -> Value {
    let mut attribute = json!({"name": "x-tenant", "type": "Static", "static": {"value": "a"}});
    crate::harness::merge(&mut attribute, more);
    attribute
}

fn attributes() -> Vec<Rule> {
    let one = |more: Value| spec(json!({"deliveryAttributes": [attribute(&more)]}));
    let two = |one: &str, other: &str| {
        let named = [one, other].map(|name| attribute(&json!({"name": name})));
        spec(json!({"deliveryAttributes": named}))
    };
    let secret = json!({"name": "s", "key": "k"});
    let with_attribute = |mut destination: Value, list: Value| {
        destination["deliveryAttributes"] = list;
        spec(destination)
    };
    let list = json!([attribute(&json!({}))]);
    let relay = to("EventRelay", "eventRelayRef", json!({"name": "r"}));
    vec![
        creation(
            KIND,
            "`static` must be set exactly when `type` is \"Static\"",
            vec![one(json!({}))],
            vec![one(json!({"static": null})), one(json!({"type": "Dynamic", "dynamic": {"sourceField": "id"}}))],
        ),
        creation(
            KIND,
            "`dynamic` must be set exactly when `type` is \"Dynamic\"",
            vec![one(json!({"type": "Dynamic", "static": null, "dynamic": {"sourceField": "data.from"}}))],
            vec![one(json!({"dynamic": {"sourceField": "id"}})), one(json!({"type": "Dynamic", "static": null}))],
        ),
        creation(
            KIND,
            "`name` may not begin with \"aeg-\": those are Event Grid's own",
            vec![one(json!({"name": "x-aeg-a"}))],
            vec![one(json!({"name": "aeg-a"})), one(json!({"name": "AEG-a"}))],
        ),
        creation(
            KIND,
            "`deliveryAttributes` must each have a `name` of their own, in whatever letter case",
            vec![two("x-key", "x-keys")],
            vec![two("x-key", "X-Key")],
        ),
        creation(
            KIND,
            "exactly one of `value` and `valueSecretRef` must be set",
            vec![one(json!({"static": {"value": null, "valueSecretRef": secret}}))],
            vec![one(json!({"static": {"valueSecretRef": secret}})), one(json!({"static": {"value": null}}))],
        ),
        creation(
            KIND,
            "`deliveryAttributes` may not be set when `destination.type` is \"StorageQueue\" or \"EventRelay\": a queue takes none, and a relay hands over the event alone",
            vec![
                with_attribute(resource("EventHub", "eventHub", RESOURCES[1].2), list.clone()),
                with_attribute(queue(ACCOUNT), json!([])),
            ],
            vec![with_attribute(queue(ACCOUNT), list.clone()), with_attribute(relay, list)],
        ),
    ]
}

fn store(more: &Value) -> Value {
    let mut letter =
        json!({"type": "StorageBlob", "storageBlob": {"resourceId": id(ACCOUNT), "containerName": "dead-letters"}});
    crate::harness::merge(&mut letter, more);
    json!({"deadLetter": letter})
}

fn dead_letters() -> Vec<Rule> {
    let relay = to("EventRelay", "eventRelayRef", json!({"name": "r"}));
    let mut relayed = store(&json!({"identity": {"type": "SystemAssigned"}}));
    relayed["destination"] = relay["destination"].clone();
    let container = "Microsoft.Storage/storageAccounts/a/blobServices/default/containers/dead-letters";
    vec![
        creation(
            KIND,
            "`storageBlob` must be set exactly when `type` is \"StorageBlob\"",
            vec![spec(store(&json!({}))), spec(relayed)],
            vec![spec(store(&json!({"storageBlob": null})))],
        ),
        creation(
            KIND,
            "`storageBlob.resourceId` must be the id of a storage account: .../Microsoft.Storage/storageAccounts/<account>",
            vec![spec(store(&json!({"storageBlob": {"resourceId": id(&ACCOUNT.to_lowercase())}})))],
            vec![spec(store(&json!({"storageBlob": {"resourceId": id(container)}})))],
        ),
    ]
}

#[tokio::test]
async fn delivery_of_the_wrong_shape_is_refused_and_the_field_is_named() -> Result<()> {
    let room = Room::make("delivery-shapes").await?;
    let attributes = |more: Value| json!({"deliveryAttributes": [attribute(&more)]});
    let value = |value: String| attributes(json!({"static": {"value": value}}));
    let many: Vec<Value> = (0..11).map(|number| attribute(&json!({"name": format!("x-{number}")}))).collect();
    let hook = |more: Value| json!({"destination": {"webHook": more}});
    let retry = |attempts: i64, minutes: i64| json!({"retryPolicy": {"maxDeliveryAttempts": attempts, "eventTimeToLiveMinutes": minutes}});
    let time = |time: &str| json!({"expirationTime": time});
    room.refuses(&[
        (KIND, retry(0, 1), "maxDeliveryAttempts"),
        (KIND, retry(31, 1), "maxDeliveryAttempts"),
        (KIND, retry(1, 0), "eventTimeToLiveMinutes"),
        (KIND, retry(1, 1441), "eventTimeToLiveMinutes"),
        (KIND, time("2027-02-30T00:00:00Z"), "expirationTime"),
        (KIND, time("2027-01-31T00:00:00+01:00"), "expirationTime"),
        (KIND, time("2027-01-31"), "expirationTime"),
        (KIND, time("2027-01-31T00:00:00.123456789Z"), "expirationTime"),
        (KIND, attributes(json!({"name": "x tenant"})), "deliveryAttributes[0].name"),
        (KIND, value("é".to_owned()), "deliveryAttributes[0].static.value"),
        (KIND, value("a\nb".to_owned()), "deliveryAttributes[0].static.value"),
        (KIND, value("a".repeat(4097)), "deliveryAttributes[0].static.value"),
        (KIND, json!({"deliveryAttributes": many}), "deliveryAttributes"),
        (KIND, json!({"deliveryAttributes": vec![attribute(&json!({})); 2]}), "deliveryAttributes[1]"),
        (KIND, store(&json!({"storageBlob": {"containerName": "Dead"}})), "deadLetter.storageBlob.containerName"),
        (KIND, hook(json!({"maxEventsPerBatch": 5001})), "maxEventsPerBatch"),
        (KIND, hook(json!({"preferredBatchSizeKilobytes": 0})), "preferredBatchSizeKilobytes"),
        (KIND, hook(json!({"entra": {"tenantId": "t", "applicationIdOrUri": "api://a"}})), "entra.tenantId"),
        (KIND, hook(json!({"entra": {"tenantId": OTHER}})), "entra.applicationIdOrUri"),
    ])
    .await;
    for spec in [
        retry(1, 1440),
        retry(30, 1),
        time("2027-01-31T00:00:00Z"),
        value("a".repeat(4096)),
        hook(json!({"maxEventsPerBatch": 5000, "preferredBatchSizeKilobytes": 1024,
            "entra": {"tenantId": OTHER, "applicationIdOrUri": "api://a"}})),
    ] {
        room.create(&with(KIND, &json!({"spec": spec}))).await.map_err(anyhow::Error::msg)?;
    }
    Ok(())
}
