//! What is made for a relay in the cluster, as manifests. Pure: the same relay gives the same text.

use acs_wire::relay::config::RelayConfig;
use acs_wire::relay::{ANNOTATION_REVISION, CONTAINER, LABEL, folders, paths, ports};
use serde_json::{Map, Value, json};

use crate::azure::descriptor::set;

use super::child::{ANNOTATION_APPLIED, ChildKind, ChildWrite};
use super::inject::Injection;
use crate::kinds::EventRelay;
use crate::kinds::relay::{HttpRouteReachability, IngressReachability, PlacementType, ReachabilityType};
use crate::names::{relay_child, short_hash};
use crate::world::RelaySettings;

/// Port of the relay's Service.
const SERVICE_PORT: u16 = 80;
/// Name of that port.
const SERVICE_PORT_NAME: &str = "events";

/// Everything that a relay has to have in the cluster beside its Secrets, in the order in which it is applied.
pub fn children(
    relay: &EventRelay,
    config: &RelayConfig,
    injection: &Injection,
    settings: &RelaySettings,
) -> Vec<ChildWrite> {
    let reachability = &relay.spec.reachability;
    let own = relay.spec.placement.type_ == PlacementType::Deployment;
    let mut all = vec![
        child(relay, ChildKind::ConfigMap, json!({"data": {folders::CONFIG_FILE: text(config)}})),
        child(relay, ChildKind::Service, service(relay)),
    ];
    if own {
        all.push(child(relay, ChildKind::NetworkPolicy, network_policy(relay, settings)));
        all.push(child(relay, ChildKind::Deployment, deployment(relay, injection)));
        all.push(child(relay, ChildKind::PodDisruptionBudget, disruption_budget(relay)));
    }
    match (reachability.type_, &reachability.http_route, &reachability.ingress) {
        (ReachabilityType::HttpRoute, Some(route), _) => {
            all.push(child(relay, ChildKind::HttpRoute, http_route(relay, route)));
        }
        (ReachabilityType::Ingress, _, Some(settings)) => {
            let mut made = child(relay, ChildKind::Ingress, ingress(relay, settings));
            annotate(&mut made.manifest, &settings.annotations);
            all.push(made);
        }
        _ => {}
    }
    all
}

fn text(config: &RelayConfig) -> String {
    let mut text = serde_json::to_string_pretty(config).unwrap_or_default();
    text.push('\n');
    text
}

fn name_of(relay: &EventRelay) -> &str {
    relay.metadata.name.as_deref().unwrap_or_default()
}

/// Label selector of a relay's pods, as `scale` shows it.
pub fn selector(relay: &EventRelay) -> String {
    format!("{LABEL}={}", name_of(relay))
}

/// Adds what every child has: name, owner, labels, and the fingerprint of the rest.
fn child(relay: &EventRelay, kind: ChildKind, body: Value) -> ChildWrite {
    let name = relay_child(name_of(relay));
    let mut manifest = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.name(),
        "metadata": {
            "name": name,
            "namespace": relay.metadata.namespace,
            "labels": {
                acs_wire::LABEL_MANAGED_BY: acs_wire::MANAGER,
                "app.kubernetes.io/name": CONTAINER,
                "app.kubernetes.io/instance": name_of(relay),
            },
            "ownerReferences": [{
                "apiVersion": format!("{}/{}", acs_wire::GROUP, acs_wire::VERSION),
                "kind": "EventRelay",
                "name": name_of(relay),
                "uid": relay.metadata.uid,
                "controller": true,
                "blockOwnerDeletion": false,
            }],
        },
    });
    if let (Some(members), Value::Object(body)) = (manifest.as_object_mut(), body) {
        members.extend(body);
    }
    mark(&mut manifest);
    ChildWrite { kind, name, manifest }
}

fn annotate(manifest: &mut Value, annotations: &std::collections::BTreeMap<String, String>) {
    let there = manifest.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(there) = there {
        there.clear();
        there.extend(annotations.iter().map(|(key, value)| (key.clone(), json!(value))));
    }
    mark(manifest);
}

fn mark(manifest: &mut Value) {
    let applied = short_hash(&manifest.to_string());
    let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(ANNOTATION_APPLIED.to_owned(), json!(applied));
    }
}

fn service(relay: &EventRelay) -> Value {
    // A relay beside an app takes events while its app is not ready: it answers 503, and Event Grid keeps them.
    let sidecar = relay.spec.placement.type_ == PlacementType::Sidecar;
    json!({"spec": {
        "type": "ClusterIP",
        "selector": {LABEL: name_of(relay)},
        "publishNotReadyAddresses": sidecar,
        "ports": [{"name": SERVICE_PORT_NAME, "port": SERVICE_PORT, "targetPort": ports::EVENTS, "protocol": "TCP"}],
    }})
}

fn deployment(relay: &EventRelay, injection: &Injection) -> Value {
    let replicas = relay.spec.placement.deployment.as_ref().map_or(2, |deployment| deployment.replicas);
    let labels = json!({
        LABEL: name_of(relay),
        "app.kubernetes.io/name": CONTAINER,
        "app.kubernetes.io/instance": name_of(relay),
    });
    json!({"spec": {
        "replicas": replicas,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": {LABEL: name_of(relay)}},
        // One more pod at first, and none less at any time: events go on being taken.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {
            "metadata": {"labels": labels, "annotations": {ANNOTATION_REVISION: injection.revision}},
            "spec": {
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "terminationGracePeriodSeconds": 40,
                "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                "topologySpreadConstraints": [{
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": {LABEL: name_of(relay)}},
                }],
                "containers": [container(injection)],
                "volumes": injection.volumes,
            },
        },
    }})
}

/// The injected container, as the only one of a pod: it needs no restart policy of its own, and says when it is ready.
fn container(injection: &Injection) -> Value {
    let mut container = injection.container.clone();
    if let Some(members) = container.as_object_mut() {
        members.remove("restartPolicy");
        let get = json!({"path": "/readyz", "port": ports::OPS, "scheme": "HTTP"});
        let probe = json!({"httpGet": get, "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 2});
        members.insert("readinessProbe".to_owned(), probe);
    }
    container
}

fn disruption_budget(relay: &EventRelay) -> Value {
    json!({"spec": {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": {LABEL: name_of(relay)}},
    }})
}

/// Who may reach the relay, and whom it may reach. What it cannot express: host names, so 443 is open to every address; and
/// the kubelet, whose probes every network plugin lets in from its own node.
fn network_policy(relay: &EventRelay, settings: &RelaySettings) -> Value {
    let tcp = |port: u16| json!({"port": port, "protocol": "TCP"});
    let mut away = vec![tcp(443)];
    away.extend(settings.push_endpoint.as_deref().and_then(port_of).filter(|port| *port != 443).map(tcp));
    let operator =
        json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": settings.operator_namespace}}});
    json!({"spec": {
        "podSelector": {"matchLabels": {LABEL: name_of(relay)}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            // From wherever the gateway is.
            {"ports": [tcp(ports::EVENTS)]},
            {"from": [operator], "ports": [tcp(ports::OPS)]},
        ],
        "egress": [
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
            {"ports": away},
            // Targets are Services of this namespace; a policy sees the ports of their pods, which a Service does not name.
            {"to": [{"podSelector": {}}]},
        ],
    }})
}

fn port_of(url: &str) -> Option<u16> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    authority.rsplit_once(':')?.1.parse().ok()
}

fn http_route(relay: &EventRelay, route: &HttpRouteReachability) -> Value {
    let parents: Vec<Value> = route
        .parent_refs
        .iter()
        .map(|parent| {
            let mut members = Map::new();
            members.insert("name".to_owned(), json!(parent.name.0));
            if let Some(namespace) = &parent.namespace {
                members.insert("namespace".to_owned(), json!(namespace.0));
            }
            if let Some(section) = &parent.section_name {
                members.insert("sectionName".to_owned(), json!(section.0));
            }
            Value::Object(members)
        })
        .collect();
    json!({"spec": {
        "parentRefs": parents,
        "hostnames": [route.hostname.0],
        "rules": [{
            "matches": [{"path": {"type": "PathPrefix", "value": paths::EVENTS}}],
            "backendRefs": [{"name": relay_child(name_of(relay)), "port": SERVICE_PORT}],
        }],
    }})
}

fn ingress(relay: &EventRelay, settings: &IngressReachability) -> Value {
    let host = settings.hostname.0.as_str();
    let mut tls = json!({"hosts": [host]});
    if let Some(secret) = &settings.tls_secret_name {
        set(&mut tls, "/secretName", json!(secret.0));
    }
    let backend = json!({"service": {"name": relay_child(name_of(relay)), "port": {"name": SERVICE_PORT_NAME}}});
    let mut spec = json!({
        "tls": [tls],
        "rules": [{"host": host, "http": {"paths": [{"path": paths::EVENTS, "pathType": "Prefix", "backend": backend}]}}],
    });
    if let Some(class) = &settings.class_name {
        set(&mut spec, "/ingressClassName", json!(class.0));
    }
    json!({"spec": spec})
}

#[cfg(test)]
mod tests;
