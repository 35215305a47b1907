//! What ARM itself keeps.

use super::*;

const ARM: &str = "2021-04-01";

#[test]
fn tenants_subscriptions_and_regions_are_described() {
    let mut azure = instant();
    let tenant = azure.world.config().tenant_id.clone();
    assert_eq!(azure.get("/tenants", "2022-12-01").value()["value"][0]["tenantId"], tenant);
    let all = azure.get("/subscriptions", "2022-12-01").value();
    assert_eq!((&all["value"][0]["state"], &all["count"]["value"]), (&json!("Enabled"), &json!(1)));
    assert_eq!(azure.get(SUBSCRIPTION, "2022-12-01").value()["id"], SUBSCRIPTION);
    let regions = azure.get(&format!("{SUBSCRIPTION}/locations"), "2022-12-01").value();
    assert_eq!(
        (&regions["value"][0]["name"], &regions["value"][0]["displayName"]),
        (&json!("westeurope"), &json!("West Europe"))
    );
    assert_eq!(refusal(&azure.get("/subscriptions/mine", "2022-12-01")), (400, "InvalidSubscriptionId".into()));
}

#[test]
fn whether_a_resource_is_there_is_told_without_a_body() {
    let mut azure = instant();
    azure.put_hub();
    for (id, version, status) in [
        (format!("{}/notificationHubs/phones", namespace("shop-hubs")), NH, 204),
        (format!("{}/notificationHubs/none", namespace("shop-hubs")), NH, 404),
        (service("none"), ACS, 404),
    ] {
        let answer = azure.ask("HEAD", &id, version, Value::Null);
        assert_eq!((answer.status, answer.body.len()), (status, 0), "{id}");
    }
}

#[test]
fn groups_are_found_in_any_case_changed_and_checked() {
    let mut azure = instant();
    let group = format!("{SUBSCRIPTION}/RESOURCEGROUPS/rg-New");
    let body = json!({"location": "West Europe", "tags": {"team": "shop"}});
    let created = azure.ask("PUT", &group, ARM, body.clone());
    assert_eq!((created.status, created.value()["location"].clone()), (201, json!("westeurope")));
    assert_eq!(azure.ask("PUT", &group, ARM, body).status, 200);
    let patched = azure.ask("PATCH", &group.to_lowercase(), ARM, json!({"tags": {"a": "b"}}));
    assert_eq!((patched.status, patched.value()["tags"].clone()), (200, json!({"a": "b"})));
    assert_eq!(azure.ask("HEAD", &group.to_lowercase(), ARM, Value::Null).status, 204);
    let moved = azure.ask("PUT", &group, ARM, json!({"location": "eastus"}));
    assert_eq!(refusal(&moved), (409, "InvalidResourceGroupLocation".into()));
    let odd = azure.ask("PUT", &format!("{SUBSCRIPTION}/resourceGroups/rg%20new."), ARM, json!({"location": "eastus"}));
    assert_eq!(refusal(&odd), (400, "InvalidResourceGroup".into()));
    assert_eq!(refusal(&azure.ask("PATCH", &group.replace("New", "none"), ARM, json!({}))).1, "ResourceGroupNotFound");
    let tagged = azure.raw(
        "GET",
        &format!(
            "{SUBSCRIPTION}/resourcegroups?api-version={ARM}&$filter=tagName%20eq%20'A'%20and%20tagValue%20eq%20'b'"
        ),
        b"",
    );
    assert_eq!(names(&tagged), ["rg-New"]);
    let first = azure.raw("GET", &format!("{SUBSCRIPTION}/resourcegroups?api-version={ARM}&$top=1"), b"");
    let next = first.value()["nextLink"].as_str().expect("a next page").to_owned();
    assert_ne!(names(&first), names(&azure.follow(&next)));
}

#[test]
fn resources_of_all_providers_are_listed_by_type_and_tag() {
    let mut azure = instant();
    azure.put_service("shop");
    azure.put_hub();
    azure.ask("PATCH", &service("shop"), ACS, json!({"tags": {"Owner": "me"}}));
    let mut ask = |scope: &str, filter: &str| {
        let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        azure.raw("GET", &format!("{scope}/resources?api-version={ARM}&$filter={filter}"), b"")
    };
    assert_eq!(names(&ask(RG, "")).len(), 3);
    assert_eq!(names(&ask(SUBSCRIPTION, "")).len(), 3);
    let cases: &[(&str, &[&str])] = &[
        ("resourceType eq 'microsoft.communication/CommunicationServices'", &["shop"]),
        ("resourceType eq 'Microsoft.NotificationHubs/namespaces'", &["shop-hubs"]),
        ("tagName eq 'owner' and tagValue eq 'me'", &["shop"]),
        ("tagName eq 'owner'", &["shop"]),
        ("tagName eq 'owner' and tagValue eq 'Me'", &[]),
        ("name eq 'SHOP' and resourceGroup eq 'rg-shop'", &["shop"]),
        ("substringof('hubs', name)", &["shop-hubs"]),
        ("location eq 'westeurope' and resourceType eq 'Microsoft.NotificationHubs/namespaces'", &["shop-hubs"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(names(&ask(SUBSCRIPTION, filter)), *expected, "{filter}");
    }
    for wrong in
        ["name", "colour eq 'red'", "tagName eq 'a' and name eq 'b'", "tagValue eq 'x'", "name eq 'a' or name eq 'b'"]
    {
        assert_eq!(refusal(&ask(RG, wrong)), (400, "InvalidFilterInQueryString".into()), "{wrong}");
    }
}

#[test]
fn tags_are_merged_replaced_and_deleted_on_their_own() {
    let mut azure = instant();
    azure.put_service("shop");
    for scope in [SUBSCRIPTION.to_owned(), RG.to_owned(), service("shop")] {
        let tags = format!("{scope}/providers/Microsoft.Resources/tags/default");
        let put = azure.ask("PUT", &tags, ARM, json!({"properties": {"tags": {"a": "1", "b": "2"}}}));
        assert_eq!(
            (put.status, put.value()["properties"]["tags"].clone()),
            (200, json!({"a": "1", "b": "2"})),
            "{scope}"
        );
        for (operation, sent, after) in [
            ("Merge", json!({"A": "3", "c": "4"}), json!({"a": "3", "b": "2", "c": "4"})),
            ("Delete", json!({"b": "2", "c": "other"}), json!({"a": "3", "c": "4"})),
            ("Replace", json!({"d": "5"}), json!({"d": "5"})),
        ] {
            let body = json!({"operation": operation, "properties": {"tags": sent}});
            let patched = azure.ask("PATCH", &tags, ARM, body).value();
            assert_eq!(patched["properties"]["tags"], after, "{scope} {operation}");
        }
        assert_eq!(azure.get(&tags, ARM).value()["properties"]["tags"], json!({"d": "5"}));
    }
    assert_eq!(azure.get(&service("shop"), ACS).value()["tags"], json!({"d": "5"}));
    let used = azure.get(&format!("{SUBSCRIPTION}/tagNames"), ARM).value();
    assert_eq!((&used["value"][0]["tagName"], &used["value"][0]["count"]["value"]), (&json!("d"), &json!(2)));
    let tags = format!("{RG}/providers/Microsoft.Resources/tags/default");
    assert_eq!(azure.ask("DELETE", &tags, ARM, Value::Null).status, 200);
    assert_eq!(azure.get(&tags, ARM).value()["properties"]["tags"], json!({}));
    let many: serde_json::Map<String, Value> = (0..51).map(|n| (format!("t{n}"), json!("x"))).collect();
    for (wrong, code) in [
        (json!({"a<b": "x"}), "InvalidTagNameCharacters"),
        (json!({"a": 1}), "InvalidRequestContent"),
        (Value::Object(many), "TooManyTags"),
        (json!({"a": "x".repeat(257)}), "TagTooLong"),
    ] {
        let body = json!({"location": "global", "tags": wrong, "properties": {"dataLocation": "Europe"}});
        assert_eq!(refusal(&azure.ask("PUT", &service("shop"), ACS, body)), (400, code.to_owned()));
    }
}

#[test]
fn providers_are_described_registered_and_unregistered_over_time() {
    let mut azure = Client::new(Config {
        profile: Profile::Azure,
        throttle: false,
        unregistered_providers: ["microsoft.communication".to_owned()].into(),
        ..Config::default()
    });
    let provider = format!("{SUBSCRIPTION}/providers/Microsoft.Communication");
    let state = |azure: &mut Client| azure.get(&provider, ARM).value()["registrationState"].clone();
    assert_eq!(state(&mut azure), "NotRegistered");
    let answer = azure.ask("POST", &format!("{provider}/register"), ARM, Value::Null);
    assert_eq!((answer.status, answer.value()["registrationState"].clone()), (200, json!("Registering")));
    assert_eq!(azure.put_service("shop").status, 201, "a provider on its way is used already");
    azure.pass(21);
    assert_eq!(state(&mut azure), "Registered");
    let types = azure.get(&provider, ARM).value();
    assert_eq!(types["resourceTypes"][0]["apiVersions"][0], "2026-03-18");
    let unregister = format!("{provider}/unregister");
    assert_eq!(azure.ask("POST", &unregister, ARM, Value::Null).status, 409, "it has a resource");
    azure.pass(70);
    azure.ask("DELETE", &service("shop"), ACS, Value::Null);
    azure.pass(31);
    assert_eq!(azure.ask("POST", &unregister, ARM, Value::Null).value()["registrationState"], "Unregistering");
    azure.pass(21);
    assert_eq!(state(&mut azure), "NotRegistered");
    let all = azure.get(&format!("{SUBSCRIPTION}/providers"), ARM).value();
    assert_eq!(all["value"].as_array().expect("a list").len(), 5);
    for (namespace, version, word) in [
        ("Microsoft.Communication", ACS, "Microsoft.Communication/CommunicationServices/LinkNotificationHub/action"),
        ("Microsoft.NotificationHubs", NH, "Microsoft.NotificationHubs/Namespaces/NotificationHubs/write"),
        ("Microsoft.EventGrid", EG, "Microsoft.EventGrid/eventSubscriptions/getFullUrl/action"),
    ] {
        let list = azure.get(&format!("/providers/{namespace}/operations"), version).value();
        let operations = list["value"].as_array().expect("a list").clone();
        assert!(operations.iter().any(|o| o["name"] == word), "{word}");
    }
}
