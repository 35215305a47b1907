//! What there is, as a tree.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::json;
use super::super::message::{Request, Response};
use super::super::world::{World, timestamp};
use super::bad;

/// One resource and what lies beneath it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// What it points to: ids, and the endpoint of a subscription without its query.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    links: BTreeMap<&'static str, String>,
    children: Vec<Node>,
}

/// What is asked for.
#[derive(Default)]
struct Asked {
    /// Lower case, without a slash at its end.
    under: Option<String>,
    /// Without the resources themselves.
    tree_only: bool,
}

impl Asked {
    fn parse(query: &str) -> Result<Self, String> {
        let mut asked = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match (&*name, &*value) {
                ("under", id) if id.starts_with('/') => {
                    asked.under = Some(id.trim_end_matches('/').to_ascii_lowercase());
                }
                ("under", id) => return Err(format!("'under': '{id}' is no resource id: it would begin with a slash")),
                ("view", "tree") => asked.tree_only = true,
                ("view", other) => return Err(format!("'view': '{other}' is not 'tree'")),
                _ => return Err(format!("there is no '{name}'; there are under, view")),
            }
        }
        Ok(asked)
    }

    fn holds(&self, key: &str) -> bool {
        let rest = self.under.as_deref().map(|under| key.strip_prefix(under));
        rest.is_none_or(|rest| rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

/// `state`: as JSON, or drawn for people when `Accept` asks for text.
pub(super) fn shown(world: &World, request: &Request) -> Result<Response, (u16, String)> {
    let asked = Asked::parse(request.query()).map_err(bad)?;
    let nodes = roots(world, &asked);
    if asked.under.is_some() && nodes.is_empty() {
        return Err((404, "there is nothing with that id, or beneath it".into()));
    }
    let accept = request.header("accept").unwrap_or_default();
    let drawn = || {
        let mut lines = Vec::new();
        nodes.iter().for_each(|node| draw(node, "", "", &mut lines));
        lines
    };
    if accept.contains("text/plain") && !accept.contains("json") {
        let text = format!("{}\n{}\n", timestamp(world.now()), drawn().join("\n"));
        let headers = vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())];
        return Ok(Response { status: 200, headers, body: text.into_bytes() });
    }
    let running = world.operations.values().filter(|o| o.outcome.is_none()).count();
    let mut body = json!({"now": world.now(), "runningOperations": running, "nested": nodes});
    if !asked.tree_only {
        let raw = world.resources().filter(|(key, _)| asked.holds(key));
        let raw: serde_json::Map<String, Value> = raw.map(|(k, v)| (k.to_owned(), v.clone())).collect();
        json::put(&mut body, &["tree"], drawn());
        json::put(&mut body, &["resources"], raw);
    }
    Ok(Response::json(200, &body))
}

/// Subscriptions, or what `under` names.
fn roots(world: &World, asked: &Asked) -> Vec<Node> {
    let mut beneath: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for key in world.resources.keys().filter(|key| asked.holds(key)) {
        let mut parent = parent(key);
        // The nearest one that is there: what lies between may be gone already.
        while !parent.is_empty() && !world.resources.contains_key(parent) && depth(parent) > 2 {
            parent = self::parent(parent);
        }
        beneath.entry(parent).or_default().push(key);
    }
    if let Some(under) = asked.under.as_deref()
        && world.resources.contains_key(under)
    {
        return vec![node(world, under, &beneath)];
    }
    let config = world.config();
    let own = std::iter::once(&config.subscription_id).chain(&config.further_subscriptions);
    own.map(|subscription| (subscription, format!("/subscriptions/{}", subscription.to_ascii_lowercase())))
        .filter(|(_, key)| asked.holds(key) || beneath.contains_key(key.as_str()))
        .map(|(subscription, key)| Node {
            kind: "Microsoft.Resources/subscriptions".into(),
            name: subscription.clone(),
            id: format!("/subscriptions/{subscription}"),
            state: None,
            links: BTreeMap::new(),
            children: children(world, &key, &beneath),
        })
        .collect()
}

fn children(world: &World, key: &str, beneath: &BTreeMap<&str, Vec<&str>>) -> Vec<Node> {
    beneath.get(key).into_iter().flatten().map(|key| node(world, key, beneath)).collect()
}

fn node(world: &World, key: &str, beneath: &BTreeMap<&str, Vec<&str>>) -> Node {
    let resource = world.resources.get(key);
    let body = resource.map_or(&Value::Null, |r| &r.body);
    let text = |path: &[&str]| json::text(body, path).unwrap_or_default().to_owned();
    Node {
        kind: text(&["type"]),
        name: text(&["name"]),
        id: text(&["id"]),
        state: resource.map(|r| r.state().to_owned()),
        links: links(body),
        children: children(world, key, beneath),
    }
}

fn links(body: &Value) -> BTreeMap<&'static str, String> {
    let destination = json::at(body, &["properties", "deliveryWithResourceIdentity", "destination"])
        .or_else(|| json::at(body, &["properties", "destination"]))
        .unwrap_or(&Value::Null);
    let found = [
        ("notificationHub", json::text(body, &["properties", "notificationHubId"])),
        ("source", json::text(body, &["properties", "source"])),
        ("topic", json::text(body, &["properties", "topic"])),
        ("endpointType", json::text(destination, &["endpointType"])),
        ("endpoint", json::text(destination, &["properties", "endpointBaseUrl"])),
        ("endpoint", json::text(destination, &["properties", "resourceId"])),
    ];
    found.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned()))).collect()
}

/// The id that a resource lies in: a type and a name less, and the provider too where it goes with them.
fn parent(key: &str) -> &str {
    let up = |key: &'_ str| key.rsplitn(3, '/').nth(2).unwrap_or_default().len();
    let parent = key.get(..up(key)).unwrap_or_default();
    let provider = parent.rsplit('/').nth(1) == Some("providers");
    if provider { parent.get(..up(parent)).unwrap_or_default() } else { parent }
}

fn depth(key: &str) -> usize {
    key.split('/').count() - 1
}

/// A line per resource, joined as `tree` joins files.
fn draw(node: &Node, first: &str, rest: &str, lines: &mut Vec<String>) {
    let kind = node.kind.rsplit('/').next().unwrap_or_default();
    let state = node.state.as_deref().map(|state| format!(" [{state}]")).unwrap_or_default();
    let towards = ["notificationHub", "endpoint"].iter().find_map(|name| node.links.get(name));
    let towards = towards.map(|to| format!(" -> {to}")).unwrap_or_default();
    lines.push(format!("{first}{} ({kind}){state}{towards}", node.name));
    let last = node.children.len().saturating_sub(1);
    for (at, child) in node.children.iter().enumerate() {
        let (branch, below) = if at == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        draw(child, &format!("{rest}{branch}"), &format!("{rest}{below}"), lines);
    }
}
