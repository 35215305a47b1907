//! The tree of what there is.

use super::*;

fn shown(azure: &mut Client, query: &str, accept: &str) -> Response {
    let headers = vec![("accept".to_owned(), accept.to_owned())];
    let request = Request { method: "GET".into(), path: format!("/_sim/state{query}"), headers, body: vec![] };
    handle(&mut azure.world, &request, azure.now)
}

/// Two services, one name beginning with the other; on the first a subscription at its scope; a hub.
fn filled() -> (Client, String) {
    let mut azure = instant();
    azure.put_service("shop");
    azure.put_service("shop-two");
    let hub = azure.put_hub();
    let destination =
        json!({"endpointType": "WebHook", "properties": {"endpointUrl": "https://x.example/e?code=hidden"}});
    let id = format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/calls", service("shop"));
    assert_eq!(azure.ask("PUT", &id, EG, json!({"properties": {"destination": destination}})).status, 201);
    (azure, hub)
}

#[test]
fn each_resource_lies_in_the_one_that_its_id_names_and_points_to_others() {
    let (mut azure, _) = filled();
    let state = shown(&mut azure, "", "").value();
    let group = &state["nested"][0]["children"][0];
    let names = |of: &Value| -> Vec<String> {
        let children = of["children"].as_array().expect("children");
        children.iter().map(|c| c["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!((&group["name"], &group["type"]), (&json!("rg-shop"), &json!("Microsoft.Resources/resourceGroups")));
    let lying = names(group);
    for name in ["shop", "shop-two", "shop-hubs"] {
        assert_eq!(lying.iter().filter(|n| *n == name).count(), 1, "{lying:?}");
    }
    let shop =
        group["children"].as_array().expect("children").iter().find(|c| c["name"] == "shop").expect("the service");
    assert_eq!(names(shop), ["calls"]);
    let calls = &shop["children"][0];
    assert_eq!(
        (&calls["links"]["endpointType"], &calls["links"]["endpoint"]),
        (&json!("WebHook"), &json!("https://x.example/e"))
    );
    assert_eq!(state["resources"].as_object().expect("resources").len(), azure.world.resources().count());
}

#[test]
fn it_is_drawn_for_those_who_ask_for_text() {
    let (mut azure, hub) = filled();
    let drawn = shown(&mut azure, &format!("?under={hub}"), "text/plain");
    let text = String::from_utf8(drawn.body).expect("text");
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(lines[0], "phones (notificationHubs) [Succeeded]");
    assert_eq!(lines[1], "├─ DefaultFullSharedAccessSignature (authorizationRules) [Succeeded]");
    assert_eq!(lines[2], "└─ DefaultListenSharedAccessSignature (authorizationRules) [Succeeded]");
    assert_eq!(
        shown(&mut azure, "", "application/json, text/plain").value()["tree"][1],
        "└─ rg-shop (resourceGroups) [Succeeded]"
    );
}

#[test]
fn a_part_of_it_is_a_part_by_segments_and_mistakes_are_named() {
    let (mut azure, _) = filled();
    let part = shown(&mut azure, &format!("?under={}", service("Shop")), "").value();
    assert_eq!(part["nested"][0]["name"], "shop");
    assert_eq!(part["resources"].as_object().expect("resources").len(), 2, "not shop-two");
    assert_eq!(shown(&mut azure, "?view=tree", "").value().get("resources"), None);
    for (query, status, said) in [
        ("?under=/nothing", 404, "nothing with that id"),
        ("?under=shop", 400, "would begin with a slash"),
        ("?view=all", 400, "'all' is not 'tree'"),
        ("?deep=1", 400, "there is no 'deep'"),
    ] {
        let answer = shown(&mut azure, query, "");
        let message = answer.value()["error"].as_str().expect("a sentence").to_owned();
        assert!(answer.status == status && message.contains(said), "{query}: {message}");
    }
}
