//! The program as a child, and its doors.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The program, with none of this process's own variables that it reads.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_azure-sim"));
    command.env_clear();
    command
}

/// What it says and how it ends, with these arguments.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().expect("an exit");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), error: text(output.stderr) }
}

/// Client variables that a simulator left in its directory.
pub(crate) fn environment(dir: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(dir.join("env")).expect("env");
    let pair = |line: &str| {
        let (name, value) = line.strip_prefix("export ").expect("export lines").split_once('=').expect("a value");
        (name.to_owned(), value.to_owned())
    };
    text.lines().map(pair).collect()
}

/// A running simulator; it ends with this.
pub(crate) struct Simulator {
    child: Child,
    dir: PathBuf,
    /// The line that it printed.
    pub(crate) ready: Value,
}

impl Simulator {
    /// Starts it and waits until it listens.
    pub(crate) fn start(dir: &Path, more: &[&str]) -> Self {
        let mut command = program();
        command.args(["run", "--dir"]).arg(dir).args(more);
        Self::of(command, dir)
    }

    /// The same by a command of which it is known that it serves from `dir`.
    pub(crate) fn of(mut command: Command, dir: &Path) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
        let ready = serde_json::from_str(&line).expect("JSON");
        Self { child, dir: dir.to_owned(), ready }
    }

    /// What clients call.
    pub(crate) fn url(&self) -> &str {
        self.ready["listening"].as_str().expect("an address")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its subscription.
    pub(crate) fn subscription(&self) -> &str {
        self.ready["subscriptionId"].as_str().expect("a subscription")
    }

    /// Somebody who trusts what `ca.crt` names now, and nobody else.
    pub(crate) fn client(&self) -> Client {
        let pem = std::fs::read(self.dir.join("ca.crt")).expect("an authority");
        // No connection of one simulator is left for the next at the same address.
        let http = trusting(&pem).pool_max_idle_per_host(0).build().expect("a client");
        Client { http, url: self.url().to_owned() }
    }

    /// Asks it to end: with which code it did, and after what time.
    pub(crate) fn terminate(&mut self) -> (Option<i32>, Duration) {
        let asked = Instant::now();
        (self.ended_by("TERM"), asked.elapsed())
    }

    /// Sends a signal that ends it: with which code it did.
    pub(crate) fn ended_by(&mut self, name: &str) -> Option<i32> {
        signal(self.pid(), name);
        self.child.wait().expect("an exit").code()
    }

    /// Waits until it ends by itself: with which code it did.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.wait().expect("an exit").code()
    }

    /// SIGKILL: it has no say in it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("an exit");
    }

    /// What it printed after the one line, once it has ended.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.child.stdout.take().expect("a pipe").read_to_string(&mut rest).expect("the rest");
        rest
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Already gone when the test ended well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().expect("kill runs").success());
}

/// A client that trusts that authority alone.
pub(crate) fn trusting(pem: &[u8]) -> reqwest::ClientBuilder {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let authority = reqwest::Certificate::from_pem(pem).expect("PEM");
    reqwest::Client::builder().tls_certs_only([authority])
}

/// Somebody at the doors.
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
}

impl Client {
    /// What a door shows.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.expect("an answer");
        answer.error_for_status().expect("a success").json().await.expect("JSON")
    }

    /// Changes something.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.http.post(format!("{}{path}", self.url)).json(body).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{status} {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// A token for Azure Resource Manager, for whom the variables in `dir` name.
    pub(crate) async fn token(&self, dir: &Path) -> String {
        let env = environment(dir);
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "client_credentials"),
                ("scope", "https://management.azure.com/.default"),
                ("client_id", &env["AZURE_CLIENT_ID"]),
                ("client_secret", &env["AZURE_CLIENT_SECRET"]),
            ])
            .finish();
        let url = format!("{}/{}/oauth2/v2.0/token", self.url, env["AZURE_TENANT_ID"]);
        let request = self.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        answer["access_token"].as_str().expect("a token").to_owned()
    }
}
