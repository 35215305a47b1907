//! How events travel: attributes, tokens, retries, dead letters, expiry, and every destination.

use anyhow::Result;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use testbed::{stack, wait_for_some};

use crate::harness::{SOON, Story, writes};

const SHOP: (&str, &str) = ("EventSubscription", "shop");
const RG: &str = "/subscriptions/6a1d1d6e-0000-4000-8000-000000000001/resourceGroups/rg/providers";

async fn sms(story: &Story) -> Result<()> {
    let service = story.id("CommunicationService", "shop").await?;
    let sms = json!({"service": service, "from": "+4930123", "to": "+15550009999", "message": "hello"});
    story.door("sms", sms).await.map(drop)
}

async fn change(story: &Story, spec: Value) -> Result<()> {
    story.patch(SHOP.0, SHOP.1, json!({"spec": spec})).await?;
    story.ready(SHOP.0, SHOP.1).await.map(drop)
}

async fn properties(story: &Story) -> Result<Value> {
    Ok(story.azure(SHOP.0, SHOP.1).await?["properties"].clone())
}

#[tokio::test]
async fn attributes_and_a_token_travel_along_and_a_changed_secret_is_sent_once() -> Result<()> {
    let (story, _operator) = Story::begin("attributes").await?;
    story.quickstart_ready().await?;
    story.secret_with("token", "value", "canary-one-of-two\n").await?;
    let before = story.mark().await?;
    let entra = json!({"tenantId": story.stack.azure.tenant_id(), "applicationIdOrUri": "api://shop.example"});
    change(
        &story,
        json!({
            "destination": {"webHook": {"entra": entra, "maxEventsPerBatch": 10}},
            "deliveryAttributes": [
                {"name": "x-tenant", "type": "Static", "static": {"value": "shop"}},
                {"name": "x-token", "type": "Static", "static": {"valueSecretRef": {"name": "token", "key": "value"}}},
                {"name": "x-from", "type": "Dynamic", "dynamic": {"sourceField": "data.from"}},
            ],
        }),
    )
    .await?;
    sms(&story).await?;
    let sent = async |token: &str| {
        let arrived = wait_for_some("the event with its headers", SOON, || async {
            (story.hook.header("x-token").last().map(String::as_str) == Some(token)).then_some(())
        });
        arrived.await
    };
    sent("canary-one-of-two").await?;
    assert_eq!(
        (story.hook.header("x-tenant"), story.hook.header("x-from")),
        (vec!["shop".into()], vec!["+4930123".into()])
    );
    assert!(story.hook.header("authorization")[0].starts_with("Bearer ey"));
    let shown = properties(&story).await?["destination"]["properties"].clone();
    assert_eq!(shown["deliveryAttributeMappings"][1]["properties"], json!({"value": "Hidden", "isSecret": true}));
    assert_eq!(shown["maxEventsPerBatch"], 10);
    assert!(!story.object(SHOP.0, SHOP.1).await?.unwrap().to_string().contains("canary"));

    story.secret_with("token", "value", "canary-two-of-two").await?;
    wait_for_some("the new secret to be sent", SOON, || async {
        (writes(&story.journal(before).await.ok()?).len() == 2).then_some(())
    })
    .await?;
    story.ready(SHOP.0, SHOP.1).await?;
    sms(&story).await?;
    sent("canary-two-of-two").await?;
    let written = writes(&story.journal(before).await?);
    assert!(written.len() == 2 && written.iter().all(|write| write.starts_with("PATCH")), "{written:#?}");

    // What is no header's value is refused without being said.
    story.secret_with("token", "value", "canary\nline").await?;
    let message = story.reason(SHOP.0, SHOP.1, "Ready", "SecretInvalid").await?;
    assert!(message.contains("\"token\"") && !message.contains("canary"), "{message}");
    Ok(())
}

#[tokio::test]
async fn what_the_endpoint_turns_away_is_dead_lettered_until_that_is_taken_out_of_the_spec() -> Result<()> {
    let (story, _operator) = Story::begin("dead").await?;
    story.quickstart_ready().await?;
    let (before, account) = (story.mark().await?, format!("{RG}/Microsoft.Storage/storageAccounts/store"));
    let store = json!({"type": "StorageBlob", "storageBlob": {"resourceId": account, "containerName": "lost"}});
    change(&story, json!({"deadLetter": store, "retryPolicy": {"maxDeliveryAttempts": 2}})).await?;
    let policy = |attempts: i64| json!({"maxDeliveryAttempts": attempts, "eventTimeToLiveInMinutes": 1440});
    assert_eq!(properties(&story).await?["retryPolicy"], policy(2));
    story.hook.turn_away(true);
    sms(&story).await?;
    let lost = wait_for_some("a dead letter", SOON, || async {
        let found = story.stack.azure.get("/_sim/dead-letters").await.ok()?["deadLetters"].clone();
        found.get(0).cloned()
    });
    assert_eq!(lost.await?["container"], "lost");

    // A PATCH takes nothing away, so it is a PUT; with all that the spec has, the URL that no one can read back included.
    change(&story, json!({"deadLetter": null, "retryPolicy": null})).await?;
    let written = writes(&story.journal(before).await?);
    assert!(written.len() == 2 && written[0].starts_with("PATCH") && written[1].starts_with("PUT"), "{written:#?}");
    let now = properties(&story).await?;
    assert_eq!((now.get("deadLetterDestination"), &now["retryPolicy"]), (None, &policy(30)));
    let path = format!("{}/getFullUrl?api-version=2025-02-15", story.id(SHOP.0, SHOP.1).await?);
    let url = story.stack.azure.post(&path, &json!({})).await?["endpointUrl"].clone();
    assert_eq!(url, story.hook.url("events", &story.canary));
    Ok(())
}

#[tokio::test]
async fn an_expired_subscription_is_not_ready_and_left_alone_until_there_is_a_later_time() -> Result<()> {
    let (story, _operator) = Story::begin("expiry").await?;
    story.quickstart_ready().await?;
    let before = story.mark().await?;
    story.patch(SHOP.0, SHOP.1, json!({"spec": {"expirationTime": "2020-01-31T00:00:00Z"}})).await?;
    let message = story.reason(SHOP.0, SHOP.1, "Ready", "Expired").await?;
    assert!(message.contains("2020-01-31T00:00:00Z"), "{message}");
    assert_eq!(writes(&story.journal(before).await?), [""; 0]);

    change(&story, json!({"expirationTime": "2120-01-31T00:00:00Z"})).await?;
    assert_eq!(properties(&story).await?["expirationTimeUtc"], "2120-01-31T00:00:00Z");
    let (id, pointer) = (story.id(SHOP.0, SHOP.1).await?, "/properties/expirationTimeUtc");
    story.door("portal/set", json!({"id": id, "pointer": pointer, "value": "2121-01-01T00:00:00Z"})).await?;
    story
        .until_azure("the time to be put back", |all| all[&id].pointer(pointer) == Some(&json!("2120-01-31T00:00:00Z")))
        .await?;
    change(&story, json!({"expirationTime": null})).await?;
    assert_eq!(properties(&story).await?.get("expirationTimeUtc"), None);

    // A time that comes is noticed without anyone's doing.
    let soon = Timestamp::from_second((Timestamp::now() + SignedDuration::from_secs(4)).as_second())?;
    story.patch(SHOP.0, SHOP.1, json!({"spec": {"expirationTime": soon.to_string()}})).await?;
    story.reason(SHOP.0, SHOP.1, "Ready", "Expired").await?;
    Ok(())
}

/// Type, member, its value, and the identity; each differs from the one before it.
fn destinations() -> [(&'static str, &'static str, Value, Value); 7] {
    let of = |id: &str| json!({"resourceId": format!("{RG}/{id}")});
    let with = |id: &str, member: &str, value: Value| {
        let mut found = of(id);
        found[member] = value;
        found
    };
    let user =
        json!({"type": "UserAssigned", "userAssigned": of("Microsoft.ManagedIdentity/userAssignedIdentities/i")});
    let system = json!({"type": "SystemAssigned", "userAssigned": null});
    let (hub, queue) = ("Microsoft.EventHub/namespaces/n/eventhubs/e", "Microsoft.ServiceBus/namespaces/n/queues/q");
    let topic = of("Microsoft.ServiceBus/namespaces/n/topics/t");
    let connection = of("Microsoft.Relay/namespaces/n/hybridConnections/h");
    let function = with("Microsoft.Web/sites/a/functions/f", "maxEventsPerBatch", json!(7));
    let storage = with("Microsoft.Storage/storageAccounts/a", "queueName", json!("events"));
    [
        ("EventHub", "eventHub", of(hub), Value::Null),
        ("EventHub", "eventHub", of(hub), user),
        ("ServiceBusQueue", "serviceBusQueue", of(queue), system.clone()),
        ("ServiceBusTopic", "serviceBusTopic", topic, Value::Null),
        ("HybridConnection", "hybridConnection", connection, Value::Null),
        ("AzureFunction", "azureFunction", function, Value::Null),
        ("StorageQueue", "storageQueue", storage, system),
    ]
}

#[tokio::test]
async fn every_destination_is_made_and_an_identity_comes_and_goes() -> Result<()> {
    let (story, _operator) = Story::begin("destinations").await?;
    story.quickstart_ready().await?;
    let mut before = "webHook";
    for (type_, member, value, identity) in destinations() {
        let mark = story.mark().await?;
        let mut destination = json!({"type": type_, before: null});
        destination[member] = value.clone();
        before = member;
        change(&story, json!({"destination": destination, "deliveryIdentity": identity})).await?;
        let properties = properties(&story).await?;
        let by_identity = &properties["deliveryWithResourceIdentity"];
        let (shown, other) = match identity.is_null() {
            true => (&properties["destination"], by_identity),
            false => (&by_identity["destination"], &properties["destination"]),
        };
        assert_eq!(other, &Value::Null);
        assert_eq!(by_identity["identity"]["type"], identity["type"]);
        assert_eq!(by_identity["identity"]["userAssignedIdentity"], identity["userAssigned"]["resourceId"]);
        assert_eq!((&shown["endpointType"], &shown["properties"]["resourceId"]), (&json!(type_), &value["resourceId"]));
        assert_eq!(shown["properties"]["maxEventsPerBatch"], value["maxEventsPerBatch"]);
        let written = writes(&story.journal(mark).await?);
        assert_eq!(written.len(), 1, "{type_}: {written:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_identity_without_a_topic_is_refused_before_azure_is_asked() -> Result<()> {
    let story = Story::prepare("identity", stack::Options::default()).await?;
    let _operator = story.stack.run_operator().await?;
    story.secrets().await?;
    let account = format!("{RG}/Microsoft.Storage/storageAccounts/a");
    let letter = json!({"type": "StorageBlob", "storageBlob": {"resourceId": account, "containerName": "lost"},
        "identity": {"type": "SystemAssigned"}});
    let quickstart = story
        .quickstart()?
        .with("CommunicationService", &json!({"spec": {"systemTopic": {"type": "None"}}}))
        .with("EventSubscription", &json!({"spec": {"deadLetter": letter}}));
    story.apply_all(&quickstart).await?;
    let message = story.reason(SHOP.0, SHOP.1, "Ready", "TopicRequired").await?;
    assert!(message.contains("`systemTopic.type`"), "{message}");
    change(&story, json!({"deadLetter": {"identity": null}})).await?;
    assert_eq!(properties(&story).await?["deadLetterDestination"]["properties"]["blobContainerName"], "lost");
    Ok(())
}

#[tokio::test]
async fn a_system_topic_gets_the_identity_that_deliveries_need_and_keeps_those_of_others() -> Result<()> {
    let (story, _operator) = Story::begin("topic-identity").await?;
    story.quickstart_ready().await?;
    let service = story.object("CommunicationService", "shop").await?.unwrap();
    let topic = service["status"]["systemTopicId"].as_str().unwrap().to_ascii_lowercase();
    let theirs = format!("{RG}/Microsoft.ManagedIdentity/userAssignedIdentities/theirs");
    let identity = json!({"type": "UserAssigned", "userAssignedIdentities": {&theirs: {}}});
    story.door("portal/set", json!({"id": topic, "pointer": "/identity", "value": identity})).await?;
    let before = story.mark().await?;
    let wanted = json!({"type": "Managed", "identity": {"type": "SystemAssigned"}});
    story.patch("CommunicationService", "shop", json!({"spec": {"systemTopic": wanted}})).await?;
    story.ready("CommunicationService", "shop").await?;
    let shown = story.resources().await?[&topic]["identity"].clone();
    assert_eq!(shown["type"], "SystemAssigned, UserAssigned");
    assert!(shown["principalId"].is_string() && shown["userAssignedIdentities"][&theirs].is_object(), "{shown}");
    let written = writes(&story.journal(before).await?);
    assert!(written.len() == 1 && written[0].starts_with("PATCH"), "{written:#?}");
    Ok(())
}
