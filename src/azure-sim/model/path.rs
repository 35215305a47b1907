//! Request paths, taken apart as ARM does: without regard to case, and never trusting a segment.

use percent_encoding::percent_decode_str;

use super::refusal::Refusal;
use super::registry::{self, Kind, Type};

/// `/subscriptions/{}/resourceGroups/{}[/providers/… scope]/providers/{namespace}/{type}/{name}…[/{tail}]`
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    pub(crate) subscription: Option<String>,
    pub(crate) group: Option<String>,
    /// The resource an extension resource lies on, when there are two `providers` segments.
    pub(crate) scope: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) types: Vec<String>,
    pub(crate) names: Vec<String>,
    /// An odd last segment: a collection for GET, an action for POST.
    pub(crate) tail: Option<String>,
    pub(crate) query: Vec<(String, String)>,
}

impl Target {
    pub(crate) fn parse(path_and_query: &str) -> Result<Self, Refusal> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let unfolded = unfolded(path);
        let path = unfolded.as_deref().unwrap_or(path);
        let segments = path.split('/').filter(|s| !s.is_empty()).map(decode).collect::<Result<Vec<_>, _>>()?;
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Self { query, ..Self::of(&segments) })
    }

    /// From left to right, so that a name may be any word, `providers` too.
    fn of(segments: &[String]) -> Self {
        let is = |at: usize, word: &str| segments.get(at).is_some_and(|s| s.eq_ignore_ascii_case(word));
        let mut target = Self::default();
        let mut at = 0;
        if is(0, "subscriptions") && segments.len() >= 2 {
            target.subscription = segments.get(1).cloned();
            at = 2;
            if is(2, "resourceGroups") && segments.len() >= 4 {
                target.group = segments.get(3).cloned();
                at = 4;
            }
        }
        let begins = |at: usize| is(at, "providers") && at + 1 < segments.len();
        if begins(at) {
            target.namespace = segments.get(at + 1).cloned();
            at += 2;
        }
        while let Some(kind) = segments.get(at) {
            if begins(at) && target.namespace.is_some() {
                // What came so far is what this lies on.
                target.scope = Some(format!("/{}", segments.get(..at).unwrap_or_default().join("/")));
                target.namespace = segments.get(at + 1).cloned();
                target.types.clear();
                target.names.clear();
            } else if let Some(name) = segments.get(at + 1) {
                target.types.push(kind.to_ascii_lowercase());
                target.names.push(name.clone());
            } else {
                target.tail = Some(kind.clone());
            }
            at += 2;
        }
        target
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub(crate) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The resource type addressed, or the type of a collection when the last segment is one.
    pub(crate) fn resource_type(&self) -> Option<&'static Type> {
        let found = registry::find(self.namespace.as_deref()?, self.scope.is_some(), &self.types)?;
        // The list of a whole subscription names no group; a resource does.
        (self.group.is_some() || !found.lies_in_group()).then_some(found)
    }

    pub(crate) fn collection(&self) -> Option<&'static Type> {
        let mut types = self.types.clone();
        types.push(self.tail.as_deref()?.to_ascii_lowercase());
        registry::find(self.namespace.as_deref()?, self.scope.is_some(), &types)
    }

    pub(crate) fn kind(&self) -> Option<Kind> {
        self.resource_type().map(|t| t.kind)
    }

    pub(crate) fn group_id(&self) -> String {
        let subscription = self.subscription.as_deref().unwrap_or_default();
        match &self.group {
            Some(group) => format!("/subscriptions/{subscription}/resourceGroups/{group}"),
            None => format!("/subscriptions/{subscription}"),
        }
    }

    /// What the provider of the last segments is asked about: the resource before it, or the group, or the subscription.
    pub(crate) fn scoped(&self) -> String {
        self.scope.clone().unwrap_or_else(|| self.group_id())
    }

    /// The id as ARM writes it: provider and types in their own spelling, names in the caller's.
    pub(crate) fn id(&self) -> String {
        let mut id = self.scoped();
        if let Some(of) = self.resource_type() {
            id.push_str("/providers/");
            id.push_str(of.namespace);
            for (kind, name) in of.types.iter().zip(&self.names) {
                id.push('/');
                id.push_str(kind);
                id.push('/');
                id.push_str(name);
            }
        }
        id
    }

    pub(crate) fn key(&self) -> String {
        self.id().to_ascii_lowercase()
    }
}

/// The one path whose scope clients may send as a single segment: the description of `ExtensionTopics_Get` does not say that
/// its scope goes unencoded, and so the official SDKs encode its slashes.
fn unfolded(path: &str) -> Option<String> {
    let mut segments = path.split('/').filter(|s| !s.is_empty());
    let scope = segments.next().filter(|scope| scope.to_ascii_lowercase().contains("%2f"))?;
    let rest: Vec<&str> = segments.collect();
    let topic = ["providers", "Microsoft.EventGrid", "extensionTopics", "default"];
    let of_topic = rest.len() == topic.len() && rest.iter().zip(topic).all(|(a, b)| a.eq_ignore_ascii_case(b));
    let scope = percent_decode_str(scope).decode_utf8().ok().filter(|_| of_topic)?;
    Some(format!("/{}/{}", scope.trim_matches('/'), rest.join("/")))
}

/// The id of the resource that a path names, as ARM writes it: provider and types in their own spelling, names in the
/// caller's. `None` when the path names no resource of a type that is known here.
pub fn resource_id(path_and_query: &str) -> Option<String> {
    let target = Target::parse(path_and_query).ok()?;
    target.resource_type().filter(|_| target.tail.is_none()).map(|_| target.id())
}

/// A segment's text; names with separators or dots only would reach another resource than the one checked.
fn decode(segment: &str) -> Result<String, Refusal> {
    let invalid = || Refusal::new(400, "InvalidRequestUri", "The request URI contains an invalid path segment.");
    let text = percent_decode_str(segment).decode_utf8().map_err(|_| invalid())?;
    let bad = text == "." || text == ".." || text.contains(['/', '\\']) || text.chars().any(char::is_control);
    if bad { Err(invalid()) } else { Ok(text.into_owned()) }
}

/// Id of the parent: two segments less.
pub(crate) fn parent(id: &str) -> &str {
    id.rsplitn(3, '/').nth(2).unwrap_or_default()
}

/// The last segment.
pub(crate) fn leaf(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// The resource group of an id.
pub(crate) fn group_of(id: &str) -> &str {
    let mut parts = id.split('/').skip(3);
    if parts.next().is_some_and(|p| p.eq_ignore_ascii_case("resourceGroups")) {
        parts.next().unwrap_or_default()
    } else {
        ""
    }
}

/// The subscription of an id.
pub(crate) fn subscription_of(id: &str) -> &str {
    id.split('/').nth(2).unwrap_or_default()
}

/// Whether an id is of a provider that is simulated, so that a resource that is not here is nowhere.
pub(crate) fn simulated(id: &str) -> bool {
    registry::provider(provider_of(id)).is_some_and(|p| p.registers)
}

/// The provider of an id.
pub(crate) fn provider_of(id: &str) -> &str {
    id.rsplit("/providers/").next().and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

/// `Provider/type/type` of an id.
pub(crate) fn type_of(id: &str) -> String {
    let rest = id.rsplit("/providers/").next().unwrap_or_default();
    let mut parts = rest.split('/');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for kind in parts.step_by(2) {
        text.push('/');
        text.push_str(kind);
    }
    text
}
