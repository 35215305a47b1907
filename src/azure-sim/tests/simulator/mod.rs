//! The program as a child, and its doors.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running simulator; it ends with this.
pub struct Simulator {
    child: Child,
    ready: Value,
}

impl Simulator {
    /// Starts it and waits until it listens.
    pub fn start(dir: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_azure-sim"))
            .args(["run", "--dir"])
            .arg(dir)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
        let ready = serde_json::from_str(&line).expect("JSON");
        Self { child, ready }
    }

    /// Its subscription.
    pub fn subscription(&self) -> &str {
        self.ready["subscriptionId"].as_str().expect("a subscription")
    }

    /// Its doors.
    pub fn client(&self, dir: &Path) -> Client {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let pem = std::fs::read(dir.join("ca.crt")).expect("an authority");
        let authority = reqwest::Certificate::from_pem(&pem).expect("PEM");
        let http = reqwest::Client::builder().tls_certs_only([authority]).build().expect("a client");
        Client { http, url: self.ready["listening"].as_str().expect("an address").to_owned() }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Already gone when the test ended well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody at the doors.
pub struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    /// What a door shows.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.expect("an answer");
        answer.error_for_status().expect("a success").json().await.expect("JSON")
    }

    /// Changes something.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.http.post(format!("{}{path}", self.url)).json(body).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{status} {text}");
        serde_json::from_str(&text).expect("JSON")
    }
}
