//! From YAML to a ringing phone.

use std::time::Instant;

use anyhow::Result;

use super::super::in_azure::journal;
use super::super::objects::{self, PLURALS};
use super::super::show::seconds;
use super::super::story::{SHOP, SOON, Story};

pub(in super::super) async fn create(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("YAML becomes a service, a hub, a link and an event subscription");
    story.apply(SHOP).await?;
    story
        .show
        .detail("a copy of them: account.yaml has the simulator's ids, the Secrets hold keys made for the occasion");
    let started = Instant::now();
    story.until_ready(SHOP).await?;
    let took = started.elapsed();
    let mut waiting = Vec::new();
    for plural in PLURALS {
        let all = objects::list(&story.all.client, Some(SHOP), plural).await?;
        waiting.extend(all.iter().filter(|object| !objects::is_ready(object)).map(|_| plural));
    }
    story.show.check(&format!("all five objects are Ready, after {}", seconds(took)), waiting.is_empty(), || {
        format!("{waiting:?} are not")
    });
    let handshakes = story.all.webhook.handshakes();
    story.show.check("Event Grid made its handshake with the endpoint", handshakes > 0, || {
        "nobody called the endpoint".to_owned()
    });
    let (requests, _) = journal(&story.all.azure, 0).await?;
    let refused: Vec<_> = requests.iter().filter(|request| request.status >= 400 && request.status != 404).collect();
    story.show.check("no request to Azure was refused", refused.is_empty(), || format!("{refused:?}"));
    let arm: Vec<_> = requests.iter().filter(|request| !request.is_token()).collect();
    let writes = arm.iter().filter(|request| request.is_write()).count();
    story.show.detail(&format!("{} requests to Azure, {writes} of them changes", arm.len()));
    story.line.service = story.azure_id(SHOP, "communicationservices", "shop").await?;
    story.line.hub = story.azure_id(SHOP, "notificationhubs", "phones").await?;
    Ok(())
}

pub(in super::super) async fn call(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("A call rings the phone, through the linked hub with the linked key");
    let line = story.line.clone();
    line.register_phones(&story.all.azure).await?;
    story.show.detail("Anna's iPhone and Android are registered at the hub. Azure takes 10 minutes until pushes use a new link: here 6 s.");
    let started = Instant::now();
    let rings = line.until_it_rings(&story.all.azure, SOON);
    let (call, calls) = story.show.waiting("calling Anna until her phones ring", rings).await?;
    let rang: Vec<&str> = call.rings.iter().map(|ring| ring.phone.platform.as_str()).collect();
    let claim = format!("a call to {} rings: {}", line.user, rang.join(", "));
    story.show.check(&claim, line.is_ours(&call) && rang.len() == 2, || call.message.clone());
    if calls.missed > 0 {
        story.show.detail(&format!("after {}; before that: {}", seconds(started.elapsed()), calls.words()));
    }
    Ok(())
}
