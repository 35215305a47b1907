use super::super::super::xml::Element;
use super::*;

fn debug(azure: &mut Client, headers: &[(&str, &str)]) -> Response {
    let token = azure.token("sender", true);
    let mut all = vec![("ServiceBusNotification-Format", "apple")];
    all.extend(headers);
    azure.data("POST", "/phones/messages/?api-version=2020-06&test", &token, &all, APPLE)
}

#[test]
fn a_debug_send_says_what_became_of_each_of_ten_devices() {
    let (mut azure, hub) = with_hub("Standard");
    let handles: Vec<String> = (0..12).map(|n| azure.phone(&hub, &format!("user{n}"), "apple", &["all"])).collect();
    azure.door("DELETE", "phones", json!({"handle": handles[0]}));
    let sent = debug(&mut azure, &[("ServiceBusNotification-Tags", "all")]);
    assert_eq!((sent.status, sent.header("content-type")), (201, Some("application/xml; charset=utf-8")));
    let root = Element::parse(&detail(&sent)).expect("XML");
    assert_eq!(root.name, "NotificationOutcome");
    let results = &root.child("Results").expect("results").children;
    let count = |name: &str| root.value(name).and_then(|n| n.parse::<usize>().ok()).expect("a count");
    assert_eq!((results.len(), count("Success") + count("Failure")), (10, 10));
    for result in results {
        let handle = result.value("PnsHandle").expect("a handle");
        let good = result.value("Outcome").is_some_and(|o| o.contains("successfully sent"));
        assert_eq!(good, handle != handles[0]);
        assert_eq!(result.value("ApplicationPlatform"), Some("apple"));
        assert!(result.value("RegistrationId").is_some_and(|id| id.split('-').count() == 3));
    }
    assert_eq!(azure.world.rings().len(), count("Success"));
}

#[test]
fn debug_sends_are_ten_a_minute_and_sends_as_many_as_the_tier_has() {
    let (mut azure, hub) = hub_of(Client::new(Config::default()), "Free");
    let handle = azure.phone(&hub, "ada", "apple", &[]);
    for _ in 0..10 {
        assert_eq!(debug(&mut azure, &[]).status, 201);
    }
    let throttled = debug(&mut azure, &[]);
    assert_eq!((throttled.status, throttled.header("retry-after")), (403, Some("6")));
    azure.pass(6);
    assert_eq!(debug(&mut azure, &[]).status, 201);
    for _ in 0..100 {
        assert_eq!(azure.direct(&handle, "apple", APPLE).status, 201);
    }
    assert!(azure.direct(&handle, "apple", APPLE).header("retry-after").is_some());
    azure.pass(60);
    assert_eq!(azure.direct(&handle, "apple", APPLE).status, 201);
}
