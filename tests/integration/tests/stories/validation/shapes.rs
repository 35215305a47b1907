//! Patterns, nulls, unknown fields, defaults; and the examples, as they are.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Room, least, with};
use crate::harness::{QUICKSTART, cluster, examples};

#[tokio::test]
async fn values_of_the_wrong_shape_are_refused_and_the_field_is_named() -> Result<()> {
    let room = Room::make("shapes").await?;
    let queue = |id: &str, name: &str| {
        json!({"destination": {"type": "StorageQueue", "webHook": null,
            "storageQueue": {"resourceId": id, "queueName": name}}})
    };
    let id = "/subscriptions/6a1d1d6e-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a";
    let url = |url: &str| json!({"destination": {"webHook": {"url": url}}});
    let (account, service, subscription) = ("AzureAccount", "CommunicationService", "EventSubscription");
    let tags: serde_json::Map<String, Value> = (0..49).map(|number| (format!("t{number}"), json!("v"))).collect();
    let refused = [
        (account, json!({"subscriptionId": "6a1d1d6e"}), "spec.subscriptionId"),
        (account, json!({"tenantId": "72f988bf-0000-4000-8000-00000000000g"}), "spec.tenantId"),
        (account, json!({"resourceGroup": "rg/../other"}), "spec.resourceGroup"),
        (account, json!({"resourceGroup": "a?api-version=1"}), "spec.resourceGroup"),
        (account, json!({"cloud": "https://evil.example"}), "spec.cloud"),
        (account, json!({"identity": {"type": "Password"}}), "spec.identity.type"),
        (service, json!({"azureName": "../x"}), "spec.azureName"),
        (service, json!({"azureName": "-x"}), "spec.azureName"),
        (service, json!({"azureName": "x".repeat(64)}), "spec.azureName"),
        (service, json!({"azureName": ""}), "spec.azureName"),
        (service, json!({"connectionSecretName": "Upper"}), "spec.connectionSecretName"),
        (service, json!({"dataLocation": ""}), "spec.dataLocation"),
        (service, json!({"deletionPolicy": "Orphan"}), "spec.deletionPolicy"),
        (service, json!({"tags": tags}), "spec.tags"),
        (service, json!({"tags": {"a": "v".repeat(257)}}), "spec.tags.a"),
        (service, json!({"notificationHub": {"hubRef": {"name": "h"}, "keyRotation": -1}}), "keyRotation"),
        (subscription, url("http://example.com"), "spec.destination.webHook.url"),
        (subscription, url("https://user@example.com/"), "spec.destination.webHook.url"),
        (subscription, url("https://example.com/#fragment"), "spec.destination.webHook.url"),
        (subscription, url(&format!("https://example.com/{}", "x".repeat(2048))), "spec.destination.webHook.url"),
        (subscription, queue("storageAccounts/a", "events"), "resourceId"),
        (subscription, queue(&id.replace("/rg/", "/r%2fg/"), "events"), "resourceId"),
        (subscription, queue(id, "Events"), "queueName"),
        (subscription, json!({"eventTypes": ["*"]}), "spec.eventTypes[0]"),
        ("NotificationHubNamespace", json!({"location": "West Europe"}), "spec.location"),
        ("NotificationHubNamespace", json!({"azureName": "short"}), "spec.azureName"),
        ("NotificationHub", json!({"azureName": "a/b"}), "spec.azureName"),
    ];
    room.refuses(&refused).await;
    let fine = [(subscription, queue(id, "events")), (subscription, url("https://example.com/a?code=b"))];
    for (kind, spec) in fine {
        room.create(&with(kind, &json!({"spec": spec}))).await.map_err(anyhow::Error::msg)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_null_is_no_way_around_a_rule() -> Result<()> {
    let room = Room::make("nulls").await?;
    // Needed by the `type`: taken for absent, and so refused.
    for (kind, pointer, member) in [
        ("AzureAccount", "/spec/identity", "servicePrincipal"),
        ("EventSubscription", "/spec/destination", "webHook"),
        ("EventSubscription", "/spec/destination/webHook", "url"),
        ("AzureAccount", "/spec", "identity"),
    ] {
        let mut object = least(kind);
        object.pointer_mut(pointer).unwrap()[member] = Value::Null;
        let refusal = room.create(&object).await.expect_err(member);
        assert!(refusal.contains(member), "{kind} {member}: {refusal}");
    }
    // Optional: never stored, so that `has` of a rule and an `Option` of the code mean the same.
    for (kind, pointer, member) in [
        ("AzureAccount", "/spec/identity", "workloadIdentity"),
        ("EventSubscription", "/spec/destination", "storageQueue"),
        ("EventSubscription", "/spec/destination/webHook", "urlSecretRef"),
        ("CommunicationService", "/spec", "notificationHub"),
        ("NotificationHub", "/spec", "credentials"),
    ] {
        let mut object = least(kind);
        object.pointer_mut(pointer).unwrap()[member] = Value::Null;
        let stored = room.create(&object).await.map_err(anyhow::Error::msg)?;
        assert_eq!(stored.pointer(pointer).unwrap().get(member), None, "{kind} {member}");
    }
    Ok(())
}

#[tokio::test]
async fn a_misspelt_field_is_refused_by_strict_validation() -> Result<()> {
    let (room, cluster) = (Room::make("typo").await?, cluster().await?);
    for (kind, _) in QUICKSTART {
        let typo = with(kind, &json!({"spec": {"resourceGruop": "rg"}})).to_string();
        let args = ["create", "--dry-run=server", "--validate=strict", "-n", room.namespace.name(), "-f", "-"];
        let output = cluster.kubectl_with_input(args, &typo).await?;
        assert!(!output.success() && output.stderr.contains("resourceGruop"), "{kind}: {output:?}");
        let right = least(kind).to_string();
        cluster.kubectl_with_input(args, &right).await?.ok()?;
    }
    Ok(())
}

#[tokio::test]
async fn a_new_object_counts_as_in_progress_before_anyone_looked_at_it() -> Result<()> {
    let room = Room::make("fresh").await?;
    for (kind, _) in QUICKSTART {
        let created = room.post(&least(kind), false).await.map_err(anyhow::Error::msg)?;
        // What kstatus, and so `kubectl wait` and Flux, take for InProgress: a generation that nobody has observed.
        assert_eq!(
            (&created["status"]["observedGeneration"], &created["metadata"]["generation"]),
            (&json!(-1), &json!(1))
        );
    }
    Ok(())
}

#[tokio::test]
async fn every_example_is_taken_as_it_is() -> Result<()> {
    let (room, cluster) = (Room::make("examples").await?, cluster().await?);
    let mut count = 0;
    for folder in ["quickstart", "relay", "workload-identity", "azure-sim", "event-subscriptions"] {
        for (file, document) in examples(folder)? {
            let args = [
                "apply",
                "--server-side",
                "--dry-run=server",
                "--validate=strict",
                "-n",
                room.namespace.name(),
                "-f",
                "-",
            ];
            let applied = cluster.kubectl_with_input(args, &document.to_string()).await?;
            applied.ok().map_err(|error| error.context(file))?;
            count += 1;
        }
    }
    let folders = std::fs::read_dir(testbed::stack::repository()?.join("examples"))?;
    assert_eq!(
        (count, folders.flatten().filter(|entry| entry.path().is_dir()).count()),
        // The sample app's folder holds a program.
        (24, 6),
        "a new example belongs here"
    );
    Ok(())
}
