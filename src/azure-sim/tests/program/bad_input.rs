//! What no client of good will sends, byte by byte over TLS: ARM's own answers, nothing changed, and a server that goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};

use crate::simulator::{Simulator, environment};

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
        // A server may answer and close before it read all: what it said is read all the same. Not through the stream, which
        // would write first what could not be written.
        let _ = stream.write_all(head).and_then(|()| stream.write_all(body)).and_then(|()| stream.flush());
        let mut answer = Vec::new();
        while stream.conn.read_tls(&mut stream.sock).is_ok_and(|read| read > 0) {
            if stream.conn.process_new_packets().is_err() {
                break;
            }
            // It ends in an error when there is no more for now.
            let _ = stream.conn.reader().read_to_end(&mut answer);
        }
        let text = String::from_utf8_lossy(&answer);
        let status = text.split(' ').nth(1).and_then(|s| s.parse().ok())?;
        let at = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
        Some((status, answer[at..].to_vec()))
    }

    fn request(&self, method: &str, path: &[u8], token: &str, media: &str, body: &[u8]) -> (u16, Vec<u8>) {
        self.request_to(&self.address, method, path, &format!("Bearer {token}"), media, body)
    }

    fn request_to(
        &self,
        host: &str,
        method: &str,
        path: &[u8],
        authorization: &str,
        media: &str,
        body: &[u8],
    ) -> (u16, Vec<u8>) {
        let mut head = format!("{method} ").into_bytes();
        head.extend_from_slice(path);
        let rest = format!(
            " HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\nContent-Type: {media}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
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
        ("DELETE", at(&format!("{version}&api-version=2025-09-01")), JSON, vec![], 400, "InvalidApiVersionParameter"),
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
async fn entra_says_what_is_wrong_and_nothing_changes() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let url = simulator.url();
    let raw = Raw::new(url, dir.path());
    let client = simulator.client();
    let variables = environment(dir.path());
    let variable = |name: &str| variables[name].trim_matches('\'').to_owned();
    let before = client.get("/_sim/state").await["resources"].clone();
    let tenant = variable("AZURE_TENANT_ID");
    let place = format!("/{tenant}/oauth2/v2.0/token");
    let good = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={url}/.default",
        variable("AZURE_CLIENT_ID"),
        variable("AZURE_CLIENT_SECRET")
    );
    let form = |text: &str| text.as_bytes().to_vec();
    let rows: Vec<(&str, String, &str, Vec<u8>, u16)> = vec![
        ("POST", place.clone(), FORM, vec![], 400),
        ("POST", place.clone(), FORM, b"\xff\xfe=%ff&%%%".to_vec(), 400),
        ("POST", place.clone(), FORM, form("grant_type=password"), 400),
        ("POST", place.clone(), JSON, form("{\"grant_type\":"), 400),
        ("POST", place.clone(), FORM, form(&good.replace("client_secret=", "client_secret=no")), 401),
        ("POST", place.clone(), FORM, vec![b'x'; 5 * 1024 * 1024], 413),
        ("POST", place.replace(&tenant, "%2f.."), FORM, form(&good), 400),
        ("POST", place.replace(&tenant, "nobody.example"), FORM, form(&good), 400),
        ("GET", format!("/{tenant}/oauth2/nowhere"), FORM, vec![], 401),
        ("GET", format!("/{tenant}/../{tenant}/v2.0/.well-known/openid-configuration"), FORM, vec![], 401),
    ];
    for (method, path, media, body, status) in rows {
        let (got, answer) = raw.request_to(&raw.address, method, path.as_bytes(), "", media, &body);
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_else(|_| panic!("{method} {path}: no JSON"));
        assert_eq!(got, status, "{method} {path} {answer}");
        // The server's own, and what is no path of Entra's, in ARM's words.
        let in_words =
            if matches!(status, 413) || method == "GET" { &answer["error"]["message"] } else { &answer["error"] };
        assert!(in_words.as_str().is_some_and(|words| !words.is_empty()), "{method} {path} {answer}");
        assert!(answer.get("access_token").is_none(), "{method} {path}");
    }
    assert_eq!(client.get("/_sim/state").await["resources"], before);
    assert_eq!(raw.request("POST", place.as_bytes(), "", FORM, good.as_bytes()).0, 200);
}

/// A signature for everything in a hub, as its SDKs make one.
fn signature(resource: &str, key: &str) -> String {
    use base64::Engine as _;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let (resource, expiry) = (encoded(resource), 4_102_444_800_u64);
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("a key");
    mac.update(format!("{resource}\n{expiry}").as_bytes());
    let signed = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    let rule = "DefaultFullSharedAccessSignature";
    format!("SharedAccessSignature sr={resource}&sig={}&se={expiry}&skn={rule}", encoded(&signed))
}

#[tokio::test]
async fn the_data_plane_of_hubs_says_what_is_wrong_and_nothing_changes() {
    const HOST: &str = "bad-input.servicebus.windows.net";
    const XML: &str = "application/atom+xml;type=entry;charset=utf-8";
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let raw = Raw::new(simulator.url(), dir.path());
    let client = simulator.client();
    let token = client.token(dir.path()).await;
    let namespace = format!(
        "/subscriptions/{}/resourceGroups/rg-shop/providers/Microsoft.NotificationHubs/namespaces/bad-input",
        simulator.subscription()
    );
    let arm = |method: &str, rest: &str, body: &[u8]| {
        raw.request(method, format!("{namespace}{rest}?api-version=2023-10-01-preview").as_bytes(), &token, JSON, body)
    };
    assert_eq!(arm("PUT", "", br#"{"location":"westeurope","sku":{"name":"Standard"}}"#).0, 201);
    assert_eq!(arm("PUT", "/notificationHubs/phones", br#"{"location":"westeurope"}"#).0, 201);
    let keys = "/notificationHubs/phones/authorizationRules/DefaultFullSharedAccessSignature/listKeys";
    let keys: Value = serde_json::from_slice(&arm("POST", keys, b"").1).expect("JSON");
    let sas = signature(&format!("https://{HOST}/phones"), keys["primaryKey"].as_str().expect("a key"));
    let phone = br#"{"installationId":"phone","platform":"apns","pushChannel":"abababababababababababababababababababababababababababababababab"}"#;
    let send = |method: &str, path: &str, media: &str, body: &[u8]| {
        raw.request_to(HOST, method, path.as_bytes(), &sas, media, body)
    };
    let version = "api-version=2020-06";
    assert_eq!(send("PUT", &format!("/phones/installations/phone?{version}"), JSON, phone).0, 200);
    let shown = |id: &str| send("GET", &format!("/phones/installations/{id}?{version}"), JSON, b"");
    let (before, phones) = (shown("phone"), client.get("/_sim/phones").await);
    assert_eq!(before.0, 200);
    let new = |name: &str| format!("/phones/installations/{name}?{version}");
    let rows: Vec<(&str, String, &str, Vec<u8>, u16)> = vec![
        ("PUT", new("phone"), JSON, b"{\"installationId\":".to_vec(), 400),
        ("PUT", new("phone"), JSON, vec![b'['; 100_000], 413),
        ("PUT", new("phone"), JSON, b"\xff\xfe".to_vec(), 400),
        ("PUT", new("phone"), JSON, vec![b' '; 5 * 1024 * 1024], 413),
        ("PUT", new("a%2fb"), JSON, phone.to_vec(), 400),
        ("PUT", new("..%2fphone"), JSON, phone.to_vec(), 400),
        ("DELETE", format!("/phones/installations/../installations/phone?{version}"), JSON, vec![], 404),
        ("DELETE", "/phones/installations/phone".into(), JSON, vec![], 400),
        ("DELETE", format!("/phones/installations/phone?{version}&{version}"), JSON, vec![], 400),
        ("DELETE", "/phones/installations/phone?api-version=2099-01".into(), JSON, vec![], 400),
        ("GET", format!("/phones/nowhere?{version}"), JSON, vec![], 404),
        ("GET", format!("/nowhere/messages?{version}"), JSON, vec![], 404),
        ("POST", format!("/phones/registrations?{version}"), XML, b"<entry><content>".to_vec(), 400),
        ("POST", format!("/phones/registrations?{version}"), "text/plain", b"hello".to_vec(), 400),
    ];
    for (method, path, media, body, status) in rows {
        let (got, answer) = send(method, &path, media, &body);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(got, status, "{method} {path} {answer}");
        assert_eq!(shown("phone").1, before.1, "{method} {path}");
    }
    let unsigned =
        raw.request_to(HOST, "DELETE", new("phone").as_bytes(), "SharedAccessSignature sr=&sig=%ff", JSON, b"");
    assert_eq!(unsigned.0, 401, "{}", String::from_utf8_lossy(&unsigned.1));
    assert_eq!((shown("phone"), client.get("/_sim/phones").await), (before, phones));
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
