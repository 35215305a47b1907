//! Two hands in one Azure: what is edited in YAML, and what a colleague does in the portal.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testbed::wait_for;

use super::super::in_azure::{Resources, journal};
use super::super::objects::text;
use super::super::show::seconds;
use super::super::story::{SHOP, SOON, Story};

const HUBS: &str = "api-version=2023-10-01-preview";
/// End of the path by which the operator looks for changes made by others.
const LISTED: &str = "/providers/microsoft.communication/communicationservices";
/// Name of everything that the colleague makes.
pub(super) const COLLEAGUE: &str = "colleague";

pub(super) async fn tags(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("Edited YAML reaches Azure; what others set there stays");
    let id = story.line.service.clone();
    let mut tags = tags_of(story, &id).await?;
    story.show.did("portal: tag cost-centre = 4711   (somebody else)");
    if let Some(tags) = tags.as_object_mut() {
        tags.insert("cost-centre".to_owned(), json!("4711"));
    }
    story.all.azure.post("/_sim/portal/tags", &json!({"id": id, "tags": tags})).await?;
    let (_, since) = journal(&story.all.azure, 0).await?;
    story.quickstart.edit("30-communication-service.yaml", "team: shop", "team: checkout")?;
    story.show.did("sed -i 's/team: shop/team: checkout/' examples/quickstart/30-communication-service.yaml");
    story.apply_files(SHOP).await?;
    let started = Instant::now();
    let there = wait_for("the tag to change", SOON, || async {
        tags_of(story, &id).await.is_ok_and(|tags| text(&tags, "/team") == "checkout")
    });
    let there = there.await.is_ok();
    let now = tags_of(story, &id).await?;
    story
        .show
        .check(&format!("team = checkout in Azure, after {}", seconds(started.elapsed())), there, || now.to_string());
    story.show.check("cost-centre = 4711 is still there", text(&now, "/cost-centre") == "4711", || now.to_string());
    let (requests, _) = journal(&story.all.azure, since).await?;
    let writes: Vec<String> = requests
        .iter()
        .filter(|request| request.is_write() && !request.is_token())
        .map(|request| request.method.clone())
        .collect();
    story.show.check("it took one PATCH and no other change", writes == ["PATCH"], || format!("{writes:?}"));
    Ok(())
}

async fn tags_of(story: &Story<'_>, id: &str) -> Result<Value> {
    let resources = Resources::read(&story.all.azure).await?;
    Ok(resources.get(id).and_then(|service| service.get("tags")).cloned().unwrap_or_default())
}

pub(super) async fn link(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("Somebody links another hub in the portal; it is put right");
    let other = make_other_hub(story).await?;
    let line = story.line.clone();
    // Right after the operator listed the services, so that the next time is a whole interval away.
    let (_, since) = journal(&story.all.azure, 0).await?;
    let looked = || async {
        let requests = journal(&story.all.azure, since).await.map(|(requests, _)| requests).unwrap_or_default();
        requests.iter().any(|request| request.method == "GET" && request.path.to_ascii_lowercase().ends_with(LISTED))
    };
    wait_for("the operator to list the services", SOON, looked).await?;
    story.show.did("portal: the service's Notification Hub = colleague");
    story.all.azure.post("/_sim/portal/link", &json!({"service": line.service, "hub": other})).await?;
    let theirs = linked(story).await?;
    story
        .show
        .check("Azure shows the colleague's hub as linked", theirs.eq_ignore_ascii_case(&other), || theirs.clone());
    let started = Instant::now();
    let ours = wait_for("our hub to be linked again", SOON, || async {
        linked(story).await.is_ok_and(|hub| hub.eq_ignore_ascii_case(&line.hub))
    });
    let ours = ours.await;
    let claim = format!(
        "our hub is linked again after {} (of Azure's time: {:.0} s)",
        seconds(started.elapsed()),
        started.elapsed().as_secs_f64() / super::SCALE
    );
    story.show.check(&claim, ours.is_ok(), || "it is not".to_owned());
    story
        .show
        .detail("Both links take effect 10 minutes (here 6 s) after they were made: the colleague's first, then ours.");
    let silent = line.until_silent(&story.all.azure, SOON);
    let (missed, before) = story.show.waiting("calling Anna until her phone does not ring", silent).await?;
    let why = if missed.rang { "another phone rings".to_owned() } else { missed.message.clone() };
    story.show.check(
        &format!("while theirs is in effect our phone does not ring: {why}"),
        !line.is_ours(&missed),
        || before.words(),
    );
    let rings = line.until_it_rings(&story.all.azure, SOON);
    let (heard, silence) = story.show.waiting("calling Anna until her phone rings", rings).await?;
    story.show.check(
        &format!("our phone rings again after {}", seconds(silence.silence)),
        line.is_ours(&heard),
        || silence.words(),
    );
    Ok(())
}

async fn linked(story: &Story<'_>) -> Result<String> {
    let resources = Resources::read(&story.all.azure).await?;
    let service = resources.get(&story.line.service).context("the service is gone")?;
    Ok(text(service, "/properties/notificationHubId").to_owned())
}

/// A hub of somebody else's, in the same resource group.
async fn make_other_hub(story: &Story<'_>) -> Result<String> {
    let azure = &story.all.azure;
    let group = story.line.hub.split("/providers/").next().unwrap_or_default();
    let namespace = format!("{group}/providers/Microsoft.NotificationHubs/namespaces/{COLLEAGUE}-ns");
    let body = json!({"location": "westeurope", "sku": {"name": "Free"}});
    azure.request("PUT", &format!("{namespace}?{HUBS}"), Some(&body)).await?.ok()?;
    let hub = format!("{namespace}/notificationHubs/{COLLEAGUE}");
    wait_for("the colleague's hub", SOON, || async {
        let body = json!({"location": "westeurope"});
        let answer = azure.request("PUT", &format!("{hub}?{HUBS}"), Some(&body)).await;
        answer.is_ok_and(|answer| answer.ok().is_ok())
    })
    .await?;
    Ok(hub)
}
