//! Two namespaces with everything in them are deleted, and drain.

use std::time::Instant;

use anyhow::Result;
use testbed::wait_for;

use super::super::NAMESPACES;
use super::super::in_azure::{OWNER_TAG, Resources};
use super::super::objects::{self, text};
use super::super::show::seconds;
use super::super::story::{SHOP, Story};
use super::PODS;

pub(super) async fn delete(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("Namespaces are deleted with everything in them, and drain");
    let patch = r#"{"spec":{"deletionPolicy":"Delete"}}"#;
    for namespace in NAMESPACES {
        let args = ["-n", namespace, "patch", "acsvc", "shop", "--type=merge", "-p", patch];
        story.all.cluster.kubectl(args).await?.ok()?;
    }
    story.show.did(&format!("kubectl delete namespace {}", NAMESPACES.join(" ")));
    let args = ["delete", "namespace", NAMESPACES[0], NAMESPACES[1], "--wait=false"];
    story.all.cluster.kubectl(args).await?.ok()?;
    let started = Instant::now();
    let gone = wait_for("the namespaces to be gone", PODS, || async {
        for namespace in NAMESPACES {
            if objects::namespace_exists(&story.all.client, namespace).await.unwrap_or(true) {
                return false;
            }
        }
        true
    });
    let gone = story.show.waiting("draining", gone).await.is_ok();
    let left = if gone { String::new() } else { remaining(story).await? };
    let claim = format!("both are gone after {}, app, relay and objects", seconds(started.elapsed()));
    story.show.check(&claim, gone, || left);
    let resources = Resources::read(&story.all.azure).await?;
    let tag = format!("/tags/{OWNER_TAG}");
    let ours: Vec<&str> = resources.all().filter(|it| !text(it, &tag).is_empty()).map(|it| text(it, "/id")).collect();
    story.show.check("nothing of ours is left in Azure", ours.is_empty(), || format!("{ours:?}"));
    story.all.check_running()
}

async fn remaining(story: &Story<'_>) -> Result<String> {
    Ok(story.all.cluster.kubectl(["-n", SHOP, "get", "acs,pods,secrets", "-o", "wide"]).await?.stdout)
}
