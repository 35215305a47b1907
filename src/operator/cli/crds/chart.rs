//! What the chart says by hand must agree with the code, and with itself.

use std::collections::BTreeSet;
use std::path::PathBuf;

use acs_core::kinds::Kind;
use serde_json::Value;

fn chart(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../charts/acs-operator").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The schema of the values, with definitions in the place of references to them.
fn schema() -> Value {
    let whole: Value = serde_json::from_str(&chart("values.schema.json")).unwrap();
    inlined(&whole, &whole["definitions"])
}

fn inlined(schema: &Value, definitions: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/definitions/")) {
        return definitions[name].clone();
    }
    match schema {
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), inlined(member, definitions))).collect()
        }
        other => other.clone(),
    }
}

/// Paths of all values. What the schema leaves open is one value.
fn paths(prefix: &str, values: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    for (name, value) in values.as_object().into_iter().flatten() {
        let path = format!("{prefix}.{name}");
        let inner = &schema["properties"][name];
        assert!(!inner.is_null(), "{path} is not in values.schema.json");
        if inner["properties"].is_object() {
            paths(&path, value, inner, found);
        } else {
            found.insert(path);
        }
    }
}

fn schema_paths(prefix: &str, schema: &Value, found: &mut BTreeSet<String>) {
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}.{name}");
        if inner["properties"].is_object() {
            assert_eq!(inner["additionalProperties"], false, "{path}: a typo below it would be ignored");
            schema_paths(&path, inner, found);
        } else {
            found.insert(path);
        }
    }
}

#[test]
fn values_and_their_schema_name_the_same_things() {
    let values: Value = serde_saphyr::from_str(&chart("values.yaml")).unwrap();
    let schema = schema();
    assert_eq!(schema["additionalProperties"], false);
    let (mut ours, mut allowed) = (BTreeSet::new(), BTreeSet::new());
    paths("", &values, &schema, &mut ours);
    schema_paths("", &schema, &mut allowed);
    // Helm hands `global` to every chart.
    allowed.remove(".global");
    assert_eq!(ours, allowed);
    assert_eq!(values["azure"]["serviceAccountNames"], serde_json::json!([acs_wire::DEFAULT_SERVICE_ACCOUNT]));
}

/// helm-docs and readers find a value by the comment above it. Blocks that the schema describes need none of their own.
#[test]
fn every_value_has_its_comment() {
    let values: Value = serde_saphyr::from_str(&chart("values.yaml")).unwrap();
    let schema = schema();
    let mut found = BTreeSet::new();
    paths("", &values, &schema, &mut found);
    let comments = chart("values.yaml").lines().filter(|line| line.trim_start().starts_with("# -- ")).count();
    assert_eq!(comments, found.len(), "one `# --` comment per value");
}

#[test]
fn roles_name_every_kind_and_nothing_by_wildcard() {
    let rules = chart("templates/_rules.tpl");
    let users = chart("templates/rbac-users.yaml");
    for kind in Kind::ALL {
        let plural = kind.plural();
        for name in [plural.to_owned(), format!("{plural}/status")] {
            let named = rules.split([' ', ',', '[', ']', '\n']).any(|word| word == name);
            assert!(named, "templates/_rules.tpl does not name {name}");
        }
        assert!(users.contains(&format!("\"{plural}\"")), "templates/rbac-users.yaml does not name {plural}");
    }
    for file in ["templates/_rules.tpl", "templates/rbac.yaml", "templates/rbac-users.yaml"] {
        let text = chart(file);
        let starred = text.lines().find(|line| line.contains('*') && !line.contains("{{-"));
        assert_eq!(starred, None, "{file} has a wildcard");
    }
    assert!(
        chart("templates/rbac.yaml").contains(&format!("resourceNames: [{}]", acs_wire::MANAGER)),
        "name of the Lease"
    );
}
