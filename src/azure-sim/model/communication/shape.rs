//! What each version knows of a service: what came later is neither written by its clients nor shown to them.

use serde_json::Value;

use super::super::json;

/// Members and the version they came with (specifications; for `identity` and `linkedDomains` 2023-04-01 has them and
/// 2020-08-20 has not, and 2023-03-31 is taken to be like its successor (unverified)).
const SINCE: [(&[&str], &str); 5] = [
    (&["systemData"], "2020-08-20"),
    (&["identity"], "2023-03-31"),
    (&["properties", "linkedDomains"], "2023-03-31"),
    (&["properties", "publicNetworkAccess"], "2025-05-01"),
    (&["properties", "disableLocalAuth"], "2025-05-01"),
];

/// A preview comes before the stable version of its day.
fn order(version: &str) -> (&str, bool) {
    let stable = !version.ends_with("-preview");
    (version.strip_suffix("-preview").unwrap_or(version), stable)
}

/// Whether a version has a member.
pub(super) fn knows(version: &str, path: &[&str]) -> bool {
    SINCE.iter().all(|(member, since)| *member != path || order(version) >= order(since))
}

/// A service as a version shows it.
pub(crate) fn in_version(body: &Value, version: &str) -> Value {
    let mut shown = body.clone();
    for (member, _) in SINCE.iter().filter(|(member, _)| !knows(version, member)) {
        json::remove(&mut shown, member);
    }
    shown
}
