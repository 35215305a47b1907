//! Files that change while the relay runs.

use std::os::unix::fs::symlink;

use acs_relay::serve::Limits;
use acs_wire::relay::delivery_key_fingerprint;
use serde_json::json;

use crate::ground::{Ground, KEY, NEXT_KEY, PATH, Target, config, event, route, send, until, write};

#[tokio::test]
async fn a_relay_without_files_says_so_and_starts_to_accept_when_they_come() {
    let ground = Ground::empty(Limits::default()).await;
    assert_eq!(send(ground.ops, "GET", "/livez", &[], "").await.status, 200);
    let ready = send(ground.ops, "GET", "/readyz", &[], "").await;
    assert_eq!(ready.status, 503);
    let text = String::from_utf8(ready.body.to_vec()).unwrap();
    assert!(text.contains("relay.json is missing") && text.contains("delivery key current is missing"), "{text}");
    // A prefix that is not known yet is no path that is wrong for good.
    assert_eq!(send(ground.events, "POST", &format!("/prefix{PATH}"), &[], "").await.status, 503);
    let target = Target::start().await;
    ground.write("config/relay.json", &config(&[route("all", &target.url())]).to_string());
    ground.write("delivery/current", &format!("{KEY}\n"));
    until("it accepts", || ground.relay().state.is_accepting()).await;
    assert_eq!(send(ground.ops, "GET", "/readyz", &[], "").await.status, 200);
    assert_eq!(ground.deliver(event("1", "a")).await.status, 200);
    let report = ground.report().await;
    assert_eq!((report.relay.as_str(), report.namespace.as_str(), report.revision.as_str()), ("shop", "team", "r1"));
    assert_eq!(report.delivery_keys, [delivery_key_fingerprint(KEY)]);
    assert_eq!((report.subscriptions, report.problems), (vec!["shop-events".to_owned()], Vec::new()));
    assert!(report.accepting && !report.version.is_empty());
}

#[tokio::test]
async fn a_bad_file_changes_nothing_but_the_problems() {
    let target = Target::start().await;
    let good = config(&[route("all", &target.url())]);
    let ground = Ground::with(&good).await;
    let mut bad_rule = good.clone();
    bad_rule["push"] = json!({"platforms": ["apple"], "rules": [{"name": "r", "filter": {"eventTypes": [], "subject": {}},
        "installationTag": "event.nothing", "body": "'x'", "expiresAfterSeconds": 60}]});
    let mut two = good.clone();
    two["routes"] = json!([route("a", "ftp://x/"), route("a", "http://user:pw@x/")]);
    let mut future = good.clone();
    future["format"] = json!(2);
    for (text, wanted) in [
        ("{".to_owned(), vec!["no relay configuration"]),
        (good.to_string().replace("\"relay\"", "\"relais\""), vec!["relais"]),
        (future.to_string(), vec!["format is 2"]),
        (bad_rule.to_string(), vec!["push rule r: installationTag: line 1, column 6: `event` has no member"]),
        (two.to_string(), vec!["route a: url \"ftp://x/\"", "no password", "two routes are named a"]),
        (String::new(), vec!["relay.json is empty"]),
    ] {
        ground.write("config/relay.json", &text);
        ground.relay().state.reload();
        let report = ground.report().await;
        for wanted in wanted {
            assert!(
                report.problems.iter().any(|p| p.starts_with("relay.json") && p.contains(wanted)),
                "{wanted}: {report:?}"
            );
        }
        assert!(report.accepting && report.revision == "r1");
        assert_eq!(send(ground.ops, "GET", "/readyz", &[], "").await.status, 200);
    }
    assert_eq!(ground.deliver(event("1", "a")).await.status, 200);
    let mut next = good.clone();
    next["revision"] = json!("r2");
    ground.write("config/relay.json", &next.to_string());
    ground.relay().state.reload();
    let report = ground.report().await;
    assert_eq!((report.revision.as_str(), report.problems.len()), ("r2", 0));
}

#[tokio::test]
async fn keys_rotate_without_a_refusal() {
    let target = Target::start().await;
    let ground = Ground::with(&config(&[route("all", &target.url())])).await;
    let with = async |id: &str, key: &str| {
        send(ground.events, "POST", PATH, &[("acs-relay-key", key)], event(id, "a")).await.status
    };
    ground.write("delivery/next", NEXT_KEY);
    until("the new key is in", || ground.relay().state.snapshot().keys.len() == 2).await;
    assert_eq!((with("1", KEY).await, with("2", NEXT_KEY).await), (200, 200));
    let mut both = [delivery_key_fingerprint(KEY), delivery_key_fingerprint(NEXT_KEY)];
    both.sort();
    assert_eq!(ground.report().await.delivery_keys, both);
    ground.write("delivery/current", NEXT_KEY);
    std::fs::remove_file(ground.folder.path().join("delivery/next")).unwrap();
    ground.relay().state.reload();
    assert_eq!((with("3", KEY).await, with("4", NEXT_KEY).await), (503, 200));
    // A Secret that is gone for a moment changes nothing.
    std::fs::remove_file(ground.folder.path().join("delivery/current")).unwrap();
    ground.relay().state.reload();
    assert_eq!(with("5", NEXT_KEY).await, 200);
    let missing = "delivery key current is missing; the one before it stays valid";
    assert!(ground.report().await.problems.iter().any(|p| p == missing));
    ground.write("delivery/current", "short");
    ground.relay().state.reload();
    assert_eq!(with("6", NEXT_KEY).await, 200);
    assert!(ground.report().await.problems.iter().any(|p| p.contains("shorter than 16")));
    // Nor does one that is gone while the other is there.
    ground.write("delivery/next", KEY);
    ground.relay().state.reload();
    assert_eq!((with("7", NEXT_KEY).await, with("8", KEY).await), (200, 200));
}

/// What is refused comes half a minute later: a key that the kubelet put there a moment ago counts, however lately the files were looked at.
#[tokio::test]
async fn a_key_counts_from_the_moment_of_its_swap() {
    let target = Target::start().await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "config/relay.json", &config(&[route("all", &target.url())]).to_string());
    write(folder.path(), "delivery/..v1/current", KEY);
    write(folder.path(), "delivery/..v2/current", NEXT_KEY);
    symlink("..v1", folder.path().join("delivery/..data")).unwrap();
    symlink("..data/current", folder.path().join("delivery/current")).unwrap();
    symlink("..v2", folder.path().join("delivery/..tmp")).unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let relay =
        acs_relay::run::Relay::start([any; 3], crate::ground::folders(folder.path()), Limits::default()).await.unwrap();
    let with = async |id: &str, key: &str| {
        send(relay.addresses[0], "POST", PATH, &[("acs-relay-key", key)], event(id, "a")).await.status
    };
    assert_eq!(with("1", KEY).await, 200);
    relay.state.reload();
    std::fs::rename(folder.path().join("delivery/..tmp"), folder.path().join("delivery/..data")).unwrap();
    assert_eq!((with("2", NEXT_KEY).await, with("3", KEY).await), (200, 503));
}

#[tokio::test]
async fn files_are_swapped_as_the_kubelet_does_it_and_a_request_keeps_what_it_began_with() {
    let (old, new) = (Target::start().await, Target::start().await);
    let folder = tempfile::tempdir().unwrap();
    let version = |name: &str, target: &Target| {
        let mut config = config(&[route("all", &target.url())]);
        config["revision"] = json!(name);
        write(folder.path(), &format!("config/..{name}/relay.json"), &config.to_string());
    };
    version("v1", &old);
    version("v2", &new);
    symlink("..v1", folder.path().join("config/..data")).unwrap();
    symlink("..data/relay.json", folder.path().join("config/relay.json")).unwrap();
    write(folder.path(), "delivery/current", KEY);
    let any = "127.0.0.1:0".parse().unwrap();
    let relay =
        acs_relay::run::Relay::start([any; 3], crate::ground::folders(folder.path()), Limits::default()).await.unwrap();
    let events = relay.addresses[0];
    let deliver = move |id: &'static str| async move {
        send(events, "POST", PATH, &[("acs-relay-key", KEY)], event(id, id)).await.status
    };
    old.hold(true);
    let before = tokio::spawn(deliver("1"));
    until("the old target has it", || old.under_way() == 1).await;
    symlink("..v2", folder.path().join("config/..tmp")).unwrap();
    std::fs::rename(folder.path().join("config/..tmp"), folder.path().join("config/..data")).unwrap();
    until("the new one is in force", || relay.state.report().revision == "v2").await;
    assert_eq!(deliver("2").await, 200);
    old.hold(false);
    assert_eq!(before.await.unwrap(), 200);
    assert_eq!((old.count(), new.count()), (1, 1));
}
