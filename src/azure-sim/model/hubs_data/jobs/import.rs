//! Imports: each line of the file is one registration in XML. What was done, and what was not, is written line by line.

use super::super::super::world::World;
use super::super::super::xml::{Element, Out};
use super::super::description::{self, Description};
use super::super::registrations::expiry;
use super::super::store::Registration;
use super::super::{quota, tags};
use super::Kind;

/// Lines of one file (the simulator's own bound).
const LINES: usize = 10_000;

/// The two files: `{line},{registration}` and `{line},{reason}`.
pub(super) fn run(world: &mut World, hub: &str, kind: Kind, lines: &str) -> (String, String) {
    let (mut output, mut failed) = (String::new(), String::new());
    let full = lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (number, line) in full.take(LINES) {
        match one(world, hub, kind, line) {
            Ok(registration) => {
                let mut out = Out::new();
                description::write(&registration, &mut out);
                let text = String::from_utf8_lossy(&out.finish()).replace(['\r', '\n'], " ");
                output.push_str(&format!("{},{text}\n", number + 1));
            }
            Err(why) => failed.push_str(&format!("{},{why}\n", number + 1)),
        }
    }
    (output, failed)
}

fn one(world: &mut World, hub: &str, kind: Kind, line: &str) -> Result<Registration, String> {
    let element = Element::parse(line).map_err(|why| format!("The line is refused: {why}."))?;
    let now = world.now();
    let id = element.value("RegistrationId").map(|id| id.trim().to_owned());
    // What is created gets an id of its own, whatever the line says (unverified).
    let named = id.as_ref().filter(|_| kind != Kind::ImportCreateRegistrations);
    let known = named.and_then(|id| world.telephony.hub(hub).registration(id, now).cloned());
    if kind == Kind::ImportDeleteRegistrations {
        let known = known.ok_or("There is no registration of that id.")?;
        world.telephony.hub(hub).remove(&known.id);
        return Ok(known);
    }
    if kind == Kind::ImportUpdateRegistrations && known.is_none() {
        return Err("There is no registration of that id.".into());
    }
    if known.as_ref().is_some_and(|r| r.installation.is_some()) {
        return Err("The registration is one of an installation.".into());
    }
    // An export has it; it follows from the hub.
    let mut described = element;
    described.children.retain(|child| child.name != "ExpirationTime");
    let Description { channel, tags, variables, tile, template } =
        Description::read(&described).map_err(|refused| refused.detail)?;
    quota::room(world, hub, &[&channel]).map_err(|refused| refused.detail)?;
    let id = match (kind, id) {
        (Kind::ImportCreateRegistrations, _) | (_, None) => world.telephony.registration_id(),
        (_, Some(id)) if id.len() <= 256 && id.chars().all(tags::of_user) => id,
        _ => return Err("The RegistrationId has characters that none may have.".into()),
    };
    world.telephony.meet(hub, "", &channel);
    let version = known.map_or(1, |r| r.version + 1);
    let expires = expiry(world, hub);
    let registration =
        Registration { id, version, expires, channel, tags, variables, tile, template, installation: None };
    world.telephony.hub(hub).put(registration.clone());
    Ok(registration)
}
