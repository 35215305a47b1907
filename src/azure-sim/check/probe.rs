//! What is asked. Methods, paths and versions come from the simulator's own table of operations.

use serde_json::{Value, json};

use super::side::Variables;
use crate::model::{Operation, operations};

/// Something to find out, by requests one after the other.
pub(super) struct Probe {
    pub(super) name: &'static str,
    pub(super) steps: Vec<Step>,
}

/// Which `api-version` is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Newest,
    Absent,
    Given(&'static str),
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    Token,
    Absent,
    Nonsense,
}

/// One request, and what of its answer counts.
pub(super) struct Step {
    asked: Asked,
    version: Version,
    pub(super) title: Option<&'static str>,
    pub(super) proof: Proof,
    pub(super) body: Option<Value>,
    fill: &'static [(&'static str, &'static str)],
    /// Pointers into the body whose values must be equal, beside the codes of errors.
    pub(super) equal: &'static [&'static str],
    /// A variable for later steps, and where its value is.
    pub(super) keep: Option<(&'static str, &'static str)>,
    /// Repeated until the resource has settled.
    pub(super) settles: bool,
    /// Whether it counts how long that takes.
    pub(super) timed: bool,
}

enum Asked {
    Operation(Operation),
    /// No operation at all: method, path.
    Odd(&'static str, &'static str),
}

/// A request as it is sent, but for host and token.
pub(super) struct Sent {
    pub(super) method: String,
    /// Path and query, or a whole URL that an answer named.
    pub(super) target: String,
    pub(super) to_entra: bool,
    pub(super) proof: Proof,
    pub(super) body: Option<Value>,
}

impl Step {
    /// An operation of the table. One that is not there any more is asked as an empty path, which both sides refuse.
    pub(super) fn of(name: &str) -> Self {
        let found = operations().into_iter().find(|operation| operation.name == name);
        Self::asking(found.map_or(Asked::Odd("GET", "/"), Asked::Operation))
    }

    /// Something that no table has.
    pub(super) fn odd(method: &'static str, path: &'static str) -> Self {
        Self::asking(Asked::Odd(method, path))
    }

    fn asking(asked: Asked) -> Self {
        Self {
            asked,
            version: Version::Newest,
            title: None,
            proof: Proof::Token,
            body: None,
            fill: &[],
            equal: &[],
            keep: None,
            settles: false,
            timed: true,
        }
    }

    pub(super) fn titled(self, title: &'static str) -> Self {
        Self { title: Some(title), ..self }
    }

    pub(super) fn version(self, version: Version) -> Self {
        Self { version, ..self }
    }

    pub(super) fn proof(self, proof: Proof) -> Self {
        Self { proof, ..self }
    }

    pub(super) fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    pub(super) fn with(self, fill: &'static [(&'static str, &'static str)]) -> Self {
        Self { fill, ..self }
    }

    pub(super) fn equal(self, equal: &'static [&'static str]) -> Self {
        Self { equal, ..self }
    }

    pub(super) fn keep(self, variable: &'static str, pointer: &'static str) -> Self {
        Self { keep: Some((variable, pointer)), ..self }
    }

    pub(super) fn settles(self) -> Self {
        Self { settles: true, ..self }
    }

    /// How long it takes is up to somebody else.
    pub(super) fn untimed(self) -> Self {
        Self { timed: false, ..self }
    }

    pub(super) fn operation(&self) -> &'static str {
        match &self.asked {
            Asked::Operation(operation) => operation.name,
            Asked::Odd(_, path) => path,
        }
    }

    pub(super) fn method(&self) -> &'static str {
        match &self.asked {
            Asked::Operation(operation) => operation.method,
            Asked::Odd(method, _) => method,
        }
    }

    /// Whether it can change nothing.
    pub(super) fn only_reads(&self) -> bool {
        matches!(self.method(), "GET" | "HEAD") || self.operation().contains("Availability")
    }

    /// The request, with variables in place of the placeholders of path and body.
    pub(super) fn sent(&self, variables: &Variables) -> Sent {
        let (path, newest, provider) = match &self.asked {
            Asked::Operation(operation) => (operation.path, operation.versions.last().copied(), operation.provider),
            Asked::Odd(_, path) => (*path, Some("2024-01-01"), ""),
        };
        let version = match self.version {
            Version::Newest => newest,
            Version::Absent => None,
            Version::Given(version) => Some(version),
        };
        let mut variables = variables.clone();
        variables.extend(self.fill.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let query = version.map(|version| format!("?api-version={version}")).unwrap_or_default();
        Sent {
            method: self.method().to_owned(),
            target: filled(path, &variables) + &query,
            to_entra: provider == "Entra",
            proof: if provider == "Entra" { Proof::Absent } else { self.proof },
            body: self.body.as_ref().map(|body| filled_in(body, &variables)),
        }
    }
}

fn filled(text: &str, variables: &Variables) -> String {
    variables.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

fn filled_in(body: &Value, variables: &Variables) -> Value {
    match body {
        Value::String(text) => Value::String(filled(text, variables)),
        Value::Array(items) => items.iter().map(|item| filled_in(item, variables)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), filled_in(member, variables))).collect()
        }
        other => other.clone(),
    }
}

/// Probes that change nothing anywhere.
pub(super) fn read_only(tenant: bool) -> Vec<Probe> {
    let mut all = vec![
        Probe {
            name: "subscription",
            steps: vec![
                Step::of("Subscriptions_Get").equal(&["/subscriptionId", "/state"]),
                Step::of("Subscriptions_List"),
            ],
        },
        Probe {
            name: "providers",
            steps: ["Microsoft.Communication", "Microsoft.NotificationHubs", "Microsoft.EventGrid"]
                .map(provider)
                .into(),
        },
        Probe { name: "lists", steps: lists() },
        Probe { name: "names", steps: names() },
        Probe { name: "what is not there", steps: missing() },
        Probe { name: "versions", steps: versions() },
        Probe {
            name: "tokens",
            steps: vec![
                Step::of("Subscriptions_Get").proof(Proof::Absent).titled("no token"),
                Step::of("Subscriptions_Get").proof(Proof::Nonsense).titled("no token at all"),
            ],
        },
    ];
    if tenant {
        let steps = vec![
            Step::of("OpenIdConfiguration_GetV2"),
            Step::of("OpenIdConfiguration_GetV1"),
            Step::of("SigningKeys_ListV2"),
        ];
        all.push(Probe { name: "Entra's documents", steps });
    }
    all
}

fn provider(name: &'static str) -> Step {
    let fill: &'static [(&str, &str)] = match name {
        "Microsoft.Communication" => &[("resourceProviderNamespace", "Microsoft.Communication")],
        "Microsoft.NotificationHubs" => &[("resourceProviderNamespace", "Microsoft.NotificationHubs")],
        _ => &[("resourceProviderNamespace", "Microsoft.EventGrid")],
    };
    Step::of("Providers_Get").with(fill).titled(name).equal(&["/registrationState"])
}

fn lists() -> Vec<Step> {
    [
        "ResourceGroups_List",
        "CommunicationServices_ListBySubscription",
        "Namespaces_ListAll",
        "SystemTopics_ListBySubscription",
    ]
    .map(Step::of)
    .into()
}

fn names() -> Vec<Step> {
    let service =
        json!({"name": "acs-check-nobody-has-this-4711", "type": "Microsoft.Communication/CommunicationServices"});
    let bad = json!({"name": "not a name", "type": "Microsoft.Communication/CommunicationServices"});
    let namespace = json!({"name": "acs-check-nobody-has-this-4711"});
    vec![
        Step::of("CommunicationServices_CheckNameAvailability").body(service).titled("free").equal(&["/nameAvailable"]),
        Step::of("CommunicationServices_CheckNameAvailability")
            .body(bad)
            .titled("no name")
            .equal(&["/nameAvailable", "/reason"]),
        Step::of("Namespaces_CheckAvailability").body(namespace).titled("free").equal(&["/isAvailiable"]),
    ]
}

fn missing() -> Vec<Step> {
    vec![
        Step::of("ResourceGroups_Get").titled("no such group"),
        Step::of("CommunicationServices_Get").titled("no such group"),
        Step::of("Namespaces_Get").titled("no such group"),
        Step::of("SystemTopics_Get").titled("no such group"),
        Step::of("Subscriptions_Get")
            .with(&[("subscriptionId", "00000000-0000-4000-8000-000000000000")])
            .titled("no such subscription"),
        Step::of("Subscriptions_Get").with(&[("subscriptionId", "not-a-guid")]).titled("no GUID"),
        Step::odd("GET", "/subscriptions/{subscriptionId}/providers/Microsoft.NoSuchProvider/things"),
    ]
}

fn versions() -> Vec<Step> {
    vec![
        Step::of("CommunicationServices_ListBySubscription").version(Version::Absent).titled("none"),
        Step::of("CommunicationServices_ListBySubscription").version(Version::Given("2001-01-01")).titled("unknown"),
        Step::of("SystemTopics_ListBySubscription").version(Version::Given("2001-01-01")).titled("unknown"),
        Step::of("Namespaces_ListAll").version(Version::Given("2001-01-01")).titled("unknown"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_is_asked_is_in_the_table_and_reading_probes_only_read() {
        let writing = super::super::throwaway::probes("westeurope", "1");
        let reading = read_only(true);
        for step in reading.iter().chain(&writing).flat_map(|probe| &probe.steps) {
            assert_ne!(step.operation(), "/", "an operation is not in the table");
        }
        // Recordings and files of known differences find a step by its name.
        let names = |probe: &Probe| probe.steps.iter().map(|step| (probe.name, step.name())).collect::<Vec<_>>();
        let all: Vec<_> = reading.iter().chain(&writing).flat_map(names).collect();
        let once: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(once.len(), all.len(), "two steps have one name: {all:?}");
        for step in reading.iter().flat_map(|probe| &probe.steps) {
            assert!(step.only_reads(), "{}", step.operation());
        }
        assert!(writing.iter().flat_map(|probe| &probe.steps).any(|step| !step.only_reads()));
    }
}
