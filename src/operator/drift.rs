//! Drift of services, links included, by listing: one read for a whole resource group, where reading each service would take
//! the read budget of the subscription. A service that reads differently from last time gets a pass.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use acs_core::azure::COMMUNICATION_API;
use acs_core::azure::call::Access;
use acs_core::kinds::{Kind, Object, ObjectRef};
use acs_core::plan::access_of;
use serde_json::Value;

use crate::azure::ArmClient;
use crate::kubernetes::lease::Leadership;
use crate::kubernetes::watch::Cache;
use crate::queue::Wakes;

/// A resource group, as one account sees it.
type Place = (Access, String);

/// Looks at every service that is ours, again and again.
pub struct DriftWatch {
    /// Client of ARM.
    pub arm: Arc<ArmClient>,
    /// What the watches know.
    pub cache: Cache,
    /// Wakes passes.
    pub wakes: Wakes,
    /// Only a leader looks.
    pub leadership: Arc<Leadership>,
}

impl DriftWatch {
    /// Lists once in every `period`.
    pub async fn run(self, period: Duration) {
        let mut seen: BTreeMap<ObjectRef, u64> = BTreeMap::new();
        loop {
            tokio::time::sleep(period).await;
            if self.leadership.term().is_none() {
                continue;
            }
            let places = self.places();
            seen.retain(|object, _| places.values().any(|services| services.iter().any(|(_, name)| name == object)));
            for ((access, group), services) in &places {
                self.compare(access, group, services, &mut seen).await;
            }
        }
    }

    /// Services that were provisioned, by where they are; with their ARM ids in lower case.
    fn places(&self) -> BTreeMap<Place, Vec<(String, ObjectRef)>> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let mut places: BTreeMap<Place, Vec<(String, ObjectRef)>> = BTreeMap::new();
        for name in cache.names().filter(|name| name.kind == Kind::CommunicationService) {
            let Some(Object::CommunicationService(service)) = cache.get(name).map(AsRef::as_ref) else { continue };
            let id = service.status.as_ref().and_then(|status| status.common.azure_resource_id.as_deref());
            let Some(id) = id.filter(|_| service.metadata.deletion_timestamp.is_none()) else { continue };
            let account = service.spec.account_ref.as_ref().map_or("default", |account| &account.name.0);
            let account = ObjectRef::new(Kind::AzureAccount, &name.namespace, account);
            let Some(Object::AzureAccount(account)) = cache.get(&account).map(AsRef::as_ref) else { continue };
            let Some((group, _)) = id.split_once("/providers/") else { continue };
            let place = (access_of(account), group.to_owned());
            places.entry(place).or_default().push((id.to_ascii_lowercase(), name.clone()));
        }
        places
    }

    async fn compare(
        &self,
        access: &Access,
        group: &str,
        services: &[(String, ObjectRef)],
        seen: &mut BTreeMap<ObjectRef, u64>,
    ) {
        let path = format!("{group}/providers/Microsoft.Communication/communicationServices");
        let list = match self.arm.list(access, &path, COMMUNICATION_API).await {
            Ok(reply) => reply.body,
            // Each service's own pass meets the same trouble and says so in its status.
            Err(error) => return tracing::debug!(code = error.code, "cannot list services for drift"),
        };
        let items = list.at("/value").and_then(Value::as_array);
        let found: BTreeMap<String, u64> = items.into_iter().flatten().filter_map(digest).collect();
        let mut changed = Vec::new();
        for (id, name) in services {
            let now = found.get(id).copied().unwrap_or(UNLISTED);
            if differs(seen.insert(name.clone(), now), now) {
                changed.push(name.clone());
            }
        }
        self.wakes.changed(changed);
    }
}

/// The digest of a service that the list does not hold.
const UNLISTED: u64 = 0;

/// Whether a service needs a pass. One that is missing at first sight went between its last pass and this list: taken for how
/// things are, that would wait for the slow reads of all.
fn differs(before: Option<u64>, now: u64) -> bool {
    before.map_or(now == UNLISTED, |before| before != now)
}

fn digest(service: &Value) -> Option<(String, u64)> {
    let id = service.get("id")?.as_str()?.to_ascii_lowercase();
    let mut hash = DefaultHasher::new();
    for member in ["tags", "properties", "identity"] {
        service.get(member).map(Value::to_string).hash(&mut hash);
    }
    Some((id, hash.finish().max(UNLISTED + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_service_that_is_missing_gets_one_pass_at_first_sight_too() {
        assert!(
            differs(None, UNLISTED) && differs(Some(7), UNLISTED) && differs(Some(7), 8) && differs(Some(UNLISTED), 7)
        );
        assert!(!differs(None, 7) && !differs(Some(7), 7) && !differs(Some(UNLISTED), UNLISTED));
    }

    #[test]
    fn a_digest_changes_with_link_and_tags_and_not_with_who_wrote_last() {
        let service = |hub: &str, tag: &str, by: &str| {
            let body = json!({"id": "/A/b", "tags": {"t": tag}, "properties": {"notificationHubId": hub},
                              "systemData": {"lastModifiedBy": by}});
            digest(&body).unwrap()
        };
        let one = service("h", "1", "me");
        assert_eq!(one.0, "/a/b");
        assert_eq!(one, service("h", "1", "you"));
        assert_ne!(one, service("other", "1", "me"));
        assert_ne!(one, service("h", "2", "me"));
    }
}
