//! `azure-sim check` against a simulator over real HTTPS: it agrees with itself, and what is made to differ is found.

use std::path::Path;
use std::process::Output;

use crate::simulator::{Simulator, environment, program};
use serde_json::{Value, json};

/// Runs `azure-sim check` with the variables that the simulator left for its clients.
fn check(dir: &Path, more: &[&str]) -> Output {
    let mut command = program();
    command.envs(environment(dir)).arg("check").args(["--output", "json"]).args(more).output().expect("an exit")
}

fn report(output: &Output) -> Value {
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {error}"))
}

/// What differs, as `probe: step: what`.
fn differences(report: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for probe in list(&report["probes"]) {
        for step in list(&probe["differing"]) {
            for difference in list(&step["differences"]) {
                let (of, what) = (text(&step["step"]), text(&difference["what"]));
                found.push(format!(
                    "{}: {of}: {what} ({} {})",
                    text(&probe["name"]),
                    difference["simulator"],
                    difference["endpoint"]
                ));
            }
        }
    }
    found
}

#[tokio::test]
async fn a_read_only_check_agrees_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let client = simulator.client();
    let before = client.get("/_sim/state").await["resources"].clone();
    let answers = dir.path().join("answers");
    let output = check(dir.path(), &["--record", answers.to_str().expect("UTF-8")]);
    let report = report(&output);
    assert_eq!(differences(&report), [""; 0]);
    assert_eq!(output.status.code(), Some(0));
    assert!(report["requests"].as_u64().expect("a number") >= 20, "{report}");
    assert_eq!(client.get("/_sim/state").await["resources"], before);
    let journal = client.get("/_sim/journal").await;
    for entry in journal["entries"].as_array().expect("entries") {
        let (method, path) = (entry["method"].as_str().expect("text"), entry["path"].as_str().expect("text"));
        assert!(method == "GET" || path.contains("vailability") || path.contains("/oauth2/"), "{method} {path}");
    }
    let secret = &environment(dir.path())["AZURE_CLIENT_SECRET"];
    let said = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&said).contains(secret));
    let mut recordings = 0;
    for file in std::fs::read_dir(&answers).expect("recordings") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
        assert!(!text.contains(simulator.subscription()), "{text}");
        recordings += 1;
    }
    assert!(recordings >= 20, "{recordings}");
}

#[tokio::test]
async fn a_writing_check_agrees_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let output = check(dir.path(), &["--write", "--yes"]);
    let report = report(&output);
    assert_eq!(differences(&report), [""; 0]);
    assert_eq!(output.status.code(), Some(0));
    for probe in report["probes"].as_array().expect("probes") {
        assert_eq!(probe["skipped"], 0, "{probe}");
    }
    let client = simulator.client();
    let journal = client.get("/_sim/journal").await.to_string();
    assert!(journal.contains("linkNotificationHub"), "it wrote nothing");
    let state = client.get("/_sim/state").await["resources"].to_string();
    assert!(!state.contains("acs-check-"), "{state}");
    // Without anybody to ask, and without --yes, nothing is made.
    let output = check(dir.path(), &["--write"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("can cost money"));
    assert_eq!(client.get("/_sim/journal").await.to_string(), journal);
}

#[tokio::test]
async fn every_kind_of_difference_is_found() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let client = simulator.client();
    for (door, body) in [
        // A status, and with it the code of the error, of one list.
        (
            "/_sim/faults",
            json!({"method": "GET", "path": "Microsoft.NotificationHubs/namespaces?", "answer": {"status": 409}}),
        ),
        // The way in which an operation ends.
        (
            "/_sim/faults",
            json!({"method": "PUT", "path": "/communicationServices/acs-check-", "answer": {"lro": "fail"}}),
        ),
        // A value that counts.
        ("/_sim/config", json!({"unregisterProvider": "Microsoft.NotificationHubs"})),
    ] {
        client.post(door, &body).await;
    }
    let output = check(dir.path(), &["--write", "--yes"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report = report(&output);
    let found = differences(&report);
    for expected in [
        "lists: Namespaces_ListAll: status",
        "lists: Namespaces_ListAll: body /",
        "providers: Providers_Get (Microsoft.NotificationHubs): body /registrationState",
        "service: CommunicationServices_CreateOrUpdate (new): operation state",
    ] {
        assert!(found.iter().any(|found| found.starts_with(expected)), "{expected} is not in {found:#?}");
    }
    let skipped = report["probes"].as_array().expect("probes").iter().filter(|probe| probe["skipped"] != 0).count();
    assert!(skipped > 0, "where one side refuses, the rest of a probe says nothing");
    // It cleaned up all the same.
    assert!(!client.get("/_sim/state").await["resources"].to_string().contains("acs-check-"));
}

#[test]
fn what_cannot_be_checked_is_no_agreement() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let output = check(dir.path(), &["--requests", "3"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--requests"));
    let nobody = "00000000-0000-4000-8000-000000000001";
    let output = check(dir.path(), &["--tenant", nobody]);
    assert_ne!(output.status.code(), Some(0), "another tenant was taken for the same");
    drop(simulator);
    let output = check(dir.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    let output = program()
        .args(["check", "--endpoint", "http://x", "--subscription", "mine", "--keep", "--ca-file", "/none"])
        .output()
        .expect("an exit");
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for option in ["--endpoint", "--subscription", "--keep", "--ca-file"] {
        assert!(told.contains(option), "{option} in {told}");
    }
}
