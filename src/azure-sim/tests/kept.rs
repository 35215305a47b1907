//! A world in a directory: what was answered is there after a kill, and whoever cannot have it is told why.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test says by panicking what is wrong")]

use std::io::{BufRead, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

struct Simulator {
    child: Child,
    ready: Value,
}

fn command(dir: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_azure-sim"));
    command.args(["run", "--keep", "--dir"]).arg(dir).args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Simulator {
    fn start(dir: &Path, more: &[&str]) -> Self {
        let mut child = command(dir, more).stderr(Stdio::null()).spawn().expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
        Self { child, ready: serde_json::from_str(&line).expect("JSON") }
    }

    fn url(&self) -> String {
        self.ready["listening"].as_str().expect("an address").to_owned()
    }

    /// SIGKILL: it has no say in it.
    fn kill(&mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("an exit");
    }

    fn terminate(&mut self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs").success());
        assert!(self.child.wait().expect("an exit").success());
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Already gone when the test ended well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a refused start says.
fn refusal(dir: &Path) -> String {
    let mut child = command(dir, &[]).spawn().expect("the binary starts");
    let status = child.wait().expect("an exit");
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!(status.code(), Some(1), "{said}");
    said
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
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let pem = std::fs::read(dir.join("ca.crt")).expect("an authority");
        let authority = reqwest::Certificate::from_pem(&pem).expect("PEM");
        // No connection of one simulator is left for the next.
        let http = reqwest::Client::builder().tls_certs_only([authority]).pool_max_idle_per_host(0);
        let http = http.build().expect("a client");
        let env = std::fs::read_to_string(dir.join("env")).expect("env");
        let value = |name: &str| {
            let line = env.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
            line.expect("a variable").to_owned()
        };
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "client_credentials"),
                ("scope", "https://management.azure.com/.default"),
                ("client_id", &value("AZURE_CLIENT_ID")),
                ("client_secret", &value("AZURE_CLIENT_SECRET")),
            ])
            .finish();
        let url = format!("{}/{}/oauth2/v2.0/token", simulator.url(), value("AZURE_TENANT_ID"));
        let request = http.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        Self { http, token: answer["access_token"].as_str().expect("a token").to_owned() }
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
    let mut simulator = Simulator::start(dir.path(), &azure);
    let url = simulator.url();
    let client = Client::new(dir.path(), &simulator).await;
    let created = client.send("PUT", &format!("{url}{}", service("shop")), europe()).await;
    assert_eq!(created.status(), 201);
    let operation = created.headers()["azure-asyncoperation"].to_str().expect("text").to_owned();
    simulator.kill();

    let mut simulator = Simulator::start(dir.path(), &azure);
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
    simulator.terminate();

    let simulator = Simulator::start(dir.path(), &azure);
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
        let mut simulator = Simulator::start(dir.path(), &["--no-throttling"]);
        let url = simulator.url();
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
    let simulator = Simulator::start(dir.path(), &[]);
    for file in ["state.redb", "ca.key", "env"] {
        let mode = std::fs::metadata(dir.path().join(file)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let said = refusal(dir.path());
    let who = format!("is in use by azure-sim with process id {}: stop that one", simulator.child.id());
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
    Simulator::start(dir.path(), &[]).terminate();
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
