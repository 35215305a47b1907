//! Clients that take their time.

use std::time::Duration;

use acs_relay::serve::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::ground::{Ground, KEY, PATH, PATIENCE, Target, config, event, route, send};

fn short() -> Limits {
    Limits {
        head: Duration::from_millis(200),
        body: Duration::from_millis(400),
        idle: Duration::from_millis(600),
        connections: 8,
        ..Limits::default()
    }
}

async fn whole(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is reset ended too.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut text)).await.expect("the connection never ended");
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn half_open_slow_and_idle_connections_end_while_health_answers() {
    let target = Target::start().await;
    let ground = Ground::with_limits(&config(&[route("all", &target.url())]), short()).await;
    let mut silent = TcpStream::connect(ground.events).await.unwrap();
    let mut dripping = TcpStream::connect(ground.events).await.unwrap();
    let drip = async {
        for byte in format!("POST {PATH} HTTP/1.1\r\nhost: x\r\n").bytes().cycle() {
            if dripping.write_all(&[byte]).await.is_err() {
                break;
            }
            assert_eq!(send(ground.ops, "GET", "/livez", &[], "").await.status, 200);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, drip).await.expect("a head may drip for ever");
    assert_eq!(whole(&mut silent).await, "");

    let mut idle = TcpStream::connect(ground.events).await.unwrap();
    let body = event("1", "a");
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\nacs-relay-key: {KEY}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    idle.write_all(head.as_bytes()).await.unwrap();
    assert!(whole(&mut idle).await.starts_with("HTTP/1.1 200"));

    let mut slow_body = TcpStream::connect(ground.events).await.unwrap();
    slow_body.write_all(head.split("\r\n\r\n").next().unwrap().as_bytes()).await.unwrap();
    slow_body.write_all(b"\r\n\r\n{").await.unwrap();
    let answer = whole(&mut slow_body).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert_eq!(target.count(), 1);
}

#[tokio::test]
async fn a_head_that_begins_after_an_answer_has_its_own_time() {
    let target = Target::start().await;
    let limits = Limits { idle: Duration::from_secs(3600), ..short() };
    let ground = Ground::with_limits(&config(&[route("all", &target.url())]), limits).await;
    let mut stream = TcpStream::connect(ground.events).await.unwrap();
    let body = event("1", "a");
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\nacs-relay-key: {KEY}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut some = [0; 512];
    let read = stream.read(&mut some).await.unwrap();
    assert!(some[..read].starts_with(b"HTTP/1.1 200"));
    stream.write_all(b"POST ").await.unwrap();
    assert_eq!(whole(&mut stream).await, "");
}

#[tokio::test]
async fn a_client_that_closes_its_half_gets_its_answer() {
    let target = Target::start().await;
    let ground = Ground::with(&config(&[route("all", &target.url())])).await;
    target.hold(true);
    let mut stream = TcpStream::connect(ground.events).await.unwrap();
    let body = event("1", "a");
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\nacs-relay-key: {KEY}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    crate::ground::until("the app has it", || target.under_way() == 1).await;
    target.hold(false);
    assert!(whole(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn connections_are_bounded_and_those_too_many_are_told() {
    let target = Target::start().await;
    let limits = Limits { connections: 4, ..Limits::default() };
    let ground = Ground::with_limits(&config(&[route("all", &target.url())]), limits).await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(TcpStream::connect(ground.events).await.unwrap());
    }
    let mut fifth = TcpStream::connect(ground.events).await.unwrap();
    let answer = whole(&mut fifth).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after"), "{answer}");
    assert_eq!(send(ground.ops, "GET", "/livez", &[], "").await.status, 200);
    drop(open);
    let served = async {
        loop {
            let mut stream = TcpStream::connect(ground.events).await.unwrap();
            let _ = stream
                .write_all(format!("GET {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
                .await;
            if whole(&mut stream).await.starts_with("HTTP/1.1 405") {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, served).await.expect("connections that ended still count");
}

#[tokio::test]
async fn a_head_beyond_the_bound_is_refused() {
    let ground = Ground::with(&config(&[])).await;
    let mut stream = TcpStream::connect(ground.events).await.unwrap();
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(1024 * 1024));
    let _ = stream.write_all(head.as_bytes()).await;
    let answer = whole(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many: String = (0..200).map(|n| format!("x{n}: a\r\n")).collect();
    let mut stream = TcpStream::connect(ground.events).await.unwrap();
    let _ = stream.write_all(format!("POST {PATH} HTTP/1.1\r\nhost: x\r\n{many}\r\n").as_bytes()).await;
    let answer = whole(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(send(ground.ops, "GET", "/livez", &[], "").await.status, 200);
}
