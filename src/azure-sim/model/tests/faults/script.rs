//! Faults as a file.

use super::super::delivery::topic;
use super::*;

const EXAMPLE: &str = include_str!("../../../../../examples/azure-sim/faults/faults.yaml");

fn post(azure: &mut Client, yaml: &str) -> Response {
    let headers = vec![("Content-Type".to_owned(), "application/yaml; charset=utf-8".to_owned())];
    let path = "/_sim/faults".to_owned();
    handle(&mut azure.world, &Request { method: "POST".into(), path, headers, body: yaml.into() }, azure.now)
}

#[test]
fn every_fault_of_the_example_strikes() {
    let mut azure = instant();
    let placed = post(&mut azure, EXAMPLE);
    assert_eq!(placed.status, 200, "{}", placed.value());
    assert_eq!(placed.value()["ids"].as_array().expect("a list").len(), 7);
    assert_eq!(azure.placed("unfired").len(), 7);
    let secret = azure.world.config().client_secret.clone();
    assert_eq!(azure.ask_token(&[("client_secret", &secret)]).status, 503);
    let operation = azure.put_service("shop").header("azure-asyncoperation").expect("an operation").to_owned();
    assert_eq!(azure.get(&service("shop"), ACS).status, 429);
    azure.pass(10);
    assert_eq!(azure.follow(&operation).value()["status"], "Accepted", "late");
    let body = json!({"location": "westeurope", "sku": {"name": "Standard"}});
    assert_eq!(azure.ask("PUT", &namespace("shop-hubs"), NH, body).header(DROP_HEADER), Some("after"));
    let all = format!("{RG}/providers/Microsoft.NotificationHubs/namespaces");
    assert_eq!(azure.get(&all, NH).value()["value"], json!([]));
    azure.pass(20);
    assert_eq!(azure.get(&all, NH).value()["value"].as_array().map(Vec::len), Some(1));
    let hub = format!("{}/notificationHubs/phones", namespace("shop-hubs"));
    assert_eq!(azure.ask("PUT", &hub, NH, json!({"location": "westeurope"})).status, 201);
    assert_eq!(azure.get(&hub, NH).value()["tags"], json!({"owner": "somebody-else"}));
    azure.pass(40);
    assert_eq!(azure.follow(&operation).value()["status"], "Succeeded");
    let source = json!({"source": service("shop"), "topicType": "Microsoft.Communication.CommunicationServices"});
    let body = json!({"location": "global", "properties": source});
    assert_eq!(azure.ask("PUT", &topic(), EG, body).status, 201);
    azure.subscribe(&format!("{}/eventSubscriptions/one", topic()), json!({}));
    for _ in 0..50 {
        azure.sms();
    }
    azure.pass(0);
    assert_eq!(azure.placed("unfired"), Vec::<Value>::new());
}

#[test]
fn a_script_with_a_mistake_is_refused_whole_with_its_place() {
    let mut azure = instant();
    let good = "faults:\n- answer: {status: 503}\n";
    for (yaml, words) in [
        (format!("{good}- answer: {{status: 503}}\n  lable: x\n"), ["lable", "line 4", "column 3"]),
        (format!("{good}- answer:\n    statsu: 503\n"), ["statsu", "line 4", "column 5"]),
        (format!("{good}more: 1\n"), ["more", "line 3", "column 1"]),
        (format!("{good}- answer: {{status: many}}\n"), ["line 3", "column 20", "u16"]),
        (format!("{good}- label: two\n"), ["fault 2", "(two)", "'answer'"]),
        ("faults: []\n".to_owned(), ["'faults'", "empty", "list"]),
    ] {
        let refused = post(&mut azure, &yaml);
        assert_eq!(refused.status, 400, "{yaml}");
        let error = refused.value()["error"].as_str().expect("a reason").to_owned();
        assert!(words.iter().all(|word| error.contains(word)), "{yaml}{error}");
    }
    assert!(azure.placed("").is_empty());
    assert_eq!(post(&mut azure, good).status, 200);
}

#[test]
fn a_script_and_the_door_say_the_same() {
    let yaml = "faults:\n- {label: a, plane: arm, nth: 2, times: 3, probability: 0.5, answer: {lro: {late: {factor: 3}}}}\n\
                - {method: PUT, answer: {lro: lost, drop: after, after: {delete: {}}}}\n";
    let (mut by_script, mut by_door) = (instant(), instant());
    assert_eq!(post(&mut by_script, yaml).status, 200);
    let late = json!({"lro": {"late": {"factor": 3}}});
    by_door.place(json!({"label": "a", "plane": "arm", "nth": 2, "times": 3, "probability": 0.5, "answer": late}));
    by_door.place(json!({"method": "PUT", "answer": {"lro": "lost", "drop": "after", "after": {"delete": {}}}}));
    assert_eq!(by_script.placed(""), by_door.placed(""));
}

#[test]
fn a_restart_with_the_same_script_places_nothing_twice() {
    let mut azure = instant();
    let script = || Fault::script(EXAMPLE).expect("a script");
    assert_eq!(azure.world.place_missing_faults(script()), Ok(vec![1, 2, 3, 4, 5, 6, 7]));
    assert_eq!(azure.world.place_missing_faults(script()), Ok(vec![]));
    azure.world.remove_fault(3);
    assert_eq!(azure.world.place_missing_faults(script()), Ok(vec![8]));
}
