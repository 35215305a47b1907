use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::*;

mod debug;
mod installations;
mod jobs;
mod kept;
mod odd;
mod platforms;
mod registrations;
mod schedule;
mod telemetry;

const HOST: &str = "shop-hubs.servicebus.windows.net";
const TOKEN_KEY: &str = "p8";

/// A hub with credentials for both platforms, and policies with one right each.
fn with_hub(sku: &str) -> (Client, String) {
    hub_of(instant(), sku)
}

fn hub_of(mut azure: Client, sku: &str) -> (Client, String) {
    let body = json!({"location": "westeurope", "sku": {"name": sku}});
    assert_eq!(azure.ask("PUT", &namespace("shop-hubs"), NH, body).status, 201);
    let hub = format!("{}/notificationHubs/phones", namespace("shop-hubs"));
    let properties = credentials(&["apnsCredential", "fcmV1Credential"]);
    assert_eq!(azure.ask("PUT", &hub, NH, json!({"location": "westeurope", "properties": properties})).status, 201);
    for (name, right) in [("sender", "Send"), ("listener", "Listen")] {
        let body = json!({"properties": {"rights": [right]}});
        assert_eq!(azure.ask("PUT", &format!("{hub}/authorizationRules/{name}"), NH, body).status, 200);
    }
    (azure, hub)
}

/// PNS credentials of those names.
fn credentials(names: &[&str]) -> Value {
    let all = json!({
        "apnsCredential": {"endpoint": "e", "token": TOKEN_KEY, "keyId": "k", "appId": "t", "appName": "com.shop"},
        "fcmV1Credential": {"clientEmail": "e", "privateKey": "k", "projectId": "shop"},
        "gcmCredential": {"googleApiKey": "k"},
        "wnsCredential": {"packageSid": "sid", "secretKey": "k"},
        "browserCredential": {"subject": "mailto:a@b", "vapidPublicKey": "v", "vapidPrivateKey": "k"},
        "admCredential": {"clientId": "c", "clientSecret": "k", "authTokenUrl": "https://api.amazon.com/auth/O2/token"},
        "baiduCredential": {"baiduApiKey": "k", "baiduSecretKey": "k", "baiduEndPoint": "https://channel.api.duapp.com"},
        "xiaomiCredential": {"appSecret": "k", "endpoint": "https://api.xmpush.global.xiaomi.com"},
    });
    names
        .iter()
        .map(|name| ((*name).to_owned(), json!({"properties": all[*name]})))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn sign(resource: &str, rule: &str, key: &str, expiry: u64) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let resource = encode(&resource.to_lowercase());
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("a key");
    mac.update(format!("{resource}\n{expiry}").as_bytes());
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    format!("SharedAccessSignature sr={resource}&sig={}&se={expiry}&skn={}", encode(&signature), encode(rule))
}

impl Client {
    fn token(&self, rule: &str, primary: bool) -> String {
        let id = format!("{}/notificationHubs/phones/authorizationRules/{rule}", namespace("shop-hubs"));
        let (first, second) = self.world.keys(&id).expect("keys");
        let key = if primary { first } else { second };
        sign(&format!("https://{HOST}/phones"), rule, key, self.now / 1000 + 600)
    }

    fn data(&mut self, method: &str, path: &str, token: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let mut all = vec![("Host".to_owned(), format!("{HOST}:4711"))];
        all.extend([("Authorization".to_owned(), token.to_owned())].into_iter().filter(|(_, t)| !t.is_empty()));
        all.extend(headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let request = Request { method: method.into(), path: path.into(), headers: all, body: body.into() };
        handle(&mut self.world, &request, self.now)
    }

    fn direct(&mut self, handle: &str, format: &str, body: &str) -> Response {
        let token = self.token("sender", true);
        let headers = [("ServiceBusNotification-Format", format), ("ServiceBusNotification-DeviceHandle", handle)];
        self.data("POST", "/phones/messages/?direct&api-version=2015-04", &token, &headers, body)
    }

    fn phone(&mut self, hub: &str, user: &str, platform: &str, tags: &[&str]) -> String {
        let body = json!({"hub": hub, "user": user, "platform": platform, "tags": tags});
        self.door("POST", "phones", body)["handle"].as_str().expect("a handle").to_owned()
    }

    fn received(&mut self, handle: &str) -> Vec<Value> {
        let phones = self.door("GET", "phones", Value::Null);
        let phone = phones["phones"].as_array().expect("a list").iter().find(|p| p["handle"] == handle).cloned();
        phone.expect("the phone")["received"].as_array().expect("a list").clone()
    }

    fn silences(&mut self) -> Value {
        self.door("GET", "phones", Value::Null)["silences"].clone()
    }
}

fn detail(response: &Response) -> String {
    String::from_utf8(response.body.clone()).expect("text")
}

const APPLE: &str = r#"{"aps":{"alert":{"title":"Hello","body":"there"}}}"#;
const FCM: &str = r#"{"message":{"notification":{"title":"Hello","body":"there"}}}"#;

#[test]
fn a_direct_push_reaches_the_phone_of_that_handle_and_no_other() {
    let (mut azure, hub) = with_hub("Standard");
    let (ada, bob) = (azure.phone(&hub, "ada", "apple", &[]), azure.phone(&hub, "bob", "fcmv1", &[]));
    let token = azure.token("sender", false);
    let headers = [
        ("servicebusnotification-format", "apple"),
        ("ServiceBusNotification-DeviceHandle", ada.as_str()),
        ("apns-push-type", "alert"),
        ("TrackingId", "our-own"),
    ];
    let sent = azure.data("POST", "/Phones/messages?api-version=2020-06&direct", &token, &headers, APPLE);
    assert_eq!(sent.status, 201, "{}", detail(&sent));
    assert_eq!(sent.header("trackingid"), Some("our-own"));
    assert!(sent.header("location").expect("Standard").starts_with(&format!("https://{HOST}/phones/messages/")));
    let got = azure.received(&ada);
    assert_eq!((got[0]["title"].clone(), got[0]["body"].clone()), (json!("Hello"), json!("there")));
    assert_eq!((got[0]["push"].clone(), got[0]["rule"].clone()), (json!("direct"), json!("sender")));
    assert_eq!(
        (got[0]["hub"].clone(), got[0]["headers"]["apns-push-type"].clone()),
        (json!(hub.to_lowercase()), json!("alert"))
    );
    assert_eq!(azure.received(&bob), Vec::<Value>::new());
    assert_eq!(azure.direct(&bob, "FcmV1", FCM).status, 201);
    assert_eq!(azure.received(&bob)[0]["body"], "there");
    let entry = azure.world.journal().iter().last().cloned().expect("an entry");
    assert_eq!(entry.operation, "Microsoft.NotificationHubs/DataPlane/directSend/action");
    assert_eq!((entry.principal.as_str(), entry.status, entry.effect), ("sender", 201, Effect::Action));
    assert_eq!(entry.path, format!("{HOST}/phones/messages/"));
}

#[test]
fn only_the_standard_tier_says_where_to_ask() {
    for (sku, located) in [("Free", false), ("Basic", false), ("Standard", true)] {
        let (mut azure, hub) = with_hub(sku);
        let handle = azure.phone(&hub, "ada", "apple", &[]);
        let sent = azure.direct(&handle, "apple", APPLE);
        assert_eq!((sent.status, sent.header("location").is_some()), (201, located), "{sku}");
    }
}

#[test]
fn what_is_lost_after_201_is_counted() {
    let (mut azure, hub) = with_hub("Standard");
    let (apple, android) = (azure.phone(&hub, "ada", "apple", &[]), azure.phone(&hub, "ada", "fcmv1", &[]));
    let large = format!(r#"{{"aps":{{"alert":"{}"}}}}"#, "x".repeat(4096));
    let nested = r#"{"message":{"data":{"n":1}}}"#;
    for (handle, format, body) in [
        ("ab".repeat(32), "apple", APPLE),
        (apple.clone(), "apple", large.as_str()),
        (android.clone(), "fcmv1", nested),
    ] {
        assert_eq!(azure.direct(&handle, format, body).status, 201);
    }
    assert_eq!(azure.silences(), json!({"DeadHandle": 1, "PayloadTooLarge": 1, "RefusedByPlatform": 1}));
    assert_eq!(azure.received(&apple), Vec::<Value>::new());
    azure.door("DELETE", "phones", json!({"handle": android}));
    assert_eq!(azure.direct(&android, "fcmv1", FCM).status, 201);
    assert_eq!((azure.silences()["DeadHandle"].clone(), azure.silences()["Uninstalled"].clone()), (json!(1), json!(1)));
}

#[test]
fn without_direct_a_push_goes_by_tags_or_to_everyone() {
    let (mut azure, hub) = with_hub("Standard");
    let ada = azure.phone(&hub, "ada", "apple", &["user:ada", "vip"]);
    let bob = azure.phone(&hub, "bob", "apple", &["user:bob"]);
    let android = azure.phone(&hub, "ada", "fcmv1", &["user:ada"]);
    let token = azure.token("sender", true);
    let send = |azure: &mut Client, tags: Option<&str>| {
        // The handle is not looked at: the trap of leaving out `direct`.
        let mut headers =
            vec![("ServiceBusNotification-Format", "apple"), ("ServiceBusNotification-DeviceHandle", ada.as_str())];
        headers.extend(tags.map(|t| ("ServiceBusNotification-Tags", t)));
        azure.data("POST", "/phones/messages/?api-version=2015-04", &token, &headers, APPLE).status
    };
    assert_eq!(send(&mut azure, Some("user:ada || user:nobody")), 201);
    assert_eq!(send(&mut azure, Some("user:ada && !vip")), 201);
    assert_eq!(azure.silences(), json!({"NoTarget": 1}));
    assert_eq!((azure.received(&ada).len(), azure.received(&bob).len(), azure.received(&android).len()), (1, 0, 0));
    assert_eq!(azure.received(&ada)[0]["push"], "tagged");
    assert_eq!(send(&mut azure, None), 201);
    assert_eq!((azure.received(&ada).len(), azure.received(&bob).len(), azure.received(&android).len()), (2, 1, 0));
    assert_eq!(azure.received(&bob)[0]["push"], "broadcast");
    assert_eq!(send(&mut azure, Some("a ||")), 400);
}

#[test]
fn signatures_are_checked_and_rights_too() {
    let (mut azure, hub) = with_hub("Standard");
    let handle = azure.phone(&hub, "ada", "apple", &[]);
    let expiry = azure.now / 1000 + 600;
    let key = |azure: &Client, id: &str| azure.world.keys(id).expect("keys").0.to_owned();
    let sender = key(&azure, &format!("{hub}/authorizationRules/sender"));
    let root = key(&azure, &format!("{}/authorizationRules/RootManageSharedAccessKey", namespace("shop-hubs")));
    let resource = format!("https://{HOST}/phones");
    let full = azure.token("DefaultFullSharedAccessSignature", true);
    let cases = [
        (azure.token("sender", true), 201),
        (azure.token("sender", false), 201),
        (full, 201),
        (sign(&format!("http://{HOST}/phones/messages/"), "sender", &sender, expiry), 201),
        (sign(&format!("sb://{HOST}/"), "SENDER", &sender, expiry), 201),
        (azure.token("listener", true), 403),
        (sign(&resource, "RootManageSharedAccessKey", &root, expiry), 401),
        (sign(&resource, "nobody", &sender, expiry), 401),
        (sign(&resource, "sender", "wrong", expiry), 401),
        (sign(&resource, "sender", &sender, azure.now / 1000), 401),
        (sign(&format!("https://{HOST}/other"), "sender", &sender, expiry), 401),
        (sign("https://other.servicebus.windows.net/phones", "sender", &sender, expiry), 401),
        (azure.token("sender", true).to_lowercase(), 401),
        ("Bearer x".into(), 401),
        (String::new(), 401),
    ];
    let headers =
        [("ServiceBusNotification-Format", "apple"), ("ServiceBusNotification-DeviceHandle", handle.as_str())];
    for (number, (token, expected)) in cases.into_iter().enumerate() {
        let answer = azure.data("POST", "/phones/messages/?direct&api-version=2015-04", &token, &headers, APPLE);
        assert_eq!(answer.status, expected, "case {number}: {}", detail(&answer));
        if expected == 403 {
            assert_eq!(detail(&answer), "", "recorded");
        } else if expected != 201 {
            assert!(detail(&answer).starts_with(&format!("<Error><Code>{expected}</Code><Detail>")));
            assert!(!detail(&answer).contains(&sender) && answer.header("retry-after").is_none());
        }
    }
    azure.world.regenerate_key(&format!("{hub}/authorizationRules/sender"), true);
    let stale = sign(&resource, "sender", &sender, expiry);
    assert_eq!(azure.data("POST", "/phones/messages/?direct&api-version=2015-04", &stale, &headers, APPLE).status, 401);
}

#[test]
fn malformed_sends_are_refused_with_their_status() {
    let (mut azure, hub) = with_hub("Standard");
    let handle = azure.phone(&hub, "ada", "apple", &[]);
    let token = azure.token("sender", true);
    let direct = "/phones/messages/?direct&api-version=2015-04";
    let large = " ".repeat(64 * 1024 + 1);
    let cases: Vec<(&str, &str, &str, &str, u16)> = vec![
        ("/phones/messages/?direct&api-version=2014-99", "apple", &handle, APPLE, 400),
        ("/phones/messages/?direct", "apple", &handle, APPLE, 400),
        (direct, "fcm", &handle, APPLE, 400),
        (direct, "", &handle, APPLE, 400),
        (direct, "apple", "", APPLE, 400),
        (direct, "apple", "not hex", APPLE, 400),
        (direct, "apple", &handle, "{}", 400),
        (direct, "apple", &handle, "<xml/>", 400),
        (direct, "fcmv1", "device-1", r#"{"message":{"token":"t"}}"#, 400),
        (direct, "fcmv1", "device-1", r#"{"notification":{}}"#, 400),
        (direct, "windows", "https://wns.example/x", "<toast/>", 400),
        (direct, "apple", &handle, &large, 413),
        ("/nohub/messages/?direct&api-version=2015-04", "apple", &handle, APPLE, 404),
        ("/?api-version=2015-04", "apple", &handle, APPLE, 404),
        ("/phones/messages/$batch?direct&api-version=2015-08", "apple", &handle, APPLE, 400),
    ];
    for (path, format, handle, body, expected) in cases {
        let headers = [("ServiceBusNotification-Format", format), ("ServiceBusNotification-DeviceHandle", handle)];
        let answer = azure.data("POST", path, &token, &headers, body);
        assert_eq!(answer.status, expected, "{path} {format}: {}", detail(&answer));
        assert!(handle.is_empty() || !detail(&answer).contains(handle), "a handle is nobody's business");
    }
    let elsewhere = vec![("Host".to_owned(), "nobody.servicebus.windows.net".to_owned())];
    let request = Request { method: "POST".into(), path: direct.into(), headers: elsewhere, body: vec![] };
    assert_eq!(handle_at(&mut azure, &request).status, 404);
    assert_eq!(azure.world.rings(), &[]);
}

fn handle_at(azure: &mut Client, request: &Request) -> Response {
    handle(&mut azure.world, request, azure.now)
}

#[test]
fn faults_strike_the_data_plane_in_its_own_words() {
    let (mut azure, hub) = with_hub("Standard");
    let handle = azure.phone(&hub, "ada", "apple", &[]);
    let answer = FaultAnswer { status: Some(403), retry_after: Some(7), ..FaultAnswer::default() };
    let operation = Some("Microsoft.NotificationHubs/DataPlane/*".to_owned());
    azure.world.place_fault(Fault { operation, times: Some(1), answer, ..Fault::default() });
    let struck = azure.direct(&handle, "apple", APPLE);
    assert_eq!((struck.status, struck.header("retry-after")), (403, Some("7")));
    assert!(detail(&struck).starts_with("<Error><Code>403</Code>"));
    assert_eq!(azure.direct(&handle, "apple", APPLE).status, 201);
}
