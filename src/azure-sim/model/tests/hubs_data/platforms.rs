use super::*;

const ALL: [&str; 8] = [
    "apnsCredential",
    "fcmV1Credential",
    "gcmCredential",
    "wnsCredential",
    "browserCredential",
    "admCredential",
    "baiduCredential",
    "xiaomiCredential",
];

fn with_all() -> (Client, String) {
    let (mut azure, hub) = with_hub("Standard");
    assert_eq!(azure.ask("PATCH", &hub, NH, json!({"properties": credentials(&ALL)})).status, 200);
    (azure, hub)
}

fn keys_of(azure: &Client, handle: &str) -> (String, String) {
    let phone = azure.world.telephony.phones.values().find(|p| p.handle == handle).expect("a phone");
    let keys = phone.keys.clone().expect("keys");
    (keys.p256dh, keys.auth)
}

fn direct(azure: &mut Client, headers: &[(&str, &str)], body: &str) -> Response {
    let token = azure.token("sender", true);
    azure.data("POST", "/phones/messages?direct&api-version=2020-06", &token, headers, body)
}

#[test]
fn every_platform_rings_with_what_its_phone_would_show() {
    let (mut azure, hub) = with_all();
    let toast = "<toast><visual><binding template=\"ToastText02\"><text id=\"1\">Hello</text><text id=\"2\">there</text></binding></visual></toast>";
    for (format, body, headers) in [
        ("apple", APPLE, vec![("apns-priority", "5"), ("apns-push-type", "alert")]),
        ("fcmV1", FCM, vec![]),
        ("windows", toast, vec![("X-WNS-Type", "wns/toast")]),
        ("adm", r#"{"data":{"title":"Hello","message":"there"}}"#, vec![]),
        ("baidu", r#"{"title":"Hello","description":"there"}"#, vec![]),
        ("xiaomi", r#"{"title":"Hello","description":"there"}"#, vec![]),
        ("browser", r#"{"title":"Hello","body":"there"}"#, vec![]),
    ] {
        let handle = azure.phone(&hub, "ada", &format.to_lowercase(), &[]);
        let mut all =
            vec![("ServiceBusNotification-Format", format), ("ServiceBusNotification-DeviceHandle", handle.as_str())];
        all.extend(headers.iter().copied());
        let keys = if format == "browser" { keys_of(&azure, &handle) } else { Default::default() };
        if format == "browser" {
            all.extend([("P256DH", keys.0.as_str()), ("Auth", keys.1.as_str())]);
        }
        let sent = direct(&mut azure, &all, body);
        assert_eq!(sent.status, 201, "{format}: {}", detail(&sent));
        let got = azure.received(&handle);
        assert_eq!((got[0]["title"].clone(), got[0]["body"].clone()), (json!("Hello"), json!("there")), "{format}");
        for (name, value) in headers {
            assert_eq!(got[0]["headers"][name.to_lowercase()], value);
        }
    }
    assert_eq!(azure.silences(), json!({}));
}

#[test]
fn what_platforms_refuse_is_lost_after_201() {
    let (mut azure, hub) = with_all();
    let text = |length: usize| format!("{{\"aps\":{{}},\"title\":\"{}\"}}", "x".repeat(length));
    let cases = [
        ("windows", "<tile/>".to_owned(), vec![("X-WNS-Type", "wns/toast")], "RefusedByPlatform"),
        (
            "windows",
            format!("<toast>{}</toast>", "x".repeat(5 * 1024)),
            vec![("X-WNS-Type", "wns/toast")],
            "PayloadTooLarge",
        ),
        ("adm", r#"{"data":{"n":1}}"#.to_owned(), vec![], "RefusedByPlatform"),
        ("adm", text(6 * 1024), vec![], "PayloadTooLarge"),
        ("baidu", text(4096), vec![], "PayloadTooLarge"),
        ("xiaomi", text(4096), vec![], "PayloadTooLarge"),
        ("apple", text(4096), vec![("apns-push-type", "voip")], "PayloadTooLarge"),
        ("gcm", r#"{"data":{}}"#.to_owned(), vec![], "PlatformRetired"),
    ];
    for (format, body, headers, reason) in cases {
        let handle = azure.phone(&hub, "ada", format, &[]);
        let before = azure.silences()[reason].as_u64().unwrap_or(0);
        let mut all =
            vec![("ServiceBusNotification-Format", format), ("ServiceBusNotification-DeviceHandle", handle.as_str())];
        all.extend(headers);
        let sent = direct(&mut azure, &all, &body);
        assert_eq!(sent.status, 201, "{format}: {}", detail(&sent));
        assert_eq!(azure.silences()[reason], before + 1, "{format}");
        assert_eq!(azure.received(&handle), Vec::<Value>::new());
    }
}

#[test]
fn what_the_hub_refuses_is_said_at_once() {
    let (mut azure, _) = with_all();
    let wns = "https://db5.notify.windows.com/?token=a";
    for (format, handle, body, header) in [
        ("windows", wns, "<toast/>", None),
        ("windows", wns, "<toast/>", Some("wns/other")),
        ("windows", wns, "<toast>", Some("wns/toast")),
        ("windows", "no url", "<toast/>", Some("wns/toast")),
        ("browser", "https://push.example/1", "{}", None),
        ("adm", "a", "[]", None),
        ("xiaomi", "x", "text", None),
        ("baidu", "1", "{}", None),
        ("windowsphone", wns, "<toast/>", None),
        ("template", "a", "{}", None),
    ] {
        let mut headers =
            vec![("ServiceBusNotification-Format", format), ("ServiceBusNotification-DeviceHandle", handle)];
        headers.extend(header.map(|value| ("X-WNS-Type", value)));
        assert_eq!(direct(&mut azure, &headers, body).status, 400, "{format} {body}");
    }
}

#[test]
fn a_handle_of_another_app_and_other_keys_reach_nobody() {
    let (mut azure, hub) = with_all();
    let other = json!({"hub": hub, "user": "ada", "platform": "apple", "app": "com.other"});
    let handle = azure.door("POST", "phones", other)["handle"].as_str().expect("a handle").to_owned();
    assert_eq!(azure.direct(&handle, "apple", APPLE).status, 201);
    assert_eq!(azure.silences(), json!({"WrongApp": 1}));
    let own = json!({"hub": hub, "user": "bob", "platform": "apple", "app": "com.shop"});
    let handle = azure.door("POST", "phones", own)["handle"].as_str().expect("a handle").to_owned();
    assert_eq!(azure.direct(&handle, "apple", APPLE).status, 201);
    assert_eq!(azure.received(&handle).len(), 1);
    let browser = azure.phone(&hub, "ada", "browser", &[]);
    let headers = [
        ("ServiceBusNotification-Format", "browser"),
        ("ServiceBusNotification-DeviceHandle", browser.as_str()),
        ("P256DH", "other"),
        ("Auth", "other"),
    ];
    assert_eq!(direct(&mut azure, &headers, "{}").status, 201);
    assert_eq!(azure.silences(), json!({"WrongApp": 1, "Undecryptable": 1}));
}

#[test]
fn a_template_notification_is_rendered_for_each_of_its_registrations() {
    let (mut azure, _) = with_all();
    let listener = azure.token("listener", true);
    let (apple, wns) = ("ab".repeat(32), "https://db5.notify.windows.com/?token=a");
    let installations = [
        json!({"platform": "apns", "pushChannel": apple, "tags": ["vip"], "pushVariables": {"city": "Oslo"}, "templates": {
            "news": {"body": "{\"aps\":{\"alert\":\"{$(city) + ': ' + .(text, 8)}\",\"badge\":\"#(n)\"}}"},
            "quiet": {"body": "{\"aps\":{\"content-available\":1},\"id\":\"%(text)\"}", "tags": ["quiet"]},
        }}),
        json!({"platform": "wns", "pushChannel": wns, "templates": {"news": {
            "body": "<toast><visual><text>$(text)</text></visual></toast>", "headers": {"X-WNS-Type": "wns/toast"},
        }}}),
    ];
    for (number, body) in installations.iter().enumerate() {
        let path = format!("/phones/installations/{number}?api-version=2020-06");
        let stored = azure.data("PUT", &path, &listener, &[], &body.to_string());
        assert_eq!(stored.status, 200, "{}", detail(&stored));
    }
    let sender = azure.token("sender", true);
    let send = |azure: &mut Client, tags: Option<&str>| {
        let mut headers = vec![("ServiceBusNotification-Format", "template")];
        headers.extend(tags.map(|tags| ("ServiceBusNotification-Tags", tags)));
        let body = r#"{"text":"<Hello> & so on","n":"3"}"#;
        assert_eq!(azure.data("POST", "/phones/messages?api-version=2020-06", &sender, &headers, body).status, 201);
    };
    send(&mut azure, Some("quiet"));
    assert_eq!(
        azure.received(&apple)[0]["payload"],
        json!({"aps": {"content-available": 1}, "id": "%3CHello%3E%20%26%20so%20on"})
    );
    send(&mut azure, None);
    let got = azure.received(&apple);
    assert_eq!(got.len(), 3, "one for each template");
    let news = got.iter().find(|ring| ring["payload"]["aps"]["badge"] == 3).expect("a number");
    assert_eq!(news["body"], "Oslo: <Hell...");
    let toast = azure.received(wns);
    assert_eq!(
        (toast[0]["body"].clone(), toast[0]["headers"]["x-wns-type"].clone()),
        (json!("<Hello> & so on"), json!("wns/toast"))
    );
    send(&mut azure, Some("none"));
    assert_eq!(azure.silences(), json!({"NoTarget": 1}));
    let headers = [("ServiceBusNotification-Format", "apple")];
    assert_eq!(azure.data("POST", "/phones/messages?api-version=2020-06", &sender, &headers, APPLE).status, 201);
    assert_eq!(azure.received(&apple).len(), 4, "a native one goes to the native registration only, once");
}
