//! Objects to tree. Pure.

use std::collections::{BTreeMap, BTreeSet};

use acs_core::kinds::{CommunicationService, Kind, Object, ObjectRef};
use acs_core::reason::{ConditionType, Reason};
use serde::Serialize;

/// All namespaces with objects of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// Version of this shape. It grows only when a field is removed or changes its meaning.
    pub version: u32,
    /// One entry per Kubernetes namespace, by name.
    pub namespaces: Vec<Branch>,
}

/// One Kubernetes namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Branch {
    /// Name of the namespace.
    pub name: String,
    /// What stands on its own: accounts, and what a missing object should have held together.
    pub nodes: Vec<Node>,
}

/// How a node belongs to the one above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Relation {
    /// It lives in, or works with, the one above.
    Child,
    /// The service above is linked to this hub, which has its own place elsewhere. State and reason are those of the link.
    Link,
}

/// What a node's marker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum State {
    /// It works as declared.
    Ready,
    /// Work is under way, or will be tried again.
    Reconciling,
    /// A person has to do something.
    Stalled,
    /// Work on it was switched off in its spec.
    Suspended,
    /// Another object names it, but it does not exist.
    Missing,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Kind.
    pub kind: Kind,
    /// Name.
    pub name: String,
    /// How it belongs to the one above.
    pub relation: Relation,
    /// Summary.
    pub state: State,
    /// Status of the Ready condition: `True`, `False` or `Unknown`.
    pub ready: String,
    /// Reason, from the reference of reasons; empty before the first pass.
    pub reason: String,
    /// What a person can act on; empty when ready.
    pub message: String,
    /// True once deletion was asked for.
    pub deleting: bool,
    /// Name in Azure, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure_name: Option<String>,
    /// ARM id, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure_resource_id: Option<String>,
    /// What belongs to it.
    pub children: Vec<Node>,
}

/// Puts objects into their tree. What is referred to and not there is shown as missing.
pub fn build(objects: &[Object], unreadable: &[ObjectRef]) -> Tree {
    let mut known: BTreeMap<ObjectRef, Option<&Object>> =
        objects.iter().map(|object| (object.object_ref(), Some(object))).collect();
    known.extend(unreadable.iter().map(|at| (at.clone(), None)));
    let mut forest = Forest { known, children: BTreeMap::new() };
    let mut roots = BTreeSet::new();
    for (at, object) in &forest.known {
        match object.and_then(holder) {
            Some(holder) => {
                if !forest.known.contains_key(&holder) {
                    roots.insert(holder.clone());
                }
                forest.children.entry(holder).or_default().push(at.clone());
            }
            None => _ = roots.insert(at.clone()),
        }
    }
    let mut namespaces: BTreeMap<&str, Vec<Node>> = BTreeMap::new();
    for root in &roots {
        namespaces.entry(&root.namespace).or_default().push(forest.node(root));
    }
    let namespaces = namespaces.into_iter().map(|(name, nodes)| Branch { name: name.to_owned(), nodes }).collect();
    Tree { version: 1, namespaces }
}

struct Forest<'a> {
    known: BTreeMap<ObjectRef, Option<&'a Object>>,
    children: BTreeMap<ObjectRef, Vec<ObjectRef>>,
}

impl Forest<'_> {
    fn node(&self, at: &ObjectRef) -> Node {
        let mut node = match self.known.get(at) {
            Some(Some(object)) => node_of(object),
            Some(None) => Node {
                state: State::Stalled,
                reason: Reason::InvalidObject.name().to_owned(),
                message: Reason::InvalidObject.meaning().to_owned(),
                ..bare(at)
            },
            None => bare(at),
        };
        if let Some(Some(Object::CommunicationService(service))) = self.known.get(at) {
            node.children.extend(self.link(service));
        }
        for child in self.children.get(at).into_iter().flatten() {
            node.children.push(self.node(child));
        }
        node
    }

    fn link(&self, service: &CommunicationService) -> Option<Node> {
        let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
        let hub = &service.spec.notification_hub.as_ref()?.hub_ref.name;
        let at = ObjectRef::new(Kind::NotificationHub, namespace, hub);
        let mut node = Node { relation: Relation::Link, ..bare(&at) };
        if !self.known.contains_key(&at) {
            return Some(node);
        }
        let conditions = service.status.iter().flat_map(|status| &status.common.conditions);
        let linked = conditions.into_iter().find(|condition| condition.type_ == ConditionType::Linked.name());
        let (ready, reason, message) =
            linked.map_or(("Unknown", "", ""), |linked| (&linked.status, &linked.reason, &linked.message));
        node.state = if ready == "True" { State::Ready } else { State::Reconciling };
        node.ready = ready.to_owned();
        node.reason = reason.to_owned();
        node.message = if ready == "True" { String::new() } else { message.to_owned() };
        Some(node)
    }
}

/// A node of which nothing but its name is known.
fn bare(at: &ObjectRef) -> Node {
    Node {
        kind: at.kind,
        name: at.name.clone(),
        relation: Relation::Child,
        state: State::Missing,
        ready: "False".to_owned(),
        reason: "Missing".to_owned(),
        message: "Another object names it, but it does not exist.".to_owned(),
        deleting: false,
        azure_name: None,
        azure_resource_id: None,
        children: Vec::new(),
    }
}

fn node_of(object: &Object) -> Node {
    let status = object.status();
    let id = status.and_then(|status| status.azure_resource_id.clone());
    let last = id.as_deref().and_then(|id| id.rsplit('/').next()).map(str::to_owned);
    let recorded = || object.annotation(acs_wire::ANNOTATION_AZURE_NAME).map(str::to_owned);
    let (ready, reason, message) = if seen(object) || suspended(object) {
        object.ready().unwrap_or(("Unknown", "", ""))
    } else {
        ("Unknown", Reason::Pending.name(), "The operator has not yet looked at this version of the object.")
    };
    let quiet = ready == "True" && reason == Reason::Ready.name();
    Node {
        state: state(object),
        ready: ready.to_owned(),
        reason: if suspended(object) { Reason::Suspended.name() } else { reason }.to_owned(),
        message: match suspended(object) {
            true => Reason::Suspended.meaning(),
            false if quiet => "",
            false => message,
        }
        .to_owned(),
        deleting: object.is_deleting(),
        azure_name: last.or_else(recorded),
        azure_resource_id: id,
        ..bare(&object.object_ref())
    }
}

fn state(object: &Object) -> State {
    let is = |type_: ConditionType| {
        let conditions = object.status().into_iter().flat_map(|status| &status.conditions);
        conditions.into_iter().any(|condition| condition.type_ == type_.name() && condition.status == "True")
    };
    if suspended(object) {
        State::Suspended
    } else if object.is_ready() && !object.is_deleting() {
        State::Ready
    } else if seen(object) && is(ConditionType::Stalled) {
        State::Stalled
    } else {
        State::Reconciling
    }
}

fn seen(object: &Object) -> bool {
    object.status().and_then(|status| status.observed_generation) == Some(object.generation())
}

fn suspended(object: &Object) -> bool {
    object.is_suspended()
}

/// The object that this one lives in, or works with.
fn holder(object: &Object) -> Option<ObjectRef> {
    let namespace = object.meta().namespace.as_deref().unwrap_or_default();
    let account = |name: Option<&str>| ObjectRef::new(Kind::AzureAccount, namespace, name.unwrap_or("default"));
    match object {
        // A relay owns nothing in Azure: it stands beside the account.
        Object::AzureAccount(_) | Object::EventRelay(_) => None,
        Object::NotificationHubNamespace(object) => Some(account(object.spec.account_ref.as_ref().map(|at| &*at.name))),
        Object::CommunicationService(object) => Some(account(object.spec.account_ref.as_ref().map(|at| &*at.name))),
        Object::NotificationHub(object) => {
            Some(ObjectRef::new(Kind::NotificationHubNamespace, namespace, &object.spec.namespace_ref.name))
        }
        Object::EventSubscription(object) => {
            Some(ObjectRef::new(Kind::CommunicationService, namespace, &object.spec.source.service_ref.name))
        }
    }
}
