//! Every kind of fault, placed by a script and by the door, through the real front door: what a client sees of it, and that
//! it was counted.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::simulator::{Simulator, environment, trusting};

const ACS: &str = "2025-05-01";
const NH: &str = "2023-10-01-preview";
const EG: &str = "2025-02-15";

/// Who asks as clients do, and looks at what came back.
struct Client {
    http: reqwest::Client,
    url: String,
    subscription: String,
    env: BTreeMap<String, String>,
    token: String,
}

/// What came back; nothing, where the connection was cut.
struct Answer {
    status: u16,
    retry_after: Option<String>,
    operation: Option<String>,
    body: Value,
}

impl Client {
    async fn new(simulator: &Simulator, dir: &Path) -> Self {
        let pem = std::fs::read(dir.join("ca.crt")).expect("an authority");
        // Each request its own connection: one that was cut must not fail another.
        let http = trusting(&pem).pool_max_idle_per_host(0).timeout(Duration::from_secs(60)).build();
        let (url, subscription) = (simulator.url().to_owned(), simulator.subscription().to_owned());
        let env = environment(dir);
        let mut client = Self { http: http.expect("a client"), url, subscription, env, token: String::new() };
        let issued = client.token().await.expect("an answer");
        client.token = issued.body["access_token"].as_str().expect("a token").to_owned();
        client
    }

    async fn token(&self) -> Option<Answer> {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "https://management.azure.com/.default"),
            ("client_id", &self.env["AZURE_CLIENT_ID"]),
            ("client_secret", &self.env["AZURE_CLIENT_SECRET"]),
        ];
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(format!("{}/{}/oauth2/v2.0/token", self.url, self.env["AZURE_TENANT_ID"]));
        Self::answered(request.header("content-type", "application/x-www-form-urlencoded").body(form)).await
    }

    async fn answered(request: reqwest::RequestBuilder) -> Option<Answer> {
        let answer = request.send().await.ok()?;
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let (retry_after, operation) = (header("retry-after"), header("azure-asyncoperation"));
        let status = answer.status().as_u16();
        let body = answer.bytes().await.ok()?;
        Some(Answer { status, retry_after, operation, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    async fn try_ask(&self, method: &str, id: &str, version: &str, body: &Value) -> Option<Answer> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method, format!("{}{id}?api-version={version}", self.url));
        if !body.is_null() {
            request = request.json(body);
        }
        Self::answered(request.bearer_auth(&self.token)).await
    }

    async fn ask(&self, method: &str, id: &str, version: &str, body: &Value) -> Answer {
        self.try_ask(method, id, version, body).await.unwrap_or_else(|| panic!("{method} {id}: no answer"))
    }

    async fn get(&self, id: &str, version: &str) -> Answer {
        self.ask("GET", id, version, &Value::Null).await
    }

    fn service(&self, name: &str) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/rg-shop/providers/Microsoft.Communication/communicationServices/{name}",
            self.subscription
        )
    }

    async fn put_service(&self, name: &str) -> Answer {
        let body = json!({"location": "global", "properties": {"dataLocation": "Europe"}});
        self.ask("PUT", &self.service(name), ACS, &body).await
    }

    /// What an operation says.
    async fn follow(&self, operation: &str) -> Answer {
        Self::answered(self.http.get(operation).bearer_auth(&self.token)).await.expect("an answer")
    }

    /// The word that an operation ends with.
    async fn ended(&self, operation: &str) -> String {
        loop {
            let word = self.follow(operation).await.body["status"].as_str().unwrap_or_default().to_owned();
            if !matches!(word.as_str(), "Accepted" | "InProgress" | "Deleting") {
                return word;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks until it is as wanted.
    async fn until(&self, id: &str, version: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        loop {
            let answer = self.get(id, version).await;
            if wanted(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn door(&self, method: &str, door: &str, media: &str, body: &str) -> Value {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.http.request(method, format!("{}/_sim/{door}", self.url));
        let request = request.header("content-type", media).body(body.to_owned());
        let answer = Self::answered(request).await.expect("an answer");
        assert_eq!(answer.status, 200, "{door}: {}", answer.body);
        answer.body
    }

    /// How often each fault struck, by its label.
    async fn hits(&self) -> Vec<(String, u64)> {
        let shown = self.door("GET", "faults", "application/json", "").await;
        let hit = |fault: &Value| {
            (fault["label"].as_str().unwrap_or_default().to_owned(), fault["hits"].as_u64().unwrap_or(0))
        };
        shown["faults"].as_array().expect("a list").iter().map(hit).collect()
    }
}

/// All kinds of faults, each for a resource of its own, so that none stands in another's way.
const SCRIPT: &str = "
faults:
- {label: refused, method: GET, path: /communicationServices/refused, times: 1, answer: {status: 409, code: Conflict, message: busy, retryAfter: 7}}
- {label: the second of a principal, principal: 0c7e4a52-9d1b-4f60-a3c8-5b6d7e8f9a0b, path: /communicationServices/second, nth: 2, times: 1, answer: {status: 403}}
- {label: another principal, principal: somebody-else, path: /communicationServices/, answer: {status: 403}}
- {label: performed, method: PUT, path: /communicationServices/performed, times: 1, answer: {status: 504, performed: true}}
- {label: slow, path: /communicationServices/slow, times: 1, answer: {delayMs: 300}}
- {label: cut before, method: PUT, path: /communicationServices/cut-before, times: 1, answer: {drop: before}}
- {label: cut after, method: PUT, path: /communicationServices/cut-after, times: 1, answer: {drop: after}}
- {label: fails, method: PUT, path: /communicationServices/fails, times: 1, answer: {lro: fail}}
- {label: endless, method: PUT, path: /communicationServices/endless, times: 1, answer: {lro: endless}}
- {label: lost, method: PUT, path: /communicationServices/lost, times: 1, answer: {lro: lost}}
- {label: late, method: PUT, path: /communicationServices/late, times: 1, answer: {lro: {late: {ms: 1500}}}}
- {label: stale, method: GET, path: /communicationServices, nth: 1, times: 2, answer: {staleMs: 600000}, principal: 0C7E4A52-9D1B-4F60-A3C8-5B6D7E8F9A0B, operation: Microsoft.Communication/CommunicationServices/read, probability: 1, plane: arm}
- {label: edited, method: PUT, path: /communicationServices/edited, times: 1, answer: {after: {set: {pointer: /tags/owner, value: mallory, inMs: 200}}}}
- {label: deleted, method: POST, path: /communicationServices/edited, times: 1, answer: {after: {delete: {}}}}
- {label: storm, path: /namespaces/stormy, answer: {stormMs: 700}}
- {label: no tokens, plane: entra, times: 1, answer: {status: 503, retryAfter: 3}}
- {label: cut tokens, plane: entra, times: 1, answer: {drop: before}}
- {label: data plane, plane: hubs, times: 1, answer: {status: 503, retryAfter: 2}}
- {label: handshake, plane: outward, path: /_sim/sink/refused, answer: {status: 500}}
";

async fn asked_and_answered(client: &Client) {
    let name = |name: &str| client.service(name);
    let refused = client.get(&name("refused"), ACS).await;
    assert_eq!((refused.status, refused.retry_after.as_deref()), (409, Some("7")));
    assert_eq!(refused.body["error"], json!({"code": "Conflict", "message": "busy"}));
    assert_eq!(client.get(&name("refused"), ACS).await.status, 404, "once");
    assert_eq!(client.get(&name("second"), ACS).await.status, 404);
    assert_eq!(client.get(&name("second"), ACS).await.body["error"]["code"], "AuthorizationFailed");
    assert_eq!(client.put_service("performed").await.status, 504);
    assert_eq!(client.get(&name("performed"), ACS).await.status, 200, "it was done all the same");
    assert_eq!(client.get(&name("slow"), ACS).await.status, 404);
    let slow = client.door("GET", "journal?path=/slow", "application/json", "").await;
    assert!(slow["entries"][0]["durationMs"].as_f64() >= Some(300.0), "{slow}");
    let body = json!({"location": "global", "properties": {"dataLocation": "Europe"}});
    for (name, status) in [("cut-before", 404), ("cut-after", 200)] {
        let cut = client.try_ask("PUT", &client.service(name), ACS, &body).await;
        assert!(cut.is_none(), "{name}: the connection is cut");
        assert_eq!(client.get(&client.service(name), ACS).await.status, status, "{name}");
    }
}

async fn operations(client: &Client) {
    let operation = |answer: Answer| answer.operation.expect("an operation");
    let endless = operation(client.put_service("endless").await);
    let failed = operation(client.put_service("fails").await);
    let lost = operation(client.put_service("lost").await);
    let usual = operation(client.put_service("usual").await);
    let late = operation(client.put_service("late").await);
    assert_eq!(client.ended(&failed).await, "Failed");
    assert_eq!(client.follow(&lost).await.status, 404);
    assert_eq!(client.ended(&usual).await, "Succeeded");
    assert_eq!(client.follow(&late).await.body["status"], "Accepted", "begun with it, and later");
    assert_eq!(client.ended(&late).await, "Succeeded");
    assert_eq!(client.follow(&endless).await.body["status"], "Accepted", "long over, were it an ordinary one");
    for (name, state) in [("fails", "Failed"), ("lost", "Succeeded"), ("endless", "Accepted")] {
        let shown = client.get(&client.service(name), ACS).await;
        assert_eq!(shown.body["properties"]["provisioningState"], state, "{name}");
    }
}

async fn behind_its_back(client: &Client) {
    client.put_service("edited").await;
    let edited = client.service("edited");
    let tagged = client.until(&edited, ACS, |answer| !answer.body["tags"].is_null()).await;
    assert_eq!(tagged.body["tags"], json!({"owner": "mallory"}));
    assert_eq!(client.ask("POST", &format!("{edited}/listKeys"), ACS, &Value::Null).await.status, 200);
    assert_eq!(client.get(&edited, ACS).await.status, 404);
    let journal = client.door("GET", "journal?outOfBand=true", "application/json", "").await;
    let done = |entry: &Value| (entry["method"].clone(), entry["path"].clone(), entry["effect"].clone());
    let done: Vec<_> = journal["entries"].as_array().expect("a list").iter().map(done).collect();
    assert_eq!(
        done,
        [(json!("PATCH"), json!(edited), json!("update")), (json!("DELETE"), json!(edited), json!("delete"))]
    );
}

async fn other_planes(client: &Client) {
    let stormy = format!(
        "/subscriptions/{}/resourceGroups/rg-shop/providers/Microsoft.NotificationHubs/namespaces/stormy",
        client.subscription
    );
    let begun = client.get(&stormy, NH).await;
    assert_eq!((begun.status, begun.retry_after.as_deref()), (429, Some("1")));
    client.until(&stormy, NH, |answer| answer.status == 404).await;
    let down = client.token().await.expect("an answer");
    assert_eq!((down.status, down.retry_after.as_deref()), (503, Some("3")));
    assert_eq!(down.body["error"], "temporarily_unavailable");
    assert!(client.token().await.is_none(), "the connection is cut");
    assert_eq!(client.token().await.expect("an answer").status, 200);
    let request = client.http.get(format!("{}/phones/registrations?api-version=2015-01", client.url));
    let busy = Client::answered(request.header("host", "shop-hubs.servicebus.windows.net")).await.expect("an answer");
    assert_eq!((busy.status, busy.retry_after.as_deref()), (503, Some("2")));
    client.put_service("events").await;
    let id = format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/refused", client.service("events"));
    let endpoint = json!({"endpointUrl": format!("{}/_sim/sink/refused", client.url)});
    let body = json!({"properties": {"destination": {"endpointType": "WebHook", "properties": endpoint}}});
    let put = client.ask("PUT", &id, EG, &body).await;
    let operation = put.operation.expect("an operation");
    assert_eq!(client.ended(&operation).await, "Failed");
    assert_eq!(client.follow(&operation).await.body["error"]["code"], "Url validation");
}

#[tokio::test]
async fn every_kind_of_fault_strikes_by_script_and_is_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let script = dir.path().join("faults.yaml");
    std::fs::write(&script, SCRIPT).expect("a file");
    let options = ["--seed", "7", "--profile", "azure", "--time-scale", "0.01"];
    let simulator = Simulator::start(dir.path(), &options);
    let client = Client::new(&simulator, dir.path()).await;
    let before = client.put_service("before").await.operation.expect("an operation");
    assert_eq!(client.ended(&before).await, "Succeeded");
    // Remembered from here on.
    let placed = client.door("POST", "faults", "application/yaml", SCRIPT).await;
    assert_eq!(placed["ids"].as_array().map(Vec::len), Some(19));
    stale(&client).await;
    asked_and_answered(&client).await;
    operations(&client).await;
    behind_its_back(&client).await;
    other_planes(&client).await;
    let hits = client.hits().await;
    for (label, hits) in &hits {
        match label.as_str() {
            "another principal" => assert_eq!(*hits, 0, "{label}"),
            "stale" => assert_eq!(*hits, 2, "{label}"),
            "storm" | "handshake" => assert!(*hits > 0, "{label}"),
            _ => assert_eq!(*hits, 1, "{label}"),
        }
    }
    let unfired = client.door("GET", "faults?unfired", "application/json", "").await;
    assert_eq!(unfired["faults"].as_array().map(Vec::len), Some(1), "{unfired}");
    // Every strike stands in the journal, by the fault's number.
    let journal = client.door("GET", "journal", "application/json", "").await;
    let strikes = |entry: &&Value| entry["fault"].is_u64() && entry["outOfBand"].is_null();
    let struck = journal["entries"].as_array().expect("a list").iter().filter(strikes).count() as u64;
    assert_eq!(struck, hits.iter().map(|(_, hits)| hits).sum::<u64>());
}

/// The first two reads are of what was when the faults were placed: a resource, and a list.
async fn stale(client: &Client) {
    let id = client.service("before");
    assert_eq!(client.ask("PATCH", &id, ACS, &json!({"tags": {"new": "yes"}})).await.status, 200);
    assert_eq!(client.get(&id, ACS).await.body["tags"], Value::Null);
    let list = id.trim_end_matches("/before");
    assert_eq!(client.get(list, ACS).await.body["value"][0]["tags"], Value::Null);
    assert_eq!(client.get(&id, ACS).await.body["tags"], json!({"new": "yes"}));
}

/// What a timer alone writes down reaches those who watch, before anything else happens: nobody asks meanwhile, and the
/// stream's own sign of life, an empty line, has not come yet.
#[tokio::test]
async fn what_somebody_does_later_is_streamed_when_it_is_done() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &["--seed", "5"]);
    let client = Client::new(&simulator, dir.path()).await;
    let stream = client.http.get(format!("{}/_sim/journal/stream?outOfBand=true", client.url));
    let mut stream = stream.header("accept", "application/x-ndjson").send().await.expect("a stream");
    let fault = json!({"method": "PUT", "answer": {"after": {"delete": {"inMs": 400}}}});
    client.door("POST", "faults", "application/json", &fault.to_string()).await;
    assert_eq!(client.put_service("shop").await.status, 201);
    let mut text = String::new();
    while !text.contains('\n') {
        let chunk = stream.chunk().await.expect("a stream").expect("it goes on");
        text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }
    let entry: Value = serde_json::from_str(text.lines().next().expect("a line")).expect(&text);
    assert_eq!((&entry["effect"], &entry["path"]), (&json!("delete"), &json!(client.service("shop"))));
}

#[tokio::test]
async fn a_script_that_is_given_at_the_start_strikes_alike_in_every_run_of_a_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let dir = tempfile::tempdir().expect("a directory");
        let script = dir.path().join("faults.yaml");
        let likely = "faults: [{label: likely, method: GET, path: communicationServices, probability: 0.4, answer: {status: 500}}]";
        std::fs::write(&script, likely).expect("a file");
        let path = script.to_str().expect("text");
        let simulator = Simulator::start(dir.path(), &["--seed", "11", "--faults", path]);
        let client = Client::new(&simulator, dir.path()).await;
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(client.get(&client.service("none"), ACS).await.status);
        }
        let struck = statuses.iter().filter(|status| **status == 500).count() as u64;
        assert_eq!(client.hits().await, [("likely".to_owned(), struck)]);
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&500) && runs[0].contains(&404), "{:?}", runs[0]);
}

#[tokio::test]
async fn a_machine_that_asks_for_its_token_is_struck_as_everybody_is_and_seen_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &["--identity-listen", "127.0.0.1:0"]);
    let client = Client::new(&simulator, dir.path()).await;
    let door = simulator.ready["identity"].as_str().expect("an address");
    let door =
        format!("{door}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/");
    let ask = || Client::answered(client.http.get(&door).header("Metadata", "true"));
    let stream = client.http.get(format!("{}/_sim/journal/stream?operation=Microsoft.Entra/managed*", client.url));
    let mut stream = stream.header("accept", "application/x-ndjson").send().await.expect("a stream");
    assert_eq!(ask().await.expect("an answer").status, 200);
    // Nothing else was asked meanwhile, and the stream's own sign of life is an empty line.
    let chunk = stream.chunk().await.expect("a stream").expect("it goes on");
    let entry: Value = serde_json::from_slice(&chunk).expect("an entry");
    assert_eq!(entry["status"], 200);
    assert!(entry["durationMs"].as_f64().is_some_and(|took| took > 0.0), "{entry}");
    for cut in ["before", "after"] {
        let fault = json!({"plane": "entra", "times": 1, "answer": {"drop": cut}});
        client.door("POST", "faults", "application/json", &fault.to_string()).await;
        assert!(ask().await.is_none(), "drop: {cut}: somebody was told");
        assert_eq!(ask().await.expect("an answer").status, 200, "drop: {cut}");
    }
    let fault = json!({"plane": "entra", "times": 1, "answer": {"delayMs": 300}});
    client.door("POST", "faults", "application/json", &fault.to_string()).await;
    let asked = Instant::now();
    assert_eq!(ask().await.expect("an answer").status, 200);
    assert!(asked.elapsed() >= Duration::from_millis(300), "it was not held back");
    let unfired = client.door("GET", "faults?unfired", "application/json", "").await;
    assert_eq!(unfired["faults"], json!([]));
}
