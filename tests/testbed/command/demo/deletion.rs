//! Taking it all away again.

use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};
use testbed::wait_for;

use super::super::in_azure::{OWNER_TAG, Resources};
use super::super::objects::{self, text};
use super::super::show::seconds;
use super::drift::COLLEAGUE;
use super::{SECOND, SHOP, SOON, Story};

pub(super) async fn delete(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("Deleted namespaces drain; a service stays unless its deletion was asked for");
    let kept = story.azure_id(SECOND, "communicationservices", "shop").await?;
    delete_namespace(story, SECOND).await?;
    let resources = Resources::read(&story.all.azure).await?;
    let left: Vec<&str> = owned(&resources, SECOND).map(|resource| text(resource, "/id")).collect();
    let only = left.iter().all(|id| id.eq_ignore_ascii_case(&kept)) && resources.get(&kept).is_some();
    story.show.check("its service is still in Azure, as by default; all else of it is gone", only, || format!("{left:?}"));
    story.show.did("portal: delete that service");
    story.all.azure.post("/_sim/portal/delete", &json!({"id": kept})).await?;

    story.quickstart.edit("30-communication-service.yaml", "spec:\n", "spec:\n  deletionPolicy: Delete\n")?;
    story.show.did("spec.deletionPolicy: Delete   in 30-communication-service.yaml");
    story.apply_files(SHOP).await?;
    delete_namespace(story, SHOP).await?;
    let resources = Resources::read(&story.all.azure).await?;
    let names = |resource: &Value| text(resource, "/id").to_owned();
    let (theirs, ours): (Vec<_>, Vec<_>) = resources.all().map(names).partition(|id| id.contains(&format!("/{COLLEAGUE}-ns")));
    story.show.check("nothing of ours is left in Azure", ours.is_empty(), || format!("{ours:?}"));
    story.show.check("the colleague's hub was not touched", theirs.iter().any(|id| id.ends_with(&format!("/{COLLEAGUE}"))), || format!("{theirs:?}"));
    story.all.check_running()
}

async fn delete_namespace(story: &mut Story<'_>, namespace: &str) -> Result<()> {
    story.show.did(&format!("kubectl delete namespace {namespace}"));
    story.all.cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]).await?.ok()?;
    let started = Instant::now();
    let gone = wait_for("the namespace to be gone", SOON, || async {
        objects::namespace_exists(&story.all.client, namespace).await.is_ok_and(|there| !there)
    });
    let gone = gone.await.is_ok();
    let claim = format!("the namespace is gone, finalizers and all, after {}", seconds(started.elapsed()));
    let stuck = if gone { String::new() } else { remaining(story, namespace).await? };
    story.show.check(&claim, gone, || stuck);
    Ok(())
}

async fn remaining(story: &Story<'_>, namespace: &str) -> Result<String> {
    let args = ["get", "acs,secrets", "-n", namespace, "-o", "wide"];
    Ok(story.all.cluster.kubectl(args).await?.stdout)
}

/// Resources whose owner is an object of that namespace. What cannot carry tags lies below one that does.
fn owned<'a>(resources: &'a Resources, namespace: &str) -> impl Iterator<Item = &'a Value> {
    let part = format!("/{namespace}/");
    resources.all().filter(move |resource| text(resource, &format!("/tags/{OWNER_TAG}")).contains(&part))
}
