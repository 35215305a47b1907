//! `testbed playground`: the stack of the demo, left running for a person to try.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use testbed::{Ground, parts};

use super::calls::Line;
use super::installation::{Installation, Options};
use super::objects::{self, text};
use super::quickstart::{Identity, Quickstart, Secrets};
use super::show::{Output, Show};
use super::signals::asked_to_stop;
use super::{NAMESPACES, live};

const SHOP: &str = NAMESPACES[0];
const OBJECTS: usize = 5;
const LOOK: Duration = Duration::from_millis(500);

#[derive(Args)]
pub(crate) struct Playground {
    /// How much time passes in Azure, in thousandths of real time; 20 is fifty times faster
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
    permille: u64,
}

impl Playground {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let mut stop = std::pin::pin!(asked_to_stop()?);
        let mut show = Show::new(Output::Text);
        show.line("acs-operator on a real Kubernetes API server, against a simulated Azure. Ctrl-C ends it.\n");
        #[allow(clippy::cast_precision_loss, reason = "at most 1000")]
        let scale = self.permille as f64 / 1000.0;
        let options =
            Options { label: "playground", profile: "azure", scale, permille: self.permille, azure_args: Vec::new() };
        let all = tokio::select! {
            () = &mut stop => return Ok(ExitCode::SUCCESS),
            started = Box::pin(Installation::start(&mut show, &options)) => started?,
        };
        let file = place()?.join("env");
        let ended = tokio::select! {
            () = &mut stop => Ok(()),
            ended = Box::pin(play(&mut show, &all, &file)) => ended,
        };
        // It names what is about to end.
        let _ = fs::remove_file(&file);
        if ended.is_err() {
            all.cluster.keep();
        } else if matches!(all.cluster.ground(), Ground::Given(_)) {
            show.line("Taking it out of your cluster again …");
        }
        all.leave_no_trace(&NAMESPACES).await?;
        ended.map(|()| ExitCode::SUCCESS)
    }
}

async fn play(show: &mut Show, all: &Installation, file: &PathBuf) -> Result<()> {
    let quickstart = Quickstart::copy(all.cluster.dir().join("quickstart"), &all.azure, Identity::Principal)?;
    all.cluster.kubectl(["create", "namespace", SHOP]).await?.ok()?;
    let url = format!("{}?code=s3cret", all.webhook.url());
    all.cluster.apply(&Secrets::make()?.manifest(SHOP, &all.azure, &url)).await?;
    let folder = quickstart.folder().display().to_string();
    all.cluster.kubectl(["-n", SHOP, "apply", "-f", &folder]).await?.ok()?;
    show.line("");
    show.did(&format!("kubectl -n {SHOP} apply -f {folder}"));
    live::until_ready(show, all, SHOP, OBJECTS, Duration::from_secs(300)).await?;
    let service = register_phones(all).await?;
    fs::create_dir_all(place()?)?;
    fs::write(file, environment(all)?).with_context(|| format!("writing {}", file.display()))?;
    invite(show, all, file, &service);
    watch_over(show, all).await
}

/// Anna's phones; returns the service's name in Azure.
async fn register_phones(all: &Installation) -> Result<String> {
    let id = |object: Option<serde_json::Value>| {
        object.map(|object| text(&object, "/status/azureResourceId").to_owned()).unwrap_or_default()
    };
    let service = id(objects::get(&all.client, SHOP, "communicationservices", "shop").await?);
    let hub = id(objects::get(&all.client, SHOP, "notificationhubs", "phones").await?);
    let line = Line { service: service.clone(), hub, user: "8:acs:anna".to_owned() };
    line.register_phones(&all.azure).await?;
    Ok(service.rsplit('/').next().unwrap_or_default().to_owned())
}

fn invite(show: &Show, all: &Installation, file: &std::path::Path, service: &str) {
    show.line("\nIn another terminal:\n");
    show.did(&format!("source {}", file.display()));
    show.did("kubectl get acs -A");
    show.did("acs-operator tree -A");
    let body = format!(r#"{{"service": "{service}", "to": "8:acs:anna"}}"#);
    show.did(&format!("curl -s --cacert $SSL_CERT_FILE $AZURE_RESOURCE_MANAGER_ENDPOINT/_sim/call -d '{body}'"));
    show.detail("that is a call to Anna: which of her phones ring, or why none does. A new link takes effect after ten of Azure's minutes.");
    show.line(&format!("\nThe YAML:            {}", all.cluster.dir().join("quickstart").display()));
    let log = match all.operator() {
        Ok(operator) => operator.process().log().display().to_string(),
        Err(_) => "kubectl -n acs-operator logs deploy/acs-operator".to_owned(),
    };
    show.line(&format!("The operator's log:  {log}"));
    show.line("The simulator's doors are listed by `curl … /_sim/state` and in src/azure-sim/model/doors.rs.");
}

/// `export` lines for the shell of whoever wants to try.
fn environment(all: &Installation) -> Result<String> {
    let mut lines = format!("export KUBECONFIG={}\n", all.cluster.kubeconfig().display());
    let mut path = Vec::new();
    if let Some(programs) = std::env::current_exe()?.parent() {
        path.push(programs.display().to_string());
    }
    if !matches!(all.cluster.ground(), Ground::Given(_)) {
        path.push(parts::bin_dir()?.display().to_string());
    }
    lines.push_str(&format!("export PATH={}:$PATH\n", path.join(":")));
    for (name, value) in all.azure.environment() {
        lines.push_str(&format!("export {name}='{}'\n", value.replace('\'', r"'\''")));
    }
    Ok(lines)
}

fn place() -> Result<PathBuf> {
    Ok(testbed::binaries::target_folder()?.join("playground"))
}

/// Says once that the operator has ended: whoever killed it wants to see what happens then.
async fn watch_over(show: &Show, all: &Installation) -> Result<()> {
    let mut said = false;
    loop {
        all.cluster.check_running()?;
        all.azure.process().check_running()?;
        let operator = all.operator().ok().map(testbed::Operator::process);
        if let (Some(operator), false) = (operator, said)
            && let Some(status) = operator.exit_status()
        {
            show.line(&format!("\nThe operator ended ({status}); its log: {}", operator.log().display()));
            show.line("It is not started again; Ctrl-C ends the rest.");
            said = true;
        }
        tokio::time::sleep(LOOK).await;
    }
}
