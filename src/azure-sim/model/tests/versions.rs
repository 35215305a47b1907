//! Each version takes and shows what it knows.

use super::*;

fn full() -> Value {
    json!({
        "location": "global", "tags": {"a": "b"}, "identity": {"type": "SystemAssigned"},
        "properties": {
            "dataLocation": "Europe", "linkedDomains": ["/d"], "publicNetworkAccess": "Disabled", "disableLocalAuth": true,
        },
    })
}

#[test]
fn a_service_is_seen_as_its_version_knows_it() {
    for (version, identity, domains, access, system) in [
        ("2020-08-20-preview", false, false, false, false),
        ("2020-08-20", false, false, false, true),
        ("2023-03-31", true, true, false, true),
        ("2023-04-01", true, true, false, true),
        ("2025-05-01", true, true, true, true),
        ("2025-09-01", true, true, true, true),
        ("2026-03-18", true, true, true, true),
    ] {
        let mut azure = instant();
        assert_eq!(azure.ask("PUT", &service("new"), "2026-03-18", full()).status, 201);
        azure.pass(0);
        let list = format!("{RG}/providers/Microsoft.Communication/communicationServices");
        let one = azure.get(&service("new"), version).value();
        for shown in [one, azure.get(&list, version).value()["value"][0].clone()] {
            let properties = &shown["properties"];
            let has = |value: &Value| !value.is_null();
            assert_eq!(has(&shown["identity"]), identity, "{version}");
            assert_eq!(has(&properties["linkedDomains"]), domains, "{version}");
            assert_eq!(has(&properties["publicNetworkAccess"]), access, "{version}");
            assert_eq!(has(&properties["disableLocalAuth"]), access, "{version}");
            assert_eq!(has(&shown["systemData"]), system, "{version}");
            assert!(has(&shown["tags"]) && has(&properties["dataLocation"]), "{version}");
        }
        assert_eq!(azure.ask("PUT", &service("old"), version, full()).status, 201);
        azure.pass(0);
        let written = azure.get(&service("old"), "2026-03-18").value();
        assert_eq!(written["identity"].is_object(), identity, "{version}");
        assert_eq!(written["properties"]["publicNetworkAccess"], if access { "Disabled" } else { "Enabled" });
        assert_eq!(written["properties"]["disableLocalAuth"], access);
    }
}

#[test]
fn an_older_version_leaves_alone_what_it_does_not_know() {
    let mut azure = instant();
    azure.ask("PUT", &service("shop"), "2026-03-18", full());
    azure.pass(0);
    let body = json!({"location": "global", "properties": {"dataLocation": "Europe"}});
    assert_eq!(azure.ask("PUT", &service("shop"), "2020-08-20", body.clone()).status, 201);
    azure.pass(0);
    let kept = azure.get(&service("shop"), ACS).value();
    assert_eq!((&kept["properties"]["disableLocalAuth"], &kept["tags"]), (&json!(true), &Value::Null));
    azure.ask("PUT", &service("shop"), ACS, body);
    azure.pass(0);
    let replaced = azure.get(&service("shop"), ACS).value();
    assert_eq!((&replaced["properties"]["disableLocalAuth"], &replaced["identity"]), (&json!(false), &Value::Null));
}

#[test]
fn hubs_and_namespaces_are_seen_as_their_version_knows_them() {
    let mut azure = instant();
    let hub = azure.put_hub();
    let fcm = json!({"properties": {"clientEmail": "e", "privateKey": "k", "projectId": "p"}});
    let web = json!({"properties": {"subject": "s", "vapidPublicKey": "p", "vapidPrivateKey": "k"}});
    let body = json!({"properties": {"fcmV1Credential": fcm, "browserCredential": web}});
    assert_eq!(azure.ask("PATCH", &hub, NH, body).status, 200);
    for (version, fcm, web) in [("2017-04-01", false, false), ("2023-09-01", false, true), (NH, true, true)] {
        let shown = azure.ask("POST", &format!("{hub}/pnsCredentials"), version, Value::Null).value();
        assert_eq!(shown["properties"]["fcmV1Credential"].is_object(), fcm, "{version}");
        assert_eq!(shown["properties"]["browserCredential"].is_object(), web, "{version}");
        let seen = azure.get(&hub, version).value();
        assert_eq!(seen["properties"]["dailyMaxActiveDevices"].is_number(), web, "{version}");
        let space = azure.get(&namespace("shop-hubs"), version).value();
        assert_eq!(space["properties"]["publicNetworkAccess"].is_string(), web, "{version}");
        let rule = format!("{hub}/authorizationRules/DefaultFullSharedAccessSignature/listKeys");
        let keys = azure.ask("POST", &rule, version, Value::Null).value();
        let string = keys["primaryConnectionString"].as_str().expect("a string").to_owned();
        assert_eq!(string.ends_with(";EntityPath=phones"), web, "{version} {string}");
    }
}

#[test]
fn destinations_come_with_their_version() {
    let mut azure = instant();
    azure.put_service("shop");
    let id = format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/relay", service("shop"));
    let alert = json!({"endpointType": "MonitorAlert", "properties": {"severity": "Sev1"}});
    let topic = json!({"endpointType": "NamespaceTopic", "properties": {
        "resourceId": format!("{RG}/providers/Microsoft.EventGrid/namespaces/n/topics/t")}});
    let partner = json!({"endpointType": "PartnerDestination", "properties": {
        "resourceId": format!("{RG}/providers/Microsoft.EventGrid/partnerDestinations/p")}});
    for (destination, since) in [(alert, 1), (topic, 1), (partner, 2)] {
        for (at, version) in ["2022-06-15", "2025-02-15", "2025-07-15-preview"].iter().enumerate() {
            let body = json!({"properties": {"destination": destination}});
            let expected = if at >= since { 201 } else { 400 };
            assert_eq!(azure.ask("PUT", &id, version, body).status, expected, "{destination} {version}");
            azure.pass(0);
        }
    }
    let hook = json!({"endpointType": "WebHook", "properties": {
        "endpointUrl": "https://relay.example/e", "minimumTlsVersionAllowed": "1.2"}});
    let body = json!({"properties": {"destination": hook}});
    let shown = azure.ask("PUT", &id, EG, body).value();
    assert_eq!(shown["properties"]["destination"]["properties"]["minimumTlsVersionAllowed"], "1.2");
    let older = azure.get(&id, "2022-06-15").value();
    assert!(older["properties"]["destination"]["properties"].get("minimumTlsVersionAllowed").is_none());
}

#[test]
fn unknown_members_are_refused_at_the_top_and_ignored_inside() {
    let mut azure = instant();
    let mut body = full();
    body["properties"]["colour"] = json!("red");
    assert_eq!(azure.ask("PUT", &service("shop"), ACS, body.clone()).status, 201);
    azure.pass(0);
    assert!(azure.get(&service("shop"), ACS).value()["properties"].get("colour").is_none());
    body["colour"] = json!("red");
    let refused = azure.ask("PUT", &service("shop"), ACS, body);
    assert_eq!(refusal(&refused), (400, "InvalidRequestContent".into()));
    assert!(refused.value()["error"]["message"].as_str().expect("a message").contains("'colour' on object of type"));
    for (name, value) in
        [("publicNetworkAccess", json!("Perhaps")), ("disableLocalAuth", json!("yes")), ("linkedDomains", json!("x"))]
    {
        let mut body = full();
        body["properties"][name] = value;
        assert_eq!(refusal(&azure.ask("PUT", &service("shop"), ACS, body)), (400, "BadRequest".into()), "{name}");
    }
}
