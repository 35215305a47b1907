use super::*;

#[test]
fn an_installation_is_where_tags_reach_it_until_it_is_deleted() {
    let (mut azure, _) = with_hub("Basic");
    let (listener, sender) = (azure.token("listener", true), azure.token("sender", true));
    let path = "/phones/installations/one?api-version=2015-01";
    let handle = "ab".repeat(32);
    let body = json!({"installationId": "one", "platform": "apns", "pushChannel": handle, "tags": ["user:ada"], "userId": "ada"});
    assert_eq!(azure.data("PUT", path, &sender, &[], &body.to_string()).status, 403);
    assert_eq!(azure.data("PUT", path, &listener, &[], &body.to_string()).status, 200);
    assert_eq!(azure.data("GET", path, &listener, &[], "").value()["tags"], json!(["user:ada"]));
    let tagged = |azure: &mut Client| {
        let headers = [("ServiceBusNotification-Format", "apple"), ("ServiceBusNotification-Tags", "$UserId:{ada}")];
        azure.data("POST", "/phones/messages/?api-version=2015-04", &sender, &headers, APPLE).status
    };
    assert_eq!(tagged(&mut azure), 201);
    assert_eq!(azure.received(&handle).len(), 1);
    for wrong in [
        json!({"platform": "pigeon", "pushChannel": handle}),
        json!({"platform": "apns"}),
        json!({"platform": "apns", "pushChannel": "zz"}),
        json!({"platform": "apns", "pushChannel": handle, "tags": ["a b"]}),
        json!({"platform": "apns", "pushChannel": handle, "tags": vec!["t"; 61]}),
        json!({"installationId": "two", "platform": "apns", "pushChannel": handle}),
    ] {
        assert_eq!(azure.data("PUT", path, &listener, &[], &wrong.to_string()).status, 400, "{wrong}");
    }
    assert_eq!(azure.data("DELETE", path, &listener, &[], "").status, 204);
    assert_eq!(azure.data("GET", path, &listener, &[], "").status, 404);
    assert_eq!(tagged(&mut azure), 201);
    assert_eq!(azure.received(&handle).len(), 1);
    assert_eq!(azure.silences(), json!({"NoTarget": 1}));
}

fn put(azure: &mut Client, id: &str, body: &Value) -> Response {
    let token = azure.token("listener", true);
    azure.data("PUT", &format!("/phones/installations/{id}?api-version=2020-06"), &token, &[], &body.to_string())
}

fn get(azure: &mut Client, id: &str) -> Response {
    let token = azure.token("listener", true);
    azure.data("GET", &format!("/phones/installations/{id}?api-version=2020-06"), &token, &[], "")
}

fn patch(azure: &mut Client, id: &str, changes: &Value) -> Response {
    let token = azure.token("listener", true);
    azure.data("PATCH", &format!("/phones/installations/{id}?api-version=2020-06"), &token, &[], &changes.to_string())
}

#[test]
fn an_installation_reads_back_as_the_service_shows_it() {
    let (mut azure, _) = with_hub("Standard");
    let body = json!({
        "installationId": "one", "userID": "ada", "platform": "apns", "pushChannel": "AB".repeat(32), "tags": ["t"],
        "pushVariables": {"var1": "value1"}, "expirationTime": "2000-01-01T00:00:00Z", "pushChannelExpired": true, "other": 1,
        "templates": {"Template Name": {"body": "{\"aps\":{\"alert\":\"$(m)\"}}", "expiry": "$(e)"}},
    });
    let stored = put(&mut azure, "one", &body);
    assert_eq!((stored.status, stored.body.len()), (200, 0));
    assert!(stored.header("content-location").is_some_and(|l| l == format!("https://{HOST}/phones/installations/one")));
    let shown = get(&mut azure, "one");
    assert_eq!(shown.header("content-type"), Some("application/xml; charset=utf-8"), "recorded, odd as it is");
    let expected = json!({
        "installationId": "one", "userId": "ada", "platform": "apns", "pushChannel": "AB".repeat(32), "tags": ["t"],
        "pushVariables": {"var1": "value1"}, "pushChannelExpired": false, "expirationTime": "9999-12-31T23:59:59.9999999Z",
        "templates": {"Template Name": {
            "body": "{\"aps\":{\"alert\":\"$(m)\"}}", "expiry": "$(e)", "tags": ["Template Name"],
        }},
    });
    assert_eq!(shown.value(), expected);
    let missing = get(&mut azure, "two");
    assert!(
        missing.status == 404
            && detail(&missing).starts_with("<Error><Code>404</Code><Detail>Installation not found.TrackingId:")
    );
}

#[test]
fn changes_reach_the_next_push() {
    let (mut azure, _) = with_hub("Standard");
    let handle = "ab".repeat(32);
    assert_eq!(put(&mut azure, "one", &json!({"platform": "apns", "pushChannel": handle})).status, 200);
    let sender = azure.token("sender", true);
    let tagged = |azure: &mut Client, tag: &str| {
        let headers = [("ServiceBusNotification-Format", "apple"), ("ServiceBusNotification-Tags", tag)];
        assert_eq!(azure.data("POST", "/phones/messages?api-version=2020-06", &sender, &headers, APPLE).status, 201);
        azure.received(&handle).len()
    };
    assert_eq!(tagged(&mut azure, "vip"), 0);
    let add = json!([{"op": "add", "path": "/tags", "value": "vip"}, {"op": "add", "path": "/userId", "value": "ada"}]);
    assert_eq!(patch(&mut azure, "one", &add).status, 200);
    assert_eq!(tagged(&mut azure, "vip && $UserId:{ada} && $InstallationId:{one}"), 1);
    let remove = json!([{"op": "remove", "path": "/tags/vip"}, {"op": "remove", "path": "/userId"}]);
    assert_eq!(patch(&mut azure, "one", &remove).status, 200);
    assert_eq!(tagged(&mut azure, "vip || $UserId:{ada}"), 1);
    assert!(get(&mut azure, "one").value().get("tags").is_none());
    assert_eq!(patch(&mut azure, "one", &json!([{"op": "add", "path": "/tags", "value": "a b"}])).status, 400);
    assert_eq!(patch(&mut azure, "two", &remove).status, 404);
    assert_eq!(tagged(&mut azure, "$InstallationId:{one}"), 2, "what was refused changed nothing");
}

#[test]
fn a_platform_that_gives_up_a_channel_marks_the_installation() {
    let (mut azure, _) = with_hub("Standard");
    let handle = "ab".repeat(32);
    put(&mut azure, "one", &json!({"platform": "apns", "pushChannel": handle}));
    azure.door("DELETE", "phones", json!({"handle": handle}));
    let sender = azure.token("sender", true);
    let broadcast = |azure: &mut Client| {
        let headers = [("ServiceBusNotification-Format", "apple")];
        assert_eq!(azure.data("POST", "/phones/messages?api-version=2020-06", &sender, &headers, APPLE).status, 201);
    };
    broadcast(&mut azure);
    assert_eq!(get(&mut azure, "one").value()["pushChannelExpired"], true);
    broadcast(&mut azure);
    assert_eq!(azure.silences(), json!({"Uninstalled": 1, "NoTarget": 1}), "it is not sent to again");
    let renewed = json!([{"op": "replace", "path": "/pushChannel", "value": "cd".repeat(32)}]);
    assert_eq!(patch(&mut azure, "one", &renewed).status, 200);
    assert_eq!(get(&mut azure, "one").value()["pushChannelExpired"], false);
    broadcast(&mut azure);
    assert_eq!(azure.received(&"cd".repeat(32)).len(), 1);
}

#[test]
fn every_platform_has_installations_and_tiles_are_of_wns_only() {
    let (mut azure, _) = with_hub("Standard");
    let keys = json!({"endpoint": "https://push.example/1", "p256dh": "p", "auth": "a"});
    for (platform, channel) in [
        ("apns", json!("ab".repeat(32))),
        ("fcmV1", json!("f")),
        ("gcm", json!("g")),
        ("wns", json!("https://db5.notify.windows.com/?token=a")),
        ("mpns", json!("http://s.notify.live.net/u/1")),
        ("adm", json!("amzn1.adm-registration.v2.1")),
        ("baidu", json!("1-2")),
        ("xiaomi", json!("x")),
        ("browser", keys.clone()),
        ("browser", json!(keys.to_string())),
    ] {
        let stored = put(&mut azure, platform, &json!({"platform": platform, "pushChannel": channel}));
        assert_eq!(stored.status, 200, "{platform}: {}", detail(&stored));
        assert_eq!(get(&mut azure, platform).value()["pushChannel"], channel);
    }
    let tiles = |platform: &str, channel: &str| {
        let tile = json!({"pushChannel": channel, "tags": ["tile"], "templates": {"t": {
            "body": "<tile/>", "headers": {"X-WNS-Type": "wns/tile"},
        }}});
        json!({"platform": platform, "pushChannel": channel, "secondaryTiles": {"one": tile}})
    };
    assert_eq!(put(&mut azure, "tiles", &tiles("wns", "https://db5.notify.windows.com/?token=b")).status, 200);
    assert_eq!(put(&mut azure, "tiles", &tiles("xiaomi", "x")).status, 400);
    for wrong in [
        json!({"platform": "browser", "pushChannel": "https://push.example/1"}),
        json!({"platform": "wns", "pushChannel": "not a url"}),
        json!({"platform": "baidu", "pushChannel": "1"}),
        json!({"platform": "xiaomi", "pushChannel": "x", "templates": {"t": {}}}),
        json!({"platform": "xiaomi", "pushChannel": "x", "templates": {"t": {"body": "{\"a\":\"$(b\"}"}}}),
        json!({"platform": "xiaomi", "pushChannel": "x", "templates": {"t": {"body": "{}", "expiry": "1"}}}),
        json!({"platform": "xiaomi", "pushChannel": "x", "pushVariables": {"a": 1}}),
        json!({"platform": "xiaomi", "pushChannel": "x", "userId": "a b"}),
        json!([]),
    ] {
        assert_eq!(put(&mut azure, "wrong", &wrong).status, 400, "{wrong}");
    }
}

#[test]
fn a_tier_has_so_many_devices() {
    let (mut azure, _) = with_hub("Free");
    for number in 0..500 {
        let stored =
            put(&mut azure, &format!("i{number}"), &json!({"platform": "fcmV1", "pushChannel": format!("d{number}")}));
        assert_eq!(stored.status, 200);
    }
    let refused = put(&mut azure, "last", &json!({"platform": "fcmV1", "pushChannel": "last"}));
    assert_eq!((refused.status, refused.header("retry-after")), (403, None));
    assert!(detail(&refused).contains("500 active devices") && !detail(&refused).contains("last"));
    assert_eq!(put(&mut azure, "i7", &json!({"platform": "fcmV1", "pushChannel": "d7", "tags": ["t"]})).status, 200);
}
