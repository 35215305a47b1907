use super::super::super::xml::Element;
use super::*;

fn message_id(sent: &Response) -> String {
    let location = sent.header("location").expect("Standard says where");
    let path = location.split('?').next().expect("a path");
    path.rsplit('/').next().expect("an id").to_owned()
}

fn details(azure: &mut Client, id: &str, version: &str) -> Response {
    let token = azure.token("DefaultFullSharedAccessSignature", true);
    azure.data("GET", &format!("/phones/messages/{id}?api-version={version}"), &token, &[], "")
}

fn root(response: &Response) -> Element {
    assert_eq!(response.status, 200, "{}", detail(response));
    Element::parse(&detail(response)).expect("XML")
}

fn outcomes(root: &Element, platform: &str) -> Vec<(String, String)> {
    let counts = root.child(platform).expect("counts");
    let text = |e: &Element, name: &str| e.value(name).expect("a member").to_owned();
    counts.children.iter().map(|o| (text(o, "Name"), text(o, "Count"))).collect()
}

fn pair(name: &str, count: &str) -> (String, String) {
    (name.to_owned(), count.to_owned())
}

fn batch(azure: &mut Client, handles: &[&str]) -> Response {
    let token = azure.token("sender", true);
    let headers = [("ServiceBusNotification-Format", "apple"), ("Content-Type", "multipart/mixed; boundary = \"b\"")];
    let body = format!(
        "--b\r\nContent-type: application/json\r\nContent-Disposition: inline; name=notification\r\n\r\n{APPLE}\r\n\
         --b\r\nContent-type: application/json\r\nContent-Disposition: inline; name=devices\r\n\r\n{}\r\n--b--",
        json!(handles)
    );
    azure.data("POST", "/phones/messages/$batch?api-version=2020-06&direct=true", &token, &headers, &body)
}

#[test]
fn a_batch_is_counted_by_outcome() {
    let (mut azure, hub) = with_hub("Standard");
    let (ada, gone) = (azure.phone(&hub, "ada", "apple", &[]), azure.phone(&hub, "bob", "apple", &[]));
    azure.door("DELETE", "phones", json!({"handle": gone}));
    let never = "ef".repeat(32);
    let sent = batch(&mut azure, &[&ada, &gone, &never, &ada]);
    assert_eq!(sent.status, 201, "{}", detail(&sent));
    assert!(sent.header("location").is_some_and(|l| l.contains("/phones/messages/$batch/") && l.ends_with("&direct")));
    assert_eq!((azure.received(&ada).len(), azure.received(&ada)[0]["push"].clone()), (1, json!("direct")));
    let shown = root(&details(&mut azure, &message_id(&sent), "2020-06"));
    assert_eq!(shown.name, "NotificationDetails");
    assert_eq!(
        outcomes(&shown, "ApnsOutcomeCounts"),
        [pair("Success", "1"), pair("BadChannel", "1"), pair("ExpiredChannel", "1"), pair("Skipped", "1")]
    );
    assert_eq!((shown.value("State"), shown.value("TargetPlatforms")), (Some("Completed"), Some("apple")));
    assert_eq!(shown.value("NotificationBody"), Some(APPLE));
    for time in ["EnqueueTime", "StartTime", "EndTime"] {
        assert!(shown.value(time).is_some(), "{time}");
    }
}

#[test]
fn batches_and_telemetry_are_for_those_who_pay() {
    for (sku, batches, asks) in [("Free", 403, 403), ("Basic", 201, 403), ("Standard", 201, 404)] {
        let (mut azure, hub) = with_hub(sku);
        let handle = azure.phone(&hub, "ada", "apple", &[]);
        assert_eq!(batch(&mut azure, &[&handle]).status, batches, "{sku}");
        let asked = details(&mut azure, "none", "2020-06");
        assert_eq!((asked.status, asked.header("retry-after")), (asks, None), "{sku}");
        let token = azure.token("DefaultFullSharedAccessSignature", true);
        let container = azure.data("GET", "/phones/feedbackcontainer?api-version=2015-01", &token, &[], "");
        assert_eq!(container.status, if sku == "Standard" { 200 } else { 403 }, "{sku}");
    }
}

#[test]
fn nobody_there_is_said_so_and_templates_name_their_platforms() {
    let (mut azure, _) = with_hub("Standard");
    let (sender, listener) = (azure.token("sender", true), azure.token("listener", true));
    let send = |azure: &mut Client| {
        let headers = [("ServiceBusNotification-Format", "template"), ("ServiceBusNotification-Tags", "a || b")];
        let sent = azure.data("POST", "/phones/messages?api-version=2020-06", &sender, &headers, "{\"a\":\"b\"}");
        root(&details(azure, &message_id(&sent), "2020-06"))
    };
    let shown = send(&mut azure);
    assert_eq!((shown.value("State"), shown.value("TargetPlatforms")), (Some("NoTargetFound"), Some("template")));
    assert_eq!(shown.value("Tags"), Some("a || b"));
    for (number, platform, channel) in [(1, "apns", "ab".repeat(32)), (2, "fcmV1", "f".to_owned())] {
        let template = json!({"t": {"body": if number == 1 { "{\"aps\":{}}" } else { "{\"message\":{}}" }}});
        let body = json!({"platform": platform, "pushChannel": channel, "tags": ["a"], "templates": template});
        azure.data(
            "PUT",
            &format!("/phones/installations/{number}?api-version=2020-06"),
            &listener,
            &[],
            &body.to_string(),
        );
    }
    let shown = send(&mut azure);
    assert_eq!(shown.value("TargetPlatforms"), Some("appletemplate,fcmv1template"));
    assert_eq!(outcomes(&shown, "FcmV1OutcomeCounts"), [pair("Success", "1")]);
}

#[test]
fn errors_of_platforms_are_in_a_blob_and_feedback_in_another() {
    let (mut azure, _) = with_hub("Standard");
    let listener = azure.token("listener", true);
    let handle = "ab".repeat(32);
    let body = json!({"platform": "apns", "pushChannel": handle});
    azure.data("PUT", "/phones/installations/one?api-version=2020-06", &listener, &[], &body.to_string());
    azure.door("DELETE", "phones", json!({"handle": handle}));
    let sender = azure.token("sender", true);
    let headers = [("ServiceBusNotification-Format", "apple")];
    let sent = azure.data("POST", "/phones/messages?api-version=2020-06", &sender, &headers, APPLE);
    let id = message_id(&sent);
    assert_eq!(root(&details(&mut azure, &id, "2015-04")).value("PnsErrorDetailsUri"), None, "since 2016-07 only");
    let shown = root(&details(&mut azure, &id, "2016-07"));
    let url = shown.value("PnsErrorDetailsUri").expect("a URL").to_owned();
    let errors = azure.follow(&url);
    assert!(detail(&errors).starts_with("apple,") && detail(&errors).ends_with(",ExpiredChannel\n"));
    assert!(!detail(&errors).contains(&handle));

    let token = azure.token("DefaultFullSharedAccessSignature", true);
    let container = azure.data("GET", "/phones/feedbackcontainer?api-version=2015-01", &token, &[], "");
    let container = detail(&container);
    let listed = root(&azure.follow(&format!("{container}&restype=container&comp=list")));
    let names: Vec<String> =
        listed.descendants().into_iter().filter(|e| e.name == "Name").map(|e| e.text.clone()).collect();
    assert_eq!(names.len(), 1);
    let (place, query) = container.split_once('?').expect("a signature");
    let feedback = azure.follow(&format!("{place}/{}?{query}", names[0]));
    let entry = root(&feedback);
    assert_eq!(
        (entry.value("Platform"), entry.value("NotificationSystemError")),
        (Some("apple"), Some("ExpiredChannel"))
    );
    assert_eq!((entry.value("PnsHandle"), entry.value("InstallationId")), (Some(handle.as_str()), Some("one")));
    assert_eq!(entry.value("NotificationId"), Some(id.as_str()));
    let forged = container.replace("sig=", "sig=x");
    assert_eq!(azure.follow(&format!("{forged}&restype=container&comp=list")).status, 403);
    azure.pass(25 * 3600);
    assert_eq!(azure.follow(&format!("{container}&restype=container&comp=list")).status, 403, "a day is over");
    assert!(azure.world.journal().iter().all(|entry| !entry.path.contains(&handle)));
}
