//! Changes to an installation by JSON Patch (RFC 6902), as far as the service documents it: `add`, `remove`, `replace`.
//!
//! Two things differ from the RFC. `add` on tags adds to those that are there. And a value may be a text that holds JSON,
//! as the .NET SDK can send nothing else.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::json;

/// Changes in one request (the simulator's own bound).
const MOST: usize = 100;

#[derive(Deserialize)]
struct Change {
    op: String,
    path: String,
    #[serde(default)]
    value: Value,
}

/// Applies the changes to what was sent before; the result is checked by whoever reads it.
pub(super) fn apply(source: &mut Value, body: &[u8]) -> Result<(), String> {
    let changes: Vec<Change> =
        serde_json::from_slice(body).map_err(|_| "The body is no list of changes of JSON Patch.".to_owned())?;
    if changes.is_empty() || changes.len() > MOST {
        return Err(format!("A patch has 1 to {MOST} changes."));
    }
    changes.into_iter().try_for_each(|change| one(source, change))
}

fn one(source: &mut Value, change: Change) -> Result<(), String> {
    let path = pointer(&change.path)?;
    let steps: Vec<&str> = path.iter().map(String::as_str).collect();
    check_path(&steps, &change.path)?;
    match change.op.to_ascii_lowercase().as_str() {
        "add" if steps.last() == Some(&"tags") => add_tags(source, &steps, change.value),
        // Semantically remove and add (documented).
        "add" | "replace" => {
            let value = if steps == ["userId"] || steps.last() == Some(&"pushChannel") || steps.last() == Some(&"body")
            {
                change.value
            } else {
                unwrapped(change.value)
            };
            let value = if steps.last() == Some(&"tags") { as_list(value)? } else { value };
            put(source, &steps, value)
        }
        "remove" => remove(source, &steps),
        other => Err(format!("The operation '{other}' is not add, remove or replace.")),
    }
}

/// The steps of a JSON pointer.
fn pointer(path: &str) -> Result<Vec<String>, String> {
    let rest = path.strip_prefix('/').ok_or("A path begins with '/'.")?;
    Ok(rest.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

/// Only what the client may write.
fn check_path(steps: &[&str], path: &str) -> Result<(), String> {
    let template = |rest: &[&str]| matches!(rest, [_] | [_, "body" | "headers" | "expiry" | "tags"] | [_, "tags", _]);
    let fits = match steps {
        ["pushChannel" | "userId" | "tags" | "templates" | "pushVariables" | "secondaryTiles"] => true,
        ["tags" | "pushVariables", _] => true,
        ["templates", rest @ ..] => template(rest),
        ["secondaryTiles", _] | ["secondaryTiles", _, "pushChannel" | "tags" | "templates"] => true,
        ["secondaryTiles", _, "tags", _] => true,
        ["secondaryTiles", _, "templates", rest @ ..] => template(rest),
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("The path '{path}' is none that can be changed.")) }
}

/// A text that holds an object or a list is what it holds.
fn unwrapped(value: Value) -> Value {
    let inner = value.as_str().filter(|text| text.trim_start().starts_with(['{', '[']));
    match inner.and_then(|text| serde_json::from_str(text).ok()) {
        Some(inner) => inner,
        None => value,
    }
}

fn as_list(value: Value) -> Result<Value, String> {
    match value {
        Value::Array(_) => Ok(value),
        Value::String(_) => Ok(Value::Array(vec![value])),
        _ => Err("The value of tags is a text, or a list of them.".into()),
    }
}

fn add_tags(source: &mut Value, steps: &[&str], value: Value) -> Result<(), String> {
    let Value::Array(added) = as_list(unwrapped(value))? else { return Ok(()) };
    let mut tags = match json::at(source, steps) {
        Some(Value::Array(tags)) => tags.clone(),
        _ => Vec::new(),
    };
    for tag in added {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    put(source, steps, Value::Array(tags))
}

fn put(source: &mut Value, steps: &[&str], value: Value) -> Result<(), String> {
    // A tag by its name: `/tags/{tag}`.
    if let Some((tag, list @ [.., "tags"])) = steps.split_last() {
        return add_tags(source, list, Value::String((*tag).to_owned()));
    }
    let top = steps.len() == 1;
    let parent = steps.split_last().map_or(&[][..], |(_, parent)| parent);
    // What lies inside a template or a tile needs that first; the lists of them come to be by themselves.
    if !top && parent.len() > 1 && json::at(source, parent).is_none() && parent.last() != Some(&"templates") {
        return Err("The path leads into something that the installation does not have.".into());
    }
    json::put(source, steps, value);
    Ok(())
}

fn remove(source: &mut Value, steps: &[&str]) -> Result<(), String> {
    if let Some((tag, list @ [.., "tags"])) = steps.split_last() {
        if let Some(Value::Array(tags)) = json::at(source, list).cloned() {
            let rest: Vec<Value> = tags.into_iter().filter(|t| t != *tag).collect();
            // With its last element the whole list goes (documented).
            if rest.is_empty() { json::remove(source, list) } else { json::put(source, list, rest) }
        }
        return Ok(());
    }
    json::remove(source, steps);
    // An empty dictionary is as good as none.
    if let Some((_, parent)) = steps.split_last()
        && json::at(source, parent).is_some_and(|p| p.as_object().is_some_and(Map::is_empty))
        && !parent.is_empty()
    {
        json::remove(source, parent);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(source: Value, changes: Value) -> Result<Value, String> {
        let mut source = source;
        apply(&mut source, changes.to_string().as_bytes())?;
        Ok(source)
    }

    #[test]
    fn tags_are_added_one_by_one_or_as_a_list_and_removed_by_name() {
        let add = |value: Value| json!({"op": "add", "path": "/tags", "value": value});
        let one = patched(json!({}), json!([add(json!("a")), add(json!(["b", "a"])), add(json!("[\"c\"]"))]));
        assert_eq!(one, Ok(json!({"tags": ["a", "b", "c"]})));
        let removed = patched(json!({"tags": ["a", "b"]}), json!([{"op": "remove", "path": "/tags/a"}]));
        assert_eq!(removed, Ok(json!({"tags": ["b"]})));
        let last = patched(json!({"tags": ["a"]}), json!([{"op": "remove", "path": "/tags/a"}]));
        assert_eq!(last, Ok(json!({})));
        let replaced = patched(json!({"tags": ["a"]}), json!([{"op": "replace", "path": "/tags", "value": ["x"]}]));
        assert_eq!(replaced, Ok(json!({"tags": ["x"]})));
    }

    #[test]
    fn templates_change_whole_or_in_part_and_as_texts_of_json() {
        let whole = json!([{"op": "add", "path": "/templates/t", "value": "{\"body\":\"{}\"}"}]);
        assert_eq!(patched(json!({}), whole), Ok(json!({"templates": {"t": {"body": "{}"}}})));
        let source = json!({"templates": {"t": {"body": "{}"}}});
        let body = json!([{"op": "replace", "path": "/templates/t/body", "value": "{\"aps\":{}}"}]);
        assert_eq!(patched(source.clone(), body), Ok(json!({"templates": {"t": {"body": "{\"aps\":{}}"}}})));
        assert_eq!(patched(source, json!([{"op": "remove", "path": "/templates/t"}])), Ok(json!({})));
        let missing = json!([{"op": "add", "path": "/templates/none/body", "value": "{}"}]);
        assert!(patched(json!({}), missing).is_err());
    }

    #[test]
    fn the_user_the_channel_and_variables_change() {
        let changes = json!([
            {"op": "add", "path": "/userId", "value": "{ada}"},
            {"op": "replace", "path": "/pushChannel", "value": "x"},
            {"op": "add", "path": "/pushVariables/a~1b", "value": "1"},
        ]);
        let expected = json!({"userId": "{ada}", "pushChannel": "x", "pushVariables": {"a/b": "1"}});
        assert_eq!(patched(json!({"userId": "bob"}), changes), Ok(expected));
        let removed = patched(json!({"userId": "bob"}), json!([{"op": "remove", "path": "/userId"}]));
        assert_eq!(removed, Ok(json!({})));
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for wrong in [
            json!({}),
            json!([]),
            json!([{"op": "move", "path": "/tags", "from": "/x"}]),
            json!([{"op": "add", "path": "tags", "value": "x"}]),
            json!([{"op": "add", "path": "/platform", "value": "wns"}]),
            json!([{"op": "add", "path": "/templates/a/b/c", "value": "x"}]),
            json!([{"op": "add", "path": "/tags", "value": 1}]),
            json!(vec![json!({"op": "remove", "path": "/tags"}); 101]),
        ] {
            assert!(patched(json!({}), wrong.clone()).is_err(), "{wrong}");
        }
    }
}
