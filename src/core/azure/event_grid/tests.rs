//! What is sent of a whole event subscription, what counts as a difference, and how a change is sent.

use serde_json::{Value, json};

use super::*;
use crate::azure::call::{Body, Proof};
use crate::azure::descriptor::set;
use crate::kinds::subscription::Batching;
use crate::kinds::{Kind, ObjectRef};

const ID: &str = "/subscriptions/6a1d1d6e-0000-4000-8000-000000000001/resourceGroups/rg/providers";

fn access() -> Access {
    let text = String::new;
    Access {
        account: ObjectRef::new(Kind::AzureAccount, "shop", "default"),
        cloud: text(),
        tenant: text(),
        subscription: text(),
        client: text(),
        proof: Proof::ServiceAccount { name: text() },
    }
}

fn owner() -> Owner {
    Owner { path: "c/shop/EventSubscription/shop".to_owned(), uid: "u".to_owned() }
}

fn spec(more: &Value) -> EventSubscriptionSpec {
    let mut spec = json!({"source": {"serviceRef": {"name": "shop"}},
        "destination": {"type": "WebHook", "webHook": {"url": "https://a.example/e?code=x"}}});
    for (name, value) in more.as_object().unwrap() {
        spec[name] = value.clone();
    }
    serde_json::from_value(spec).unwrap()
}

fn hook() -> Target {
    Target::web_hook("https://a.example/e?code=x".to_owned(), &Batching::default(), None)
}

fn wanted(spec: &EventSubscriptionSpec, target: &Target, applied: Option<String>) -> Descriptor {
    subscription(
        &access(),
        ArmId::given(&format!("{ID}/Microsoft.EventGrid/systemTopics/t/eventSubscriptions/s")),
        &owner(),
        spec,
        target,
        None,
        applied,
    )
}

/// As Azure shows what was asked for: without secrets, with a base URL, and with its own members beside.
fn shown(wanted: &Descriptor) -> Body {
    let mut body = wanted.creation().0;
    for path in ["/properties/destination", "/properties/deliveryWithResourceIdentity/destination"] {
        let url = body.pointer(&format!("{path}/properties/endpointUrl")).and_then(Value::as_str).map(str::to_owned);
        if let Some(url) = url {
            set(&mut body, &format!("{path}/properties/endpointUrl"), Value::Null);
            set(&mut body, &format!("{path}/properties/endpointBaseUrl"), json!(url.split('?').next()));
        }
        let mappings = body.pointer_mut(&format!("{path}/properties/deliveryAttributeMappings"));
        for mapping in mappings.and_then(Value::as_array_mut).into_iter().flatten() {
            if mapping["properties"]["isSecret"] == true {
                mapping["properties"]["value"] = json!("Hidden");
            }
        }
    }
    set(&mut body, "/properties/topic", json!("theirs"));
    Body(body)
}

/// Settled: Azure shows what was sent, and took what it does not show.
fn settled(spec: &EventSubscriptionSpec, target: &Target) -> (Descriptor, Body) {
    let fresh = wanted(spec, target, None);
    let observed = shown(&fresh);
    let known = fresh.unseen.map(|unseen| unseen.wanted);
    (wanted(spec, target, known), observed)
}

fn paths(descriptor: &Descriptor, observed: &Body) -> Vec<&'static str> {
    descriptor.differences(observed).iter().map(|field| field.path).collect()
}

fn everything() -> EventSubscriptionSpec {
    let account = format!("{ID}/Microsoft.Storage/storageAccounts/a");
    spec(&json!({
        "retryPolicy": {"maxDeliveryAttempts": 5},
        "deadLetter": {"type": "StorageBlob", "storageBlob": {"resourceId": account, "containerName": "dead"}},
        "expirationTime": "2027-01-31T00:00:00Z",
    }))
}

#[test]
fn what_azure_shows_of_what_was_sent_is_no_difference() {
    let identity = json!({"type": "UserAssigned",
        "userAssigned": {"resourceId": format!("{ID}/Microsoft.ManagedIdentity/userAssignedIdentities/i")}});
    let identity: ManagedIdentity = serde_json::from_value(identity).unwrap();
    let attributes = || {
        vec![
            Attribute { name: "x-plain".to_owned(), value: AttributeValue::Plain("a".to_owned()) },
            Attribute { name: "x-secret".to_owned(), value: AttributeValue::Secret("s3cr3t".to_owned()) },
            Attribute { name: "x-from".to_owned(), value: AttributeValue::FromEvent("data.from".to_owned()) },
        ]
    };
    let batching = Batching { max_events_per_batch: Some(10), preferred_batch_size_kilobytes: None };
    let hub = format!("{ID}/Microsoft.EventHub/namespaces/n/eventhubs/e");
    let targets = [
        hook(),
        Target::web_hook("https://a.example/e?code=x".to_owned(), &batching, None).with_attributes(attributes()),
        Target::relay("https://r.example/v1/events/s".to_owned(), "key".to_owned()),
        Target::azure_function(&format!("{ID}/Microsoft.Web/sites/a/functions/f"), &batching),
        Target::resource("EventHub", &hub).with_attributes(attributes()).with_identity(Some(&identity)),
        Target::storage_queue(&format!("{ID}/Microsoft.Storage/storageAccounts/a"), "events", Some(60)),
    ];
    for target in &targets {
        let (descriptor, observed) = settled(&everything(), target);
        assert_eq!((paths(&descriptor, &observed), target.differs(&observed)), (vec![], false), "{:#}", observed.0);
        // In the case of Azure's choice, with defaults filled in.
        let mut observed = observed.0.to_string().replace("/resourceGroups/rg/", "/resourcegroups/RG/");
        observed = observed.replace(
            "\"properties\":{\"endpointUrl\"",
            "\"properties\":{\"preferredBatchSizeInKilobytes\":64,\"endpointUrl\"",
        );
        assert!(!target.differs(&Body(serde_json::from_str(&observed).unwrap())), "{observed}");
    }
    for (number, target) in targets.iter().enumerate() {
        for (other, observed) in targets.iter().enumerate().filter(|(other, _)| *other != number) {
            let (_, observed) = settled(&everything(), observed);
            assert!(target.differs(&observed), "{number} {other}");
        }
    }
}

#[test]
fn what_someone_adds_to_the_destination_is_seen() {
    let (_, observed) = settled(&everything(), &hook());
    let at = |name: &str| format!("/properties/destination/properties/{name}");
    for (name, value) in [
        ("maxEventsPerBatch", json!(5)),
        ("azureActiveDirectoryTenantId", json!("t")),
        ("endpointBaseUrl", json!("https://b.example/e")),
        ("deliveryAttributeMappings", json!([{"name": "x", "type": "Static", "properties": {"value": "a"}}])),
    ] {
        let mut changed = observed.0.clone();
        set(&mut changed, &at(name), value);
        assert!(hook().differs(&Body(changed)), "{name}");
    }
}

#[test]
fn a_url_is_the_same_however_its_host_and_port_are_written() {
    let target = |url: &str| Target::web_hook(url.to_owned(), &Batching::default(), None);
    for (declared, reads) in [
        ("https://A.example:443/e?code=x", "https://a.example/e"),
        ("https://a.example/e?code=x", "https://A.EXAMPLE:443/e"),
        ("https://a.example", "https://a.example/"),
    ] {
        let (_, observed) = settled(&everything(), &target(reads));
        assert!(!target(declared).differs(&observed), "{declared} {reads}");
    }
    for (declared, reads) in [
        ("https://a.example/e", "https://a.example:8443/e"),
        ("https://a.example/e", "https://a.example/E"),
        ("https://a.example/e", "https://b.example/e"),
    ] {
        let (_, observed) = settled(&everything(), &target(reads));
        assert!(target(declared).differs(&observed), "{declared} {reads}");
    }
}

#[test]
fn defaults_are_declared_too_so_that_a_retry_policy_taken_out_goes_back() {
    let (plain, _) = settled(&spec(&json!({})), &hook());
    let (_, observed) = settled(&everything(), &hook());
    assert_eq!(
        paths(&plain, &observed),
        ["/properties/retryPolicy", "/properties/deadLetterDestination", "/properties/expirationTimeUtc"]
    );
    let changed = plain.change(&observed, &plain.differences(&observed));
    let policy = json!({"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440});
    assert_eq!(changed.0["properties"]["retryPolicy"], policy);
}

#[test]
fn what_goes_is_left_out_of_a_put_that_keeps_all_the_rest() {
    let (plain, _) = settled(&spec(&json!({})), &hook());
    let (_, mut observed) = settled(&everything(), &hook());
    observed.0["properties"]["labels"] = json!(["theirs", "acs-operator-owner=c/shop/EventSubscription/shop"]);
    set(&mut observed.0, "/properties/filter/ofTomorrow", json!(1));
    let differing = plain.differences(&observed);
    assert!(plain.replaces(&differing));
    let put = plain.change(&observed, &differing).0;
    let properties = &put["properties"];
    assert_eq!((properties.get("deadLetterDestination"), properties.get("expirationTimeUtc")), (None, None));
    assert_eq!(properties["destination"]["properties"]["endpointUrl"], "https://a.example/e?code=x");
    assert_eq!(
        (&properties["labels"], &properties["filter"]["ofTomorrow"]),
        (&observed.0["properties"]["labels"], &json!(1))
    );
    // A change that takes nothing away is a PATCH of its own field.
    let (all, _) = settled(&everything(), &hook());
    let (_, observed) = settled(&spec(&json!({})), &hook());
    let differing = all.differences(&observed);
    assert!(!all.replaces(&differing));
    let members: Vec<String> = all.change(&observed, &differing).0.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["deadLetterDestination", "expirationTimeUtc", "retryPolicy"]);
}

#[test]
fn an_identity_that_comes_or_goes_moves_the_destination() {
    let target = Target::resource("EventHub", &format!("{ID}/Microsoft.EventHub/namespaces/n/eventhubs/e"));
    let identity: ManagedIdentity = serde_json::from_value(json!({"type": "SystemAssigned"})).unwrap();
    let by_identity = target.clone().with_identity(Some(&identity));
    let spec = spec(&json!({}));
    for (from, to, stays, goes) in [
        (&target, &by_identity, "deliveryWithResourceIdentity", "destination"),
        (&by_identity, &target, "destination", "deliveryWithResourceIdentity"),
    ] {
        let (_, observed) = settled(&spec, from);
        let wanted = wanted(&spec, to, None);
        let differing = wanted.differences(&observed);
        let put = wanted.change(&observed, &differing).0;
        assert!(wanted.replaces(&differing) && to.differs(&observed));
        assert!(put["properties"].get(goes).is_none() && put["properties"].get(stays).is_some(), "{put:#}");
    }
    let put = wanted(&spec, &by_identity, None).creation().0;
    assert_eq!(put["properties"]["deliveryWithResourceIdentity"]["identity"], json!({"type": "SystemAssigned"}));
}

#[test]
fn another_secret_is_another_fingerprint_and_a_secret_is_in_no_other_place() {
    let with = |value: &str| {
        let attribute = Attribute { name: "x".to_owned(), value: AttributeValue::Secret(value.to_owned()) };
        wanted(&spec(&json!({})), &hook().with_attributes(vec![attribute]), None)
    };
    let (one, two) = (with("canary-1"), with("canary-2"));
    assert_ne!(one.unseen, two.unseen);
    assert_ne!(one.fingerprint(), two.fingerprint());
    let visible = one.fields.iter().filter(|field| field.compare != Compare::Unseen);
    assert!(!visible.map(|field| field.want.to_string()).any(|text| text.contains("canary")));
}

#[test]
fn a_topic_gets_an_identity_beside_those_that_others_gave_it() {
    let identity = |value: Value| -> ManagedIdentity { serde_json::from_value(value).unwrap() };
    let user = format!("{ID}/Microsoft.ManagedIdentity/userAssignedIdentities/i");
    let ours = identity(json!({"type": "UserAssigned", "userAssigned": {"resourceId": user}}));
    let (source, id) =
        (ArmId::given("/subscriptions/s"), ArmId::given(&format!("{ID}/Microsoft.EventGrid/systemTopics/t")));
    let topic = |identity: Option<&ManagedIdentity>| super::topic(&access(), id.clone(), &owner(), &source, identity);
    let with = |value: Value| {
        let mut body = topic(None).creation();
        body.0["identity"] = value;
        body
    };
    let wanted = topic(Some(&ours));
    assert_eq!(wanted.creation().0["identity"], json!({"type": "UserAssigned", "userAssignedIdentities": {&user: {}}}));
    let theirs = json!({"type": "SystemAssigned", "principalId": "p", "tenantId": "t"});
    let observed = with(theirs.clone());
    assert_eq!((paths(&wanted, &observed), paths(&topic(None), &observed)), (vec!["/identity"], vec![]));
    let sent = wanted.change(&observed, &wanted.differences(&observed)).0;
    assert_eq!(
        sent["identity"],
        json!({"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {&user: {}}})
    );
    // As Azure shows it then: in another case, with what it filled in.
    let shown = with(json!({"type": "SystemAssigned, UserAssigned", "principalId": "p",
        "userAssignedIdentities": {user.to_lowercase(): {"clientId": "c"}, "/theirs": {}}}));
    let system = identity(json!({"type": "SystemAssigned"}));
    assert_eq!((paths(&wanted, &shown), paths(&topic(Some(&system)), &shown)), (vec![], vec![]));
    assert!(has_identity(&shown, &ours) && has_identity(&shown, &system) && !has_identity(&observed, &ours));
    assert!(!has_identity(&with(json!({"type": "None"})), &system));
}
