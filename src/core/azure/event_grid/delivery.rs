//! How long Event Grid tries, where undelivered events go, and when all of it ends: as ARM takes it.

use serde_json::{Value, json};

use super::{absent, field, identity};
use crate::azure::descriptor::{Compare, Field};
use crate::kinds::subscription::{DeadLetter, EventSubscriptionSpec};

const PLAIN: &str = "/properties/deadLetterDestination";
const BY_IDENTITY: &str = "/properties/deadLetterWithResourceIdentity";
const EXPIRATION: &str = "/properties/expirationTimeUtc";

pub(super) fn fields(spec: &EventSubscriptionSpec) -> Vec<Field> {
    let policy = spec.retry_policy.clone().unwrap_or_default();
    // Azure's defaults (documented); it shows them where nothing was said (recorded).
    let policy = json!({
        "maxDeliveryAttempts": policy.max_delivery_attempts.unwrap_or(30),
        "eventTimeToLiveInMinutes": policy.event_time_to_live_minutes.unwrap_or(1440),
    });
    let mut fields = vec![field("/properties/retryPolicy", policy, Compare::Within, true)];
    let store = spec.dead_letter.as_ref().map(dead_letter);
    fields.extend(match (store, spec.dead_letter.as_ref().and_then(|letter| letter.identity.as_ref())) {
        (None, _) => [absent(PLAIN), absent(BY_IDENTITY)],
        (Some(store), None) => [field(PLAIN, store, Compare::Within, true), absent(BY_IDENTITY)],
        (Some(store), Some(who)) => {
            let store = json!({"identity": identity(who), "deadLetterDestination": store});
            [field(BY_IDENTITY, store, Compare::Within, true), absent(PLAIN)]
        }
    });
    fields.push(match &spec.expiration_time {
        Some(time) => field(EXPIRATION, json!(time.0), Compare::Instant, true),
        None => absent(EXPIRATION),
    });
    fields
}

fn dead_letter(letter: &DeadLetter) -> Value {
    let blob = letter.storage_blob.as_ref();
    json!({"endpointType": "StorageBlob", "properties": {
        "resourceId": blob.map(|blob| blob.resource_id.0.as_str()),
        "blobContainerName": blob.map(|blob| blob.container_name.0.as_str()),
    }})
}
