//! Faults: whom they strike, and what becomes of it.

mod behind;
mod keys;
mod outward;
mod script;

use super::*;

impl Client {
    /// Places a fault by its door. Returns its number.
    pub(super) fn place(&mut self, fault: Value) -> u64 {
        let placed = self.raw("POST", "/_sim/faults", fault.to_string().as_bytes());
        assert_eq!(placed.status, 200, "{}", placed.value());
        placed.value()["id"].as_u64().expect("a number")
    }

    fn placed(&mut self, query: &str) -> Vec<Value> {
        let shown = self.raw("GET", &format!("/_sim/faults?{query}"), b"");
        assert_eq!(shown.status, 200, "{}", shown.value());
        shown.value()["faults"].as_array().expect("a list").clone()
    }

    /// The same in a world that was read back from what of this one was written down.
    fn restarted(&mut self) -> Self {
        let stored = |Change { table, key, value }| Some(Stored { table: String::from(table), key, value: value? });
        let records: Vec<Stored> = self.world.changes().expect("writable").into_iter().filter_map(stored).collect();
        let config = self.world.config().clone();
        let (world, _) = World::restored(&config, records, true).expect("readable");
        Self { world, now: self.now, token: self.token.clone() }
    }

    fn statuses(&mut self, count: usize) -> Vec<u16> {
        (0..count).map(|_| self.get(&service("shop"), ACS).status).collect()
    }
}

#[test]
fn what_no_fault_can_be_is_refused_with_the_reason() {
    let mut azure = instant();
    for (fault, why) in [
        (json!({}), "'answer' says nothing"),
        (json!({"answer": {"status": 503}, "probability": 1.5}), "'probability'"),
        (json!({"answer": {"status": 99}}), "'status'"),
        (json!({"answer": {"stormMs": 86_400_001}}), "'stormMs'"),
        (json!({"answer": {"lro": {"late": {"factor": 1}}}}), "'factor'"),
        (json!({"answer": {"lro": "fail"}, "plane": "hubs"}), "'lro'"),
        (json!({"answer": {"status": 503}, "label": "x".repeat(1025)}), "'label'"),
        (json!({"answer": {"status": 503}, "plane": "moon"}), "moon"),
        (json!({"answer": {"status": 503}, "lable": "x"}), "lable"),
    ] {
        let refused = azure.raw("POST", "/_sim/faults", fault.to_string().as_bytes());
        assert_eq!(refused.status, 400, "{fault}");
        let error = refused.value()["error"].as_str().expect("a reason").to_owned();
        assert!(error.contains(why), "{fault}: {error}");
    }
    assert!(azure.placed("").is_empty());
    for _ in 0..1000 {
        azure.place(json!({"answer": {"status": 503}}));
    }
    let one_more = azure.raw("POST", "/_sim/faults", br#"{"answer": {"status": 503}}"#);
    assert_eq!(one_more.status, 400, "a thousand are enough");
}

#[test]
fn a_plane_is_struck_and_the_others_are_not() {
    let mut azure = instant();
    let path = "/common/discovery/instance?api-version=1.1";
    for (plane, arm, entra) in [("arm", 503, 200), ("entra", 404, 503), ("hubs", 404, 200), ("outward", 404, 200)] {
        let id = azure.place(json!({"plane": plane, "answer": {"status": 503}}));
        assert_eq!(azure.get(&service("shop"), ACS).status, arm, "{plane}");
        assert_eq!(azure.raw("GET", path, b"").status, entra, "{plane}");
        azure.world.remove_fault(id);
    }
}

#[test]
fn faults_are_found_by_their_label_and_those_that_never_struck_are_told() {
    let mut azure = instant();
    azure.place(json!({"label": "reads", "method": "GET", "answer": {"status": 503}}));
    azure.place(json!({"label": "writes", "method": "PUT", "answer": {"status": 503}}));
    // It matches, and is never due.
    azure.place(json!({"label": "late", "method": "GET", "nth": 3, "answer": {"status": 500}}));
    assert_eq!(azure.statuses(1), [503]);
    let labels = |faults: &[Value]| faults.iter().map(|fault| fault["label"].clone()).collect::<Vec<_>>();
    assert_eq!(labels(&azure.placed("unfired")), [json!("writes"), json!("late")]);
    let late = azure.placed("label=late");
    assert_eq!((late.len(), &late[0]["seen"], &late[0]["hits"]), (1, &json!(1), &json!(0)));
    assert_eq!(azure.put_service("shop").status, 503);
    assert_eq!(labels(&azure.placed("unfired=true")), [json!("late")]);
    assert_eq!(azure.placed("unfired=false").len(), 3);
    assert_eq!(azure.raw("GET", "/_sim/faults?unfird", b"").status, 400);
}

#[test]
fn the_seed_decides_whom_a_likely_fault_strikes_and_shifts_nothing_else() {
    let run = |seed: u64, faults: &[Value]| {
        let mut azure = Client::new(Config { seed, throttle: false, ..Config::default() });
        for fault in faults {
            azure.place(fault.clone());
        }
        let statuses = azure.statuses(200);
        azure.world.clear_faults();
        azure.put_service("shop");
        let keys = azure.ask("POST", &format!("{}/listKeys", service("shop")), ACS, Value::Null).value();
        (statuses, keys)
    };
    let half = json!({"probability": 0.5, "answer": {"status": 503}});
    let rare = json!({"probability": 0.1, "answer": {"status": 500}});
    let (first, keys) = run(7, std::slice::from_ref(&half));
    assert_eq!(run(7, std::slice::from_ref(&half)), (first.clone(), keys.clone()), "the same seed");
    let struck = first.iter().filter(|status| **status == 503).count();
    assert!((60..140).contains(&struck), "{struck} of 200");
    assert_ne!(run(8, std::slice::from_ref(&half)).0, first, "another seed");
    assert_eq!(run(7, &[]).1, keys, "keys are those of a world without faults");
    // Another fault behind it changes nothing of whom it strikes.
    let both = run(7, &[half, rare.clone()]).0;
    let of_first = |all: &[u16]| all.iter().map(|status| *status == 503).collect::<Vec<_>>();
    assert_eq!(of_first(&both), of_first(&first));
    assert!(both.contains(&500), "the other one strikes too");
    assert_eq!(run(7, &[json!({"probability": 0, "answer": {"status": 503}})]).0, [404; 200]);
    assert_eq!(run(7, &[json!({"probability": 1, "answer": {"status": 503}})]).0, [503; 200]);
    assert_ne!(run(7, &[rare]).0, [404; 200]);
}

#[test]
fn a_storm_throttles_every_match_until_it_is_over() {
    let mut azure = instant();
    azure.place(json!({"nth": 2, "operation": "Microsoft.Communication/*", "answer": {"stormMs": 30_000}}));
    assert_eq!(azure.statuses(1), [404], "the second one begins it");
    let begun = azure.get(&service("shop"), ACS);
    assert_eq!(refusal(&begun), (429, "TooManyRequests".into()));
    assert_eq!(begun.header("retry-after"), Some("30"));
    azure.now += 12_500;
    assert_eq!(azure.get(&service("shop"), ACS).header("retry-after"), Some("18"), "what is left of it");
    assert_eq!(azure.get(RG, "2021-04-01").status, 200, "another provider has no storm");
    azure.now += 17_499;
    assert_eq!(azure.put_service("shop").status, 429, "writes are in it too");
    azure.now += 1;
    assert_eq!(azure.statuses(3), [404; 3], "over, and not begun anew");
    assert_eq!(azure.placed("")[0]["hits"], 3);
    // Where a likely fault begins a storm, nobody is spared.
    azure.world.clear_faults();
    azure.place(json!({"probability": 0.2, "answer": {"stormMs": 1000, "status": 503, "retryAfter": 2}}));
    let all = azure.statuses(100);
    let calm = all.iter().take_while(|status| **status == 404).count();
    assert!(calm < 90 && all[calm..].iter().all(|status| *status == 503), "{all:?}");
    assert_eq!(azure.get(&service("shop"), ACS).header("retry-after"), Some("2"));
}

#[test]
fn a_late_operation_ends_later_and_its_resource_with_it() {
    let ends = |lro: Value| {
        let mut azure = azure();
        if !lro.is_null() {
            azure.place(json!({"method": "PUT", "answer": {"lro": lro}}));
        }
        let url = azure.put_service("shop").header("azure-asyncoperation").expect("an operation").to_owned();
        let (mut operation, mut resource) = (None, None);
        for second in 0..400 {
            let status = azure.follow(&url).value()["status"].clone();
            if operation.is_none() && status == "Succeeded" {
                operation = Some(second);
            }
            if resource.is_none() && state(&azure.get(&service("shop"), ACS)) == "Succeeded" {
                resource = Some(second);
            }
            azure.pass(1);
        }
        (operation.expect("it ended"), resource.expect("it is ready"))
    };
    let (operation, resource) = ends(Value::Null);
    assert!(operation > 0 && resource > 0);
    assert_eq!(ends(json!({"late": {"ms": 60_000}})), (operation + 60, resource + 60));
    assert_eq!(ends(json!({"late": {"factor": 3}})), (operation * 3, resource * 3));
}

#[test]
fn a_late_deletion_leaves_the_resource_until_then() {
    let gone = |late: bool| {
        let mut azure = azure();
        azure.put_service("shop");
        azure.pass(60);
        if late {
            azure.place(json!({"method": "DELETE", "answer": {"lro": {"late": {"ms": 100_000}}}}));
        }
        assert_eq!(azure.ask("DELETE", &service("shop"), ACS, Value::Null).status, 202);
        let start = azure.now;
        while azure.get(&service("shop"), ACS).status == 200 {
            azure.pass(1);
        }
        (azure.now - start) / 1000
    };
    assert_eq!(gone(true), gone(false) + 100);
}

#[test]
fn an_accepted_webhook_is_subscribed_later_too() {
    let ready = |late: bool| {
        let mut azure = super::event_grid::with_topic(azure());
        if late {
            azure.place(json!({"method": "PUT", "answer": {"lro": {"late": {"ms": 50_000}}}}));
        }
        let start = azure.now;
        super::event_grid::put_webhook(&mut azure, "https://relay.example/e");
        super::event_grid::grant(&mut azure);
        while state(&azure.get(&super::event_grid::subscription(), EG)) != "Succeeded" {
            azure.pass(1);
        }
        (azure.now - start) / 1000
    };
    assert_eq!(ready(true), ready(false) + 50);
}

#[test]
fn without_its_token_endpoint_nobody_signs_in() {
    let mut azure = instant();
    let secret = azure.world.config().client_secret.clone();
    azure.place(
        json!({"plane": "entra", "path": "/oauth2/v2.0/token", "times": 2, "answer": {"status": 503, "retryAfter": 7}}),
    );
    azure.place(json!({"plane": "entra", "times": 1, "answer": {"drop": "before"}}));
    azure.place(json!({"plane": "entra", "times": 1, "answer": {"drop": "after"}}));
    azure.place(json!({"plane": "entra", "times": 1, "answer": {"stormMs": 1000, "code": "slow_down"}}));
    for _ in 0..2 {
        let down = azure.ask_token(&[("client_secret", &secret)]);
        assert_eq!((down.status, down.header("retry-after")), (503, Some("7")));
        let body = down.value();
        assert_eq!((&body["error"], &body["error_codes"]), (&json!("temporarily_unavailable"), &json!([90033])));
        assert_eq!(body["access_token"], Value::Null);
    }
    for when in ["before", "after"] {
        assert_eq!(azure.ask_token(&[("client_secret", &secret)]).header(DROP_HEADER), Some(when));
    }
    let throttled = azure.ask_token(&[("client_secret", &secret)]);
    assert_eq!((throttled.status, &throttled.value()["error"]), (429, &json!("slow_down")));
    let entry = azure.world.journal().back().expect("an entry");
    assert_eq!((entry.plane, entry.fault, entry.code.as_deref()), (Plane::Entra, Some(4), Some("AADSTS90055")));
    // Who has a token is not concerned, and afterwards all is well.
    assert_eq!(azure.statuses(1), [404]);
    assert_eq!(azure.ask_token(&[("client_secret", &secret)]).status, 200);
    assert!(azure.placed("unfired").is_empty());
}

#[test]
fn managed_identities_have_no_token_either() {
    let mut azure = instant();
    let path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/";
    let headers = vec![("Metadata".to_owned(), "true".to_owned())];
    let request = Request { method: "GET".into(), path: path.into(), headers, body: vec![] };
    assert_eq!(handle_identity(&mut azure.world, &request, azure.now).status, 200);
    azure.place(json!({"plane": "entra", "answer": {"status": 500}}));
    let down = handle_identity(&mut azure.world, &request, azure.now);
    assert_eq!((down.status, &down.value()["error"]), (500, &json!("temporarily_unavailable")));
}

#[test]
fn a_world_that_was_written_down_strikes_on_as_it_would_have() {
    let mut azure = instant();
    azure.place(json!({"probability": 0.5, "answer": {"status": 503}}));
    azure.place(json!({"nth": 10, "answer": {"stormMs": 5000}}));
    let before = azure.statuses(20);
    assert!(before.contains(&503) && before.contains(&429));
    azure.world.watch();
    let mut restored = azure.restarted();
    assert_eq!(restored.statuses(50), azure.statuses(50));
    restored.now += 5000;
    azure.now += 5000;
    assert_eq!((restored.placed(""), restored.statuses(50)), (azure.placed(""), azure.statuses(50)));
}
