//! An app with its relay: beside it in real pods where there are nodes, else as processes.

use anyhow::Result;
use serde_json::Value;
use testbed::Ground;

use super::super::e2e;
use super::super::objects::text;
use super::super::relay;
use super::super::relay::neighbourhood::Neighbourhood;
use super::super::story::{OBJECTS, SHOP, Story};

pub(super) async fn relay(story: &mut Story<'_>) -> Result<()> {
    if story.all.has_pods() {
        return Box::pin(in_pods(story)).await;
    }
    if matches!(story.all.cluster.ground(), Ground::Given(_)) {
        story.show.line("\n  The relay is left out: the nodes of this cluster have no images of this project. IMAGE_LOAD or IMAGE_PREFIX, and HOST_ADDRESS, bring them.");
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

/// On a cluster with nodes, as `make e2e` does it.
async fn in_pods(story: &mut Story<'_>) -> Result<()> {
    Box::pin(e2e::admission::admit(story)).await?;
    let (azure, service) = (&story.all.azure, story.line.service.clone());
    let apps = e2e::apps(story).await?;
    Box::pin(relay::sms(story.show, azure, &service, &apps)).await?;
    Box::pin(relay::chat(story.show, azure, &story.line)).await?;
    Box::pin(relay::direct(story.show, azure, &apps)).await?;
    Box::pin(e2e::outage(story)).await
}

async fn begin(story: &mut Story<'_>) -> Result<Neighbourhood> {
    let there = Box::pin(Neighbourhood::start(story.show, story.all)).await?;
    let first = &there.first_container;
    let sidecar = text(first, "/name") == "acs-relay" && text(first, "/restartPolicy") == "Always";
    story.show.check("the Deployment's pod got the relay at admission, as its first container", sidecar, || {
        first.to_string()
    });
    story.until_so_many_ready(SHOP, OBJECTS + 2).await?;
    let status = story.object(SHOP, "eventrelays", "shop").await?;
    let served = status.pointer("/status/subscriptions").and_then(Value::as_array).map_or(0, Vec::len);
    story.show.check("relay and event subscription are Ready; the relay lets one subscription in", served == 1, || {
        status.get("status").unwrap_or(&Value::Null).to_string()
    });
    Ok(there)
}

async fn outage(story: &mut Story<'_>, there: &mut Neighbourhood) -> Result<()> {
    story.show.chapter("The app is down, an event comes, the app returns, the event arrives");
    let killed = there.kill_app().await?;
    story.show.did(&format!("{killed}   the app"));
    let service = story.line.service.clone();
    let id = relay::meanwhile(story.show, &story.all.azure, &service).await?;
    there.restart_app().await?;
    story.show.did("the app is started again");
    relay::afterwards(story.show, &story.all.azure, &there.apps, &id).await
}
