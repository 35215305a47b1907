//! The program as a spawner sees it: one line, two files, exit codes, and limits on what clients may do.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::simulator::{Simulator, program, trusting};

#[tokio::test]
async fn it_says_where_it_listens_leaves_two_files_and_ends_when_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut simulator = Simulator::start(dir.path(), &["--profile", "azure", "--time-scale", "0.02"]);
    assert_eq!(simulator.ready["pid"], simulator.pid());
    let env = std::fs::read_to_string(dir.path().join("env")).expect("env");
    assert!(env.contains(&format!("export AZURE_RESOURCE_MANAGER_ENDPOINT={}\n", simulator.url())), "{env}");
    for name in ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
        assert!(env.contains(&format!("export {name}=")), "{name}");
    }
    let mode = std::fs::metadata(dir.path().join("env")).expect("env").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let profile =
        simulator.client().http.get(format!("{}/_sim/profile", simulator.url())).send().await.expect("an answer");
    let profile: Value = profile.json().await.expect("JSON");
    assert_eq!(profile["durationsMs"]["serviceOperation"], 1300);
    assert_eq!(simulator.terminate().0, Some(0));
    assert_eq!(simulator.rest(), "", "exactly one line");
    assert!(!dir.path().join("env").exists(), "whoever waits for the next one finds that of this one");
}

#[test]
fn what_an_earlier_start_left_is_gone_while_a_later_one_begins_and_back_when_that_fails() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("env"), "export OF=earlier\n").expect("a file");
    // It has begun once it reads the authority's key, and it goes no further before there is one.
    assert!(Command::new("mkfifo").arg(at("ca.key")).status().expect("mkfifo runs").success());
    let mut run = program();
    run.args(["run", "--dir"]).arg(dir.path()).arg("--authority").arg(dir.path());
    let mut child = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    let mut key = std::fs::OpenOptions::new().write(true).open(at("ca.key")).expect("somebody reads it");
    let found = at("env").exists();
    key.write_all(b"no key").expect("it is read");
    drop(key);
    assert_eq!(child.wait().expect("an exit").code(), Some(1));
    assert!(!found, "a script that waits for it would go on with the earlier one");
    assert_eq!(std::fs::read_to_string(at("env")).expect("env"), "export OF=earlier\n");
}

#[test]
fn all_mistakes_are_told_at_once_with_code_64() {
    let wrong = [
        "run",
        "--listen",
        "here",
        "--profile",
        "slow",
        "--time-scale",
        "-1",
        "--seed",
        "x",
        "--trust",
        "/none",
        "--journal-capacity",
        "-1",
    ];
    let output = program().args(wrong).output().expect("an exit");
    assert_eq!(output.status.code(), Some(64));
    assert!(output.stdout.is_empty());
    let told = String::from_utf8(output.stderr).expect("text");
    for name in ["--listen", "--profile", "--time-scale", "--seed", "--trust", "--dir", "--journal-capacity"] {
        assert!(told.contains(name), "{name} in: {told}");
    }
    let output = program().arg("--unknown").output().expect("an exit");
    assert_eq!(output.status.code(), Some(64));
    let output = program().args(["run", "--help"]).output().expect("an exit");
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).expect("text");
    for word in ["Examples:", "/_sim/events", "/_sim/deliveries", "/_sim/phones", "servicebus.windows.net"] {
        assert!(help.contains(word), "{word} in: {help}");
    }
}

#[tokio::test]
async fn bodies_are_limited_and_certificates_are_issued() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let client = simulator.client().http;
    let big = client.put(format!("{}/subscriptions", simulator.url())).body(vec![b' '; 5 * 1024 * 1024]).send().await;
    // The answer may be lost behind the bytes that nobody reads any more.
    assert!(big.is_err() || big.is_ok_and(|r| r.status() == 413));
    let door = format!("{}/_sim/certificate", simulator.url());
    let issued = client.post(&door).body(r#"{"names":["relay.test"]}"#).send().await.expect("an answer");
    let issued: Value = issued.json().await.expect("JSON");
    assert!(issued["certificate"].as_str().expect("PEM").starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(issued["key"].as_str().expect("PEM").contains("PRIVATE KEY"));
    let refused = client.post(&door).body("{}").send().await.expect("an answer");
    assert_eq!(refused.status(), 400);
}

#[tokio::test]
async fn identities_are_served_in_plain_http_on_request() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &["--identity-listen", "127.0.0.1:0"]);
    let url = simulator.ready["identity"].as_str().expect("an address");
    let env = std::fs::read_to_string(dir.path().join("env")).expect("env");
    assert!(env.contains(&format!("export AZURE_POD_IDENTITY_AUTHORITY_HOST={url}\n")), "{env}");
    assert!(env.contains(&format!("export IDENTITY_ENDPOINT={url}/msi/token\n")), "{env}");
    let header = env.lines().find_map(|l| l.strip_prefix("export IDENTITY_HEADER=")).expect("a header");
    let client = simulator.client().http;
    let resource = "https://management.azure.com/";
    let app = format!("{url}/msi/token?api-version=2019-08-01&resource={resource}");
    assert_eq!(client.get(&app).send().await.expect("an answer").status(), 401);
    let token: Value = client
        .get(&app)
        .header("X-IDENTITY-HEADER", header)
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let groups = format!("{}/subscriptions?api-version=2022-12-01", simulator.url());
    let token = token["access_token"].as_str().expect("a token");
    assert_eq!(client.get(groups).bearer_auth(token).send().await.expect("an answer").status(), 200);
    let arm = client.get(format!("{url}/subscriptions?api-version=2022-12-01")).send().await.expect("an answer");
    assert_eq!(arm.status(), 404, "nothing else is served there");
}

#[tokio::test]
async fn requests_under_way_do_not_hold_up_the_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut simulator = Simulator::start(dir.path(), &[]);
    let (doors, client) = (simulator.client(), simulator.client().http);
    let fault = serde_json::json!({"method": "GET", "answer": {"delayMs": 60000}});
    doors.post("/_sim/faults", &fault).await;
    let url = format!("{}/subscriptions?api-version=2021-04-01", simulator.url());
    let slow = tokio::spawn(async move { client.get(url).send().await.is_err() });
    while doors.get("/_sim/faults").await["faults"][0]["hits"] == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (code, took) = simulator.terminate();
    assert_eq!(code, Some(0));
    // Its answer was to come after a minute.
    assert!(took < Duration::from_secs(50), "{took:?}");
    assert!(slow.await.expect("a task"));
}

#[tokio::test]
async fn one_listener_is_every_namespaces_data_plane_by_the_header_host() {
    let dir = tempfile::tempdir().expect("a directory");
    // Not the address that is in every certificate.
    let simulator = Simulator::start(dir.path(), &["--listen", "127.0.0.2:0"]);
    let address = simulator.url().strip_prefix("https://").expect("a URL").to_owned();
    assert!(address.starts_with("127.0.0.2:"), "{address}");
    let env = std::fs::read_to_string(dir.path().join("env")).expect("env");
    assert!(env.contains(&format!("AZURE_RESOURCE_MANAGER_ENDPOINT=https://{address}\n")), "{env}");
    let path = "/phones/messages/?direct&api-version=2015-04";
    let by_address = simulator.client().http.post(format!("https://{address}{path}"));
    let by_address = by_address.header("Host", "contoso-hubs.servicebus.windows.net").send().await.expect("an answer");
    let pem = std::fs::read(dir.path().join("ca.crt")).expect("an authority");
    let name = "contoso-hubs.servicebus.windows.net";
    let by_name = trusting(&pem).resolve(name, address.parse().expect("an address")).build().expect("a client");
    let port = address.rsplit(':').next().expect("a port");
    let by_name = by_name.post(format!("https://{name}:{port}{path}")).send().await.expect("an answer");
    for answer in [by_address, by_name] {
        assert_eq!(answer.status(), 404);
        let body = answer.text().await.expect("a body");
        assert!(body.starts_with("<Error><Code>404</Code><Detail>The namespace does not exist."), "{body}");
    }
}

/// Asks by that name, trusting nobody but `pem`.
async fn asks(url: &str, name: &str, pem: &[u8]) -> reqwest::Result<Value> {
    let address = url.strip_prefix("https://").expect("a URL").parse().expect("an address");
    let client = trusting(pem).resolve(name, address).build()?;
    client.get(format!("https://{name}:{}/_sim/healthz", address.port())).send().await?.json().await
}

#[tokio::test]
async fn an_authority_is_kept_from_start_to_start_or_given_by_somebody_else() {
    let (dir, kept) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let kept_in = kept.path().to_str().expect("UTF-8");
    let name = "azure-sim.acs-system.svc";
    let first = Simulator::start(dir.path(), &["--authority", kept_in, "--dns-name", name]);
    let trusted = std::fs::read(dir.path().join("ca.crt")).expect("an authority");
    assert_eq!(asks(first.url(), name, &trusted).await.expect("an answer")["status"], "ok");
    assert!(asks(first.url(), "other.test", &trusted).await.is_err(), "the certificate is good for every name");
    drop(first);
    // The same again, and the same two files as somebody else's: whoever trusted the first start trusts these.
    let (certificate, key) = (format!("{kept_in}/ca.crt"), format!("{kept_in}/ca.key"));
    for options in [&["--authority", kept_in][..], &["--authority-cert", &certificate, "--authority-key", &key]] {
        let dir = tempfile::tempdir().expect("a directory");
        let again = Simulator::start(dir.path(), options);
        assert_eq!(asks(again.url(), "localhost", &trusted).await.expect("an answer")["status"], "ok");
        assert_eq!(std::fs::read(dir.path().join("ca.crt")).expect("an authority"), trusted);
        // Whoever reaches a door may not speak for an authority that others trust for more than the simulator.
        let door = format!("{}/_sim/certificate", again.url());
        let asked = again.client().http.post(door).body(r#"{"names":["bank.test"]}"#).send().await.expect("an answer");
        let (status, said) = (asked.status(), asked.json::<Value>().await.expect("JSON"));
        if options[0] == "--authority" {
            assert!(status == 200 && said["key"].is_string(), "{status} {said}");
        } else {
            assert_eq!(status, 403);
            assert!(said["error"].as_str().expect("a reason").contains("have it sign"), "{said}");
            assert!(said["key"].is_null() && said["certificate"].is_null(), "{said}");
        }
    }
    let other = Simulator::start(dir.path(), &[]);
    assert!(asks(other.url(), "localhost", &trusted).await.is_err(), "a new authority is trusted as the old one was");
}

#[test]
fn what_cannot_be_an_authority_or_a_name_is_told_with_the_other_mistakes() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(at("empty"), "\n").expect("a file");
    let output = program()
        .args(["run", "--dir", &at("dir"), "--authority-cert", &at("none"), "--authority-key", &at("none")])
        .args(["--dns-name", "a name", "--public-url", "https://here/path", "--tenant-id", "mine"])
        .args(["--client-secret-file", &at("empty"), "--subscription", "s"])
        // What a container is given.
        .envs([("AZURE_SIM_SEED", "x"), ("AZURE_SIM_CLIENT_ID", "me"), ("AZURE_SIM_TRUST", "/none,/nothing")])
        .output()
        .expect("an exit");
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8(output.stderr).expect("text");
    for part in [
        "--authority-cert: no file",
        "--authority-key: no file",
        "--dns-name: 'a name'",
        "--public-url: 'https://here/path'",
        "--tenant-id: 'mine'",
        "--client-id: 'me'",
        "--subscription: 's'",
        "empty is empty",
        "--seed: 'x'",
        "--trust: no file /none",
        "--trust: no file /nothing",
    ] {
        assert!(told.contains(part), "{part} in: {told}");
    }
    assert!(!Path::new(&at("dir")).exists());
    for (options, part) in [
        (vec!["--authority-cert", "c"], "--authority-key is missing"),
        (vec!["--authority-key", "k"], "--authority-cert is missing"),
        (vec!["--authority", "d", "--authority-key", "k"], "either kept in a directory or given"),
    ] {
        let output = program().args(["run", "--dir", "x"]).args(options).output();
        let told = String::from_utf8(output.expect("an exit").stderr).expect("text");
        assert!(told.contains(part), "{part} in: {told}");
    }
}

#[test]
fn a_connection_string_is_told_by_its_mistake_and_never_shown() {
    for (text, part) in [
        ("AccountName=store", "--storage: a connection string needs AccountKey"),
        ("AccountName=store;AccountKey=s3cr3t!", "--storage: AccountKey is not base64"),
        ("s3cr3t", "--storage: a connection string is made of NAME=VALUE"),
    ] {
        for given in ["option", "variable"] {
            let mut command = program();
            command.args(["run", "--seed", "x"]);
            if given == "option" {
                command.args(["--storage", text])
            } else {
                command.env("AZURE_SIM_STORAGE", text)
            };
            let told = String::from_utf8(command.output().expect("an exit").stderr).expect("text");
            assert!(told.contains(part), "{part} in: {told}");
            assert!(!told.contains("s3cr3t"), "{told}");
        }
    }
    let help = program().args(["run", "--help"]).env("AZURE_SIM_STORAGE", "s3cr3t").output().expect("help");
    let help = String::from_utf8(help.stdout).expect("text");
    assert!(help.contains("AZURE_SIM_STORAGE") && !help.contains("s3cr3t"), "{help}");
}

#[tokio::test]
async fn a_script_of_faults_is_in_place_from_the_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("faults.yaml");
    std::fs::write(&file, "faults:\n- {label: down, plane: entra, answer: {drop: before}}\n").expect("a file");
    let faults = file.to_str().expect("a path");
    let simulator = Simulator::start(&dir.path().join("sim"), &["--faults", faults]);
    let client = simulator.client().http;
    let documents = format!("{}/common/discovery/instance?api-version=1.1", simulator.url());
    assert!(client.get(documents).send().await.is_err(), "the connection is cut");
    let door = format!("{}/_sim/faults", simulator.url());
    let more = client.post(&door).header("content-type", "application/yaml");
    let more = more.body("faults:\n- {label: more, answer: {status: 503}}\n").send().await.expect("an answer");
    assert_eq!(more.json::<Value>().await.expect("JSON"), serde_json::json!({"ids": [2]}));
    let unfired = client.get(format!("{door}?unfired")).send().await.expect("an answer");
    let unfired: Value = unfired.json().await.expect("JSON");
    assert_eq!((&unfired["faults"][0]["label"], &unfired["faults"][1]), (&"more".into(), &Value::Null));
}

#[test]
fn a_script_with_a_mistake_is_told_by_file_line_and_column() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("faults.yaml");
    std::fs::write(&file, "faults:\n- label: down\n  anser: {drop: before}\n").expect("a file");
    let mut run = program();
    let output = run.arg("run").arg("--dir").arg(dir.path()).arg("--faults").arg(&file).output().expect("an exit");
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8(output.stderr).expect("text");
    for word in ["--faults", "faults.yaml", "anser", "line 3", "column 3"] {
        assert!(told.contains(word), "{word} in: {told}");
    }
}
