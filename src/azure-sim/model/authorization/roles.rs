//! Roles. Who was given none by the simulator's door may do everything, as a subscription's owner may; who was given some,
//! even an empty list, may do what they allow and nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::arm::Call;
use super::super::json;
use super::super::path;
use super::super::refusal::Refusal;
use super::super::registry::{self, Kind};
use super::super::token;
use super::super::world::World;

/// What is allowed somewhere, and on everything beneath.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Assignment {
    /// Lower case, without a last slash.
    scope: String,
    actions: Vec<String>,
    not_actions: Vec<String>,
}

/// All assignments, by application.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Roles(BTreeMap<String, Vec<Assignment>>);

/// Built-in roles, as far as what is simulated is concerned: what each allows, and what it takes out of that (documented).
const BUILT_IN: [(&str, &[&str], &[&str]); 9] = [
    ("Owner", &["*"], &[]),
    ("Contributor", &["*"], &["Microsoft.Authorization/*/delete", "Microsoft.Authorization/*/write"]),
    ("Reader", &["*/read"], &[]),
    ("User Access Administrator", &["*/read", "Microsoft.Authorization/*"], &[]),
    ("Tag Contributor", &["*/read", "Microsoft.Resources/tags/*"], &[]),
    ("EventGrid Contributor", &["Microsoft.EventGrid/*", "Microsoft.Resources/subscriptions/resourceGroups/read"], &[]),
    // Does not cover system topics.
    (
        "EventGrid EventSubscription Contributor",
        &["Microsoft.EventGrid/eventSubscriptions/*", "Microsoft.Resources/subscriptions/resourceGroups/read"],
        &[],
    ),
    ("Communication and Email Service Owner", &["Microsoft.Communication/*", "Microsoft.Resources/*/read"], &[]),
    ("Managed Identity Operator", &["Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action"], &[]),
];

impl Assignment {
    fn read(value: &Value) -> Result<Self, String> {
        let scope = json::text(value, &["scope"]).ok_or("an assignment needs a 'scope'")?;
        let texts = |name: &str| -> Result<Vec<String>, String> {
            match value.get(name) {
                None => Ok(Vec::new()),
                Some(list) => {
                    serde_json::from_value(list.clone()).map_err(|_| format!("'{name}' is a list of actions"))
                }
            }
        };
        let (mut actions, mut not_actions) = (texts("actions")?, texts("notActions")?);
        if let Some(role) = json::text(value, &["role"]) {
            let found = BUILT_IN.iter().find(|(name, ..)| name.eq_ignore_ascii_case(role));
            let (_, more, fewer) = found.ok_or_else(|| {
                let names: Vec<&str> = BUILT_IN.iter().map(|(name, ..)| *name).collect();
                format!("no role '{role}': there are {}", names.join(", "))
            })?;
            actions.extend(more.iter().map(|a| (*a).to_owned()));
            not_actions.extend(fewer.iter().map(|a| (*a).to_owned()));
        }
        if actions.is_empty() {
            return Err("an assignment needs a 'role' or 'actions'".into());
        }
        Ok(Self { scope: scope.trim_end_matches('/').to_ascii_lowercase(), actions, not_actions })
    }

    fn allows(&self, action: &str, scope: &str) -> bool {
        let beneath =
            scope.strip_prefix(self.scope.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, action));
        beneath && any(&self.actions) && !any(&self.not_actions)
    }
}

/// `*` stands for anything, slashes included; case does not count.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            let Some(at) = rest.find(before) else { return false };
            rest = rest.get(at + before.len()..).unwrap_or_default();
        }
    }
    match last {
        None => rest.is_empty(),
        Some(end) => rest.ends_with(end),
    }
}

impl Roles {
    /// Replaces the assignments of an application; none at all (`null`) lets it do everything again.
    pub(crate) fn assign(&mut self, principal: &str, assignments: &Value) -> Result<(), String> {
        let principal = principal.to_ascii_lowercase();
        match assignments {
            Value::Null => {
                self.0.remove(&principal);
            }
            Value::Array(list) => {
                let list = list.iter().map(Assignment::read).collect::<Result<_, _>>()?;
                self.0.insert(principal, list);
            }
            _ => return Err("'assignments' is a list, or null".into()),
        }
        Ok(())
    }

    /// Whether anybody restricted this application.
    pub(crate) fn restricts(&self, principal: &str) -> bool {
        self.0.contains_key(&principal.to_ascii_lowercase())
    }

    /// Whether an application may do something to a scope.
    pub(crate) fn allow(&self, principal: &str, action: &str, scope: &str) -> bool {
        let scope = scope.to_ascii_lowercase();
        self.0.get(&principal.to_ascii_lowercase()).is_none_or(|list| list.iter().any(|a| a.allows(action, &scope)))
    }
}

/// 403 unless the caller may do this, here and to what the body refers to.
pub(crate) fn require(world: &World, call: &Call<'_>, action: &str) -> Result<(), Refusal> {
    if !world.roles.restricts(&call.principal) || unguarded(call) {
        return Ok(());
    }
    let scope = scope(call);
    if !world.roles.allow(&call.principal, action, &scope) {
        let object = token::object_id(&world.config().tenant_id, &call.principal);
        let message = format!(
            "The client '{}' with object id '{object}' does not have authorization to perform action '{action}' over \
             scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
            call.principal
        );
        return Err(Refusal::new(403, "AuthorizationFailed", message));
    }
    let missing = linked(call).into_iter().find(|(action, at)| !world.roles.allow(&call.principal, action, at));
    let Some((needed, at)) = missing else { return Ok(()) };
    let object = token::object_id(&world.config().tenant_id, &call.principal);
    let message = format!(
        "The client with object id '{object}' has permission to perform action '{action}' on scope '{scope}'; however, \
         it does not have permission to perform action(s) '{needed}' on the linked scope(s) '{at}' (respectively) or \
         the linked scope(s) are invalid."
    );
    Err(Refusal::new(403, "LinkedAuthorizationFailed", message))
}

/// A list of a subscription is shown to everyone in it, each their own part; the record of an operation to whoever has its
/// URL (unverified; the URLs of one provider are signed).
fn unguarded(call: &Call<'_>) -> bool {
    let record = call.target.types.last().is_some_and(|t| {
        matches!(t.as_str(), "operationstatuses" | "operationsstatus" | "operationresults" | "operations")
    });
    let across = call.method() == "GET" && call.target.group.is_none() && call.target.types.is_empty();
    record || across
}

/// What the caller may read of a list.
pub(crate) fn may_see(world: &World, call: &Call<'_>, kind: Kind, id: &str) -> bool {
    if !world.roles.restricts(&call.principal) {
        return true;
    }
    let action = match kind {
        Kind::Group => "Microsoft.Resources/subscriptions/resourceGroups/read".to_owned(),
        _ => registry::activity(kind).map_or_else(|| "read".to_owned(), |activity| format!("{activity}/read")),
    };
    world.roles.allow(&call.principal, &action, id)
}

fn scope(call: &Call<'_>) -> String {
    if call.target.resource_type().is_some() { call.target.id() } else { call.target.scoped() }
}

/// Resources that the body refers to, and what the caller needs to be allowed there (documented: an identity must be
/// assignable, and a handler of events other than a webhook writable).
fn linked(call: &Call<'_>) -> Vec<(String, String)> {
    let mut wanted = Vec::new();
    if !matches!(call.method(), "PUT" | "PATCH") {
        return wanted;
    }
    if let Some(Value::Object(identities)) = json::at(&call.body, &["identity", "userAssignedIdentities"]) {
        let action = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";
        wanted.extend(identities.keys().map(|id| (action.to_owned(), id.clone())));
    }
    if matches!(call.target.kind(), Some(Kind::TopicSubscription | Kind::ScopeSubscription)) {
        let properties = json::at(&call.body, &["properties"]).unwrap_or(&call.body);
        for path in [&["destination"][..], &["deliveryWithResourceIdentity", "destination"]] {
            let destination = json::at(properties, path).and_then(|d| json::text(d, &["properties", "resourceId"]));
            if let Some(id) = destination {
                wanted.push((format!("{}/write", path::type_of(id)), id.to_owned()));
            }
        }
    }
    wanted
}
