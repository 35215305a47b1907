//! What a schedule begins with: one or two stacks, and what users would write for them.

use acs_core::kinds::{Kind, Object, ObjectRef};
use azure_sim::model::Config;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::random::Random;

/// A stack: all objects of one application.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Kubernetes namespace.
    pub namespace: String,
    /// Name of its objects, but for the account.
    pub name: String,
    /// Manifests, in the order in which they are applied.
    pub manifests: Vec<Object>,
}

/// Secrets that users make, with what belongs into them.
pub const SECRETS: [&str; 3] = ["azure", "apns", "hook"];
/// Webhook with a secret in its query.
pub const HOOK: &str = "https://app.example/events?code=s3cr3t-0";

const P8: &str = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n-----END PRIVATE KEY-----\n";

/// Applies a user's Secret as it should be.
pub fn apply_secret(cluster: &mut Cluster, namespace: &str, name: &str, config: &Config) -> bool {
    match name {
        "azure" => cluster.apply_secret(namespace, name, &[("clientSecret", &config.client_secret)]),
        "apns" => cluster.apply_secret(namespace, name, &[("AuthKey.p8", P8)]),
        _ => cluster.apply_secret(namespace, name, &[("url", HOOK)]),
    }
}

/// Draws the stacks of a schedule.
pub fn draw(random: &mut Random, config: &Config) -> Vec<Stack> {
    let count = if random.permille(300) { 2 } else { 1 };
    let same_namespace = random.permille(300);
    (0..count)
        .map(|at| {
            let namespace = if at == 0 || same_namespace { "shop".to_owned() } else { "depot".to_owned() };
            let name = if at == 0 { "phones".to_owned() } else { "radios".to_owned() };
            let manifests = manifests(random, config, &namespace, &name);
            Stack { namespace, name, manifests }
        })
        .collect()
}

fn manifests(random: &mut Random, config: &Config, namespace: &str, name: &str) -> Vec<Object> {
    let mut specs = [
        (Kind::AzureAccount, "default", account(random, config)),
        (
            Kind::NotificationHubNamespace,
            name,
            json!({"location": "westeurope", "sku": "Standard", "tags": {"team": "a"}}),
        ),
        (Kind::NotificationHub, name, hub(random, name)),
        (Kind::CommunicationService, name, service(random, name)),
        (Kind::EventSubscription, name, subscription(random, name)),
    ];
    let [.., (_, _, service), (_, _, subscription)] = &mut specs;
    // Identities are those of a topic.
    if service.get("systemTopic").is_none() && subscription.pointer("/destination/eventHub").is_some() {
        acs_core::azure::descriptor::set(subscription, "/deliveryIdentity", json!({"type": "SystemAssigned"}));
    }
    let relay = random.permille(350).then(|| (Kind::EventRelay, name, relay(random, name)));
    let mut objects: Vec<Object> =
        specs.into_iter().chain(relay).filter_map(|(kind, name, spec)| object(kind, namespace, name, spec)).collect();
    // Order of application must not matter.
    for at in (1..objects.len()).rev() {
        let other = usize::try_from(random.below(at as u64 + 1)).unwrap_or_default();
        objects.swap(at, other);
    }
    objects
}

fn object(kind: Kind, namespace: &str, name: &str, spec: Value) -> Option<Object> {
    let json = json!({
        "apiVersion": format!("{}/{}", acs_wire::GROUP, acs_wire::VERSION), "kind": kind.name(),
        "metadata": {"namespace": namespace, "name": name}, "spec": spec,
    });
    Object::decode(kind, json).ok()
}

fn account(random: &mut Random, config: &Config) -> Value {
    let identity = if random.permille(350) {
        json!({"type": "WorkloadIdentity", "workloadIdentity": {"clientId": config.client_id}})
    } else {
        json!({"type": "ServicePrincipal", "servicePrincipal": {
            "clientId": config.client_id, "secretRef": {"name": "azure", "key": "clientSecret"}}})
    };
    json!({
        "subscriptionId": config.subscription_id, "tenantId": config.tenant_id, "resourceGroup": "rg-shop",
        "identity": identity,
    })
}

fn hub(random: &mut Random, name: &str) -> Value {
    let mut spec = json!({
        "namespaceRef": {"name": name}, "tags": {"team": "a"},
        "credentials": {"apns": {"type": "Token", "token": {
            "endpoint": "Production", "keyId": "ABCDEFGHIJ", "teamId": "KLMNOPQRST", "bundleId": "com.example.shop",
            "keySecretRef": {"name": "apns", "key": "AuthKey.p8"}}}},
    });
    if random.permille(700) {
        let policies = json!([{"name": "backend", "rights": ["Send"], "secretName": format!("{name}-backend")}]);
        acs_core::azure::descriptor::set(&mut spec, "/accessPolicies", policies);
    }
    spec
}

fn service(random: &mut Random, name: &str) -> Value {
    let mut spec = json!({
        "dataLocation": "Europe", "tags": {"team": "a"}, "notificationHub": {"hubRef": {"name": name}},
        "connectionSecretName": format!("{name}-acs"),
    });
    // Kept by default; most schedules ask for deletion, so that it can be watched.
    if random.permille(800) {
        acs_core::azure::descriptor::set(&mut spec, "/deletionPolicy", json!("Delete"));
    }
    if random.permille(150) {
        acs_core::azure::descriptor::set(&mut spec, "/systemTopic", json!({"type": "None"}));
    }
    spec
}

/// A relay of no replica: there are no pods here. Its policy, its Secrets and its children are all real.
fn relay(random: &mut Random, name: &str) -> Value {
    let target = json!({"type": "HTTP", "http": {"service": {"name": "app"}, "port": 80, "path": "/events"}});
    let mut spec = json!({
        "placement": {"type": "Deployment", "deployment": {"replicas": 0}},
        "reachability": {"type": "URL", "url": "https://events.example", "probe": "Skip"},
        "routes": [{"name": "sms", "eventTypes": ["Microsoft.Communication.SMSReceived"], "target": target}],
    });
    if random.permille(800) {
        acs_core::azure::descriptor::set(&mut spec, "/push", json!({"hubRef": {"name": name}}));
    }
    spec
}

const FOREIGN: &str = "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d/resourceGroups/rg-shop/providers";

/// How events are filtered and delivered, beside what every subscription says: each of it comes or goes.
pub fn delivery(random: &mut Random, spec: &mut Value) {
    let Some(members) = spec.as_object_mut() else { return };
    let filters = json!([{"operatorType": "NumberIn", "key": "data.segmentCount", "numbers": [1, "2.5"]},
        {"operatorType": "StringBeginsWith", "key": "data.from", "strings": ["+49"]}]);
    let account = format!("{FOREIGN}/Microsoft.Storage/storageAccounts/shop");
    let store = json!({"type": "StorageBlob", "storageBlob": {"resourceId": account, "containerName": "lost"}});
    for (member, value) in [
        ("advancedFilters", filters),
        ("retryPolicy", json!({"maxDeliveryAttempts": 5})),
        ("expirationTime", json!("2100-01-01T00:00:00Z")),
        ("deadLetter", store),
    ] {
        members.remove(member);
        if random.permille(300) {
            members.insert(member.to_owned(), value);
        }
    }
}

fn subscription(random: &mut Random, name: &str) -> Value {
    // A stream of its own, so that what it is asked shifts no other choice.
    let mut own = random.clone();
    let destination = match random.below(3) {
        0 => json!({"type": "WebHook", "webHook": {"url": "https://app.example/plain"}}),
        1 => json!({"type": "WebHook", "webHook": {"urlSecretRef": {"name": "hook", "key": "url"}}}),
        _ if own.permille(500) => json!({"type": "EventHub", "eventHub": {
            "resourceId": format!("{FOREIGN}/Microsoft.EventHub/namespaces/shop/eventhubs/events")}}),
        _ => json!({"type": "StorageQueue", "storageQueue": {"queueName": "events",
            "resourceId": format!("{FOREIGN}/Microsoft.Storage/storageAccounts/shop")}}),
    };
    let mut spec = json!({
        "source": {"serviceRef": {"name": name}}, "eventTypes": ["Microsoft.Communication.SMSReceived"],
        "destination": destination,
    });
    if random.permille(300) {
        acs_core::azure::descriptor::set(&mut spec, "/deliverySchema", json!("EventGridSchema"));
    }
    delivery(&mut own, &mut spec);
    let hook = spec.pointer("/destination/webHook").is_some();
    if hook && own.permille(300) {
        let attributes =
            json!([{"name": "x-key", "type": "Static", "static": {"valueSecretRef": {"name": "hook", "key": "url"}}}]);
        acs_core::azure::descriptor::set(&mut spec, "/deliveryAttributes", attributes);
    }
    spec
}

impl Stack {
    /// Names of all objects of the stack.
    pub fn names(&self) -> Vec<ObjectRef> {
        self.manifests.iter().map(Object::object_ref).collect()
    }

    /// Name of the object of a kind.
    pub fn of(&self, kind: Kind) -> ObjectRef {
        let name = if kind == Kind::AzureAccount { "default" } else { &self.name };
        ObjectRef::new(kind, &self.namespace, name)
    }
}

/// True if the spec asks for a system topic.
pub fn has_topic(service: &acs_core::kinds::CommunicationService) -> bool {
    use acs_core::kinds::service::SystemTopicType;
    service.spec.system_topic.as_ref().is_none_or(|topic| topic.type_ != SystemTopicType::None)
}
