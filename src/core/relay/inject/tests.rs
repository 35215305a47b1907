use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("relay/golden")
}

fn shop() -> Injection {
    let image = RelayImage { image: "registry.example/acs-relay:1".into(), pull_policy: "IfNotPresent".into() };
    injection("shop", None, &image)
}

fn labelled() -> Value {
    json!({"metadata": {"labels": {LABEL: "shop"}}, "spec": {"containers": [{"name": "app"}]}})
}

fn done(pod: Value) -> Value {
    match inject(pod, "shop", &shop()).unwrap() {
        Injected::Done(pod) => pod,
        other @ Injected::Already(..) => panic!("{other:?}"),
    }
}

/// Inputs are written by hand; `*.injected.yaml` beside them are made from the code, for the policy to agree with.
fn cases() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(golden()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".yaml") && !name.ends_with(".injected.yaml") && name != "injection.yaml" {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((name.trim_end_matches(".yaml").to_owned(), serde_saphyr::from_str(&text).unwrap()));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[test]
fn generated_golden_files_are_up_to_date() {
    let mut files = vec![(
        "injection".to_owned(),
        json!({"revision": shop().revision, "container": shop().container, "volumes": shop().volumes}),
    )];
    for (name, input) in cases() {
        let injected = match inject_document(input.clone(), "shop", &shop(), Selection::Labelled).unwrap() {
            Found::Injected(injected) => injected,
            Found::Already(_) => input,
            other => panic!("{name}: {other:?}"),
        };
        files.push((format!("{name}.injected"), injected));
    }
    assert!(files.len() > 10, "the golden files were not found");
    let mut stale = Vec::new();
    for (name, value) in files {
        let path = golden().join(format!("{name}.yaml"));
        let there = std::fs::read_to_string(&path).ok().map(|text| serde_saphyr::from_str::<Value>(&text).unwrap());
        if there.as_ref() == Some(&value) {
            continue;
        }
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(&path, serde_saphyr::to_string(&value).unwrap()).unwrap();
        } else {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "run `make generate` and commit: {stale:?}");
}

#[test]
fn what_was_injected_is_left_alone() {
    for (name, input) in cases() {
        let Found::Injected(once) = inject_document(input, "shop", &shop(), Selection::Labelled).unwrap() else {
            assert_eq!(name, "pod-already-injected");
            continue;
        };
        let again = inject_document(once, "shop", &shop(), Selection::Labelled).unwrap();
        assert_eq!(again, Found::Already(Some(shop().revision)), "{name}");
    }
    let as_app = json!({"metadata": {"labels": {LABEL: "shop"}}, "spec": {"containers": [{"name": CONTAINER}]}});
    assert_eq!(inject(as_app.clone(), "shop", &shop()), Ok(Injected::Already(as_app, None)));
}

#[test]
fn the_relay_comes_first_and_its_volumes_last() {
    let mut pod = labelled();
    pod["spec"]["initContainers"] = json!([{"name": "migrate"}]);
    pod["spec"]["volumes"] = json!([{"name": "cache", "emptyDir": {}}]);
    let pod = done(pod);
    assert_eq!(pod["spec"]["initContainers"][0]["name"], CONTAINER);
    assert_eq!(pod["spec"]["initContainers"][1]["name"], "migrate");
    assert_eq!(pod["spec"]["volumes"][0]["name"], "cache");
    assert_eq!(pod["spec"]["volumes"].as_array().unwrap().len(), 1 + shop().volumes.len());
    assert_eq!(pod["metadata"]["annotations"][ANNOTATION_REVISION], shop().revision);
}

/// Templating tools write nulls where they have nothing.
#[test]
fn null_is_as_good_as_absent() {
    let mut pod = labelled();
    pod["metadata"]["annotations"] = Value::Null;
    pod["spec"]["initContainers"] = Value::Null;
    pod["spec"]["volumes"] = Value::Null;
    assert_eq!(done(pod), done(labelled()));
}

#[test]
fn a_pod_that_cannot_take_it_is_refused_with_the_reason() {
    let mut pod = labelled();
    pod["spec"]["volumes"] = json!([{"name": "acs-relay-push", "emptyDir": {}}]);
    assert_eq!(inject(pod, "shop", &shop()), Err(Unfit::VolumeTaken("acs-relay-push".into())));
    assert_eq!(inject(labelled(), "other", &shop()), Err(Unfit::OtherRelay("shop".into())));
    for odd in [
        json!([]),
        json!("pod"),
        json!({"spec": {}}),
        json!({"spec": {"containers": {}}}),
        json!({"metadata": 1, "spec": {"containers": []}}),
        json!({"spec": {"containers": [], "volumes": "all"}}),
    ] {
        assert!(matches!(inject(odd.clone(), "shop", &shop()), Err(Unfit::Malformed(_))), "{odd}");
    }
}

#[test]
fn only_what_is_labelled_is_meant_unless_all_are() {
    let deployment = |labels: Value, own: Value| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"labels": own},
            "spec": {"template": {"metadata": {"labels": labels}, "spec": {"containers": []}}}})
    };
    let found = |document: Value, selection| inject_document(document, "shop", &shop(), selection).unwrap();
    let bare = deployment(json!({}), json!({}));
    assert_eq!(found(bare.clone(), Selection::Labelled), Found::Unlabelled { misplaced: false });
    let wrong = deployment(json!({}), json!({LABEL: "shop"}));
    assert_eq!(found(wrong, Selection::Labelled), Found::Unlabelled { misplaced: true });
    let other = deployment(json!({LABEL: "other"}), json!({}));
    assert_eq!(found(other.clone(), Selection::Labelled), Found::OtherRelay("other".into()));
    assert_eq!(found(other, Selection::All), Found::OtherRelay("other".into()));
    let Found::Injected(all) = found(bare, Selection::All) else { panic!("--all passed it by") };
    assert_eq!(all["spec"]["template"]["metadata"]["labels"][LABEL], "shop");
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"labels": {LABEL: "shop"}}});
    assert_eq!(found(service, Selection::All), Found::NoPods);
}

#[test]
fn the_revision_follows_what_a_pod_is_given() {
    let image = RelayImage { image: "registry.example/acs-relay:2".into(), pull_policy: "IfNotPresent".into() };
    let mut revisions = vec![shop().revision, injection("shop", None, &image).revision];
    revisions.push(injection("other", None, &image).revision);
    let more = serde_json::from_value(json!({"limits": {"memory": "1Gi"}})).unwrap();
    revisions.push(injection("shop", Some(&more), &image).revision);
    let count = revisions.len();
    revisions.sort();
    revisions.dedup();
    assert_eq!(revisions.len(), count);
    assert_eq!(shop().revision, shop().revision);
}

#[test]
fn resources_are_what_was_asked_for_and_defaults_that_fit_it() {
    let image = RelayImage { image: "i".into(), pull_policy: "Always".into() };
    let of = |wanted: Value| {
        let wanted = serde_json::from_value(wanted).unwrap();
        injection("shop", Some(&wanted), &image).container["resources"].clone()
    };
    let defaults = json!({"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}});
    assert_eq!(of(json!({})), defaults);
    assert_eq!(injection("shop", None, &image).container["resources"], defaults);
    let both = json!({"requests": {"cpu": "1", "memory": "16Mi"}, "limits": {"memory": "1Gi"}});
    assert_eq!(of(json!({"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}})), both);
    // The API server refuses a request over its limit.
    let large = json!({"requests": {"cpu": "10m", "memory": "0.5G"}, "limits": {"memory": "0.5G"}});
    assert_eq!(of(json!({"requests": {"memory": "0.5G"}})), large);
    let small = json!({"requests": {"cpu": "5m", "memory": "8000k"}, "limits": {"cpu": "5m", "memory": "8000k"}});
    assert_eq!(of(json!({"limits": {"cpu": "5m", "memory": "8000k"}})), small);
}

/// What a Deployment of relays relies on: nothing in the container knows which pod it is in.
#[test]
fn every_mount_has_its_volume_and_every_volume_its_mount() {
    let of = |list: &Value| {
        let mut names: Vec<String> = list.as_array().unwrap().iter().map(|one| name_of(one).to_owned()).collect();
        names.sort();
        names
    };
    let injection = shop();
    assert_eq!(of(&injection.container["volumeMounts"]), of(&json!(injection.volumes)));
}
