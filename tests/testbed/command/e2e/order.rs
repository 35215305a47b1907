//! Which of the two ends first.

use anyhow::{Context, Result};
use testbed::wait_for;

use super::super::objects::text;
use super::super::story::{SHOP, Story};
use super::{PODS, pod, pods, rollout};

pub(super) async fn order(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("A pod is deleted: the relay ends after the app");
    let pod = pod(story.all, "app").await?;
    let name = text(&pod, "/metadata/name").to_owned();
    story.show.did(&format!("kubectl -n {SHOP} delete pod {name}"));
    let cluster = &story.all.cluster;
    let follow = |container: &'static str| {
        cluster.kubectl(["-n", SHOP, "logs", "-f", "--timestamps", &name, "-c", container].map(str::to_owned))
    };
    // Logs are followed to the containers' ends; the deletion waits for both.
    let delete = cluster.kubectl(["-n", SHOP, "delete", "pod", &name, "--timeout=90s"]);
    let (app, relay, deleted) = tokio::join!(follow("app"), follow("acs-relay"), delete);
    deleted?.ok()?;
    let last = |log: &str| log.lines().last().map(str::to_owned).context("a container wrote nothing");
    let (app, relay) = (last(&app?.ok()?)?, last(&relay?.ok()?)?);
    let time = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let held = app.contains("ended") && time(&app) <= time(&relay);
    story.show.check("the app's last word comes before the relay's", held, || format!("app: {app}; relay: {relay}"));
    rollout(story, "app").await?;
    let gone = wait_for("the old pod to be gone", PODS, || async {
        pods(story.all, "app").await.is_ok_and(|pods| pods.iter().all(|pod| text(pod, "/metadata/name") != name))
    });
    gone.await
}
