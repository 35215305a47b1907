//! Any object of ours, and how it is named.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::common::{CommonStatus, DeletionPolicy, Lifecycle};
use super::{
    AzureAccount, CommunicationService, EventRelay, EventSubscription, NotificationHub, NotificationHubNamespace,
};

/// The closed list of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Subscription and identity.
    AzureAccount,
    /// Notification Hubs namespace.
    NotificationHubNamespace,
    /// Notification Hub.
    NotificationHub,
    /// Communication Services resource.
    CommunicationService,
    /// Receiver of events, sender of pushes.
    EventRelay,
    /// Event Grid subscription.
    EventSubscription,
}

impl Kind {
    /// Every kind, in the order in which they depend on each other.
    pub const ALL: [Kind; 6] = [
        Kind::AzureAccount,
        Kind::NotificationHubNamespace,
        Kind::NotificationHub,
        Kind::CommunicationService,
        Kind::EventRelay,
        Kind::EventSubscription,
    ];

    /// As in `kind:`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::AzureAccount => "AzureAccount",
            Kind::NotificationHubNamespace => "NotificationHubNamespace",
            Kind::NotificationHub => "NotificationHub",
            Kind::CommunicationService => "CommunicationService",
            Kind::EventRelay => "EventRelay",
            Kind::EventSubscription => "EventSubscription",
        }
    }

    /// As in API paths.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::AzureAccount => "azureaccounts",
            Kind::NotificationHubNamespace => "notificationhubnamespaces",
            Kind::NotificationHub => "notificationhubs",
            Kind::CommunicationService => "communicationservices",
            Kind::EventRelay => "eventrelays",
            Kind::EventSubscription => "eventsubscriptions",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Names one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Kind.
    pub kind: Kind,
    /// Kubernetes namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectRef {
    /// Names an object.
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// An object of any of our kinds, decoded.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each variant is the kind of that name")]
pub enum Object {
    AzureAccount(Box<AzureAccount>),
    NotificationHubNamespace(Box<NotificationHubNamespace>),
    NotificationHub(Box<NotificationHub>),
    CommunicationService(Box<CommunicationService>),
    EventRelay(Box<EventRelay>),
    EventSubscription(Box<EventSubscription>),
}

macro_rules! each {
    ($self:expr, $object:ident => $body:expr) => {
        match $self {
            Object::AzureAccount($object) => $body,
            Object::NotificationHubNamespace($object) => $body,
            Object::NotificationHub($object) => $body,
            Object::CommunicationService($object) => $body,
            Object::EventRelay($object) => $body,
            Object::EventSubscription($object) => $body,
        }
    };
}

impl Object {
    /// Decodes an object of that kind. An error names what this build cannot read; it concerns this one object only.
    ///
    /// # Errors
    /// When the JSON does not fit the kind, which a schema of another version may allow.
    pub fn decode(kind: Kind, json: Value) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::AzureAccount => Object::AzureAccount(serde_json::from_value(json)?),
            Kind::NotificationHubNamespace => Object::NotificationHubNamespace(serde_json::from_value(json)?),
            Kind::NotificationHub => Object::NotificationHub(serde_json::from_value(json)?),
            Kind::CommunicationService => Object::CommunicationService(serde_json::from_value(json)?),
            Kind::EventRelay => Object::EventRelay(serde_json::from_value(json)?),
            Kind::EventSubscription => Object::EventSubscription(serde_json::from_value(json)?),
        })
    }

    /// Kind.
    pub fn kind(&self) -> Kind {
        match self {
            Object::AzureAccount(_) => Kind::AzureAccount,
            Object::NotificationHubNamespace(_) => Kind::NotificationHubNamespace,
            Object::NotificationHub(_) => Kind::NotificationHub,
            Object::CommunicationService(_) => Kind::CommunicationService,
            Object::EventRelay(_) => Kind::EventRelay,
            Object::EventSubscription(_) => Kind::EventSubscription,
        }
    }

    /// Metadata.
    pub fn meta(&self) -> &ObjectMeta {
        each!(self, object => object.meta())
    }

    /// The part of status that every kind has; `None` before the first write.
    pub fn status(&self) -> Option<&CommonStatus> {
        each!(self, object => object.status.as_ref().map(|status| &status.common))
    }

    /// Name, namespace and kind.
    pub fn object_ref(&self) -> ObjectRef {
        let meta = self.meta();
        ObjectRef {
            kind: self.kind(),
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
        }
    }

    /// uid; empty only for an object that no API server has seen.
    pub fn uid(&self) -> &str {
        self.meta().uid.as_deref().unwrap_or_default()
    }

    /// Version that a compare-and-swap must name.
    pub fn resource_version(&self) -> &str {
        self.meta().resource_version.as_deref().unwrap_or_default()
    }

    /// Generation of the spec.
    pub fn generation(&self) -> i64 {
        self.meta().generation.unwrap_or_default()
    }

    /// True once deletion was asked for.
    pub fn is_deleting(&self) -> bool {
        self.meta().deletion_timestamp.is_some()
    }

    /// True while we hold the object.
    pub fn is_held(&self) -> bool {
        self.meta().finalizers.iter().flatten().any(|name| name == acs_wire::FINALIZER)
    }

    /// Value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.meta().annotations.as_ref()?.get(name).map(String::as_str)
    }

    /// The settings that kinds with a resource in Azure share.
    pub fn lifecycle(&self) -> Option<&Lifecycle> {
        match self {
            Object::AzureAccount(_) | Object::EventRelay(_) => None,
            Object::NotificationHubNamespace(object) => Some(&object.spec.lifecycle),
            Object::NotificationHub(object) => Some(&object.spec.lifecycle),
            Object::CommunicationService(object) => Some(&object.spec.lifecycle),
            Object::EventSubscription(object) => Some(&object.spec.lifecycle),
        }
    }

    /// True while its spec switches all work on it off.
    pub fn is_suspended(&self) -> bool {
        match self {
            Object::EventRelay(relay) => relay.spec.suspend.unwrap_or_default(),
            other => other.lifecycle().and_then(|lifecycle| lifecycle.suspend).unwrap_or_default(),
        }
    }

    /// What deletion does in Azure: what was asked for, else Retain for a service and for what was adopted, else Delete.
    pub fn deletion_policy(&self) -> DeletionPolicy {
        let adopted = self.status().and_then(|status| status.adopted).unwrap_or_default();
        let asked = match self {
            Object::EventRelay(relay) => relay.spec.deletion_policy,
            other => other.lifecycle().and_then(|lifecycle| lifecycle.deletion_policy),
        };
        match asked {
            Some(policy) => policy,
            None if adopted || self.kind() == Kind::CommunicationService => DeletionPolicy::Retain,
            None => DeletionPolicy::Delete,
        }
    }

    /// The members of status that only its kind has. Asked for at every step of a pass: conditions are not even copied.
    pub fn outputs(&self) -> serde_json::Map<String, Value> {
        let own = each!(self, object => match &object.status {
            Some(status) => serde_json::to_value(status.own()),
            None => Ok(Value::Null),
        });
        match own {
            Ok(Value::Object(members)) => members,
            _ => serde_json::Map::new(),
        }
    }

    /// Whole status as JSON, for comparing.
    pub fn status_json(&self) -> Value {
        each!(self, object => serde_json::to_value(&object.status).unwrap_or_default())
    }

    /// The Ready condition's status, reason and message.
    pub fn ready(&self) -> Option<(&str, &str, &str)> {
        let ready = self.status()?.conditions.iter().find(|condition| condition.type_ == "Ready")?;
        Some((&ready.status, &ready.reason, &ready.message))
    }

    /// True when Ready is True for the generation that the object has now.
    pub fn is_ready(&self) -> bool {
        let seen = self.status().and_then(|status| status.observed_generation);
        seen == Some(self.generation()) && self.ready().is_some_and(|(status, ..)| status == "True")
    }
}
