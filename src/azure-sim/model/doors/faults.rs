//! `faults`: placing them, seeing that they struck, taking them away.

use serde_json::{Value, json};

use super::super::faults::{Fault, MOST};
use super::super::message::Request;
use super::super::world::World;
use super::{Opened, bad};

pub(super) fn enter(world: &mut World, request: &Request, rest: &[&str], body: &Value) -> Opened {
    match (request.method.as_str(), rest) {
        ("GET", []) => shown(world, request.query()),
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
    if world.faults.placed.len() >= MOST {
        return Err(bad(format!("there are {MOST} faults already: remove some first")));
    }
    Ok(json!({"id": world.place_fault(fault)}))
}
