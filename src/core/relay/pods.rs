//! Pods of a relay: which of them take deliveries, and whether they are in step with what is wanted.

use std::collections::BTreeMap;

use acs_wire::relay::report::RelayReport;

use crate::kinds::relay::{PlacementType, PodsStatus};

/// A pod that carries the relay's label, as decisions see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodView {
    /// Name.
    pub name: String,
    /// Address of the pod, once it has one.
    pub address: Option<String>,
    /// True once deletion was asked for.
    pub deleting: bool,
    /// True when all of its containers have ended for good.
    pub finished: bool,
    /// Its condition Ready.
    pub ready: bool,
    /// True if a container of the relay's name is in it.
    pub has_relay: bool,
    /// Whether that container has started, as far as the kubelet has said.
    pub relay_started: Option<bool>,
    /// Revision of container and volumes that it was made with.
    pub revision: Option<String>,
}

/// What relays said of themselves, or why they did not, by address.
pub type Reports = BTreeMap<String, Result<RelayReport, String>>;

/// The pods that count: those that end are left out.
pub struct Crew<'a> {
    pods: Vec<&'a PodView>,
    placement: PlacementType,
}

impl<'a> Crew<'a> {
    /// Of all pods with the label.
    pub fn of(pods: &'a [PodView], placement: PlacementType) -> Self {
        Self { pods: pods.iter().filter(|pod| !pod.deleting && !pod.finished).collect(), placement }
    }

    /// Pods that deliveries may reach. A sidecar's Service publishes addresses that are not ready: its app is not asked.
    pub fn serving(&self) -> impl Iterator<Item = (&'a PodView, &'a str)> {
        let own = self.placement == PlacementType::Deployment;
        self.pods.iter().filter_map(move |pod| {
            let started = pod.relay_started.unwrap_or(pod.ready);
            let serves = pod.has_relay && started && (pod.ready || !own);
            Some((*pod, pod.address.as_deref()?)).filter(|_| serves)
        })
    }

    /// Addresses of those pods, sorted.
    pub fn addresses(&self) -> Vec<String> {
        let mut all: Vec<String> = self.serving().map(|(_, address)| address.to_owned()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// True if there is a pod at all, with a relay or without.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// Pods with a relay in them.
    pub fn with_relay(&self) -> impl Iterator<Item = &'a PodView> {
        self.pods.iter().copied().filter(|pod| pod.has_relay)
    }

    /// Labelled pods without one.
    pub fn missing(&self) -> impl Iterator<Item = &'a PodView> {
        self.pods.iter().copied().filter(|pod| !pod.has_relay)
    }

    /// How many are how. `in_step` is what counts as ready.
    pub fn counts(&self, revision: &str, in_step: usize) -> PodsStatus {
        let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        let current = self.with_relay().filter(|pod| pod.revision.as_deref() == Some(revision)).count();
        let all = self.with_relay().count();
        PodsStatus {
            ready: count(in_step),
            current: count(current),
            outdated: count(all - current),
            missing: count(self.missing().count()),
        }
    }
}

/// What every relay has to have loaded.
pub struct Wanted<'a> {
    /// Name of the relay.
    pub relay: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Revision of the configuration.
    pub revision: &'a str,
    /// Fingerprint of the key in use.
    pub key: &'a str,
}

/// How a relay is not as it should be; `None` if it is. In words that follow the pod's name.
pub fn out_of_step(report: &RelayReport, wanted: &Wanted<'_>) -> Option<String> {
    let because = || report.problems.first().map(|text| format!(": {}", sentence(text))).unwrap_or_default();
    if report.revision != wanted.revision {
        return Some(format!("has not loaded the configuration yet{}", because()));
    }
    if !knows(report, wanted.key) {
        return Some(format!("has not loaded the delivery key yet{}", because()));
    }
    (!report.accepting).then(|| format!("takes no events{}", because()))
}

/// True if a relay takes deliveries with that key.
pub fn knows(report: &RelayReport, key: &str) -> bool {
    report.delivery_keys.iter().any(|known| known == key)
}

/// What was said by another program is bounded before it goes into a condition.
fn sentence(text: &str) -> String {
    let line = crate::azure::error::one_line(text);
    line.chars().take(200).collect()
}

/// Event subscriptions that every one of those relays lets in, of those asked for; none if there is no relay, or one is silent.
pub fn let_in_by_all(names: &[String], reports: &Reports, key: &str) -> Vec<String> {
    let all: Option<Vec<&RelayReport>> = reports.values().map(|report| report.as_ref().ok()).collect();
    let all = all.unwrap_or_default();
    if all.is_empty() || !all.iter().all(|report| report.accepting && knows(report, key)) {
        return Vec::new();
    }
    let lets_in = |report: &RelayReport, name: &str| report.subscriptions.iter().any(|s| s.eq_ignore_ascii_case(name));
    names.iter().filter(|name| all.iter().all(|report| lets_in(report, name))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, ready: bool) -> PodView {
        PodView {
            name: name.to_owned(),
            address: Some(format!("10.0.0.{}", name.len())),
            ready,
            has_relay: true,
            revision: Some("r1".to_owned()),
            ..PodView::default()
        }
    }

    #[test]
    fn a_sidecar_serves_while_its_app_is_not_ready_and_a_pod_of_its_own_does_not() {
        let not_ready = [PodView { relay_started: Some(true), ..pod("a", false) }];
        assert_eq!(Crew::of(&not_ready, PlacementType::Sidecar).addresses(), ["10.0.0.1"]);
        assert!(Crew::of(&not_ready, PlacementType::Deployment).addresses().is_empty());
        let starting = [PodView { relay_started: Some(false), ..pod("a", true) }];
        assert!(Crew::of(&starting, PlacementType::Sidecar).addresses().is_empty());
    }

    #[test]
    fn pods_that_end_count_nowhere() {
        let pods = [
            PodView { deleting: true, ..pod("a", true) },
            PodView { finished: true, ..pod("bb", true) },
            PodView { revision: Some("r0".to_owned()), ..pod("ccc", true) },
            PodView { has_relay: false, ..pod("dddd", true) },
            pod("eeeee", true),
        ];
        let crew = Crew::of(&pods, PlacementType::Sidecar);
        let expected = PodsStatus { ready: 1, current: 1, outdated: 1, missing: 1 };
        assert_eq!(crew.counts("r1", 1), expected);
        assert_eq!(crew.addresses(), ["10.0.0.3", "10.0.0.5"]);
    }

    #[test]
    fn only_what_every_relay_lets_in_with_the_key_in_use_can_be_delivered() {
        let report = |names: &[&str], keys: &[&str]| {
            Ok(RelayReport {
                accepting: true,
                subscriptions: names.iter().map(|name| (*name).to_owned()).collect(),
                delivery_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
                ..RelayReport::default()
            })
        };
        let names = ["one".to_owned(), "two".to_owned()];
        let both = |other: Result<RelayReport, String>| {
            Reports::from([("a".to_owned(), report(&["ONE", "two"], &["k"])), ("b".to_owned(), other)])
        };
        assert_eq!(let_in_by_all(&names, &both(report(&["one"], &["k"])), "k"), ["one"]);
        assert!(let_in_by_all(&names, &both(report(&["one"], &["old"])), "k").is_empty());
        assert!(let_in_by_all(&names, &both(Err("silent".to_owned())), "k").is_empty());
        assert!(let_in_by_all(&names, &Reports::new(), "k").is_empty());
    }
}
