//! `azure-sim check` against a simulator over real HTTPS: it agrees with itself, and what is made to differ is found.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::simulator::{Simulator, environment, program, signal};
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

/// Every file of a recording.
fn recorded(answers: &Path) -> Vec<String> {
    let files = std::fs::read_dir(answers).expect("recordings");
    files.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text")).collect()
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
    let entries = journal["entries"].as_array().expect("entries");
    assert!(entries.len() >= 20, "{journal}");
    for entry in entries {
        let (method, path) = (entry["method"].as_str().expect("text"), entry["path"].as_str().expect("text"));
        assert!(method == "GET" || path.contains("vailability") || path.contains("/oauth2/"), "{method} {path}");
    }
    let changes = client.get("/_sim/journal?effect=create,update,delete").await;
    assert_eq!(changes["entries"], json!([]));
    let secret = &environment(dir.path())["AZURE_CLIENT_SECRET"];
    let said = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&said).contains(secret));
    let mut recordings = 0;
    for text in recorded(&answers) {
        assert!(!text.contains(simulator.subscription()), "{text}");
        recordings += 1;
    }
    assert!(recordings >= 20, "{recordings}");
}

#[tokio::test]
async fn a_writing_check_agrees_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let output = check(dir.path(), &["--write", "--yes", "--profile", "instant"]);
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
    let output = check(dir.path(), &["--write", "--yes", "--profile", "instant"]);
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

/// A fault that makes one thing differ and nothing else, and how the report says it.
fn one_thing_each() -> [(Value, &'static str, &'static [&'static str]); 4] {
    let missing = "/resourceGroups/acs-check-nobody-has-this/providers/Microsoft.Communication/";
    let write: &[&str] = &["--write", "--yes", "--profile", "instant"];
    [
        (
            json!({"path": missing, "answer": {"status": 410, "code": "ResourceGroupNotFound"}}),
            "what is not there: CommunicationServices_Get (no such group): status (\"404\" \"410\")",
            &[],
        ),
        (
            json!({"path": missing, "answer": {"status": 404, "code": "ResourceGroupNotFound", "retryAfter": 7}}),
            "what is not there: CommunicationServices_Get (no such group): header retry-after (\"absent\" \"present\")",
            &[],
        ),
        (
            json!({"method": "PUT", "operation": "Microsoft.Resources/subscriptions/resourceGroups/write",
                "answer": {"after": {"set": {"pointer": "/properties/invented", "value": 1}}}}),
            "group: ResourceGroups_Get: body /properties/invented (\"absent\" \"number\")",
            write,
        ),
        (
            json!({"method": "PUT", "path": "/communicationServices/acs-check-", "times": 1,
                "answer": {"lro": {"late": {"ms": 7000}}}}),
            "service: CommunicationServices_CreateOrUpdate (new): timing (\"under 5 s\" \"under 30 s\")",
            write,
        ),
    ]
}

#[tokio::test]
async fn a_status_a_header_a_member_or_a_time_is_found_alone() {
    let each = one_thing_each().map(|(fault, expected, more)| {
        tokio::spawn(async move {
            let dir = tempfile::tempdir().expect("a directory");
            let simulator = Simulator::start(dir.path(), &[]);
            simulator.client().post("/_sim/faults", &fault).await;
            let path = dir.path().to_owned();
            let output = tokio::task::spawn_blocking(move || check(&path, more)).await.expect("an exit");
            assert_eq!(differences(&report(&output)), [expected]);
            assert_eq!(output.status.code(), Some(1));
        })
    });
    for one in each {
        one.await.expect("it is found");
    }
}

#[tokio::test]
async fn known_differences_do_not_fail_and_those_that_are_gone_are_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let client = simulator.client();
    let file = dir.path().join("known.yaml");
    let known = file.to_str().expect("UTF-8");
    let [(of_status, status, _), (of_header, header, _), ..] = one_thing_each();
    client.post("/_sim/faults", &of_status).await;
    // Asked for without being there: a mistake, not an empty list.
    assert_eq!(check(dir.path(), &["--known", known]).status.code(), Some(2));
    assert_eq!(check(dir.path(), &["--known", known, "--update"]).status.code(), Some(0));
    // A person says why, and what only a writing run can see is in it, too.
    let written = std::fs::read_to_string(&file).expect("a file");
    let other =
        "- {probe: service, step: CommunicationServices_Get, what: status, simulator: '200', endpoint: '418'}\n";
    std::fs::write(&file, format!("{}  why: it is tea time\n{other}", written)).expect("written");
    let output = check(dir.path(), &["--known", known]);
    let told = report(&output);
    assert_eq!(differences(&told), [status]);
    assert_eq!((output.status.code(), &told["new"], &told["stale"]), (Some(0), &json!(0), &json!([])));
    assert!(told.to_string().contains("it is tea time"), "{told}");
    // The simulator is corrected, and something else is wrong.
    let all = client.http.delete(format!("{}/_sim/faults", client.url)).send().await.expect("an answer");
    assert_eq!(all.status(), 200);
    client.post("/_sim/faults", &of_header).await;
    let output = check(dir.path(), &["--known", known]);
    let told = report(&output);
    assert_eq!(differences(&told), [header]);
    assert_eq!((output.status.code(), &told["new"]), (Some(1), &json!(1)));
    assert_eq!(told["stale"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["stale"][0]["endpoint"], "410");
    assert_eq!(check(dir.path(), &["--known", known, "--update"]).status.code(), Some(0));
    let written = std::fs::read_to_string(&file).expect("a file");
    assert!(!written.contains("410") && written.contains("retry-after") && written.contains("418"), "{written}");
}

#[tokio::test]
async fn what_was_recorded_shows_the_same_differences_without_azure() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let client = simulator.client();
    for (fault, _, _) in &one_thing_each()[2..] {
        client.post("/_sim/faults", fault).await;
    }
    let answers = dir.path().join("answers");
    let at = answers.to_str().expect("UTF-8");
    let there = report(&check(dir.path(), &["--write", "--yes", "--profile", "instant", "--record", at]));
    drop(simulator);
    let run = |more: &[&str]| {
        program().args(["check", "--output", "json", "--against", at]).args(more).output().expect("an exit")
    };
    let output = run(&["--profile", "instant"]);
    let here = report(&output);
    assert_eq!((differences(&here), output.status.code()), (differences(&there), Some(1)));
    assert_eq!(differences(&here).len(), 2, "{here}");
    assert_eq!((&here["requests"], &here["wrote"], &here["leftOut"]), (&json!(0), &json!(true), &json!(0)));
    let kept: Value =
        serde_json::from_str(&std::fs::read_to_string(answers.join("report.json")).expect("a report")).expect("JSON");
    assert_eq!(differences(&kept), differences(&there));
    // What another version asked is not passed over in silence.
    let one = std::fs::read(answers.join("001-Subscriptions_Get.json")).expect("a recording");
    let mut other: Value = serde_json::from_slice(&one).expect("JSON");
    other["step"] = json!("Something_Else");
    std::fs::write(answers.join("999.json"), other.to_string()).expect("written");
    assert_eq!(report(&run(&["--profile", "instant"]))["leftOut"], 1);
    // A directory that has something is somebody's.
    let again = check(dir.path(), &["--record", at]);
    assert_eq!(again.status.code(), Some(64), "{}", String::from_utf8_lossy(&again.stderr));
}

#[tokio::test]
async fn no_key_and_no_token_is_printed_or_recorded() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let client = simulator.client();
    // The end is refused, so that what it would delete can be looked into.
    client.post("/_sim/faults", &json!({"method": "DELETE", "answer": {"status": 409, "code": "Conflict"}})).await;
    let answers = dir.path().join("answers");
    let more = [
        "--write",
        "--yes",
        "--profile",
        "instant",
        "--keep",
        "--group",
        "left-here",
        "--record",
        answers.to_str().expect("UTF-8"),
    ];
    let output = check(dir.path(), &more);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let token = client.token(dir.path()).await;
    let group = format!("/subscriptions/{}/resourceGroups/left-here/providers", simulator.subscription());
    let keys = format!(
        "{}{group}/Microsoft.NotificationHubs/namespaces/acs-check-lefthere/notificationHubs/phones/\
        authorizationRules/DefaultFullSharedAccessSignature/listKeys?api-version=2023-10-01-preview",
        client.url
    );
    let keys =
        client.http.post(keys).bearer_auth(&token).header("content-length", "0").send().await.expect("an answer");
    let keys: Value = keys.json().await.expect("JSON");
    let primary = keys["primaryKey"].as_str().unwrap_or_else(|| panic!("{keys}")).to_owned();
    let secret = environment(dir.path())["AZURE_CLIENT_SECRET"].clone();
    let mut texts = recorded(&answers);
    texts.extend([&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned()));
    for text in texts {
        for secret in [&primary, &secret, "SharedAccessKey=", "eyJ", simulator.subscription()] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[test]
fn a_secret_that_is_refused_is_not_shown() {
    let dir = tempfile::tempdir().expect("a directory");
    let _simulator = Simulator::start(dir.path(), &[]);
    let mut command = program();
    command
        .envs(environment(dir.path()))
        .env("AZURE_CLIENT_SECRET", "wr0ng-s3cret")
        .env("RUST_LOG", "trace")
        .arg("check");
    let output = command.output().expect("an exit");
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("no token") && !told.contains("wr0ng-s3cret"), "{told}");
}

#[tokio::test]
async fn a_run_that_is_stopped_takes_its_group_away() {
    // While a service is being made; and while the group itself is, so that nobody told yet that it is there.
    for (name, path) in [("INT", "/communicationServices/"), ("TERM", "/resourceGroups/acs-check-")] {
        let dir = tempfile::tempdir().expect("a directory");
        let simulator = Simulator::start(dir.path(), &[]);
        let client = simulator.client();
        let hang = json!({"method": "PUT", "path": path, "answer": {"delayMs": 60_000}});
        client.post("/_sim/faults", &hang).await;
        let mut command = program();
        command.envs(environment(dir.path())).args(["check", "--write", "--yes", "--profile", "instant"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let has_group = async || client.get("/_sim/state").await["resources"].to_string().contains("acs-check-");
        // What it waits for is the answer to the PUT.
        while client.get("/_sim/faults").await["faults"][0]["hits"] == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(has_group().await);
        signal(child.id(), name);
        let output = child.wait_with_output().expect("an exit");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("stopped"), "{told}");
        assert!(!has_group().await, "it left its group");
    }
}

#[tokio::test]
async fn a_group_of_somebody_else_is_neither_used_nor_deleted() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &["--resource-group", "rg-theirs"]);
    let client = simulator.client();
    let write = ["--write", "--yes", "--profile", "instant"];
    let output = check(dir.path(), &[&write[..], &["--group", "rg-theirs"]].concat());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("rg-theirs exists already: nothing was touched"), "{told}");
    let changes = client.get("/_sim/journal?method=PUT,PATCH,DELETE").await;
    assert_eq!(changes["entries"], json!([]));
    // Somebody else takes the name between the look and the PUT, which would change their group; here: their mark is on it.
    let theirs = json!({"method": "PUT", "operation": "Microsoft.Resources/subscriptions/resourceGroups/write",
        "answer": {"after": {"set": {"pointer": "/tags/run", "value": "theirs"}}}});
    client.post("/_sim/faults", &theirs).await;
    let output = check(dir.path(), &[&write[..], &["--group", "taken-by-us"]].concat());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("LOOK AFTER THE RESOURCE GROUP taken-by-us") && told.contains("is not deleted"), "{told}");
    assert!(client.get("/_sim/state").await["resources"].to_string().contains("/resourcegroups/taken-by-us"));
}
