//! The program itself: options, start, signals.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::ground::{KEY, PATH, Target, config, event, route, send, until, write};

fn relay() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acs-relay"));
    command.arg("run").stdin(Stdio::null()).stderr(Stdio::piped());
    for name in ["CONFIG_DIR", "DELIVERY_DIR", "PUSH_DIR", "EVENTS_LISTEN", "LOCAL_LISTEN", "OPS_LISTEN", "LOG_LEVEL"] {
        command.env_remove(format!("ACS_RELAY_{name}"));
    }
    command
}

/// Ends with the test, whatever happens.
pub struct Running {
    pub child: Child,
    pub log: Option<BufReader<std::process::ChildStderr>>,
    pub events: SocketAddr,
    pub local: SocketAddr,
    pub ops: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub fn start(folder: &std::path::Path, arguments: &[&str]) -> Self {
        let any = "127.0.0.1:0";
        // Some by option, some by environment.
        let mut command = relay();
        command.args(arguments).args(["--events-listen", any, "--ops-listen", any]).env("ACS_RELAY_LOCAL_LISTEN", any);
        command.arg("--config-dir").arg(folder.join("config"));
        command.env("ACS_RELAY_DELIVERY_DIR", folder.join("delivery")).env("ACS_RELAY_PUSH_DIR", folder.join("push"));
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let line = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended before it listened");
            let line: Value = serde_json::from_str(&line).expect("every line of the log is JSON");
            if line["message"] == "listening" {
                break line;
            }
        };
        let address = |name: &str| line[name].as_str().unwrap().parse().unwrap();
        Self { child, log: Some(log), events: address("events"), local: address("local"), ops: address("ops") }
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }
}

#[test]
fn all_mistakes_are_named_at_once_and_the_code_is_64() {
    let mut command = relay();
    command.args(["--events-listen", "here", "--local-listen", "0.0.0.0:8471", "--log-level", "a=b=c"]);
    command.args(["--drain-grace-seconds", "9999"]).env("ACS_RELAY_OPS_LISTEN", "x");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    for wanted in [
        "--events-listen",
        "--local-listen: 0.0.0.0:8471 is no loopback",
        "--ops-listen",
        "--log-level",
        "--drain-grace-seconds",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert_eq!(relay().arg("--no-such-option").output().unwrap().status.code(), Some(64));
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let output = relay().args(["--events-listen", &taken.local_addr().unwrap().to_string()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--events-listen: cannot listen on"));
}

#[tokio::test]
async fn it_serves_without_files_stops_being_ready_at_sigterm_and_ends_with_code_0() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), &["--drain-delay-seconds", "3600"]);
    assert_eq!(send(running.ops, "GET", "/readyz", &[], "").await.status, 503);
    assert_eq!(send(running.events, "POST", PATH, &[("acs-relay-key", KEY)], event("1", "a")).await.status, 503);
    assert_eq!(send(running.local, "GET", "/openapi.json", &[], "").await.status, 200);

    let target = Target::start().await;
    write(folder.path(), "config/relay.json", &config(&[route("all", &target.url())]).to_string());
    write(folder.path(), "delivery/current", KEY);
    let ready = async {
        while send(running.ops, "GET", "/readyz", &[], "").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::ground::PATIENCE, ready).await.expect("it never got ready");
    running.signal(Signal::SIGTERM);
    let unready = async {
        while send(running.ops, "GET", "/readyz", &[], "").await.status != 503 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::ground::PATIENCE, unready).await.expect("it stayed ready");
    // Endpoints are removed only now: until then it serves as before.
    assert_eq!(send(running.ops, "GET", "/livez", &[], "").await.status, 200);
    assert_eq!(send(running.events, "POST", PATH, &[("acs-relay-key", KEY)], event("2", "a")).await.status, 200);
    target.hold(true);
    let events = running.events;
    let last =
        tokio::spawn(
            async move { send(events, "POST", PATH, &[("acs-relay-key", KEY)], event("3", "b")).await.status },
        );
    until("the app has the last event", || target.under_way() == 1).await;
    running.signal(Signal::SIGTERM);
    let closed = || std::net::TcpStream::connect(events).is_err();
    until("the door is closed", closed).await;
    assert!(running.child.try_wait().unwrap().is_none(), "it waits for what is under way");
    target.hold(false);
    assert_eq!(last.await.unwrap(), 200);
    let mut log = running.log.take().unwrap();
    let (code, log) = tokio::task::spawn_blocking(move || {
        let code = running.child.wait().unwrap().code();
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        (code, text)
    })
    .await
    .unwrap();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(KEY));
    for line in log.lines() {
        serde_json::from_str::<Value>(line).expect("every line of the log is JSON");
    }
}

/// With `AfterDelivery` nothing is kept in the relay: what it acknowledged, the app has.
#[tokio::test]
async fn killed_under_load_it_has_lost_nothing_that_it_acknowledged() {
    let target = Target::start().await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "config/relay.json", &config(&[route("all", &target.url())]).to_string());
    write(folder.path(), "delivery/current", KEY);
    let mut acknowledged = Vec::new();
    for round in 0..10 {
        let running = Running::start(folder.path(), &["--log-level", "warn,acs_relay::run=info"]);
        let events = running.events;
        let before = target.count();
        let senders: Vec<_> = (0..8)
            .map(|sender| {
                tokio::spawn(async move {
                    let mut taken = Vec::new();
                    for n in 0.. {
                        let id = format!("{round}-{sender}-{n}");
                        let text = event(&id, &id);
                        // When the process is gone there is no answer, and that ends the sender.
                        let one =
                            async move { send(events, "POST", PATH, &[("acs-relay-key", KEY)], text).await.status };
                        match tokio::spawn(one).await {
                            Ok(200) => taken.push(id),
                            _ => break,
                        }
                    }
                    taken
                })
            })
            .collect();
        until("there is load", || target.count() > before + 100).await;
        drop(running);
        for sender in senders {
            acknowledged.extend(sender.await.unwrap());
        }
    }
    let delivered: std::collections::BTreeSet<_> =
        target.received().iter().map(|received| received.header("ce-id").to_owned()).collect();
    assert!(acknowledged.len() > 500, "{}", acknowledged.len());
    assert!(acknowledged.iter().all(|id| delivered.contains(id)));
}
