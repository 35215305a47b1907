use super::*;

fn restrict(azure: &mut Client, assignments: &Value) {
    let client = azure.world.config().client_id.clone();
    azure.world.assign_roles(&client, assignments).expect("assignments");
}

#[test]
fn a_reader_reads_and_a_contributor_locks_nothing() {
    let mut azure = instant();
    azure.put_service("shop");
    restrict(&mut azure, &json!([{"scope": RG, "role": "Reader"}]));
    assert_eq!(azure.get(&service("shop"), ACS).status, 200);
    let refused = azure.ask("POST", &format!("{}/listKeys", service("shop")), ACS, Value::Null);
    assert_eq!(refusal(&refused), (403, "AuthorizationFailed".into()));
    let message = refused.value()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("'Microsoft.Communication/CommunicationServices/ListKeys/action'"), "{message}");
    assert!(message.contains(&format!("over scope '{}'", service("shop"))), "{message}");
    assert_eq!(refusal(&azure.put_service("other")).1, "AuthorizationFailed");
    restrict(&mut azure, &json!([{"scope": RG, "role": "contributor"}]));
    assert_eq!(azure.put_service("other").status, 201);
    let lock = format!("{RG}/providers/Microsoft.Authorization/locks/keep");
    let body = json!({"properties": {"level": "ReadOnly"}});
    assert_eq!(refusal(&azure.ask("PUT", &lock, "2020-05-01", body.clone())).1, "AuthorizationFailed");
    restrict(&mut azure, &Value::Null);
    assert_eq!(azure.ask("PUT", &lock, "2020-05-01", body).status, 201);
}

#[test]
fn single_actions_can_be_given_and_taken() {
    let mut azure = instant();
    azure.put_service("shop");
    let actions = json!(["Microsoft.Communication/*"]);
    let not = json!(["Microsoft.Communication/*/ListKeys/action"]);
    restrict(&mut azure, &json!([{"scope": service("shop"), "actions": actions, "notActions": not}]));
    assert_eq!(azure.put_service("shop").status, 201);
    azure.pass(0);
    assert_eq!(azure.ask("POST", &format!("{}/listkeys", service("shop")), ACS, Value::Null).status, 403);
    assert_eq!(azure.put_service("shop-too").status, 403, "a name that begins alike is no child");
    restrict(&mut azure, &json!([]));
    assert_eq!(azure.get(&service("shop"), ACS).status, 403);
    for wrong in
        [json!([{"scope": RG}]), json!([{"scope": RG, "role": "King"}]), json!({}), json!([{"role": "Reader"}])]
    {
        let client = azure.world.config().client_id.clone();
        assert!(azure.world.assign_roles(&client, &wrong).is_err(), "{wrong}");
    }
}

#[test]
fn lists_across_groups_show_what_the_caller_may_read() {
    let mut azure = instant();
    azure.put_service("shop");
    azure.world.add_group("6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d", "rg-two");
    let two = service("two").replace("rg-shop", "rg-two");
    let body = json!({"location": "global", "properties": {"dataLocation": "Europe"}});
    assert_eq!(azure.ask("PUT", &two, ACS, body).status, 201);
    restrict(&mut azure, &json!([{"scope": RG.replace("rg-shop", "RG-TWO"), "role": "Reader"}]));
    let subscription = RG.split("/resourceGroups").next().expect("a subscription");
    for (list, version) in [
        ("/providers/Microsoft.Communication/communicationServices", ACS),
        ("/resources", "2021-04-01"),
        ("/resourcegroups", "2021-04-01"),
    ] {
        let shown = azure.get(&format!("{subscription}{list}"), version).value();
        let names: Vec<&str> =
            shown["value"].as_array().expect("a list").iter().filter_map(|r| r["name"].as_str()).collect();
        assert!(names == ["two"] || names == ["rg-two"], "{list}: {names:?}");
    }
}

#[test]
fn what_a_body_refers_to_needs_rights_too() {
    let mut azure = instant();
    azure.put_service("shop");
    let account = "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d/resourceGroups/rg-data/providers/Microsoft.Storage/storageAccounts/box";
    let id = format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/relay", service("shop"));
    let queue = json!({"endpointType": "StorageQueue", "properties": {"resourceId": account, "queueName": "events"}});
    let body = json!({"properties": {"destination": queue}});
    restrict(&mut azure, &json!([{"scope": RG, "role": "Contributor"}]));
    let refused = azure.ask("PUT", &id, EG, body.clone());
    assert_eq!(refusal(&refused), (403, "LinkedAuthorizationFailed".into()));
    let message = refused.value()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("Microsoft.Storage/storageAccounts/write") && message.contains(account), "{message}");
    let both = json!([{"scope": RG, "role": "Contributor"}, {"scope": account, "role": "Contributor"}]);
    restrict(&mut azure, &both);
    assert_eq!(azure.ask("PUT", &id, EG, body).status, 201);
    let identity =
        format!("{RG}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/relay").replace("rg-shop", "rg-ids");
    let identities = json!({"type": "UserAssigned", "userAssignedIdentities": {identity: {}}});
    let refused = azure.ask("PATCH", &service("shop"), ACS, json!({"identity": identities}));
    assert_eq!(refusal(&refused), (403, "LinkedAuthorizationFailed".into()));
}

#[test]
fn an_assignment_takes_its_time_to_spread() {
    let mut azure = azure();
    azure.put_service("shop");
    azure.pass(70);
    let reader = json!([{"scope": RG, "role": "Reader"}]);
    let client = azure.world.config().client_id.clone();
    let body = json!({"roles": {"clientId": client, "assignments": reader}});
    azure.door("POST", "config", body);
    assert_eq!(azure.world.assign_roles(&client, &json!("everything")), Err("'assignments' is a list, or null".into()));
    azure.pass(599);
    assert_eq!(azure.ask("PATCH", &service("shop"), ACS, json!({"tags": {"a": "b"}})).status, 200);
    azure.pass(1);
    let refused = azure.ask("PATCH", &service("shop"), ACS, json!({"tags": {"a": "c"}}));
    assert_eq!(refusal(&refused), (403, "AuthorizationFailed".into()));
}
