use super::*;

#[test]
fn odd_requests_are_answered_in_the_words_of_the_data_plane() {
    let (mut azure, _) = with_hub("Standard");
    let token = azure.token("DefaultFullSharedAccessSignature", true);
    let long = format!("/phones/installations/{}?api-version=2020-06", "i".repeat(5_000));
    let cases = [
        ("GET", "/phones?api-version=2020-06", "", 404),
        ("PUT", "/phones/messages?api-version=2020-06", "", 404),
        ("GET", "/phones/nothing/at/all?api-version=2020-06", "", 404),
        ("POST", "/phones/messages?api-version=2020-06&api-version=x", "{}", 400),
        ("POST", "/phones/registrations?api-version=2020-06", "\u{0}", 400),
        ("PUT", "/phones/registrations/a%2f..%2fb?api-version=2020-06", "<entry/>", 400),
        (
            "PUT",
            "/phones/installations/a%2fb?api-version=2020-06",
            "{\"platform\":\"xiaomi\",\"pushChannel\":\"x\"}",
            400,
        ),
        ("PUT", &long, "{\"platform\":\"xiaomi\",\"pushChannel\":\"x\"}", 400),
        ("PUT", "/phones/installations/%ff?api-version=2020-06", "{}", 404),
        ("PATCH", "/phones/installations/one?api-version=2020-06", "[]", 404),
        ("DELETE", "/phones/installations/one?api-version=2020-06", "", 204),
        ("GET", "/phones/tags/%20/registrations?api-version=2020-06", "", 200),
        ("GET", "/phones/messages/..%2f..?api-version=2020-06", "", 404),
        ("POST", "/phones/schedulednotifications?api-version=2020-06", "{}", 400),
        ("POST", "/phones/jobs?api-version=2020-06", "<a/>", 400),
    ];
    for (method, path, body, expected) in cases {
        let answer = azure.data(method, path, &token, &[], body);
        assert_eq!(answer.status, expected, "{method} {path}: {}", detail(&answer));
        if expected >= 400 {
            assert!(detail(&answer).starts_with(&format!("<Error><Code>{expected}</Code>")), "{method} {path}");
        }
        assert!(answer.header("trackingid").is_some_and(|id| id.len() == 36));
    }
    let large =
        azure.data("POST", "/phones/messages/$batch?api-version=2020-06&direct", &token, &[], &"x".repeat(1 << 20 | 1));
    assert_eq!(large.status, 413);
    assert_eq!(azure.world.rings(), &[]);
}

#[test]
fn messages_are_remembered_for_a_while() {
    let (mut azure, hub) = with_hub("Standard");
    let handle = azure.phone(&hub, "ada", "apple", &[]);
    let mut places = Vec::new();
    for _ in 0..1_001 {
        let sent = azure.direct(&handle, "apple", APPLE);
        places.push(sent.header("location").expect("Standard says where").to_owned());
    }
    let token = azure.token("DefaultFullSharedAccessSignature", true);
    let asked = |azure: &mut Client, place: &str| {
        let path = place.split_once(HOST).expect("a URL of the host").1.to_owned();
        azure.data("GET", &path, &token, &[], "").status
    };
    assert_eq!((asked(&mut azure, &places[0]), asked(&mut azure, &places[1])), (404, 200));
}

#[test]
fn what_a_hub_remembers_can_be_written_down_and_read_back() {
    let (mut azure, hub) = with_hub("Standard");
    azure.world.watch();
    let (ada, _) = (azure.phone(&hub, "ada", "apple", &["a"]), azure.phone(&hub, "bob", "browser", &["b"]));
    assert_eq!(azure.direct(&ada, "apple", APPLE).status, 201);
    let changes = azure.world.changes().expect("writable");
    let stored = |change: Change| {
        let (table, key) = (change.table.to_owned(), change.key);
        change.value.map(|value| Stored { table, key, value })
    };
    let records = changes.into_iter().filter_map(stored);
    let config = azure.world.config().clone();
    azure.world = World::restored(&config, records, true).expect("what was written").0;
    assert_eq!(azure.received(&ada).len(), 1);
    let token = azure.token("sender", true);
    let headers = [("ServiceBusNotification-Format", "apple"), ("ServiceBusNotification-Tags", "a")];
    assert_eq!(azure.data("POST", "/phones/messages?api-version=2020-06", &token, &headers, APPLE).status, 201);
    assert_eq!(azure.received(&ada).len(), 2);
}

#[test]
fn no_handle_is_in_the_journal_or_in_the_debugging_text_of_a_channel() {
    let (mut azure, hub) = with_hub("Standard");
    let handle = azure.phone(&hub, "ada", "fcmv1", &["a"]);
    assert_eq!(azure.direct(&handle, "fcmv1", FCM).status, 201);
    let token = azure.token("listener", true);
    let filter = format!("/phones/registrations?api-version=2020-06&$filter=ChannelUri+eq+%27{handle}%27");
    assert_eq!(azure.data("GET", &filter, &token, &[], "").status, 200);
    assert!(!format!("{:?}", azure.world.journal()).contains(&handle));
    assert!(!format!("{:?}", azure.world.telephony.hubs).contains(&handle));
}
