//! Reads that lag behind, and what others do behind the client's back.

use super::*;

fn tags(azure: &mut Client) -> Value {
    azure.get(&service("shop"), ACS).value()["tags"].clone()
}

fn tag(azure: &mut Client, value: &str) {
    let patched = azure.ask("PATCH", &service("shop"), ACS, json!({"tags": {"step": value}}));
    assert_eq!(patched.status, 200);
}

fn names(azure: &mut Client) -> Vec<Value> {
    let id = format!("{RG}/providers/Microsoft.Communication/communicationServices");
    let list = azure.get(&id, ACS).value()["value"].as_array().expect("a list").clone();
    list.into_iter().map(|item| item["name"].clone()).collect()
}

#[test]
fn stale_reads_show_what_was() {
    let mut azure = instant();
    azure.put_service("shop");
    tag(&mut azure, "zero");
    let id = azure.place(json!({"method": "GET", "answer": {"staleMs": 10_000}}));
    azure.now += 60_000;
    tag(&mut azure, "one");
    azure.put_service("depot");
    azure.now += 5_000;
    tag(&mut azure, "two");
    // Five seconds after one, at once after two: both are unknown yet, and so is the other service.
    assert_eq!(tags(&mut azure), json!({"step": "zero"}));
    assert_eq!((names(&mut azure), azure.get(&service("depot"), ACS).status), (vec![json!("shop")], 404));
    azure.now += 4_999;
    assert_eq!(tags(&mut azure), json!({"step": "zero"}));
    azure.now += 1;
    assert_eq!(tags(&mut azure), json!({"step": "one"}), "ten seconds are over");
    assert_eq!(names(&mut azure).len(), 2);
    // What is gone is still there, and reading left nothing behind.
    assert_eq!(azure.ask("DELETE", &service("depot"), ACS, Value::Null).status, 202);
    azure.pass(1);
    assert_eq!(azure.get(&service("depot"), ACS).status, 200);
    assert!(azure.world.resource(&service("depot")).is_none());
    assert_eq!(azure.world.resource(&service("shop")).expect("a service")["tags"]["step"], "two");
    azure.now += 10_000;
    assert_eq!((tags(&mut azure), azure.get(&service("depot"), ACS).status), (json!({"step": "two"}), 404));
    tag(&mut azure, "three");
    azure.world.remove_fault(id);
    assert_eq!(tags(&mut azure), json!({"step": "three"}));
    azure.place(json!({"method": "GET", "times": 1, "answer": {"staleMs": 86_400_000}}));
    assert_eq!(tags(&mut azure), json!({"step": "three"}), "nothing is remembered of the time before the fault");
}

#[test]
fn every_list_is_stale_and_so_are_tags() {
    let mut azure = instant();
    azure.put_service("shop");
    tag(&mut azure, "zero");
    let subscription = RG.split("/resourceGroups").next().expect("a subscription").to_owned();
    let own = format!("{subscription}/providers/Microsoft.Resources/tags/default");
    let put = |azure: &mut Client, value: &str| {
        let body = json!({"properties": {"tags": {"step": value}}});
        assert_eq!(azure.ask("PUT", &own, "2021-04-01", body).status, 200);
    };
    put(&mut azure, "zero");
    azure.place(json!({"method": "GET", "answer": {"staleMs": 10_000}}));
    azure.now += 60_000;
    tag(&mut azure, "one");
    put(&mut azure, "one");
    azure.put_service("depot");
    let group = format!("{subscription}/resourceGroups/rg-new");
    assert_eq!(azure.ask("PUT", &group, "2021-04-01", json!({"location": "westeurope"})).status, 201);
    let mut seen = || {
        let mut list = |id: String| azure.get(&id, "2021-04-01").value()["value"].as_array().expect("a list").clone();
        let counts = [
            list(format!("{RG}/resources")).len(),
            list(format!("{subscription}/resources")).len(),
            list(format!("{subscription}/resourcegroups")).len(),
        ];
        let names = list(format!("{subscription}/tagNames"))[0]["values"][0]["tagValue"].clone();
        let of_service = format!("{}/providers/Microsoft.Resources/tags/default", service("shop"));
        let tags = [own.clone(), of_service];
        let tags = tags.map(|id| azure.get(&id, "2021-04-01").value()["properties"]["tags"]["step"].clone());
        azure.now += 10_000;
        (counts, names, tags)
    };
    assert_eq!(seen(), ([1, 1, 1], json!("zero"), [json!("zero"), json!("zero")]));
    assert_eq!(seen(), ([2, 2, 2], json!("one"), [json!("one"), json!("one")]), "ten seconds later");
}

#[test]
fn what_timers_change_is_stale_by_their_time() {
    let mut azure = azure();
    azure.place(json!({"method": "GET", "path": "communicationServices", "answer": {"staleMs": 30_000}}));
    azure.put_service("shop");
    let start = azure.now;
    while state(&azure.get(&service("shop"), ACS)) != "Succeeded" {
        azure.pass(1);
    }
    let stale = azure.now - start;
    let mut azure = super::super::azure();
    azure.put_service("shop");
    let start = azure.now;
    while state(&azure.get(&service("shop"), ACS)) != "Succeeded" {
        azure.pass(1);
    }
    assert_eq!(stale, azure.now - start + 30_000);
}

#[test]
fn stale_reads_are_written_down_as_no_change() {
    let mut azure = instant();
    azure.put_service("shop");
    azure.place(json!({"method": "GET", "answer": {"staleMs": 10_000}}));
    azure.now += 20_000;
    tag(&mut azure, "new");
    azure.world.watch();
    azure.world.changes().expect("writable");
    assert_eq!(tags(&mut azure), Value::Null);
    assert!(azure.world.changes().expect("writable").iter().all(|change| change.table != "resource"));
}

#[test]
fn somebody_edits_or_deletes_right_after_the_request() {
    let mut azure = instant();
    azure.place(json!({"method": "PUT", "times": 1, "answer": {"after": {"set": {"pointer": "/tags/owner", "value": "mallory"}}}}));
    let made = azure.put_service("shop");
    assert_eq!((made.status, made.value()["tags"].clone()), (201, Value::Null), "the answer is as ever");
    assert_eq!(tags(&mut azure), json!({"owner": "mallory"}));
    azure.place(json!({"method": "POST", "times": 1, "answer": {"after": {"delete": {}}}}));
    let keys = azure.ask("POST", &format!("{}/listKeys", service("shop")), ACS, Value::Null);
    assert!(keys.value()["primaryKey"].is_string());
    assert_eq!(azure.get(&service("shop"), ACS).status, 404, "the resource whose action it was");
    azure.put_service("depot");
    azure.place(json!({"method": "PUT", "path": "/shop", "times": 1, "answer": {"drop": "after", "after": {"delete": {"id": service("DEPOT")}}}}));
    assert_eq!(azure.put_service("shop").header(DROP_HEADER), Some("after"));
    assert_eq!((azure.get(&service("shop"), ACS).status, azure.get(&service("depot"), ACS).status), (200, 404));
    // What was not performed provokes nobody.
    azure.place(json!({"method": "PUT", "answer": {"status": 503, "after": {"delete": {}}}}));
    assert_eq!((azure.put_service("shop").status, azure.get(&service("shop"), ACS).status), (503, 200));
}

#[test]
fn somebody_edits_or_deletes_a_while_later_and_stands_in_the_journal() {
    let mut azure = azure();
    azure.put_service("shop");
    azure.pass(60);
    let set = json!({"pointer": "/tags/owner", "value": "mallory", "inMs": 5000});
    azure.place(json!({"method": "PATCH", "times": 1, "answer": {"after": {"set": set}}}));
    azure.place(json!({"method": "PATCH", "nth": 2, "answer": {"after": {"delete": {"inMs": 7000}}}}));
    azure.place(json!({"method": "POST", "answer": {"after": {"delete": {"id": service("nowhere")}}}}));
    tag(&mut azure, "one");
    tag(&mut azure, "two");
    azure.now += 4_999;
    assert_eq!(tags(&mut azure), json!({"step": "two"}));
    azure.now += 1;
    assert_eq!(tags(&mut azure), json!({"step": "two", "owner": "mallory"}), "five seconds are over");
    azure.now += 1_999;
    assert_eq!(azure.get(&service("shop"), ACS).status, 200);
    let at = azure.now + 1;
    // Nobody looks at the moment when it is due.
    azure.now += 10_000;
    assert_eq!(azure.get(&service("shop"), ACS).status, 404);
    azure.ask("POST", &format!("{}/listKeys", service("shop")), ACS, Value::Null);
    let page = azure.raw("GET", "/_sim/journal?outOfBand=true", b"").value();
    let facts = |entry: &Value| {
        let [method, status, effect, fault] = ["method", "status", "effect", "fault"].map(|name| entry[name].clone());
        (entry["operation"].clone(), method, status, effect, fault)
    };
    let write = json!("Microsoft.Communication/CommunicationServices/write");
    let delete = json!("Microsoft.Communication/CommunicationServices/delete");
    let entries: Vec<_> = page["entries"].as_array().expect("a list").iter().map(facts).collect();
    assert_eq!(
        entries,
        [
            (write, json!("PATCH"), json!(200), json!("update"), json!(1)),
            (delete.clone(), json!("DELETE"), json!(200), json!("delete"), json!(2)),
            (delete, json!("DELETE"), json!(404), json!("none"), json!(3)),
        ]
    );
    assert_eq!((&page["entries"][1]["time"], &page["entries"][1]["outOfBand"]), (&json!(at), &json!(true)));
    assert_eq!(page["entries"][1]["path"], service("shop"));
    let clients = azure.raw("GET", "/_sim/journal?outOfBand=false&method=PATCH,DELETE", b"").value();
    assert_eq!(clients["entries"].as_array().map(Vec::len), Some(2), "the client's own two");
}

#[test]
fn what_somebody_is_about_to_do_survives_a_restart() {
    let mut azure = instant();
    azure.place(json!({"method": "PUT", "answer": {"after": {"delete": {"inMs": 5000}}}}));
    azure.put_service("shop");
    azure.world.watch();
    let mut restored = azure.restarted();
    assert_eq!(restored.get(&service("shop"), ACS).status, 200);
    restored.now += 5000;
    assert_eq!(restored.get(&service("shop"), ACS).status, 404);
    let entry = restored.world.journal().iter().find(|entry| entry.out_of_band).expect("an entry");
    assert_eq!((entry.fault, entry.time), (Some(1), restored.now));
}
