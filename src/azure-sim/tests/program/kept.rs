//! A world in a directory: what was answered is there after a kill, and whoever cannot have it is told why.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::simulator::{Simulator, program, said};

/// Starts one that keeps its world.
fn start(dir: &Path, more: &[&str]) -> Simulator {
    Simulator::start(dir, &[&["--keep"], more].concat())
}

/// What a refused start says.
fn refusal(dir: &Path) -> String {
    let refused = said(program().args(["run", "--keep", "--dir"]).arg(dir));
    assert_eq!(refused.code, Some(1), "{}", refused.error);
    refused.error
}

/// A client that trusts what it trusted before: its authority is read once.
struct Client {
    http: reqwest::Client,
    token: String,
}

const RG: &str = "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d/resourceGroups/rg-shop";

fn service(name: &str) -> String {
    format!("{RG}/providers/Microsoft.Communication/communicationServices/{name}?api-version=2025-05-01")
}

impl Client {
    async fn new(dir: &Path, simulator: &Simulator) -> Self {
        let doors = simulator.client();
        Self { token: doors.token(dir).await, http: doors.http }
    }

    async fn send(&self, method: &str, url: &str, body: Option<Value>) -> reqwest::Response {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        request.send().await.expect("an answer")
    }

    async fn value(&self, url: &str) -> Value {
        self.send("GET", url, None).await.json().await.expect("JSON")
    }
}

fn europe() -> Option<Value> {
    Some(json!({"location": "global", "properties": {"dataLocation": "Europe"}}))
}

#[tokio::test]
async fn an_operation_under_way_when_the_simulator_is_killed_ends_in_the_next_one() {
    let dir = tempfile::tempdir().expect("a directory");
    // Fifty times faster than Azure: 1.3 s from the PUT to the end of its operation.
    let azure = ["--profile", "azure", "--time-scale", "0.02"];
    let mut simulator = start(dir.path(), &azure);
    let url = simulator.url().to_owned();
    let client = Client::new(dir.path(), &simulator).await;
    let created = client.send("PUT", &format!("{url}{}", service("shop")), europe()).await;
    assert_eq!(created.status(), 201);
    let operation = created.headers()["azure-asyncoperation"].to_str().expect("text").to_owned();
    simulator.kill();

    let mut simulator = start(dir.path(), &azure);
    assert_eq!(simulator.url(), url, "what was given out is a URL");
    // The token, the authority and the signed URL of before are good still.
    let mut seen = Vec::new();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    let ended = loop {
        let answer = client.value(&operation).await;
        seen.push(answer["status"].as_str().expect("a status").to_owned());
        if answer["status"] != "Accepted" || tokio::time::Instant::now() > deadline {
            break answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(ended["status"], "Succeeded", "{seen:?}");
    let resource = client.value(&format!("{url}{}", service("shop"))).await;
    let host = resource["properties"]["hostName"].as_str().expect("a host name").to_owned();
    assert_eq!(simulator.terminate().0, Some(0));

    let simulator = start(dir.path(), &azure);
    let again = client.value(&format!("{}{}", simulator.url(), service("shop"))).await;
    assert_eq!(again["properties"]["hostName"], host.as_str());
}

#[tokio::test]
async fn nothing_that_was_answered_is_lost_by_a_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut answered = 0;
    let mut last = 0;
    let mut client = None;
    for round in 0..4 {
        let mut simulator = start(dir.path(), &["--no-throttling"]);
        let url = simulator.url().to_owned();
        if client.is_none() {
            client = Some(Client::new(dir.path(), &simulator).await);
        }
        let client = client.as_ref().expect("a client");
        let state = client.value(&format!("{url}/_sim/state")).await;
        let resources = state["resources"].as_object().expect("resources").len();
        // With the resource group.
        assert_eq!(resources, answered + 1, "round {round}");
        let journal = client.value(&format!("{url}/_sim/journal?since={last}")).await;
        last = journal["next"].as_u64().expect("a number").max(last);
        for n in 0..25 {
            let put = client.send("PUT", &format!("{url}{}", service(&format!("shop-{round}-{n}"))), europe()).await;
            assert_eq!(put.status(), 201);
            answered += 1;
        }
        let read = client.send("GET", &format!("{url}{}", service("shop-0-0")), None).await;
        assert_eq!(read.status(), 200);
        let journal = client.value(&format!("{url}/_sim/journal?since={last}")).await;
        let entries = journal["entries"].as_array().expect("entries");
        let numbers: Vec<u64> = entries.iter().filter_map(|entry| entry["sequence"].as_u64()).collect();
        assert!(numbers.len() >= 26 && numbers.iter().all(|number| *number > last), "{last}: {numbers:?}");
        last = *numbers.last().expect("a number");
        simulator.kill();
    }
}

#[test]
fn the_file_is_private_and_held_by_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = start(dir.path(), &[]);
    for file in ["state.redb", "ca.key", "env"] {
        let mode = std::fs::metadata(dir.path().join(file)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let said = refusal(dir.path());
    let who = format!("is in use by azure-sim with process id {}: stop that one", simulator.pid());
    assert!(said.contains(&who), "{said}");
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("state.redb");
    let text = "a shopping list, long enough to be mistaken for something else: ".repeat(200);
    std::fs::write(&file, &text).expect("written");
    let said = refusal(dir.path());
    assert!(said.contains("cannot be used: move it away"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).expect("still there"), text);
}

#[test]
fn a_format_of_another_version_is_refused_in_a_sentence() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(start(dir.path(), &[]).terminate().0, Some(0));
    let file = dir.path().join("state.redb");
    {
        let database = redb::Database::open(&file).expect("a database");
        let write = database.begin_write().expect("a transaction");
        let about = redb::TableDefinition::<&str, &[u8]>::new("about");
        write.open_table(about).expect("a table").insert("format", &7u64.to_le_bytes()[..]).expect("an entry");
        write.commit().expect("written");
    }
    let before = std::fs::read(&file).expect("a file");
    let said = refusal(dir.path());
    assert!(said.contains("it has format 7, and this version of azure-sim knows format 1 only"), "{said}");
    assert!(before == std::fs::read(&file).expect("a file"), "it was not written to");
}

/// `ca.key` as versions before wrote it: the key alone.
fn without_certificate(key: &Path) {
    let text = std::fs::read_to_string(key).expect("a key");
    let (alone, _) = text.split_once("-----BEGIN CERTIFICATE-----").expect("a certificate behind the key");
    std::fs::write(key, alone).expect("written");
}

#[tokio::test]
async fn another_authority_for_once_does_not_take_the_place_of_the_kept_one() {
    for of_before in [false, true] {
        let (dir, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let trusted = || std::fs::read(dir.path().join("ca.crt")).expect("an authority");
        let mut simulator = start(dir.path(), &[]);
        let (own, client) = (trusted(), simulator.client());
        assert_eq!(simulator.terminate().0, Some(0));
        if of_before {
            without_certificate(&dir.path().join("ca.key"));
        }
        let other = other.path().to_str().expect("UTF-8");
        // One that is given, and one that is made for one run.
        for more in [&["--keep", "--authority", other][..], &[]] {
            let mut simulator = Simulator::start(dir.path(), more);
            assert_ne!(trusted(), own);
            assert_eq!(simulator.client().get("/_sim/healthz").await["status"], "ok");
            assert_eq!(simulator.terminate().0, Some(0));
        }
        let again = start(dir.path(), &[]);
        assert_eq!(trusted(), own);
        assert_eq!(again.url(), client.url);
        assert_eq!(client.get("/_sim/healthz").await["status"], "ok", "it trusts since the first start");
        let mode = std::fs::metadata(dir.path().join("ca.key")).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

/// As a full disk: no file of it may grow beyond so many bytes. Without the signal that would end it at once.
fn start_with_room(dir: &Path, bytes: u64, log: &Path) -> Simulator {
    let script = format!("trap '' XFSZ; ulimit -f {}; log=$1; shift; exec \"$@\" 2>\"$log\"", bytes / 512);
    let mut run = Command::new("sh");
    run.args(["-c", &script, "sh"]).arg(log).arg(program().get_program());
    run.args(["run", "--keep", "--no-throttling", "--dir"]).arg(dir);
    Simulator::of(run, dir)
}

#[tokio::test]
async fn a_full_disk_is_said_ends_the_program_and_loses_nothing_that_was_answered() {
    // What finds no room first may be what a timer did between two requests: then nobody is there to be told.
    for _ in 0..50 {
        if fill_the_disk().await {
            return;
        }
    }
    panic!("nobody who asked was ever told");
}

/// Fills it once, and looks at what is left: whether somebody who asked was told.
async fn fill_the_disk() -> bool {
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(start(dir.path(), &["--no-throttling"]).terminate().0, Some(0));
    let log = dir.path().join("log");
    let size = std::fs::metadata(dir.path().join("state.redb")).expect("a file").len();
    let mut simulator = start_with_room(dir.path(), size, &log);
    let client = Client::new(dir.path(), &simulator).await;
    let url = simulator.url().to_owned();
    let mut answered = 0;
    let refused = loop {
        let put = client.http.put(format!("{url}{}", service(&format!("shop-{answered}")))).bearer_auth(&client.token);
        let put = put.header("content-type", "application/json").body(europe().expect("a body").to_string());
        let put = put.send().await.ok();
        if put.as_ref().is_none_or(|put| put.status() != 201) {
            break put;
        }
        answered += 1;
        assert!(answered < 100_000, "the file never grew");
    };
    let told = refused.is_some();
    if let Some(refused) = refused {
        assert_eq!(refused.status(), 500);
        let said: Value = refused.json().await.expect("JSON");
        let message = said["error"]["message"].as_str().expect("a message");
        assert!(message.starts_with("azure-sim: the state cannot be written: "), "{message}");
    }
    // By itself: who waits for it is told by its exit.
    assert_eq!(simulator.ended(), Some(1));
    let log = std::fs::read_to_string(log).expect("a log");
    assert!(log.contains("the state cannot be written"), "{log}");

    let simulator = start(dir.path(), &["--no-throttling"]);
    let state = client.value(&format!("{}/_sim/state", simulator.url())).await;
    let resources = state["resources"].as_object().expect("resources");
    let there = (0..answered).all(|number| {
        let id = service(&format!("shop-{number}"));
        resources.contains_key(id.split('?').next().expect("a path").to_lowercase().as_str())
    });
    assert!(there, "{answered} were answered, {} are there", resources.len() - 1);
    told
}

#[test]
fn a_file_of_another_version_that_was_killed_is_left_as_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut simulator = start(dir.path(), &[]);
    simulator.kill();
    // What a later version would leave behind when it is killed: it has the file open and never closes it.
    let (file, image) = (dir.path().join("state.redb"), dir.path().join("image"));
    let database = redb::Database::open(&file).expect("a database");
    let write = database.begin_write().expect("a transaction");
    let about = redb::TableDefinition::<&str, &[u8]>::new("about");
    write.open_table(about).expect("a table").insert("format", &7u64.to_le_bytes()[..]).expect("an entry");
    write.commit().expect("written");
    std::fs::copy(&file, &image).expect("a copy");
    drop(database);
    let killed = std::fs::read(&image).expect("a file");
    assert!(killed != std::fs::read(&file).expect("a file"), "a file that was closed differs from one that was not");
    std::fs::rename(&image, &file).expect("moved");
    let said = refusal(dir.path());
    assert!(said.contains("it has format 7, and this version of azure-sim knows format 1 only"), "{said}");
    assert!(killed == std::fs::read(&file).expect("a file"), "it was not written to");
}

#[tokio::test]
async fn faults_of_a_script_go_on_where_they_were_and_are_not_placed_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let script = dir.path().join("faults.yaml");
    let fault =
        "faults:\n- {label: storm, method: PUT, path: communicationServices, times: 3, answer: {status: 503}}\n";
    std::fs::write(&script, fault).expect("a file");
    let options = ["--faults", script.to_str().expect("a path")];
    let mut simulator = start(dir.path(), &options);
    let client = Client::new(dir.path(), &simulator).await;
    let put = async |simulator: &Simulator| {
        let url = format!("{}{}", simulator.url(), service("shop"));
        client.send("PUT", &url, europe()).await.status().as_u16()
    };
    assert_eq!((put(&simulator).await, put(&simulator).await), (503, 503));
    simulator.kill();

    let mut simulator = start(dir.path(), &options);
    let faults = async |simulator: &Simulator| client.value(&format!("{}/_sim/faults", simulator.url())).await;
    let placed = faults(&simulator).await;
    assert_eq!(placed["faults"].as_array().map(Vec::len), Some(1), "{placed}");
    assert_eq!(placed["faults"][0]["hits"], 2, "{placed}");
    assert_eq!((put(&simulator).await, put(&simulator).await), (503, 201), "the third of three, and no fourth");
    assert_eq!(simulator.terminate().0, Some(0));

    let simulator = start(dir.path(), &options);
    assert_eq!(faults(&simulator).await["faults"][0]["hits"], 3);
    assert_eq!(put(&simulator).await, 201, "nothing strikes any more; an update says 201, too");
}
