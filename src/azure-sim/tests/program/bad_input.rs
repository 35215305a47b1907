//! What no client of good will sends, byte by byte over TLS: ARM's own answers, nothing changed, and a server that goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};

use crate::simulator::Simulator;

/// A client that sends exactly what it is given: no library tidies a path or a header.
struct Raw {
    address: String,
    tls: Arc<rustls::ClientConfig>,
}

impl Raw {
    fn new(url: &str, dir: &Path) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(dir.join("ca.crt")).expect("PEM")).expect("an authority");
        let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Self { address: url.trim_start_matches("https://").to_owned(), tls: Arc::new(tls) }
    }

    /// Status and body.
    fn send(&self, head: &[u8], body: &[u8]) -> (u16, Vec<u8>) {
        self.try_send(head, body).expect("an answer with a status")
    }

    /// The same; none where the connection was cut before the answer was read.
    fn try_send(&self, head: &[u8], body: &[u8]) -> Option<(u16, Vec<u8>)> {
        let tcp = TcpStream::connect(&self.address).expect("a connection");
        tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = rustls::ClientConnection::new(self.tls.clone(), name).expect("a client");
        let mut stream = rustls::StreamOwned::new(connection, tcp);
        // A server may answer and close before it read all: what it said is read all the same.
        let _ = stream.write_all(head).and_then(|()| stream.write_all(body)).and_then(|()| stream.flush());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        let status = text.split(' ').nth(1).and_then(|s| s.parse().ok())?;
        let at = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
        Some((status, answer[at..].to_vec()))
    }

    fn request(&self, method: &str, path: &[u8], token: &str, media: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut head = format!("{method} ").into_bytes();
        head.extend_from_slice(path);
        let rest = format!(
            " HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            self.address,
            body.len()
        );
        head.extend_from_slice(rest.as_bytes());
        self.send(&head, body)
    }
}

const JSON: &str = "application/json";
const PUT: &[u8] = br#"{"location":"global","properties":{"dataLocation":"Europe"}}"#;

/// Method, path, media type, body; status and code of the answer.
type Row = (&'static str, Vec<u8>, &'static str, Vec<u8>, u16, &'static str);

fn rows(id: &str) -> Vec<Row> {
    let at = |rest: &str| format!("{id}{rest}").into_bytes();
    let mut invalid = at("");
    invalid.extend_from_slice(b"%ff%fe?api-version=2025-09-01");
    let long = at(&format!("{}?api-version=2025-09-01", "x".repeat(5000)));
    let version = "?api-version=2025-09-01";
    vec![
        ("PUT", at(version), JSON, b"{\"location\":".to_vec(), 400, "InvalidRequestContent"),
        ("PUT", at(version), JSON, vec![b'['; 100_000], 400, "InvalidRequestContent"),
        ("PUT", at(version), "text/plain", PUT.to_vec(), 415, "UnsupportedMediaType"),
        ("PUT", at(version), JSON, vec![b' '; 5 * 1024 * 1024], 413, "RequestEntityTooLarge"),
        ("DELETE", at(&format!("%2f..{version}")), JSON, vec![], 400, "InvalidRequestUri"),
        ("DELETE", at(&format!("%00{version}")), JSON, vec![], 400, "InvalidRequestUri"),
        ("DELETE", at(&format!("/../shop{version}")), JSON, vec![], 400, "InvalidRequestUri"),
        ("DELETE", at(&format!("/%2e%2e{version}")), JSON, vec![], 400, "InvalidRequestUri"),
        ("DELETE", invalid, JSON, vec![], 400, "InvalidRequestUri"),
        ("DELETE", at(""), JSON, vec![], 400, "MissingApiVersionParameter"),
        ("DELETE", at("?api-version=2099-01-01"), JSON, vec![], 400, "NoRegisteredProviderFound"),
        ("GET", long, JSON, vec![], 404, "ResourceNotFound"),
        ("POST", at(&format!("/explode{version}")), JSON, vec![], 404, "InvalidResourceType"),
        ("PUT", b"/nowhere?api-version=2021-04-01".to_vec(), JSON, b"{}".to_vec(), 404, ""),
    ]
}

#[tokio::test]
async fn arm_says_what_is_wrong_and_nothing_changes() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let raw = Raw::new(simulator.url(), dir.path());
    let client = simulator.client();
    let token = client.token(dir.path()).await;
    let id = format!(
        "/subscriptions/{}/resourceGroups/rg-shop/providers/Microsoft.Communication/communicationServices/shop",
        simulator.subscription()
    );
    let made = raw.request("PUT", format!("{id}?api-version=2025-09-01").as_bytes(), &token, JSON, PUT);
    assert_eq!(made.0, 201);
    let before = client.get("/_sim/state").await["resources"].clone();
    assert!(before.get(id.to_lowercase()).is_some(), "{before}");
    for (method, path, media, body, status, code) in rows(&id) {
        let named = String::from_utf8_lossy(&path[..path.len().min(300)]).into_owned();
        let (got, answer) = raw.request(method, &path, &token, media, &body);
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_else(|_| panic!("{method} {named}: no JSON"));
        let error = &answer["error"];
        assert_eq!(got, status, "{method} {named} {answer}");
        assert!(code.is_empty() || error["code"] == json!(code), "{method} {named} {answer}");
        assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()), "{method} {named} {answer}");
        assert_eq!(client.get("/_sim/state").await["resources"], before, "{method} {named}");
    }
}

#[tokio::test]
async fn what_is_no_http_hurts_nobody_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let raw = Raw::new(simulator.url(), dir.path());
    let client = simulator.client();
    let before = client.get("/_sim/state").await["resources"].clone();
    // Never finished, and kept open over all that follows.
    let half_open = TcpStream::connect(&raw.address).expect("a connection");
    for head in [
        &b"GARBAGE\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: seven\r\n\r\n",
    ] {
        let (status, _) = raw.send(head, b"");
        assert!((400..=505).contains(&status), "{status} to {}", String::from_utf8_lossy(head));
    }
    let mut swollen = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ".to_vec();
    swollen.extend(std::iter::repeat_n(b'x', 1024 * 1024));
    swollen.extend_from_slice(b"\r\n\r\n");
    // The answer may be lost behind the bytes that nobody reads any more.
    let answer = raw.try_send(&swollen, b"");
    assert!(answer.is_none_or(|(status, _)| status == 431));
    assert_eq!(client.get("/_sim/state").await["resources"], before);
    drop(half_open);
}
