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
    azure.world.changes();
    assert_eq!(tags(&mut azure), Value::Null);
    assert!(azure.world.changes().iter().all(|change| change.table != "resource"));
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
