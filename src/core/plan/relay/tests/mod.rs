//! The plan of a relay, driven pass by pass over a ground of a few maps: what it asks is answered, what it does is done.

mod ground;
mod rotation;

use serde_json::{Value, json};

use self::ground::Ground;
use crate::kinds::Kind;
use crate::relay::child::ChildKind;
use crate::step::Step;
use crate::world::PushThrough;

fn condition(status: &Value, type_: &str) -> (String, String, String) {
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions.into_iter().find(|condition| condition["type"] == type_).unwrap_or_default();
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"), text("message"))
}

#[test]
fn a_relay_without_pods_says_where_its_label_belongs() {
    let mut ground = Ground::sidecar();
    ground.settle();
    let status = ground.status();
    let (state, reason, message) = condition(status, "Deployed");
    assert_eq!((state.as_str(), reason.as_str()), ("Unknown", "NoRelayPods"));
    assert!(message.contains("`acs-operator.dev/relay: shop`"), "{message}");
    assert_eq!(condition(status, "Ready").1, "NoRelayPods");
    assert!(status["injection"]["container"].is_object());
}

#[test]
fn at_rest_a_pass_does_nothing() {
    let mut ground = Ground::sidecar();
    ground.add_pod("a");
    ground.settle();
    assert_eq!(condition(ground.status(), "Ready").0, "True", "{:#}", ground.status());
    assert_eq!(condition(ground.status(), "Reachable").1, "NoSubscriptions");
    let before = ground.status().clone();
    let steps = ground.pass();
    assert!(matches!(steps.as_slice(), [Step::Rest]), "{steps:?}");
    assert_eq!(*ground.status(), before);
}

#[test]
fn a_subscription_is_told_of_only_after_its_handshake() {
    let mut ground = Ground::sidecar();
    ground.add_pod("a");
    ground.add_subscription("one");
    ground.gateway = Err("OPTIONS was answered with 404".to_owned());
    ground.settle();
    let (state, reason, message) = condition(ground.status(), "Reachable");
    assert_eq!((state.as_str(), reason.as_str()), ("False", "ProbeFailed"));
    assert!(message.contains("https://events.example/v1/events/one") && message.contains("404"), "{message}");
    assert_eq!(ground.status().get("subscriptions"), None);
    ground.gateway = Ok(());
    ground.clock += 700_000;
    ground.settle();
    assert_eq!(ground.status()["subscriptions"], json!(["one"]));
    // A second one that no relay has loaded yet takes nothing away from the first.
    ground.lag = true;
    ground.add_subscription("two");
    ground.settle();
    assert_eq!(ground.status()["subscriptions"], json!(["one"]));
    assert_eq!(condition(ground.status(), "Deployed").1, "RelayNotInStep");
}

#[test]
fn another_url_is_tried_before_anyone_is_told_of_it() {
    let mut ground = Ground::sidecar();
    ground.add_pod("a");
    ground.add_subscription("one");
    ground.settle();
    assert_eq!(ground.status()["subscriptions"], json!(["one"]));
    ground.relay["spec"]["reachability"]["url"] = json!("https://other.example/base/");
    ground.relay["metadata"]["generation"] = json!(2);
    ground.gateway = Err("no connection".to_owned());
    ground.settle();
    assert_eq!(ground.status()["url"], "https://other.example/base");
    assert_eq!(ground.status().get("subscriptions"), None, "{:#}", ground.status());
}

#[test]
fn a_child_of_a_stranger_is_left_alone() {
    let mut ground = Ground::sidecar();
    ground.children.insert(
        (crate::relay::child::ChildKind::Service, "shop-relay".to_owned()),
        json!({"metadata": {"uid": "s"}, "spec": {}}),
    );
    ground.settle();
    assert_eq!(condition(ground.status(), "Deployed").1, "ChildConflict");
    assert_eq!(ground.children[&(crate::relay::child::ChildKind::Service, "shop-relay".to_owned())]["spec"], json!({}));
}

#[test]
fn a_route_has_to_be_accepted_by_every_gateway_before_anyone_is_told_of_it() {
    let mut ground = Ground::sidecar();
    ground.add_pod("a");
    ground.add_subscription("one");
    ground.settle();
    assert_eq!(ground.status()["subscriptions"], json!(["one"]));
    ground.relay["spec"]["reachability"] = json!({"type": "HTTPRoute", "httpRoute": {
        "hostname": "routed.example", "parentRefs": [{"name": "one"}, {"name": "two", "namespace": "gateways"}]}});
    ground.settle();
    assert_eq!(ground.status().get("subscriptions"), None, "{:#}", ground.status());
    assert!(condition(ground.status(), "Reachable").2.contains("Gateway one"));
    let said = |gateway: &str, accepted: &str| {
        let condition = |type_: &str, status: &str| json!({"type": type_, "status": status, "reason": "NoMatchingParent", "message": "no listener", "observedGeneration": 1});
        json!({"parentRef": {"name": gateway}, "conditions": [condition("Accepted", accepted), condition("ResolvedRefs", "True")]})
    };
    let key = (crate::relay::child::ChildKind::HttpRoute, "shop-relay".to_owned());
    let say = |ground: &mut Ground, second: &str| {
        let route = ground.children.get_mut(&key).unwrap();
        route["status"] = json!({"parents": [said("one", "True"), said("two", second)]});
        ground.settle();
        condition(ground.status(), "Reachable")
    };
    let (_, reason, message) = say(&mut ground, "False");
    assert_eq!(reason, "RouteNotAccepted");
    assert!(message.contains("Gateway two says Accepted=False (NoMatchingParent): no listener"), "{message}");
    assert_eq!(say(&mut ground, "True").0, "True");
    assert_eq!(
        (&ground.status()["subscriptions"], &ground.status()["url"]),
        (&json!(["one"]), &json!("https://routed.example"))
    );
}

/// What a relay's configuration says of pushes.
fn pushes(ground: &Ground) -> Value {
    let map = &ground.children[&(ChildKind::ConfigMap, "shop-relay".to_owned())];
    let config: Value = serde_json::from_str(map["data"]["relay.json"].as_str().unwrap()).unwrap();
    config["push"].clone()
}

#[test]
fn only_relays_of_a_simulated_clouds_account_push_to_the_simulator() {
    let mut ground = Ground::sidecar();
    let rule = json!({"name": "r", "eventTypes": ["A.B"], "installationTag": "'a'", "alert": {"body": "'b'"}});
    ground.relay["spec"]["push"] = json!({"hubRef": {"name": "phones"}, "rules": [rule]});
    let simulator = PushThrough { endpoint: Some("https://sim.test".to_owned()), ca_bundle: Some("PEM".to_owned()) };
    ground.clouds.insert("Simulator".to_owned(), simulator);
    ground.settle();
    assert_eq!(pushes(&ground)["endpoint"], Value::Null, "nobody knows yet whose hub it is");
    let mut put = |kind: Kind, name: &str, spec: Value| {
        let object = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": kind.to_string(),
            "metadata": {"name": name, "namespace": "ns", "uid": name}, "spec": spec});
        ground.objects.insert((kind, name.to_owned()), object);
    };
    put(Kind::NotificationHub, "phones", json!({"namespaceRef": {"name": "n"}}));
    put(Kind::NotificationHubNamespace, "n", json!({"location": "westeurope", "sku": "Free"}));
    let account = |cloud: &str| {
        json!({"subscriptionId": "6a1d1d6e-0000-4000-8000-000000000001", "tenantId": "72f988bf-0000-4000-8000-000000000002",
            "cloud": cloud, "identity": {"type": "WorkloadIdentity",
                "workloadIdentity": {"clientId": "0c7e1d2a-0000-4000-8000-000000000003"}}})
    };
    put(Kind::AzureAccount, "default", account("Simulator"));
    ground.settle();
    assert_eq!(
        (&pushes(&ground)["endpoint"], &pushes(&ground)["caBundle"]),
        (&json!("https://sim.test"), &json!("PEM"))
    );
    ground.objects.get_mut(&(Kind::AzureAccount, "default".to_owned())).unwrap()["spec"] = account("Public");
    ground.settle();
    assert_eq!((&pushes(&ground)["endpoint"], &pushes(&ground)["caBundle"]), (&Value::Null, &Value::Null));
}
