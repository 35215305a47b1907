//! Taking it all away again.

use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};
use testbed::wait_for;

use super::super::NAMESPACES;
use super::super::in_azure::{OWNER_TAG, Resources};
use super::super::objects::{self, PLURALS, text};
use super::super::show::seconds;
use super::super::story::{SECOND, SHOP, SOON, Story};
use super::drift::COLLEAGUE;

pub(super) async fn delete(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("Deleted namespaces drain; a service stays unless its deletion was asked for");
    let kept = story.azure_id(SECOND, "communicationservices", "shop").await?;
    story.quickstart.edit("30-communication-service.yaml", "spec:\n", "spec:\n  deletionPolicy: Delete\n")?;
    story.show.did("spec.deletionPolicy: Delete   in 30-communication-service.yaml, for the first namespace only");
    story.apply_files(SHOP).await?;
    delete_namespaces(story).await?;
    let resources = Resources::read(&story.all.azure).await?;
    let left: Vec<&str> = owned(&resources, SHOP).map(|resource| text(resource, "/id")).collect();
    story.show.check(&format!("nothing of {SHOP} is left in Azure"), left.is_empty(), || format!("{left:?}"));
    // Its topic is part of a service: events of others may hang on it.
    let left: Vec<&str> = owned(&resources, SECOND).map(|resource| text(resource, "/id")).collect();
    let topic = |id: &str| id.to_ascii_lowercase().contains("/systemtopics/");
    let only = left.iter().all(|id| id.eq_ignore_ascii_case(&kept) || topic(id)) && resources.get(&kept).is_some();
    let claim =
        format!("of {SECOND} the service and its topic are left, as by default; they hold phone numbers and data");
    story.show.check(&claim, only, || format!("{left:?}"));
    let hub = format!("/{COLLEAGUE}");
    let theirs = resources.all().any(|resource| text(resource, "/id").ends_with(&hub));
    story.show.check("the colleague's hub was not touched", theirs, || "it is gone".to_owned());

    story.show.did("portal: delete what was left, and what the colleague made");
    let ids: Vec<String> = left.iter().map(|id| (*id).to_owned()).collect();
    for id in ids.into_iter().chain([colleagues_namespace(&resources)]) {
        story.all.azure.post("/_sim/portal/delete", &json!({"id": id})).await?;
    }
    let resources = Resources::read(&story.all.azure).await?;
    let left: Vec<&str> = resources.all().map(|resource| text(resource, "/id")).collect();
    story.show.check("Azure is empty: nothing was made that nobody knows of", left.is_empty(), || format!("{left:?}"));
    story.all.check_running()
}

fn colleagues_namespace(resources: &Resources) -> String {
    let suffix = format!("/{COLLEAGUE}-ns");
    resources
        .all()
        .map(|resource| text(resource, "/id"))
        .find(|id| id.ends_with(&suffix))
        .unwrap_or_default()
        .to_owned()
}

async fn delete_namespaces(story: &mut Story<'_>) -> Result<()> {
    story.show.did(&format!("kubectl delete namespace {SHOP} {SECOND}"));
    story.all.cluster.kubectl(["delete", "namespace", SHOP, SECOND, "--wait=false"]).await?.ok()?;
    let started = Instant::now();
    let client = &story.all.client;
    let drained = wait_for("the objects to be gone", SOON, || async {
        for namespace in NAMESPACES {
            for plural in PLURALS {
                if !objects::list(client, Some(namespace), plural).await.is_ok_and(|list| list.is_empty()) {
                    return false;
                }
            }
        }
        true
    });
    let drained = story.show.waiting("draining", drained).await.is_ok();
    let claim = format!("all objects are gone after {}", seconds(started.elapsed()));
    let stuck = if drained { String::new() } else { remaining(story).await? };
    story.show.check(&claim, drained, || stuck);
    let gone = wait_for("the namespaces to be gone", SOON, || async {
        let mut there = false;
        for namespace in NAMESPACES {
            there |= objects::namespace_exists(&story.all.client, namespace).await.unwrap_or(true);
        }
        !there
    });
    let gone = story.show.waiting("waiting for Kubernetes to let the namespaces go", gone).await.is_ok();
    let stuck = if gone { String::new() } else { remaining(story).await? };
    story.show.check(&format!("so are both namespaces, after {}", seconds(started.elapsed())), gone, || stuck);
    story.show.detail("most of it is Kubernetes: it begins after 5 s, and looks again after another 5 to 8 whether the finalizers are gone");
    Ok(())
}

async fn remaining(story: &Story<'_>) -> Result<String> {
    let args = ["get", "acs,secrets", "-A", "-o", "wide"];
    Ok(story.all.cluster.kubectl(args).await?.stdout)
}

/// Resources whose owner is an object of that namespace. What cannot carry tags lies below one that does.
fn owned<'a>(resources: &'a Resources, namespace: &str) -> impl Iterator<Item = &'a Value> {
    let part = format!("/{namespace}/");
    resources.all().filter(move |resource| text(resource, &format!("/tags/{OWNER_TAG}")).contains(&part))
}
