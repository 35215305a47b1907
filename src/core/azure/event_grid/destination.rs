//! The destination of an event subscription, with secrets resolved: as ARM takes it, and as it reads back.

use acs_wire::relay::DELIVERY_HEADER;
use serde_json::{Map, Value, json};

use crate::azure::call::Body;
use crate::azure::descriptor::{Compare, Field};
use crate::kinds::identity::ManagedIdentity;
use crate::kinds::subscription::{Batching, EntraProtection};

use super::{absent, field};

const PLAIN: &str = "/properties/destination";
const BY_IDENTITY: &str = "/properties/deliveryWithResourceIdentity";

/// Where a subscription's events go. No Debug: it may hold secrets.
#[derive(Clone)]
pub struct Target {
    endpoint_type: &'static str,
    /// Whole URL of a webhook; Azure shows it without its query.
    url: Option<String>,
    /// Members that are sent, and read back as they are.
    members: Map<String, Value>,
    /// Members of which nothing was said, by what they are then.
    defaults: Map<String, Value>,
    attributes: Vec<Attribute>,
    identity: Option<Value>,
}

/// A header, or a property of the message, that is sent along. No Debug: its value may be a secret.
#[derive(Clone)]
pub struct Attribute {
    /// Name.
    pub name: String,
    /// Value.
    pub value: AttributeValue,
}

/// Value of an attribute. No Debug: it may be a secret.
#[derive(Clone)]
pub enum AttributeValue {
    /// Shown by Azure.
    Plain(String),
    /// Never shown.
    Secret(String),
    /// Taken from the event, at that place.
    FromEvent(String),
}

impl Target {
    fn new(endpoint_type: &'static str) -> Self {
        Self {
            endpoint_type,
            url: None,
            members: Map::new(),
            defaults: Map::new(),
            attributes: Vec::new(),
            identity: None,
        }
    }

    /// An https endpoint; the query may be secret.
    pub fn web_hook(url: String, batching: &Batching, entra: Option<&EntraProtection>) -> Self {
        let mut target = Self { url: Some(url), ..Self::new("WebHook") };
        target.batched(batching);
        for (name, value) in [
            ("azureActiveDirectoryTenantId", entra.map(|entra| entra.tenant_id.0.as_str())),
            ("azureActiveDirectoryApplicationIdOrUri", entra.map(|entra| entra.application_id_or_uri.0.as_str())),
        ] {
            target.member(name, value.map(|value| json!(value)), json!(""));
        }
        target
    }

    /// A relay: a webhook with a key that is sent along as a secret.
    pub fn relay(url: String, key: String) -> Self {
        let mut target = Self::web_hook(url, &Batching::default(), None);
        target.attributes.push(Attribute { name: DELIVERY_HEADER.to_owned(), value: AttributeValue::Secret(key) });
        target
    }

    /// A function.
    pub fn azure_function(id: &str, batching: &Batching) -> Self {
        let mut target = Self::resource("AzureFunction", id);
        target.batched(batching);
        target
    }

    /// A resource that needs nothing but its id.
    pub fn resource(endpoint_type: &'static str, id: &str) -> Self {
        let mut target = Self::new(endpoint_type);
        target.members.insert("resourceId".to_owned(), json!(id));
        target
    }

    /// A storage queue.
    pub fn storage_queue(account: &str, queue: &str, time_to_live: Option<i64>) -> Self {
        let mut target = Self::resource("StorageQueue", account);
        target.members.insert("queueName".to_owned(), json!(queue));
        if let Some(seconds) = time_to_live {
            target.members.insert("queueMessageTimeToLiveInSeconds".to_owned(), json!(seconds));
        }
        target
    }

    /// With these attributes.
    #[must_use]
    pub fn with_attributes(mut self, attributes: Vec<Attribute>) -> Self {
        self.attributes.extend(attributes);
        self
    }

    /// With an identity of the topic, by which Event Grid delivers.
    #[must_use]
    pub fn with_identity(mut self, identity: Option<&ManagedIdentity>) -> Self {
        self.identity = identity.map(super::identity);
        self
    }

    fn batched(&mut self, batching: &Batching) {
        let number = |number: Option<i32>| number.map(|number| json!(number));
        self.member("maxEventsPerBatch", number(batching.max_events_per_batch), json!(1));
        self.member("preferredBatchSizeInKilobytes", number(batching.preferred_batch_size_kilobytes), json!(64));
    }

    /// A member that is left out when nothing is said of it; then Azure may show its default, or nothing.
    fn member(&mut self, name: &str, value: Option<Value>, default: Value) {
        match value {
            Some(value) => drop(self.members.insert(name.to_owned(), value)),
            None => drop(self.defaults.insert(name.to_owned(), default)),
        }
    }

    /// As ARM takes it, secrets included.
    pub(super) fn arm(&self) -> Value {
        let mut properties = self.members.clone();
        if let Some(url) = &self.url {
            properties.insert("endpointUrl".to_owned(), json!(url));
        }
        if !self.attributes.is_empty() {
            let mappings = self.attributes.iter().map(Attribute::arm).collect();
            properties.insert("deliveryAttributeMappings".to_owned(), mappings);
        }
        let destination = json!({"endpointType": self.endpoint_type, "properties": properties});
        match &self.identity {
            Some(identity) => json!({"identity": identity, "destination": destination}),
            None => destination,
        }
    }

    /// Where it goes is written once by fingerprint; that it is not written in the other way is seen.
    pub(super) fn fields(&self) -> [Field; 2] {
        let path = self.path();
        let other = if path == PLAIN { BY_IDENTITY } else { PLAIN };
        [field(path, self.arm(), Compare::Unseen, true), absent(other)]
    }

    /// Where it stands in an event subscription.
    pub(super) fn path(&self) -> &'static str {
        if self.identity.is_some() { BY_IDENTITY } else { PLAIN }
    }

    /// True if what Azure shows of the destination is not what it would show of this one: someone else changed it.
    pub fn differs(&self, observed: &Body) -> bool {
        let path = match &self.identity {
            None => PLAIN.to_owned(),
            Some(identity) => {
                let there = observed.at(&format!("{BY_IDENTITY}/identity"));
                if !there.is_some_and(|there| crate::azure::compare::within(identity, there)) {
                    return true;
                }
                format!("{BY_IDENTITY}/destination")
            }
        };
        let at = |name: &str| observed.at(&format!("{path}/properties/{name}"));
        let is = |name: &str, want: &Value| at(name).is_some_and(|there| crate::azure::compare::within(want, there));
        let url_is =
            |url: &String| base_url(at("endpointBaseUrl").and_then(Value::as_str).unwrap_or_default()) == base_url(url);
        let same = observed.text(&format!("{path}/endpointType")).eq_ignore_ascii_case(self.endpoint_type)
            && self.url.iter().all(url_is)
            && self.members.iter().all(|(name, want)| is(name, want))
            && self.defaults.iter().all(|(name, default)| at(name).is_none() || is(name, default))
            && self.attributes_are(at("deliveryAttributeMappings"));
        !same
    }

    /// True if exactly these attributes are sent along; a secret's value is not looked at.
    fn attributes_are(&self, observed: Option<&Value>) -> bool {
        let there = observed.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let shown = |attribute: &Attribute| there.iter().any(|found| attribute.is_shown_as(found));
        there.len() == self.attributes.len() && self.attributes.iter().all(shown)
    }
}

impl Attribute {
    fn arm(&self) -> Value {
        match &self.value {
            AttributeValue::Plain(value) => {
                json!({"name": self.name, "type": "Static", "properties": {"value": value, "isSecret": false}})
            }
            AttributeValue::Secret(value) => {
                json!({"name": self.name, "type": "Static", "properties": {"value": value, "isSecret": true}})
            }
            AttributeValue::FromEvent(field) => {
                json!({"name": self.name, "type": "Dynamic", "properties": {"sourceField": field}})
            }
        }
    }

    fn is_shown_as(&self, found: &Value) -> bool {
        let text = |pointer: &str| found.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let secret = found.pointer("/properties/isSecret") == Some(&Value::Bool(true));
        let static_ = text("/type").eq_ignore_ascii_case("Static");
        text("/name").eq_ignore_ascii_case(&self.name)
            && match &self.value {
                AttributeValue::Plain(value) => static_ && !secret && text("/properties/value") == value,
                AttributeValue::Secret(_) => static_ && secret,
                AttributeValue::FromEvent(field) => !static_ && text("/properties/sourceField") == field,
            }
    }
}

/// URL without its query, which is all that Azure shows of it; the same for the same place, however it is written: how Azure
/// writes host and port is in no source.
fn base_url(url: &str) -> String {
    let mut base = match url::Url::parse(url) {
        Ok(mut url) => {
            url.set_query(None);
            url.to_string()
        }
        Err(_) => url.split('?').next().unwrap_or(url).to_owned(),
    };
    base.truncate(base.trim_end_matches('/').len());
    base
}
