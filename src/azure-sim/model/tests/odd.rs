//! Whatever is sent, something is answered.

use super::*;

#[test]
fn nothing_that_is_sent_makes_the_model_panic() {
    let mut azure = instant();
    for method in ["GET", "PUT", "PATCH", "POST", "DELETE", "HEAD", "OPTIONS", "", "\u{1F4A5}"] {
        for path in [
            "",
            "/",
            "//",
            "?",
            "/subscriptions",
            "/subscriptions/",
            "/providers",
            "/providers/x",
            "/_sim",
            "/_sim/",
            "/_sim/faults/x",
            "/x/oauth2/v2.0/token",
            "/eventgrid/validate?",
            "/%",
            "/%ff",
            "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d/providers",
            "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d/resourcegroups/rg-shop/providers/Microsoft.EventGrid",
        ] {
            for body in [&b""[..], b"{}", b"[", b"null", b"{\"properties\":[]}", b"\xff"] {
                for query in ["", "?api-version=2025-02-15"] {
                    azure.raw(method, &format!("{path}{query}"), body);
                }
            }
        }
    }
}

/// Members that some body somewhere has, at the top and inside `properties`.
const MEMBERS: &str = "location tags identity sku properties resourceId connectionString keyType policyKey destination \
                       filter labels retryPolicy eventDeliverySchema";
const INNER: &str = "dataLocation source topicType rights apnsCredential destination filter labels linkedDomains \
                     deliveryWithResourceIdentity eventDeliverySchema retryPolicy";

fn paths() -> Vec<(String, &'static str)> {
    let hub = format!("{}/notificationHubs/phones", namespace("shop-hubs"));
    let topic = format!("{RG}/providers/Microsoft.EventGrid/systemTopics/topic");
    vec![
        (service("shop"), ACS),
        (format!("{}/linkNotificationHub", service("shop")), ACS),
        (format!("{}/regenerateKey", service("shop")), ACS),
        (namespace("shop-hubs"), NH),
        (hub.clone(), NH),
        (format!("{hub}/authorizationRules/rule"), NH),
        (format!("{hub}/authorizationRules/rule/regenerateKeys"), NH),
        (topic.clone(), EG),
        (format!("{topic}/eventSubscriptions/relay"), EG),
        (format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/relay", service("shop")), EG),
    ]
}

fn almost_right(member: &str, value: &Value) -> Value {
    let mut body = json!({"location": "global", "sku": {"name": "Free"}, "properties": {
        "dataLocation": "Europe", "source": service("shop"), "rights": ["Send"],
        "topicType": "Microsoft.Communication.CommunicationServices",
        "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": "https://x/"}},
    }});
    body["properties"][member] = value.clone();
    body
}

#[test]
fn bodies_of_the_wrong_shape_are_survived_at_every_path() {
    let odd =
        [json!(null), json!(-1), json!(1e308), json!("x"), json!([]), json!([null]), json!({}), json!({"x": [{}]})];
    let mut azure = instant();
    azure.put_hub();
    for value in &odd {
        for (path, version) in &paths() {
            for method in ["PUT", "PATCH", "POST"] {
                for member in MEMBERS.split_whitespace() {
                    azure.ask(method, path, version, json!({"location": "global", member: value}));
                }
                for member in INNER.split_whitespace() {
                    azure.ask(method, path, version, almost_right(member, value));
                }
            }
        }
    }
    let (relay, _) = &paths()[8];
    assert!(azure.world.resource(relay).is_some(), "some of it was right");
}

#[test]
fn time_may_jump_to_its_end() {
    let mut azure = azure();
    azure.put_service("shop");
    azure.now = u64::MAX;
    azure.sign_in();
    assert_eq!(azure.put_service("late").status, 201);
    assert_eq!(state(&azure.get(&service("shop"), ACS)), "Succeeded");
    assert!(handle(&mut azure.world, &Request::default(), 0).status >= 400);
}

#[test]
fn nothing_that_is_sent_to_a_data_plane_makes_the_model_panic() {
    let mut azure = instant();
    azure.put_hub();
    for host in [
        "shop-hubs.servicebus.windows.net",
        "x.servicebus.windows.net:1",
        ".servicebus.windows.net",
        "a.b.servicebus.windows.net",
        "",
    ] {
        for path in [
            "",
            "/",
            "//",
            "?",
            "/phones",
            "/phones/messages",
            "/%ff/%",
            "/phones/installations/",
            "/phones/installations/\u{e9}",
        ] {
            for query in ["", "?api-version=2020-06", "?direct&api-version=2020-06"] {
                for token in [
                    "",
                    "SharedAccessSignature",
                    "SharedAccessSignature sr=&sig=&se=&skn=",
                    "SharedAccessSignature sr=%&sig=%&se=9999999999&skn=%",
                ] {
                    for method in ["GET", "POST", "PUT", "\u{1F4A5}"] {
                        let headers = vec![("host".into(), host.into()), ("authorization".into(), token.into())];
                        let path = format!("{path}{query}");
                        let request = Request { method: method.into(), path, headers, body: b"\xff".to_vec() };
                        let answer = handle(&mut azure.world, &request, azure.now);
                        assert!(answer.status >= 400, "{host} {request:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn records_of_ended_operations_do_not_grow_without_end() {
    let mut azure = instant();
    let most = super::super::operation::RECORDS;
    for round in 0..=most {
        azure.now += 1;
        azure.put_service(if round % 2 == 0 { "shop" } else { "other" });
        azure.pass(0);
    }
    assert!(azure.world.operations.len() <= most / 2 + 2, "{}", azure.world.operations.len());
    let newest = azure.put_service("shop").header("azure-asyncoperation").expect("an operation").to_owned();
    azure.pass(0);
    assert_eq!(azure.follow(&newest).value()["status"], "Succeeded");
}

#[test]
fn records_of_operations_that_never_end_do_not_grow_without_end_either() {
    let mut azure = instant();
    let fault = json!({"method": "PUT", "answer": {"lro": "endless"}});
    assert_eq!(azure.raw("POST", "/_sim/faults", fault.to_string().as_bytes()).status, 200);
    let most = super::super::operation::RECORDS;
    let mut newest = String::new();
    for _ in 0..=most {
        azure.now += 1;
        newest = azure.put_service("shop").header("azure-asyncoperation").expect("an operation").to_owned();
        // Not as somebody would delete it: that would end the operation.
        azure.world.resources.remove(&service("shop").to_lowercase());
    }
    assert!(azure.world.operations.len() <= most / 2 + 2, "{}", azure.world.operations.len());
    assert_eq!(azure.follow(&newest).value()["status"], "Accepted");
}

/// Found by the fuzz target: each DELETE began the deletion anew, so that who asked often enough never saw its end.
#[test]
fn a_deletion_that_is_asked_for_again_goes_on_as_it_was() {
    let mut azure = azure();
    azure.put_hub();
    azure.put_service("shop");
    azure.pass(60);
    let topic = format!("{RG}/providers/Microsoft.EventGrid/systemTopics/topic");
    let kind = "Microsoft.Communication.CommunicationServices";
    let source = json!({"location": "global", "properties": {"source": service("shop"), "topicType": kind}});
    assert!(azure.ask("PUT", &topic, EG, source).status < 300);
    azure.pass(60);
    for (id, version) in [(topic, EG), (service("shop"), ACS), (namespace("shop-hubs"), NH)] {
        let mut operations = Vec::new();
        let gone = (0..600).find(|_| {
            let asked = azure.ask("DELETE", &id, version, Value::Null);
            operations.extend(asked.header("azure-asyncoperation").map(str::to_owned));
            azure.pass(1);
            azure.get(&id, version).status == 404
        });
        assert!(gone.is_some_and(|asked| asked > 0), "{id}: {gone:?}");
        azure.pass(60);
        for operation in operations {
            assert_eq!(azure.follow(&operation).value()["status"], "Succeeded", "{id}");
        }
    }
}
