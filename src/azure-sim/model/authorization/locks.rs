//! Management locks: `CanNotDelete` and `ReadOnly`, on a subscription, a group or a resource, and on all beneath.

use serde_json::json;

use super::super::arm::{self, Call};
use super::super::journal::Effect;
use super::super::json;
use super::super::list;
use super::super::message::Response;
use super::super::path;
use super::super::refusal::{Answer, Done, Refusal};
use super::super::registry::{AUTHORIZATION, Kind};
use super::super::resource::Hidden;
use super::super::world::World;

/// What a request would do to what a lock holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Harm {
    Delete,
    Write,
}

/// Answers `Microsoft.Authorization/locks`.
pub(crate) fn answer(world: &mut World, call: &Call<'_>) -> Answer {
    let target = &call.target;
    if target.collection().map(|t| t.kind) == Some(Kind::Lock) && call.method() == "GET" {
        let prefix = format!("{}/", target.scoped()).to_ascii_lowercase();
        return list::select(world, call, &prefix, world.config().page_size, |kind, _| kind == Kind::Lock);
    }
    if target.kind() != Some(Kind::Lock) || target.tail.is_some() {
        return Err(arm::unknown_type(call));
    }
    let key = target.key();
    match call.method() {
        "GET" => world.resources.get(&key).map(|r| Done::read(&r.body)).ok_or_else(|| missing(call)),
        "PUT" => put(world, call, key),
        "DELETE" => {
            let there = world.resources.contains_key(&key);
            world.remove(&key);
            let (status, effect) = if there { (200, Effect::Delete) } else { (204, Effect::None) };
            Ok(Done::new(effect, Response::empty(status)))
        }
        _ => Err(arm::unknown_type(call)),
    }
}

fn missing(call: &Call<'_>) -> Refusal {
    Refusal::new(404, "LockNotFound", format!("The lock '{}' could not be found.", call.target.name()))
}

fn put(world: &mut World, call: &Call<'_>, key: String) -> Answer {
    let scope = call.target.scoped();
    // A lock on nothing: the resource must be there; a subscription always is, and the group was looked for already.
    let on_resource = call.target.scope.is_some();
    if on_resource && path::simulated(&scope) && !world.resources.contains_key(&scope.to_ascii_lowercase()) {
        let message = format!("The Resource '{scope}' was not found.");
        return Err(Refusal::new(404, "ResourceNotFound", message));
    }
    let level = json::text(&call.body, &["properties", "level"]).unwrap_or_default();
    let level = ["CanNotDelete", "ReadOnly"].into_iter().find(|l| l.eq_ignore_ascii_case(level)).ok_or_else(|| {
        let message = format!("The lock level '{level}' is invalid. Supported levels: 'CanNotDelete, ReadOnly'.");
        Refusal::new(400, "InvalidLockLevel", message)
    })?;
    let mut body = json!({
        "id": call.target.id(), "name": call.target.name(), "type": format!("{AUTHORIZATION}/locks"),
        "properties": {"level": level},
    });
    json::merge(&mut body, &call.body, &["properties", "notes"]);
    json::merge(&mut body, &call.body, &["properties", "owners"]);
    let created = !world.resources.contains_key(&key);
    world.store(key, Kind::Lock, body.clone(), Hidden::None);
    let (status, effect) = if created { (201, Effect::Create) } else { (200, Effect::Update) };
    Ok(Done::new(effect, Response::json(status, &body)))
}

/// 409 when a lock forbids what the request would do. POST actions are writes to a lock, those that only read secrets
/// included (documented for listKeys of storage; the rule is that `ReadOnly` blocks POST). A lock itself can be changed.
pub(crate) fn require(world: &World, call: &Call<'_>) -> Result<(), Refusal> {
    let harm = match call.method() {
        "DELETE" => Harm::Delete,
        "PUT" | "PATCH" | "POST" => Harm::Write,
        _ => return Ok(()),
    };
    if call.target.namespace.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(AUTHORIZATION)) {
        return Ok(());
    }
    let scope = if call.target.resource_type().is_some() { call.target.id() } else { call.target.scoped() };
    let Some(lock) = locked(world, &scope, harm) else { return Ok(()) };
    let word = if harm == Harm::Delete { "delete" } else { "write" };
    let message = format!(
        "The scope '{scope}' cannot perform {word} operation because following scope(s) are locked: '{lock}'. Please \
         remove the lock and try again."
    );
    Err(Refusal::new(409, "ScopeLocked", message))
}

/// The scope of a lock that stands in the way: above, here, or (of what would be deleted) beneath.
fn locked(world: &World, scope: &str, harm: Harm) -> Option<String> {
    let key = scope.to_ascii_lowercase();
    world.resources.values().filter(|r| r.kind == Kind::Lock).find_map(|lock| {
        let read_only = json::text(&lock.body, &["properties", "level"]) == Some("ReadOnly");
        let held = lock.id().split("/providers/Microsoft.Authorization/").next().unwrap_or_default();
        let inside = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let held_key = held.to_ascii_lowercase();
        let applies = inside(&held_key, &key) || (harm == Harm::Delete && inside(&key, &held_key));
        (applies && (read_only || harm == Harm::Delete)).then(|| held.to_owned())
    })
}
