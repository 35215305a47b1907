use serde_json::{Value, json};

use super::*;

fn valid() -> Value {
    json!({"format": 1, "relay": "shop", "namespace": "team", "revision": "r", "pathPrefix": "/p/",
        "subscriptions": [{"name": "s"}],
        "routes": [{"name": "a", "filter": {"eventTypes": [], "subject": {}}, "url": "http://[::1]:8080", "encoding": "Binary",
            "timeoutSeconds": 20}],
        "push": {"platforms": ["apple"], "rules": []}})
}

#[test]
fn a_valid_configuration_is_understood() {
    let config = InForce::compile(&valid().to_string()).map_err(|mistakes| mistakes.join("; ")).unwrap();
    assert_eq!((config.path_prefix.as_str(), config.routes.len(), config.subscriptions.len()), ("/p", 1, 1));
}

#[test]
fn all_mistakes_are_named_at_once() {
    let mut config = valid();
    config["pathPrefix"] = json!("p");
    config["routes"][0]["timeoutSeconds"] = json!(21);
    config["push"]["endpoint"] = json!("http://hub.example.org");
    config["push"]["rules"] = json!([{"name": "", "filter": {"eventTypes": [], "subject": {}}, "installationTag": "'a'",
        "body": "event.", "expiresAfterSeconds": 1}]);
    config["subscriptions"] = json!((0..257).map(|n| json!({"name": format!("s{n}")})).collect::<Vec<_>>());
    let mistakes = InForce::compile(&config.to_string()).err().unwrap().join("\n");
    for wanted in [
        "pathPrefix",
        "route a: timeoutSeconds: 21",
        "push.endpoint: http:// is for loopback only",
        "a push rule has a name of 0 bytes",
        "body: line 1",
        "257 subscriptions",
    ] {
        assert!(mistakes.contains(wanted), "{wanted}: {mistakes}");
    }
}

#[test]
fn a_ca_bundle_that_is_none_is_named() {
    let mut config = valid();
    config["push"]["endpoint"] = json!("https://127.0.0.1:1");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    config["push"]["caBundle"] = json!(broken);
    let mistakes = InForce::compile(&config.to_string()).err().unwrap().join("\n");
    assert!(mistakes.contains("CA bundle"), "{mistakes}");
}
