//! One resource: what a GET shows, and what only Azure knows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json;
use super::random::Random;
use super::registry::Kind;

/// Two keys, of which clients may use either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keys {
    pub(crate) primary: String,
    pub(crate) secondary: String,
}

impl Keys {
    pub(crate) fn of_service(random: &mut Random) -> Self {
        Self { primary: random.service_key(), secondary: random.service_key() }
    }

    pub(crate) fn of_rule(random: &mut Random) -> Self {
        Self { primary: random.rule_key(), secondary: random.rule_key() }
    }

    pub(crate) fn half(&mut self, half: Half) -> &mut String {
        match half {
            Half::Primary => &mut self.primary,
            Half::Secondary => &mut self.secondary,
        }
    }
}

/// One of two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Primary,
    Secondary,
}

/// A hub linked to a communication service. Pushes take the newest link that has propagated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) hub: String,
    pub(crate) connection_string: String,
    pub(crate) since: u64,
    pub(crate) effective: u64,
}

/// An event subscription as it was sent, secrets included, and the one before it while an update is being validated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) properties: Value,
    pub(crate) previous: Option<Box<(Value, Value)>>,
    pub(crate) operation: String,
    pub(crate) started: u64,
    /// Set once AwaitingManualAction may be ended by a GET of the validation URL that carries it.
    pub(crate) validation_code: String,
    /// Whether `properties` were ever agreed to, by the webhook where there is one. Until then `previous` delivers, if any.
    pub(crate) validated: bool,
}

/// What no GET shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Hidden {
    None,
    Service {
        keys: Keys,
        links: Vec<Link>,
    },
    Rule(Keys),
    /// PNS credentials by name, each `{"properties": {…}}`.
    Credentials(Value),
    /// A topic that Event Grid made for an extension-scope subscription, and removes with the last one.
    Implicit,
    Delivery(Box<Delivery>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Resource {
    pub(crate) kind: Kind,
    pub(crate) body: Value,
    pub(crate) hidden: Hidden,
    /// Changes with every write, so that timers of an earlier life of the id are recognised.
    pub(crate) generation: u64,
    pub(crate) etag: String,
}

impl Resource {
    pub(crate) fn id(&self) -> &str {
        json::text(&self.body, &["id"]).unwrap_or_default()
    }

    pub(crate) fn state(&self) -> &str {
        json::text(&self.body, &["properties", "provisioningState"]).unwrap_or("Succeeded")
    }

    pub(crate) fn set_state(&mut self, state: &str) {
        json::put(&mut self.body, &["properties", "provisioningState"], state);
    }

    /// Whether a long-running operation holds it.
    pub(crate) fn busy(&self) -> bool {
        !matches!(self.state(), "Succeeded" | "Failed" | "Canceled" | "AwaitingManualAction")
    }

    pub(crate) fn deleting(&self) -> bool {
        self.state() == "Deleting"
    }

    pub(crate) fn keys(&self) -> Option<&Keys> {
        match &self.hidden {
            Hidden::Service { keys, .. } | Hidden::Rule(keys) => Some(keys),
            _ => None,
        }
    }

    pub(crate) fn keys_mut(&mut self) -> Option<&mut Keys> {
        match &mut self.hidden {
            Hidden::Service { keys, .. } | Hidden::Rule(keys) => Some(keys),
            _ => None,
        }
    }

    pub(crate) fn delivery(&self) -> Option<&Delivery> {
        match &self.hidden {
            Hidden::Delivery(delivery) => Some(delivery),
            _ => None,
        }
    }

    /// The properties that an event subscription delivers by now: while an update is being validated, the old ones.
    pub(crate) fn in_force(&self) -> Option<&Value> {
        if self.deleting() { None } else { self.validated_properties() }
    }

    /// The same, in a subscription that may be going.
    pub(crate) fn validated_properties(&self) -> Option<&Value> {
        let delivery = self.delivery()?;
        match &delivery.previous {
            Some(previous) => Some(&previous.1),
            None => delivery.validated.then_some(&delivery.properties),
        }
    }

    pub(crate) fn delivery_mut(&mut self) -> Option<&mut Delivery> {
        match &mut self.hidden {
            Hidden::Delivery(delivery) => Some(delivery),
            _ => None,
        }
    }
}
