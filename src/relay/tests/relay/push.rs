//! The app's door: pushes to one device, through a hub that remembers.

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::ground::{Answer, Ground, Reply, Target, config, send, until};

const CONNECTION: &str = "Endpoint=sb://Contoso.servicebus.windows.net/;SharedAccessKeyName=Send;SharedAccessKey=c2VjcmV0LWtleS1mb3ItdGVzdHMtb25seQ==";

pub async fn ground(hub: &Target, routes: &[Value], rules: &Value) -> Ground {
    let mut config = config(routes);
    config["push"] =
        json!({"endpoint": format!("http://{}", hub.address), "platforms": ["apple", "fcmv1"], "rules": rules});
    let ground = Ground::with(&config).await;
    ground.write("push/connectionString", CONNECTION);
    ground.write("push/hubName", "phones");
    ground.relay().state.reload();
    ground
}

async fn push(ground: &Ground, body: &Value) -> Reply {
    let headers = [("content-type", "application/json; charset=utf-8")];
    send(ground.local, "POST", "/v1/push/direct", &headers, body.to_string()).await
}

fn apple() -> Value {
    json!({"platform": "apple", "deviceHandle": "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0",
           "payload": {"aps": {"alert": "Hé"}}, "headers": {"apns-push-type": "voip", "apns-priority": "10"}})
}

fn signature_of(authorization: &str) -> (String, String) {
    let expiry = authorization.split("&se=").nth(1).unwrap().split('&').next().unwrap();
    let key = "c2VjcmV0LWtleS1mb3ItdGVzdHMtb25seQ==".into();
    let ours = acs_relay::push::sas::token(
        "https://contoso.servicebus.windows.net/phones",
        "Send",
        &key,
        expiry.parse().unwrap(),
    );
    use secrecy::ExposeSecret as _;
    (authorization.to_owned(), ours.expose_secret().to_owned())
}

#[tokio::test]
async fn a_push_is_sent_as_the_hub_wants_it() {
    let hub = Target::start().await;
    hub.answers(201);
    let ground = ground(&hub, &[], &json!([])).await;
    let reply = push(&ground, &apple()).await;
    assert_eq!(reply.status, 202, "{:?}", reply.body);
    let sent = hub.received().pop().unwrap();
    assert_eq!(sent.path, "/phones/messages/?direct&api-version=2015-04");
    assert_eq!(sent.header("host"), "contoso.servicebus.windows.net");
    assert_eq!(sent.header("content-type"), "application/json;charset=utf-8");
    assert_eq!(sent.header("servicebusnotification-format"), "apple");
    assert_eq!(sent.header("servicebusnotification-devicehandle"), apple()["deviceHandle"].as_str().unwrap());
    assert!(!sent.headers.contains_key("servicebusnotification-tags"));
    assert_eq!(sent.header("apns-push-type"), "voip");
    assert_eq!(sent.header("servicebusnotification-apns-push-type"), "voip");
    assert_eq!(sent.header("apns-priority"), "10");
    assert_eq!(sent.body.as_ref(), apple()["payload"].to_string().as_bytes());
    let (theirs, ours) = signature_of(sent.header("authorization"));
    assert_eq!(theirs, ours);
    let answer = reply.json();
    assert_eq!(
        (answer["code"].as_str(), answer["trackingId"].as_str()),
        (Some("Queued"), Some(sent.header("trackingid")))
    );
    assert_eq!(sent.header("trackingid").len(), 36);

    let fcm = json!({"platform": "fcmv1", "deviceHandle": "fcm:token", "payload": {"message": {"android": {"data": {"k": "v"}}}}});
    assert_eq!(push(&ground, &fcm).await.status, 202);
    let second = hub.received().pop().unwrap();
    assert_eq!(second.header("servicebusnotification-format"), "fcmv1");
    assert_eq!(second.header("authorization"), sent.header("authorization"), "one token serves every push");
    assert_eq!(ground.metric("acs_relay_direct_pushes_total{platform=\"apple\",result=\"queued\"}").await, 1.0);
}

#[tokio::test]
async fn what_is_no_push_is_refused_without_a_word_of_it() {
    let hub = Target::start().await;
    let ground = ground(&hub, &[], &json!([])).await;
    let with = |member: &str, value: Value| {
        let mut body = apple();
        body[member] = value;
        body
    };
    let without = |member: &str| {
        let mut body = apple();
        body.as_object_mut().unwrap().remove(member);
        body
    };
    let fcm = |message: Value| json!({"platform": "fcmv1", "deviceHandle": "h", "payload": {"message": message}});
    let table = [
        (json!("text"), "members are"),
        (with("platform", json!("windows")), "members are"),
        (without("deviceHandle"), "members are"),
        (with("deviceHandle", json!("")), "deviceHandle"),
        (with("deviceHandle", json!("s3cr3t\r\nx: y")), "deviceHandle"),
        (with("deviceHandle", json!("s".repeat(5000))), "deviceHandle"),
        (with("payload", json!({"alert": 1})), "`aps`"),
        (with("payload", json!([1])), "must be an object"),
        (with("payload", json!({"aps": {}, "x": "é".repeat(2040)})), "more than the 4096"),
        (with("headers", json!({"apns-topic": "com.example"})), "only apns-push-type"),
        (with("headers", json!({"apns-priority": "99"})), "apns-priority"),
        (with("headers", json!({"apns-push-type": "Voip"})), "apns-push-type"),
        (with("headers", json!({"apns-collapse-id": "c".repeat(65)})), "apns-collapse-id"),
        (with("headers", json!({"apns-expiration": "soon"})), "apns-expiration"),
        (with("other", json!(1)), "members are"),
        (fcm(json!({"token": "s3cr3t"})), "message.token"),
        (fcm(json!({"topic": "t"})), "message.topic"),
        (fcm(json!({"condition": "c"})), "message.condition"),
        (json!({"platform": "fcmv1", "deviceHandle": "h", "payload": {}}), "`message`"),
        (
            json!({"platform": "fcmv1", "deviceHandle": "h", "payload": {"message": {}}, "headers": {"apns-id": "1"}}),
            "for apple only",
        ),
    ];
    for (body, wanted) in table {
        let reply = push(&ground, &body).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (400, Some("Invalid")), "{body}");
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(wanted) && !message.contains("s3cr3t"), "{message}");
    }
    assert_eq!(hub.count(), 0);
}

#[tokio::test]
async fn the_door_is_for_the_app_alone() {
    let hub = Target::start().await;
    let ground = ground(&hub, &[], &json!([])).await;
    let body = apple().to_string();
    let json = ("content-type", "application/json");
    let table: [(&str, &str, Vec<(&str, &str)>, u16, &str); 7] = [
        ("POST", "/v1/push/direct", vec![json, ("origin", "http://localhost")], 403, "FromBrowser"),
        ("POST", "/v1/push/direct", vec![json, ("origin", "null")], 403, "FromBrowser"),
        ("POST", "/v1/push/direct", vec![("content-type", "text/plain")], 415, "NoJson"),
        ("POST", "/v1/push/direct", vec![], 415, "NoJson"),
        ("GET", "/v1/push/direct", vec![json], 405, "WrongMethod"),
        ("OPTIONS", "/v1/push/direct", vec![json], 405, "WrongMethod"),
        ("POST", "/v1/events/shop-events", vec![json], 404, "UnknownPath"),
    ];
    for (method, path, headers, status, code) in table {
        let reply = send(ground.local, method, path, &headers, body.clone()).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{method} {path} {headers:?}");
    }
    let large = format!("{}{body}", " ".repeat(70_000));
    let reply = send(ground.local, "POST", "/v1/push/direct", &[json], large).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (413, Some("TooLarge")));
    assert_eq!(hub.count(), 0);
}

#[tokio::test]
async fn each_answer_of_the_hub_becomes_one_the_app_can_act_on() {
    let hub = Target::start().await;
    let ground = ground(&hub, &[], &json!([])).await;
    let wait = |status: u16, seconds: &str| Answer { status, headers: vec![("retry-after", seconds.to_owned())] };
    let table: [(Answer, u16, &str, Option<&str>); 9] = [
        (200.into(), 202, "Queued", None),
        (400.into(), 400, "HubFoundItMalformed", None),
        (401.into(), 502, "HubUnauthorized", None),
        (403.into(), 502, "HubForbidden", None),
        (wait(403, "600"), 429, "HubThrottled", Some("600")),
        (404.into(), 502, "HubAbsent", None),
        (413.into(), 413, "HubFoundItTooLarge", None),
        (wait(429, "600"), 429, "HubThrottled", Some("600")),
        (wait(503, "600"), 503, "HubUnavailable", Some("600")),
    ];
    for (answer, status, code, retry_after) in table {
        let asked = answer.status;
        hub.answers(answer);
        let before = hub.count();
        let reply = push(&ground, &apple()).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{asked}");
        assert_eq!(reply.header("retry-after"), retry_after, "{asked}");
        assert_eq!(reply.json()["trackingId"], hub.received().pop().unwrap().header("trackingid"));
        // A wait beyond the answer's deadline is the app's to wait; a refused key is tried once more after a look at the files.
        assert_eq!(hub.count() - before, if asked == 401 { 2 } else { 1 }, "{asked}");
    }
    assert!(ground.report().await.problems.iter().any(|problem| problem.starts_with("push: ")));
    hub.answers(201);
    hub.answers_once(wait(429, "0"));
    hub.answers_once(500);
    let before = hub.count();
    assert_eq!(push(&ground, &apple()).await.status, 202);
    assert_eq!(hub.count() - before, 3, "what is transient is tried again");
    assert!(ground.report().await.problems.is_empty());
}

#[tokio::test]
async fn a_rotated_key_is_read_at_the_first_refusal() {
    let hub = Target::start().await;
    hub.answers(201);
    let ground = ground(&hub, &[], &json!([])).await;
    hub.answers_once(401);
    ground.write("push/connectionString", &CONNECTION.replace("c2Vjc", "bmV3a"));
    let old = ground.relay().state.snapshot();
    drop(old);
    assert_eq!(push(&ground, &apple()).await.status, 202);
    let sent = hub.received();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].header("trackingid"), sent[1].header("trackingid"));
    let (theirs, with_old_key) = signature_of(sent[1].header("authorization"));
    assert_ne!(theirs, with_old_key);
}

#[tokio::test]
async fn without_a_hub_or_a_way_to_it_the_app_is_told() {
    let ground_without = Ground::with(&config(&[])).await;
    let reply = push(&ground_without, &apple()).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (503, Some("HubNotConfigured")));
    assert!(reply.header("retry-after").is_some());

    let hub = Target::start().await;
    let ground = ground(&hub, &[], &json!([])).await;
    let address = hub.address;
    hub.stop();
    until("nobody listens", || std::net::TcpListener::bind(address).is_ok()).await;
    let reply = push(&ground, &apple()).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (503, Some("HubUnreachable")));

    // A hub that takes the request and hangs up: it may have been sent, so it is not sent twice.
    let listener = TcpListener::bind(address).await.unwrap();
    let hangs_up = tokio::spawn(async move {
        let mut connections = 0;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            connections += 1;
            let mut some = [0; 4096];
            let read = tokio::io::AsyncReadExt::read(&mut stream, &mut some).await.unwrap();
            assert!(read > 0);
            if connections == 2 {
                return connections;
            }
        }
    });
    let reply = push(&ground, &apple()).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (504, Some("HubNoAnswer")));
    assert!(!hangs_up.is_finished(), "it was sent once");
    hangs_up.abort();
}
