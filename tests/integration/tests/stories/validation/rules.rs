//! CEL: one row for each rule, and a count that fails when a rule has none.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{Room, delivery, subscription, with};

/// A rule by its kind and message, with patches of the least object of that kind.
pub(super) struct Rule {
    kind: &'static str,
    message: &'static str,
    /// What is there before, for rules about changes.
    from: Option<Value>,
    accept: Vec<Value>,
    reject: Vec<Value>,
}

pub(super) fn creation(kind: &'static str, message: &'static str, accept: Vec<Value>, reject: Vec<Value>) -> Rule {
    Rule { kind, message, from: None, accept, reject }
}

pub(super) fn change(
    kind: &'static str,
    message: &'static str,
    from: Value,
    accept: Vec<Value>,
    reject: Vec<Value>,
) -> Rule {
    Rule { kind, message, from: Some(from), accept, reject }
}

pub(super) fn spec(value: Value) -> Value {
    json!({"spec": value})
}

pub(super) fn named(length: usize) -> Value {
    json!({"metadata": {"name": "n".repeat(length)}})
}

pub(super) const OTHER: &str = "6a1d1d6e-0000-4000-8000-000000000002";

fn account() -> Vec<Rule> {
    let kind = "AzureAccount";
    let principal = json!({"clientId": OTHER, "secretRef": {"name": "s", "key": "k"}});
    let workload = json!({"clientId": OTHER});
    let identity = |value: Value| spec(json!({"identity": value}));
    vec![
        creation(
            kind,
            "`servicePrincipal` must be set exactly when `type` is \"ServicePrincipal\"",
            vec![identity(json!({"type": "ServicePrincipal", "servicePrincipal": principal}))],
            vec![
                identity(json!({"type": "ServicePrincipal", "servicePrincipal": null})),
                identity(json!({"type": "WorkloadIdentity", "workloadIdentity": workload})),
            ],
        ),
        creation(
            kind,
            "`workloadIdentity` must be set exactly when `type` is \"WorkloadIdentity\"",
            vec![identity(json!({"type": "WorkloadIdentity", "servicePrincipal": null, "workloadIdentity": workload}))],
            vec![
                identity(json!({"type": "WorkloadIdentity", "servicePrincipal": null})),
                identity(json!({"workloadIdentity": workload})),
            ],
        ),
        change(
            kind,
            "`subscriptionId` may not change: resources stay where they were made; create another AzureAccount",
            json!({}),
            vec![spec(json!({"tenantId": OTHER, "resourceGroup": "rg"}))],
            vec![spec(json!({"subscriptionId": OTHER}))],
        ),
        creation(kind, "`metadata.name` must be at most 50 characters", vec![named(50)], vec![named(51)]),
    ]
}

/// Rules that say the same of several kinds: a member that can be absent may not appear, go or change.
pub(super) fn fixed(kind: &'static str, message: &'static str, member: &str, values: [Value; 2]) -> Rule {
    let [one, two] = values;
    let set = |value: Value| spec(json!({member: value}));
    change(kind, message, set(one), vec![json!({"metadata": {"labels": {"a": "b"}}})], vec![set(two), set(Value::Null)])
}

fn service() -> Vec<Rule> {
    let kind = "CommunicationService";
    let topic = |value: Value| spec(json!({"systemTopic": value}));
    let system = json!({"type": "SystemAssigned"});
    vec![
        creation(
            kind,
            "`azureName` and `identity` may be set only when `type` is \"Managed\"",
            vec![
                topic(json!({"type": "None"})),
                topic(json!({"type": "Managed", "azureName": "topic", "identity": system})),
            ],
            vec![
                topic(json!({"type": "None", "azureName": "topic"})),
                topic(json!({"type": "None", "identity": system})),
            ],
        ),
        change(
            kind,
            "`dataLocation` may not change: data never moves; create another CommunicationService",
            json!({}),
            vec![spec(json!({"tags": {"a": "b"}}))],
            vec![spec(json!({"dataLocation": "France"}))],
        ),
        fixed(kind, "`azureName` may not change: delete and create again", "azureName", [json!("one"), json!("two")]),
        fixed(
            kind,
            "`accountRef` may not change: delete and create again",
            "accountRef",
            [json!({"name": "one"}), json!({"name": "two"})],
        ),
        fixed(
            kind,
            "`resourceGroup` may not change: delete and create again",
            "resourceGroup",
            [json!("a"), json!("b")],
        ),
        creation(kind, "`metadata.name` must be at most 50 characters", vec![named(50)], vec![named(51)]),
    ]
}

fn namespace() -> Vec<Rule> {
    let kind = "NotificationHubNamespace";
    let names = [json!("one-two"), json!("two-one")];
    vec![
        change(
            kind,
            "`location` may not change: delete and create again, or create another namespace",
            json!({}),
            vec![spec(json!({"sku": "Basic"}))],
            vec![spec(json!({"location": "northeurope"}))],
        ),
        fixed(kind, "`azureName` may not change: delete and create again", "azureName", names),
        fixed(
            kind,
            "`accountRef` may not change: delete and create again",
            "accountRef",
            [json!({"name": "one"}), json!({"name": "two"})],
        ),
        fixed(
            kind,
            "`resourceGroup` may not change: delete and create again",
            "resourceGroup",
            [json!("a"), json!("b")],
        ),
        creation(
            kind,
            "`metadata.name` must be at most 41 characters, so that the Azure name made from it fits into 50",
            vec![named(41)],
            vec![named(42)],
        ),
    ]
}

fn hub() -> Vec<Rule> {
    let kind = "NotificationHub";
    let policy = |name: &str, rights: Value| {
        spec(json!({"accessPolicies": [{"name": name, "rights": rights, "secretName": "s"}]}))
    };
    let entry = |name: &str, secret: &str| json!({"name": name, "rights": ["Send"], "secretName": secret});
    let token = json!({"endpoint": "Sandbox", "keyId": "ABCDE12345", "teamId": "ABCDE12345", "bundleId": "a.b",
        "keySecretRef": {"name": "s", "key": "k"}});
    let apns = |value: Value| spec(json!({"credentials": {"apns": value}}));
    vec![
        creation(
            kind,
            "`rights` with \"Manage\" must also have \"Listen\" and \"Send\"",
            vec![policy("a", json!(["Manage", "Listen", "Send"])), policy("a", json!(["Send"]))],
            vec![policy("a", json!(["Manage"])), policy("a", json!(["Manage", "Send"]))],
        ),
        creation(
            kind,
            "`name` may not start with \"Default\", \"acs-link-\" or \"acs-relay-\": Azure and the operator make policies of those names",
            vec![policy("my-Default", json!(["Send"]))],
            vec![
                policy("DefaultMine", json!(["Send"])),
                policy("acs-link-1", json!(["Send"])),
                policy("acs-relay-1", json!(["Send"])),
            ],
        ),
        creation(
            kind,
            "`token` must be set exactly when `type` is \"Token\"",
            vec![apns(json!({"type": "Token", "token": token}))],
            vec![apns(json!({"type": "Token"}))],
        ),
        creation(
            kind,
            "`accessPolicies` must each have a `secretName` of their own",
            vec![spec(json!({"accessPolicies": [entry("a", "one"), entry("b", "two")]}))],
            vec![spec(json!({"accessPolicies": [entry("a", "one"), entry("b", "one")]}))],
        ),
        change(
            kind,
            "`namespaceRef` may not change: delete and create again",
            json!({}),
            vec![spec(json!({"tags": {"a": "b"}}))],
            vec![spec(json!({"namespaceRef": {"name": "other"}}))],
        ),
        fixed(kind, "`azureName` may not change: delete and create again", "azureName", [json!("one"), json!("two")]),
        creation(kind, "`metadata.name` must be at most 50 characters", vec![named(50)], vec![named(51)]),
    ]
}

fn relay() -> Vec<Rule> {
    let kind = "EventRelay";
    let own = |value: Value| spec(json!({"placement": value}));
    let beside =
        json!([{"name": "a", "eventTypes": ["A.B"], "target": {"type": "HTTP", "http": {"port": 80, "path": "/"}}}]);
    let served = json!([{"name": "a", "eventTypes": ["A.B"],
        "target": {"type": "HTTP", "http": {"service": {"name": "s"}, "port": 80, "path": "/"}}}]);
    let push = json!({"hubRef": {"name": "phones"}});
    let called = |name: &str| json!({"metadata": {"name": name}});
    vec![
        creation(
            kind,
            "`routes` must each name a `service` when `placement.type` is \"Deployment\": no app is beside the relay there",
            vec![spec(json!({"placement": {"type": "Deployment"}, "routes": served})), spec(json!({"routes": beside}))],
            vec![spec(json!({"placement": {"type": "Deployment"}, "routes": beside}))],
        ),
        creation(
            kind,
            "`routes` or `push` must be set: else events would be taken and go nowhere",
            vec![spec(json!({"routes": null, "push": push}))],
            vec![spec(json!({"routes": null})), spec(json!({"routes": []}))],
        ),
        creation(
            kind,
            "`deployment` may be set only when `type` is \"Deployment\"",
            vec![spec(json!({"placement": {"type": "Deployment", "deployment": {"replicas": 3}}, "routes": served}))],
            vec![own(json!({"deployment": {"replicas": 3}}))],
        ),
        creation(
            kind,
            "`http` must be set exactly when `type` is \"HTTP\"",
            vec![spec(json!({"routes": served}))],
            vec![spec(json!({"routes": [{"name": "a", "eventTypes": ["A.B"], "target": {"type": "HTTP"}}]}))],
        ),
        creation(
            kind,
            "`metadata.name` must be at most 50 lower-case letters, digits and hyphens and begin with a letter: a Service is named after it",
            vec![named(50), called("a-1")],
            vec![named(51), called("1a"), called("a.b")],
        ),
    ]
}

/// As Gateway API has it, whose API server would refuse the route.
fn parents() -> Rule {
    let to = |parents: Value| {
        let route = json!({"parentRefs": parents, "hostname": "events.example.com"});
        spec(json!({"reachability": {"type": "HTTPRoute", "httpRoute": route, "url": null}}))
    };
    let (all, one) = (json!({"name": "a"}), json!({"name": "a", "sectionName": "one"}));
    let (two, there) = (json!({"name": "a", "sectionName": "two"}), json!({"name": "a", "namespace": "infra"}));
    creation(
        "EventRelay",
        "`parentRefs` must each name another Gateway, or another listener of it by `sectionName`",
        vec![to(json!([one, two, there, {"name": "b"}]))],
        vec![to(json!([all, all])), to(json!([all, one])), to(json!([one, two, one])), to(json!([there, there]))],
    )
}

fn reachability() -> Vec<Rule> {
    let kind = "EventRelay";
    let reach = |value: Value| spec(json!({"reachability": value}));
    let route = json!({"parentRefs": [{"name": "public"}], "hostname": "events.example.com"});
    vec![
        creation(
            kind,
            "`url` must be set exactly when `type` is \"URL\"",
            vec![json!({})],
            vec![reach(json!({"url": null})), reach(json!({"type": "HTTPRoute", "httpRoute": route}))],
        ),
        creation(
            kind,
            "`httpRoute` must be set exactly when `type` is \"HTTPRoute\"",
            vec![reach(json!({"type": "HTTPRoute", "httpRoute": route, "url": null}))],
            vec![reach(json!({"httpRoute": route})), reach(json!({"type": "HTTPRoute", "url": null}))],
        ),
        parents(),
        creation(
            kind,
            "`ingress` must be set exactly when `type` is \"Ingress\"",
            vec![reach(json!({"type": "Ingress", "ingress": {"hostname": "events.example.com"}, "url": null}))],
            vec![
                reach(json!({"ingress": {"hostname": "events.example.com"}})),
                reach(json!({"type": "Ingress", "url": null})),
            ],
        ),
    ]
}

fn all() -> Vec<Rule> {
    [
        account(),
        service(),
        delivery::topic_identity(),
        relay(),
        reachability(),
        subscription::rules(),
        delivery::rules(),
        namespace(),
        hub(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[tokio::test]
async fn every_rule_takes_what_it_should_and_refuses_the_rest() -> Result<()> {
    let room = Room::make("rules").await?;
    let mut wrong = Vec::new();
    for (number, rule) in all().into_iter().enumerate() {
        let name = format!("x{number}");
        if let Some(from) = &rule.from {
            let mut there = with(rule.kind, from);
            there["metadata"]["name"] = json!(name);
            room.post(&there, false).await.map_err(anyhow::Error::msg).context(rule.message)?;
        }
        let ask = async |patch: &Value| match rule.from {
            Some(_) => room.change(rule.kind, &name, patch).await,
            None => room.create(&with(rule.kind, patch)).await.map(drop),
        };
        for patch in &rule.accept {
            if let Err(refusal) = ask(patch).await {
                wrong.push(format!("{}: {patch} is refused: {refusal}", rule.kind));
            }
        }
        for patch in &rule.reject {
            match ask(patch).await {
                Err(refusal) if refusal.contains(rule.message) => {}
                other => wrong.push(format!("{}: {patch} should be refused by {}: {other:?}", rule.kind, rule.message)),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[test]
fn every_rule_of_every_crd_has_a_row() -> Result<()> {
    let folder = testbed::stack::repository()?.join("crds");
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(folder)?.flatten() {
        let crd: Value = serde_saphyr::from_str(&std::fs::read_to_string(file.path())?)?;
        let kind = crd["spec"]["names"]["kind"].as_str().context("a CRD without a kind")?.to_owned();
        collect(&crd, &kind, &mut found);
    }
    let rows: BTreeSet<_> = all().iter().map(|rule| (rule.kind.to_owned(), rule.message.to_owned())).collect();
    assert_eq!(found, rows);
    assert_eq!(rows.len(), all().len());
    Ok(())
}

fn collect(value: &Value, kind: &str, found: &mut BTreeSet<(String, String)>) {
    for rule in value.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten() {
        found.insert((kind.to_owned(), rule["message"].as_str().unwrap_or("a rule without a message").to_owned()));
    }
    match value {
        Value::Object(members) => members.values().for_each(|member| collect(member, kind, found)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, kind, found)),
        _ => {}
    }
}
