use super::super::super::xml::Element;
use super::*;

fn schedule(azure: &mut Client, at: &str, tags: Option<&str>) -> Response {
    let token = azure.token("sender", true);
    let mut headers = vec![("ServiceBusNotification-Format", "apple"), ("ServiceBusNotification-ScheduleTime", at)];
    headers.extend(tags.map(|tags| ("ServiceBusNotification-Tags", tags)));
    azure.data("POST", "/phones/schedulednotifications/?api-version=2020-06", &token, &headers, APPLE)
}

fn at(ms: u64) -> String {
    jiff::Timestamp::from_millisecond(ms as i64).expect("a time").strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

fn id(made: &Response) -> String {
    let location = made.header("location").expect("a location");
    location.split('?').next().and_then(|path| path.rsplit('/').next()).expect("an id").to_owned()
}

fn state(azure: &mut Client, id: &str) -> String {
    let token = azure.token("DefaultFullSharedAccessSignature", true);
    let shown = azure.data("GET", &format!("/phones/messages/{id}?api-version=2020-06"), &token, &[], "");
    let root = Element::parse(&detail(&shown)).expect("XML");
    root.value("State").expect("a state").to_owned()
}

#[test]
fn a_scheduled_notification_is_sent_at_its_time() {
    let (mut azure, hub) = with_hub("Standard");
    let (ada, bob) = (azure.phone(&hub, "ada", "apple", &["a"]), azure.phone(&hub, "bob", "apple", &["b"]));
    let due = at(azure.now + 60_000);
    let made = schedule(&mut azure, &due, Some("a"));
    assert_eq!(made.status, 201, "{}", detail(&made));
    let id = id(&made);
    assert!(made.header("location").is_some_and(|l| l.contains("/phones/schedulednotifications/")));
    azure.pass(58);
    assert_eq!((azure.received(&ada).len(), state(&mut azure, &id)), (0, "Scheduled".to_owned()));
    azure.pass(2);
    assert_eq!((azure.received(&ada).len(), azure.received(&bob).len()), (1, 0));
    assert_eq!(
        (azure.received(&ada)[0]["push"].clone(), azure.received(&ada)[0]["rule"].clone()),
        (json!("tagged"), json!("sender"))
    );
    assert_eq!(state(&mut azure, &id), "Completed");
    let token = azure.token("sender", true);
    let late =
        azure.data("DELETE", &format!("/phones/schedulednotifications/{id}?api-version=2020-06"), &token, &[], "");
    assert_eq!(late.status, 404);
}

#[test]
fn one_that_was_cancelled_is_not_sent() {
    let (mut azure, hub) = with_hub("Standard");
    let ada = azure.phone(&hub, "ada", "apple", &[]);
    let due = at(azure.now + 60_000);
    let id = id(&schedule(&mut azure, &due, None));
    let token = azure.token("sender", true);
    let path = format!("/phones/schedulednotifications/{id}?api-version=2020-06");
    assert_eq!(azure.data("DELETE", &path, &token, &[], "").status, 200);
    azure.pass(120);
    assert_eq!((azure.received(&ada).len(), state(&mut azure, &id)), (0, "Cancelled".to_owned()));
}

#[test]
fn what_is_over_goes_at_once_and_what_is_far_is_refused() {
    let (mut azure, hub) = with_hub("Standard");
    let ada = azure.phone(&hub, "ada", "apple", &[]);
    let (past, far) = (at(azure.now - 60_000), at(azure.now + 8 * 24 * 3_600_000));
    assert_eq!(schedule(&mut azure, &past, None).status, 201);
    azure.pass(0);
    assert_eq!(azure.received(&ada).len(), 1);
    for wrong in [far.as_str(), "tomorrow", ""] {
        assert_eq!(schedule(&mut azure, wrong, None).status, 400, "{wrong}");
    }
    let soon = at(azure.now + 60_000);
    assert_eq!(schedule(&mut azure, &soon, Some("a ||")).status, 400);
    azure.world.delete_in_portal(&hub);
    azure.pass(60);
    assert_eq!(azure.world.rings().len(), 1);
    for sku in ["Free", "Basic"] {
        let (mut azure, _) = with_hub(sku);
        assert_eq!(schedule(&mut azure, &soon, None).status, 403, "{sku}");
    }
}

#[test]
fn what_a_hub_refuses_leaves_no_record_of_the_hub() {
    let (mut azure, _) = with_hub("Standard");
    azure.world.watch();
    azure.world.changes().expect("writable");
    let token = azure.token("DefaultFullSharedAccessSignature", true);
    for (method, path) in [
        ("DELETE", "/phones/schedulednotifications/1?api-version=2015-08"),
        ("DELETE", "/phones/installations/nobody?api-version=2015-08"),
        ("PUT", "/phones/installations/somebody?api-version=2015-08"),
        ("PUT", "/phones/registrations/1-2?api-version=2015-08"),
    ] {
        azure.data(method, path, &token, &[], "{}");
        assert!(!azure.world.has_urgent_changes(), "{method} {path}");
    }
}
