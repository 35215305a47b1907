//! What `--help` teaches is true: its examples are taken out of it, run as they are written, and held to what they claim.
//! Only paths and ports are put elsewhere.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::simulator::{Client, Said, Simulator, environment, program, said, trusting};

/// One example: the command, and what is claimed behind it.
struct Example {
    command: String,
    claim: String,
}

/// Every example of a help text.
fn examples(of: &[&str]) -> Vec<Example> {
    let Said { code, out, error } = said(program().args(of).arg("--help"));
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(!out.contains("\u{1b}"), "it is piped");
    for line in out.lines() {
        assert!(line.chars().count() <= 120, "too wide: {line}");
        assert!(!line.trim_start().starts_with("azure-sim run "), "an example that no test sees: {line}");
    }
    let commands = out.lines().filter_map(|line| line.trim_start().strip_prefix("$ "));
    commands
        .map(|line| {
            let (command, claim) = line.split_once(" # ").unwrap_or((line, ""));
            Example { command: command.trim_end().to_owned(), claim: claim.trim().to_owned() }
        })
        .collect()
}

/// The help texts: the program's own and its subcommands'.
fn texts() -> Vec<Vec<String>> {
    let out = said(program().arg("--help")).out;
    let listed = out.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What is indented deeper is the rest of a long description.
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(names.len() >= 4, "{names:?}");
    std::iter::once(vec![]).chain(names.into_iter().map(|name| vec![name])).collect()
}

/// Paths and ports of a test instead of those that are taught.
struct Elsewhere<'a>(&'a Path);

impl Elsewhere<'_> {
    /// What goes to the background speaks into a file there: here, it would come between what is typed later.
    fn put(&self, command: &str) -> String {
        let faults = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/azure-sim/faults/faults.yaml");
        let at = |name: &str| self.0.join(name).display().to_string();
        let background = command.strip_suffix(" &").map(|command| format!("{command} > {} &", at("ready")));
        background
            .as_deref()
            .unwrap_or(command)
            .replace("/tmp/azure", &at("azure"))
            .replace("/tmp/authority", &at("authority"))
            .replace("/var/run/azure-sim", &at("azure"))
            .replace("faults.yaml", faults)
            .replace("answers", &at("answers"))
            .replace("known.yaml", &at("known.yaml"))
            .replace("0.0.0.0:8443", "0.0.0.0:0")
            .replace("127.0.0.1:8443", &format!("127.0.0.1:{}", free_port()))
    }
}

/// Nobody listens there; whoever takes it before the example does would be told of by it.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Somebody's shell, in which one line is typed after the other.
struct Shell {
    child: Child,
    typed: ChildStdin,
    shown: BufReader<ChildStdout>,
}

fn bash(dir: &Path) -> Command {
    let of = Path::new(env!("CARGO_BIN_EXE_azure-sim")).parent().expect("a directory").display().to_string();
    let mut bash = Command::new("bash");
    bash.env_clear().env("PATH", format!("{of}:{}", std::env::var("PATH").expect("PATH"))).env("HOME", dir);
    bash.current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    bash
}

impl Shell {
    fn open(dir: &Path) -> Self {
        let mut child = bash(dir).spawn().expect("bash");
        let typed = child.stdin.take().expect("a pipe");
        let shown = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, typed, shown }
    }

    /// Types a line: its exit code, and what is shown. Nothing waits here for what goes to the background.
    fn line(&mut self, line: &str) -> (i32, String) {
        writeln!(self.typed, "{line}\nprintf '\\n@@ %s\\n' $?").expect("typed");
        let (mut text, mut code) = (String::new(), None);
        while code.is_none() {
            let mut shown = String::new();
            assert_ne!(self.shown.read_line(&mut shown).expect("text"), 0, "the shell ended: {text}");
            match shown.strip_prefix("@@ ") {
                Some(number) => code = number.trim().parse().ok(),
                None => text.push_str(&shown),
            }
        }
        (code.expect("a code"), text.trim().to_owned())
    }

    /// Types a line that must work, and reads what it shows as JSON.
    fn json(&mut self, line: &str) -> Value {
        let (code, text) = self.line(line);
        assert_eq!(code, 0, "{line}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{line}: no JSON: {text}"))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = writeln!(self.typed, "kill $(jobs -p); wait; exit");
        let _ = self.child.wait();
    }
}

fn unknown(example: &Example) -> ! {
    panic!("no test knows how to run this example, so nobody knows whether it is true: $ {}", example.command)
}

/// Makes or changes a resource group: the status of the answer.
async fn put_group(client: &Client, dir: &Path, name: &str) -> u16 {
    let token = client.token(dir).await;
    let subscription = &environment(dir)["AZURE_SUBSCRIPTION_ID"];
    let url = format!("{}/subscriptions/{subscription}/resourceGroups/{name}?api-version=2021-04-01", client.url);
    let put = client.http.put(url).bearer_auth(token).json(&json!({"location": "westeurope"}));
    put.send().await.expect("an answer").status().as_u16()
}

/// How it is waited for, in every text that starts one in the background.
const UNTIL: &str = "until [ -s /tmp/azure/env ]; do sleep 0.1; done";

/// For az itself they are typed by tests/sdk/az, which takes them from the same text.
fn is_for_az(command: &str) -> bool {
    command.starts_with("az ") || command.starts_with("export AZURE_CORE_")
}

#[test]
fn every_text_with_examples_has_a_test() {
    let names: Vec<String> = texts().iter().map(|text| text.join(" ")).collect();
    assert_eq!(names, ["", "run", "operations", "authority", "check"]);
}

#[tokio::test]
async fn the_first_steps_are_as_they_are_taught() {
    let dir = tempfile::tempdir().expect("a directory");
    let (elsewhere, azure) = (Elsewhere(dir.path()), dir.path().join("azure"));
    let mut shell = Shell::open(dir.path());
    let mut client = None;
    for example in examples(&[]).iter().filter(|example| !is_for_az(&example.command)) {
        let typed = elsewhere.put(&example.command);
        match example.command.as_str() {
            "azure-sim run --dir /tmp/azure &" => {
                assert_eq!(shell.line(&typed), (0, String::new()));
            }
            UNTIL => assert_eq!(shell.line(&typed), (0, String::new())),
            ". /tmp/azure/env" => {
                assert_eq!(shell.line(&typed), (0, String::new()));
                let url = shell.line("echo $AZURE_RESOURCE_MANAGER_ENDPOINT").1;
                let pem = std::fs::read(azure.join("ca.crt")).expect("an authority");
                client = Some(Client { http: trusting(&pem).build().expect("a client"), url });
            }
            "SIM=$AZURE_RESOURCE_MANAGER_ENDPOINT" => {
                assert_eq!(shell.line(&typed), (0, String::new()));
                assert_eq!(shell.line("echo $SIM").1, client.as_ref().expect("a simulator").url);
            }
            r#"curl -H "Accept: text/plain" "$SIM/_sim/state""# => {
                let (code, tree) = shell.line(&typed);
                assert_eq!(code, 0);
                assert!(tree.contains("rg-shop") && !tree.starts_with('{'), "{tree}");
            }
            r#"curl "$SIM/_sim/faults" -d '{"method": "PUT", "times": 2, "answer": {"status": 503}}'"# => {
                assert!(shell.json(&typed)["id"].is_number());
                let client = client.as_ref().expect("a simulator");
                let mut seen = Vec::new();
                for _ in 0..3 {
                    seen.push(put_group(client, &azure, "rg-example").await);
                }
                assert_eq!(seen, [503, 503, 201], "{}", example.claim);
            }
            r#"curl "$SIM/_sim/faults?unfired""# => {
                assert_eq!(shell.json(&typed), json!({"faults": []}), "{}", example.claim);
                let never = json!({"label": "never", "answer": {"status": 503}, "path": "no-such-path"});
                client.as_ref().expect("a simulator").post("/_sim/faults", &never).await;
                assert_eq!(shell.json(&typed)["faults"][0]["label"], "never");
            }
            r#"curl "$SIM/_sim/journal?method=PUT&status=5xx""# => {
                let entries = shell.json(&typed)["entries"].clone();
                let told: Vec<_> =
                    entries.as_array().expect("entries").iter().map(|e| (&e["method"], &e["status"])).collect();
                assert_eq!(told, [(&json!("PUT"), &json!(503)); 2], "{}", example.claim);
            }
            _ => unknown(example),
        }
    }
    let page = client.expect("a simulator");
    let page = page.http.get(format!("{}/_sim/", page.url)).send().await.expect("an answer");
    assert!(page.text().await.expect("a page").starts_with("<!doctype html>"));
}

#[test]
fn pages_wait_for_it_as_the_program_teaches() {
    for page in ["simulator.md", "simulator-use.md", "simulator-faults.md"] {
        let file = format!("{}/../../docs/{page}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file).expect("a page");
        let lines: Vec<&str> = text.lines().map(|line| line.split(" # ").next().unwrap_or_default().trim()).collect();
        let begun: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].ends_with('&')).collect();
        assert_eq!(begun.len(), 1, "{page}");
        assert_eq!(lines[begun[0] + 1..begun[0] + 3], [UNTIL, ". /tmp/azure/env"], "{page}");
    }
}

/// Types a command that serves, and waits until it does.
fn serve(dir: &Path, typed: &str) -> Simulator {
    let mut bash = bash(dir);
    bash.arg("-c").arg(typed);
    Simulator::of(bash, &dir.join("azure"))
}

#[tokio::test]
async fn every_way_to_run_it_is_as_it_is_taught() {
    let elsewhere = tempfile::tempdir().expect("a directory");
    for (n, example) in examples(&["run"]).iter().enumerate() {
        let dir = elsewhere.path().join(n.to_string());
        std::fs::create_dir(&dir).expect("a directory");
        let typed = Elsewhere(&dir).put(&example.command);
        let mut simulator = serve(&dir, &typed);
        let (client, azure) = (simulator.client(), dir.join("azure"));
        let profile = client.get("/_sim/profile").await;
        let operation = &profile["durationsMs"]["serviceOperation"];
        match example.command.as_str() {
            "azure-sim run --dir /tmp/azure" => assert_eq!(operation, 0),
            "azure-sim run --dir /tmp/azure --profile azure" => assert_eq!(operation, 65_000),
            "azure-sim run --dir /tmp/azure --profile azure --time-scale 0.02" => assert_eq!(operation, 1300),
            "azure-sim run --dir /tmp/azure --keep" => {
                assert_eq!(put_group(&client, &azure, "rg-before").await, 201);
                simulator.kill();
                simulator = serve(&dir, &typed);
                let state = simulator.client().get("/_sim/state").await.to_string();
                assert!(state.contains("rg-before"), "{state}");
            }
            "azure-sim run --dir /tmp/azure --listen 127.0.0.1:8443 --authority /tmp/authority" => {
                simulator.terminate();
                simulator = serve(&dir, &typed);
                assert_eq!(client.get("/_sim/healthz").await["status"], "ok", "{}", example.claim);
            }
            "azure-sim run --dir /tmp/azure --faults faults.yaml" => {
                let faults = client.get("/_sim/faults").await;
                assert!(faults["faults"].as_array().is_some_and(|faults| faults.len() > 3), "{faults}");
            }
            "AZURE_SIM_SEED=7 azure-sim run --dir /tmp/azure" => assert_eq!(profile["seed"], 7),
            _ => unknown(example),
        }
        // As the text says: by either signal, with 0.
        let name = if n % 2 == 0 { "TERM" } else { "INT" };
        assert_eq!(simulator.ended_by(name), Some(0), "{}", example.command);
    }
}

#[test]
fn operations_are_listed_as_it_is_taught() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut shell = Shell::open(dir.path());
    let (_, table) = shell.line("azure-sim operations");
    for example in examples(&["operations"]) {
        match example.command.as_str() {
            "azure-sim operations" => {
                let row = table.lines().find(|row| row.contains("CommunicationServices_Delete")).expect("a row");
                let cells: Vec<&str> = row.split_whitespace().collect();
                assert_eq!(cells[..3], ["Microsoft.Communication", "CommunicationServices_Delete", "DELETE"]);
            }
            "azure-sim operations --output json" => {
                let listed = shell.json(&example.command);
                let listed = listed.as_array().expect("a list");
                assert_eq!(listed.len(), table.lines().count());
                let versions = listed.iter().filter(|o| o["versions"].as_array().is_some_and(|v| !v.is_empty()));
                assert!(versions.count() > 100, "{}", example.claim);
            }
            _ => unknown(&example),
        }
    }
}

#[tokio::test]
async fn the_chart_s_commands_are_known() {
    let dir = tempfile::tempdir().expect("a directory");
    for example in examples(&["authority"]) {
        match example.command.as_str() {
            // It needs an API server: a story of tests/integration takes it from the same text.
            "azure-sim authority --secret acs-system/acs-operator-azure-sim-authority --dir /var/run/azure-sim" => {}
            "azure-sim run --dir /var/run/azure-sim --authority /var/run/azure-sim --listen 0.0.0.0:8443" => {
                let simulator = serve(dir.path(), &Elsewhere(dir.path()).put(&example.command));
                assert_eq!(simulator.client().get("/_sim/healthz").await["status"], "ok");
            }
            _ => unknown(&example),
        }
    }
}

#[tokio::test]
async fn a_check_is_as_it_is_taught() {
    let dir = tempfile::tempdir().expect("a directory");
    // A hundred times faster than Azure: minutes are moments, and the report says so.
    let simulator = Simulator::start(&dir.path().join("azure"), &["--profile", "azure", "--time-scale", "0.01"]);
    let mut shell = Shell::open(dir.path());
    assert_eq!(shell.line(&format!(". {}/azure/env", dir.path().display())).0, 0);
    for example in examples(&["check"]) {
        let (code, shown) = shell.line(&Elsewhere(dir.path()).put(&example.command));
        match example.command.as_str() {
            "azure-sim check" => assert!(code == 0 && shown.contains("0 differences"), "{shown}"),
            "azure-sim check --write --yes --record answers" => {
                assert!(code == 1 && shown.contains("timing"), "{code} {shown}");
                let journal = simulator.client().get("/_sim/journal?method=PUT").await.to_string();
                assert!(journal.contains("communicationServices"), "{}", example.claim);
                assert!(std::fs::read_dir(dir.path().join("answers")).expect("answers").count() > 40);
            }
            "azure-sim check --against answers" => {
                assert!(code == 1 && shown.contains("timing") && shown.contains("; 0 requests"), "{code} {shown}");
            }
            "azure-sim check --known known.yaml --update" => {
                assert!(code == 0 && dir.path().join("known.yaml").is_file(), "{code} {shown}");
            }
            "azure-sim check --known known.yaml --output json" => {
                let report: Value = serde_json::from_str(&shown).expect("JSON");
                assert_eq!((code, &report["new"], &report["stale"]), (0, &json!(0), &json!([])));
            }
            _ => unknown(&example),
        }
    }
}

#[tokio::test]
async fn every_door_that_is_taught_is_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(dir.path(), &[]);
    let client = simulator.client();
    let help = said(program().args(["run", "--help"])).out;
    let mut doors = 0;
    for line in help.lines().filter(|line| line.contains(" /_sim/")) {
        let (methods, rest) = line.split_once(" /_sim/").expect("a door");
        let path = rest.split(' ').next().expect("a path").replace("=ID", "=/").replace("=N", "=0");
        let path = path.replace("portal/...", "portal/link");
        for method in methods.split(',').map(str::trim) {
            let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = client.http.request(method.clone(), format!("{}/_sim/{path}", client.url));
            let status = answer.body("{}").send().await.expect("an answer").status().as_u16();
            let well = if method == "GET" { status == 200 } else { status != 404 && status < 405 };
            assert!(well, "{method} /_sim/{path}: {status}");
            doors += 1;
        }
    }
    assert!(doors > 20, "{doors}");
}

#[test]
fn who_says_nothing_is_taught_and_told_that_it_was_a_mistake() {
    let Said { code, out, error } = said(&mut program());
    assert_eq!((code, out.as_str()), (Some(64), ""));
    assert!(error.starts_with("azure-sim: what shall it do?") && error.contains("Usage:"), "{error}");
}
