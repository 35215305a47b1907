//! `acs-operator reference`: the kinds, their conditions and their reasons as Markdown.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use acs_core::reason::{ConditionType, Reason};
use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

const GENERATED: &str = "<!-- Generated from the Rust types by `make generate`. Do not edit. -->\n\n";

/// Prints the reference, or writes its pages into a directory.
///
/// # Errors
/// When a file or stdout cannot be written.
pub fn print(output: Option<&Path>) -> Result<()> {
    if let Some(directory) = output {
        std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    }
    for (name, text) in pages() {
        match output {
            Some(directory) => {
                let path = directory.join(name);
                std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
            }
            None => std::io::stdout().write_all(text.as_bytes()).context("writing to stdout")?,
        }
    }
    Ok(())
}

/// The pages: name of the file, text.
pub fn pages() -> Vec<(&'static str, String)> {
    vec![("kinds.md", kinds()), ("reasons.md", reasons())]
}

fn reasons() -> String {
    let mut page = format!("{GENERATED}# Conditions and reasons\n\n");
    page.push_str(
        "Every object has `status.conditions`. `Ready` sums up the rest. `Reconciling` and `Stalled` are there only while they are\n\
         true. The other types are one per step. What to do in detail: [troubleshooting](../troubleshooting.md).\n\n",
    );
    page.push_str("## Types of conditions\n\n| Type | Meaning |\n|---|---|\n");
    for condition in ConditionType::ALL {
        row(&mut page, &[&format!("`{condition}`"), condition.meaning()]);
    }
    page.push_str("\n## Reasons\n\n| Reason | Meaning |\n|---|---|\n");
    for reason in Reason::ALL {
        row(&mut page, &[&format!("`{reason}`"), reason.meaning()]);
    }
    page
}

fn kinds() -> String {
    let all = super::crds::published();
    let mut page = format!("{GENERATED}# Kinds\n\n");
    page.push_str(
        "`kubectl explain` shows the same on a cluster. `[]` stands for one item of a list, `*` for any key of a map. A field that is\n\
         *required* is so only when the object around it is given.\n\n",
    );
    page.push_str("| Kind | Short name | Plural |\n|---|---|---|\n");
    for crd in &all {
        let names = &crd.spec.names;
        let short = names.short_names.iter().flatten().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let link = format!("[{}](#{})", names.kind, names.kind.to_lowercase());
        row(&mut page, &[&link, &short, &format!("`{}`", names.plural)]);
    }
    for crd in &all {
        kind(&mut page, crd);
    }
    page
}

fn kind(page: &mut String, crd: &CustomResourceDefinition) {
    for version in &crd.spec.versions {
        let Some(schema) = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref()) else {
            continue;
        };
        let spec = schema.properties.as_ref().and_then(|properties| properties.get("spec"));
        let about = spec.and_then(|spec| spec.description.as_deref()).unwrap_or_default();
        _ = write!(page, "\n## {}\n\n`{}/{}`\n\n{about}\n", crd.spec.names.kind, crd.spec.group, version.name);
        let selectable: Vec<String> =
            version.selectable_fields.iter().flatten().map(|field| format!("`{}`", field.json_path)).collect();
        if !selectable.is_empty() {
            _ = write!(page, "\nField selectors: {}.\n", selectable.join(", "));
        }
        for part in ["spec", "status"] {
            let Some(node) = schema.properties.as_ref().and_then(|properties| properties.get(part)) else { continue };
            _ = write!(page, "\n### {} {part}\n\n", crd.spec.names.kind);
            page.push_str("| Field | Type | Default | Limits | Description |\n|---|---|---|---|---|\n");
            fields(page, part, node);
            rules(page, part, node);
        }
        let own: Vec<String> = rule_lines("", schema, false);
        if !own.is_empty() {
            _ = write!(page, "\nRules on the whole object:\n\n{}\n", own.join("\n"));
        }
    }
}

fn fields(page: &mut String, path: &str, node: &JSONSchemaProps) {
    let required = node.required.as_deref().unwrap_or_default();
    for (name, child) in node.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        let default = match &child.default {
            Some(value) => format!("`{}`", value.0),
            None if required.contains(name) => "*required*".to_owned(),
            None => String::new(),
        };
        let about = child.description.as_deref().unwrap_or_default();
        row(page, &[&format!("`{path}`"), &type_of(child), &default, &limits(child), about]);
        inner(page, &path, child);
    }
}

fn inner(page: &mut String, path: &str, node: &JSONSchemaProps) {
    fields_of(page, path, node);
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &node.items {
        fields_of(page, &format!("{path}[]"), item);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &node.additional_properties {
        fields_of(page, &format!("{path}.*"), value);
    }
}

fn fields_of(page: &mut String, path: &str, node: &JSONSchemaProps) {
    if node.properties.is_some() {
        fields(page, path, node);
    }
}

fn rules(page: &mut String, path: &str, node: &JSONSchemaProps) {
    let lines = rule_lines(path, node, true);
    if !lines.is_empty() {
        _ = write!(page, "\nRules:\n\n{}\n", lines.join("\n"));
    }
}

fn rule_lines(path: &str, node: &JSONSchemaProps, deep: bool) -> Vec<String> {
    let place = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
    let own = node.x_kubernetes_validations.iter().flatten();
    let mut lines: Vec<String> =
        own.map(|rule| format!("- {place}{}.", rule.message.as_deref().unwrap_or(&rule.rule))).collect();
    if deep {
        for (name, child) in node.properties.iter().flatten() {
            lines.extend(rule_lines(&format!("{path}.{name}"), child, true));
        }
        if let Some(JSONSchemaPropsOrArray::Schema(item)) = &node.items {
            lines.extend(rule_lines(&format!("{path}[]"), item, true));
        }
    }
    lines
}

fn type_of(node: &JSONSchemaProps) -> String {
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &node.items {
        return format!("list of {}", type_of(item));
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &node.additional_properties {
        return format!("map of {}", type_of(value));
    }
    match &node.enum_ {
        Some(values) => values
            .iter()
            .map(|value| format!("`{}`", value.0.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(" or "),
        None if node.x_kubernetes_int_or_string == Some(true) => "integer or string".to_owned(),
        None => node.type_.clone().unwrap_or_default(),
    }
}

fn limits(node: &JSONSchemaProps) -> String {
    let own = [
        range(node.min_length, node.max_length).map(|range| format!("{range} characters")),
        range(whole(node.minimum), whole(node.maximum)),
        range(node.min_items, node.max_items).map(|range| format!("{range} items")),
        range(None, node.max_properties).map(|range| format!("{range} entries")),
        node.pattern.as_ref().filter(|pattern| pattern.as_str() != "^.*$").map(|pattern| format!("`{pattern}`")),
    ];
    let mut limits: Vec<String> = own.into_iter().flatten().collect();
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &node.items {
        let each = self::limits(item);
        if !each.is_empty() {
            limits.push(format!("each: {each}"));
        }
    }
    limits.join("; ")
}

/// schemars writes whole bounds as floats.
fn whole(bound: Option<f64>) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "every bound in the CRDs is a whole number below 2^53")]
    bound.map(|bound| bound as i64)
}

fn range(from: Option<i64>, to: Option<i64>) -> Option<String> {
    match (from, to) {
        (None, None) => None,
        (Some(from), Some(to)) if from == to => Some(from.to_string()),
        (Some(from), Some(to)) => Some(format!("{from} to {to}")),
        (Some(from), None) => Some(format!("{from} or more")),
        (None, Some(to)) => Some(format!("up to {to}")),
    }
}

/// A cell may hold neither a line break nor a bare bar.
fn row(page: &mut String, cells: &[&str]) {
    page.push('|');
    for cell in cells {
        let text = cell.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        _ = write!(page, " {text} |");
    }
    page.push('\n');
}
