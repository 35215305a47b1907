//! What those who have no key can take from those who have: memory, places, the log.

use std::io::Read as _;
use std::net::SocketAddr;

use acs_relay::receive::MAX_BODY;
use acs_relay::serve::Limits;
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::ground::{Ground, KEY, PATH, PATIENCE, Target, config, event, route, send, until, write};
use crate::process::Running;

/// What an injected relay may use; also the default of `placement.resources.limits.memory`.
const MEMORY_LIMIT: usize = 64 * 1024 * 1024;

/// Memory of a process that no file stands behind.
fn memory_of(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// True once a process on this machine has read all that was sent to that port.
fn is_all_read(port: u16) -> bool {
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let end = format!(":{port:04X}");
    // What one end has yet to send, and the other has yet to read. Answers are not read here, and do not count.
    sockets.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>()).all(|line| {
        let (to_send, to_read) = line[4].split_once(':').unwrap();
        (!line[2].ends_with(&end) || to_send == "00000000") && (!line[1].ends_with(&end) || to_read == "00000000")
    })
}

#[tokio::test]
async fn all_that_is_let_in_at_once_fits_into_the_memory_of_a_relay() {
    let target = Target::start().await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "config/relay.json", &config(&[route("all", &target.url())]).to_string());
    write(folder.path(), "delivery/current", KEY);
    let running = Running::start(folder.path(), &[]);
    let limits = Limits::default();
    let mut open = Vec::new();
    let bodies = limits.bodies / MAX_BODY + 1;
    // Bodies of those who have the key, never whole.
    for _ in 0..bodies {
        let mut stream = TcpStream::connect(running.events).await.unwrap();
        let head =
            format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nacs-relay-key: {KEY}\r\ncontent-length: {MAX_BODY}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // The last of them finds no room, and is told.
        let _ = stream.write_all(&vec![b' '; MAX_BODY - 1]).await;
        open.push(stream);
    }
    // Heads of strangers, never whole.
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nx: {}", "a".repeat(limits.head_bytes - 1024));
    // The most that was ever used counts: on a slow machine the first have had their time before the last have begun.
    let mut used = 0;
    for n in bodies..limits.connections {
        let mut stream = TcpStream::connect(running.events).await.unwrap();
        // One whose time is over before it was written is as good.
        let _ = stream.write_all(head.as_bytes()).await;
        open.push(stream);
        if n % 32 == 0 {
            used = used.max(memory_of(running.child.id()));
        }
    }
    until("all of it was read", || {
        used = used.max(memory_of(running.child.id()));
        is_all_read(running.events.port())
    })
    .await;
    used = used.max(memory_of(running.child.id()));
    assert!(used > limits.bodies / 2 + limits.connections * limits.head_bytes / 2, "it was not there: {used}");
    assert!(used < MEMORY_LIMIT / 8 * 7, "{used} bytes of {MEMORY_LIMIT}");
}

#[tokio::test]
async fn handshakes_take_no_places_from_deliveries() {
    let target = Target::start().await;
    let limits = Limits { handshakes: 3, requests: 5, ..Limits::default() };
    let ground = Ground::with_limits(&config(&[route("all", &target.url())]), limits).await;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\naeg-event-type: SubscriptionValidation\r\ncontent-length: 100\r\n\r\n["
    );
    let mut slow = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(ground.events).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    until("they are under way", || ground.relay().state.handshakes.now() == 3).await;
    let validation = [("aeg-event-type", "SubscriptionValidation")];
    assert_eq!(send(ground.events, "POST", PATH, &validation, "[]").await.status, 503);
    assert_eq!(ground.deliver(event("1", "a")).await.status, 200);
    drop(slow);
    until("they are gone", || ground.relay().state.handshakes.now() == 0).await;
    assert_eq!(send(ground.events, "POST", PATH, &validation, "[]").await.status, 400);
}

async fn from(source: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(source.parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

#[tokio::test]
async fn one_pod_cannot_keep_the_kubelet_from_asking() {
    let ground = Ground::with(&config(&[])).await;
    let mut held = Vec::new();
    let refused = async {
        loop {
            let mut stream = from("127.0.0.2:0", ground.ops).await;
            let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await;
            let mut first = [0; 12];
            // One that is refused may be reset before it has read why.
            match stream.read_exact(&mut first).await {
                Ok(_) if &first == b"HTTP/1.1 200" => held.push(stream),
                _ => break,
            }
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("one address may take every place");
    assert!(!held.is_empty());
    assert_eq!(send(ground.ops, "GET", "/livez", &[], "").await.status, 200);
    held.clear();
    let again = async {
        let mut text = Vec::new();
        while !text.starts_with(b"HTTP/1.1 200") {
            let mut stream = from("127.0.0.2:0", ground.ops).await;
            let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
            text.clear();
            let _ = stream.read_to_end(&mut text).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("connections that ended still count");
}

#[tokio::test]
async fn handshakes_do_not_fill_the_log_and_are_reported_under_the_right_name() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "config/relay.json", &config(&[]).to_string());
    write(folder.path(), "delivery/current", KEY);
    let mut running = Running::start(folder.path(), &["--drain-delay-seconds", "0"]);
    for n in 0..50 {
        let path = if n % 3 == 0 { PATH.to_owned() } else { PATH.replace("shop", "sHOP") };
        let origin = if n % 2 == 0 { "eventgrid.azure.net" } else { "example.org" };
        send(running.events, "OPTIONS", &path, &[("webhook-request-origin", origin)], "").await;
    }
    let report = send(running.ops, "GET", "/v1/report", &[], "").await.json();
    assert_eq!(report["handshake"]["subscription"], "shop-events");
    running.signal(Signal::SIGTERM);
    let mut log = running.log.take().unwrap();
    let log = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        text
    });
    let log = log.await.unwrap();
    let told = log.lines().filter(|line| serde_json::from_str::<Value>(line).unwrap()["message"] == "handshake");
    assert_eq!(told.count(), 2, "{log}");
}
