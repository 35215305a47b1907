//! Replacing the delivery key, with a crash after each pass, and relays that load late.

use acs_wire::relay::delivery_key_fingerprint as fingerprint;
use serde_json::json;

use super::ground::Ground;

/// What Event Grid sends, each relay takes.
fn check(ground: &Ground) {
    for subscription in &ground.subscriptions {
        let Some(sent) = &subscription.sends else { continue };
        for pod in &ground.pods {
            assert!(
                pod.keys.contains(sent),
                "{} sends a key that the relay in {} does not take: {:#}",
                subscription.name,
                pod.name,
                ground.status()
            );
        }
    }
}

/// What the plan of an event subscription does: it sends the key that the relay's status names, if it is in the Secret.
fn follow(ground: &mut Ground, at: usize) {
    let key = &ground.status()["deliveryKey"];
    let wanted = key.get("next").or_else(|| key.get("current")).and_then(serde_json::Value::as_str).unwrap_or_default();
    let content = ground.secrets.get("shop-delivery").map(|secret| secret.content.clone()).unwrap_or_default();
    let key = content.values().find(|key| fingerprint(key) == wanted).cloned();
    if let (Some(key), Some(subscription)) = (key, ground.subscriptions.get_mut(at)) {
        subscription.sends = Some(key);
    }
}

fn ready() -> Ground {
    let mut ground = Ground::sidecar();
    ground.add_pod("a");
    ground.add_pod("b");
    ground.add_subscription("one");
    ground.add_subscription("two");
    ground.settle();
    follow(&mut ground, 0);
    follow(&mut ground, 1);
    ground.settle();
    check(&ground);
    ground.relay["spec"]["keyRotation"] = json!(1);
    ground.relay["metadata"]["generation"] = json!(2);
    ground
}

fn is_done(ground: &Ground) -> bool {
    let key = &ground.status()["deliveryKey"];
    key["rotation"] == json!(1) && key.get("next").is_none()
}

/// Every order in which kubelets and event subscriptions may follow, with a crash after every pass or after none.
#[test]
fn no_delivery_carries_a_key_that_a_relay_does_not_take() {
    for order in 0..=u8::MAX {
        let mut ground = ready();
        let old = ground.secrets["shop-delivery"].content["current"].clone();
        for round in 0..100 {
            if is_done(&ground) {
                break;
            }
            ground.pass();
            check(&ground);
            // What is late stays so for two minutes: longer than the old key is kept after all have followed.
            let bit = |at: u32| (order.rotate_left(round / 6) >> at) & 1 == 1;
            for (at, late) in [(0, bit(0)), (1, bit(1))] {
                ground.pods[at].refreshed = !late || round > 60;
            }
            ground.refresh();
            check(&ground);
            for (at, late) in [(0, bit(2)), (1, bit(3))] {
                if !late || round > 60 {
                    follow(&mut ground, at);
                    check(&ground);
                }
            }
            if bit(4) && bit(5) && round <= 60 {
                ground.crash();
            }
            ground.clock += 20_000;
        }
        assert!(is_done(&ground), "order {order}: {:#}", ground.status());
        let content = &ground.secrets["shop-delivery"].content;
        assert!(content.len() == 1 && content["current"] != old, "order {order}");
        ground.refresh();
        check(&ground);
    }
}

#[test]
fn the_old_key_stays_for_as_long_as_a_call_may_take() {
    let mut ground = ready();
    for _ in 0..20 {
        ground.pass();
        ground.refresh();
        follow(&mut ground, 0);
        follow(&mut ground, 1);
        ground.clock += 1_000;
    }
    assert!(!is_done(&ground));
    assert_eq!(ground.secrets["shop-delivery"].content.len(), 2);
    let condition = super::condition(ground.status(), "KeyCurrent");
    assert_eq!((condition.0.as_str(), condition.1.as_str()), ("True", "Rotating"));
    assert_eq!(super::condition(ground.status(), "Ready").0, "True");
    ground.clock += 100_000;
    ground.settle();
    assert!(is_done(&ground), "{:#}", ground.status());
}

#[test]
fn one_whose_time_is_over_keeps_no_key_from_ending_and_one_that_is_only_looked_at_does() {
    for (spec, ends) in [
        (json!({"expirationTime": "2020-01-31T00:00:00Z"}), true),
        (json!({"expirationTime": "2120-01-31T00:00:00Z"}), false),
        (json!({"managementPolicy": "Observe"}), false),
    ] {
        let mut ground = ready();
        ground.subscriptions[1].spec = spec;
        for _ in 0..20 {
            ground.pass();
            ground.refresh();
            follow(&mut ground, 0);
            ground.clock += 20_000;
        }
        assert_eq!(is_done(&ground), ends, "{:#}", ground.status());
        if !ends {
            let message = super::condition(ground.status(), "KeyCurrent").2;
            assert!(message.contains("EventSubscription two does not send the next delivery key"), "{message}");
        }
    }
}

#[test]
fn the_first_key_replaces_none_and_a_spoilt_secret_is_made_again() {
    let mut ground = Ground::sidecar();
    ground.relay["spec"]["keyRotation"] = json!(7);
    ground.settle();
    assert_eq!(ground.status()["deliveryKey"]["rotation"], json!(7));
    assert_eq!(ground.secrets["shop-delivery"].content.len(), 1);
    ground.secrets.get_mut("shop-delivery").unwrap().content.insert("current".to_owned(), "short".to_owned());
    ground.settle();
    assert!(ground.secrets["shop-delivery"].content["current"].len() >= 43);
}
