use acs_wire::relay::CONTAINER;
use clap::Parser as _;
use serde_json::json;

use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    options: InjectOptions,
}

const RELAY: &str = "
apiVersion: acs-operator.dev/v1alpha1
kind: EventRelay
metadata: {name: shop, namespace: shop}
spec:
  placement: {type: Sidecar, resources: {limits: {memory: 128Mi}}}
  reachability: {type: URL, url: https://events.shop.example}
  routes:
  - {name: orders, eventTypes: [Microsoft.Communication.SMSReceived], target: {type: HTTP, http: {port: 8080, path: /events}}}
";

const STREAM: &str = "# Source: a chart
apiVersion: v1
kind: ConfigMap
metadata:   {name: odd}
data: {script: \"a\\n---\\nb\"}
--- # the app
# Keep replicas at two.
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  template:
    metadata: {labels: {acs-operator.dev/relay: shop}}
    spec:
      containers:
      - name: app
        env: [{name: A, value: 'on'}, {name: B, value: '012'}, {name: C, value: \"l1\\nl2\\n\"}, {name: D, value: '1e3'}]
---
# nothing here
---
apiVersion: batch/v1
kind: Job
metadata: {name: other}
spec: {template: {metadata: {labels: {acs-operator.dev/relay: other}}, spec: {containers: []}}}
";

fn options(arguments: &[&str]) -> InjectOptions {
    let all = ["inject", "-f", "-", "--relay", "relay.yaml"].iter().chain(arguments);
    Line::try_parse_from(all).unwrap_or_else(|error| panic!("{error}")).options
}

fn shop(arguments: &[&str]) -> Relay {
    relay_of_text(RELAY, &options(arguments)).unwrap()
}

fn work(relay: &Relay, selection: Selection) -> Work<'_> {
    Work { relay, selection, printed: String::new(), notes: Vec::new(), injected: 0, already: 0 }
}

fn parsed(text: &str) -> Vec<Value> {
    stream::pieces(text).iter().map(|piece| piece.parse().unwrap()).collect()
}

#[test]
fn what_is_not_meant_stays_to_the_byte_and_what_is_meant_keeps_all_else() {
    let relay = shop(&[]);
    let mut work = work(&relay, Selection::Labelled);
    work.stream(STREAM).unwrap();
    assert_eq!((work.injected, work.already), (1, 0));
    let deployment = STREAM.find("--- # the app").unwrap();
    let rest = STREAM.find("---\n# nothing here").unwrap();
    assert!(work.printed.starts_with(&STREAM[..deployment]), "{}", work.printed);
    assert!(work.printed.ends_with(&STREAM[rest..]), "{}", work.printed);
    assert!(work.printed.contains("--- # the app\n# Keep replicas at two.\napiVersion: apps/v1\n"), "{}", work.printed);
    let (before, after) = (parsed(STREAM), parsed(&work.printed));
    assert_eq!(before.len(), after.len());
    let pod = &after[1]["spec"]["template"]["spec"];
    assert_eq!(pod["initContainers"][0], relay.injection.container);
    assert_eq!(pod["containers"], before[1]["spec"]["template"]["spec"]["containers"]);
    assert_eq!(after[1]["spec"]["replicas"], 2);
    assert!(
        work.notes.iter().any(|note| note.contains("Job other is labelled for the relay other")),
        "{:?}",
        work.notes
    );
}

/// kubectl reads YAML 1.1, where these would be no texts without their quotes.
#[test]
fn texts_that_look_like_something_else_are_quoted() {
    let texts = [
        "on", "off", "yes", "no", "y", "n", "Yes", "NO", "~", "null", "012", "0o17", "1e3", "1_000", "0x1F", "1.0",
        ".5",
    ];
    for text in
        texts.iter().chain(&["2001-12-14", "1:30", "true", "TRUE", "", " a", "a: b", "a #b", "- a", "@a", "%a", ".inf"])
    {
        let relay = shop(&[]);
        let mut work = work(&relay, Selection::All);
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "app", "args": [text]}]}});
        work.stream(&pod.to_string()).unwrap();
        assert_eq!(parsed(&work.printed)[0]["spec"]["containers"][0]["args"][0], **text, "{}", work.printed);
        let line = work.printed.lines().skip_while(|line| !line.contains("args:")).nth(1).unwrap().to_owned();
        assert!(line.contains(['"', '\'']), "{line}");
    }
}

#[test]
fn a_second_time_changes_nothing_and_an_old_revision_is_named() {
    let relay = shop(&[]);
    let mut first = work(&relay, Selection::Labelled);
    first.stream(STREAM).unwrap();
    let mut second = work(&relay, Selection::Labelled);
    second.stream(&first.printed).unwrap();
    assert_eq!((second.injected, second.already), (0, 1));
    assert_eq!(second.printed, first.printed);
    let newer = shop(&["--image", "registry.example/acs-relay:2"]);
    let mut third = work(&newer, Selection::Labelled);
    third.stream(&first.printed).unwrap();
    assert!(third.notes.iter().any(|note| note.contains("another revision")), "{:?}", third.notes);
}

#[test]
fn a_label_in_the_wrong_place_is_an_error_that_names_the_right_one() {
    let relay = shop(&[]);
    for (manifest, place) in [
        (
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, labels: {acs-operator.dev/relay: shop}}, spec: {template: {}}}",
            "`spec.template.metadata.labels`",
        ),
        (
            "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a, labels: {acs-operator.dev/relay: shop}}, spec: {jobTemplate: {spec: {template: {}}}}}",
            "`spec.jobTemplate.spec.template.metadata.labels`",
        ),
    ] {
        let error = work(&relay, Selection::Labelled).stream(manifest).unwrap_err();
        assert!(format!("{error:#}").contains(place), "{error:#}");
    }
}

#[test]
fn manifests_of_another_namespace_are_left_alone() {
    let relay = shop(&[]);
    let mut work = work(&relay, Selection::All);
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: elsewhere}\nspec: {containers: []}\n";
    work.stream(manifest).unwrap();
    assert_eq!((work.injected, work.printed.as_str()), (0, manifest));
    assert!(work.notes.iter().any(|note| note.contains("elsewhere")), "{:?}", work.notes);
}

#[test]
fn lists_are_looked_into_and_files_follow_each_other() {
    let relay = shop(&[]);
    let mut work = work(&relay, Selection::All);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": []}});
    work.stream(&json!({"apiVersion": "v1", "kind": "List", "items": [pod, {"kind": "Other"}]}).to_string()).unwrap();
    work.stream(&pod.to_string()).unwrap();
    let all = parsed(&work.printed);
    assert_eq!(all.len(), 2, "{}", work.printed);
    for pod in [&all[0]["items"][0], &all[1]] {
        assert_eq!(pod["spec"]["initContainers"][0]["name"], CONTAINER);
    }
    assert_eq!(all[0]["items"][1], json!({"kind": "Other"}));
}

#[test]
fn a_relay_that_cannot_be_injected_says_why() {
    let of = |text: &str| format!("{:#}", relay_of_text(text, &options(&[])).unwrap_err());
    assert!(of("kind: Service").contains("kind: EventRelay"));
    assert!(of(&format!("{RELAY}---{RELAY}")).contains("several"));
    assert!(of(&RELAY.replace("type: Sidecar", "type: Deployment")).contains("pods of its own"));
    assert!(of(&RELAY.replace("type: Sidecar", "type: Sidecra")).contains("does not fit"));
    assert!(of("a: [").contains("line 1"));
}

#[test]
fn the_spec_and_the_command_line_say_what_is_put_in() {
    let relay = shop(&["--image", "registry.example/acs-relay:2", "--image-pull-policy", "Never"]);
    let container = &relay.injection.container;
    assert_eq!(
        (container["image"].as_str(), container["imagePullPolicy"].as_str()),
        (Some("registry.example/acs-relay:2"), Some("Never"))
    );
    assert_eq!(container["resources"]["limits"]["memory"], "128Mi");
    let published = json!({"observedGeneration": 1, "injection": {"revision": "r", "container": {"name": CONTAINER}, "volumes": []}});
    let mut object: Value = serde_saphyr::from_str(RELAY).unwrap();
    let without = serde_json::from_value(object.clone()).unwrap();
    let error = relay_of_cluster(without, &options(&[])).unwrap_err();
    assert!(error.to_string().contains("status.injection"), "{error}");
    object["status"] = published;
    let with: EventRelay = serde_json::from_value(object).unwrap();
    assert_eq!(relay_of_cluster(with, &options(&[])).unwrap().injection.revision, "r");
}
