use std::path::PathBuf;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

use super::{document, file_name, published, template};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn schema(crd: &CustomResourceDefinition) -> &JSONSchemaProps {
    crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap()
}

/// Calls `visit` with the path and schema of every node below `node`, itself included.
fn walk<'a>(path: &str, node: &'a JSONSchemaProps, visit: &mut dyn FnMut(&str, &'a JSONSchemaProps)) {
    visit(path, node);
    for (name, child) in node.properties.iter().flatten() {
        walk(&format!("{path}.{name}"), child, visit);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &node.items {
        walk(&format!("{path}[]"), item, visit);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &node.additional_properties {
        walk(&format!("{path}.*"), value, visit);
    }
}

/// Everything that is committed and made from the code.
fn generated() -> Vec<(PathBuf, String)> {
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for crd in published() {
        files.push((PathBuf::from("crds").join(file_name(&crd)), document(&crd).unwrap()));
        files
            .push((PathBuf::from("charts/acs-operator/templates/crds").join(file_name(&crd)), template(&crd).unwrap()));
    }
    let reference = PathBuf::from("docs/reference");
    files.extend(crate::cli::reference::pages().into_iter().map(|(name, text)| (reference.join(name), text)));
    files
}

#[test]
fn generated_files_are_up_to_date() {
    let rewrite = std::env::var_os("UPDATE_GENERATED").is_some();
    let mut stale = Vec::new();
    for (path, text) in generated() {
        let full = root().join(&path);
        if std::fs::read_to_string(&full).ok().as_deref() == Some(text.as_str()) {
            continue;
        }
        if rewrite {
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(&full, text).unwrap();
        } else {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "run `make generate` and commit: {stale:?}");
    let expected: Vec<String> = published().iter().map(file_name).collect();
    for directory in ["crds", "charts/acs-operator/templates/crds"] {
        for entry in std::fs::read_dir(root().join(directory)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(expected.contains(&name), "{directory}/{name} belongs to no kind");
        }
    }
}

#[test]
fn yaml_reads_back_as_what_was_written() {
    for crd in published() {
        let read: serde_json::Value = serde_saphyr::from_str(&document(&crd).unwrap()).unwrap();
        let read: CustomResourceDefinition = serde_json::from_value(read).unwrap();
        assert_eq!(read, crd);
    }
}

#[test]
fn every_field_is_described() {
    for crd in published() {
        let mut bare = Vec::new();
        walk(&crd.spec.names.kind, schema(&crd), &mut |path, node| {
            let element = path.ends_with("[]") || path.ends_with(".*");
            let described = node.description.as_deref().is_some_and(|text| text.trim().len() > 3);
            if !element && !described {
                bare.push(path.to_owned());
            }
        });
        assert!(bare.is_empty(), "without a description: {bare:?}");
    }
}

#[test]
fn every_crd_fits_into_the_annotation_of_client_side_apply() {
    for crd in published() {
        let size = document(&crd).unwrap().len();
        assert!(size < 200_000, "{} takes {size} bytes", crd.spec.names.kind);
    }
}

#[test]
fn status_starts_as_not_yet_observed() {
    for crd in published() {
        let status = &schema(&crd).properties.as_ref().unwrap()["status"];
        assert_eq!(status.default.as_ref().unwrap().0, serde_json::json!({"observedGeneration": -1}));
        assert!(crd.spec.versions[0].subresources.as_ref().unwrap().status.is_some());
    }
}

/// The derive macro drops rules that are misspelt, without a word, so each one is counted at its place.
#[test]
fn every_rule_reaches_the_crd() {
    let expected = [
        ("AzureAccount", vec![("", 1), (".spec", 1), (".spec.identity", 2)]),
        ("NotificationHubNamespace", vec![("", 1), (".spec", 4)]),
        ("NotificationHub", vec![("", 1), (".spec", 3), (".spec.accessPolicies[]", 2), (".spec.credentials.apns", 1)]),
        (
            "CommunicationService",
            vec![("", 1), (".spec", 4), (".spec.systemTopic", 1), (".spec.systemTopic.identity", 2)],
        ),
        (
            "EventRelay",
            vec![
                ("", 1),
                (".spec", 2),
                (".spec.placement", 1),
                (".spec.reachability", 3),
                (".spec.reachability.httpRoute.parentRefs", 1),
                (".spec.routes[].target", 1),
            ],
        ),
        (
            "EventSubscription",
            vec![
                ("", 1),
                (".spec", 5),
                (".spec.advancedFilters", 1),
                (".spec.advancedFilters[]", 5),
                (".spec.advancedFilters[].ranges[]", 1),
                (".spec.deadLetter", 1),
                (".spec.deadLetter.identity", 2),
                (".spec.deadLetter.storageBlob", 1),
                (".spec.deliveryAttributes", 1),
                (".spec.deliveryAttributes[]", 3),
                (".spec.deliveryAttributes[].static", 1),
                (".spec.deliveryIdentity", 2),
                (".spec.destination", 14),
                (".spec.destination.webHook", 1),
            ],
        ),
    ];
    for (crd, (kind, expected)) in published().iter().zip(expected) {
        let mut found = Vec::new();
        walk("", schema(crd), &mut |path, node| {
            let rules = node.x_kubernetes_validations.iter().flatten();
            let count =
                rules.inspect(|rule| assert!(rule.message.is_some(), "{kind}{path}: a rule without a message")).count();
            if count > 0 {
                found.push((path.to_owned(), count));
            }
        });
        let expected: Vec<(String, usize)> =
            expected.into_iter().map(|(path, count)| (path.to_owned(), count)).collect();
        assert_eq!((crd.spec.names.kind.as_str(), found), (kind, expected));
    }
}

/// The sources are searched too, so that a rule added there without a line above is missed by neither.
#[test]
fn every_rule_in_the_sources_is_counted() {
    for crd in published() {
        let source = match crd.spec.names.kind.as_str() {
            "AzureAccount" => include_str!("../../../core/kinds/account.rs"),
            "NotificationHubNamespace" => include_str!("../../../core/kinds/namespace.rs"),
            "NotificationHub" => include_str!("../../../core/kinds/hub.rs"),
            "CommunicationService" => {
                concat!(include_str!("../../../core/kinds/service.rs"), include_str!("../../../core/kinds/identity.rs"))
            }
            "EventRelay" => include_str!("../../../core/kinds/relay.rs"),
            _ => concat!(
                include_str!("../../../core/kinds/subscription/mod.rs"),
                include_str!("../../../core/kinds/subscription/filter.rs"),
                include_str!("../../../core/kinds/subscription/delivery.rs"),
                include_str!("../../../core/kinds/subscription/destination.rs"),
                include_str!("../../../core/kinds/identity.rs"),
            ),
        };
        // One of a type that stands in several places is written once.
        let mut rendered = std::collections::BTreeSet::new();
        walk("", schema(&crd), &mut |_, node| {
            let rules = node.x_kubernetes_validations.iter().flatten();
            rendered.extend(rules.map(|rule| (rule.rule.clone(), rule.message.clone())));
        });
        assert_eq!(rendered.len(), source.matches("Rule::new(").count(), "{}", crd.spec.names.kind);
    }
}

#[test]
fn nothing_may_be_null() {
    for crd in published() {
        walk("", schema(&crd), &mut |path, node| {
            assert_ne!(node.nullable, Some(true), "{}{path}", crd.spec.names.kind)
        });
    }
}

#[test]
fn lists_say_how_they_merge_and_short_names_are_unique() {
    let mut short = std::collections::BTreeSet::new();
    for crd in published() {
        walk("", schema(&crd), &mut |path, node| {
            let merges = node.x_kubernetes_list_type.is_some();
            let of_user = path.starts_with(".spec") && node.type_.as_deref() == Some("array");
            assert!(!of_user || (merges && node.max_items.is_some()), "{}{path}", crd.spec.names.kind);
        });
        for name in crd.spec.names.short_names.iter().flatten() {
            assert!(name.len() >= 3 && short.insert(name.clone()), "short name {name}");
        }
        assert_eq!(crd.spec.names.categories.as_deref(), Some(["acs".to_owned()].as_slice()));
    }
}
