//! Reading and writing JSON without panics: absent is `None`, and a write makes the objects on its way.

use serde_json::{Map, Value};

pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |v, step| v.get(step)).filter(|v| !v.is_null())
}

pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path).and_then(Value::as_str)
}

pub(crate) fn put(value: &mut Value, path: &[&str], new: impl Into<Value>) {
    let mut here = value;
    for step in path {
        if !here.is_object() {
            *here = Value::Object(Map::new());
        }
        let Value::Object(map) = here else { return };
        here = map.entry(*step).or_insert(Value::Null);
    }
    *here = new.into();
}

pub(crate) fn remove(value: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut here = value;
    for step in parents {
        let Some(next) = here.get_mut(*step) else { return };
        here = next;
    }
    if let Value::Object(map) = here {
        map.remove(*last);
    }
}

/// Whether lists and objects lie no more than `levels` deep in it.
pub(crate) fn nests_within(value: &Value, levels: usize) -> bool {
    let within = |inner: &Value| levels.checked_sub(1).is_some_and(|less| nests_within(inner, less));
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(within),
        Value::Object(members) => levels > 0 && members.values().all(within),
        _ => true,
    }
}

/// Copies a member when the source has it, and removes it when the source lacks it: what a PUT does.
pub(crate) fn replace(target: &mut Value, source: &Value, path: &[&str]) {
    match at(source, path) {
        Some(new) => put(target, path, new.clone()),
        None => remove(target, path),
    }
}

/// Copies a member only when the source names it: what a PATCH does. Explicit null removes.
pub(crate) fn merge(target: &mut Value, source: &Value, path: &[&str]) {
    match path.iter().try_fold(source, |v, step| v.get(step)) {
        None => {}
        Some(Value::Null) => remove(target, path),
        Some(new) => put(target, path, new.clone()),
    }
}
