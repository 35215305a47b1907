//! Communication Services: the resource, and the call that links it to a hub.

use serde_json::{Value, json};

use super::COMMUNICATION_API;
use super::call::Access;
use super::descriptor::{Compare, Descriptor, Field, Mark, Update};
use super::id::ArmId;
use crate::kinds::common::Tags;
use crate::names::Owner;

/// Id of a Communication Services resource.
pub fn service_id(group: &ArmId, name: &str) -> ArmId {
    group.provider("Microsoft.Communication", "communicationServices", name)
}

/// A Communication Services resource. PUT takes 30-90 s by its operation, but the resource itself says `Succeeded` after
/// about 15 s (recorded), so the resource is what is watched.
pub fn service(access: &Access, id: ArmId, owner: &Owner, data_location: &str, tags: &Tags) -> Descriptor {
    Descriptor {
        step: "Service".to_owned(),
        words: "Communication Services resource",
        access: access.clone(),
        id,
        api_version: COMMUNICATION_API,
        base: json!({"location": "global"}),
        fields: vec![
            Field {
                path: "/properties/dataLocation",
                want: json!(data_location),
                compare: Compare::IgnoreCase,
                mutable: false,
            },
            tags_field(tags),
        ],
        update: Update::Patch,
        mark: Mark::Tags,
        owner: owner.clone(),
        typical: 15_000,
        unseen: None,
    }
}

/// The tags of a spec, as a field of which only our entries are compared.
pub fn tags_field(tags: &Tags) -> Field {
    Field {
        path: "/tags",
        want: tags.iter().map(|(key, value)| (key.clone(), json!(value.0))).collect::<serde_json::Map<_, _>>().into(),
        compare: Compare::Contains,
        mutable: true,
    }
}

/// Body of `linkNotificationHub`. Azure checks neither hub nor key: a 200 proves nothing.
pub fn link_body(hub: &ArmId, connection_string: &str) -> Value {
    json!({"resourceId": hub.as_str(), "connectionString": connection_string})
}
