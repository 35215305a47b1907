//! What is made for a relay beside Secrets: how it is named, written, and compared with what is there.

use serde_json::Value;

/// Annotation with the fingerprint of what was applied last.
pub const ANNOTATION_APPLIED: &str = "acs-operator.dev/applied";

/// The closed list of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the kinds of Kubernetes and Gateway API")]
pub enum ChildKind {
    ConfigMap,
    Service,
    Deployment,
    PodDisruptionBudget,
    NetworkPolicy,
    HttpRoute,
    Ingress,
}

impl ChildKind {
    /// Every kind, in the order in which they are applied: a Deployment's pods mount the ConfigMap.
    pub const ALL: [ChildKind; 7] = [
        ChildKind::ConfigMap,
        ChildKind::Service,
        ChildKind::NetworkPolicy,
        ChildKind::Deployment,
        ChildKind::PodDisruptionBudget,
        ChildKind::HttpRoute,
        ChildKind::Ingress,
    ];

    /// As in `kind:`.
    pub fn name(self) -> &'static str {
        match self {
            ChildKind::ConfigMap => "ConfigMap",
            ChildKind::Service => "Service",
            ChildKind::Deployment => "Deployment",
            ChildKind::PodDisruptionBudget => "PodDisruptionBudget",
            ChildKind::NetworkPolicy => "NetworkPolicy",
            ChildKind::HttpRoute => "HTTPRoute",
            ChildKind::Ingress => "Ingress",
        }
    }

    /// As in API paths.
    pub fn plural(self) -> &'static str {
        match self {
            ChildKind::ConfigMap => "configmaps",
            ChildKind::Service => "services",
            ChildKind::Deployment => "deployments",
            ChildKind::PodDisruptionBudget => "poddisruptionbudgets",
            ChildKind::NetworkPolicy => "networkpolicies",
            ChildKind::HttpRoute => "httproutes",
            ChildKind::Ingress => "ingresses",
        }
    }

    /// API group; empty for the core's.
    pub fn group(self) -> &'static str {
        match self {
            ChildKind::ConfigMap | ChildKind::Service => "",
            ChildKind::Deployment => "apps",
            ChildKind::PodDisruptionBudget => "policy",
            ChildKind::NetworkPolicy | ChildKind::Ingress => "networking.k8s.io",
            ChildKind::HttpRoute => "gateway.networking.k8s.io",
        }
    }

    /// As in `apiVersion:`.
    pub fn api_version(self) -> String {
        match self.group() {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        }
    }
}

impl std::fmt::Display for ChildKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A child as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildWrite {
    /// Kind.
    pub kind: ChildKind,
    /// Name.
    pub name: String,
    /// Whole manifest, with owner and [`ANNOTATION_APPLIED`]. It holds no secret.
    pub manifest: Value,
}

/// A child as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChildView {
    /// uid of the object of ours that owns it, if one does.
    pub owner_uid: Option<String>,
    /// Its own uid.
    pub uid: String,
    /// True once deletion was asked for.
    pub deleting: bool,
    /// All of it.
    pub body: Value,
}

/// What was found where a child should be.
#[derive(Clone, Debug, PartialEq)]
pub enum ChildFound {
    /// Nothing.
    Absent,
    /// The cluster does not know the kind.
    UnknownKind,
    /// An object.
    Present(Box<ChildView>),
}

impl ChildWrite {
    /// True if what is there is as written: applied by us, and not changed in what we wrote.
    pub fn is_as_written(&self, live: &Value) -> bool {
        let mark = |object: &Value| {
            object.pointer("/metadata/annotations").and_then(|all| all.get(ANNOTATION_APPLIED)).cloned()
        };
        mark(live) == mark(&self.manifest) && contains(live, &self.manifest)
    }
}

/// True if every value that is wanted is there. What else is there was filled in by the API server or by others.
fn contains(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted.iter().all(|(key, value)| match there.get(key) {
            Some(found) => contains(found, value),
            None => is_empty(value),
        }),
        (Value::Array(there), Value::Array(wanted)) => {
            there.len() == wanted.len() && there.iter().zip(wanted).all(|(there, wanted)| contains(there, wanted))
        }
        (Value::String(there), Value::String(wanted)) => {
            there == wanted || (quantity(there).is_some() && quantity(there) == quantity(wanted))
        }
        _ => there == wanted,
    }
}

/// The API server leaves such values out when read back.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// Amounts are written back in another form: `0.5` of CPU as `500m`. In thousandths.
fn quantity(text: &str) -> Option<u128> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u128 = match unit {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let scale = 10_u128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let whole: u128 = whole.parse().ok()?;
    let part: u128 = if part.is_empty() { 0 } else { part.parse().ok()? };
    whole.checked_mul(scale)?.checked_add(part)?.checked_mul(factor)?.checked_div(scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn write(spec: Value) -> ChildWrite {
        let manifest = json!({"metadata": {"annotations": {ANNOTATION_APPLIED: "a"}}, "spec": spec});
        ChildWrite { kind: ChildKind::Service, name: "x".to_owned(), manifest }
    }

    #[test]
    fn what_the_server_fills_in_is_no_difference() {
        let wanted = write(json!({"ports": [{"port": 80}], "publish": false, "cpu": "0.5", "memory": "64Mi"}));
        let mut live = wanted.manifest.clone();
        live["spec"] = json!({"ports": [{"port": 80, "protocol": "TCP"}], "clusterIP": "10.0.0.1", "cpu": "500m", "memory": "64Mi"});
        live["metadata"]["uid"] = json!("u");
        assert!(wanted.is_as_written(&live));
    }

    #[test]
    fn what_someone_changed_is_a_difference() {
        let wanted = write(json!({"ports": [{"port": 80}]}));
        for spec in [json!({"ports": [{"port": 81}]}), json!({"ports": []}), json!({})] {
            let mut live = wanted.manifest.clone();
            live["spec"] = spec;
            assert!(!wanted.is_as_written(&live), "{live}");
        }
        let mut earlier = wanted.manifest.clone();
        earlier["metadata"]["annotations"][ANNOTATION_APPLIED] = json!("b");
        assert!(!wanted.is_as_written(&earlier));
    }

    #[test]
    fn amounts_compare_by_what_they_mean() {
        for (one, other) in [("1", "1000m"), ("0.1", "100m"), ("1Gi", "1024Mi"), ("1M", "1000k")] {
            assert_eq!(quantity(one), quantity(other), "{one} {other}");
        }
        assert_ne!(quantity("1M"), quantity("1Mi"));
        assert_eq!(quantity("abc"), None);
        assert_eq!(quantity("99999999999999999999999999999999999999999"), None);
    }
}
