//! `EventRelay`: receives a service's events, hands them to apps, and makes pushes.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{DeletionPolicy, Ref};
pub use super::relay_status::{DeliveryKeyStatus, EventRelayStatus, HandshakeStatus, InjectionStatus, PodsStatus};
use super::subscription::SubjectFilter;
use super::text::{DnsLabel, EventType, Expression, HostName, HttpPath, ObjectName, Quantity, RelayUrl};

/// A relay: event subscriptions deliver to it over https, it hands events to apps over HTTP, and sends pushes for them.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "acs-operator.dev",
    version = "v1alpha1",
    kind = "EventRelay",
    namespaced,
    shortname = "acsrelay",
    category = "acs",
    status = "EventRelayStatus",
    derive = "PartialEq",
    selectable = ".spec.placement.type",
    selectable = ".spec.push.hubRef.name",
    scale(
        spec_replicas_path = ".spec.placement.deployment.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Placement", type_ = "string", json_path = ".spec.placement.type"),
    printcolumn(name = "Pods", type_ = "integer", json_path = ".status.pods.ready"),
    printcolumn(name = "Url", type_ = "string", json_path = ".status.url"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1),
    validation = Rule::new("size(self.metadata.name) <= 50 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message("`metadata.name` must be at most 50 lower-case letters, digits and hyphens and begin with a letter: a Service is named after it")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.placement.type != 'Deployment' || !has(self.routes) || self.routes.all(r, !has(r.target.http) || has(r.target.http.service))").message("`routes` must each name a `service` when `placement.type` is \"Deployment\": no app is beside the relay there"),
    validation = Rule::new("(has(self.routes) && size(self.routes) > 0) || has(self.push)").message("`routes` or `push` must be set: else events would be taken and go nowhere"),
)]
pub struct EventRelaySpec {
    /// Where the relay runs.
    pub placement: Placement,
    /// How Event Grid reaches it.
    pub reachability: Reachability,
    /// Where events go. An event goes to every route that lets it through; it is taken when all of them took it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub routes: Vec<Route>,
    /// Pushes through a NotificationHub, by rule and by the app's own request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<Push>,
    /// When an event counts as taken. Default: `AfterDelivery`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durability: Option<Durability>,
    /// Raise it to replace the key that Event Grid sends with each delivery. Both keys are valid meanwhile: no delivery is
    /// refused. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub key_rotation: Option<i64>,
    /// `Delete` (default) removes the access policy made for pushes with the object; `Retain` leaves it at the hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// `true` stops all work on this object, deletion included, until it is `false` again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// Kind of placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PlacementType {
    /// In the app's own pods: those labelled `acs-operator.dev/relay: <name of this object>`.
    Sidecar,
    /// In pods of its own.
    Deployment,
}

/// Where the relay runs. `type` names the member that may be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.type == 'Deployment' || !has(self.deployment)").message("`deployment` may be set only when `type` is \"Deployment\""))]
pub struct Placement {
    /// `Sidecar` or `Deployment`.
    #[serde(rename = "type")]
    pub type_: PlacementType,
    /// Settings of a `Deployment`. Default: two replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentPlacement>,
    /// Resources of the relay's container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// Settings of a Deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentPlacement {
    /// Number of pods; `kubectl scale` and autoscalers set it.
    #[serde(default = "two")]
    #[schemars(range(min = 0, max = 50))]
    pub replicas: i32,
}

fn two() -> i32 {
    2
}

/// Resource requests and limits, as in a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What is set aside. Default: 10m of CPU, 16Mi of memory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "quantities_schema")]
    pub requests: BTreeMap<String, Quantity>,
    /// What may not be exceeded. Default: 64Mi of memory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "quantities_schema")]
    pub limits: BTreeMap<String, Quantity>,
}

fn quantities_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 8,
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 32, "pattern": "^[0-9]+(\\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi)?$"}
    })
}

/// Kind of reachability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReachabilityType {
    /// Someone else leads `url` to the relay's Service.
    #[serde(rename = "URL")]
    Url,
    /// An HTTPRoute is made for a Gateway that exists.
    #[serde(rename = "HTTPRoute")]
    HttpRoute,
    /// An Ingress is made.
    Ingress,
}

/// Whether the public URL is tried before an event subscription is told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Probe {
    /// The operator makes Event Grid's handshake itself first.
    #[default]
    Required,
    /// It does not: for URLs that the operator cannot reach and Event Grid can.
    Skip,
}

/// How Event Grid reaches the relay. `type` names the member that is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.url) == (self.type == 'URL')").message("`url` must be set exactly when `type` is \"URL\""),
    validation = Rule::new("has(self.httpRoute) == (self.type == 'HTTPRoute')").message("`httpRoute` must be set exactly when `type` is \"HTTPRoute\""),
    validation = Rule::new("has(self.ingress) == (self.type == 'Ingress')").message("`ingress` must be set exactly when `type` is \"Ingress\""),
)]
pub struct Reachability {
    /// `URL`, `HTTPRoute` or `Ingress`.
    #[serde(rename = "type")]
    pub type_: ReachabilityType,
    /// Set when `type` is `URL`: https, without query. What is below it must reach port `events` of the relay's Service.
    /// Example: `https://events.shop.example`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<RelayUrl>,
    /// Set when `type` is `HTTPRoute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_route: Option<HttpRouteReachability>,
    /// Set when `type` is `Ingress`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<IngressReachability>,
    /// `Required` (default) or `Skip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
}

/// An HTTPRoute for the path of events and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteReachability {
    /// Gateways to attach to, over their https listeners.
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(p, self.exists_one(q, p.name == q.name && (has(p.__namespace__) ? p.__namespace__ : '') == (has(q.__namespace__) ? q.__namespace__ : '') && (!has(p.sectionName) || !has(q.sectionName) || p.sectionName == q.sectionName)))").message("`parentRefs` must each name another Gateway, or another listener of it by `sectionName`"),
    )]
    pub parent_refs: Vec<ParentRef>,
    /// Host name of the public URL. Example: `events.shop.example`.
    pub hostname: HostName,
}

/// A Gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// Name of the Gateway.
    pub name: ObjectName,
    /// Its namespace, where its listeners allow that. Default: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<DnsLabel>,
    /// Name of one listener. Default: all that allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section_name: Option<ObjectName>,
}

/// An Ingress for the path of events and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressReachability {
    /// Host name of the public URL. Example: `events.shop.example`.
    pub hostname: HostName,
    /// Class. Default: the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_name: Option<ObjectName>,
    /// Secret of this namespace with the certificate. Default: whatever the controller serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_secret_name: Option<ObjectName>,
    /// Annotations for the controller.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "annotations_schema")]
    pub annotations: BTreeMap<String, String>,
}

fn annotations_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": {"type": "string", "maxLength": 4096}
    })
}

/// Where some events go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// Name; in metrics and messages.
    pub name: DnsLabel,
    /// Types of events that go here.
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub event_types: Vec<EventType>,
    /// Only events with such a subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectFilter>,
    /// Where to.
    pub target: Target,
}

/// Kind of target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TargetType {
    /// A POST over HTTP.
    #[serde(rename = "HTTP")]
    Http,
}

/// Target of a route. `type` names the member that is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.http) == (self.type == 'HTTP')").message("`http` must be set exactly when `type` is \"HTTP\""))]
pub struct Target {
    /// `HTTP`.
    #[serde(rename = "type")]
    pub type_: TargetType,
    /// Set when `type` is `HTTP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpTarget>,
}

/// Form in which an event is handed over: CloudEvents 1.0 over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Encoding {
    /// Attributes in `ce-` headers, `data` as the body.
    #[default]
    Binary,
    /// One `application/cloudevents+json` document.
    Structured,
}

/// A POST over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpTarget {
    /// A Service of this namespace. Default: the app beside a sidecar, at 127.0.0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceRef>,
    /// Port.
    #[schemars(range(min = 1, max = 65_535))]
    pub port: i32,
    /// Path, beginning with a slash. Example: `/events`.
    pub path: HttpPath,
    /// `Binary` (default) or `Structured`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// Longest wait for the answer. Default: 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    pub timeout_seconds: Option<i32>,
}

/// A Service of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceRef {
    /// Name of the Service.
    pub name: DnsLabel,
}

/// Pushes through a hub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Push {
    /// The NotificationHub. The relay gets an access policy of its own there, with the right to send and no other.
    pub hub_ref: Ref,
    /// Pushes that events make. The app can send others by the relay's local API.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub rules: Vec<PushRule>,
}

/// A push that an event makes. Expressions are CEL over `event`, with `id`, `source`, `type`, `subject`, `time` and `data`; each
/// gives a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushRule {
    /// Name; in metrics and messages.
    pub name: DnsLabel,
    /// Types of events that push.
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub event_types: Vec<EventType>,
    /// Only events with such a subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectFilter>,
    /// CEL: tag of the installations to push to.
    /// Example: `'user:' + event.data.recipientCommunicationIdentifier.rawId`.
    pub installation_tag: Expression,
    /// What the phone shows.
    pub alert: Alert,
    /// Seconds after the event's time from which on nobody wants the push any more. Default: 3600, or 85 for a rule on
    /// `Microsoft.Communication.IncomingCall`: a call is given up after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub expires_after_seconds: Option<i32>,
}

/// What the phone shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// CEL: title. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Expression>,
    /// CEL: body. Example: `event.data.messageBody`.
    pub body: Expression,
}

/// When an event counts as taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Durability {
    /// When every route took it; else Event Grid keeps it and delivers it again.
    #[default]
    AfterDelivery,
}
