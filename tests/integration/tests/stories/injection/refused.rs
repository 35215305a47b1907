//! A labelled pod that would start without its relay does not start, and says why.

use acs_wire::relay::LABEL;
use anyhow::Result;
use serde_json::json;

use super::place::{Place, golden, labelled};

async fn refusal(place: &Place, relay: &str) -> Result<String> {
    let output = place.try_pod(&labelled(relay)).await?;
    assert!(!output.success(), "a pod labelled {relay:?} was let in");
    Ok(output.stderr)
}

#[tokio::test]
async fn a_pod_whose_relay_is_not_to_be_had_is_refused_with_one_sentence() -> Result<()> {
    let place = Place::new().await?;
    // Where there is no relay at all, and where there are others.
    let alone = refusal(&place, "shop").await?;
    place.relay("other").await?;
    place.bare_relay("fresh", "Sidecar").await?;
    place.bare_relay("apart", "Deployment").await?;
    let namespace = format!("namespace \"{}\"", &*place.namespace);
    let mut all = vec![("shop", alone)];
    // Misspelt, without `status.injection`, in pods of its own, no name at all, and one that no relay can have.
    for relay in ["othr", "fresh", "apart", "", "Other"] {
        all.push((relay, refusal(&place, relay).await?));
    }
    for (relay, text) in all {
        let named = format!("no relay for the label acs-operator.dev/relay: \"{relay}\"");
        for part in [&named, &namespace, "placement is Sidecar", "kubectl get eventrelay"] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
        assert_eq!(text.trim().lines().count(), 1, "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn a_relay_of_another_namespace_is_no_relay() -> Result<()> {
    let (place, elsewhere) = (Place::new().await?, Place::new().await?);
    elsewhere.relay("shop").await?;
    place.relay("other").await?;
    refusal(&place, "shop").await?;
    let there = elsewhere.dry_run(&labelled("shop")).await?;
    assert!(super::place::relay_container(&there).is_some());
    Ok(())
}

#[tokio::test]
async fn a_relay_that_begins_or_ceases_to_be_published_is_seen() -> Result<()> {
    let place = Place::new().await?;
    place.bare_relay("shop", "Sidecar").await?;
    refusal(&place, "shop").await?;
    let status = json!({"status": {"injection": golden("injection")?}}).to_string();
    place.kubectl(&["patch", "eventrelay", "shop", "--subresource=status", "--type=merge", "-p", &status]).await?;
    testbed::wait_for_some("the pod to be let in", crate::harness::SOON, || async {
        place.dry_run(&labelled("shop")).await.ok()
    })
    .await?;
    place.kubectl(&["delete", "eventrelay", "shop"]).await?;
    testbed::wait_for_some("the pod to be refused", crate::harness::SOON, || async {
        place.try_pod(&labelled("shop")).await.ok().filter(|output| !output.success())
    })
    .await
    .map(drop)
}

/// A volume of the relay's name would be mounted into it in place of its own.
#[tokio::test]
async fn a_volume_of_the_relays_name_is_refused() -> Result<()> {
    let place = Place::new().await?;
    place.relay("shop").await?;
    let mut pod = labelled("shop");
    pod["spec"]["volumes"] = json!([{"name": "acs-relay-delivery", "emptyDir": {}}]);
    let output = place.try_pod(&pod).await?;
    assert!(!output.success() && output.stderr.contains("acs-relay-delivery"), "{output:?}");
    assert!(output.stderr.contains("Duplicate value"), "{output:?}");
    Ok(())
}

/// Its Service would send it events from then on, with a key that is not its own, or with nobody to take them.
#[tokio::test]
async fn a_label_that_is_put_on_a_running_pod_must_name_the_relay_that_is_in_it() -> Result<()> {
    let place = Place::new().await?;
    place.relay("shop").await?;
    let mut plain = labelled("shop");
    plain["metadata"] = json!({"name": "plain"});
    testbed::wait_for_some("the ServiceAccount of the namespace", crate::harness::SOON, || async {
        place.keep(&plain).await.ok()
    })
    .await?;
    place.keep(&labelled("shop")).await?;
    let label = |pod: &'static str, value: &'static str| {
        let text = if value == "-" { format!("{LABEL}-") } else { format!("{LABEL}={value}") };
        let place = &place;
        async move { place.kubectl(&["label", "--overwrite", "pod", pod, &text]).await }
    };
    for (pod, value, wanted) in [
        ("plain", "shop", "a label brings none into a pod that runs"),
        ("app", "other", "it has the configuration \"shop-relay\""),
    ] {
        let refused = label(pod, value).await.unwrap_err();
        assert!(format!("{refused:#}").contains(wanted), "{refused:#}");
    }
    // Everything else may change, and what was right may come back.
    place.kubectl(&["annotate", "pod", "app", "a=b"]).await?;
    label("app", "-").await?;
    label("app", "shop").await.map(drop)
}

#[tokio::test]
async fn a_manifest_with_the_relay_of_another_is_refused() -> Result<()> {
    let place = Place::new().await?;
    let mut pod = golden("pod.injected")?;
    pod["metadata"]["labels"][LABEL] = json!("other");
    let output = place.try_pod(&pod).await?;
    assert!(!output.success() && output.stderr.contains("would refuse the deliveries for \"other\""), "{output:?}");
    Ok(())
}
