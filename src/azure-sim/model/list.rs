//! Lists, page by page.

use serde_json::{Value, json};

use super::arm::Call;
use super::authorization::roles;
use super::refusal::{Answer, Done, Refusal};
use super::registry::Kind;
use super::resource::Resource;
use super::world::World;

/// The resources of one kind under the scope that the path names, `page` at a time.
pub(crate) fn list(world: &World, call: &Call<'_>, kind: Kind, page: usize) -> Answer {
    let prefix = prefix(call);
    select(world, call, &prefix, page, |k, key| {
        // A list shows direct children only, wherever the prefix ends.
        k == kind && (call.target.types.is_empty() || !key.get(prefix.len()..).unwrap_or_default().contains('/'))
    })
}

fn prefix(call: &Call<'_>) -> String {
    let target = &call.target;
    let base = if target.types.is_empty() { target.group_id() } else { target.id() };
    let mut prefix = base.to_ascii_lowercase();
    prefix.push('/');
    if !target.types.is_empty()
        && let Some(tail) = &target.tail
    {
        prefix.push_str(&tail.to_ascii_lowercase());
        prefix.push('/');
    }
    prefix
}

/// A page of what `wanted` accepts beneath `prefix`, and the caller may read.
pub(crate) fn select(
    world: &World,
    call: &Call<'_>,
    prefix: &str,
    most: usize,
    wanted: impl Fn(Kind, &str) -> bool,
) -> Answer {
    let name = call.target.parameter("$filter").and_then(NameFilter::parse);
    let found = world
        .beneath(prefix)
        .filter(|(key, r)| wanted(r.kind, key))
        .filter(|(key, _)| name.as_ref().is_none_or(|f| f.accepts(super::path::leaf(key))))
        .filter(|(_, r)| roles::may_see(world, call, r.kind, r.id()));
    page(world, call, most, found, |r| r.body.clone())
}

/// A page of `found`, which comes in the order of its keys. The skip token is the last key shown, so that pages stay true
/// while resources come and go.
pub(crate) fn page<'a>(
    world: &World,
    call: &Call<'_>,
    most: usize,
    found: impl Iterator<Item = (&'a String, &'a Resource)>,
    show: impl Fn(&Resource) -> Value,
) -> Answer {
    let largest = most.max(100);
    let size = match call.target.parameter("$top") {
        Some(top) => match top.parse::<usize>() {
            Ok(top) if (1..=largest).contains(&top) => top,
            _ => {
                let message = format!("The value of '$top' must be between 1 and {largest}.");
                return Err(Refusal::bad_request(message));
            }
        },
        None => most.max(1),
    };
    let after = call.target.parameter("$skipToken").unwrap_or_default();
    let mut found = found.filter(|(key, _)| key.as_str() > after);
    let mut value: Vec<Value> = Vec::new();
    let mut last = "";
    for (key, resource) in found.by_ref().take(size) {
        value.push(show(resource));
        last = key;
    }
    let mut body = json!({"value": value});
    if found.next().is_some() {
        let path = call.request.path.split('?').next().unwrap_or_default();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in call.target.query.iter().filter(|(n, _)| !n.eq_ignore_ascii_case("$skipToken")) {
            query.append_pair(name, value);
        }
        query.append_pair("$skipToken", last);
        let next = format!("{}{path}?{}", world.config().base_url, query.finish());
        super::json::put(&mut body, &["nextLink"], next);
    }
    Ok(Done::read(&body))
}

/// The OData that Event Grid documents for names: `contains(name, 'x')`, `name eq 'x'`, `name ne 'x'`.
enum NameFilter {
    Contains(String),
    Equals(String),
    Differs(String),
}

impl NameFilter {
    fn parse(text: &str) -> Option<Self> {
        let quoted = text.split('\'').nth(1)?.to_ascii_lowercase();
        let head = text.split('\'').next()?.to_ascii_lowercase().replace(' ', "");
        match head.as_str() {
            "contains(name," => Some(Self::Contains(quoted)),
            "nameeq" => Some(Self::Equals(quoted)),
            "namene" => Some(Self::Differs(quoted)),
            _ => None,
        }
    }

    fn accepts(&self, name: &str) -> bool {
        match self {
            Self::Contains(part) => name.contains(part.as_str()),
            Self::Equals(whole) => name == whole,
            Self::Differs(other) => name != other,
        }
    }
}
