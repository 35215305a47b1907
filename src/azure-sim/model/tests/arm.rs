use super::*;

#[test]
fn what_arm_refuses_before_a_provider_sees_it() {
    let acs = service("shop");
    let cases: &[(&str, String, &[u8], u16, &str)] = &[
        ("GET", acs.clone(), b"", 400, "MissingApiVersionParameter"),
        ("GET", format!("{acs}?api-version=1999-01-01"), b"", 400, "NoRegisteredProviderFound"),
        ("GET", format!("{acs}?api-version={ACS}"), b"", 404, "ResourceNotFound"),
        ("GET", format!("{acs}/%2e%2e?api-version={ACS}"), b"", 400, "InvalidRequestUri"),
        ("GET", format!("{acs}%2fx?api-version={ACS}"), b"", 400, "InvalidRequestUri"),
        ("GET", format!("{acs}%ff?api-version={ACS}"), b"", 400, "InvalidRequestUri"),
        ("PUT", format!("{acs}?api-version={ACS}"), b"{", 400, "InvalidRequestContent"),
        ("PUT", format!("{acs}?api-version={ACS}"), b"", 400, "InvalidRequestContent"),
        ("PUT", format!("{acs}?api-version={ACS}"), b"[1]", 400, "InvalidRequestContent"),
        ("PUT", format!("{acs}?api-version={ACS}"), b"{}", 400, "LocationRequired"),
        ("GET", acs.replace("rg-shop", "nowhere") + "?api-version=2025-05-01", b"", 404, "ResourceGroupNotFound"),
        ("GET", acs.replace("6a1d", "ffff") + "?api-version=2025-05-01", b"", 404, "SubscriptionNotFound"),
        (
            "GET",
            format!("{RG}/providers/Microsoft.Nothing/x/y?api-version={ACS}"),
            b"",
            404,
            "InvalidResourceNamespace",
        ),
        (
            "GET",
            format!("{RG}/providers/Microsoft.Communication/x/y?api-version={ACS}"),
            b"",
            404,
            "InvalidResourceType",
        ),
        ("GET", format!("{RG}?api-version=2000-01-01"), b"", 400, "InvalidApiVersionParameter"),
    ];
    let mut azure = instant();
    for (method, path, body, status, code) in cases {
        let response = azure.raw(method, path, body);
        assert_eq!(refusal(&response), (*status, (*code).to_owned()), "{method} {path}");
    }
}

#[test]
fn ids_are_compared_without_case_and_keep_the_first_spelling() {
    let mut azure = instant();
    azure.put_service("Contoso-Shop");
    let shouted = service("contoso-shop").to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions");
    let response = azure.get(&shouted, ACS);
    assert_eq!(response.status, 200);
    assert_eq!(response.value()["name"], "Contoso-Shop");
}

#[test]
fn tokens_are_checked_and_the_challenge_names_the_authority() {
    let mut azure = instant();
    let good = azure.token.clone();
    for (token, code) in [("garbage", "InvalidAuthenticationToken"), ("", "InvalidAuthenticationToken")] {
        azure.token = token.into();
        let response = azure.get(&service("shop"), ACS);
        assert_eq!(refusal(&response), (401, code.to_owned()));
        assert!(response.header("www-authenticate").expect("a challenge").contains("authorization_uri"));
    }
    azure.token = good;
    azure.now += 3_600_000;
    assert_eq!(refusal(&azure.get(&service("shop"), ACS)), (401, "ExpiredAuthenticationToken".into()));
    azure.sign_in();
    assert_eq!(azure.get(&service("shop"), ACS).status, 404);
    azure.world.expire_tokens();
    assert_eq!(refusal(&azure.get(&service("shop"), ACS)), (401, "ExpiredAuthenticationToken".into()));
}

#[test]
fn an_old_token_is_still_known_by_its_signature() {
    let mut azure = instant();
    let first = azure.token.clone();
    for _ in 0..20 {
        azure.now += 1000;
        azure.sign_in();
    }
    azure.token = first.clone();
    assert_eq!(azure.get(&service("shop"), ACS).status, 404);
    azure.token = first.replace('.', ".e");
    assert_eq!(azure.get(&service("shop"), ACS).status, 401);
}

#[test]
fn buckets_empty_refill_and_say_when_to_come_back() {
    let mut azure = Client::new(Config::default());
    let left = |r: &Response| r.header("x-ms-ratelimit-remaining-subscription-reads").map(str::to_owned);
    assert_eq!(left(&azure.get(RG, "2021-04-01")).as_deref(), Some("249"));
    for _ in 0..249 {
        assert_eq!(azure.get(RG, "2021-04-01").status, 200);
    }
    let refused = azure.get(RG, "2021-04-01");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    azure.now += 1000;
    assert_eq!(left(&azure.get(RG, "2021-04-01")).as_deref(), Some("24"));
}

#[test]
fn actions_spend_the_budget_of_writes() {
    let mut azure = Client::new(Config::default());
    azure.put_service("shop");
    let response = azure.ask("POST", &format!("{}/listKeys", service("shop")), ACS, Value::Null);
    assert_eq!(response.header("x-ms-ratelimit-remaining-subscription-writes"), Some("198"));
}

#[test]
fn resource_groups_come_and_go_with_all_they_hold() {
    let mut azure = azure();
    let group = RG.replace("rg-shop", "rg-new");
    assert_eq!(azure.ask("PUT", &group, "2021-04-01", json!({"location": "westeurope"})).status, 201);
    let id = format!("{group}/providers/Microsoft.Communication/communicationServices/inside");
    let body = json!({"location": "global", "properties": {"dataLocation": "Europe"}});
    assert_eq!(azure.ask("PUT", &id, ACS, body.clone()).status, 201);
    let deleted = azure.ask("DELETE", &group, "2021-04-01", Value::Null);
    assert_eq!(deleted.status, 202);
    let location = deleted.header("location").expect("a location").to_owned();
    assert_eq!(azure.follow(&location).status, 202);
    assert_eq!(refusal(&azure.ask("PUT", &id, ACS, body)), (409, "ResourceGroupBeingDeleted".into()));
    azure.pass(31);
    assert_eq!(azure.follow(&location).status, 200);
    assert_eq!(azure.ask("HEAD", &group, "2021-04-01", Value::Null).status, 404);
    assert!(azure.world.resource(&id).is_none());
}

#[test]
fn an_unregistered_provider_refuses_until_it_is_registered() {
    let mut azure = Client::new(Config {
        unregistered_providers: ["microsoft.communication".to_owned()].into(),
        ..Config::default()
    });
    let refused = azure.put_service("shop");
    assert_eq!(refusal(&refused), (409, "MissingSubscriptionRegistration".into()));
    assert_eq!(refused.value()["error"]["details"][0]["target"], "Microsoft.Communication");
    let provider = "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d/providers/Microsoft.Communication";
    let state = azure.get(provider, "2019-05-01").value()["registrationState"].clone();
    assert_eq!(state, "NotRegistered");
    assert_eq!(azure.ask("POST", &format!("{provider}/register"), "2019-05-01", Value::Null).status, 200);
    assert_eq!(azure.put_service("shop").status, 201);
}

#[test]
fn faults_strike_the_nth_match_and_are_seen_in_the_journal() {
    let mut azure = instant();
    let operation = "Microsoft.Communication/CommunicationServices/write";
    let answer = FaultAnswer { status: Some(403), ..FaultAnswer::default() };
    let fault = Fault { operation: Some(operation.into()), nth: Some(2), times: Some(1), answer, ..Fault::default() };
    let id = azure.world.place_fault(fault);
    assert_eq!(azure.put_service("one").status, 201);
    let denied = azure.put_service("two");
    assert_eq!(refusal(&denied), (403, "AuthorizationFailed".into()));
    assert!(denied.value()["error"]["message"].as_str().expect("a message").contains(operation));
    assert_eq!(azure.put_service("two").status, 201);
    assert_eq!(azure.world.fault_hits(id), 1);
    let struck: Vec<&Entry> = azure.world.journal().iter().filter(|e| e.fault == Some(id)).collect();
    assert_eq!(struck.len(), 1);
    assert_eq!((struck[0].effect, struck[0].status), (Effect::None, 403));
}

#[test]
fn a_cut_after_the_effect_and_a_false_504_leave_the_resource_behind() {
    for answer in [
        FaultAnswer { drop: Some(Cut::After), ..FaultAnswer::default() },
        FaultAnswer { status: Some(504), performed: true, ..FaultAnswer::default() },
    ] {
        let mut azure = instant();
        azure.world.place_fault(Fault { method: Some("PUT".into()), answer: answer.clone(), ..Fault::default() });
        let response = azure.put_service("shop");
        assert_eq!(response.header(DROP_HEADER).is_some(), answer.drop.is_some());
        assert!(azure.world.resource(&service("shop")).is_some());
    }
    let mut azure = instant();
    let answer = FaultAnswer { drop: Some(Cut::Before), ..FaultAnswer::default() };
    azure.world.place_fault(Fault { path: Some("COMMUNICATIONservices".into()), answer, ..Fault::default() });
    assert_eq!(azure.put_service("shop").header(DROP_HEADER), Some("before"));
    assert!(azure.world.resource(&service("shop")).is_none());
}

#[test]
fn the_journal_names_operations_as_the_activity_log_does() {
    let mut azure = instant();
    let hub = azure.put_hub();
    azure.put_service("shop");
    azure.ask("POST", &format!("{}/listkeys", service("shop")), ACS, Value::Null);
    azure.get(&hub, NH);
    azure.ask("DELETE", &hub, NH, Value::Null);
    let names: Vec<&str> = azure.world.journal().iter().map(|e| e.operation.as_str()).collect();
    assert_eq!(
        names,
        [
            "Microsoft.Entra/token/action",
            "Microsoft.NotificationHubs/Namespaces/write",
            "Microsoft.NotificationHubs/Namespaces/NotificationHubs/write",
            "Microsoft.Communication/CommunicationServices/write",
            "Microsoft.Communication/CommunicationServices/ListKeys/action",
            "Microsoft.NotificationHubs/Namespaces/NotificationHubs/read",
            "Microsoft.NotificationHubs/Namespaces/NotificationHubs/delete",
        ]
    );
}

#[test]
fn the_clients_correlation_id_is_echoed_and_journalled() {
    let mut azure = instant();
    let headers = vec![
        ("authorization".into(), format!("Bearer {}", azure.token)),
        ("x-ms-correlation-request-id".into(), "mine".into()),
    ];
    let path = format!("{RG}?api-version=2021-04-01");
    let response = handle(&mut azure.world, &Request { method: "GET".into(), path, headers, body: vec![] }, START);
    assert_eq!(response.header("x-ms-correlation-request-id"), Some("mine"));
    assert_eq!(azure.world.journal().back().expect("an entry").correlation_id, "mine");
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let run = || {
        let mut azure = azure();
        azure.put_service("shop");
        azure.pass(70);
        azure.get(&service("shop"), ACS)
    };
    assert_eq!(run(), run());
}

#[test]
fn doors_answer_in_json_and_keep_out_of_azures_paths() {
    let mut azure = instant();
    azure.put_service("shop");
    azure.get(RG, "2021-04-01");
    let cases: &[(&str, &str, Value, u16)] = &[
        ("GET", "/_sim/state", Value::Null, 200),
        ("GET", "/_sim/journal?since=1", Value::Null, 200),
        ("GET", "/_sim/profile", Value::Null, 200),
        ("GET", "/_sim/phones", Value::Null, 200),
        ("GET", "/_sim/nothing", Value::Null, 404),
        ("POST", "/_sim/faults", json!({"method": "GET", "answer": {"status": 500}, "times": 0}), 200),
        ("POST", "/_sim/faults", json!({"method": "GET"}), 400),
        ("POST", "/_sim/faults", json!({"unknown": 1, "answer": {"status": 500}}), 400),
        ("GET", "/_sim/faults", Value::Null, 200),
        ("DELETE", "/_sim/faults/1", Value::Null, 200),
        ("POST", "/_sim/config", json!({"takeName": "x", "expireTokens": true}), 200),
        ("POST", "/_sim/config", json!({"nonsense": 1}), 400),
        ("POST", "/_sim/portal/tags", json!({"id": service("shop"), "tags": {"a": "b"}}), 200),
        ("POST", "/_sim/portal/delete", json!({"id": service("none")}), 404),
        ("POST", "/_sim/call", json!({"service": "shop", "to": "u"}), 200),
    ];
    let entries = azure.world.journal().len();
    for (method, path, body, status) in cases {
        let body = if body.is_null() { vec![] } else { body.to_string().into_bytes() };
        assert_eq!(azure.raw(method, path, &body).status, *status, "{method} {path}");
    }
    assert_eq!(azure.world.journal().len(), entries);
    assert_eq!(azure.world.resource(&service("shop")).expect("a service")["tags"]["a"], "b");
}
