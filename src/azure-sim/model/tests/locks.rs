use super::*;

const LOCKS: &str = "2020-05-01";
const SUBSCRIPTION: &str = "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d";

fn lock(azure: &mut Client, scope: &str, level: &str) -> String {
    let id = format!("{scope}/providers/Microsoft.Authorization/locks/keep");
    let answer = azure.ask("PUT", &id, LOCKS, json!({"properties": {"level": level, "notes": "mine"}}));
    assert_eq!(answer.status, 201);
    id
}

#[test]
fn what_cannot_be_deleted_can_be_written_and_read() {
    for scope in [SUBSCRIPTION.to_owned(), RG.to_owned(), service("shop")] {
        let mut azure = instant();
        azure.put_service("shop");
        let id = lock(&mut azure, &scope, "CanNotDelete");
        for target in [service("shop"), RG.to_owned()] {
            let version = if target == RG { "2021-04-01" } else { ACS };
            let refused = azure.ask("DELETE", &target, version, Value::Null);
            assert_eq!(refusal(&refused), (409, "ScopeLocked".into()), "{scope}");
            assert!(refused.value()["error"]["message"].as_str().expect("a message").contains(&scope));
        }
        assert_eq!(azure.put_service("shop").status, 201);
        let keys = azure.ask("POST", &format!("{}/listKeys", service("shop")), ACS, Value::Null);
        assert_eq!(keys.status, 200);
        assert_eq!(azure.ask("DELETE", &id, LOCKS, Value::Null).status, 200);
        assert_eq!(azure.ask("DELETE", &id, LOCKS, Value::Null).status, 204);
        assert_eq!(azure.ask("DELETE", &service("shop"), ACS, Value::Null).status, 202);
    }
}

#[test]
fn what_is_read_only_takes_no_action_either() {
    let mut azure = instant();
    azure.put_service("shop");
    let hub = azure.put_hub();
    lock(&mut azure, RG, "ReadOnly");
    let link = json!({"resourceId": hub, "connectionString": "x"});
    let cases = [
        ("PUT", service("new"), ACS, json!({"location": "global", "properties": {"dataLocation": "Europe"}})),
        ("PATCH", service("shop"), ACS, json!({"tags": {}})),
        ("DELETE", service("shop"), ACS, Value::Null),
        ("POST", format!("{}/listKeys", service("shop")), ACS, Value::Null),
        ("POST", format!("{}/regenerateKey", service("shop")), ACS, json!({"keyType": "Primary"})),
        ("POST", format!("{}/linkNotificationHub", service("shop")), ACS, link),
        ("POST", format!("{hub}/pnsCredentials"), NH, Value::Null),
        (
            "PUT",
            format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/relay", service("shop")),
            EG,
            json!({"properties": {}}),
        ),
        (
            "PUT",
            format!("{RG}/providers/Microsoft.Resources/tags/default"),
            "2021-04-01",
            json!({"properties": {"tags": {}}}),
        ),
    ];
    for (method, path, version, body) in cases {
        assert_eq!(refusal(&azure.ask(method, &path, version, body)), (409, "ScopeLocked".into()), "{method} {path}");
    }
    assert_eq!(azure.get(&service("shop"), ACS).status, 200);
    assert!(azure.world.linked(&service("shop")).is_none());
}

#[test]
fn locks_are_listed_where_they_hold_and_checked() {
    let mut azure = instant();
    azure.put_service("shop");
    let id = lock(&mut azure, &service("shop"), "readonly");
    assert_eq!(azure.get(&id, LOCKS).value()["properties"], json!({"level": "ReadOnly", "notes": "mine"}));
    for scope in [SUBSCRIPTION.to_owned(), RG.to_owned(), service("shop")] {
        let list = azure.get(&format!("{scope}/providers/Microsoft.Authorization/locks"), LOCKS).value();
        assert_eq!(list["value"][0]["id"], id, "{scope}");
    }
    let odd = format!("{RG}/providers/Microsoft.Authorization/locks/odd");
    assert_eq!(azure.ask("PUT", &odd, LOCKS, json!({"properties": {"level": "Never"}})).status, 400);
    assert_eq!(refusal(&azure.get(&odd, LOCKS)), (404, "LockNotFound".into()));
    let nowhere = format!("{}/providers/Microsoft.Authorization/locks/keep", service("none"));
    let body = json!({"properties": {"level": "ReadOnly"}});
    assert_eq!(azure.ask("PUT", &nowhere, LOCKS, body).status, 404);
}
