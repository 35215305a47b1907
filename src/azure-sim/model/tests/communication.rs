use super::*;

#[test]
fn create_and_update_answer_201_and_the_name_of_the_host_comes_later() {
    let mut azure = azure();
    let created = azure.put_service("shop");
    assert_eq!((created.status, state(&created)), (201, "Accepted".to_owned()));
    assert!(created.value()["properties"]["hostName"].is_null());
    let operation = created.header("azure-asyncoperation").expect("an operation").to_owned();
    assert!(operation.len() > 2900 && operation.contains('*'));
    assert_eq!(azure.follow(&operation).value()["status"], "Accepted");
    azure.pass(16);
    let ready = azure.get(&service("shop"), ACS);
    assert_eq!(state(&ready), "Succeeded");
    let host = ready.value()["properties"]["hostName"].as_str().expect("a host").to_owned();
    assert_ne!(host, "shop.communication.azure.com");
    assert_eq!(azure.follow(&operation).value()["status"], "Accepted");
    azure.pass(50);
    assert_eq!(azure.follow(&operation).value()["status"], "Succeeded");
    assert_eq!(azure.put_service("shop").status, 201);
    azure.pass(70);
    assert_eq!(azure.get(&service("shop"), ACS).value()["properties"]["hostName"], host);
}

#[test]
fn an_operation_url_counts_only_as_it_was_given() {
    let mut azure = azure();
    let url = azure.put_service("shop").header("azure-asyncoperation").expect("an operation").to_owned();
    for spoiled in [url.replace('*', "%2A"), url.replace(ACS, "2023-04-01"), url.split("&h=").next().expect("").into()]
    {
        assert_eq!(refusal(&azure.follow(&spoiled)), (404, "OperationNotFound".into()));
    }
    assert_eq!(azure.follow(&url).status, 200);
}

#[test]
fn a_put_replaces_what_it_leaves_out_and_keeps_the_link() {
    let mut azure = instant();
    let body = json!({
        "location": "Global", "tags": {"a": "1"},
        "properties": {"dataLocation": "Europe", "linkedDomains": ["/x"]},
    });
    azure.ask("PUT", &service("shop"), ACS, body);
    let read = azure.get(&service("shop"), ACS).value();
    assert_eq!((&read["tags"]["a"], &read["properties"]["linkedDomains"]), (&json!("1"), &json!(["/x"])));
    let link = json!({"resourceId": format!("{RG}/h"), "connectionString": "x"});
    assert_eq!(azure.ask("POST", &format!("{}/linkNotificationHub", service("shop")), ACS, link).status, 200);
    azure.put_service("shop");
    let read = azure.get(&service("shop"), ACS).value();
    assert!(read["tags"].is_null() && read["properties"]["linkedDomains"].is_null());
    assert_eq!(read["properties"]["notificationHubId"], format!("{RG}/h"));
}

#[test]
fn a_patch_replaces_the_tags_as_a_whole_and_leaves_the_rest() {
    let mut azure = instant();
    azure.put_service("shop");
    azure.ask("PATCH", &service("shop"), ACS, json!({"tags": {"a": "1"}}));
    let patched = azure.ask("PATCH", &service("shop"), ACS, json!({"tags": {"b": "2"}}));
    assert_eq!((patched.status, patched.value()["tags"].clone()), (200, json!({"b": "2"})));
    azure.ask("PATCH", &service("shop"), ACS, json!({"properties": {"linkedDomains": ["/d"]}}));
    assert_eq!(azure.get(&service("shop"), ACS).value()["tags"], json!({"b": "2"}));
}

#[test]
fn deletion_is_followed_by_the_http_code() {
    let mut azure = azure();
    azure.put_service("shop");
    azure.pass(70);
    let deleted = azure.ask("DELETE", &service("shop"), ACS, Value::Null);
    assert_eq!((deleted.status, deleted.body.as_slice()), (202, &b"null"[..]));
    let location = deleted.header("location").expect("a location").to_owned();
    let running = azure.follow(&location);
    assert_eq!((running.status, running.value()["status"].clone()), (202, json!("Deleting")));
    assert_eq!(running.header("location"), Some(location.as_str()));
    assert_eq!(azure.get(&service("shop"), ACS).status, 200);
    azure.pass(31);
    assert_eq!(azure.follow(&location).status, 200);
    assert_eq!(azure.get(&service("shop"), ACS).status, 404);
    assert_eq!(azure.ask("DELETE", &service("shop"), ACS, Value::Null).status, 204);
}

#[test]
fn regenerating_a_key_answers_only_that_half() {
    let mut azure = instant();
    azure.put_service("shop");
    let list = format!("{}/listKeys", service("shop"));
    let before = azure.ask("POST", &list, ACS, Value::Null).value();
    assert_eq!(before["primaryKey"].as_str().expect("a key").len(), 88);
    assert!(before["primaryConnectionString"].as_str().expect("a string").contains(".azure.com/;accesskey="));
    let regenerate = format!("{}/regenerateKey", service("shop"));
    let half = azure.ask("POST", &regenerate, ACS, json!({"keyType": "secondary"})).value();
    assert!(half.get("primaryKey").is_none());
    let after = azure.ask("POST", &list, ACS, Value::Null).value();
    assert_eq!(after["primaryKey"], before["primaryKey"]);
    assert_eq!(after["secondaryKey"], half["secondaryKey"]);
    assert_ne!(after["secondaryKey"], before["secondaryKey"]);
    assert_eq!(azure.ask("POST", &regenerate, ACS, json!({"keyType": "third"})).status, 400);
}

#[test]
fn the_link_checks_the_subscription_and_nothing_else() {
    let mut azure = instant();
    azure.put_service("shop");
    let link = format!("{}/linkNotificationHub", service("shop"));
    let foreign = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/x/h";
    let cases = [
        (json!({"resourceId": foreign, "connectionString": "x"}), 400, "WrongSubscription"),
        (json!({"resourceId": format!("{RG}/no/such/hub"), "connectionString": "SharedAccessKey=abcd1234"}), 200, ""),
        (json!({"resourceId": format!("{RG}/no/such/hub")}), 400, "BadRequest"),
        (Value::Null, 400, "BadRequest"),
    ];
    for (body, status, code) in cases {
        assert_eq!(refusal(&azure.ask("POST", &link, ACS, body)), (status, code.to_owned()));
    }
    let linked = azure.world.linked(&service("shop")).expect("a link");
    assert_eq!(linked.connection_string, "SharedAccessKey=abcd1234");
}

#[test]
fn names_are_global() {
    let mut azure = azure();
    azure.world.take_name("strangers");
    assert_eq!(refusal(&azure.put_service("communication")), (400, "HostNamePrefixTaken".into()));
    let taken = azure.put_service("strangers");
    assert_eq!(taken.status, 201);
    let operation = taken.header("azure-asyncoperation").expect("an operation").to_owned();
    azure.pass(70);
    let ended = azure.follow(&operation).value();
    assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("Failed"), &json!("ResourceNameUnavailable")));
    assert_eq!(state(&azure.get(&service("strangers"), ACS)), "Failed");
    let check =
        "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d/providers/Microsoft.Communication/checkNameAvailability";
    for (name, free) in [("strangers", false), ("comm", false), ("fresh", true)] {
        let body = json!({"name": name, "type": "Microsoft.Communication/CommunicationServices"});
        assert_eq!(azure.ask("POST", check, ACS, body).value()["nameAvailable"], free, "{name}");
    }
}

#[test]
fn create_only_properties_refuse_to_change_and_a_running_operation_refuses_another() {
    let mut azure = azure();
    azure.put_service("shop");
    assert_eq!(refusal(&azure.put_service("shop")), (409, "AnotherOperationInProgress".into()));
    azure.pass(70);
    let body = json!({"location": "global", "properties": {"dataLocation": "Africa"}});
    assert_eq!(refusal(&azure.ask("PUT", &service("shop"), ACS, body)), (400, "PropertyChangeNotAllowed".into()));
    let body = json!({"location": "westeurope", "properties": {"dataLocation": "Europe"}});
    let refused = azure.ask("PUT", &service("shop"), ACS, body);
    assert_eq!(refusal(&refused), (400, "LocationNotAvailableForResourceType".into()));
}

#[test]
fn data_lie_where_azure_has_places_for_them() {
    let mut azure = instant();
    let mut put = |place: &str| {
        let body = json!({"location": "global", "properties": {"dataLocation": place}});
        let refused = refusal(&azure.ask("PUT", &service("shop"), ACS, body));
        (refused, azure.get(&service("shop"), ACS).status)
    };
    for place in ["Atlantis", "", "West Europe", "unitedstates"] {
        assert_eq!(put(place), ((400, "BadRequest".to_owned()), 404), "{place}");
    }
    assert_eq!(put("United States"), ((201, String::new()), 200));
}

#[test]
fn lists_come_in_pages() {
    let mut azure = Client::new(Config { page_size: 2, throttle: false, ..Config::default() });
    for name in ["a-shop", "b-shop", "c-shop"] {
        azure.put_service(name);
    }
    for scope in [RG, "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d"] {
        let list = format!("{scope}/providers/Microsoft.Communication/communicationServices");
        let first = azure.get(&list, ACS).value();
        assert_eq!(first["value"].as_array().expect("a list").len(), 2);
        let second = azure.follow(first["nextLink"].as_str().expect("a next page")).value();
        assert_eq!(second["value"][0]["name"], "c-shop");
        assert!(second.get("nextLink").is_none());
    }
}

#[test]
fn operations_fail_hang_or_get_lost_by_a_fault() {
    for (lro, status, resource) in [
        (LroFault::Fail, json!("Failed"), "Failed"),
        (LroFault::Endless, json!("Accepted"), "Accepted"),
        (LroFault::Lost, Value::Null, "Succeeded"),
    ] {
        let mut azure = azure();
        let answer = FaultAnswer { lro: Some(lro), ..FaultAnswer::default() };
        azure.world.place_fault(Fault { method: Some("PUT".into()), answer, ..Fault::default() });
        let url = azure.put_service("shop").header("azure-asyncoperation").expect("an operation").to_owned();
        azure.pass(3600 - 10);
        assert_eq!(azure.follow(&url).value()["status"], status);
        assert_eq!(state(&azure.get(&service("shop"), ACS)), resource);
    }
}
