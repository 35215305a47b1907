//! The policy gives what the pure function gives, and nothing where nothing is to be given.

use anyhow::Result;
use serde_json::{Value, json};

use super::place::{Place, RELEASE, golden, golden_names, labelled, relay_container};
use crate::harness::{SOON, Story};

const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A pod without what the server chose by chance or by time.
fn settled(mut pod: Value) -> Value {
    for member in ["uid", "creationTimestamp", "resourceVersion", "managedFields"] {
        pod["metadata"].as_object_mut().unwrap().remove(member);
    }
    // The server's own volume comes before or after ours, and its name ends in chance.
    let text = pod.to_string();
    let token = text.split('"').find(|word| word.starts_with("kube-api-access-")).map(str::to_owned);
    let text = token.map_or(text.clone(), |token| text.replace(&token, "kube-api-access"));
    let mut pod: Value = serde_json::from_str(&text).unwrap();
    let volumes = pod["spec"]["volumes"].as_array_mut().unwrap();
    volumes.sort_by_key(|volume| volume["name"].as_str().unwrap().to_owned());
    pod
}

#[tokio::test]
async fn the_policy_and_the_function_make_the_same_pod() -> Result<()> {
    let place = Place::new().await?;
    place.relay("shop").await?;
    for name in golden_names("pod")? {
        let by_policy = settled(place.dry_run(&golden(&name)?).await?);
        // Has the relay already, so that the policy leaves it alone and only the server's defaults are added.
        let by_function = settled(place.dry_run(&golden(&format!("{name}.injected"))?).await?);
        assert_eq!(by_policy, by_function, "{name}");
        assert_eq!(by_policy["spec"]["initContainers"][0]["name"], acs_wire::relay::CONTAINER, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_pod_that_has_it_or_does_not_ask_for_it_is_left_alone() -> Result<()> {
    let place = Place::new().await?;
    place.relay("shop").await?;
    let already = golden("pod-already-injected")?;
    let kept = place.dry_run(&already).await?;
    assert_eq!(kept["metadata"]["annotations"], already["metadata"]["annotations"]);
    assert_eq!(kept["spec"]["initContainers"].as_array().unwrap().len(), 1);
    assert_eq!(kept["spec"]["initContainers"][0]["image"], "registry.example/acs-relay:0");
    // As an app: a relay in a pod of its own.
    let mut own = labelled("shop");
    own["spec"]["containers"][0]["name"] = json!(acs_wire::relay::CONTAINER);
    assert_eq!(place.dry_run(&own).await?["spec"].get("initContainers"), None);
    let mut unlabelled = labelled("shop");
    unlabelled["metadata"]["labels"] = json!({"app": "shop"});
    let kept = place.dry_run(&unlabelled).await?;
    assert_eq!(kept["spec"].get("initContainers"), None);
    assert_eq!(kept["metadata"].get("annotations"), None);
    Ok(())
}

#[tokio::test]
async fn of_two_relays_a_pod_gets_the_one_it_names() -> Result<()> {
    let place = Place::new().await?;
    place.relay("first").await?;
    let mut other = golden("injection")?;
    other["revision"] = json!("feedfeedfeedfeed");
    other["container"]["image"] = json!("registry.example/other:1");
    place.relay_with("second", &other).await?;
    place.relay("third").await?;
    let pod = place.dry_run(&labelled("second")).await?;
    assert_eq!(relay_container(&pod).unwrap()["image"], "registry.example/other:1");
    assert_eq!(pod["spec"]["initContainers"].as_array().unwrap().len(), 1);
    assert_eq!(pod["metadata"]["annotations"][acs_wire::relay::ANNOTATION_REVISION], "feedfeedfeedfeed");
    let pod = place.dry_run(&labelled("first")).await?;
    assert_eq!(relay_container(&pod).unwrap()["image"], "registry.example/acs-relay:1");
    Ok(())
}

#[tokio::test]
async fn the_relay_gets_no_token_and_the_app_keeps_its_own() -> Result<()> {
    let place = Place::new().await?;
    place.relay("shop").await?;
    let pod = place.keep(&labelled("shop")).await?;
    let mounted = |container: &Value| -> Vec<String> {
        let mounts = container["volumeMounts"].as_array().into_iter().flatten();
        let at = mounts.filter(|mount| mount["mountPath"] == TOKEN);
        at.map(|mount| mount["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(mounted(relay_container(&pod).unwrap()), ["acs-relay-no-token"]);
    let app = mounted(&pod["spec"]["containers"][0]);
    assert!(app.len() == 1 && app[0].starts_with("kube-api-access-"), "{app:?}");
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let cover = volumes.iter().find(|volume| volume["name"] == "acs-relay-no-token").unwrap();
    assert!(cover.get("emptyDir").is_some(), "{cover}");
    // Nor does the token come by any other volume of its own.
    for mount in relay_container(&pod).unwrap()["volumeMounts"].as_array().unwrap() {
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
        assert_eq!(volume.get("projected"), None, "{volume}");
    }
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_enforces_the_restricted_standard_takes_it() -> Result<()> {
    let place = Place::new().await?;
    place.relay("shop").await?;
    let label = "pod-security.kubernetes.io/enforce=restricted";
    place.cluster.kubectl(["label", "namespace", &place.namespace, label]).await?.ok()?;
    let mut pod = labelled("shop");
    let refused = place.try_pod(&pod).await?;
    assert!(!refused.success() && refused.stderr.contains("PodSecurity"), "{refused:?}");
    assert!(!refused.stderr.contains(acs_wire::relay::CONTAINER), "the relay itself offends: {refused:?}");
    pod["spec"]["securityContext"] = json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    pod["spec"]["containers"][0]["securityContext"] =
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let pod = place.keep(&pod).await?;
    assert!(relay_container(&pod).is_some());
    // What comes to a running pod passes the policies by, but for another label.
    let debug = ["debug", "pod/app", "--image=registry.example/debug:1", "--profile=restricted", "--attach=false"];
    place.kubectl(&debug).await?;
    place.kubectl(&["label", "pod", "app", "tier=front"]).await.map(drop)
}

/// The operator must be able to start whatever becomes of the policies, and a node must be able to show its static pods.
#[tokio::test]
async fn the_operators_namespace_and_copies_of_static_pods_are_none_of_its_business() -> Result<()> {
    let place = Place::new().await?;
    place.relay("shop").await?;
    for namespace in [RELEASE, "kube-system"] {
        let args = ["create", "--dry-run=server", "-n", namespace, "-o", "json", "-f", "-"];
        let pod = labelled("nobody").to_string();
        let pod: Value = serde_json::from_str(&place.cluster.kubectl_with_input(args, &pod).await?.ok()?)?;
        assert_eq!(relay_container(&pod), None, "{namespace}");
    }
    let mut copy = labelled("shop");
    copy["spec"]["nodeName"] = json!("node");
    let source = "kubernetes.io/config";
    copy["metadata"]["annotations"] =
        json!({format!("{source}.mirror"): "1", format!("{source}.hash"): "1", format!("{source}.source"): "file"});
    assert_eq!(relay_container(&place.dry_run(&copy).await?), None);
    Ok(())
}

/// From the user's YAML to a pod, with the operator in between.
#[tokio::test]
async fn what_the_operator_publishes_is_what_pods_get_and_what_the_command_prints() -> Result<()> {
    let cluster = super::place::policies().await?;
    let args = ["--relay-image", "registry.example/acs-relay:7"].map(str::to_owned).to_vec();
    let options = testbed::stack::Options { args, ..testbed::stack::Options::default() };
    let story = Story::prepare("published", options).await?;
    let _operator = story.stack.run_operator().await?;
    let relay = json!({"apiVersion": "acs-operator.dev/v1alpha1", "kind": "EventRelay", "metadata": {"name": "shop"},
        "spec": {"placement": {"type": "Sidecar", "resources": {"requests": {"memory": "80Mi"}}},
            "reachability": {"type": "URL", "url": "https://events.shop.example"},
            "routes": [{"name": "app", "eventTypes": ["Microsoft.Communication.SMSReceived"],
                "target": {"type": "HTTP", "http": {"port": 8080, "path": "/events"}}}]}});
    cluster.kubectl_with_input(["apply", "-n", story.namespace(), "-f", "-"], &relay.to_string()).await?.ok()?;
    let create = ["create", "--dry-run=server", "-n", story.namespace(), "-o", "json", "-f", "-"];
    let pod = testbed::wait_for_some("a pod to be let in", SOON, || async {
        let pod = cluster.kubectl_with_input(create, &labelled("shop").to_string()).await.ok()?.ok().ok()?;
        serde_json::from_str::<Value>(&pod).ok()
    });
    let pod = pod.await?;
    let container = relay_container(&pod).unwrap();
    assert_eq!(container["image"], "registry.example/acs-relay:7");
    // Asked for more than the default limit: the limit follows.
    assert_eq!(container["resources"]["limits"]["memory"], "80Mi");
    let manifest = labelled("shop").to_string();
    let args = ["-f", "-", "--relay", "shop", "-n", story.namespace()];
    let printed = super::command::inject(&args, &manifest, Some(cluster.kubeconfig()));
    let [printed] = super::command::printed(&printed.await?).try_into().unwrap();
    let by_command = cluster.kubectl_with_input(create, &printed.to_string()).await?.ok()?;
    assert_eq!(settled(pod), settled(serde_json::from_str(&by_command)?));
    Ok(())
}
