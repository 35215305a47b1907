use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::relay::config::config;
use crate::relay::inject::{RelayImage, injection};

fn settings() -> RelaySettings {
    RelaySettings {
        image: RelayImage {
            image: "ghcr.io/acs-operator/acs-relay:1".to_owned(),
            pull_policy: "IfNotPresent".to_owned(),
        },
        operator_namespace: "acs-operator".to_owned(),
        push_endpoint: Some("https://127.0.0.1:4443".to_owned()),
        ca_bundle: None,
        clouds: std::collections::BTreeMap::new(),
    }
}

fn relay(spec: Value) -> EventRelay {
    serde_json::from_value(json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "EventRelay",
        "metadata": {"name": "shop", "namespace": "ns", "uid": "u-1"}, "spec": spec}))
    .unwrap()
}

fn rendered(relay: &EventRelay, subscriptions: &[&str]) -> Vec<ChildWrite> {
    let names: Vec<String> = subscriptions.iter().map(|name| (*name).to_owned()).collect();
    let credentials =
        json!({"apns": {"type": "Token"}, "fcmV1": {"serviceAccountSecretRef": {"name": "s", "key": "k"}}});
    let credentials = serde_json::from_value(credentials).unwrap();
    let config = config(relay, &names, Some(&credentials), &settings());
    let injected = injection("shop", relay.spec.placement.resources.as_ref(), &settings().image);
    children(relay, &config, &injected, &settings())
}

fn everything() -> EventRelay {
    relay(json!({
        "placement": {"type": "Deployment", "deployment": {"replicas": 3}},
        "reachability": {"type": "HTTPRoute", "httpRoute": {"hostname": "events.shop.example",
            "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}]}},
        "routes": [{"name": "sms", "eventTypes": ["Microsoft.Communication.SMSReceived"],
            "subject": {"beginsWith": "/phonenumber/", "case": "Sensitive"},
            "target": {"type": "HTTP", "http": {"service": {"name": "app"}, "port": 80, "path": "/events", "encoding": "Structured", "timeoutSeconds": 5}}}],
        "push": {"hubRef": {"name": "phones"}, "rules": [
            {"name": "call", "eventTypes": ["Microsoft.Communication.IncomingCall"], "installationTag": "'user:a'", "alert": {"body": "'call'"}},
            {"name": "broken", "eventTypes": ["A.B"], "installationTag": "evnt", "alert": {"body": "'x'"}}]},
    }))
}

/// Compared with what is committed; `UPDATE_GENERATED=1` writes it.
fn golden(name: &str, found: &[ChildWrite]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("relay/golden").join(name);
    let manifests: Vec<&Value> = found.iter().map(|child| &child.manifest).collect();
    let text = serde_json::to_string_pretty(&manifests).unwrap() + "\n";
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "run `make generate` and look at {name}");
}

#[test]
fn a_relay_of_its_own_is_made_of_six_children() {
    golden("children-deployment.json", &rendered(&everything(), &["one", "two"]));
}

#[test]
fn a_sidecar_needs_a_config_map_a_service_and_its_ingress() {
    let relay = relay(json!({
        "placement": {"type": "Sidecar"},
        "reachability": {"type": "Ingress", "ingress": {"hostname": "events.shop.example", "className": "public",
            "tlsSecretName": "tls", "annotations": {"example.com/a": "b"}}},
        "routes": [{"name": "sms", "eventTypes": ["A.B"], "target": {"type": "HTTP", "http": {"port": 8080, "path": "/events"}}}],
    }));
    golden("children-sidecar.json", &rendered(&relay, &[]));
}

#[test]
fn whatever_changes_changes_the_mark_and_nothing_else_does() {
    let marks = |children: &[ChildWrite]| -> Vec<Value> {
        children.iter().map(|child| child.manifest["metadata"]["annotations"][ANNOTATION_APPLIED].clone()).collect()
    };
    let one = rendered(&everything(), &["one"]);
    assert_eq!(one, rendered(&everything(), &["one"]));
    let two = rendered(&everything(), &["one", "two"]);
    let changed = marks(&one).iter().zip(marks(&two)).filter(|(one, two)| **one != *two).count();
    assert_eq!(changed, 1, "only the ConfigMap knows of subscriptions");
}

#[test]
fn a_rule_that_cannot_be_compiled_is_left_out_and_a_call_is_soon_stale() {
    let relay = everything();
    let push = config(&relay, &[], None, &settings()).push.unwrap();
    let rules: Vec<(&str, u32)> =
        push.rules.iter().map(|rule| (rule.name.as_str(), rule.expires_after_seconds)).collect();
    assert_eq!(rules, [("call", 85)]);
}
