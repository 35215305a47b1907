//! `testbed playground`: the stack of the demo, left running for a person to try.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use testbed::{Ground, parts};

use super::calls::Line;
use super::e2e::admission::{example, service_address};
use super::e2e::url_of;
use super::installation::{Installation, Options};
use super::objects::{self, text};
use super::quickstart::{Identity, Quickstart, Secrets};
use super::relay::neighbourhood::Neighbourhood;
use super::relay::{IPHONE, register_installations};
use super::show::{Output, Show};
use super::signals::asked_to_stop;
use super::{NAMESPACES, live, story};

const SHOP: &str = NAMESPACES[0];
const OBJECTS: usize = 5;
/// At a pace that a person chose, up to Azure's own.
const READY_WITHIN: Duration = Duration::from_secs(900);
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
        let Some(all) = story::started(&mut show, &options, stop.as_mut()).await? else { return Ok(ExitCode::SUCCESS) };
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
    live::until_ready(show, all, SHOP, OBJECTS, READY_WITHIN).await?;
    let service = register_phones(all).await?;
    show.line("");
    // Dropped, what runs in place of pods ends.
    let (_there, app) = Box::pin(bring_the_relay(show, all)).await?;
    fs::create_dir_all(place()?)?;
    fs::write(file, environment(all)?).with_context(|| format!("writing {}", file.display()))?;
    invite(show, all, file, &service, app.as_deref());
    watch_over(show, all).await
}

/// An app with its relay, in pods where there are nodes, else as processes. Returns where the app is reached; none on a cluster
/// that has no images of this project.
async fn bring_the_relay(show: &Show, all: &Installation) -> Result<(Option<Neighbourhood>, Option<String>)> {
    let (there, app) = if all.has_pods() {
        let folder = example(all)?.folder().display().to_string();
        all.cluster.kubectl(["-n", SHOP, "apply", "-f", &folder]).await?.ok()?;
        show.did(&format!("kubectl -n {SHOP} apply -f {folder}"));
        all.front.point_at(&[service_address(all, "shop-relay").await?]);
        let ready = ["-n", SHOP, "rollout", "status", "deploy/app", "--timeout=120s"].map(str::to_owned);
        show.waiting("the app comes up", all.cluster.kubectl(ready)).await?.ok()?;
        (None, Some(url_of(all, "app").await?))
    } else if matches!(all.cluster.ground(), Ground::Given(_)) {
        show.detail("no relay: the nodes of this cluster have no images of this project. IMAGE_LOAD or IMAGE_PREFIX, and HOST_ADDRESS, bring them.");
        return Ok((None, None));
    } else {
        let there = Neighbourhood::start(show, all).await?;
        let app = there.apps.app.clone();
        (Some(there), Some(app))
    };
    live::until_ready(show, all, SHOP, OBJECTS + 2, READY_WITHIN).await?;
    Ok((there, app))
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
    register_installations(&all.azure, &line).await?;
    Ok(service.rsplit('/').next().unwrap_or_default().to_owned())
}

fn invite(show: &Show, all: &Installation, file: &std::path::Path, service: &str, app: Option<&str>) {
    show.line("\nIn another terminal:\n");
    show.did(&format!("source {}", file.display()));
    show.did("kubectl get acs -A");
    show.did("acs-operator tree -A");
    let body = format!(r#"{{"service": "{service}", "to": "8:acs:anna"}}"#);
    show.did(&format!("curl -s --cacert $SSL_CERT_FILE $AZURE_RESOURCE_MANAGER_ENDPOINT/_sim/call -d '{body}'"));
    show.detail("that is a call to Anna: which of her phones ring, or why none does. A new link takes effect after ten of Azure's minutes.");
    if let Some(app) = app {
        invite_to_the_relay(show, service, app);
    }
    show.line(&format!("\nThe YAML:            {}", all.cluster.dir().join("quickstart").display()));
    let log = match all.operator() {
        Ok(operator) => operator.process().log().display().to_string(),
        Err(_) => "kubectl -n acs-operator logs deploy/acs-operator".to_owned(),
    };
    show.line(&format!("The operator's log:  {log}"));
    show.line("The simulator's doors are listed by `curl … /_sim/state` and in src/azure-sim/model/doors.rs.");
}

fn invite_to_the_relay(show: &Show, service: &str, app: &str) {
    let door = "curl -s --cacert $SSL_CERT_FILE $AZURE_RESOURCE_MANAGER_ENDPOINT/_sim";
    let sms =
        format!(r#"{{"service": "{service}", "from": "+14255550100", "to": "+14255550199", "message": "Hello"}}"#);
    show.did(&format!("{door}/sms -d '{sms}'"));
    show.did(&format!("curl -s {app}/seen"));
    show.detail("an SMS, and what came of it to the app, by its relay. /_sim/deliveries shows what Event Grid tried.");
    let chat = format!(
        r#"{{"service": "{service}", "thread": "19:orders", "sender": "8:acs:bob", "senderDisplayName": "Bob", "recipient": "8:acs:anna", "message": "Hi"}}"#
    );
    show.did(&format!("{door}/chat -d '{chat}'"));
    let push =
        format!(r#"{{"platform": "apple", "deviceHandle": "{IPHONE}", "payload": {{"aps": {{"alert": "Hello"}}}}}}"#);
    show.did(&format!("curl -s {app}/push --json '{push}'"));
    show.did(&format!("{door}/phones"));
    show.detail("a chat message becomes a push by the relay's rule, and the app pushes through the relay: what each phone has got.");
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
