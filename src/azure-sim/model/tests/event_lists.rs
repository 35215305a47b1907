//! Event Grid's lists across resources, its topic types, and the namespaces' own credentials.

use super::*;

#[test]
fn event_subscriptions_are_listed_by_group_type_and_region() {
    let mut azure = instant();
    let account = format!("{RG}/providers/Microsoft.Storage/storageAccounts/box");
    let queue = json!({"endpointType": "StorageQueue", "properties": {"resourceId": account, "queueName": "events"}});
    for name in ["one", "two"] {
        azure.put_service(name);
        azure.pass(0);
        let id = format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/from-{name}", service(name));
        assert_eq!(azure.ask("PUT", &id, EG, json!({"properties": {"destination": queue}})).status, 201);
        azure.pass(0);
    }
    let grid = "providers/Microsoft.EventGrid";
    let ours = "topicTypes/microsoft.communication.communicationservices";
    let other = "topicTypes/Microsoft.Storage.StorageAccounts";
    let both: &[&str] = &["from-one", "from-two"];
    for scope in [SUBSCRIPTION, RG] {
        for (middle, expected) in [
            (String::new(), both),
            (format!("{ours}/"), both),
            (format!("{other}/"), &[]),
            ("locations/global/".to_owned(), both),
            ("locations/westeurope/".to_owned(), &[]),
            (format!("locations/global/{ours}/"), both),
            (format!("locations/global/{other}/"), &[]),
        ] {
            let answer = azure.get(&format!("{scope}/{grid}/{middle}eventSubscriptions"), EG);
            assert_eq!(names(&answer), expected, "{scope} {middle}");
        }
    }
    let filtered = format!("{RG}/{grid}/eventSubscriptions?api-version={EG}&$filter=contains(name,%20'two')&$top=1");
    assert_eq!(names(&azure.raw("GET", &filtered, b"")), ["from-two"]);
    let of_one = format!("{}/{grid}/eventSubscriptions", service("one"));
    assert_eq!(names(&azure.get(&of_one, EG)), ["from-one"]);
    for nothing in [service("none"), namespace("none")] {
        let listed = azure.get(&format!("{nothing}/{grid}/eventSubscriptions"), EG);
        assert_eq!(refusal(&listed), (404, "ResourceNotFound".into()), "{nothing}");
    }
    let believed = format!("{RG}/{grid}/domains/mine/topics/one/{grid}/eventSubscriptions");
    assert_eq!(azure.get(&believed, EG).value(), json!({"value": []}));
}

#[test]
fn topic_types_say_what_has_events() {
    let mut azure = instant();
    azure.put_service("shop");
    let types = "/providers/Microsoft.EventGrid/topicTypes";
    let ours = "Microsoft.Communication.CommunicationServices";
    let all = [ours, "Microsoft.Resources.ResourceGroups", "Microsoft.Resources.Subscriptions"];
    assert_eq!(names(&azure.get(types, EG)), all);
    for (version, newer) in [("2022-06-15", false), (EG, true)] {
        let one = azure.get(&format!("{types}/{}", ours.to_lowercase()), version).value();
        assert_eq!(one["properties"]["resourceRegionType"], "GlobalResource");
        assert_eq!(one["properties"]["areRegionalAndGlobalSourcesSupported"].is_boolean(), newer, "{version}");
    }
    assert_eq!(names(&azure.get(&format!("{types}/{ours}/eventTypes"), EG)).len(), 54);
    let of_resource = format!("{}/providers/Microsoft.EventGrid/eventTypes", service("shop"));
    assert_eq!(names(&azure.get(&of_resource, EG)).len(), 54);
    assert_eq!(azure.get(&of_resource.replace("/shop/", "/none/"), EG).status, 404);
    assert_eq!(refusal(&azure.get(&format!("{types}/Microsoft.Nothing"), EG)), (404, "ResourceNotFound".into()));
    let extension = format!("{}/providers/Microsoft.EventGrid/extensionTopics/default", service("shop"));
    assert_eq!(azure.get(&extension, EG).status, 404, "no events go anywhere");
}

fn apns() -> Value {
    json!({"properties": {"endpoint": "https://api.push.apple.com:443/3/device", "token": "p8", "keyId": "K", "appId": "T", "appName": "b"}})
}

#[test]
fn credentials_of_a_namespace_are_the_standard_tiers_and_read_by_their_action() {
    let mut azure = instant();
    azure.put_hub();
    let id = namespace("shop-hubs");
    let sent = json!({"properties": {"pnsCredentials": {"apnsCredential": apns()}}});
    let patched = azure.ask("PATCH", &id, NH, sent.clone());
    assert_eq!(patched.status, 200);
    assert!(patched.value()["properties"].get("pnsCredentials").is_none());
    let read = azure.ask("POST", &format!("{id}/pnsCredentials"), NH, Value::Null).value();
    assert_eq!(read["properties"]["apnsCredential"], apns());
    assert_eq!(read["type"], "Microsoft.NotificationHubs/namespaces/pnsCredentials");
    let down = azure.ask("PATCH", &id, NH, json!({"sku": {"name": "Free"}}));
    assert_eq!(down.value()["sku"]["name"], "Free");
    assert_eq!(azure.ask("PATCH", &id, NH, sent).status, 400);
    assert_eq!(azure.ask("PATCH", &id, NH, json!({"sku": {"name": "Gold"}})).status, 400);
}

#[test]
fn a_debug_send_tells_what_each_device_would_get() {
    let mut azure = instant();
    let hub = azure.put_hub();
    let phone = json!({"hub": hub, "user": "ann", "platform": "apple"});
    assert_eq!(azure.raw("POST", "/_sim/phones", phone.to_string().as_bytes()).status, 200);
    let send = format!("{hub}/debugsend");
    let without = azure.ask("POST", &send, NH, Value::Null).value();
    assert_eq!((&without["properties"]["success"], &without["properties"]["failure"]), (&json!(0), &json!(1)));
    azure.ask("PATCH", &hub, NH, json!({"properties": {"apnsCredential": apns()}}));
    let with = azure.ask("POST", &send, NH, Value::Null).value();
    assert_eq!(with["properties"]["success"], 1);
    assert_eq!(with["properties"]["results"][0]["applicationPlatform"], "apple");
    assert_eq!(with["type"], "Microsoft.NotificationHubs/namespaces/notificationHubs/debugSend");
}

#[test]
fn ids_and_types_change_their_case() {
    let mut azure = instant();
    let hub = azure.put_hub();
    assert_eq!(azure.get(&hub, NH).value()["id"], hub);
    let listed = azure.get(&format!("{}/notificationHubs", namespace("shop-hubs")), NH).value();
    let id = listed["value"][0]["id"].as_str().expect("an id").to_owned();
    assert!(id != hub && id.eq_ignore_ascii_case(&hub), "{id}");
    let written = azure.put_service("shop").value()["type"].as_str().expect("a type").to_owned();
    let read = azure.get(&service("shop"), ACS).value()["type"].as_str().expect("a type").to_owned();
    assert!(written != read && written.eq_ignore_ascii_case(&read), "{written} {read}");
}

#[test]
fn an_identity_has_a_principal_of_its_own_that_stays() {
    let mut azure = instant();
    azure.put_service("shop");
    azure.pass(0);
    let user = format!("{RG}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/relay");
    let both =
        json!({"identity": {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {user.clone(): {}}}});
    let first = azure.ask("PATCH", &service("shop"), ACS, both).value()["identity"].clone();
    let principal = first["principalId"].as_str().expect("a principal").to_owned();
    assert_ne!(principal, azure.world.config().client_id);
    assert!(first["userAssignedIdentities"][&user]["clientId"].is_string());
    let again = azure.ask("PATCH", &service("shop"), ACS, json!({"identity": {"type": "SystemAssigned"}})).value();
    assert_eq!(again["identity"]["principalId"], principal);
    for wrong in [
        json!({"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {user: {}}}),
        json!({"type": "UserAssigned"}),
    ] {
        assert_eq!(azure.ask("PATCH", &service("shop"), ACS, json!({"identity": wrong})).status, 400, "{wrong}");
    }
}
