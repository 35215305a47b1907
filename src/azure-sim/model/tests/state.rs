//! A world that was written down and read back is the world that never stopped: same requests, same answers.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What a store holds.
pub(super) type Shelf = BTreeMap<(&'static str, Vec<u8>), Vec<u8>>;

pub(super) fn save(world: &mut World, shelf: &mut Shelf) {
    for Change { table, key, value } in world.changes().expect("writable") {
        match value {
            Some(value) => shelf.insert((table, key), value),
            None => shelf.remove(&(table, key)),
        };
    }
}

pub(super) fn load(config: &Config, shelf: &Shelf, whole: bool) -> (World, Vec<String>) {
    let records = shelf.iter().map(|((table, key), value)| Stored {
        table: (*table).to_owned(),
        key: key.clone(),
        value: value.clone(),
    });
    World::restored(config, records, whole).expect("readable")
}

/// Everything in a world, whatever was written of it before.
pub(super) fn everything(world: &World) -> Shelf {
    let (mut world, mut shelf) = (world.clone(), Shelf::new());
    world.watch();
    save(&mut world, &mut shelf);
    shelf
}

/// What somebody does: a verb, and two small numbers that choose its object and its ways.
type Step = (u8, u8, u8);

fn hub(namespace_name: &str) -> String {
    format!("{}/notificationHubs/phones", namespace(namespace_name))
}

fn subscription(at: u8) -> String {
    let name = ["one", "two"][usize::from(at % 2)];
    format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/{name}", service(SERVICES[usize::from(at / 2 % 2)]))
}

const SERVICES: [&str; 2] = ["shop", "depot"];
const NAMESPACES: [&str; 2] = ["shop-hubs", "depot-hubs"];

/// One request, as method, path and body. Numbers beyond what there is come around again.
fn request(step: Step) -> (&'static str, String, Value) {
    if step.0 % 22 < 14 { to_azure(step) } else { to_doors(step) }
}

fn to_azure((verb, a, b): Step) -> (&'static str, String, Value) {
    let (service_id, space) = (service(SERVICES[usize::from(a % 2)]), NAMESPACES[usize::from(a % 2)]);
    let rule = "authorizationRules/DefaultFullSharedAccessSignature/listKeys";
    let europe = json!({"location": "global", "properties": {"dataLocation": "Europe"}});
    let (method, id, version, body) = match verb % 22 {
        0 => ("PUT", service_id, ACS, europe),
        1 => ("PATCH", service_id, ACS, json!({"tags": {"step": b.to_string()}})),
        2 => ("DELETE", service_id, ACS, Value::Null),
        3 => ("GET", service_id, ACS, Value::Null),
        4 => ("POST", format!("{service_id}/regenerateKey"), ACS, json!({"keyType": "Primary"})),
        5 => ("POST", format!("{service_id}/listKeys"), ACS, Value::Null),
        6 => ("PUT", namespace(space), NH, json!({"location": "westeurope", "sku": {"name": "Standard"}})),
        7 => {
            let fcm = json!({"properties": {"clientEmail": "e", "privateKey": "k", "projectId": "p"}});
            ("PUT", hub(space), NH, json!({"location": "westeurope", "properties": {"fcmV1Credential": fcm}}))
        }
        8 => ("DELETE", namespace(space), NH, Value::Null),
        9 => ("POST", format!("{}/{rule}", hub(space)), NH, Value::Null),
        10 => ("DELETE", RG.replace("rg-shop", &format!("rg-{a}")), "2021-04-01", Value::Null),
        11 | 12 => ("PUT", subscription(a), EG, webhook(b)),
        _ => ("DELETE", subscription(a), EG, Value::Null),
    };
    (method, format!("{id}?api-version={version}"), body)
}

fn webhook(b: u8) -> Value {
    let url = format!("https://hook-{b}.example/");
    json!({"properties": {
        "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": url}},
        "retryPolicy": {"maxDeliveryAttempts": 1 + b % 3, "eventTimeToLiveInMinutes": 60},
        "deadLetterDestination": {"endpointType": "StorageBlob", "properties": {
            "resourceId": "/subscriptions/s/storage", "blobContainerName": "dead",
        }},
    }})
}

fn to_doors((verb, a, b): Step) -> (&'static str, String, Value) {
    let (name, space) = (SERVICES[usize::from(a % 2)], NAMESPACES[usize::from(a % 2)]);
    let user = format!("user-{}", b % 3);
    let (method, door, body) = match verb % 22 {
        14 | 15 => {
            let kind = "Microsoft.Communication.SMSReceived";
            let event =
                json!({"service": name, "count": 1 + b % 4, "type": kind, "subject": "/phone", "data": {"n": b}});
            ("POST", "events", event)
        }
        16 => ("POST", "phones", json!({"hub": hub(space), "user": user, "platform": "fcmv1"})),
        17 => ("POST", "call", json!({"service": name, "to": user})),
        18 => {
            let answer = if b % 2 == 0 { json!({"status": 503, "retryAfter": 3}) } else { json!({"lro": "fail"}) };
            let method = ["GET", "PUT", "DELETE"][usize::from(a % 3)];
            ("POST", "faults", json!({"method": method, "nth": 1 + b % 3, "times": 1, "answer": answer}))
        }
        19 => {
            let settings = [
                json!({"takeName": name}),
                json!({"unregisterProvider": "Microsoft.EventGrid"}),
                json!({"registerProvider": "Microsoft.EventGrid"}),
                json!({"addGroup": format!("rg-{a}")}),
            ];
            ("POST", "config", settings[usize::from(b % 4)].clone())
        }
        20 => ("POST", "portal/link", json!({"service": service(name), "hub": hub(space)})),
        _ => {
            let doors = ["state", "deliveries", "dead-letters", "phones", "faults", "journal"];
            ("GET", doors[usize::from(b % 6)], Value::Null)
        }
    };
    (method, format!("/_sim/{door}"), body)
}

/// What can be seen of one step: the answer, and the calls that the world makes.
#[derive(Debug, PartialEq)]
struct Seen {
    response: Response,
    calls: Vec<Outbound>,
    next: Option<u64>,
}

/// One step in one world: time goes on, a request is made, and what is out is answered.
fn live(client: &mut Client, step: Step, out: &mut Vec<Outbound>) -> Seen {
    let (verb, a, b) = step;
    client.now += [0, 1, 900, 7_000, 31_000, 400_000][usize::from((verb ^ b) % 6)];
    let (method, path, body) = request(step);
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let response = client.raw(method, &path, &body);
    let calls = advance(&mut client.world, client.now);
    out.extend(calls.iter().cloned());
    // Some calls stay out for a while.
    if a % 3 != 0 {
        for call in out.drain(..) {
            let code = serde_json::from_slice::<Value>(&call.body)
                .ok()
                .and_then(|event| event.pointer("/0/data/validationCode").cloned())
                .unwrap_or_default();
            let answer = match b % 5 {
                0 => Answered::Response { status: 500, headers: vec![], body: vec![] },
                1 => Answered::TimedOut("no answer".into()),
                _ => Answered::Response {
                    status: 200,
                    headers: vec![],
                    body: json!({"validationResponse": code}).to_string().into_bytes(),
                },
            };
            answered(&mut client.world, call.id, answer, client.now);
        }
    }
    Seen { response, calls, next: next_timer(&client.world) }
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..22u8, 0..4u8, any::<u8>()), 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_world_that_was_kept_answers_like_one_that_never_stopped(
        before in steps(60), after in steps(40), saves in prop::collection::vec(any::<bool>(), 60), throttle in any::<bool>(),
    ) {
        let config = Config {
            profile: Profile::Azure, throttle, journal_capacity: 25, deletion_notices: true, ..Config::default()
        };
        let mut client = Client::new(config.clone());
        let (mut shelf, mut out) = (Shelf::new(), Vec::new());
        client.world.watch();
        for (step, saved) in before.into_iter().zip(saves) {
            live(&mut client, step, &mut out);
            // Now after each step, now after several: what changed twice is written once.
            if saved {
                save(&mut client.world, &mut shelf);
            }
        }
        save(&mut client.world, &mut shelf);
        let (restored, remarks) = load(&config, &shelf, true);
        prop_assert_eq!(remarks, Vec::<String>::new());
        prop_assert_eq!(everything(&client.world), everything(&restored));
        let mut other = Client { world: restored, now: client.now, token: client.token.clone() };
        let mut others = out.clone();
        for step in after {
            let (first, second) = (live(&mut client, step, &mut out), live(&mut other, step, &mut others));
            prop_assert_eq!(first, second);
            save(&mut client.world, &mut shelf);
            // What is written of the continuation holds, too.
            prop_assert_eq!(&shelf, &everything(&client.world));
        }
        prop_assert_eq!(everything(&client.world), everything(&other.world));
    }
}

#[test]
fn a_read_is_not_urgent_and_a_write_is() {
    let mut azure = azure();
    azure.put_service("shop");
    assert!(!azure.world.has_urgent_changes(), "nobody keeps this world");
    azure.world.watch();
    assert!(azure.world.has_urgent_changes());
    azure.world.changes().expect("writable");
    azure.get(&service("shop"), ACS);
    assert!(!azure.world.has_urgent_changes());
    azure.put_service("depot");
    assert!(azure.world.has_urgent_changes());
}

/// Lists in lists, so many.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

#[test]
fn what_is_put_too_deep_is_refused_and_what_may_be_put_reads_back() {
    let mut azure = instant();
    azure.put_service("shop");
    azure.pass(0);
    azure.world.watch();
    let id = service("shop");
    let deep = |segments: usize| "/x".repeat(segments);
    let set = |azure: &mut Client, pointer: &str, value: Value| {
        let body = json!({"id": id, "pointer": pointer, "value": value}).to_string();
        azure.raw("POST", "/_sim/portal/set", body.as_bytes())
    };
    let before = azure.get(&id, ACS).value();
    // The first took the stack of whoever copied it, the second could be copied and written down, but not read.
    for (pointer, value, why) in [
        (deep(100_000), json!(1), "more than 32 segments"),
        (deep(1_100), json!(1), "more than 32 segments"),
        (deep(33), json!(1), "more than 32 segments"),
        (deep(1), nested(65), "more than 64 levels"),
        (String::new(), json!(1), "begins with a slash"),
        ("tags".to_owned(), json!(1), "begins with a slash"),
    ] {
        let refused = set(&mut azure, &pointer, value.clone());
        let said = refused.value()["error"].as_str().unwrap_or_default().to_owned();
        assert!(refused.status == 400 && said.contains(why), "{} {said}", refused.status);
        let fault = json!({"method": "GET", "answer": {"after": {"set": {"pointer": pointer, "value": value}}}});
        let refused = azure.raw("POST", "/_sim/faults", fault.to_string().as_bytes());
        assert_eq!(refused.status, 400, "{}", refused.value());
    }
    let tags = json!({"id": id, "tags": nested(65)}).to_string();
    assert_eq!(azure.raw("POST", "/_sim/portal/tags", tags.as_bytes()).status, 400);
    assert_eq!(azure.get(&id, ACS).value(), before);

    assert_eq!(set(&mut azure, &deep(32), nested(64)).status, 200);
    let mut shelf = Shelf::new();
    save(&mut azure.world, &mut shelf);
    let (again, _) = load(azure.world.config(), &shelf, true);
    assert_eq!(everything(&azure.world), everything(&again));
    // A parser that gives up at 128 levels reads all of it: here in an object of objects.
    let shown = azure.raw("GET", "/_sim/state", b"").value();
    assert_eq!(shown["resources"][id.to_lowercase()].pointer(&deep(32)), Some(&nested(64)));
}

#[test]
fn what_has_no_written_form_is_said_and_never_written_as_nothing() {
    let mut azure = instant();
    azure.put_service("shop");
    azure.world.watch();
    let mut shelf = Shelf::new();
    save(&mut azure.world, &mut shelf);
    azure.world.resources.get_mut(&service("shop").to_lowercase()).expect("a service").body = nested(300);
    let error = azure.world.changes().expect_err("too deep").to_string();
    assert_eq!(error, "a record of 'resource' cannot be written: depth limit exceeded");
}

#[test]
fn a_signed_url_is_not_kept_and_holds_over_a_restart_all_the_same() {
    let mut azure = azure();
    azure.world.watch();
    let url = |put: &Response| put.header("azure-asyncoperation").expect("an operation").to_owned();
    let urls = [url(&azure.put_service("shop")), url(&azure.put_service("depot"))];
    let signature = |url: &str| url.split_once("&t=").expect("a query").1.to_owned();
    assert_ne!(signature(&urls[0]), signature(&urls[1]));
    let mut shelf = Shelf::new();
    save(&mut azure.world, &mut shelf);
    let records = || shelf.iter().filter(|((table, _), _)| *table == "operation");
    assert_eq!(records().count(), 2);
    assert!(records().all(|(_, record)| record.len() < 1_000), "a URL alone has 3 KB");
    (azure.world, _) = load(azure.world.config(), &shelf, true);
    assert!(urls.iter().all(|url| azure.follow(url).status == 200));
    assert_eq!(azure.follow(&urls[0].replace("&h=", "&h=x")).status, 404);
}

/// Its record has the whole URL.
#[test]
fn a_url_that_a_version_before_signed_holds() {
    let mut azure = azure();
    let url = azure.put_service("shop").header("azure-asyncoperation").expect("an operation").to_owned();
    let other = format!("{}&s=signed&h=before", url.split("&s=").next().expect("a URL"));
    let path = other.strip_prefix(&azure.world.config().base_url).expect("an own URL").to_owned();
    let name = path.split('?').next().expect("a path").rsplit('/').next().expect("a name").to_lowercase();
    azure.world.operations.get_mut(&name).expect("an operation").issued = path;
    assert_eq!((azure.follow(&other).status, azure.follow(&url).status), (200, 404));
}

#[test]
fn numbers_of_the_journal_never_come_twice() {
    let mut azure = instant();
    azure.world.watch();
    let mut shelf = Shelf::new();
    save(&mut azure.world, &mut shelf);
    // Reads that were answered and not written: their numbers were seen.
    for _ in 0..1_000 {
        azure.get(&service("shop"), ACS);
    }
    assert!(!azure.world.has_urgent_changes(), "within what was reserved");
    let seen = azure.world.journal().back().expect("an entry").sequence;
    let (mut again, _) = load(azure.world.config(), &shelf, false);
    assert!(again.journal.next() > seen);
    assert!(again.has_urgent_changes(), "the next numbers are reserved before they are given out");
    again.changes().expect("writable");
    azure.get(&service("shop"), ACS);
    assert!(azure.world.has_urgent_changes(), "what was reserved is used up");
}

#[test]
fn what_names_things_stays_and_how_it_behaves_is_as_asked() {
    let mut azure = azure();
    azure.world.watch();
    let mut shelf = Shelf::new();
    save(&mut azure.world, &mut shelf);
    let asked = Config {
        seed: 7,
        profile: Profile::Instant,
        resource_groups: vec!["rg-new".into()],
        client_secret: "another".into(),
        ..Config::default()
    };
    let (world, remarks) = load(&asked, &shelf, true);
    assert_eq!((world.config().seed, world.config().profile), (1, Profile::Instant));
    assert_eq!(world.config().client_secret, Config::default().client_secret);
    assert!(world.resource(&RG.replace("rg-shop", "rg-new")).is_some() && world.resource(RG).is_some());
    assert_eq!(remarks[0], "the kept world was made with the seed 1, which stays; 7 is not used");
    assert!(remarks.len() == 2 && !remarks[1].contains("another,"), "{remarks:?}");
}

#[test]
fn records_of_a_later_version_are_refused() {
    let record = Stored { table: "holograms".into(), key: vec![], value: vec![] };
    let error = World::restored(&Config::default(), [record], true).map(|_| ()).expect_err("refused");
    let told = "the record 'holograms' cannot be read: this version knows no such table; a later one wrote it";
    assert_eq!(error.to_string(), told);
}
