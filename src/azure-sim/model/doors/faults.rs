//! `faults`: placing them, seeing that they struck, taking them away.

use serde_json::{Value, json};

use super::super::faults::{Fault, KEYS};
use super::super::message::Request;
use super::super::world::World;
use super::{Opened, bad};

pub(super) fn enter(world: &mut World, request: &Request, rest: &[&str], body: &Value) -> Opened {
    match (request.method.as_str(), rest) {
        ("GET", []) => shown(world, request.query()),
        ("GET", ["keys"]) => Ok(json!({"keys": KEYS.as_slice()})),
        ("POST", []) => place(world, body),
        ("DELETE", []) => {
            world.clear_faults();
            Ok(json!({}))
        }
        ("DELETE", [id]) => {
            world.remove_fault(id.parse().map_err(|_| bad("the number of a fault was expected"))?);
            Ok(json!({}))
        }
        _ => Err((404, format!("no such door: {} {}", request.method, request.path))),
    }
}

fn shown(world: &World, query: &str) -> Opened {
    let (mut unfired, mut label) = (false, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match (&*name, &*value) {
            ("unfired", "" | "true") => unfired = true,
            ("unfired", "false") => unfired = false,
            ("unfired", other) => return Err(bad(format!("'unfired': '{other}' is neither true nor false"))),
            ("label", _) => label = Some(value.into_owned()),
            _ => return Err(bad(format!("there is no '{name}'; there are unfired, label"))),
        }
    }
    let asked = world
        .faults
        .placed
        .iter()
        .filter(|placed| (!unfired || placed.hits == 0) && (label.is_none() || placed.fault.label == label));
    Ok(json!({"faults": asked.collect::<Vec<_>>()}))
}

fn place(world: &mut World, body: &Value) -> Opened {
    let fault: Fault = serde_json::from_value(body.clone()).map_err(|e| bad(e.to_string()))?;
    fault.check().map_err(bad)?;
    let placed = world.place_faults(vec![fault]).map_err(bad)?;
    Ok(json!({"id": placed.first()}))
}

/// A body that says it is YAML.
pub(super) fn is_script(request: &Request) -> bool {
    let kind = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
    request.method == "POST" && kind.split(';').next().unwrap_or_default().trim_end().ends_with("yaml")
}

/// Places all that a script says, or nothing.
pub(super) fn run(world: &mut World, request: &Request) -> Opened {
    let yaml = std::str::from_utf8(&request.body).map_err(|error| bad(format!("the body is not UTF-8: {error}")))?;
    let faults = Fault::script(yaml).map_err(bad)?;
    Ok(json!({"ids": world.place_faults(faults).map_err(bad)?}))
}
