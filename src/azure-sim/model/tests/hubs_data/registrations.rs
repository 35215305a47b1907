use super::super::super::xml::Element;
use super::*;

const PLACE: &str = "/phones/registrations";
const VERSION: &str = "?api-version=2020-06";

/// A description as an Atom entry.
fn entry(kind: &str, members: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><entry xmlns=\"http://www.w3.org/2005/Atom\">\
         <content type=\"application/xml\"><{kind}RegistrationDescription xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns=\"http://schemas.microsoft.com/netservices/2010/10/servicebus/connect\">{members}</{kind}RegistrationDescription>\
         </content></entry>"
    )
}

fn apple(handle: &str, tags: &str) -> String {
    entry("Apple", &format!("<Tags>{tags}</Tags><DeviceToken>{handle}</DeviceToken>"))
}

fn full(azure: &mut Client, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let token = azure.token("DefaultFullSharedAccessSignature", true);
    azure.data(method, path, &token, headers, body)
}

fn create(azure: &mut Client, body: &str) -> (Response, Element) {
    let made = full(azure, "POST", &format!("{PLACE}{VERSION}"), &[], body);
    let root = Element::parse(&detail(&made)).expect("XML");
    (made, root)
}

/// The only description of an entry, or of the first entry of a feed.
fn description(root: &Element) -> Element {
    let all = root.descendants();
    let found = all.into_iter().find(|e| e.name.ends_with("RegistrationDescription"));
    found.cloned().expect("a description")
}

fn ids(response: &Response) -> Vec<String> {
    let root = Element::parse(&detail(response)).expect("XML");
    let all = root.descendants();
    all.into_iter().filter(|e| e.name == "RegistrationId").map(|e| e.text.clone()).collect()
}

/// Kind, handle, body of a template, and what more its template has.
fn every_platform() -> [(&'static str, String, &'static str, String); 9] {
    let header = |list: &str, one: &str, name: &str, value: &str| {
        format!("<{list}><{one}><Header>{name}</Header><Value>{value}</Value></{one}></{list}>")
    };
    let leaf = |name: &str, text: &str| format!("<{name}>{text}</{name}>");
    let (uri, none) = (leaf("ChannelUri", "https://some.url/"), String::new);
    let priority = header("ApnsHeaders", "ApnsHeader", "apns-priority", "5");
    let toast = header("WnsHeaders", "WnsHeader", "X-WNS-Type", "wns/toast");
    let class = header("MpnsHeaders", "MpnsHeader", "X-NotificationClass", "2");
    let baidu = leaf("BaiduUserId", "1") + &leaf("BaiduChannelId", "2");
    let browser = leaf("Endpoint", "https://push.example/1") + &leaf("P256DH", "p") + &leaf("Auth", "a");
    [
        ("Apple", leaf("DeviceToken", &"ab".repeat(32)), "{\"aps\":{}}", priority),
        ("FcmV1", leaf("FcmV1RegistrationId", "f"), "{\"message\":{}}", none()),
        ("Gcm", leaf("GcmRegistrationId", "g"), "{\"data\":{}}", none()),
        ("Windows", uri.clone(), "<toast/>", toast),
        ("Mpns", uri, "<toast/>", class),
        ("Adm", leaf("AdmRegistrationId", "a"), "{\"data\":{}}", none()),
        ("Baidu", baidu, "{\"title\":\"t\"}", none()),
        ("Xiaomi", leaf("XiaomiRegistrationId", "x"), "{\"title\":\"t\"}", none()),
        ("Browser", browser, "{\"title\":\"t\"}", none()),
    ]
}

#[test]
fn every_platform_registers_with_a_template_and_without() {
    let (mut azure, _) = with_hub("Standard");
    for (kind, handle, body, more) in every_platform() {
        let template =
            format!("<BodyTemplate><![CDATA[{body}]]></BodyTemplate><TemplateName>name</TemplateName>{more}");
        for (suffix, members) in [("", handle.clone()), ("Template", format!("{handle}{template}"))] {
            reads_back(&mut azure, &format!("{kind}{suffix}"), &members);
        }
    }
}

fn reads_back(azure: &mut Client, kind: &str, members: &str) {
    let common = "<Tags>tag1,tag2</Tags><PushVariables>{\"var1\":\"value1\"}</PushVariables>";
    let (made, root) = create(azure, &entry(kind, &format!("{common}{members}")));
    assert_eq!((made.status, made.header("etag")), (200, Some("W/\"1\"")), "{kind}: {}", detail(&made));
    let shown = description(&root);
    assert_eq!(shown.name, format!("{kind}RegistrationDescription"));
    assert_eq!((shown.value("ETag"), shown.value("Tags")), (Some("1"), Some("tag1,tag2")));
    assert_eq!(shown.value("PushVariables"), Some("{\"var1\":\"value1\"}"));
    assert_eq!(shown.value("ExpirationTime"), Some("9999-12-31T23:59:59.9999999Z"));
    let sent = Element::parse(&format!("<x>{members}</x>")).expect("XML");
    for member in &sent.children {
        assert_eq!(shown.child(&member.name), Some(member), "{kind}");
    }
    let id = shown.value("RegistrationId").expect("an id");
    let place = format!("https://{HOST}/phones/registrations/{id}?api-version=2020-06");
    assert_eq!(made.header("content-location"), Some(place.as_str()));
    let read = full(azure, "GET", &format!("{PLACE}/{id}{VERSION}"), &[], "");
    assert_eq!(read.header("content-type"), Some("application/atom+xml; type=entry; charset=utf-8"));
    assert_eq!(description(&Element::parse(&detail(&read)).expect("XML")), shown);
}

#[test]
fn an_etag_guards_updates_and_deletion() {
    let (mut azure, _) = with_hub("Standard");
    let (_, root) = create(&mut azure, &apple(&"ab".repeat(32), "a"));
    let id = description(&root).value("RegistrationId").expect("an id").to_owned();
    let path = format!("{PLACE}/{id}{VERSION}");
    let body = apple(&"ab".repeat(32), "b");
    let put = |azure: &mut Client, path: &str, headers: &[(&str, &str)]| full(azure, "PUT", path, headers, &body);
    assert_eq!(put(&mut azure, &path, &[("If-Match", "\"7\"")]).status, 412);
    let updated = put(&mut azure, &path, &[("If-Match", "\"1\"")]);
    assert_eq!((updated.status, updated.header("etag")), (200, Some("W/\"2\"")));
    assert_eq!(put(&mut azure, &path, &[("If-Match", "W/\"2\"")]).header("etag"), Some("W/\"3\""));
    assert_eq!(put(&mut azure, &path, &[("If-Match", "*")]).header("etag"), Some("W/\"4\""));
    assert_eq!(put(&mut azure, &path, &[]).header("etag"), Some("W/\"5\""));
    assert_eq!(full(&mut azure, "DELETE", &path, &[("If-Match", "\"1\"")], "").status, 412);
    assert_eq!(full(&mut azure, "DELETE", &path, &[("If-Match", "*")], "").status, 200);
    for missing in [
        full(&mut azure, "DELETE", &path, &[("If-Match", "*")], ""),
        full(&mut azure, "GET", &path, &[], ""),
        put(&mut azure, &path, &[("If-Match", "*")]),
    ] {
        assert!(missing.status == 404 && detail(&missing).starts_with("<Error><Code>404</Code><Detail>.TrackingId:"));
    }
    // Recorded: an id of one's own, and one that was deleted, are taken.
    assert_eq!(put(&mut azure, &path, &[]).header("etag"), Some("W/\"1\""));
    assert_eq!(put(&mut azure, &format!("{PLACE}/123-234-1{VERSION}"), &[]).status, 200);
}

#[test]
fn an_id_is_given_before_there_is_a_registration() {
    let (mut azure, _) = with_hub("Standard");
    let token = azure.token("listener", true);
    let given = azure.data("POST", &format!("/phones/registrationIDs{VERSION}"), &token, &[], "");
    let location = given.header("location").expect("a location").to_owned();
    let id = location.rsplit('/').next().and_then(|last| last.split('?').next()).expect("an id").to_owned();
    assert_eq!((given.status, id.split('-').count()), (201, 3));
    let path = format!("{PLACE}/{id}{VERSION}");
    assert_eq!(azure.data("GET", &path, &token, &[], "").status, 404);
    assert_eq!(azure.data("PUT", &path, &token, &[], &apple(&"ab".repeat(32), "a")).status, 200);
    assert_eq!(azure.data("GET", &path, &token, &[], "").status, 200);
}

#[test]
fn lists_come_in_pages_by_channel_and_by_tag() {
    let (mut azure, _) = with_hub("Standard");
    let (one, other) = ("AB".repeat(32), "cd".repeat(32));
    let mut made: Vec<String> = Vec::new();
    for (handle, tags) in [(&one, "a"), (&one, "b"), (&other, "a,b")] {
        let (_, root) = create(&mut azure, &apple(handle, tags));
        made.push(description(&root).value("RegistrationId").expect("an id").to_owned());
    }
    let first = full(&mut azure, "GET", &format!("{PLACE}{VERSION}&$top=2"), &[], "");
    let token = first.header("x-ms-continuationtoken").expect("more").to_owned();
    assert!(detail(&first).contains("rel=\"next\""));
    let second = full(&mut azure, "GET", &format!("{PLACE}{VERSION}&$top=2&continuationtoken={token}"), &[], "");
    assert_eq!((ids(&first).len(), ids(&second).len(), second.header("x-ms-continuationtoken")), (2, 1, None));
    let mut all = [ids(&first), ids(&second)].concat();
    all.sort();
    made.sort();
    assert_eq!(all, made);
    let mut count = |query: &str| {
        let listed = full(&mut azure, "GET", &format!("/phones/{query}"), &[], "");
        assert_eq!(listed.status, 200, "{query}: {}", detail(&listed));
        ids(&listed).len()
    };
    assert_eq!(count(&format!("registrations{VERSION}&$filter=DeviceToken+eq+%27{one}%27")), 2);
    assert_eq!(count(&format!("registrations{VERSION}&$filter=ChannelUri+eq+%27{}%27", one.to_lowercase())), 2);
    assert_eq!(count(&format!("registrations{VERSION}&$filter=ChannelUri+eq+%27{other}%27&$top=100")), 1);
    assert_eq!(count(&format!("registrations{VERSION}&$filter=GcmRegistrationId+eq+%27{one}%27")), 0);
    assert_eq!(count(&format!("tags/b/registrations{VERSION}")), 2);
    assert_eq!(count(&format!("tags/none/registrations{VERSION}")), 0);
    for wrong in ["&$top=0", "&$top=x", "&$filter=a", "&continuationtoken=%25"] {
        assert_eq!(full(&mut azure, "GET", &format!("{PLACE}{VERSION}{wrong}"), &[], "").status, 400, "{wrong}");
    }
    let listener = azure.token("listener", true);
    let mut listen = |path: &str| azure.data("GET", path, &listener, &[], "").status;
    assert_eq!(listen(&format!("{PLACE}{VERSION}")), 403, "documented: all of them with Manage only");
    assert_eq!(listen(&format!("/phones/tags/a/registrations{VERSION}")), 403);
    assert_eq!(listen(&format!("{PLACE}{VERSION}&$filter=DeviceToken+eq+%27{one}%27")), 200);
}

#[test]
fn an_installation_is_listed_as_the_registrations_that_it_stands_for() {
    let (mut azure, _) = with_hub("Standard");
    let listener = azure.token("listener", true);
    let templates = json!({"Template Name": {"body": "<toast/>", "headers": {"X-WNS-Type": "wns/toast"}}});
    let body = json!({"platform": "wns", "pushChannel": "https://some.url/", "tags": ["tag1"], "templates": templates});
    let path = format!("/phones/installations/one{VERSION}");
    assert_eq!(azure.data("PUT", &path, &listener, &[], &body.to_string()).status, 200);
    let listed = full(&mut azure, "GET", &format!("{PLACE}{VERSION}"), &[], "");
    let root = Element::parse(&detail(&listed)).expect("XML");
    let mut shown: Vec<(String, String)> = root
        .descendants()
        .into_iter()
        .filter(|e| e.name.ends_with("RegistrationDescription"))
        .map(|e| (e.name.clone(), e.value("Tags").unwrap_or_default().to_owned()))
        .collect();
    shown.sort();
    let expected = [
        ("WindowsRegistrationDescription", "$InstallationId:{one},tag1"),
        ("WindowsTemplateRegistrationDescription", "$InstallationId:{one},tag1,Template Name"),
    ];
    assert_eq!(shown, expected.map(|(name, tags)| (name.to_owned(), tags.to_owned())), "recorded");
    for id in ids(&listed) {
        let deleted = full(&mut azure, "DELETE", &format!("{PLACE}/{id}{VERSION}"), &[("If-Match", "*")], "");
        assert_eq!(deleted.status, 200);
    }
    assert_eq!(azure.data("GET", &path, &listener, &[], "").status, 404, "with its last registration");
}

#[test]
fn a_registration_whose_channel_is_dead_goes_and_its_id_with_it() {
    let (mut azure, _) = with_hub("Standard");
    let handle = "ab".repeat(32);
    let (_, root) = create(&mut azure, &apple(&handle, "a"));
    let id = description(&root).value("RegistrationId").expect("an id").to_owned();
    azure.door("DELETE", "phones", json!({"handle": handle}));
    let headers = [("ServiceBusNotification-Format", "apple"), ("ServiceBusNotification-Tags", "a")];
    assert_eq!(full(&mut azure, "POST", &format!("/phones/messages{VERSION}"), &headers, APPLE).status, 201);
    let path = format!("{PLACE}/{id}{VERSION}");
    assert_eq!(full(&mut azure, "GET", &path, &[], "").status, 404);
    assert_eq!(full(&mut azure, "PUT", &path, &[], &apple(&handle, "a")).status, 410);
}

#[test]
fn a_hub_with_a_time_to_live_forgets() {
    let (mut azure, hub) = with_hub("Standard");
    azure.ask("PATCH", &hub, NH, json!({"properties": {"registrationTtl": "1.00:00:00"}}));
    let (_, root) = create(&mut azure, &apple(&"ab".repeat(32), "a"));
    let shown = description(&root);
    assert!(shown.value("ExpirationTime").is_some_and(|t| !t.starts_with("9999")));
    let path = format!("{PLACE}/{}{VERSION}", shown.value("RegistrationId").expect("an id"));
    azure.pass(24 * 3600 - 1);
    assert_eq!(full(&mut azure, "GET", &path, &[], "").status, 200);
    azure.pass(1);
    assert_eq!(full(&mut azure, "GET", &path, &[], "").status, 404);
}

#[test]
fn what_is_no_registration_is_refused_without_its_handle() {
    let (mut azure, _) = with_hub("Standard");
    let handle = "zz".repeat(32);
    let template =
        |body: &str| entry("AppleTemplate", &format!("<DeviceToken>{}</DeviceToken>{body}", "ab".repeat(32)));
    for wrong in [
        String::new(),
        "{}".into(),
        "<entry/>".into(),
        entry("Pigeon", "<DeviceToken>a</DeviceToken>"),
        entry("Apple", ""),
        apple(&handle, "a"),
        apple(&"ab".repeat(32), "a b"),
        apple(&"ab".repeat(32), &vec!["t"; 61].join(",")),
        entry("Apple", &format!("<ExpirationTime>x</ExpirationTime><DeviceToken>{}</DeviceToken>", "ab".repeat(32))),
        entry("Apple", &format!("<PushVariables>[]</PushVariables><DeviceToken>{}</DeviceToken>", "ab".repeat(32))),
        entry("Browser", "<Endpoint>https://push.example/1</Endpoint>"),
        entry("WindowsTemplate", "<ChannelUri>https://some.url/</ChannelUri><BodyTemplate>{}</BodyTemplate>"),
        template(""),
        template("<BodyTemplate>{\"a\":\"$(b\"}</BodyTemplate>"),
        "<!DOCTYPE a [<!ENTITY x \"y\">]><entry>&x;</entry>".into(),
        format!("{}{}", "<entry>".repeat(1_000), "</entry>".repeat(1_000)),
    ] {
        let refused = full(&mut azure, "POST", &format!("{PLACE}{VERSION}"), &[], &wrong);
        assert_eq!(refused.status, 400, "{wrong}");
        assert!(!detail(&refused).contains(&handle));
    }
}
