use acs_core::kinds::{Kind, Object, ObjectRef};
use serde_json::{Value, json};

use super::{State, Style, Tree, build, render};

const AZURE: &str = "/subscriptions/6a1d1d6e-0000-4000-8000-000000000001/resourceGroups/rg/providers";

fn object(kind: Kind, name: &str, spec: Value, status: Value) -> Object {
    let mut json = json!({
        "apiVersion": "acs-operator.dev/v1alpha1",
        "kind": kind.name(),
        "metadata": {"name": name, "namespace": "shop", "generation": 1},
        "spec": spec,
    });
    if !status.is_null() {
        json["status"] = status;
    }
    Object::decode(kind, json).unwrap()
}

fn status(azure: &str, conditions: &[(&str, &str, &str, &str)]) -> Value {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(type_, status, reason, message)| {
            json!({"type": type_, "status": status, "reason": reason, "message": message,
                   "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1})
        })
        .collect();
    let mut status = json!({"observedGeneration": 1, "conditions": conditions});
    if !azure.is_empty() {
        status["azureResourceId"] = json!(format!("{AZURE}/{azure}"));
    }
    status
}

const READY: (&str, &str, &str, &str) = ("Ready", "True", "Ready", "All is as declared.");

fn account() -> Object {
    let spec = json!({
        "subscriptionId": "6a1d1d6e-0000-4000-8000-000000000001",
        "tenantId": "72f988bf-0000-4000-8000-000000000002",
        "identity": {"type": "WorkloadIdentity", "workloadIdentity": {"clientId": "0c7e1d2a-0000-4000-8000-000000000003"}},
    });
    object(Kind::AzureAccount, "default", spec, status("", &[READY]))
}

fn hub_namespace() -> Object {
    let azure = "Microsoft.NotificationHubs/namespaces/shop-1a2b3c4d";
    object(
        Kind::NotificationHubNamespace,
        "shop",
        json!({"location": "westeurope", "sku": "Standard"}),
        status(azure, &[READY]),
    )
}

fn hub(conditions: &[(&str, &str, &str, &str)]) -> Object {
    let azure = "Microsoft.NotificationHubs/namespaces/shop-1a2b3c4d/notificationHubs/phones-5e6f7a8b";
    object(Kind::NotificationHub, "phones", json!({"namespaceRef": {"name": "shop"}}), status(azure, conditions))
}

fn service(conditions: &[(&str, &str, &str, &str)]) -> Object {
    let spec = json!({"dataLocation": "Europe", "notificationHub": {"hubRef": {"name": "phones"}}});
    let azure = "Microsoft.Communication/communicationServices/contoso-shop";
    object(Kind::CommunicationService, "shop", spec, status(azure, conditions))
}

fn subscription(status: Value) -> Object {
    let spec = json!({
        "source": {"serviceRef": {"name": "shop"}},
        "destination": {"type": "WebHook", "webHook": {"url": "https://shop.example/events"}},
    });
    object(Kind::EventSubscription, "sms", spec, status)
}

fn plain(tree: &Tree) -> String {
    render(tree, Style::default())
}

#[test]
fn a_ready_stack_is_one_screen_without_messages() {
    let linked = ("Linked", "True", "Succeeded", "Linked.");
    let azure = "Microsoft.EventGrid/systemTopics/contoso-shop/eventSubscriptions/sms-9c0d1e2f";
    let objects =
        [account(), hub_namespace(), hub(&[READY]), service(&[READY, linked]), subscription(status(azure, &[READY]))];
    let expected = "\
shop                                    READY    REASON     AZURE NAME
✔ AzureAccount/default                  True     Ready
├─ ✔ NotificationHubNamespace/shop      True     Ready      shop-1a2b3c4d
│  └─ ✔ NotificationHub/phones          True     Ready      phones-5e6f7a8b
└─ ✔ CommunicationService/shop          True     Ready      contoso-shop
   ├─ ✔ link to NotificationHub/phones  True     Succeeded
   └─ ✔ EventSubscription/sms           True     Ready      sms-9c0d1e2f
";
    assert_eq!(plain(&build(&objects, &[])), expected);
}

#[test]
fn a_relay_stands_on_its_own_and_says_what_it_waits_for() {
    let spec = json!({
        "placement": {"type": "Sidecar"}, "reachability": {"type": "URL", "url": "https://events.example"},
        "routes": [{"name": "a", "eventTypes": ["A.B"], "target": {"type": "HTTP", "http": {"port": 80, "path": "/"}}}],
    });
    let waits = "No pod runs the relay.";
    let relay = object(
        Kind::EventRelay,
        "shop",
        spec.clone(),
        status("", &[("Ready", "Unknown", "NoRelayPods", waits), ("Reconciling", "True", "NoRelayPods", waits)]),
    );
    let expected = "\
shop                    READY    REASON       AZURE NAME
✔ AzureAccount/default  True     Ready
… EventRelay/shop       Unknown  NoRelayPods
  No pod runs the relay.
";
    assert_eq!(plain(&build(&[account(), relay], &[])), expected);
    let mut suspended = spec;
    suspended["suspend"] = json!(true);
    let tree = build(&[object(Kind::EventRelay, "shop", suspended, Value::Null)], &[]);
    assert_eq!(tree.namespaces[0].nodes[0].state, State::Suspended);
}

#[test]
fn what_waits_and_what_is_stuck_say_why() {
    let stuck = "Secret apns has no key AuthKey.p8.";
    let waits = "Waits for NotificationHub phones.";
    let hub = hub(&[("Ready", "False", "SecretKeyNotFound", stuck), ("Stalled", "True", "SecretKeyNotFound", stuck)]);
    let service = service(&[
        ("Ready", "Unknown", "DependencyNotReady", waits),
        ("Reconciling", "True", "DependencyNotReady", waits),
        ("Linked", "Unknown", "DependencyNotReady", waits),
    ]);
    let objects = [account(), hub_namespace(), hub, service, subscription(Value::Null)];
    let expected = "\
shop                                    READY    REASON              AZURE NAME
✔ AzureAccount/default                  True     Ready
├─ ✔ NotificationHubNamespace/shop      True     Ready               shop-1a2b3c4d
│  └─ ✖ NotificationHub/phones          False    SecretKeyNotFound   phones-5e6f7a8b
│       Secret apns has no key AuthKey.p8.
└─ … CommunicationService/shop          Unknown  DependencyNotReady  contoso-shop
   │ Waits for NotificationHub phones.
   ├─ … link to NotificationHub/phones  Unknown  DependencyNotReady
   └─ … EventSubscription/sms           Unknown  Pending
        The operator has not yet looked at this version of the object.
";
    assert_eq!(plain(&build(&objects, &[])), expected);
}

#[test]
fn what_is_named_but_not_there_is_missing() {
    let objects = [hub(&[READY]), service(&[READY]), subscription(Value::Null)];
    let tree = build(&objects, &[]);
    let roots: Vec<_> =
        tree.namespaces[0].nodes.iter().map(|node| (node.kind, node.name.as_str(), node.state)).collect();
    assert_eq!(
        roots,
        [(Kind::AzureAccount, "default", State::Missing), (Kind::NotificationHubNamespace, "shop", State::Missing),]
    );
    let text = plain(&build(&[account(), service(&[READY])], &[]));
    assert!(text.contains("✖ link to NotificationHub/phones"), "{text}");
}

#[test]
fn an_object_that_cannot_be_read_hides_no_other() {
    let unreadable = [ObjectRef::new(Kind::EventSubscription, "shop", "newer")];
    let text = plain(&build(&[account()], &unreadable));
    assert!(text.contains("✔ AzureAccount/default") && text.contains("InvalidObject"), "{text}");
}

#[test]
fn a_ready_that_speaks_of_an_older_generation_does_not_count() {
    let mut json = serde_json::to_value(match account() {
        Object::AzureAccount(account) => account,
        other => panic!("{other:?}"),
    })
    .unwrap();
    json["metadata"]["generation"] = json!(2);
    let tree = build(&[Object::decode(Kind::AzureAccount, json).unwrap()], &[]);
    assert_eq!(tree.namespaces[0].nodes[0].state, State::Reconciling);
}

#[test]
fn long_messages_break_at_the_width_and_colour_is_only_paint() {
    let long = "The identity lacks Microsoft.NotificationHubs/namespaces/write on the resource group rg: assign a role with it.";
    let objects = [
        account(),
        service(&[("Ready", "False", "AuthorizationFailed", long), ("Stalled", "True", "AuthorizationFailed", long)]),
    ];
    let tree = build(&objects, &[]);
    let narrow = render(&tree, Style { colour: false, width: Some(60) });
    let messages: Vec<&str> = narrow.lines().filter(|line| line.starts_with("   │ ")).collect();
    assert_eq!(messages.len(), 3, "{narrow}");
    assert!(messages.iter().all(|line| line.chars().count() <= 60), "{narrow}");
    let painted = render(&tree, Style { colour: true, width: None });
    assert!(painted.contains("\u{1b}[31m✖"), "{painted:?}");
    assert_eq!(console::strip_ansi_codes(&painted), plain(&tree));
}

#[test]
fn json_has_the_documented_shape() {
    let json = serde_json::to_value(build(&[account(), hub_namespace()], &[])).unwrap();
    let child = json!({
        "kind": "NotificationHubNamespace", "name": "shop", "relation": "Child", "state": "Ready", "ready": "True",
        "reason": "Ready", "message": "", "deleting": false, "azureName": "shop-1a2b3c4d",
        "azureResourceId": format!("{AZURE}/Microsoft.NotificationHubs/namespaces/shop-1a2b3c4d"), "children": [],
    });
    assert_eq!(json["version"], 1);
    assert_eq!(json["namespaces"][0]["name"], "shop");
    assert_eq!(json["namespaces"][0]["nodes"][0]["children"], json!([child]));
}
