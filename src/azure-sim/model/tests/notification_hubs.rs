use super::*;

fn apns() -> Value {
    json!({"properties": {"endpoint": "https://api.push.apple.com:443/3/device", "token": "p8", "keyId": "K", "appId": "T", "appName": "b"}})
}

#[test]
fn a_namespace_takes_hubs_only_once_it_is_active() {
    let mut azure = azure();
    let id = namespace("shop-hubs");
    let body = json!({"location": "westeurope", "sku": {"name": "Standard"}});
    let created = azure.ask("PUT", &id, NH, body.clone());
    assert_eq!(created.status, 201);
    assert!(created.value().get("sku").is_none() && created.value().get("location").is_none());
    let operation = created.header("azure-asyncoperation").expect("an operation").to_owned();
    assert!(created.header("location").expect("a location").contains("/namespaces/shop-hubs?"));
    assert_eq!(azure.follow(&operation).value()["status"], "InProgress");
    let hub = format!("{id}/notificationHubs/phones");
    assert_eq!(refusal(&azure.ask("PUT", &hub, NH, json!({"location": "westeurope"}))), (404, "NotFound".into()));
    assert_eq!(state(&azure.get(&id, NH)), "Activating");
    azure.pass(26);
    let active = azure.get(&id, NH).value();
    assert_eq!(active["properties"]["provisioningState"], "Succeeded");
    assert_eq!(active["properties"]["enabled"], true);
    assert_eq!((&active["location"], &active["sku"]["name"]), (&json!("West Europe"), &json!("Standard")));
    assert_eq!(azure.follow(&operation).value()["status"], "Succeeded");
    assert_eq!(azure.ask("PUT", &id, NH, body).status, 200);
    assert_eq!(azure.ask("PUT", &hub, NH, json!({"location": "West Europe"})).status, 201);
    assert_eq!(azure.ask("PUT", &hub, NH, json!({"location": "westeurope"})).status, 200);
}

#[test]
fn credentials_are_written_kept_and_shown_where_azure_shows_them() {
    let mut azure = instant();
    let hub = azure.put_hub();
    let body = json!({"location": "westeurope", "properties": {"apnsCredential": apns()}});
    let written = azure.ask("PUT", &hub, NH, body);
    assert!(written.value()["properties"].get("apnsCredential").is_none());
    assert!(azure.get(&hub, NH).value()["properties"].get("apnsCredential").is_none());
    let fcm = json!({"properties": {"clientEmail": "e", "privateKey": "k", "projectId": "p"}});
    let patched = azure.ask("PATCH", &hub, NH, json!({"properties": {"fcmV1Credential": fcm}})).value();
    assert_eq!(patched["properties"]["fcmV1Credential"]["properties"]["privateKey"], "k");
    assert_eq!(patched["properties"]["authorizationRules"].as_array().expect("rules").len(), 2);
    let shown = azure.ask("POST", &format!("{hub}/pnsCredentials"), NH, Value::Null).value();
    assert_eq!(shown["properties"]["apnsCredential"], apns());
    azure.ask("PATCH", &hub, NH, json!({"properties": {"apnsCredential": null}}));
    assert!(azure.world.credentials(&hub).expect("credentials").get("apnsCredential").is_none());
    let incomplete = json!({"properties": {"fcmV1Credential": {"properties": {"projectId": "p"}}}});
    assert_eq!(azure.ask("PATCH", &hub, NH, incomplete).status, 400);
}

#[test]
fn older_versions_know_no_fcm_v1() {
    let mut azure = instant();
    let hub = azure.put_hub();
    let fcm = json!({"properties": {"clientEmail": "e", "privateKey": "k", "projectId": "p"}});
    azure.ask("PATCH", &hub, "2023-09-01", json!({"properties": {"fcmV1Credential": fcm}}));
    assert_eq!(azure.world.credentials(&hub), Some(&json!({})));
}

#[test]
fn rules_exist_by_default_have_keys_and_check_their_rights() {
    let mut azure = instant();
    let hub = azure.put_hub();
    let names = |azure: &mut Client, scope: &str| {
        let list = azure.get(&format!("{scope}/authorizationRules"), NH).value();
        let list = list["value"].as_array().expect("a list").clone();
        list.iter().map(|r| r["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut azure, &namespace("shop-hubs")), ["RootManageSharedAccessKey"]);
    let defaults = ["DefaultFullSharedAccessSignature", "DefaultListenSharedAccessSignature"];
    assert_eq!(names(&mut azure, &hub), defaults);
    let rule = format!("{hub}/authorizationRules/backend");
    for (rights, status) in [(json!(["Send"]), 200), (json!(["Manage"]), 400), (json!(["Fly"]), 400), (json!([]), 400)]
    {
        let response = azure.ask("PUT", &rule, NH, json!({"properties": {"rights": rights}}));
        assert_eq!(response.status, status, "{rights}");
    }
    let keys = azure.ask("POST", &format!("{rule}/listKeys"), NH, Value::Null).value();
    let primary = keys["primaryKey"].as_str().expect("a key");
    assert_eq!(primary.len(), 44);
    assert_eq!(
        keys["primaryConnectionString"],
        format!(
            "Endpoint=sb://shop-hubs.servicebus.windows.net/;SharedAccessKeyName=backend;SharedAccessKey={primary};EntityPath=phones"
        )
    );
    let body = json!({"policyKey": "PrimaryKey"});
    let after = azure.ask("POST", &format!("{rule}/regenerateKeys"), NH, body).value();
    assert_ne!(after["primaryKey"], keys["primaryKey"]);
    assert_eq!(after["secondaryKey"], keys["secondaryKey"]);
    assert_eq!(azure.ask("DELETE", &rule, NH, Value::Null).status, 200);
    assert_eq!(azure.ask("DELETE", &rule, NH, Value::Null).status, 204);
}

#[test]
fn deleting_a_namespace_takes_its_hubs_along_and_each_version_says_it_differently() {
    for (version, status) in [("2017-04-01", 202), (NH, 204)] {
        let mut azure = azure();
        let hub = azure.put_hub();
        let deleted = azure.ask("DELETE", &namespace("shop-hubs"), version, Value::Null);
        assert_eq!(deleted.status, status);
        assert_eq!(azure.get(&namespace("shop-hubs"), NH).value()["properties"]["status"], "Deleting");
        azure.pass(31);
        assert_eq!(azure.get(&namespace("shop-hubs"), NH).status, 404);
        assert!(azure.world.resource(&hub).is_none());
        if let Some(location) = deleted.header("location") {
            assert_eq!(azure.follow(location).value()["status"], "Completed");
        }
    }
}

#[test]
fn availability_is_misspelt_and_names_are_global() {
    let mut azure = instant();
    azure.put_hub();
    let check = "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d/providers/Microsoft.NotificationHubs/checkNamespaceAvailability";
    for (name, free) in [("shop-hubs", false), ("other-hubs", true)] {
        assert_eq!(azure.ask("POST", check, NH, json!({"name": name})).value()["isAvailiable"], free);
    }
    let check = format!("{}/checkNotificationHubAvailability", namespace("shop-hubs"));
    for (name, free) in [("phones", false), ("others", true)] {
        assert_eq!(azure.ask("POST", &check, NH, json!({"name": name})).value()["isAvailiable"], free);
    }
    azure.world.add_group("6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d", "rg-two");
    let elsewhere = namespace("shop-hubs").replace("rg-shop", "rg-two");
    let body = json!({"location": "westeurope", "sku": {"name": "Free"}});
    assert_eq!(refusal(&azure.ask("PUT", &elsewhere, NH, body)), (409, "NameNotAvailable".into()));
}
