//! An app with its relay, on a cluster without nodes: what a kubelet would run are processes here.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::relay_process::{self, RelayProcess};
use testbed::{Ground, Process, binaries, ports, wait_for, wait_for_some};

use super::super::objects::text;
use super::super::quickstart::Quickstart;
use super::super::relay;
use super::super::relay::apps::Apps;
use super::super::story::{OBJECTS, SHOP, SOON, Story};

/// What runs in place of pods. Ends with the value.
struct Neighbourhood {
    relay: RelayProcess,
    app: Process,
    _back_office: Process,
    apps: Apps,
    listens: SocketAddr,
}

pub(super) async fn relay(story: &mut Story<'_>) -> Result<()> {
    if matches!(story.all.cluster.ground(), Ground::Given(_)) {
        story.show.line("\n  The relay is not shown on a cluster that was given: its nodes do not have the images.");
        return Ok(());
    }
    story.show.chapter("An app gets a relay, and Event Grid an endpoint");
    let mut there = Box::pin(begin(story)).await?;
    let (azure, service) = (&story.all.azure, story.line.service.clone());
    relay::sms(story.show, azure, &service, &there.apps).await?;
    relay::chat(story.show, azure, &story.line).await?;
    relay::direct(story.show, azure, &there.apps).await?;
    Box::pin(outage(story, &mut there)).await?;
    there.relay.stop().await
}

/// Applies the example, and runs what the pod that came of it says.
async fn begin(story: &mut Story<'_>) -> Result<Neighbourhood> {
    let [app, back_office] = [ports::free_address()?, ports::free_address()?];
    let example = Quickstart::copy_relay(story.all.cluster.dir().join("relay"))?;
    example.edit("10-relay.yaml", "https://events.shop.example", &story.all.front.url())?;
    example.edit("10-relay.yaml", "port: 8080", &format!("port: {}", app.port()))?;
    for name in ["work-items", "mail"] {
        let service = format!("service:\n            name: {name}\n          port: 80");
        example.edit("10-relay.yaml", &service, &format!("port: {}", back_office.port()))?;
    }
    story.show.did(&format!("kubectl -n {SHOP} apply -f examples/relay/"));
    story.show.detail("a copy of them: there is no DNS for Services here, so all three targets are on localhost; events.shop.example is a front on this machine that ends TLS");
    let folder = example.folder().display().to_string();
    story.all.cluster.kubectl(["-n", SHOP, "apply", "-f", &folder]).await?.ok()?;
    let pod = admitted(story).await?;
    let name = text(&pod, "/metadata/name").to_owned();
    let first = pod.pointer("/spec/initContainers/0").cloned().unwrap_or_default();
    let sidecar = text(&first, "/name") == "acs-relay" && text(&first, "/restartPolicy") == "Always";
    story.show.check("the Deployment's pod got the relay at admission, as its first container", sidecar, || {
        first.to_string()
    });
    let logs = story.all.logs().join("relay-logs");
    let options = relay_process::Options { logs: logs.clone(), ..relay_process::Options::default() };
    let relay = RelayProcess::start(&story.all.client, SHOP, &name, options).await?;
    story.show.detail(&format!("no node runs pods here: that very container of pod {name} runs as a process, with its arguments and its volumes, and so does the app"));
    let run = |name: &'static str, listen: SocketAddr| {
        let program = Process::of(name, binaries::workspace("sample-app")?).bare_environment();
        let program = program.arg("--listen").arg(listen.to_string());
        program.arg("--relay").arg(format!("http://{}", relay.local())).spawn(&logs)
    };
    let (own, behind) = (run("app", app)?, run("back-office", back_office)?);
    story.all.front.point_at(&[relay.events()]);
    story.until_so_many_ready(SHOP, OBJECTS + 2).await?;
    let status = story.object(SHOP, "eventrelays", "shop").await?;
    let served = status.pointer("/status/subscriptions").and_then(Value::as_array).map_or(0, Vec::len);
    story.show.check("relay and event subscription are Ready; the relay lets one subscription in", served == 1, || {
        text(&status, "/status").to_owned()
    });
    let apps = Apps::new(&format!("http://{app}"), &format!("http://{back_office}"))?;
    Ok(Neighbourhood { relay, app: own, _back_office: behind, apps, listens: app })
}

/// The pod that the Deployment came to. Until the relay was looked at, none is admitted.
async fn admitted(story: &Story<'_>) -> Result<Value> {
    let cluster = &story.all.cluster;
    let found = wait_for_some("a pod of the app to be admitted", SOON, || async {
        let list = cluster.kubectl(["-n", SHOP, "get", "pods", "-l", "app=app", "-o", "json"]).await.ok()?.ok().ok()?;
        let list: Value = serde_json::from_str(&list).ok()?;
        list.pointer("/items/0").cloned()
    });
    story.show.waiting("the operator publishes the container; the policy puts it in", found).await
}

async fn outage(story: &mut Story<'_>, there: &mut Neighbourhood) -> Result<()> {
    story.show.chapter("The app is down, an event comes, the app returns, the event arrives");
    story.show.did(&format!("kill -9 {}   the app", there.app.pid()));
    there.app.kill().await?;
    let service = story.line.service.clone();
    let id = relay::meanwhile(story.show, &story.all.azure, &service).await?;
    let program = Process::of("app", binaries::workspace("sample-app")?).bare_environment();
    let program = program.arg("--listen").arg(there.listens.to_string());
    let program = program.arg("--relay").arg(format!("http://{}", there.relay.local()));
    there.app = program.spawn(&story.all.logs().join("relay-logs")).context("starting the app again")?;
    wait_for("the app to answer", Duration::from_secs(10), || there.apps.is_up()).await?;
    story.show.did("the app is started again");
    relay::afterwards(story.show, &story.all.azure, &there.apps, &id).await
}
